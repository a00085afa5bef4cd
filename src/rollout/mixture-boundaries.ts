import { incompleteBeta, logGamma } from '../evaluation/distributions.js';

/**
 * Time-uniform boundaries of Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
 * sequences" (Annals of Statistics 2021; arXiv 1810.08240). Each is made from a mixture M(s, v) of exponential
 * supermartingales, s a centred sum and v its intrinsic time (an accumulated variance, in units of s squared): by Ville's
 * inequality the chance that M(s_t, v_t) ever reaches 1/alpha is at most alpha. All agree with `confseq` 0.0.11 to 1e-9.
 */

/** The ρ of a two-sided normal mixture whose boundary is nearly least at intrinsic time `v` (section 3.5); one-sided: twice the alpha. */
export function tunedRho(v: number, alpha: number): number {
  const evidence = 2 * Math.log(1 / alpha);
  return v / (evidence + Math.log1p(evidence));
}

/** Two-sided normal mixture (their equation 14): |s| stays below √((v + ρ) (ln(1 + v/ρ) + 2 ln(1/alpha))) where s is sub-Gaussian. */
export const normalMixtureBound = (v: number, rho: number, alpha: number): number =>
  Math.sqrt((v + rho) * (Math.log1p(v / rho) + 2 * Math.log(1 / alpha)));

/**
 * ln of the one-sided gamma-exponential mixture (Proposition 9), for sums that are sub-exponential with scale c:
 * λ in [0, 1/c) is mixed by a truncated gamma distribution.
 */
export function gammaExponentialLogMixture(s: number, v: number, rho: number, c: number): number {
  const prior = rho / (c * c);
  const posterior = (v + rho) / (c * c);
  const at = (c * s + v + rho) / (c * c);
  return surplus(posterior, at) + Math.log(gammaShare(posterior, at)) - surplus(prior, prior) - Math.log(gammaShare(prior, prior));
}

/** The s at which the gamma-exponential mixture reaches 1/alpha: with probability 1 − alpha the sum stays below it at every v. */
export function gammaExponentialBound(v: number, rho: number, c: number, alpha: number): number {
  const target = Math.log(1 / alpha);
  let low = 0;
  let high = Math.sqrt(v + rho) + c;
  while (gammaExponentialLogMixture(high, v, rho, c) < target) [low, high] = [high, 2 * high];
  for (let step = 0; step < 200 && high - low > 1e-14 * high; step++) {
    const middle = (low + high) / 2;
    if (gammaExponentialLogMixture(middle, v, rho, c) < target) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * ln of the one-sided beta-binomial mixture (Proposition 7 with g = share, h = 1 − share) for `successes` of `trials`.
 * It is a supermartingale wherever each trial's chance, given those before, is at most `share`: none of them need be equal.
 * @param share in (0, 1)
 * @param tunedFor trials at which the boundary is nearly least
 * @param alpha the level that it is tuned for
 */
export function betaBinomialLogMixture(successes: number, trials: number, share: number, tunedFor: number, alpha: number): number {
  // Howard's r, per unit of share (1 − share): the mixing distribution is a Beta, cut off below `share`.
  const weight = Math.max(tunedRho(tunedFor, 2 * alpha) - 1, 1e-3);
  const failed = weight * (1 - share);
  const succeeded = weight * share;
  return logCutBeta(failed + trials - successes, succeeded + successes, 1 - share) - logCutBeta(failed, succeeded, 1 - share)
    - successes * Math.log(share) - (trials - successes) * Math.log1p(-share);
}

const logCutBeta = (a: number, b: number, x: number): number => logGamma(a) + logGamma(b) - logGamma(a + b) + Math.log(incompleteBeta(x, a, b));

/** P(a, x), the lower incomplete gamma function as a share of 1, by its series or its continued fraction (DLMF 8.11.4, 8.9.2). */
function gammaShare(a: number, x: number): number {
  if (x <= 0) return 0;
  const front = Math.exp(-surplus(a, x));
  const terms = 1000 + 20 * Math.sqrt(a);
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let k = 1; k < terms && term > 1e-17 * sum; k++) sum += term *= x / (a + k);
    return front * sum;
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let product = d;
  for (let k = 1; k < terms; k++) {
    b += 2;
    d = 1 / (k * (a - k) * d + b);
    c = b + (k * (a - k)) / c;
    product *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return 1 - front * product;
}

/** ln Γ(a) − a ln x + x, without the digits that its large terms would cancel: by Stirling's series for large a (DLMF 5.11.1). */
function surplus(a: number, x: number): number {
  if (a < 15) return logGamma(a) - a * Math.log(x) + x;
  const inverse = 1 / (a * a);
  const stirling = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / a;
  return a * excess((x - a) / a) + Math.log((2 * Math.PI) / a) / 2 + stirling;
}

/** δ − ln(1 + δ) for δ > −1. */
function excess(delta: number): number {
  if (Math.abs(delta) > 0.1) return delta - Math.log1p(delta);
  let sum = 0;
  let power = delta;
  for (let k = 2; k < 25; k++) sum += (k % 2 === 0 ? 1 : -1) * (power *= delta) / k;
  return sum;
}
