import type { Estimate, GateCheck, Verdict } from '../contracts/verdict.js';
import { disparityKind, type Disparity, type DisparityName, type FairnessMeasurement } from './fairness.js';

/**
 * The least that a ratio and the most that a difference may be, from 0 to 1: { demographicParityRatio: 0.8 } is the four-fifths
 * rule of the Uniform Guidelines on Employee Selection Procedures (29 CFR 1607.4 D).
 */
export type FairnessLimits = Readonly<Partial<Record<DisparityName, number>>>;

export interface FairnessCheck extends GateCheck {
  /** The protected column, or the crossed ones. */
  readonly columns: readonly string[];
  readonly disparity: DisparityName;
}

/**
 * Holds each disparity that has a limit against it, by its interval: `pass` where all of it keeps the limit, `fail` where none of
 * it does, and `inconclusive` otherwise, also where the disparity is not defined.
 * @returns one a limit, in the order of the limits
 * @throws RangeError for a limit outside of [0, 1]
 */
export function judgeFairness(measured: FairnessMeasurement, limits: FairnessLimits): FairnessCheck[] {
  return (Object.entries(limits) as [DisparityName, number][]).map(([name, limit]) => {
    if (!(limit >= 0 && limit <= 1)) throw new RangeError(`the limit of ${name} must lie between 0 and 1, not be ${limit}`);
    const disparity = measured.disparities[name];
    const verdict = disparity ? verdictOf(disparity, limit, disparityKind(name)) : 'inconclusive';
    return {
      name: `fairness:${measured.columns.join('×')}:${name}`,
      columns: measured.columns,
      disparity: name,
      verdict,
      explanation: explain(measured, name, limit, verdict),
      measured: disparity && { value: disparity.value, low: disparity.low, high: disparity.high },
      required: `${name} of ${disparityKind(name) === 'ratio' ? 'at least' : 'at most'} ${limit}`,
    };
  });
}

function verdictOf({ low, high }: Disparity, limit: number, kind: 'ratio' | 'difference'): Verdict {
  const [within, outside] = kind === 'ratio' ? [low >= limit, high < limit] : [high <= limit, low > limit];
  return within ? 'pass' : outside ? 'fail' : 'inconclusive';
}

function explain(measured: FairnessMeasurement, name: DisparityName, limit: number, verdict: Verdict): string {
  const { columns, disparities, undefinedBecause, alpha } = measured;
  const by = columns.join(' × ');
  const disparity = disparities[name];
  if (!disparity) return `The ${name} by ${by} is not defined: ${undefinedBecause[name] ?? 'it was not measured'}.`;
  const { rate, highest, lowest, pairs } = disparity;
  const confidence = `at ${Number((100 * (1 - alpha)).toPrecision(6))} % confidence for ${pairs === 1 ? 'the one pair' : `all ${pairs} pairs`} of groups`;
  const facts = `The ${name} by ${by} is ${said(disparity)}, ${confidence}`;
  const groups = `the ${rate} is highest for ${highest.join(' × ')} and lowest for ${lowest.join(' × ')}`;
  const conclusion = verdict === 'pass' ? 'the whole interval keeps' : verdict === 'fail' ? 'the whole interval breaks' : 'the interval reaches across';
  return `${facts}; ${groups}; ${conclusion} the limit ${limit}.`;
}

const said = ({ value, low, high }: Estimate): string =>
  low === null || high === null ? figure(value) : `${figure(value)} (interval ${figure(low)} to ${figure(high)})`;

const figure = (value: number): string => String(Number(value.toPrecision(5)));
