import { gammaExponentialBound, tunedRho } from './mixture-boundaries.js';

/**
 * The empirical-Bernstein confidence sequence for the mean of observations in [−B, B], or in any range of width 2B:
 * with V_t = Σ (d_i − mean_{i−1})² the mean stays within u(V_t)/t of the average conditional mean, u the gamma-exponential
 * mixture boundary with scale c = 2B (Howard et al. 2021, Theorem 4 and Proposition 9; Choe & Ramdas, arXiv 2110.00115,
 * Theorem 2). It knows only the range of all observations; `gain-sequence.ts` uses each row's own and is narrower.
 * Units: those of the observations.
 */
export class BoundedMean {
  private n = 0;
  private mean: number;
  private squares = 0;

  /**
   * @param width of the range of all observations
   * @param centre the mean that is taken before the first observation; the middle of the range
   */
  constructor(private readonly width: number, centre = 0) {
    this.mean = centre;
  }

  add(value: number): void {
    const before = this.mean;
    this.n += 1;
    this.squares += (value - before) ** 2;
    this.mean = this.n === 1 ? value : before + (value - before) / this.n;
  }

  /**
   * @param alpha of both sides together
   * @param tunedFor the intrinsic time V at which the interval is nearly narrowest: rows times their assumed variance
   */
  interval(alpha: number, tunedFor: number): { mean: number; low: number; high: number } {
    const reach = gammaExponentialBound(this.squares, tunedRho(tunedFor, alpha), this.width, alpha / 2) / this.n;
    return { mean: this.mean, low: this.mean - reach, high: this.mean + reach };
  }
}
