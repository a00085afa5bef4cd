import { criticalValue } from '../evaluation/distributions.js';
import { addToMixture, emptyMixture, mixtureBound, rateGrid, reaches, type BernsteinMixture, type RateGrid } from './bernstein-mixture.js';
import { tunedRho } from './mixture-boundaries.js';

/** What the sequence is tuned and calibrated by; see `ComparisonPlan`, which has all of these. */
export interface GainSequencePlan {
  readonly method: 'empirical-bernstein' | 'asymptotic';
  readonly alpha: number;
  readonly minimumSamples: number;
  readonly dependence: 'rows' | 'blocks';
  readonly minimumBlocks: number;
  readonly tunedFor: number;
  readonly assumedDeviation: number;
}

/** Sums from which the interval is made; JSON-serialisable, of one size at any number of rows. */
export interface GainSums {
  readonly n: number;
  readonly mean: number;
  /** Σ (d_i − mean)². */
  readonly squares: number;
  /** Over blocks with n_j rows and gain S_j: their count, Σ S_j², Σ S_j n_j, Σ n_j². */
  readonly blocks: readonly [count: number, gainSquared: number, gainRows: number, rowsSquared: number];
  /** Null for the asymptotic method. */
  readonly bernstein: { readonly below: SideSums; readonly above: SideSums } | null;
  /** Of the block that goes on; missing where none does. */
  readonly open?: readonly [rows: number, gain: number];
}

interface SideSums {
  readonly cost: readonly number[];
  readonly squares: number;
  readonly ranges: number;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Beyond so many blocks Student's t is the normal distribution to three digits. */
const MANY_BLOCKS = 1_000;

/** Adds up gains row by row, in order, and says at any row where their mean lies. One at a time: it is changed by `add`. */
export class GainSequence {
  private n = 0;
  private sum = 0;
  private mean = 0;
  private squares = 0;
  private readonly blocks: [number, number, number, number] = [0, 0, 0, 0];
  private blockRows = 0;
  private blockGain = 0;
  private readonly grid: RateGrid | null;
  private readonly below: BernsteinMixture | null;
  private readonly above: BernsteinMixture | null;

  constructor(private readonly plan: GainSequencePlan, sums?: GainSums) {
    const exact = plan.method === 'empirical-bernstein';
    this.grid = exact ? rateGrid(plan.alpha / 2, plan.tunedFor, plan.assumedDeviation) : null;
    this.below = exact ? sideOf(sums?.bernstein?.below) : null;
    this.above = exact ? sideOf(sums?.bernstein?.above) : null;
    if (!sums) return;
    this.n = sums.n;
    this.mean = sums.mean;
    this.sum = sums.mean * sums.n;
    this.squares = sums.squares;
    this.blocks = [...sums.blocks];
    [this.blockRows, this.blockGain] = sums.open ?? [0, 0];
  }

  /** @param low,high the row's range as known before its label */
  add(gain: number, low: number, high: number): void {
    if (this.grid) {
      addToMixture(this.below!, this.grid, this.mean, gain, low, high);
      addToMixture(this.above!, this.grid, -this.mean, -gain, -high, -low);
    }
    this.n += 1;
    this.sum += gain;
    const before = this.mean;
    this.mean += (gain - before) / this.n;
    this.squares += (gain - before) * (gain - this.mean);
    this.blockRows += 1;
    this.blockGain += gain;
  }

  /** Ends a block: rows that may share their fate. One without rows counts for nothing. */
  closeBlock(): void {
    if (this.blockRows === 0) return;
    this.blocks[0] += 1;
    this.blocks[1] += this.blockGain ** 2;
    this.blocks[2] += this.blockGain * this.blockRows;
    this.blocks[3] += this.blockRows ** 2;
    this.blockRows = 0;
    this.blockGain = 0;
  }

  get rows(): number {
    return this.n;
  }

  get estimate(): number | null {
    return this.n === 0 ? null : this.mean;
  }

  /**
   * The interval for the average conditional gain, at closed blocks; null while the method does not count yet.
   *
   * `empirical-bernstein`: bernstein-mixture.ts, alpha/2 a side, from the first row on. With `dependence: 'blocks'` it is
   * joined with the asymptotic interval below, and counts when that does: whichever reaches further is the bound.
   *
   * `asymptotic`: mean ± σ̂ √(2 (n ρ² + 1) / (n² ρ²) · ln(√(n ρ² + 1) / alpha)), Waudby-Smith, Arbour, Sinha, Kennedy &
   * Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences" (arXiv 2103.06476), Theorem 2.2, which is
   * Howard's normal mixture in n; ρ makes it nearly least at `tunedFor` rows. It counts only from `minimumSamples` on. σ̂²
   * is the sample variance of the rows. With `dependence: 'blocks'` it is the cluster-robust one where that is greater,
   * n σ̂² = Σ_j (S_j − n_j mean)² b/(b − 1) over b blocks, times the square of Student's over the normal quantile at b − 1
   * degrees of freedom; it then counts from `minimumBlocks` on too.
   */
  interval(): Interval | null {
    if (this.n === 0) return null;
    if (!this.grid) return this.asymptotic();
    const side = this.plan.alpha / 2;
    const exact = {
      low: this.mean - mixtureBound(this.below!, this.grid, side) / this.n,
      high: this.mean + mixtureBound(this.above!, this.grid, side) / this.n,
    };
    if (this.plan.dependence === 'rows') return exact;
    const robust = this.asymptotic();
    return robust && { low: Math.min(exact.low, robust.low), high: Math.max(exact.high, robust.high) };
  }

  /** Whether the interval lies above 0: the same as `interval()!.low > 0`, quicker. */
  isBetter(): boolean {
    if (this.mean <= 0) return false;
    if (this.grid && !reaches(this.below!, this.grid, this.sum, Math.log(2 / this.plan.alpha))) return false;
    if (this.grid && this.plan.dependence === 'rows') return true;
    const interval = this.asymptotic();
    return interval !== null && interval.low > 0;
  }

  /** @throws RangeError while a block is open */
  sums(): GainSums {
    if (this.blockRows > 0) throw new RangeError('a block is still open; close it before its sums are taken');
    return this.closedSums();
  }

  /** To go on within a block; no interval is made of them. */
  sumsWithinBlock(): GainSums {
    return { ...this.closedSums(), open: [this.blockRows, this.blockGain] };
  }

  private closedSums(): GainSums {
    return {
      n: this.n, mean: this.mean, squares: this.squares, blocks: [...this.blocks],
      bernstein: this.grid ? { below: sumsOf(this.below!), above: sumsOf(this.above!) } : null,
    };
  }

  private asymptotic(): Interval | null {
    const { alpha, minimumSamples, minimumBlocks, dependence, tunedFor } = this.plan;
    if (this.n < Math.max(2, minimumSamples) || (dependence === 'blocks' && this.blocks[0] < Math.max(2, minimumBlocks))) return null;
    const independent = (this.squares / (this.n - 1)) * this.n;
    const total = dependence === 'blocks' ? Math.max(independent, this.clustered()) : independent;
    // n ρ² of the paper, which does not depend on the gain's unit.
    const time = this.n / tunedRho(tunedFor, alpha);
    const reach = Math.sqrt(total * (1 + 1 / time) * (Math.log1p(time) + 2 * Math.log(1 / alpha))) / this.n;
    return { low: this.mean - reach, high: this.mean + reach };
  }

  private clustered(): number {
    const [count, gainSquared, gainRows, rowsSquared] = this.blocks;
    const spread = Math.max(0, gainSquared - 2 * this.mean * gainRows + this.mean ** 2 * rowsSquared);
    return (spread * count) / (count - 1) * studentFactor(this.plan.alpha, count);
  }
}

function studentFactor(alpha: number, blocks: number): number {
  return blocks > MANY_BLOCKS ? 1 : (criticalValue(alpha, blocks - 1) / criticalValue(alpha)) ** 2;
}

const sideOf = (sums: SideSums | undefined): BernsteinMixture =>
  sums ? { cost: Float64Array.from(sums.cost), squares: sums.squares, ranges: sums.ranges } : emptyMixture();

const sumsOf = ({ cost, squares, ranges }: BernsteinMixture): SideSums => ({ cost: [...cost], squares, ranges });
