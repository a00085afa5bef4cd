import { stirlingRemainder } from '../evaluation/distributions.js';

/** Above this many rows SciPy takes an asymptotic formula, 3e-8 from the sum at most. */
const LARGEST_SUMMED = 1e6;
/** Simard & L'Ecuyer's limit between small and large samples. */
const SMALL_SAMPLE = 140;
/** Where nd^1.5 ≤ 1.4, Pelz and Good's series is within 2e-10 of the exact value above this many rows. */
const LARGEST_MATRIX = 5000;

/**
 * P(Dₙ ≥ d): the chance that the two-sided one-sample Kolmogorov–Smirnov statistic of n independent rows reaches d. 1 for d ≤ 0, 0 for d ≥ 1.
 * Methods and their limits are those of Simard & L'Ecuyer 2011, "Computing the Two-Sided Kolmogorov–Smirnov Distribution", as SciPy has them:
 * - n ≤ 140: exact to 1e-13.
 * - n > 140 and nd² < 2.2: Pelz and Good's series, at most 4e-6 from the truth near n = 140 and 3e-7 at n = 500, or the exact matrix at its left.
 * - n > 140 and nd² ≥ 2.2: twice the one-sided tail, at most 5e-8 too large because both sides may be reached.
 * @param n rows, a whole number of at least 1
 * @throws RangeError where n is not such a number or d is not a number
 */
export function kolmogorovTail(d: number, n: number): number {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`a sample of ${n} rows has no Kolmogorov–Smirnov statistic`);
  if (Number.isNaN(d)) throw new RangeError('a Kolmogorov–Smirnov statistic cannot be NaN');
  if (n * d <= 0.5) return 1;
  const scaled = n * d * d;
  // 2 exp(−2nd²) bounds the tail (Massart 1990), and there is no smaller number.
  if (d >= 1 || scaled >= 374) return 0;
  if (d >= 0.5 || scaled >= (n > SMALL_SAMPLE ? 2.2 : 4)) return Math.min(1, 2 * oneSidedTail(d, n));
  const isExact = n <= SMALL_SAMPLE || (n <= LARGEST_MATRIX && n * d ** 1.5 <= 1.4);
  return Math.min(1, Math.max(0, 1 - (isExact ? durbinDistribution(d, n) : pelzGoodDistribution(d, n))));
}

/**
 * P(Dₙ⁺ ≥ d) = Σⱼ d/(d + j/n) · C(n, j) (d + j/n)ʲ (1 − d − j/n)ⁿ⁻ʲ over j ≤ n(1 − d) (Smirnov 1944; Birnbaum & Tingey 1951).
 * In large samples every s-th term stands for s of them: the terms are a smooth bell that is nought at both ends, where the trapezoidal rule is exact
 * to rounding.
 */
function oneSidedTail(d: number, n: number): number {
  if (n > LARGEST_SUMMED) return Math.exp(-((6 * n * d + 1) ** 2) / (18 * n));
  const stride = Math.max(1, Math.floor(n / 1024));
  const remainder = stirlingRemainder(n);
  let sum = Math.exp(n * Math.log1p(-d));
  for (let j = stride; n - j > n * d; j += stride) {
    // The binomial probability as Loader 2000 writes it, so that no large logarithms are subtracted.
    const others = n - j;
    const exponent = remainder - stirlingRemainder(j) - stirlingRemainder(others) + j * Math.log1p((n * d) / j) + others * Math.log1p((-n * d) / others);
    sum += ((n * d) / (n * d + j)) * Math.sqrt(n / (2 * Math.PI * j * others)) * Math.exp(exponent);
  }
  return stride * sum;
}

/**
 * P(Dₙ < d), exact: n!/nⁿ times the middle entry of the n-th power of Durbin's matrix H (Durbin 1968; Marsaglia, Tsang & Wang 2003, "Evaluating
 * Kolmogorov's Distribution"). Only the middle row is carried through the n products, so it takes about 2n(nd)² steps.
 */
function durbinDistribution(d: number, n: number): number {
  const k = Math.ceil(n * d);
  const size = 2 * k - 1;
  const { inner, edge } = durbinEntries(size, k - n * d);
  let row = new Float64Array(size);
  let next = new Float64Array(size);
  row[k - 1] = 1;
  for (let step = 0; step < n; step++) {
    let first = 0;
    for (let r = 0; r < size; r++) first += row[r]! * edge[r]!;
    next[0] = first / Math.E;
    for (let column = 1; column < size; column++) {
      let sum = row[size - 1]! * edge[size - 1 - column]!;
      for (let r = column - 1; r < size - 1; r++) sum += row[r]! * inner[r - column + 1]!;
      next[column] = sum / Math.E;
    }
    [row, next] = [next, row];
  }
  // Each step was divided by e, which leaves n! eⁿ / nⁿ.
  return Math.sqrt(2 * Math.PI * n) * Math.exp(stirlingRemainder(n)) * row[k - 1]!;
}

/** H holds `inner[r − c + 1]` = 1/(r − c + 1)! on and below its upper side diagonal, and `edge` down the first column and, backwards, along the last row. */
function durbinEntries(size: number, h: number): { inner: Float64Array; edge: Float64Array } {
  const inner = new Float64Array(size);
  const edge = new Float64Array(size);
  let factorial = 1;
  for (let r = 0; r < size; r++) {
    inner[r] = factorial;
    factorial /= r + 1;
    edge[r] = factorial * (1 - h ** (r + 1));
  }
  edge[size - 1] = factorial * (1 - 2 * h ** size + Math.max(0, 2 * h - 1) ** size);
  return { inner, edge };
}

/**
 * P(Dₙ < d) ≈ K₀(z) + K₁(z)/√n + K₂(z)/n + K₃(z)/n^1.5 with z = d√n (Pelz & Good 1976, "Approximating the Lower Tail-Areas of the
 * Kolmogorov–Smirnov One-Sample Statistic"; as written in Simard & L'Ecuyer 2011). For z below 1.5.
 */
function pelzGoodDistribution(d: number, n: number): number {
  const root = Math.sqrt(n);
  const z = d * root;
  const z2 = z * z;
  const [z4, z6] = [z2 ** 2, z2 ** 3];
  let [k0, k1, k2, k3] = [0, 0, 0, 0];
  for (let k = 1; k <= 10; k++) {
    const a = (Math.PI * (k - 0.5)) ** 2;
    const halves = Math.exp(-a / (2 * z2));
    k0 += halves / z;
    k1 += (halves * (a - z2)) / (6 * z4);
    k2 += (halves * (6 * z6 + 2 * z4 + a * (2 * z4 - 5 * z2) + a ** 2 * (1 - 2 * z2))) / (72 * z6 * z);
    k3 += (halves * (a ** 3 * (5 - 30 * z2) + a ** 2 * (212 * z4 - 60 * z2) + a * (135 * z4 - 96 * z6) - 30 * z6 - 90 * z4 ** 2)) / (6480 * z6 * z4);
    const b = (Math.PI * k) ** 2;
    const wholes = Math.exp(-b / (2 * z2));
    k2 -= (wholes * b) / (36 * z2 * z);
    k3 += (wholes * b * (3 * z2 - b)) / (216 * z6);
  }
  return Math.sqrt(2 * Math.PI) * (k0 + k1 / root + k2 / n + k3 / (n * root));
}
