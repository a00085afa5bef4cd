import type { EvaluationResult, RecentGain } from '../contracts/evaluations.js';
import { PerennialError } from '../contracts/failures.js';
import { durationMs, isoTime } from '../contracts/time.js';
import { comparisonLoss } from '../spec/comparison-loss.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { expectedGain, pairedBlock } from './expected-gain.js';
import { rowLoss } from './row-loss.js';
import type { ScoredRows } from './scoring.js';

const DAY_MS = 86_400_000;

type LosingRows = Pick<ScoredRows, 'predictions' | 'labels' | 'eventTimesMs'>;

/**
 * What a candidate gains over its champion in the loss of a row (`rollout.comparison.metric` and `bound`), over the stretch of the newest blocks
 * (`rollout.comparison.block`) that shows it best; see {@link expectedGain}. Every row counts: a prediction that is no number has the largest loss.
 * @param window of the rows, from which follows how many come in a day @param champion on the same rows as the candidate
 * @returns null without rows
 * @throws PerennialError `InvalidRequest` where the spec gives an absolute error no bound
 */
export function recentGain(
  spec: Pick<ModelSpec, 'task' | 'evaluation' | 'rollout'>, window: EvaluationResult['window'], candidate: LosingRows, champion: LosingRows,
): RecentGain | null {
  const { evaluation: { alpha, holdOutEvery }, rollout: { comparison: { block, dependence } } } = spec;
  if (candidate.labels.length === 0) return null;
  const [startMs, blockMs] = [Date.parse(window.start), durationMs(block) as number];
  const rowsPerDay = (candidate.labels.length * holdOutEvery * DAY_MS) / (Date.parse(window.end) - startMs);
  const [ours, theirs] = [boundedLosses(spec, candidate), boundedLosses(spec, champion)];
  const blocks = rowsByBlock(candidate.eventTimesMs, blockMs);
  const found = expectedGain(blocks.map(({ rows }) => pairedBlock(lossesAt(theirs, rows), lossesAt(ours, rows))), { alpha, dependence, rowsPerDay });
  const stretch = blocks.slice(-(found?.blocks ?? blocks.length));
  const rows = stretch.flatMap((taken) => taken.rows);
  const means = { candidate: meanAt(ours, rows), champion: meanAt(theirs, rows) };
  const gain = found ? { value: found.gain.estimate, low: found.gain.low, high: found.gain.high } : { value: means.champion - means.candidate, low: null, high: null };
  const since = isoTime(Math.max(startMs, stretch[0]!.number * blockMs));
  return { loss: comparisonLoss(spec).metric, blocks: stretch.length, rows: rows.length, since, ...means, gain, rowsPerDay };
}

function boundedLosses(spec: Pick<ModelSpec, 'task' | 'rollout'>, { predictions, labels }: LosingRows): Float64Array {
  const { metric, bound } = comparisonLoss(spec);
  if (bound === undefined) {
    throw new PerennialError('InvalidRequest', 'gates.comparison.by recentLoss needs rollout.comparison.bound: an absolute error has no largest value; say which error of a row is as bad as any greater one');
  }
  return labels.map((label, row) => rowLoss(metric, bound, predictions[row]!, label));
}

interface RowsOfBlock {
  /** Event time of its beginning ÷ length. */
  readonly number: number;
  /** Places. */
  readonly rows: number[];
}

/** Those that have rows, oldest first. */
function rowsByBlock(eventTimesMs: Float64Array, blockMs: number): RowsOfBlock[] {
  const blocks = new Map<number, number[]>();
  eventTimesMs.forEach((time, row) => {
    const number = Math.floor(time / blockMs);
    const rows = blocks.get(number);
    if (rows) rows.push(row);
    else blocks.set(number, [row]);
  });
  return [...blocks].map(([number, rows]) => ({ number, rows })).sort((a, b) => a.number - b.number);
}

const lossesAt = (losses: Float64Array, rows: readonly number[]): Float64Array => Float64Array.from(rows, (row) => losses[row]!);
const meanAt = (losses: Float64Array, rows: readonly number[]): number => rows.reduce((sum, row) => sum + losses[row]!, 0) / rows.length;
