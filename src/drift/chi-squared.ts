import { stirlingRemainder } from '../evaluation/distributions.js';

/** Pearson's test of two rows of counts. */
export interface ChiSquaredResult {
  /** Σ (observed − expected)² / expected over both rows and all categories that occur. */
  readonly statistic: number;
  /** Categories that occur, less one. */
  readonly degreesOfFreedom: number;
  readonly pValue: number;
}

const TERMS = 100_000;

/**
 * Pearson's chi-squared test of homogeneity (Pearson 1900), without Yates' correction: do two rows of counts come from the same shares?
 * A category with no row in either window is left out.
 * @param reference rows by category, none negative; of the same length as `current`
 * @returns null where the test is not defined: fewer than two categories occur, or a window has no rows
 * @throws RangeError for rows of unequal length, and for a count that is negative or not finite
 */
export function chiSquaredTest(reference: ArrayLike<number>, current: ArrayLike<number>): ChiSquaredResult | null {
  if (reference.length !== current.length) throw new RangeError(`${reference.length} categories cannot be compared with ${current.length}`);
  const [referenceRows, currentRows] = [totalOf(reference), totalOf(current)];
  if (referenceRows === 0 || currentRows === 0) return null;
  const referenceShare = referenceRows / (referenceRows + currentRows);
  let statistic = 0;
  let categories = 0;
  for (let category = 0; category < reference.length; category++) {
    const both = reference[category]! + current[category]!;
    if (both === 0) continue;
    categories += 1;
    const expected = both * referenceShare;
    const expectedCurrent = both * (currentRows / (referenceRows + currentRows));
    statistic += (reference[category]! - expected) ** 2 / expected + (current[category]! - expectedCurrent) ** 2 / expectedCurrent;
  }
  if (categories < 2) return null;
  return { statistic, degreesOfFreedom: categories - 1, pValue: chiSquaredTail(statistic, categories - 1) };
}

function totalOf(counts: ArrayLike<number>): number {
  let total = 0;
  for (let category = 0; category < counts.length; category++) {
    const count = counts[category]!;
    if (!(count >= 0 && count < Infinity)) throw new RangeError(`a count of rows cannot be ${count}`);
    total += count;
  }
  return total;
}

/**
 * P(X ≥ x) of a chi-squared variable: Q(ν/2, x/2), the regularised upper incomplete gamma function. 1 for x ≤ 0, 0 for x = Infinity.
 * Left of a + 1 it is 1 less the series of the lower function (DLMF 8.7.1), right of it a continued fraction (DLMF 8.9.2).
 * @param degreesOfFreedom ν > 0; the number of terms grows with √ν
 * @throws RangeError for x that is not a number and ν that is not positive and finite
 */
export function chiSquaredTail(x: number, degreesOfFreedom: number): number {
  if (Number.isNaN(x)) throw new RangeError('the chi-squared tail of NaN is not defined');
  if (!(degreesOfFreedom > 0 && degreesOfFreedom < Infinity)) throw new RangeError(`no chi-squared distribution has ${degreesOfFreedom} degrees of freedom`);
  if (x <= 0) return 1;
  if (x === Infinity) return 0;
  const [a, half] = [degreesOfFreedom / 2, x / 2];
  return half < a + 1 ? 1 - gammaWeight(a, half) * lowerSeries(a, half) : gammaWeight(a, half) * a * upperFraction(a, half);
}

/**
 * The x that a chi-squared variable exceeds with this chance, by bisection.
 * @param chance between 0 and 1, neither of them @param degreesOfFreedom as {@link chiSquaredTail} takes it
 * @throws RangeError for other arguments
 */
export function chiSquaredLimit(chance: number, degreesOfFreedom: number): number {
  if (!(chance > 0 && chance < 1)) throw new RangeError(`a chance between 0 and 1 is needed, not ${chance}`);
  let [low, high] = [0, Math.max(1, degreesOfFreedom)];
  while (chiSquaredTail(high, degreesOfFreedom) > chance) [low, high] = [high, 2 * high];
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (chiSquaredTail(middle, degreesOfFreedom) > chance) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * x^a e^−x / Γ(a + 1) as exp(a (ln(1 + u) − u) − δ(a)) / √(2πa) with u = x/a − 1: large logarithms never meet, so that no digits go
 * (Loader 2000, "Fast and Accurate Computation of Binomial Probabilities").
 */
function gammaWeight(a: number, x: number): number {
  const u = (x - a) / a;
  // ln(1 + u) loses digits where u is next to −1.
  const logarithm = u < -0.5 ? Math.log(x / a) : Math.log1p(u);
  return Math.exp(a * (logarithm - u) - stirlingRemainder(a)) / Math.sqrt(2 * Math.PI * a);
}

/** Σ xᵏ / ((a+1)…(a+k)) from k = 0. */
function lowerSeries(a: number, x: number): number {
  let [term, sum] = [1, 1];
  for (let k = 1; k < TERMS && term > 1e-17 * sum; k++) {
    term *= x / (a + k);
    sum += term;
  }
  return sum;
}

/** Γ(a, x) / (x^a e^−x): the even part of its continued fraction, by Lentz's algorithm. */
function upperFraction(a: number, x: number): number {
  let denominator = x + 1 - a;
  let c = Infinity;
  let d = 1 / denominator;
  let product = d;
  for (let k = 1; k < TERMS; k++) {
    const numerator = k * (a - k);
    denominator += 2;
    d = 1 / (denominator + numerator * d);
    c = denominator + numerator / c;
    product *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return product;
}
