import type { AttributionBin, AttributionFigures, FeatureAttribution } from '../contracts/window-assessment-report.js';
import { criticalValue } from '../evaluation/distributions.js';
import type { FeatureLosses } from './baseline-losses.js';
import { chiSquaredTail } from './chi-squared.js';
import type { BlockCorrelation, FeatureBins, LossesByBin } from './loss-bins.js';
import { unevenRise, type BinRise } from './uneven-rise.js';

/** A feature of which both sides are known, the window's losses in the baseline's bins. */
export interface ComparedLosses {
  readonly baseline: FeatureLosses;
  readonly window: LossesByBin;
}

export interface AttributionTerms {
  /** The chance that any feature is named though nothing differs. */
  readonly alpha: number;
  /** The largest loss of a row; the least is 0. */
  readonly bound: number;
}

/** Bins of a feature that are shown. */
const SHOWN_BINS = 3;
/** Rows that the common variance of a side counts for in that of each bin: a bin whose rows happen to be alike is not taken as certain. */
const PRIOR_ROWS = 10;
/**
 * Bins with fewer effective rows on a side are not compared: where a few large losses make the mean, as those of rare events do, it is far from normal. By
 * Kish's effective sample size, n losses count for n mean² ÷ (mean² + variance), the side's own.
 */
const FEWEST_EFFECTIVE_ROWS = 20;
/** Of losses, of their mean: what is less is rounding. */
const LEAST_DEVIATION = 1e-9;

/**
 * Which features the rise of the mean loss, of a window over its baseline, goes with. Over the bins of a feature with shares p and q of the rows and
 * mean losses ℓ and m, of baseline and window,
 *
 *   Σ q m − Σ p ℓ = Σ (q − p)(ℓ + m)/2 [shift] + Σ (p + q)/2 (m − ℓ) [change]
 *
 * exactly (Kitagawa 1955, "Components of a difference between two rates"; compare Cai, Namkoong & Yadlowsky 2023, "Diagnosing model performance under
 * distribution shift"). Shift: rows moved to bins where losses are higher; change: losses rose in the same bins. A bin without rows on one side has its
 * loss of the other side on both, so that all of its part is shift. Nobody knows what it would be there: the interval of shift allows for any loss from 0
 * to the bound (Manski 1990, "Nonparametric bounds on treatment effects").
 *
 * - Change explains where losses rose by unlike amounts in the bins (uneven-rise.ts): an even rise goes with no feature.
 * - Shift explains where it is surely above 0, whatever those losses are.
 *
 * Both tests of all features share alpha (Holm 1979). A feature goes with the rise; whether it brought it about, no window can tell: features that go
 * with it may do so because they go with each other.
 * @param features of the same rows; at least one
 * @returns null for a window without rows
 */
export function attributeLoss(features: readonly ComparedLosses[], { alpha, bound }: AttributionTerms): AttributionFigures | null {
  const [first] = features;
  if (!first || rowsOf(first.window) === 0) return null;
  const [baselineMeanLoss, meanLoss] = [meanOf(first.baseline.losses), meanOf(first.window)];
  const rise = meanLoss - baselineMeanLoss;
  const measured = features.map((feature) => measureFeature(feature, (baselineMeanLoss + meanLoss) / 2, { alpha, bound }));
  const adjust = holm(measured.flatMap(({ change, shift }) => [change.test?.pValue ?? null, shift.pValue]));
  const found = measured.map((one, place) => attributionOf(one, { change: adjust[2 * place]!, shift: adjust[2 * place + 1]! }, rise > 0 ? alpha : 0));
  const ranked = found.toSorted((one, other) => rankOf(one) - rankOf(other) || surety(one) - surety(other) || other.concentrated - one.concentrated || (one.name < other.name ? -1 : 1));
  return {
    rows: rowsOf(first.window), baselineRows: rowsOf(first.baseline.losses), meanLoss, baselineMeanLoss, rise, alpha,
    explaining: ranked.filter(({ explains }) => explains.length > 0).map(({ name }) => name), features: ranked,
  };
}

const rowsOf = ({ rows }: LossesByBin): number => rows.reduce((sum, count) => sum + count, 0);
const meanOf = (losses: LossesByBin): number => losses.rows.reduce((sum, count, bin) => sum + count * losses.means[bin]!, 0) / rowsOf(losses);

/** What a bin has on both sides. */
interface BinPart {
  readonly bin: number;
  readonly rows: number;
  readonly baselineRows: number;
  readonly share: number;
  readonly baselineShare: number;
  /** That of the other side where it has no rows on this one. */
  readonly meanLoss: number;
  readonly baselineMeanLoss: number;
  readonly shift: number;
  readonly change: number;
}

interface MeasuredFeature {
  readonly bins: FeatureBins;
  readonly parts: readonly BinPart[];
  readonly shift: { readonly value: number; readonly low: number | null; readonly high: number | null; readonly pValue: number | null };
  readonly change: { readonly value: number; readonly concentrated: number; readonly test: ReturnType<typeof unevenRise> };
}

/** @param level a loss in the midst of both sides: as shares add up to 1, shift is the same whatever is taken off all losses, and a bin's part of it is not */
function measureFeature({ baseline: { bins, losses, correlation }, window }: ComparedLosses, level: number, terms: AttributionTerms): MeasuredFeature {
  const parts = partsOf(losses, window, level);
  const [shift, change] = (['shift', 'change'] as const).map((kind) => parts.reduce((sum, part) => sum + part[kind], 0)) as [number, number];
  const means = correlation && meansOfBoth(losses, window, correlation);
  const test = means && unevenRise(parts.flatMap((part) => riseOf(part, means)), correlation.degreesOfFreedom ?? Infinity);
  const error = means && shiftError(parts, { losses, window }, means, correlation);
  return {
    bins, parts, shift: { value: shift, ...shiftInterval(shift, error, doubtOf(parts, terms.bound), terms.alpha) },
    change: { value: change, concentrated: parts.reduce((sum, part) => sum + Math.max(0, part.change - halfShares(part) * change), 0), test },
  };
}

const halfShares = ({ share, baselineShare }: Pick<BinPart, 'share' | 'baselineShare'>): number => (share + baselineShare) / 2;

function partsOf(losses: LossesByBin, window: LossesByBin, level: number): BinPart[] {
  const [all, allBefore] = [rowsOf(window), rowsOf(losses)];
  return losses.rows.flatMap((baselineRows, bin): BinPart[] => {
    const rows = window.rows[bin]!;
    if (rows + baselineRows === 0) return [];
    const [share, baselineShare] = [rows / all, baselineRows / allBefore];
    const meanLoss = rows > 0 ? window.means[bin]! : losses.means[bin]!;
    const baselineMeanLoss = baselineRows > 0 ? losses.means[bin]! : meanLoss;
    const [shift, change] = [(share - baselineShare) * ((baselineMeanLoss + meanLoss) / 2 - level), halfShares({ share, baselineShare }) * (meanLoss - baselineMeanLoss)];
    return [{ bin, rows, baselineRows, share, baselineShare, meanLoss, baselineMeanLoss, shift, change }];
  });
}

/** The variances of the means of one side's bins, and with how many degrees of freedom and effective rows each is known. */
interface BinMeans {
  readonly variances: readonly number[];
  readonly degreesOfFreedom: readonly number[];
  readonly effectiveRows: readonly number[];
}

/**
 * Variances of bins are drawn towards their common one, as a prior of a few rows would (compare Smyth 2004, the moderated t). Null where no bin has two rows,
 * and where losses are all the same.
 */
function meansOf(losses: LossesByBin, correlation: BlockCorrelation): BinMeans | null {
  const { rows, squares, blockRows } = losses;
  // Rows of a block are alike: their own spread falls short of that of all blocks, the more the fewer there are.
  const free = rows.map((count, bin) => Math.max(0, count - 1 - Math.max(0, blockRows[bin]! - 1) * correlation.losses));
  const allFree = free.reduce((sum, one) => sum + one, 0);
  if (allFree === 0) return null;
  const common = squares.reduce((sum, square) => sum + square, 0) / allFree;
  const mean = meanOf(losses);
  if (!(common > (LEAST_DEVIATION * mean) ** 2)) return null;
  const effective = mean ** 2 / (mean ** 2 + common);
  const degreesOfFreedom = free.map((one) => one + PRIOR_ROWS);
  return {
    degreesOfFreedom, effectiveRows: rows.map((count) => count * effective),
    variances: rows.map((count, bin) => (count === 0 ? 0 : ((squares[bin]! + PRIOR_ROWS * common) / degreesOfFreedom[bin]! / count) * designEffect(blockRows[bin]!, correlation.losses))),
  };
}

interface SidesMeans {
  readonly baseline: BinMeans;
  readonly window: BinMeans;
}

function meansOfBoth(losses: LossesByBin, window: LossesByBin, correlation: BlockCorrelation): SidesMeans | null {
  const [before, now] = [meansOf(losses, correlation), meansOf(window, correlation)];
  return before && now && { baseline: before, window: now };
}

const designEffect = (blockRows: number, correlation: number): number => 1 + Math.max(0, blockRows - 1) * correlation;

function riseOf({ bin, meanLoss, baselineMeanLoss }: BinPart, { baseline, window }: SidesMeans): BinRise[] {
  if (Math.min(baseline.effectiveRows[bin]!, window.effectiveRows[bin]!) < FEWEST_EFFECTIVE_ROWS) return [];
  const [before, now] = [baseline.variances[bin]!, window.variances[bin]!];
  const degreesOfFreedom = (before + now) ** 2 / (before ** 2 / baseline.degreesOfFreedom[bin]! + now ** 2 / window.degreesOfFreedom[bin]!);
  return [{ rise: meanLoss - baselineMeanLoss, variance: before + now, degreesOfFreedom }];
}

/** The standard error of shift: that of the shares under losses as they are, and that of the losses under shares as they are. */
function shiftError(
  parts: readonly BinPart[], { losses, window }: { readonly losses: LossesByBin; readonly window: LossesByBin }, means: SidesMeans, { membership }: BlockCorrelation,
): number {
  const ofShares = (side: LossesByBin, shareOf: (part: BinPart) => number): number => {
    const mean = parts.reduce((sum, part) => sum + shareOf(part) * middle(part), 0);
    const variance = parts.reduce((sum, part) => sum + shareOf(part) * (middle(part) - mean) ** 2, 0);
    return (variance / rowsOf(side)) * designEffect(side.allBlockRows, membership);
  };
  const ofLosses = parts.reduce((sum, { bin, rows, baselineRows, share, baselineShare }) => {
    const both = means.baseline.variances[bin]! + means.window.variances[bin]!;
    // A loss that stands for both sides is uncertain as a whole.
    return sum + (share - baselineShare) ** 2 * (rows > 0 && baselineRows > 0 ? both / 4 : both);
  }, 0);
  return Math.sqrt(ofShares(losses, ({ baselineShare }) => baselineShare) + ofShares(window, ({ share }) => share) + ofLosses);
}

const middle = ({ meanLoss, baselineMeanLoss }: BinPart): number => (meanLoss + baselineMeanLoss) / 2;

/** How much lower and higher shift could be for what losses would be where a side has no rows. */
function doubtOf(parts: readonly BinPart[], bound: number): { readonly below: number; readonly above: number } {
  let [below, above] = [0, 0];
  for (const { rows, baselineRows, share, baselineShare, meanLoss, baselineMeanLoss } of parts) {
    if (baselineRows === 0) {
      below += (share * baselineMeanLoss) / 2;
      above += (share * (bound - baselineMeanLoss)) / 2;
    } else if (rows === 0) {
      below += (baselineShare * (bound - meanLoss)) / 2;
      above += (baselineShare * meanLoss) / 2;
    }
  }
  return { below, above };
}

function shiftInterval(value: number, error: number | null, { below, above }: ReturnType<typeof doubtOf>, alpha: number): Omit<MeasuredFeature['shift'], 'value'> {
  if (error === null) return { low: null, high: null, pValue: null };
  const reach = criticalValue(alpha) * error;
  const away = Math.max(0, value > 0 ? value - below : -value - above);
  return { low: value - below - reach, high: value + above + reach, pValue: away === 0 ? 1 : chiSquaredTail((away / error) ** 2, 1) };
}

/** Adjusted p-values (Holm 1979, "A simple sequentially rejective multiple test procedure"), in the order of the given ones. */
export function holm(pValues: readonly (number | null)[]): (number | null)[] {
  const known = pValues.flatMap((pValue, place) => (pValue === null ? [] : [{ pValue, place }])).sort((one, other) => one.pValue - other.pValue);
  const adjusted = pValues.map((): number | null => null);
  let most = 0;
  known.forEach(({ pValue, place }, rank) => {
    most = Math.max(most, Math.min(1, (known.length - rank) * pValue));
    adjusted[place] = most;
  });
  return adjusted;
}

function attributionOf({ bins, parts, shift, change }: MeasuredFeature, adjusted: { readonly change: number | null; readonly shift: number | null }, alpha: number): FeatureAttribution {
  const surely = (pValue: number | null, value: number): boolean => pValue !== null && pValue < alpha && value > 0;
  const beyond = ({ shift: moved, change: worse, ...part }: BinPart): number => moved + worse - halfShares(part) * (shift.value + change.value);
  const { pValue, ...interval } = shift;
  return {
    name: bins.name, type: bins.type, shift: interval, change: change.value, concentrated: change.concentrated,
    unevenness: change.test && { ...change.test, adjustedPValue: adjusted.change! }, shiftTest: pValue === null ? null : { pValue, adjustedPValue: adjusted.shift! },
    explains: [...(surely(adjusted.change, change.value) ? ['change' as const] : []), ...(surely(adjusted.shift, shift.value) ? ['shift' as const] : [])],
    binCount: parts.length,
    bins: parts.filter(({ rows }) => rows > 0).sort((one, other) => beyond(other) - beyond(one) || one.bin - other.bin).slice(0, SHOWN_BINS).map((part) => shownBin(bins, part)),
  };
}

function shownBin(bins: FeatureBins, { bin, rows, baselineRows, meanLoss, baselineMeanLoss, ...part }: BinPart): AttributionBin {
  return {
    ...nameOf(bins, bin), rows, baselineRows, share: part.share, baselineShare: part.baselineShare,
    meanLoss, baselineMeanLoss: baselineRows > 0 ? baselineMeanLoss : null, shift: part.shift, change: part.change,
  };
}

function nameOf(bins: FeatureBins, bin: number): Pick<AttributionBin, 'kind' | 'from' | 'until' | 'category'> {
  const none = { from: null, until: null, category: null };
  if (bins.type === 'number') {
    return bin > bins.edges.length ? { ...none, kind: 'missing' } : { kind: 'range', from: bins.edges[bin - 1] ?? null, until: bins.edges[bin] ?? null, category: null };
  }
  const category = bins.categories[bin];
  return category === undefined ? { ...none, kind: bin === bins.categories.length ? 'others' : 'missing' } : { ...none, kind: 'category', category };
}

const rankOf = ({ explains }: FeatureAttribution): number => (explains.includes('change') ? 0 : explains.includes('shift') ? 1 : 2);

/** The less, the surer what the feature is ranked by. */
const surety = ({ explains, unevenness, shiftTest }: FeatureAttribution): number =>
  (explains.includes('shift') && !explains.includes('change') ? shiftTest?.pValue : unevenness?.pValue) ?? 2;
