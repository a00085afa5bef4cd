import type { ReleaseGuards } from '../contracts/releases.js';
import type { OperationFigures } from '../contracts/window-assessment-report.js';
import { FEWEST_EARLIER, LIMITED_OPERATIONS, type LimitedOperation, MOST_EARLIER, type OperationCheck, type OperationChecks } from '../contracts/window-operations.js';
import { criticalValue } from '../evaluation/distributions.js';
import { lowerShare } from './lower-bounds.js';

export interface OperationTerms {
  readonly guards: Pick<ReleaseGuards, 'maximumErrorRate' | 'maximumSlowShare'>;
  /** A value beyond its limit is found in at most half of it of windows, figure by figure. */
  readonly alpha: number;
}

/** Those of earlier windows of the deployment, the newest first. */
export type EarlierChecks = readonly OperationChecks[];

/**
 * How a window was served, each figure beside what it may come to: the spec's limit where it names one, else {@link predictionLimit} of the newest
 * windows before. An answer has no latency on the rows on which a version was judged, so that earlier windows are what operations are held against.
 * @param figures without checks @param earlier at most 26 of them count for a figure, fewer than 8 give no limit
 */
export function operationChecks(figures: Omit<OperationFigures, 'checks'>, earlier: EarlierChecks, { guards, alpha }: OperationTerms): OperationChecks {
  const values = valuesOf(figures);
  const shares: Partial<Record<LimitedOperation, OperationCheck>> = {
    slowShare: specCheck(countOf(figures.slow?.count, figures.slow?.requests), guards.maximumSlowShare, alpha),
    failedShare: specCheck(failedOf(figures), guards.maximumErrorRate, alpha),
  };
  const checks = LIMITED_OPERATIONS.map((name) => [name, shares[name] ?? windowsCheck(values[name] ?? null, earlier.flatMap((one) => one[name]?.value ?? []), alpha)]);
  return Object.fromEntries(checks) as OperationChecks;
}

/**
 * The upper end of the prediction interval for one more value of a normal sample: m + t(1 − α/2; n − 1) s √(1 + 1/n) (Hahn & Meeker 1991, "Statistical
 * Intervals", 4.7). Values that are not normal lie beyond it more often than in α/2 of windows.
 * @returns null for fewer than two values, and where they do not vary: how far they may is not known
 */
export function predictionLimit(values: readonly number[], alpha: number): number | null {
  const n = values.length;
  if (n < 2 || values.every((value) => value === values[0])) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  return mean + criticalValue(alpha, n - 1) * deviation * Math.sqrt(1 + 1 / n);
}

interface Counted {
  readonly count: number;
  readonly requests: number;
}

const countOf = (count: number | undefined, requests: number | undefined): Counted | null => (count === undefined || !requests ? null : { count, requests });

/** Requests that were not answered and could have been; what callers did wrong is not among them. */
function failedOf({ gateways }: Omit<OperationFigures, 'checks'>): Counted | null {
  if (!gateways) return null;
  const { requests, errors: { count, bySource } } = gateways;
  const failed = count - bySource.caller.count;
  return countOf(failed, requests + failed);
}

function valuesOf({ latencyMs, arrivalLagMs, gateways }: Omit<OperationFigures, 'checks'>): Partial<Record<LimitedOperation, number | null>> {
  return {
    latencyP50Ms: latencyMs?.p50 ?? null, latencyP95Ms: latencyMs?.p95 ?? null, latencyP99Ms: latencyMs?.p99 ?? null, refusedShare: gateways?.errors.bySource.caller.share ?? null,
    busiestShare: gateways?.throughput.busiestShare ?? null, memoryBytes: gateways?.memoryBytes ?? null, cpuCores: gateways?.cpu.meanCores ?? null, arrivalLagP95Ms: arrivalLagMs?.p95 ?? null,
  };
}

/** A share above the spec's limit is out of the ordinary once its lower bound is above it too: a few requests prove nothing. */
function specCheck(counted: Counted | null, limit: number, alpha: number): OperationCheck {
  if (!counted) return { value: null, limit, by: 'spec', windows: 0, verdict: 'inconclusive' };
  const { count, requests } = counted;
  const value = count / requests;
  const verdict = value <= limit ? 'pass' : lowerShare(count, requests, alpha / 2) > limit ? 'fail' : 'inconclusive';
  return { value, limit, by: 'spec', windows: 0, verdict };
}

function windowsCheck(value: number | null, earlier: readonly number[], alpha: number): OperationCheck {
  const known = earlier.slice(0, MOST_EARLIER);
  const limit = known.length < FEWEST_EARLIER ? null : predictionLimit(known, alpha);
  const verdict = value === null || limit === null ? 'inconclusive' : value > limit ? 'fail' : 'pass';
  return { value, limit, by: 'windows', windows: known.length, verdict };
}
