import type { ComparisonUndefined, Measurement, PairedComparison, RecentGain } from '../contracts/evaluations.js';
import { durationMs } from '../contracts/time.js';
import { HIGHER_IS_BETTER, type Estimate, type GateCheck, type GateDecision, type MetricName, type Verdict } from '../contracts/verdict.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { retrainingValue, type RetrainingValue, valueWords } from './retraining-value.js';

export interface GateInput {
  readonly spec: Pick<ModelSpec, 'evaluation' | 'gates' | 'retraining'>;
  /** Of the candidate. */
  readonly measurement: Measurement;
  /** Null where the deployment has no champion yet: the absolute thresholds decide alone. */
  readonly comparison: PairedComparison | ComparisonUndefined | null;
  /** What decides with `by: recentLoss`; it is not there where the champion could not be compared. */
  readonly recentGain?: RecentGain;
  /** A person or a caller asked for the retrain, which overrides what it is worth. */
  readonly requested: boolean;
  /** Rows with mature labels that both were judged on. */
  readonly rows: number;
}

/** Of several verdicts the gravest stands. */
const GRAVITY: readonly Verdict[] = ['pass', 'inconclusive', 'fail', 'error'];

/**
 * Decides whether a candidate may be promoted; a pure function of recorded measurements.
 *
 * An absolute threshold is judged by the point estimate: it is a floor of usefulness that somebody chose for the number
 * itself, and judging it by a bound would move it with the window's size. Whether the interval reaches across is said.
 * The comparison is judged by the interval, since the question is whether a difference is real: `pass` when even the low
 * end of the gain is above `minimumGain`, `fail` when its high end is not or the candidate did no better at all on these
 * rows, else `inconclusive`. With too few rows everything is inconclusive. A metric that the gate needs and that does
 * not exist on the rows is an `error`.
 *
 * With `gates.comparison.by: recentLoss` the gain in the loss of a row over the newest blocks (recent-gain.ts) is judged so instead, and without an
 * interval it is `inconclusive`. Where the spec gives costs, `worth` then asks whether what the gain is expected to save over their horizon exceeds
 * the release: the training is paid for by now.
 */
export function decideGate(input: GateInput): GateDecision {
  const enough = input.rows >= input.spec.evaluation.minimumRows;
  const judged = [
    ...input.spec.gates.absolute.map((threshold) => absoluteCheck(threshold, input.measurement)),
    ...comparisonChecks(input),
  ];
  const checks = [rowsCheck(input.rows, input.spec.evaluation.minimumRows), ...(enough ? judged : judged.map(withheld))];
  const verdict = checks.reduce<Verdict>((worst, check) => (GRAVITY.indexOf(check.verdict) > GRAVITY.indexOf(worst) ? check.verdict : worst), 'pass');
  return { verdict, checks };
}

function rowsCheck(rows: number, minimum: number): GateCheck {
  const enough = rows >= minimum;
  return {
    name: 'rows',
    verdict: enough ? 'pass' : 'inconclusive',
    explanation: enough
      ? `${count(rows)} rows have mature labels; ${count(minimum)} are needed.`
      : `Only ${count(rows)} rows have mature labels and ${count(minimum)} are needed; wait for more labels or widen evaluation.window.`,
    measured: { value: rows, low: null, high: null },
    required: `at least ${count(minimum)} rows`,
  };
}

const withheld = (check: GateCheck): GateCheck =>
  check.measured === null && check.verdict === 'pass'
    ? check
    : { ...check, verdict: 'inconclusive', explanation: `Too few rows to judge. On those there are: ${check.explanation}` };

function absoluteCheck(threshold: ModelSpec['gates']['absolute'][number], measurement: Measurement): GateCheck {
  const { metric, min, max } = threshold;
  const name = `absolute:${metric}`;
  const required = [min === undefined ? '' : `at least ${min}`, max === undefined ? '' : `at most ${max}`].filter(Boolean).join(' and ');
  const measured = measurement.metrics[metric];
  if (!measured) {
    const reason = measurement.undefinedBecause[metric] ?? 'it was not measured';
    return { name, verdict: 'error', explanation: `${metric} is not defined on the evaluation rows: ${reason}.`, measured: null, required };
  }
  const meets = (value: number): boolean => (min === undefined || value >= min) && (max === undefined || value <= max);
  const met = meets(measured.value);
  const crosses = measured.low !== null && measured.high !== null && (meets(measured.low) !== met || meets(measured.high) !== met);
  const explanation = `${metric} is ${said(measured)}, ${met ? 'which meets' : 'which misses'} the required ${required}${crosses ? '; the interval reaches across the threshold' : ''}.`;
  return { name, verdict: met ? 'pass' : 'fail', explanation, measured, required };
}

function comparisonChecks(input: GateInput): GateCheck[] {
  const { spec: { gates, evaluation }, comparison } = input;
  return gates.comparison.by === 'recentLoss' ? recentChecks(input) : [comparisonCheck(gates.comparison, evaluation.alpha, comparison)];
}

function comparisonCheck(
  { metric, minimumGain }: ModelSpec['gates']['comparison'], alpha: number, comparison: GateInput['comparison'],
): GateCheck {
  const name = `comparison:${metric}`;
  const required = `a gain in ${metric} of more than ${minimumGain} at ${percent(1 - alpha)} confidence`;
  if (comparison === null) return { name, verdict: 'pass', explanation: NO_CHAMPION, measured: null, required };
  if (comparison.metric !== metric) {
    return { name, verdict: 'error', explanation: `The comparison was made on ${comparison.metric} and the spec asks for ${metric}.`, measured: null, required };
  }
  if ('undefinedBecause' in comparison) {
    return { name, verdict: 'error', explanation: `${metric} cannot be compared on the evaluation rows: ${comparison.undefinedBecause}.`, measured: null, required };
  }
  const { gain } = comparison;
  const verdict = comparisonVerdict(gain, minimumGain);
  return { name, verdict, explanation: explain(metric, comparison, minimumGain, verdict), measured: gain, required };
}

const NO_CHAMPION = 'There is no champion yet to compare with; the absolute thresholds decide.';

function comparisonVerdict({ value, low, high }: Estimate, minimumGain: number): Verdict {
  if (value <= 0 || (high !== null && high <= minimumGain)) return 'fail';
  return low !== null && low > minimumGain ? 'pass' : 'inconclusive';
}

function explain(metric: MetricName, comparison: PairedComparison, minimumGain: number, verdict: Verdict): string {
  const { candidate, champion, gain, rows, blocks } = comparison;
  const better = HIGHER_IS_BETTER[metric] ? 'higher' : 'lower';
  const basis = `${count(rows)} rows${blocks === null ? '' : ` in ${blocks} time blocks`}`;
  const facts = `${metric} (${better} is better) is ${figure(candidate)} against the champion's ${figure(champion)} on the same ${basis}: a gain of ${said(gain)}`;
  return `${facts}; ${conclusion(gain, minimumGain, verdict, 'time block')}.`;
}

/** @param single what alone gives no interval */
function conclusion({ value, low }: Estimate, minimumGain: number, verdict: Verdict, single: string): string {
  if (verdict === 'pass') return `the whole interval is above ${minimumGain}`;
  if (verdict === 'fail') return value <= 0 ? 'the candidate is no better' : `the whole interval is at or below the smallest gain worth a promotion, ${minimumGain}`;
  return low === null ? `no interval can be drawn from a single ${single}; widen evaluation.window` : `the interval reaches across ${minimumGain}; more rows or a person must decide`;
}

function recentChecks({ spec: { gates, evaluation, retraining: { costs } }, comparison, recentGain, requested }: GateInput): GateCheck[] {
  const { minimumGain } = gates.comparison;
  const name = 'comparison:recentLoss';
  const required = `a gain in the loss of the newest rows of more than ${minimumGain} at ${percent(1 - evaluation.alpha)} confidence`;
  if (comparison === null) return [{ name, verdict: 'pass', explanation: NO_CHAMPION, measured: null, required }];
  const worth = costs ? [worthCheck(costs, recentGain, requested)] : [];
  if (!recentGain) {
    const because = 'undefinedBecause' in comparison ? comparison.undefinedBecause : 'they were not measured';
    return [{ name, verdict: 'error', explanation: `The losses of the newest rows cannot be compared: ${because}.`, measured: null, required }, ...worth];
  }
  const { gain } = recentGain;
  const verdict = gain.low === null ? 'inconclusive' : comparisonVerdict(gain, minimumGain);
  return [{ name, verdict, explanation: explainRecent(recentGain, minimumGain, verdict), measured: gain, required }, ...worth];
}

function explainRecent({ loss, candidate, champion, rows, blocks, since, gain }: RecentGain, minimumGain: number, verdict: Verdict): string {
  const stretch = `${count(rows)} row${rows === 1 ? '' : 's'} of the newest ${blocks === 1 ? 'block' : `${count(blocks)} blocks`}, since ${since}`;
  const facts = `The mean loss of a row (${loss}, lower is better) is ${figure(candidate)} against the champion's ${figure(champion)} on the same ${stretch}: a gain of ${said(gain)}`;
  return `${facts}; ${conclusion(gain, minimumGain, verdict, rows === 1 ? 'row' : 'block')}.`;
}

type Costs = NonNullable<ModelSpec['retraining']['costs']>;

function worthCheck(costs: Costs, recentGain: RecentGain | undefined, requested: boolean): GateCheck {
  const required = `to save more than a release costs, ${costs.release}`;
  const value = recentGain ? releaseValue(costs, recentGain) : null;
  const facts = value ? `${valueWords(`Over ${costs.horizon} a release`, value)}.` : 'What a release would save is not known.';
  const weighed: Verdict = value === null ? 'inconclusive' : value.saved.estimate > value.cost ? 'pass' : 'fail';
  const measured = value && { value: value.saved.estimate, low: value.saved.low, high: value.saved.high };
  const explanation = requested ? `${facts} The retrain was requested, and a request overrides the weighing.` : facts;
  return { name: 'worth', verdict: requested ? 'pass' : weighed, explanation, measured, required };
}

/** Null where the gain has no interval. */
function releaseValue({ perLossUnit, release, horizon }: Costs, { gain: { value, low, high }, rowsPerDay }: RecentGain): RetrainingValue | null {
  if (low === null || high === null) return null;
  return retrainingValue({ estimate: value, low, high, rowsPerDay }, { perLossUnit, training: 0, release, horizonMs: durationMs(horizon) as number });
}

const said = ({ value, low, high }: Estimate): string =>
  low === null || high === null ? figure(value) : `${figure(value)} (interval ${figure(low)} to ${figure(high)})`;

/** Five significant digits are what the figures carry. */
const figure = (value: number): string => String(Number(value.toPrecision(5)));
const count = (value: number): string => value.toLocaleString('en-US');
const percent = (share: number): string => `${Number((100 * share).toPrecision(6))} %`;
