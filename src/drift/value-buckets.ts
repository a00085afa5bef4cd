/**
 * Buckets of doubles that follow the data: every double belongs to one of 65,536 cells by its sign, exponent and first four bits of
 * its mantissa, and a cell that holds many values is cut into up to 65,536 buckets of equal width by the sixteen bits behind those.
 * A value's bucket costs two look-ups, whatever the distribution, and the order of buckets is that of their values. Only how
 * evenly they are filled depends on the sample: figures that need more than a bucket's count look into the bucket.
 */
export interface BucketLayout {
  /** Buckets in all, those of cells that are not cut included. */
  readonly buckets: number;
  /** [65536] the first bucket of a cell */
  readonly first: Int32Array;
  /** [65536] how many of the sixteen bits do not count: 16 where the cell is one bucket */
  readonly shift: Uint8Array;
  /** [buckets + 1] Bucket b holds the numbers from edges[b] up to, without, edges[b + 1]. Ascending, infinities where numbers end. */
  readonly edges: Float64Array;
  /** [buckets] the distance of two neighbouring doubles in it, the same within a cell */
  readonly spacing: Float64Array;
}

/** What makes a layout: the cells that are cut, and by how many bits. */
export interface CutCells {
  readonly cells: readonly number[];
  /** 1 to 16 each, as long as `cells`. */
  readonly bits: readonly number[];
}

const CELLS = 65_536;
const CELL_BITS = 16;
/** The bits of a negative double, read as an integer, run against its order. */
const ALL_BUT_SIGN = 0x7fffffff;
const CELL_OF_ZERO = 0x8000;
/** Upper word of −0 and of the smallest negative numbers. */
const MINUS_ZERO = -0x80000000;
const MANTISSA_BITS = 52;
const EXPONENT_BIAS = 1_023;
/** Buckets that share the sample, beside those of cells that are not cut. */
export const TARGET_BUCKETS = 16_384;

/**
 * Cuts the cells so that each bucket holds about one in {@link TARGET_BUCKETS} of the values.
 * @param sample of the values to come, the larger the more even; what is not finite does not count
 */
export function layoutFor(sample: Float64Array): BucketLayout {
  const counts = new Uint32Array(CELLS);
  const words = wordsOf(sample);
  let finite = 0;
  for (let index = 0; index < sample.length; index++) {
    if (!Number.isFinite(sample[index])) continue;
    counts[cellOf(orderedWord(words[2 * index + 1]!))]! += 1;
    finite += 1;
  }
  const cells: number[] = [];
  const bits: number[] = [];
  counts.forEach((count, cell) => {
    const wanted = Math.min(CELL_BITS, Math.ceil(Math.log2((count / finite) * TARGET_BUCKETS)));
    if (count === 0 || wanted < 1) return;
    cells.push(cell);
    bits.push(wanted);
  });
  return layoutOf({ cells, bits });
}

/** The layout with these cells cut. @throws RangeError for cells or bits that cannot be */
export function layoutOf({ cells, bits }: CutCells): BucketLayout {
  const shift = new Uint8Array(CELLS).fill(CELL_BITS);
  cells.forEach((cell, index) => {
    const cut = bits[index] ?? 0;
    if (!(Number.isInteger(cell) && cell >= 0 && cell < CELLS && Number.isInteger(cut) && cut >= 1 && cut <= CELL_BITS)) throw new RangeError(`cell ${cell} cannot be cut by ${cut} bits`);
    shift[cell] = CELL_BITS - cut;
  });
  const first = new Int32Array(CELLS);
  let buckets = 0;
  for (let cell = 0; cell < CELLS; cell++) {
    first[cell] = buckets;
    buckets += 1 << (CELL_BITS - shift[cell]!);
  }
  return { buckets, first, shift, ...edgesOf(buckets, first, shift) };
}

/** The other way round: what is kept of a layout. */
export function cutCellsOf({ shift }: BucketLayout): CutCells {
  const cells = [...shift.keys()].filter((cell) => shift[cell]! < CELL_BITS);
  return { cells, bits: cells.map((cell) => CELL_BITS - shift[cell]!) };
}

/** The words of doubles, upper word second; on every processor that Node runs on. */
export const wordsOf = (values: Float64Array): Int32Array => new Int32Array(values.buffer, values.byteOffset, 2 * values.length);

/** An upper word as an integer whose order is that of the numbers; −0 stands with 0. */
export const orderedWord = (upper: number): number => (upper === MINUS_ZERO ? 0 : upper ^ ((upper >> 31) & ALL_BUT_SIGN));
const cellOf = (ordered: number): number => (ordered >>> CELL_BITS) ^ CELL_OF_ZERO;

/** The bucket of a finite number. */
export function bucketOf({ first, shift }: Pick<BucketLayout, 'first' | 'shift'>, value: number): number {
  ONE[0] = value;
  const ordered = orderedWord(ONE_WORDS[1]!);
  const cell = cellOf(ordered);
  return first[cell]! + ((ordered & 0xffff) >>> shift[cell]!);
}

/** The largest number below a finite one. */
export function nextBelow(value: number): number {
  if (value === 0) return -Number.MIN_VALUE;
  ONE[0] = value;
  const bits = ONE_BITS[0]!;
  ONE_BITS[0] = value > 0 ? bits - 1n : bits + 1n;
  return ONE[0];
}

const ONE = new Float64Array(1);
const ONE_BITS = new BigInt64Array(ONE.buffer);
const ONE_WORDS = wordsOf(ONE);

function edgesOf(buckets: number, first: Int32Array, shift: Uint8Array): Pick<BucketLayout, 'edges' | 'spacing'> {
  const edges = new Float64Array(buckets + 1).fill(Infinity);
  const spacing = new Float64Array(buckets);
  for (let cell = 0; cell < CELLS; cell++) {
    const step = 1 << shift[cell]!;
    const distance = spacingAt(cell);
    for (let bucket = first[cell]!, part = 0; part < CELLS; bucket++, part += step) {
      edges[bucket] = smallestAt(((cell ^ CELL_OF_ZERO) << CELL_BITS) | part);
      spacing[bucket] = distance;
    }
  }
  return { edges, spacing };
}

/** The smallest number whose ordered upper word is this; beyond the finite numbers an infinity. */
function smallestAt(ordered: number): number {
  const negative = ordered < 0;
  ONE_WORDS[1] = negative ? ordered ^ ALL_BUT_SIGN : ordered;
  ONE_WORDS[0] = negative ? -1 : 0;
  return Number.isNaN(ONE[0]) ? (negative ? -Infinity : Infinity) : ONE[0]!;
}

function spacingAt(cell: number): number {
  const upper = cell >= CELL_OF_ZERO ? cell ^ CELL_OF_ZERO : CELL_OF_ZERO - 1 - cell;
  return SPACINGS[Math.max(upper >> MANTISSA_BITS_OF_CELL, 1)]!;
}

const MANTISSA_BITS_OF_CELL = 4;
/** By the exponent's bits; in two steps, since the first ones lie below the smallest power of two with all its bits. */
const SPACINGS = Float64Array.from({ length: 2_048 }, (_, exponent) => 2 ** (exponent - EXPONENT_BIAS) * 2 ** -MANTISSA_BITS);
