import type { ColumnCounts, FeatureDrift } from '../contracts/feature-drift.js';
import type { WindowDriftReport } from '../contracts/window-drift.js';
import { criticalValue } from '../evaluation/distributions.js';
import { finiteRows, ofTakers } from './distribution-fit.js';
import type { UnitMap } from './unit-maps.js';

/** Windows before one that tell how its features move. */
export const EARLIER_WINDOWS = 26;

/** So many changes tell how a feature moves; with fewer, the champion's baseline does. */
const FEWEST_CHANGES = 8;
/** Rows with a value that a window needs, so that the distribution of a feature can be judged. */
export const FEWEST_ROWS = 50;
/** That a change is not usual, were changes independent and normal. Honest ones have longer tails, but few of them look like a map. */
const CHANCE = 1e-4;
/** What a map may leave of a feature that hardly moves, as a share of what the map does. */
const LEFT = 0.1;
/** By so much chance makes a range wider or narrower, where earlier ones are not known. */
const OTHER_RANGE = Math.log(10);

/** What reports tell of a feature in one window, whatever they held it against. */
export type FeatureInWindow = Pick<FeatureDrift, 'type' | 'window' | 'bins' | 'notTaken'>;

/** What is known of how a feature moves by itself. */
export interface FeaturePast {
  /** In the last windows that are not in quarantine, the oldest first. */
  readonly earlier: readonly FeatureInWindow[];
  /** The window beside the champion's baseline. */
  readonly drift: FeatureDrift;
}

/** What is known of each feature of a window. @param earlier reports of the last windows that are not in quarantine, the oldest first */
export function pastsOf(features: readonly FeatureDrift[], earlier: readonly Pick<WindowDriftReport, 'features'>[]): ReadonlyMap<string, FeaturePast> {
  const reports = earlier.map((report) => new Map(report.features.map((feature) => [feature.name, feature])));
  const earlierOf = ({ name, type }: FeatureDrift): FeatureDrift[] => reports.flatMap((report) => report.get(name) ?? []).filter((feature) => feature.type === type);
  return new Map(features.map((drift) => [drift.name, { drift, earlier: earlierOf(drift) }]));
}

/** Whether all finite rows of a window, enough of them, have one value. */
export const isOneValue = ({ type, window, bins }: FeatureInWindow): boolean =>
  finiteRows(window) >= FEWEST_ROWS && bins.window.filter((count) => count > 0).length === 1 && (type === 'category' || window.least === window.greatest);

/** The greatest share of rows without a finite value that a feature had by itself, of rows that were answered by versions that take it; 0 where nothing is known. */
export const mostMissing = ({ earlier }: FeaturePast): number =>
  Math.max(0, ...earlier.map(({ window, notTaken }) => ofTakers(window, notTaken)).filter(({ rows }) => rows >= FEWEST_ROWS).map((taken) => 1 - finiteRows(taken) / taken.rows));

/** A figure of a window to which a map adds `shift`. */
interface MapScale {
  readonly of: (level: ColumnCounts) => number;
  readonly shift: number;
  /** What is usual by the champion's baseline alone; Infinity where it cannot tell. */
  readonly width: (drift: FeatureDrift) => number;
}

/**
 * How many times the usual a change is that a map explains: it is held against what the feature did by itself before.
 *
 * A map y = a + b·x adds ln b to ln |x − c|, where c = a / (1 − b) is the point that it leaves in place, and a to x where b = 1: on this scale the mean is
 * taken. It adds ln b to ln of the range too. On each of the two scales the window before has moved by d, and between earlier windows the feature
 * moved n times, by s at root mean square; usual is what lies within u = q·s, with q Student's two-sided quantile at 10⁻⁴ and n degrees of
 * freedom. A map tells something only where what it adds is beyond u, so that none is told of a volatile feature, and what it leaves, d less what it adds,
 * must be usual. With fewer than 8 changes u is the width of the champion's baseline, of the mean from its first decile to its last.
 * @param change the window beside the one before
 * @returns |d| / u, of the two scales the greater; 0 where no scale tells, or one tells against it
 */
export function timesTheUsual(map: UnitMap, { baseline, window }: FeatureDrift, past: FeaturePast): number {
  const scales = map.scale === 1 ? [meanScale(map)] : [meanScale(map), rangeScale(map)];
  const times = scales.map((scale) => {
    const [moved, usual] = [scale.of(window) - scale.of(baseline), usualOn(scale, past)];
    // A mean in the map's fixed point, or one value, has no place on the scale.
    if (!Number.isFinite(moved)) return 0;
    if (Math.abs(moved - scale.shift) > Math.max(usual, LEFT * Math.abs(scale.shift))) return NaN;
    return Math.abs(scale.shift) > usual && moved * scale.shift > 0 ? Math.abs(moved) / usual : 0;
  });
  return times.some(Number.isNaN) ? 0 : Math.max(...times);
}

/** Whether the window's values, taken back by the map, lie where the spec says that they do, but for a tenth of their range. */
export function staysWithin({ min = -Infinity, max = Infinity }: { readonly min?: number | undefined; readonly max?: number | undefined }, { offset, scale }: UnitMap, window: ColumnCounts): boolean {
  const [low, high] = [((window.least ?? offset) - offset) / scale, ((window.greatest ?? offset) - offset) / scale];
  const room = LEFT * (high - low);
  return low >= min - room && high <= max + room;
}

function meanScale({ offset, scale }: UnitMap): MapScale {
  const fixed = offset / (1 - scale);
  const place = (value: number): number => (scale === 1 ? value : Math.log(Math.abs(value - fixed)));
  const width = ({ bins }: FeatureDrift): number => {
    const [first, last] = [bins.edges?.[0] ?? fixed, bins.edges?.at(-1) ?? fixed];
    const isMonotone = scale === 1 || (first - fixed) * (last - fixed) > 0;
    return isMonotone && last > first ? Math.abs(place(last) - place(first)) : Infinity;
  };
  return { of: ({ mean }) => place(mean ?? NaN), shift: scale === 1 ? offset : Math.log(scale), width };
}

const rangeScale = ({ scale }: UnitMap): MapScale => ({
  of: ({ least, greatest }) => Math.log((greatest ?? NaN) - (least ?? NaN)), shift: Math.log(scale),
  // Of a feature that mostly has one value a few rows make the range.
  width: ({ bins: { edges } }) => (edges && edges.at(-1)! > edges[0]! ? OTHER_RANGE : Infinity),
});

function usualOn({ of, width }: MapScale, { earlier, drift }: FeaturePast): number {
  const places = earlier.filter(({ window }) => finiteRows(window) >= FEWEST_ROWS).map(({ window }) => of(window));
  const changes = places.slice(1).map((place, index) => place - places[index]!);
  if (changes.length < FEWEST_CHANGES) return width(drift);
  const usual = criticalValue(CHANCE, changes.length) * Math.sqrt(changes.reduce((sum, change) => sum + change ** 2, 0) / changes.length);
  return Number.isFinite(usual) ? usual : Infinity;
}
