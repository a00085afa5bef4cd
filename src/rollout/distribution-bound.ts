/** The leading constant of the bound; with 0.85 it is narrow over the sample sizes of a release (Howard & Ramdas 2022, section 3). */
const A = 0.85;

const constants = new Map<number, number>();

/**
 * A bound on the distance sup_x |F̂_t(x) − F(x)| of an empirical distribution from the true one that holds at every
 * t ≥ `start` together with probability 1 − alpha: Howard & Ramdas, "Sequential estimation of quantiles with applications
 * to A/B testing and best-arm identification" (Bernoulli 2022; arXiv 1906.09712), Theorem 2: A √((ln ln(e t / start) + C) / t)
 * with the least C whose crossing probability is alpha. The rows must be independent draws of one distribution.
 * It agrees with confseq's `empirical_process_lil_bound` to 1e-9.
 * @returns Infinity before `start`
 */
export function distributionBound(t: number, start: number, alpha: number): number {
  if (t < start) return Infinity;
  return A * Math.sqrt((Math.log1p(Math.log(t / start)) + constantFor(alpha)) / t);
}

function constantFor(alpha: number): number {
  const known = constants.get(alpha);
  if (known !== undefined) return known;
  let low = 1;
  let high = 2;
  while (crossingProbability(high) > alpha) [low, high] = [high, 2 * high];
  for (let step = 0; step < 100 && high - low > 1e-14 * high; step++) {
    const middle = (low + high) / 2;
    if (crossingProbability(middle) > alpha) low = middle;
    else high = middle;
  }
  constants.set(alpha, high);
  return high;
}

/** Their equation 14: the least over η of 4 exp(−γ² C) (1 + 1 / ((γ² − 1) ln η)), γ = √(2/η) (A − √(2 (η − 1) / C)). */
function crossingProbability(constant: number): number {
  const at = (eta: number): number => {
    const gamma = Math.sqrt(2 / eta) * (A - Math.sqrt((2 * (eta - 1)) / constant));
    return gamma > 1 ? 4 * Math.exp(-gamma * gamma * constant) * (1 + 1 / ((gamma * gamma - 1) * Math.log(eta))) : Infinity;
  };
  const points = 300;
  const eta = (index: number): number => 1 + ((2 * A * A - 1) * index) / points;
  let best = 1;
  for (let index = 2; index < points; index++) if (at(eta(index)) < at(eta(best))) best = index;
  return leastBetween(at, eta(best - 1), eta(best + 1));
}

/** Golden-section search for the least value of a function with one valley. */
function leastBetween(at: (x: number) => number, from: number, to: number): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [from, to];
  for (let step = 0; step < 80; step++) {
    const [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
    if (at(left) <= at(right)) high = right;
    else low = left;
  }
  return at((low + high) / 2);
}
