/**
 * The lower confidence bound of a share, at error rate `delta`: the smallest q with n · KL(k/n ‖ q) ≤ ln(1/δ), from
 * Chernoff's bound on a binomial tail (Hoeffding 1963, theorem 1). It holds for every n, and is never above the exact one.
 * @param count k of `rows` n > 0
 */
export function lowerShare(count: number, rows: number, delta: number): number {
  const share = count / rows;
  const allowed = Math.log(1 / delta) / rows;
  let [low, high] = [0, share];
  for (let step = 0; step < 100 && high - low > 1e-15; step++) {
    const middle = (low + high) / 2;
    if (divergence(share, middle) > allowed) low = middle;
    else high = middle;
  }
  return low;
}

/** KL(p ‖ q) of two Bernoulli distributions, in nats. */
function divergence(p: number, q: number): number {
  const part = (a: number, b: number): number => (a === 0 ? 0 : b === 0 ? Infinity : a * Math.log(a / b));
  return part(p, q) + part(1 - p, 1 - q);
}

/**
 * The lower confidence bound of the mean of values in [0, bound], at error rate `delta`: the empirical Bernstein bound
 * (Maurer & Pontil 2009, theorem 4). It asks nothing of the values but that they are bounded and independent.
 */
export function lowerMean(sample: { readonly rows: number; readonly mean: number; readonly variance: number }, bound: number, delta: number): number {
  const { rows, mean, variance } = sample;
  if (rows < 2) return 0;
  const weight = Math.log(2 / delta);
  return Math.max(0, mean - Math.sqrt((2 * variance * weight) / rows) - (7 * bound * weight) / (3 * (rows - 1)));
}
