/**
 * Buckets of doubles that follow the data: every double belongs to one of 4,096 cells by its sign and exponent, and a cell that
 * holds many values is cut into up to 2²⁰ buckets of equal width by the first bits of its mantissa. A value's bucket costs two look-ups, whatever the distribution, and the order of buckets is that of their values. Only how
 * evenly they are filled depends on the sample: figures that need more than a bucket's count look into the bucket.
 */
export interface BucketLayout {
  /** Buckets in all, those of cells that are not cut included. */
  readonly buckets: number;
  /** [4096] the first bucket of a cell */
  readonly first: Int32Array;
  /** [4096] how many of the twenty upper bits of the mantissa do not count: 20 where the cell is one bucket */
  readonly shift: Uint8Array;
  /** [buckets + 1] Bucket b holds the numbers from edges[b] up to, without, edges[b + 1]. Ascending, infinities where numbers end. */
  readonly edges: Float64Array;
  /** [buckets] the distance of two neighbouring doubles in it, the same within a cell */
  readonly spacing: Float64Array;
}

/** What makes a layout: the cells that are cut, and by how many bits. */
export interface CutCells {
  readonly cells: readonly number[];
  /** 1 to 20 each, as long as `cells`. */
  readonly bits: readonly number[];
}

const CELLS = 4_096;
/** Of the upper word, those that do not name the cell. */
const PART_BITS = 20;
const PARTS = 1 << PART_BITS;
const PART_MASK = PARTS - 1;
/** The bits of a negative double, read as an integer, run against its order. */
const ALL_BUT_SIGN = 0x7fffffff;
const CELL_OF_ZERO = 0x800;
/** Upper word of −0 and of the smallest negative numbers. */
const MINUS_ZERO = -0x80000000;
const MANTISSA_BITS = 52;
const EXPONENT_BIAS = 1_023;
/** Buckets that share the values, beside those of cells that are not cut. */
export const TARGET_BUCKETS = 16_384;

/**
 * Cuts the cells so that each bucket holds about one in `target` of the values.
 * @param sample of the values to come, the larger the more even; what is not finite does not count
 */
export function layoutFor(sample: Float64Array, target = TARGET_BUCKETS): BucketLayout {
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
    const wanted = Math.min(PART_BITS, Math.ceil(Math.log2((count / finite) * target)));
    if (count === 0 || wanted < 1) return;
    cells.push(cell);
    bits.push(wanted);
  });
  return layoutOf({ cells, bits });
}

/** The layout with these cells cut. @throws RangeError for cells or bits that cannot be */
export function layoutOf({ cells, bits }: CutCells): BucketLayout {
  const shift = new Uint8Array(CELLS).fill(PART_BITS);
  cells.forEach((cell, index) => {
    const cut = bits[index] ?? 0;
    if (!(Number.isInteger(cell) && cell >= 0 && cell < CELLS && Number.isInteger(cut) && cut >= 1 && cut <= PART_BITS)) throw new RangeError(`cell ${cell} cannot be cut by ${cut} bits`);
    shift[cell] = PART_BITS - cut;
  });
  const first = new Int32Array(CELLS);
  let buckets = 0;
  for (let cell = 0; cell < CELLS; cell++) {
    first[cell] = buckets;
    buckets += 1 << (PART_BITS - shift[cell]!);
  }
  return { buckets, first, shift, ...edgesOf(buckets, first, shift) };
}

/** Cuts each cell as the one of two layouts does that cuts it further: its buckets hold no more of either's values. */
export function finerLayout(one: BucketLayout, other: BucketLayout): BucketLayout {
  const shift = one.shift.map((bits, cell) => Math.min(bits, other.shift[cell]!));
  return layoutOf(cutCellsOf({ shift }));
}

/** The other way round: what is kept of a layout. */
export function cutCellsOf({ shift }: Pick<BucketLayout, 'shift'>): CutCells {
  const cells = [...shift.keys()].filter((cell) => shift[cell]! < PART_BITS);
  return { cells, bits: cells.map((cell) => PART_BITS - shift[cell]!) };
}

/** The words of doubles, upper word second; on every processor that Node runs on. */
const wordsOf = (values: Float64Array): Int32Array => new Int32Array(values.buffer, values.byteOffset, 2 * values.length);

/** An upper word as an integer whose order is that of the numbers; −0 stands with 0. */
const orderedWord = (upper: number): number => (upper === MINUS_ZERO ? 0 : upper ^ ((upper >> 31) & ALL_BUT_SIGN));
const cellOf = (ordered: number): number => (ordered >>> PART_BITS) ^ CELL_OF_ZERO;

/** The bucket of a finite number. */
export function bucketOf({ first, shift }: Pick<BucketLayout, 'first' | 'shift'>, value: number): number {
  ONE[0] = value;
  const ordered = orderedWord(ONE_WORDS[1]!);
  const cell = cellOf(ordered);
  return first[cell]! + ((ordered & PART_MASK) >>> shift[cell]!);
}

/**
 * Finds the buckets of values and counts them. With {@link tallyDistances} this is where the time goes, so both work on typed arrays alone and stand beside their
 * constants.
 * @param buckets of the values, written here; the layout's number of buckets for what is not finite @param counts [buckets] added to
 * @param facts [6] least and greatest finite value, how many values are missing, −Infinity, Infinity, and the sum of the finite ones; taken on
 */
export function tallyCounts({ first, shift, buckets: outside }: BucketLayout, values: Float64Array, buckets: Int32Array, counts: Uint32Array, facts: Float64Array): void {
  const words = wordsOf(values);
  let least = facts[0]!;
  let greatest = facts[1]!;
  let sum = facts[5]!;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    // What is not finite less itself is NaN.
    if (value - value !== 0) {
      buckets[index] = outside;
      facts[value > 0 ? 4 : value < 0 ? 3 : 2]! += 1;
      continue;
    }
    if (value < least) least = value;
    if (value > greatest) greatest = value;
    sum += value;
    const ordered = orderedWord(words[2 * index + 1]!);
    const cell = (ordered >>> PART_BITS) ^ CELL_OF_ZERO;
    const bucket = first[cell]! + ((ordered & PART_MASK) >>> shift[cell]!);
    buckets[index] = bucket;
    counts[bucket]! += 1;
  }
  facts[0] = least;
  facts[1] = greatest;
  facts[5] = sum;
}

/**
 * As {@link tallyCounts}, and adds the finite values' distances from their buckets' edges. The loop is written out twice: a second one for the distances alone makes a
 * comparison of many rows a tenth slower.
 * @param facts without the sum @param sums as NumericProfile's
 */
export function tallyDistances({ first, shift, buckets: outside }: BucketLayout, values: Float64Array, buckets: Int32Array, counts: Uint32Array, facts: Float64Array, sums: Float64Array): void {
  const words = wordsOf(values);
  let least = facts[0]!;
  let greatest = facts[1]!;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (value - value !== 0) {
      buckets[index] = outside;
      facts[value > 0 ? 4 : value < 0 ? 3 : 2]! += 1;
      continue;
    }
    if (value < least) least = value;
    if (value > greatest) greatest = value;
    const ordered = orderedWord(words[2 * index + 1]!);
    const cell = (ordered >>> PART_BITS) ^ CELL_OF_ZERO;
    const cut = shift[cell]!;
    const bucket = first[cell]! + ((ordered & PART_MASK) >>> cut);
    buckets[index] = bucket;
    counts[bucket]! += 1;
    sums[2 * bucket]! += ordered & ((1 << cut) - 1);
    // The lower word of a negative number runs against its order, as its upper one does.
    sums[2 * bucket + 1]! += (words[2 * index]! ^ (ordered >> 31)) >>> 0;
  }
  facts[0] = least;
  facts[1] = greatest;
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
    for (let bucket = first[cell]!, part = 0; part < PARTS; bucket++, part += step) {
      edges[bucket] = smallestAt(((cell ^ CELL_OF_ZERO) << PART_BITS) | part);
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
  const exponent = cell >= CELL_OF_ZERO ? cell ^ CELL_OF_ZERO : CELL_OF_ZERO - 1 - cell;
  return SPACINGS[Math.max(exponent, 1)]!;
}

/** By the exponent's bits; in two steps, since the first ones lie below the smallest power of two with all its bits. */
const SPACINGS = Float64Array.from({ length: 2_048 }, (_, exponent) => 2 ** (exponent - EXPONENT_BIAS) * 2 ** -MANTISSA_BITS);
