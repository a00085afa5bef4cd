import type { Measurement } from '../contracts/evaluations.js';
import { HIGHER_IS_BETTER, type MetricName } from '../contracts/verdict.js';
import type { MetricThreshold } from '../contracts/window-assessment-report.js';

/** A measurement, and how many labelled rows it is of. */
export interface MeasuredRows {
  readonly rows: number;
  readonly measurement: Measurement;
}

/**
 * How much worse than on the baseline a window's metrics may be by chance alone: the baseline's value, and on the worse side half of its interval times
 * √(1 + n/m) for n rows of the baseline and m of the window. That is the prediction interval for the mean of m further rows (Hahn & Meeker 1991,
 * "Statistical Intervals", 4.8), with the spread that the baseline's interval is made of, days that rows share included. A value beyond it is found in
 * at most half of the interval's alpha of windows, for each metric by itself.
 * @returns by metric, those whose interval on the baseline is known; empty for a window without labelled rows
 */
export function metricThresholds(baseline: MeasuredRows, window: MeasuredRows): Readonly<Partial<Record<MetricName, MetricThreshold>>> {
  if (window.rows === 0) return {};
  const wider = Math.sqrt(1 + baseline.rows / window.rows);
  const found = (Object.keys(baseline.measurement.metrics) as MetricName[]).flatMap((metric) => {
    const { value, low, high } = baseline.measurement.metrics[metric]!;
    if (low === null || high === null) return [];
    const limit = HIGHER_IS_BETTER[metric] ? value - (value - low) * wider : value + (high - value) * wider;
    const measured = window.measurement.metrics[metric]?.value;
    const worse = measured !== undefined && (HIGHER_IS_BETTER[metric] ? measured < limit : measured > limit);
    const verdict = measured === undefined ? 'inconclusive' as const : worse ? 'fail' as const : 'pass' as const;
    return [[metric, { limit, verdict }] as const];
  });
  return Object.fromEntries(found);
}
