import { betaBinomialLogMixture } from './mixture-boundaries.js';

/** Counts of a stretch of requests or rows, of which some were of the kind that is counted: errors, slow answers, equal decisions. */
export interface Counts {
  readonly trials: number;
  readonly successes: number;
}

export interface ShareInterval {
  /** Of all trials, from 0 to 1. Null: there are none. */
  readonly share: number | null;
  readonly low: number;
  readonly high: number;
}

/** Shares nearer to 0 or 1 than this are not told apart from them. */
const RESOLUTION = 1e-12;

/**
 * A confidence sequence for a share, from its counts alone: it may be looked at after every trial. Each side is the
 * one-sided beta-binomial mixture (Howard et al. 2021, Proposition 7; Robbins 1970) at alpha/2, so that with probability
 * at least 1 − alpha at every moment: it is not so that each trial's chance, given those before, was below `low`, nor
 * that each was above `high`. Where the chance stands still, that is a confidence interval for it. It does not bound the
 * average of a chance that moves, and a short outburst after a long calm is soon seen only in counts that begin anew.
 * @param tunedFor trials at which the interval is nearly narrowest
 */
export function shareInterval({ trials, successes }: Counts, alpha: number, tunedFor: number): ShareInterval {
  if (!(successes >= 0 && successes <= trials)) throw new RangeError(`${successes} of ${trials} trials cannot be counted`);
  if (trials === 0) return { share: null, low: 0, high: 1 };
  return {
    share: successes / trials,
    low: lowerShare(successes, trials, alpha / 2, tunedFor),
    high: 1 - lowerShare(trials - successes, trials, alpha / 2, tunedFor),
  };
}

/** The one-sided lower bound at level alpha. */
export function lowerShare(successes: number, trials: number, alpha: number, tunedFor: number): number {
  if (successes === 0) return 0;
  const refuted = (share: number): boolean => betaBinomialLogMixture(successes, trials, share, tunedFor, alpha) >= Math.log(1 / alpha);
  if (!refuted(RESOLUTION)) return 0;
  // Small shares differ by orders of magnitude, so the search halves the interval of logarithms.
  let low = Math.log(RESOLUTION);
  let high = Math.log(Math.min(successes / trials, 1 - RESOLUTION));
  for (let step = 0; step < 100 && high - low > 1e-13; step++) {
    const middle = (low + high) / 2;
    if (refuted(Math.exp(middle))) low = middle;
    else high = middle;
  }
  return Math.exp(low);
}
