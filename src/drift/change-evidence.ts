import { YEAR_MS, yearStart } from './alarm-budget.js';

/**
 * Evidence that losses changed for the worse at some time, for any start of the change: a Shiryaev-Roberts e-detector (Shin,
 * Ramdas & Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", NEJSDS 2024), S = Σ_j w_j M_j,
 * with M_j the product of the bets (loss-bets.ts) from batch j on. Theirs has w_j = 1 and bounds the average run length;
 * here the starts of a year have weights that add up to 1, so that a probability per year is bounded.
 *
 * Controlled: as long as nothing is wrong, the chance that S reaches 1/delta within a year of event time is at most delta,
 * given all that was before that year. For S plus the weight that the year's later starts will have is a supermartingale
 * that begins the year at 1 at most, and Ville's inequality bounds its maximum.
 *
 * A start's weight is its batch's share of the year. At a turn of the year S is cut to CARRIED, and the new starts share the
 * rest: harm that began shortly before is not forgotten.
 */
export interface ChangeEvidence {
  readonly yearFromMs: number;
  /** The weight that this year's starts share, and what of it is left. */
  readonly weight: number;
  readonly left: number;
  /** S for each rate; their mean is the evidence. */
  readonly sums: readonly number[];
  /** The greatest term w_j M_j of each rate (a CUSUM e-detector), and when its batch j begins: where the change seems to be. */
  readonly peaks: readonly number[];
  readonly since: readonly number[];
}

const CARRIED = 0.25;
/** Far beyond every threshold, and far from overflow. */
const ENOUGH = 1e200;

/** @param yearFromMs where the years are counted from, milliseconds since 1970-01-01 UTC */
export function startEvidence(rates: number, yearFromMs: number): ChangeEvidence {
  const none = new Array<number>(rates).fill(0);
  return { yearFromMs, weight: 1, left: 1, sums: none, peaks: none, since: new Array<number>(rates).fill(yearFromMs) };
}

/**
 * Adds a batch: a new start, and its factor to all starts so far. S ← (S + w) F at each rate.
 * @param logFactors ln F of the batch for each rate
 */
export function addBets(before: ChangeEvidence, fromMs: number, untilMs: number, logFactors: Float64Array): ChangeEvidence {
  const now = inYearOf(before, fromMs);
  const weight = Math.min(now.left, (now.weight * (untilMs - fromMs)) / YEAR_MS);
  const grown = (value: number, rate: number): number => Math.min(ENOUGH, value * Math.exp(Math.min(700, logFactors[rate]!)));
  return {
    ...now,
    left: now.left - weight,
    sums: now.sums.map((sum, rate) => grown(sum + weight, rate)),
    peaks: now.peaks.map((peak, rate) => grown(Math.max(peak, weight), rate)),
    since: now.since.map((since, rate) => (weight > now.peaks[rate]! ? fromMs : since)),
  };
}

/** S, averaged over the rates. */
export const evidenceOf = ({ sums }: ChangeEvidence): number => sums.reduce((total, sum) => total + sum, 0) / sums.length;

/** When the change most likely began: the start of the greatest term. */
export function changeStart({ peaks, since }: ChangeEvidence): number {
  return since[peaks.indexOf(Math.max(...peaks))]!;
}

function inYearOf(evidence: ChangeEvidence, atMs: number): ChangeEvidence {
  const yearFromMs = yearStart(evidence.yearFromMs, atMs);
  if (yearFromMs === evidence.yearFromMs) return evidence;
  const reached = evidenceOf(evidence);
  const carried = Math.min(CARRIED, reached);
  const cut = reached > 0 ? carried / reached : 0;
  return {
    ...evidence, yearFromMs, weight: 1 - carried, left: 1 - carried,
    sums: evidence.sums.map((sum) => sum * cut), peaks: evidence.peaks.map((peak) => peak * cut),
  };
}
