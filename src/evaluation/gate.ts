import type { ComparisonUndefined, Measurement, PairedComparison } from '../contracts/evaluations.js';
import { HIGHER_IS_BETTER, type Estimate, type GateCheck, type GateDecision, type MetricName, type Verdict } from '../contracts/verdict.js';
import type { ModelSpec } from '../spec/model-spec.js';

export interface GateInput {
  readonly spec: Pick<ModelSpec, 'evaluation' | 'gates'>;
  /** Of the candidate. */
  readonly measurement: Measurement;
  /** Null where the deployment has no champion yet: the absolute thresholds decide alone. */
  readonly comparison: PairedComparison | ComparisonUndefined | null;
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
 */
export function decideGate(input: GateInput): GateDecision {
  const enough = input.rows >= input.spec.evaluation.minimumRows;
  const judged = [
    ...input.spec.gates.absolute.map((threshold) => absoluteCheck(threshold, input.measurement)),
    comparisonCheck(input.spec.gates.comparison, input.spec.evaluation.alpha, input.comparison),
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

function comparisonCheck(
  { metric, minimumGain }: ModelSpec['gates']['comparison'], alpha: number, comparison: GateInput['comparison'],
): GateCheck {
  const name = `comparison:${metric}`;
  const required = `a gain in ${metric} of more than ${minimumGain} at ${percent(1 - alpha)} confidence`;
  if (comparison === null) {
    return { name, verdict: 'pass', explanation: 'There is no champion yet to compare with; the absolute thresholds decide.', measured: null, required };
  }
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

function comparisonVerdict({ value, low, high }: Estimate, minimumGain: number): Verdict {
  if (value <= 0 || (high !== null && high <= minimumGain)) return 'fail';
  return low !== null && low > minimumGain ? 'pass' : 'inconclusive';
}

function explain(metric: MetricName, comparison: PairedComparison, minimumGain: number, verdict: Verdict): string {
  const { candidate, champion, gain, rows, blocks } = comparison;
  const better = HIGHER_IS_BETTER[metric] ? 'higher' : 'lower';
  const basis = `${count(rows)} rows${blocks === null ? '' : ` in ${blocks} time blocks`}`;
  const facts = `${metric} (${better} is better) is ${figure(candidate)} against the champion's ${figure(champion)} on the same ${basis}: a gain of ${said(gain)}`;
  const conclusions: Partial<Record<Verdict, string>> = {
    pass: `the whole interval is above ${minimumGain}`,
    fail: gain.value <= 0 ? 'the candidate is no better' : `the whole interval is at or below the smallest gain worth a promotion, ${minimumGain}`,
    inconclusive:
      gain.low === null
        ? 'no interval can be drawn from a single time block; widen evaluation.window'
        : `the interval reaches across ${minimumGain}; more rows or a person must decide`,
  };
  return `${facts}; ${conclusions[verdict] ?? ''}.`;
}

const said = ({ value, low, high }: Estimate): string =>
  low === null || high === null ? figure(value) : `${figure(value)} (interval ${figure(low)} to ${figure(high)})`;

/** Five significant digits are what the figures carry. */
const figure = (value: number): string => String(Number(value.toPrecision(5)));
const count = (value: number): string => value.toLocaleString('en-US');
const percent = (share: number): string => `${Number((100 * share).toPrecision(6))} %`;
