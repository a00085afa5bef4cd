import { categoryCode, float32 } from '../data/feature-encoding.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import type { MonitoringPlan } from './monitoring-plan.js';
import { between, BIN_SHARES } from './numeric-bins.js';

/**
 * Bins of a feature, as the baseline has them. A number's: one a stretch between edges, closed on the left, as in the figures of drift; then one for rows
 * without a value. A category's: one a category of the spec, in its order; then one for other values, and one for none.
 */
export type FeatureBins = NumberBins | CategoryBins;

interface NumberBins {
  readonly name: string;
  readonly type: 'number';
  /** Ascending, all different; none where the baseline has no value. */
  readonly edges: readonly number[];
}

interface CategoryBins {
  readonly name: string;
  readonly type: 'category';
  readonly categories: readonly string[];
}

/** Losses of one side in the bins of a feature; arrays of one length, in the order of the bins. JSON. */
export interface LossesByBin {
  readonly rows: readonly number[];
  /** 0 where there are no rows. */
  readonly means: readonly number[];
  /** Σ (loss − the bin's mean)². */
  readonly squares: readonly number[];
  /** Rows of the same bin in the block of a row, itself too, on the average over the bin's rows; 1 where rows are independent, 0 without rows. */
  readonly blockRows: readonly number[];
  /** The same, whatever their bin. */
  readonly allBlockRows: number;
}

/**
 * How alike rows of a block of event time are: intraclass correlations, 0 where rows are independent. The variance of a mean over n rows, m in the block of
 * a row on average, is 1 + (m − 1) × correlation times that of independent rows (Kish 1965, "Survey Sampling", 5.4).
 */
export interface BlockCorrelation {
  /** Of the losses in a bin. */
  readonly losses: number;
  /** Of which bin a row lies in. */
  readonly membership: number;
  /** Blocks in the bins that told `losses`, less one a bin; null where rows are independent. */
  readonly degreesOfFreedom: number | null;
}

/** Fewer blocks than this say too little of how much blocks differ. */
const FEWEST_BLOCKS = 8;
/** Bins with fewer rows say too little of the spread of their losses. */
const FEWEST_BIN_ROWS = 30;

/** @param values as {@link binnedValue} gives them, of the baseline's rows */
export function binsOf(feature: FeatureSpec, values: Float32Array): FeatureBins {
  const { name } = feature;
  return feature.type === 'category' ? { name, type: 'category', categories: feature.categories } : { name, type: 'number', edges: decilesOf(values) };
}

/** numpy.quantile's `linear`, each once. */
function decilesOf(values: Float32Array): number[] {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  if (sorted.length === 0) return [];
  const quantiles = BIN_SHARES.map((share) => {
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    return between(sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!, place - below) + 0;
  });
  return [...new Set(quantiles)];
}

/** How many bins there are, those without rows too. */
export const binCount = (bins: FeatureBins): number => (bins.type === 'number' ? bins.edges.length + 2 : bins.categories.length + 2);

/** SQL of what {@link binAt} takes, FLOAT and never NULL: a number as the model takes it, a category's place in the spec or one past them, NaN where there is no value. */
export function binnedValue(feature: Pick<FeatureSpec, 'type'> & { readonly categories?: readonly string[] }, column: string): string {
  if (feature.type === 'number') return float32(column, "'NaN'::FLOAT");
  const { categories = [] } = feature;
  return `CASE WHEN ${column} IS NULL THEN 'NaN'::FLOAT ELSE coalesce(CAST(${categoryCode(column, categories)} AS FLOAT), ${categories.length}::FLOAT) END`;
}

export function binAt(bins: FeatureBins, value: number): number {
  if (Number.isNaN(value)) return binCount(bins) - 1;
  if (bins.type === 'category') return value;
  const { edges } = bins;
  let bin = 0;
  while (bin < edges.length && edges[bin]! <= value) bin += 1;
  return bin;
}

/** Blocks of event time of rows, numbered 0, 1, 2 … in the order in which they come; null where the plan takes rows as independent. */
export function blocksOf(eventTimesMs: Float64Array, { dependence, blockMs }: Pick<MonitoringPlan, 'dependence' | 'blockMs'>): RowBlocks | null {
  if (dependence === 'rows') return null;
  const numbers = new Map<number, number>();
  const ofRow = Int32Array.from(eventTimesMs, (time) => {
    const block = Math.floor(time / blockMs);
    const known = numbers.get(block) ?? numbers.size;
    numbers.set(block, known);
    return known;
  });
  return { count: numbers.size, ofRow };
}

export interface RowBlocks {
  readonly count: number;
  /** Of each row. */
  readonly ofRow: Int32Array;
}

/** Adds up the losses of one side in the bins of a feature, row by row. */
export class LossSums {
  private readonly bins: number;
  private readonly blocks: number;
  private readonly rows: Float64Array;
  private readonly sums: Float64Array;
  private readonly squares: Float64Array;

  /** @param center a loss in their midst, so that no digits go in squares */
  constructor(private readonly feature: FeatureBins, private readonly rowBlocks: RowBlocks | null, private readonly center: number) {
    this.bins = binCount(feature);
    this.blocks = rowBlocks?.count ?? 1;
    this.rows = new Float64Array(this.bins * this.blocks);
    this.sums = new Float64Array(this.bins * this.blocks);
    this.squares = new Float64Array(this.bins);
  }

  /** @param row its place among those of the blocks */
  add(row: number, value: number, loss: number): void {
    const bin = binAt(this.feature, value);
    const cell = bin * this.blocks + (this.rowBlocks ? this.rowBlocks.ofRow[row]! : 0);
    const apart = loss - this.center;
    this.rows[cell]! += 1;
    this.sums[cell]! += apart;
    this.squares[bin]! += apart * apart;
  }

  losses(): LossesByBin {
    const bins = Array.from({ length: this.bins }, (_, bin) => {
      const [cells, sums] = [this.cellsOf(this.rows, bin), this.cellsOf(this.sums, bin)];
      const [rows, sum] = [totalOf(cells), totalOf(sums)];
      if (rows === 0) return { rows, mean: 0, squares: 0, blockRows: 0 };
      return { rows, mean: this.center + sum / rows, squares: Math.max(0, this.squares[bin]! - (sum * sum) / rows), blockRows: this.rowBlocks ? squaresOf(cells) / rows : 1 };
    });
    const ofBlocks = this.blockTotals();
    return {
      rows: bins.map(({ rows }) => rows), means: bins.map(({ mean }) => mean), squares: bins.map(({ squares }) => squares), blockRows: bins.map(({ blockRows }) => blockRows),
      allBlockRows: this.rowBlocks && totalOf(ofBlocks) > 0 ? squaresOf(ofBlocks) / totalOf(ofBlocks) : 1,
    };
  }

  /** By the method of moments: what the sums of blocks vary more than those of independent rows would. @returns null where too few blocks, or too few rows, tell it */
  correlation(): BlockCorrelation | null {
    if (!this.rowBlocks) return { losses: 0, membership: 0, degreesOfFreedom: null };
    if (this.blocks < FEWEST_BLOCKS) return null;
    const [losses, membership] = [this.lossCorrelation(), this.membershipCorrelation()];
    return losses === null || membership === null ? null : { ...losses, membership };
  }

  private lossCorrelation(): Pick<BlockCorrelation, 'losses' | 'degreesOfFreedom'> | null {
    const { rows, means, squares } = this.losses();
    let [excess, pairs, degreesOfFreedom] = [0, 0, 0];
    for (let bin = 0; bin < this.bins; bin++) {
      if (rows[bin]! < FEWEST_BIN_ROWS || squares[bin]! <= 0) continue;
      const variance = squares[bin]! / (rows[bin]! - 1);
      const [counts, sums] = [this.cellsOf(this.rows, bin), this.cellsOf(this.sums, bin)];
      degreesOfFreedom += counts.filter((count) => count > 0).length - 1;
      counts.forEach((count, block) => {
        const free = 1 - count / rows[bin]!;
        excess += (sums[block]! - count * (means[bin]! - this.center)) ** 2 / variance - free * count;
        pairs += free * count * (count - 1);
      });
    }
    const losses = shareOf(excess, pairs);
    return losses === null || degreesOfFreedom < 1 ? null : { losses, degreesOfFreedom };
  }

  /** Pearson's chi² of blocks and bins, beyond what it is for independent rows. */
  private membershipCorrelation(): number | null {
    const ofBlocks = this.blockTotals();
    const all = totalOf(ofBlocks);
    const shares = Array.from({ length: this.bins }, (_, bin) => totalOf(this.cellsOf(this.rows, bin)) / all);
    const others = shares.filter((share) => share > 0).length - 1;
    // Where all rows lie in one bin, none of it varies.
    if (others < 1) return 0;
    let [excess, pairs] = [0, 0];
    ofBlocks.forEach((count, block) => {
      const free = 1 - count / all;
      shares.forEach((share, bin) => {
        if (share > 0) excess += (this.rows[bin * this.blocks + block]! - count * share) ** 2 / share;
      });
      excess -= others * free * count;
      pairs += others * free * count * (count - 1);
    });
    return shareOf(excess, pairs);
  }

  private cellsOf(cells: Float64Array, bin: number): Float64Array {
    return cells.subarray(bin * this.blocks, (bin + 1) * this.blocks);
  }

  private blockTotals(): Float64Array {
    return Float64Array.from({ length: this.blocks }, (_, block) => {
      let total = 0;
      for (let cell = block; cell < this.rows.length; cell += this.blocks) total += this.rows[cell]!;
      return total;
    });
  }
}

const shareOf = (excess: number, pairs: number): number | null => (pairs > 0 ? Math.min(1, Math.max(0, excess / pairs)) : null);
const totalOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
const squaresOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value * value, 0);
