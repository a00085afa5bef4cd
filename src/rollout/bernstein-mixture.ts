/**
 * A non-asymptotic one-sided confidence sequence for the average conditional mean of bounded rows whose ranges are
 * known before their labels: given both outputs, a row's gain can only lie in [low_i, high_i].
 *
 * For each rate λ > 0 of a grid, exp(λ Σ (d_i − μ_i) − K_t(λ)) is a supermartingale, μ_i the conditional mean of d_i, if
 * each row adds to K(λ) one of two costs, chosen before its label is looked at:
 * - empirical Bernstein: ψ_c(λ) (d_i − x_i)², ψ_c(λ) = (−ln(1 − cλ) − cλ)/c², for cλ < 1, c = x_i − low_i, and x_i the mean
 *   of the rows before, brought into the row's range (Fan, Grama & Liu 2015; Howard et al. 2021, Theorem 4);
 * - Hoeffding: λ² (high_i − low_i)² / 8.
 * It takes the one that is expected to be less. The grid is mixed with fixed weights (Howard et al. 2021, section 3.4,
 * discrete mixtures): where Σ_k w_k exp(λ_k (S_t − t m) − K_t(λ_k)) reaches 1/alpha, the average is above m.
 */
export interface BernsteinMixture {
  /** K(λ) for each rate of the grid. */
  readonly cost: Float64Array;
  /** Σ (d_i − x_i)² and Σ (high_i − low_i)²: how much of the ranges the gains use. */
  squares: number;
  ranges: number;
}

export interface RateGrid {
  /** λ, per unit of gain. */
  readonly rates: Float64Array;
  readonly logWeights: Float64Array;
  /** The square of the assumed standard deviation of a gain. */
  readonly assumedVariance: number;
}

const STEPS = 8;
const RATIO = 1.6;
/** Nearer to 1/c than this the empirical-Bernstein cost is never the lesser one. */
const NEAREST = 0.9;

/**
 * Seventeen rates in geometric steps about the one that is best at `tunedFor` rows of the assumed deviation: they serve
 * rows whose deviation is forty times less or more.
 * @param alpha of one side
 */
export function rateGrid(alpha: number, tunedFor: number, assumedDeviation: number): RateGrid {
  const middle = Math.sqrt((2 * Math.log(1 / alpha)) / tunedFor) / assumedDeviation;
  const steps = Float64Array.from({ length: 2 * STEPS + 1 }, (_, index) => index - STEPS);
  const weights = steps.map((step) => 1 / (2 + Math.abs(step)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return {
    rates: steps.map((step) => middle * RATIO ** step),
    logWeights: weights.map((weight) => Math.log(weight / total)),
    assumedVariance: assumedDeviation ** 2,
  };
}

export const emptyMixture = (): BernsteinMixture => ({ cost: new Float64Array(2 * STEPS + 1), squares: 0, ranges: 0 });

/** @param meanBefore the mean of the rows before; 0 at the first */
export function addToMixture(mixture: BernsteinMixture, grid: RateGrid, meanBefore: number, gain: number, low: number, high: number): void {
  const width = high - low;
  if (width === 0) return;
  const centre = Math.min(high, Math.max(low, meanBefore));
  const scale = centre - low;
  const square = (gain - centre) ** 2;
  const expected = ((mixture.squares + grid.assumedVariance) / (mixture.ranges + 4 * grid.assumedVariance)) * width * width;
  const hoeffding = (width * width) / 8;
  for (let k = 0; k < grid.rates.length; k++) {
    const rate = grid.rates[k]!;
    const psi = rate * scale < NEAREST ? subExponential(rate, scale) : Infinity;
    mixture.cost[k]! += psi * expected < rate * rate * hoeffding ? psi * square : rate * rate * hoeffding;
  }
  mixture.squares += square;
  mixture.ranges += width * width;
}

/** ψ_c(λ) for cλ < 1; by its series where the logarithm would cancel. */
function subExponential(rate: number, scale: number): number {
  const x = rate * scale;
  if (x > 0.01) return (-Math.log1p(-x) - x) / (scale * scale);
  return rate * rate * (1 / 2 + x * (1 / 3 + x * (1 / 4 + x * (1 / 5 + x * (1 / 6 + x / 7)))));
}

/** ln Σ_k w_k exp(λ_k sum − K(λ_k)): the evidence that the average conditional mean is above 0. */
export function logEvidence(mixture: BernsteinMixture, grid: RateGrid, sum: number): number {
  const largest = largestTerm(mixture, grid, sum);
  let total = 0;
  for (let k = 0; k < grid.rates.length; k++) total += Math.exp(exponent(mixture, grid, sum, k) - largest);
  return largest + Math.log(total);
}

/** Whether the evidence reaches `target` (ln 1/alpha); cheap where it is far from it. */
export function reaches(mixture: BernsteinMixture, grid: RateGrid, sum: number, target: number): boolean {
  return largestTerm(mixture, grid, sum) >= target - Math.log(grid.rates.length) && logEvidence(mixture, grid, sum) >= target;
}

const exponent = (mixture: BernsteinMixture, grid: RateGrid, sum: number, k: number): number =>
  grid.logWeights[k]! + grid.rates[k]! * sum - mixture.cost[k]!;

function largestTerm(mixture: BernsteinMixture, grid: RateGrid, sum: number): number {
  let largest = -Infinity;
  for (let k = 0; k < grid.rates.length; k++) largest = Math.max(largest, exponent(mixture, grid, sum, k));
  return largest;
}

/**
 * How far the sum of the gains may lie above the sum of their conditional means, at level alpha: the s at which the
 * evidence reaches 1/alpha. It is convex and increasing in s, so that Newton's steps from above come down to it.
 */
export function mixtureBound(mixture: BernsteinMixture, grid: RateGrid, alpha: number): number {
  const target = Math.log(1 / alpha);
  let s = Infinity;
  for (let k = 0; k < grid.rates.length; k++) s = Math.min(s, (target + mixture.cost[k]! - grid.logWeights[k]!) / grid.rates[k]!);
  for (let step = 0; step < 100; step++) {
    const next = s - (logEvidence(mixture, grid, s) - target) / slope(mixture, grid, s);
    if (!(next < s - 1e-14 * Math.abs(s))) break;
    s = next;
  }
  return s;
}

function slope(mixture: BernsteinMixture, grid: RateGrid, s: number): number {
  const largest = largestTerm(mixture, grid, s);
  let [weighted, total] = [0, 0];
  for (let k = 0; k < grid.rates.length; k++) {
    const weight = Math.exp(exponent(mixture, grid, s, k) - largest);
    weighted += weight * grid.rates[k]!;
    total += weight;
  }
  return weighted / total;
}
