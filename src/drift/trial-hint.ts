/** A mean loss and the variance of that mean. */
export interface LossMean {
  readonly mean: number;
  readonly variance: number;
}

/** The mean loss of a window's labelled rows. */
export interface LossOfWindow extends LossMean {
  readonly rows: number;
}

/** The newest windows that hint at harm, taken together. */
export interface HarmHint extends LossMean {
  readonly windows: number;
  /** By so many standard errors of the difference it lies above the baseline's mean. */
  readonly errors: number;
}

/**
 * Whether the champion's newest losses hint at something that a candidate could do better. A hint costs a training and no more, since the candidate has to
 * show its gain: so it takes far less than an alarm of harm, which tells a person that it is so.
 *
 * As with a gain (expected-gain.ts) it is not known how far back the world is as it is now, so the newest 1, 2, 4, … windows are looked at: of n_w rows with the
 * mean losses m_w and their variances V_w the mean m = Σ n_w m_w ÷ Σ n_w has the variance V = Σ n_w² V_w ÷ (Σ n_w)², and hints where
 * m − b > errors · √(V + V_b), with b and V_b of the baseline.
 * @param windows oldest first; those without rows are passed over
 * @returns of the stretches that hint that with the most errors; null where none does
 */
export function harmHint(baseline: LossMean, windows: readonly LossOfWindow[], errors: number): HarmHint | null {
  const newest = windows.filter(({ rows }) => rows > 0).reverse();
  let found: HarmHint | null = null;
  for (let length = 1; length <= newest.length; length *= 2) {
    const { mean, variance } = pooled(newest.slice(0, length));
    const spread = Math.sqrt(variance + baseline.variance);
    if (!(mean - baseline.mean > errors * spread)) continue;
    const seen = { windows: length, mean, variance, errors: (mean - baseline.mean) / spread };
    if (found === null || seen.errors > found.errors) found = seen;
  }
  return found;
}

function pooled(windows: readonly LossOfWindow[]): LossMean {
  const rows = windows.reduce((sum, window) => sum + window.rows, 0);
  return {
    mean: windows.reduce((sum, window) => sum + (window.rows / rows) * window.mean, 0),
    variance: windows.reduce((sum, window) => sum + (window.rows / rows) ** 2 * window.variance, 0),
  };
}
