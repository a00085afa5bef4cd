import type { ColumnCounts, FeatureDrift, RowsNotTaken } from '../contracts/feature-drift.js';
import { normalQuantile } from '../evaluation/distributions.js';
import type { UnitMap } from './unit-maps.js';

/** What is known of a distribution of finite numbers. */
interface DistributionShape {
  /** [at most 9] deciles of the baseline without repetitions, ascending. */
  readonly edges: readonly number[];
  readonly below: readonly number[];
  readonly least: number;
  readonly greatest: number;
  readonly mean: number;
  readonly rows: number;
  /** The range that so many normal values are expected to have, in standard deviations. */
  readonly extremes: number;
}

/** A baseline's, whose numbers are not all the same. `below`: [edges + 2] the share of rows below each edge, after a 0 and before a 1. */
export interface BaselineShape extends DistributionShape {
  /** From the first decile to the last, 2.56 standard deviations of a normal distribution; half of the range where they are one. */
  readonly width: number;
}

/**
 * A window's, `below`: [edges] the share of its rows below each edge. Its median is not used: far from the baseline it may be a factor of two too
 * low.
 */
export interface WindowShape extends DistributionShape {
  /** [9] exact deciles; null where they were not measured. */
  readonly deciles: readonly number[] | null;
}

/** How far a window lies from a baseline once a map is taken back; 0 in all three is the same distribution as far as can be told. */
export interface Misfit {
  /** The greatest distance of two deciles of one rank, or that of the means where deciles are not known, in widths of the baseline. */
  readonly location: number;
  /**
   * ln(spread of the window ÷ spread of the baseline): from first to last decile, or the ranges where deciles are not known. A range grows with
   * the rows, a normal's by its expected extremes and a uniform's hardly: of the two figures it is the one nearer to 0.
   */
  readonly spread: number;
  /** The greatest distance by which the share of rows below a known point falls outside what the baseline's bins allow for, 0 to 1. */
  readonly ranks: number;
}

const DECILES = 9;

/** @returns null where nothing is finite, or all is one value */
export function baselineShape({ bins, baseline }: FeatureDrift): BaselineShape | null {
  const { least, greatest, mean } = baseline;
  if (bins.edges === null || bins.edges.length === 0 || least === null || greatest === null || mean === null || greatest === least) return null;
  const core = bins.edges[bins.edges.length - 1]! - bins.edges[0]!;
  const rows = finiteRows(baseline);
  const below = [0, ...sharesBelow(bins.baseline), 1];
  return { edges: bins.edges, below, least, greatest, mean, rows, extremes: normalRange(rows), width: core > 0 ? core : (greatest - least) / 2 };
}

/**
 * @param deciles the window's own nine, exact; null where they were not measured
 * @returns null where nothing is finite, or all is one value
 */
export function windowShape({ bins, window }: FeatureDrift, deciles: readonly number[] | null): WindowShape | null {
  const { least, greatest, mean } = window;
  if (bins.edges === null || least === null || greatest === null || mean === null || greatest === least) return null;
  const rows = finiteRows(window);
  const shape = { edges: bins.edges, below: sharesBelow(bins.window), least, greatest, mean, rows, extremes: normalRange(rows) };
  return { ...shape, deciles: deciles?.length === DECILES ? deciles : null };
}

/** The model takes what is infinite as missing. */
export const finiteRows = ({ rows, missing, infinite }: ColumnCounts): number => rows - missing - infinite;

/** A window's counts without the rows of versions that do not take the feature. */
export const ofTakers = (counts: ColumnCounts, notTaken: RowsNotTaken | undefined): ColumnCounts =>
  (notTaken ? { ...counts, rows: Math.max(0, counts.rows - notTaken.rows), missing: Math.max(0, counts.missing - notTaken.missing) } : counts);

/** [bins − 1] */
function sharesBelow(counts: readonly number[]): number[] {
  const rows = counts.reduce((sum, count) => sum + count, 0);
  let sum = 0;
  return counts.slice(0, -1).map((count) => (sum += count) / rows);
}

/** Holds the window, its values taken back by the map, against a baseline: its own or another feature's. */
export function misfitOf(baseline: BaselineShape, window: WindowShape, map: UnitMap): Misfit {
  const back = (value: number): number => (value - map.offset) / map.scale;
  const deciles = baseline.edges.length === DECILES ? window.deciles : null;
  const distances = deciles?.map((decile, rank) => Math.abs(back(decile) - baseline.edges[rank]!)) ?? [Math.abs(back(window.mean) - baseline.mean)];
  const location = Math.max(...distances) / baseline.width;
  return { location, spread: spreadOf(baseline, window, deciles, map.scale), ranks: rankMisfit(baseline, window, back) };
}

function spreadOf(baseline: BaselineShape, window: WindowShape, deciles: readonly number[] | null, scale: number): number {
  const core = deciles ? deciles[DECILES - 1]! - deciles[0]! : 0;
  if (core > 0) return Math.log(core / baseline.width / scale);
  const range = Math.log((window.greatest - window.least) / (baseline.greatest - baseline.least) / scale);
  const byRows = range - Math.log(window.extremes / baseline.extremes);
  return Math.abs(range) < Math.abs(byRows) ? range : byRows;
}

/** Source: Blom, Statistical Estimates and Transformed Beta-Variables, 1958. */
const normalRange = (rows: number): number => 2 * normalQuantile((rows - 0.375) / (rows + 0.25));

function rankMisfit(baseline: BaselineShape, { edges, below, deciles }: WindowShape, back: (value: number) => number): number {
  let greatest = 0;
  const add = (value: number, share: number): void => {
    const [low, high] = sharesAt(baseline, back(value));
    greatest = Math.max(greatest, low - share, share - high);
  };
  edges.forEach((edge, index) => add(edge, below[index]!));
  // Ties make a decile's own rank uncertain, but not where there are none.
  if (baseline.edges.length === DECILES) deciles?.forEach((decile, index) => add(decile, (index + 1) / (DECILES + 1)));
  return greatest;
}

/** Between what the share of the baseline's rows below a value lies: all that its bins tell, ties or not. */
function sharesAt({ edges, below, least, greatest }: BaselineShape, value: number): readonly [number, number] {
  if (value < least) return [0, 0];
  if (value > greatest) return [1, 1];
  const bin = edges.filter((edge) => edge <= value).length;
  return [below[bin]!, below[bin + 1]!];
}

/** The Kolmogorov–Smirnov distance: the measured one, or what the bins tell of it. */
export function distanceOf({ ks, bins }: FeatureDrift): number {
  if (ks) return ks.statistic;
  const [baseline, window] = [sharesBelow(bins.baseline), sharesBelow(bins.window)];
  return Math.max(0, ...baseline.map((share, index) => Math.abs(share - window[index]!)));
}
