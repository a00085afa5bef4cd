import type { ComparisonUndefined, PairedComparison } from '../contracts/evaluations.js';
import type { CheckOutcome } from '../contracts/validations.js';
import type { Estimate } from '../contracts/verdict.js';
import { figure, said } from './validation-words.js';

/** The seed of the second training. */
export const otherSeed = (seed: number): number => (seed === 2 ** 31 - 1 ? 0 : seed + 1);

/** Two trainings of one spec on one snapshot that differ in their seed alone. */
export interface Retrained {
  readonly seed: number;
  /** Digest of the other model. */
  readonly otherModel: string;
  /** Of the version, as it was recorded, with its sampling interval. */
  readonly measured: Estimate | null;
  /** The other model as the candidate, the version as the champion, on the rows that judged. */
  readonly comparison: PairedComparison | ComparisonUndefined;
}

/**
 * Stability: with another seed the metric may move by no more than sampling moves it, which is to stay within the interval of the version's own value. Outside of it the seed matters more than the rows do, and the
 * version's value is luck in part.
 */
export function judgeStability({ seed, otherModel, measured, comparison }: Retrained): CheckOutcome {
  const other = otherSeed(seed);
  const figures = { seed, otherSeed: other, otherModel, measured, comparison };
  if ('undefinedBecause' in comparison) return { verdict: 'inconclusive', explanation: `With seed ${other} the ${comparison.metric} is not defined: ${comparison.undefinedBecause}.`, figures };
  const facts = `${comparison.metric} is ${figure(comparison.candidate)} with seed ${other} and ${measured ? said(measured) : figure(comparison.champion)} with seed ${seed}`;
  if (!measured || measured.low === null || measured.high === null) return { verdict: 'inconclusive', explanation: `${facts}; without an interval nothing says how far it may move.`, figures };
  const within = comparison.candidate >= measured.low && comparison.candidate <= measured.high;
  return { verdict: within ? 'pass' : 'fail', explanation: `${facts}; ${within ? 'the difference is within what sampling explains' : 'the difference is more than sampling explains: the seed decides'}.`, figures };
}
