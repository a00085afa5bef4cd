/** A protected column: which group each row belongs to. */
export interface ProtectedColumn {
  readonly column: string;
  /** What the codes 0, 1, 2 … stand for. */
  readonly groups: readonly string[];
  /** The group of each row; −1 where it is not known. */
  readonly codes: Int32Array;
}

/** The groups of one protected column, or of several crossed with each other. */
export interface Grouping {
  readonly columns: readonly string[];
  /** Groups with rows, in the order of their codes: one name for each of `columns`. */
  readonly groups: readonly (readonly string[])[];
  /** Of each row, an index into `groups`; −1 where it is not known in one of the columns. */
  readonly codes: Int32Array;
  readonly unknownRows: number;
}

/** What was decided and what came true. */
export interface DecidedRows {
  /** 0 or 1, one for each row. */
  readonly decisions: Uint8Array;
  /** 0 or 1, NaN where not known yet; null where no row has a label. */
  readonly labels: Float64Array | null;
  /** The time block of each row (see time-blocks.ts), 0, 1, 2 …; absent: every row is independent of every other. */
  readonly blocks?: Int32Array;
}

/** Rows by group, block and outcome, in that order of the index. */
export interface OutcomeCounts {
  readonly groups: number;
  /** 1 where rows are independent. */
  readonly blocks: number;
  readonly clustered: boolean;
  /** groups × blocks × OUTCOMES numbers of rows. */
  readonly counts: Float64Array;
}

/** Kinds of a row, 3 · decision + (0 label not known, 1 label 0, 2 label 1). */
export const OUTCOMES = 6;

/** Every pair of groups is compared, and somebody has to read the result. */
const MOST_GROUPS = 500;

/**
 * Crosses protected columns: a group is what has the same value in each of them. One column gives its own groups. Groups
 * without rows are left out.
 * @param columns at least one, with as many codes each as there are rows
 * @throws RangeError for a column that is named twice, codes of unequal length or without a name, and more than 500 possible groups
 */
export function groupingOf(columns: readonly ProtectedColumn[]): Grouping {
  requireCrossable(columns);
  const codes = new Int32Array(columns[0]!.codes.length);
  for (const column of columns) crossInto(codes, column);
  const possible = columns.reduce((count, { groups }) => count * groups.length, 1);
  const [occupied, unknownRows] = occupiedCodes(codes, possible);
  const indexOf = new Int32Array(possible);
  for (const [index, code] of occupied.entries()) indexOf[code] = index;
  for (let row = 0; row < codes.length; row++) if (codes[row]! >= 0) codes[row] = indexOf[codes[row]!]!;
  return {
    columns: columns.map(({ column }) => column),
    groups: Array.from(occupied, (code) => namesOf(columns, code)),
    codes,
    unknownRows,
  };
}

/** Counts each group's rows by decision and label, and by block where the rows have one. Rows of no known group count for nothing. */
export function countOutcomes({ decisions, labels, blocks }: DecidedRows, { groups, codes }: Grouping): OutcomeCounts {
  const blockCount = blocks ? blocks.reduce((most, block) => (block >= most ? block + 1 : most), 1) : 1;
  const counts = new Float64Array(groups.length * blockCount * OUTCOMES);
  for (let row = 0; row < codes.length; row++) {
    const group = codes[row]!;
    if (group < 0) continue;
    const label = labels ? labels[row]! : NaN;
    const outcome = 3 * decisions[row]! + (label === 1 ? 2 : label === 0 ? 1 : 0);
    counts[(group * blockCount + (blocks ? blocks[row]! : 0)) * OUTCOMES + outcome]! += 1;
  }
  return { groups: groups.length, blocks: blockCount, clustered: blocks !== undefined, counts };
}

function requireCrossable(columns: readonly ProtectedColumn[]): void {
  const [first] = columns;
  if (!first) throw new RangeError('a grouping needs at least one protected column');
  let possible = 1;
  for (const [at, { column, groups, codes }] of columns.entries()) {
    if (columns.findIndex((other) => other.column === column) < at) throw new RangeError(`the column ${column} cannot be crossed with itself`);
    if (codes.length !== first.codes.length) throw new RangeError(`${column} has ${codes.length} rows and ${first.column} has ${first.codes.length}`);
    possible *= groups.length;
  }
  if (possible > MOST_GROUPS) throw new RangeError(`${possible} possible groups are more than the ${MOST_GROUPS} that can be compared`);
}

/** Makes each code (the first column's, and so on) the code of its crossing with `column`: code · groups + group. */
function crossInto(codes: Int32Array, { column, groups, codes: added }: ProtectedColumn): void {
  for (let row = 0; row < codes.length; row++) {
    const group = added[row]!;
    if (group < -1 || group >= groups.length) throw new RangeError(`row ${row} has the code ${group} in ${column}, which has ${groups.length} groups`);
    codes[row] = group < 0 || codes[row]! < 0 ? -1 : codes[row]! * groups.length + group;
  }
}

function occupiedCodes(codes: Int32Array, possible: number): [Int32Array, number] {
  const seen = new Uint8Array(possible);
  let unknownRows = 0;
  for (const code of codes) {
    if (code < 0) unknownRows += 1;
    else seen[code] = 1;
  }
  return [Int32Array.from(seen.keys()).filter((code) => seen[code] === 1), unknownRows];
}

function namesOf(columns: readonly ProtectedColumn[], code: number): string[] {
  const names: string[] = [];
  let rest = code;
  for (const { groups } of columns.toReversed()) {
    names.unshift(groups[rest % groups.length]!);
    rest = Math.floor(rest / groups.length);
  }
  return names;
}
