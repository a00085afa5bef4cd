import type { FeatureResponse } from '../contracts/validations.js';
import type { MetricName } from '../contracts/verdict.js';
import { PerennialError } from '../contracts/failures.js';
import type { JudgedRows } from './judged-rows.js';
import { pseudoValues } from './pseudo-values.js';

/** What is asked of each move. */
export interface ResponseOptions {
  readonly metrics: readonly MetricName[];
  /** Probability from which a row counts as positive (F1). */
  readonly threshold: number;
}

/**
 * How far the output and the metrics move when one feature does.
 * @param rows the judged rows as they are, then the same again for each move (data/moved-rows.ts)
 * @throws PerennialError `ScoringFailed` where the rows do not divide into as many parts of the same labels
 */
export function featureResponses(rows: JudgedRows, moves: readonly Pick<FeatureResponse, 'feature' | 'move' | 'step'>[], { metrics, threshold }: ResponseOptions): FeatureResponse[] {
  const size = rows.labels.length / (moves.length + 1);
  if (!Number.isInteger(size)) throw new PerennialError('ScoringFailed', `${rows.labels.length} rows are not ${moves.length + 1} times the same`, { rows: rows.labels.length, parts: moves.length + 1 });
  const part = (index: number): JudgedRows => ({ task: rows.task, predictions: rows.predictions.slice(index * size, (index + 1) * size), labels: rows.labels.slice(index * size, (index + 1) * size) });
  const values = (judged: JudgedRows): Partial<Record<MetricName, number | null>> => Object.fromEntries(metrics.map((metric) => {
    const found = pseudoValues(metric, judged, threshold);
    return [metric, 'undefinedBecause' in found ? null : found.value];
  }));
  const base = part(0);
  const before = values(base);
  return moves.map(({ feature, move, step }, index) => {
    const moved = part(index + 1);
    const after = values(moved);
    return { feature, move, step, ...outputMoves(base, moved), metrics: after, metricsMoved: Object.fromEntries(metrics.map((metric) => [metric, differenceOf(after[metric], before[metric])])) };
  });
}

function outputMoves(base: JudgedRows, moved: JudgedRows): Pick<FeatureResponse, 'outputMoved' | 'outputMovedMost'> {
  let [sum, most] = [0, 0];
  for (let row = 0; row < base.predictions.length; row++) {
    const distance = Math.abs(moved.predictions[row]! - base.predictions[row]!);
    sum += distance;
    most = Math.max(most, distance);
  }
  return { outputMoved: base.predictions.length === 0 ? 0 : sum / base.predictions.length, outputMovedMost: most };
}

const differenceOf = (after: number | null | undefined, before: number | null | undefined): number | null => (after == null || before == null ? null : after - before);
