/**
 * What estimators of a metric without labels share, by NannyML's definitions (0.13.1): how far an estimate may lie from the truth
 * because a window is a sample, from which values on a window is alarming, and how good the estimate was once labels are there.
 */

/** What the reference says of one metric, as plain JSON. */
export interface MetricReference {
  /** Standard deviation of what one relevant row adds to the metric; null where the reference has no such row. */
  readonly spread: number | null;
  /** The share of rows that are relevant, such as predicted positives for precision. */
  readonly share: number;
  /** An estimate below this is alarming; null where no chunk of the reference has a value. */
  readonly alertBelow: number | null;
  readonly alertAbove: number | null;
}

/** One metric of a window, estimated without its labels. */
export interface MetricEstimate {
  readonly value: number;
  /** Standard error that sampling as many rows brings; null where the reference does not say. */
  readonly samplingError: number | null;
  /** value ± 3 sampling errors, within the metric's range; null with the sampling error. */
  readonly low: number | null;
  readonly high: number | null;
  /** The value is beyond a threshold. */
  readonly alert: boolean;
}

/** How well a metric was estimated. */
export interface EstimateQuality {
  readonly realised: number;
  /** Estimate minus realised value. */
  readonly difference: number;
  /** The realised value lies in the confidence band, its ends included; null without a band. */
  readonly withinBand: boolean | null;
}

/** The least and the greatest value that a metric can have. */
export type MetricRange = readonly [least: number, greatest: number];

/** Both the width of a confidence band in sampling errors and of thresholds in standard deviations. */
const DEVIATIONS = 3;

/**
 * A metric's value on `rows` rows with its band: value ± 3 · spread / √(rows · share), cut to the range.
 * @param value null or not finite where the metric is not defined: then there is no estimate
 */
export function estimateOf(value: number | null, rows: number, reference: MetricReference, [least, greatest]: MetricRange): MetricEstimate | null {
  if (value === null || !Number.isFinite(value)) return null;
  const { spread, share, alertBelow, alertAbove } = reference;
  const alert = (alertBelow !== null && value < alertBelow) || (alertAbove !== null && value > alertAbove);
  if (spread === null) return { value, samplingError: null, low: null, high: null, alert };
  const samplingError = spread / Math.sqrt(rows * share);
  const reach = DEVIATIONS * samplingError;
  return { value, samplingError, low: Math.max(least, value - reach), high: Math.min(greatest, value + reach), alert };
}

/**
 * Thresholds at mean ± 3 standard deviations (divisor n) of a metric's realised values on the chunks of the reference, cut to
 * the metric's range. Chunks without a value (null) do not count; without any there is no threshold.
 */
export function alertThresholds(values: readonly (number | null)[], [least, greatest]: MetricRange): Pick<MetricReference, 'alertBelow' | 'alertAbove'> {
  const defined = Float64Array.from(values.filter((value) => value !== null && Number.isFinite(value)) as number[]);
  const deviation = standardDeviation(defined);
  if (deviation === null) return { alertBelow: null, alertAbove: null };
  const mean = meanOf(defined);
  return { alertBelow: Math.max(least, mean - DEVIATIONS * deviation), alertAbove: Math.min(greatest, mean + DEVIATIONS * deviation) };
}

/**
 * Compares estimates with what labels showed later, metric by metric. Rows should be the same: where labels came for some rows
 * only, the realised values are of those rows.
 * @returns null for a metric that has no estimate or no realised value
 */
export function estimateQuality<Metric extends string>(
  estimates: Readonly<Partial<Record<Metric, MetricEstimate | null>>>, realised: Readonly<Partial<Record<Metric, number | null>>>,
): Partial<Record<Metric, EstimateQuality | null>> {
  const judged = Object.keys(estimates) as Metric[];
  const entries = judged.map((metric) => [metric, qualityOf(estimates[metric] ?? null, realised[metric] ?? null)] as const);
  return Object.fromEntries(entries) as Partial<Record<Metric, EstimateQuality | null>>;
}

function qualityOf(estimate: MetricEstimate | null, realised: number | null): EstimateQuality | null {
  if (estimate === null || realised === null) return null;
  const { value, low, high } = estimate;
  return { realised, difference: value - realised, withinBand: low === null || high === null ? null : realised >= low && realised <= high };
}

/** The arithmetic mean; NaN of nothing. */
export function meanOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** With divisor n; null of nothing, and where squares exceed what a number can hold. */
export function standardDeviation(values: Float64Array): number | null {
  if (values.length === 0) return null;
  const mean = meanOf(values);
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return Number.isFinite(squares) ? Math.sqrt(squares / values.length) : null;
}
