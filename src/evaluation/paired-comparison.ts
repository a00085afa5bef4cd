import type { ComparisonUndefined, PairedComparison } from '../contracts/evaluations.js';
import { HIGHER_IS_BETTER, type Estimate, type MetricName } from '../contracts/verdict.js';
import { PerennialError } from '../contracts/failures.js';
import { criticalValue } from './distributions.js';
import type { JudgedRows } from './judged-rows.js';
import { samplingVariance, type MeasureOptions } from './metrics.js';
import { pseudoValues, type PseudoValues } from './pseudo-values.js';

/**
 * Compares two models on the same rows. Each row's numbers (pseudo-values.ts) are subtracted before the variance is
 * taken, so that what makes a row hard for both cancels; the variance is cluster-robust over the rows' time blocks, with
 * Student's t at blocks − 1 degrees of freedom, since flights, calls or orders of one day share their fate. For AUC these
 * are the correlated AUCs of DeLong et al. 1988 in Obuchowski's clustered form (1997). For the calibration error the
 * interval is first-order and holds where no bin of either model is calibrated to within its noise.
 * @throws PerennialError `ScoringFailed` when the two were not scored on the same rows.
 */
export function compareOnSameRows(
  metric: MetricName, candidate: JudgedRows, champion: JudgedRows, options: MeasureOptions,
): PairedComparison | ComparisonUndefined {
  requireSameRows(candidate, champion);
  const rows = candidate.labels.length;
  const ours = pseudoValues(metric, candidate, options.threshold);
  if ('undefinedBecause' in ours) return { metric, rows, undefinedBecause: ours.undefinedBecause };
  const theirs = pseudoValues(metric, champion, options.threshold);
  if ('undefinedBecause' in theirs) return { metric, rows, undefinedBecause: `of the champion: ${theirs.undefinedBecause}` };
  const { gain, degreesOfFreedom } = gainOf(metric, ours, theirs, candidate, options.alpha);
  const blocks = Number.isFinite(degreesOfFreedom) ? degreesOfFreedom + 1 : null;
  return { metric, rows, blocks, candidate: ours.value, champion: theirs.value, gain };
}

function gainOf(
  metric: MetricName, ours: PseudoValues, theirs: PseudoValues, rows: JudgedRows, alpha: number,
): { gain: Estimate; degreesOfFreedom: number } {
  const sign = HIGHER_IS_BETTER[metric] ? 1 : -1;
  const differences = new Float64Array(ours.perRow.length);
  for (let row = 0; row < differences.length; row++) differences[row] = sign * (ours.perRow[row]! - theirs.perRow[row]!);
  const value = ours.value === theirs.value ? 0 : sign * (ours.value - theirs.value);
  const { variance, degreesOfFreedom } = samplingVariance(metric, differences, rows);
  if (variance === null) return { gain: { value, low: null, high: null }, degreesOfFreedom };
  const reach = criticalValue(alpha, degreesOfFreedom) * Math.sqrt(variance);
  return { gain: { value, low: value - reach, high: value + reach }, degreesOfFreedom };
}

function requireSameRows(candidate: JudgedRows, champion: JudgedRows): void {
  if (candidate.labels.length !== champion.labels.length) {
    throw new PerennialError('ScoringFailed', `The candidate was scored on ${candidate.labels.length} rows and the champion on ${champion.labels.length}; score both on the same snapshot`);
  }
  for (let row = 0; row < candidate.labels.length; row++) {
    if (candidate.labels[row] !== champion.labels[row]) {
      throw new PerennialError('ScoringFailed', `Row ${row} has label ${candidate.labels[row]} for the candidate and ${champion.labels[row]} for the champion; score both on the same snapshot`);
    }
  }
}
