import type { SnapshotSplit } from '../contracts/artifacts.js';
import type { DataViolation } from '../contracts/data-report.js';
import { durationMs, isoTime } from '../contracts/time.js';
import type { ModelSpec } from '../spec/model-spec.js';
import type { Row } from './duckdb.js';
import { lastEnds } from './held-out-blocks.js';
import type { MeasuredPart, Repeated } from './part-scan.js';
import { percent, type RowCheck } from './row-checks.js';

type Part = DataViolation['part'];

const HOUR_MS = 3_600_000;

const shareOf = (rows: number, total: number): number => (total === 0 ? 0 : rows / total);
const counted = (rows: number, total: number): string => `${rows} of ${total} rows (${percent(shareOf(rows, total))})`;

export function rowViolation(check: RowCheck, part: Part, rows: number, total: number, examples: readonly Row[]): DataViolation {
  const column = check.wholeColumn === undefined ? check.column : `${check.column} ${check.wholeColumn}`;
  const message = `${part}: ${column}: ${counted(rows, total)} ${check.explanation}`;
  return { check: check.check, column: check.column, part, rows, share: shareOf(rows, total), limit: check.limit, examples, message };
}

/** The newest row against the end of the window, or of the last stretch in it that the part may have rows of. */
export function stalenessViolation(spec: ModelSpec, part: Part, split: SnapshotSplit, { rows, newestMs }: MeasuredPart): DataViolation[] {
  if (newestMs === null) return [];
  const windowEndMs = Date.parse(split[part].window.end);
  const endMs = lastEndMs(part, split);
  const gapMs = endMs - newestMs;
  if (gapMs <= (durationMs(spec.data.maxStaleness) ?? Infinity)) return [];
  return [{
    check: 'freshness', column: spec.data.eventTime, part, rows, share: 1, limit: `a row within ${spec.data.maxStaleness} of the end (data.maxStaleness)`, examples: [],
    message: `${part}: the newest row is of ${isoTime(newestMs)}, ${(gapMs / HOUR_MS).toFixed(1)} h before ${endMs === windowEndMs ? "the window's end" : `the end of the last stretch of the window that is for ${part}`} ${isoTime(endMs)}; bring the newer rows, or ask for an earlier asOf`,
  }];
}

/** Neither blocks that are the other part's nor windows in quarantine make rows old. */
function lastEndMs(part: Part, { heldOut, without = [], ...split }: SnapshotSplit): number {
  let endMs = Date.parse(split[part].window.end);
  for (;;) {
    if (heldOut) endMs = lastEnds(heldOut, endMs)[part];
    const left = without.find(({ start, end }) => Date.parse(start) < endMs && endMs <= Date.parse(end));
    if (!left) return endMs;
    endMs = Date.parse(left.start);
  }
}

/** A part with labels of one class can neither teach nor judge. */
export function labelClassViolation(spec: ModelSpec, part: Part, { rows, classes }: MeasuredPart): DataViolation[] {
  if (!classes || (classes.positive > 0 && classes.negative > 0)) return [];
  return [{
    check: 'labelClasses', column: spec.data.label, part, rows, share: 1, limit: 'labels of both classes', examples: [],
    message: `${part}: ${spec.data.label} has ${classes.positive} positive and ${classes.negative} negative labels; both classes are needed, so look at how labels are made, or widen the window`,
  }];
}

export function duplicateViolation(spec: ModelSpec, part: Part, { rows, examples }: Repeated, total: number): DataViolation[] {
  if (rows === 0) return [];
  const key = spec.data.key.join(', ');
  return [{
    check: 'duplicateKey', column: columnOfKey(spec), part, rows, share: shareOf(rows, total), limit: 'one row for each key', examples,
    message: `${part}: ${counted(rows, total)} repeat the key (${key}) of another; remove the copies, or add to data.key what tells the rows apart`,
  }];
}

export function overlapViolation(spec: ModelSpec, { rows, examples }: Repeated, total: number): DataViolation[] {
  if (rows === 0) return [];
  return [{
    check: 'keyOverlap', column: columnOfKey(spec), part: 'evaluation', rows, share: shareOf(rows, total), limit: 'no key of the training part', examples,
    message: `evaluation: ${counted(rows, total)} have a key (${spec.data.key.join(', ')}) that is in the training part too; a row that was learnt cannot judge`,
  }];
}

const columnOfKey = (spec: ModelSpec): string | null => (spec.data.key.length === 1 ? (spec.data.key[0] ?? null) : null);
