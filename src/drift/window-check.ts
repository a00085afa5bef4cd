import { type FeatureCounts, JUDGING_LOOKS, type LossSummary, type WindowFinding, type WindowSummary, type WindowVerdict } from '../contracts/window-summary.js';
import { sensitivityOf } from '../contracts/masking.js';
import { comparisonLoss } from '../spec/comparison-loss.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { lowerMean, lowerShare } from './lower-bounds.js';

/** The chance that a window within all its limits is found to break one, over all of its checks and looks. */
export const WINDOW_ALPHA = 0.001;
/** A share below this harms nobody, however certain it is: a limit of 0 stands for it. */
export const NEGLIGIBLE_SHARE = 0.001;

/**
 * Holds a window against the limits of the spec: `data.features[].maxMissing`, `maxUnknown`, `min` and `max`, and
 * `monitoring.maximumLoss`. A limit is broken when the lower confidence bound of what was measured lies beyond it, so that a
 * window does not fail for being large, nor for a few odd rows of a small one. The checks share the error rate
 * (Bonferroni). Rows count as independent.
 */
export function checkWindow(spec: Pick<ModelSpec, 'task' | 'data' | 'rollout' | 'monitoring'>, summary: WindowSummary): WindowVerdict {
  const checks = summary.rows === 0 ? [] : [...shareChecks(spec, summary), ...lossChecks(spec, summary.loss)];
  const findings = checks.flatMap((check) => check(WINDOW_ALPHA / JUDGING_LOOKS.length / checks.length) ?? []);
  const verdict = findings.length > 0 ? 'fail' : checks.length > 0 ? 'pass' : 'inconclusive';
  return { verdict, rows: summary.rows, checks: checks.length, findings };
}

/** What several looks at the same window say together. */
export function joinVerdicts(verdicts: readonly WindowVerdict[]): WindowVerdict {
  const of = (verdict: WindowVerdict['verdict']): boolean => verdicts.some((one) => one.verdict === verdict);
  return {
    verdict: of('fail') ? 'fail' : of('pass') ? 'pass' : 'inconclusive', rows: Math.max(0, ...verdicts.map(({ rows }) => rows)),
    checks: verdicts.reduce((sum, { checks }) => sum + checks, 0), findings: verdicts.flatMap(({ findings }) => findings),
  };
}

type Check = (delta: number) => WindowFinding | null;

function shareChecks(spec: Pick<ModelSpec, 'data'>, { inputRows, features: counted }: WindowSummary): Check[] {
  if (inputRows === 0) return [];
  const byName = new Map(counted.map((counts) => [counts.name, counts]));
  const sensitive = sensitivityOf(spec).columns;
  return spec.data.features.flatMap((feature) => {
    const counts = byName.get(feature.name);
    return counts ? featureChecks(feature, counts, inputRows, sensitive.has(feature.name) ? SENSITIVE_RANGE : rangeOf(feature)) : [];
  });
}

function featureChecks(feature: FeatureSpec, counts: FeatureCounts, rows: number, range: string): Check[] {
  const missing = shareCheck('missing', feature.name, counts.missing, rows, feature.maxMissing, 'have no value');
  if (feature.type === 'category') return [missing, shareCheck('unknown', feature.name, counts.unknown, rows, feature.maxUnknown, 'hold a text that the spec does not list')];
  if (feature.min === undefined && feature.max === undefined) return [missing];
  return [missing, shareCheck('outOfRange', feature.name, counts.outOfRange, rows, 0, `lie outside ${range}`)];
}

const SENSITIVE_RANGE = '[min, max]';
/** What only numbers have. */
const rangeOf = (feature: FeatureSpec): string => (feature.type === 'number' ? `[${feature.min ?? '−∞'}, ${feature.max ?? '∞'}]` : '');

function shareCheck(check: WindowFinding['check'], feature: string, count: number, rows: number, allowed: number, fault: string): Check {
  const limit = Math.max(allowed, NEGLIGIBLE_SHARE);
  return (delta) => {
    const low = lowerShare(count, rows, delta);
    if (low <= limit) return null;
    const message = `${feature}: ${percent(count / rows)} of ${rows} rows ${fault}, surely more than ${percent(low)}; the spec allows ${percent(allowed)}`;
    return { check, feature, measured: count / rows, low, limit: allowed, rows, message };
  };
}

function lossChecks(spec: Pick<ModelSpec, 'task' | 'rollout' | 'monitoring'>, loss: LossSummary | null): Check[] {
  const limit = spec.monitoring.maximumLoss;
  const { metric, bound } = comparisonLoss(spec);
  if (limit === undefined || loss === null || loss.rows === 0 || bound === undefined) return [];
  return [(delta) => {
    const low = lowerMean(loss, bound, delta);
    if (low <= limit) return null;
    const message = `The mean ${metric} of ${loss.rows} labelled rows is ${rounded(loss.mean)}, surely more than ${rounded(low)}; the spec allows ${limit} (monitoring.maximumLoss)`;
    return { check: 'loss', feature: null, measured: loss.mean, low, limit, rows: loss.rows, message };
  }];
}

const rounded = (value: number): string => String(Number(value.toPrecision(3)));
const percent = (share: number): string => `${rounded(share * 100)} %`;
