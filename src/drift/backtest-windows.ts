import { heldOutText } from '../contracts/artifacts.js';
import { PerennialError } from '../contracts/failures.js';
import { durationMs, type EventWindow, firstAtLeast, isoTime } from '../contracts/time.js';
import { heldOutTest } from '../data/held-out-blocks.js';
import type { StagedRows } from '../data/staged-rows.js';
import { windowsAsOf } from '../data/windows.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { type EventStretch, windowAt } from './window-grid.js';

/** Event times and labels of all rows, by event time. */
export type TimedLabels = Pick<StagedRows, 'eventTimesMs' | 'labels'>;

/** The event time that is asked for; null: as much as the data allows. */
export interface AskedStretch {
  readonly fromMs: number | null;
  readonly untilMs: number | null;
}

/** Windows in which a policy can show itself: after the first one something is decided, and the next one is answered. */
const FEWEST_WINDOWS = 2;

export interface BacktestCourse {
  /** Event time at which the first version is trained. */
  readonly beginMs: number;
  readonly windows: readonly EventStretch[];
}

/**
 * The windows that are played, as monitoring cuts them: from the first moment on at which the training and evaluation windows of the spec fit and
 * hold enough labelled rows, until the last one whose labels are complete by the newest row. Windows without a row are passed over.
 * @throws PerennialError `NotEnoughData` where the data is too short or has too few labels, `InvalidRequest` where the time that is asked for is none
 */
export function backtestWindows(spec: ModelSpec, rows: TimedLabels, { fromMs, untilMs }: AskedStretch): BacktestCourse {
  if (fromMs !== null && untilMs !== null && untilMs <= fromMs) throw new PerennialError('InvalidRequest', `The backtest would end at ${isoTime(untilMs)}, before it begins; give a later --until`);
  const beginMs = beginning(spec, rows, fromMs);
  const endMs = Math.min(untilMs ?? Infinity, newestOf(rows));
  const windows = filledWindows(spec, rows, beginMs, endMs);
  const { window } = spec.monitoring;
  const span = `from ${isoTime(beginMs)} until ${isoTime(endMs)}`;
  if (windows.length < FEWEST_WINDOWS) {
    throw new PerennialError('NotEnoughData', `${windows.length} window${windows.length === 1 ? '' : 's'} of ${window} with complete labels (${spec.data.labelHorizon}) fit ${span}, and a backtest needs ${FEWEST_WINDOWS}; ${mendedBy(fromMs, untilMs)}shorten monitoring.window or bring more data`, { windows: windows.length });
  }
  if (labelledWithin(rows, { start: isoTime(beginMs), end: isoTime(windows.at(-1)!.untilMs) }) === 0) {
    throw new PerennialError('NotEnoughData', `No row ${span} has a label (${spec.data.label}), so that no loss can be counted; bring the labels`, {});
  }
  return { beginMs, windows };
}

const mendedBy = (fromMs: number | null, untilMs: number | null): string =>
  [...(fromMs === null ? [] : ['begin earlier (--from), ']), ...(untilMs === null ? [] : ['end later (--until), '])].join('');

/** The beginning of a window at which version 1 can be trained. */
function beginning(spec: ModelSpec, rows: TimedLabels, askedMs: number | null): number {
  if (rows.eventTimesMs.length === 0) throw new PerennialError('NotEnoughData', 'The source holds no rows; bring the data', {});
  const firstMs = firstFit(spec, rows);
  if (askedMs === null || firstMs === null) {
    if (firstMs !== null) return firstMs;
    const { training, evaluation } = spec;
    throw new PerennialError('NotEnoughData', `At no time does the data hold ${training.minimumRows} labelled rows to train on (training.window ${training.window}) and ${evaluation.minimumRows} to judge on ${judgedOn(spec)}, ${spec.data.labelHorizon} before it ends: ${held(rows)}. Bring more data or lower these numbers`, {});
  }
  const beginMs = gridAfter(spec, askedMs);
  const lacks = lackAt(spec, rows, beginMs);
  if (lacks === null) return beginMs;
  throw new PerennialError('NotEnoughData', `At ${isoTime(beginMs)} ${lacks}; the first time at which there are enough is ${isoTime(firstMs)}: begin there (--from), or leave --from out`, { from: isoTime(beginMs), first: isoTime(firstMs) });
}

function firstFit(spec: ModelSpec, rows: TimedLabels): number | null {
  const { training: { window }, evaluation, data } = spec;
  const [oldestMs, newestMs] = [rows.eventTimesMs[0]!, newestOf(rows)];
  const neededMs = (window === 'all' ? 0 : lengthOf(window)) + lengthOf(evaluation.window) + lengthOf(data.labelHorizon);
  for (let ms = gridAfter(spec, oldestMs + neededMs); ms <= newestMs; ms += lengthOf(spec.monitoring.window)) if (lackAt(spec, rows, ms) === null) return ms;
  return null;
}

/** Which rows are too few for a first version; null where there are enough. */
function lackAt(spec: ModelSpec, rows: TimedLabels, asOfMs: number): string | null {
  const { train: trained, evaluation, heldOut } = windowsAsOf(spec, asOfMs, rows.eventTimesMs[0]!);
  const judge = labelledWithin(rows, evaluation, heldOut && heldOutTest(heldOut));
  const train = labelledWithin(rows, trained) - (heldOut ? judge : 0);
  if (train < spec.training.minimumRows) return `the training window has ${train} labelled rows, and training.minimumRows asks for ${spec.training.minimumRows}`;
  const held = heldOut ? ` in the blocks held out (${heldOutText(heldOut)})` : '';
  if (judge < spec.evaluation.minimumRows) return `the evaluation window has ${judge} labelled rows${held}, and evaluation.minimumRows asks for ${spec.evaluation.minimumRows}`;
  return null;
}

function filledWindows(spec: ModelSpec, { eventTimesMs }: TimedLabels, beginMs: number, endMs: number): EventStretch[] {
  const [lengthMs, horizonMs] = [lengthOf(spec.monitoring.window), lengthOf(spec.data.labelHorizon)];
  const windows: EventStretch[] = [];
  for (let row = firstAtLeast(eventTimesMs, beginMs); row < eventTimesMs.length;) {
    const window = windowAt(eventTimesMs[row]!, lengthMs, null);
    if (window.untilMs + horizonMs > endMs) break;
    windows.push(window);
    row = firstAtLeast(eventTimesMs, window.untilMs);
  }
  return windows;
}

function labelledWithin({ eventTimesMs, labels }: TimedLabels, { start, end }: EventWindow, counts: (ms: number) => boolean = () => true): number {
  const [first, after] = [firstAtLeast(eventTimesMs, Date.parse(start)), firstAtLeast(eventTimesMs, Date.parse(end))];
  return labels.subarray(first, after).reduce((sum, label, row) => sum + (Number.isNaN(label) || !counts(eventTimesMs[first + row]!) ? 0 : 1), 0);
}

/** The beginning of the first window from a time on. */
const gridAfter = ({ monitoring }: ModelSpec, ms: number): number => Math.ceil(ms / lengthOf(monitoring.window)) * lengthOf(monitoring.window);
const judgedOn = ({ evaluation: { window, holdOutEvery } }: ModelSpec): string =>
  holdOutEvery > 1 ? `in the blocks held out (evaluation.window ${window}, evaluation.holdOutEvery ${holdOutEvery})` : `after them (evaluation.window ${window})`;
const newestOf = ({ eventTimesMs }: TimedLabels): number => eventTimesMs.at(-1)!;
const held = (rows: TimedLabels): string => `the source holds event times from ${isoTime(rows.eventTimesMs[0]!)} to ${isoTime(newestOf(rows))}`;
/** The spec's schema has let only durations through. */
const lengthOf = (duration: string): number => durationMs(duration) as number;
