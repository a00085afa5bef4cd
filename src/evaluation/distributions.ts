/**
 * Quantiles of the normal and of Student's t distribution, for confidence intervals.
 * Both agree with SciPy to 1e-9 for the levels that a gate uses (alpha between 1e-6 and 0.5).
 */

/** The quantile by which a two-sided interval at level 1 − alpha is scaled; `degreesOfFreedom` Infinity means normal. */
export const criticalValue = (alpha: number, degreesOfFreedom = Infinity): number =>
  degreesOfFreedom === Infinity ? normalQuantile(1 - alpha / 2) : studentQuantile(1 - alpha / 2, degreesOfFreedom);

/** P(Z > x) for x ≥ 0: erfc by its continued fraction or series, to about 1e-15. */
function upperNormal(x: number): number {
  if (x < 2) {
    // Φ(x) − ½ = φ(x) Σ x^(2k+1) / (2k+1)!!  (Abramowitz & Stegun 26.2.11)
    let term = x;
    let sum = x;
    for (let k = 1; k < 200 && term > 1e-18 * sum; k++) sum += term *= (x * x) / (2 * k + 1);
    return 0.5 - density(x) * sum;
  }
  // Mills' ratio as a continued fraction (Abramowitz & Stegun 26.2.14), evaluated from the tail.
  let fraction = x;
  for (let k = 200; k >= 1; k--) fraction = x + k / fraction;
  return density(x) / fraction;
}

const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** Inverse of Φ for p in (0, 1): Newton's steps on the tail probability. */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`a probability between 0 and 1 is needed, not ${p}`);
  if (p < 0.5) return -normalQuantile(1 - p);
  const tail = 1 - p;
  let x = tail < 0.4 ? Math.sqrt(-2 * Math.log(2 * tail)) * 0.9 : (p - 0.5) * Math.sqrt(2 * Math.PI);
  for (let step = 0; step < 100; step++) {
    const change = (upperNormal(x) - tail) / density(x);
    // Halley's correction keeps the steps from overshooting far in the tail.
    const next = x + change / (1 + (x * change) / 2);
    if (Math.abs(next - x) <= 1e-14 * Math.max(1, x)) return next;
    x = next;
  }
  return x;
}

/** Inverse of Student's t distribution with ν > 0 degrees of freedom, for p in (½, 1), by bisection. */
export function studentQuantile(p: number, nu: number): number {
  if (!(p >= 0.5 && p < 1) || !(nu > 0)) throw new RangeError(`no t quantile for p = ${p} and ${nu} degrees of freedom`);
  let low = 0;
  let high = 1;
  while (studentTail(high, nu) > 1 - p && high < 1e300) high *= 2;
  for (let step = 0; step < 200 && high - low > 1e-15 * high; step++) {
    const middle = (low + high) / 2;
    if (studentTail(middle, nu) > 1 - p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(T > t) for t ≥ 0, as half the regularised incomplete beta function I_x(ν/2, ½) at x = ν/(ν + t²). */
const studentTail = (t: number, nu: number): number => incompleteBeta(nu / (nu + t * t), nu / 2, 0.5) / 2;

/** I_x(a, b), a share of 1, by its continued fraction (DLMF 8.17.22), evaluated with Lentz's algorithm; it takes about √max(a, b) terms. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a;
  const guard = (value: number): number => (Math.abs(value) < 1e-300 ? 1e-300 : value);
  let c = 1;
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1));
  let product = d;
  const terms = 1000 + 10 * Math.sqrt(a + b);
  for (let m = 1; m <= terms; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guard(1 + even * d);
    c = guard(1 + even / c);
    product *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guard(1 + odd * d);
    c = guard(1 + odd / c);
    const factor = c * d;
    product *= factor;
    if (Math.abs(factor - 1) < 1e-15) break;
  }
  return front * product;
}

/** ln Γ(x) for x > 0: Stirling's series after shifting x above 15 (DLMF 5.11.1). */
export function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  while (z < 15) shift += Math.log(z++);
  return (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + stirlingSeries(z) - shift;
}

/** δ(x) = ln Γ(x + 1) − (x + ½) ln x + x − ½ ln 2π for x > 0: what Stirling's formula leaves (DLMF 5.11.1). */
export const stirlingRemainder = (x: number): number =>
  (x < 15 ? logGamma(x + 1) - (x + 0.5) * Math.log(x) + x - Math.log(2 * Math.PI) / 2 : stirlingSeries(x));

/** δ(x) for x ≥ 15, to about 1e-15. */
function stirlingSeries(x: number): number {
  const inverse = 1 / (x * x);
  return (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / x;
}
