import type { FeatureDrift, RowsNotTaken } from '../contracts/feature-drift.js';
import type { UpstreamFault, UpstreamFaultKind, WindowDriftReport } from '../contracts/window-drift.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { type BaselineShape, baselineShape, distanceOf, finiteRows, type Misfit, misfitOf, ofTakers, type WindowShape, windowShape } from './distribution-fit.js';
import { lowerShare } from './lower-bounds.js';
import { IDENTITY, UNIT_MAPS, type UnitMap } from './unit-maps.js';
import { type FeaturePast, FEWEST_ROWS, isOneValue, mostMissing, pastsOf, staysWithin, timesTheUsual } from './usual-changes.js';

/** What is known beside the drift's figures; all of it may be left out. */
export interface FaultHints {
  /** Each feature's nine deciles in the window, exact (numpy.quantile's, not the edges of buckets). */
  readonly deciles?: ReadonlyMap<string, readonly number[]>;
  /** Features that honestly hold one value throughout a window, such as the month in a window of a day. */
  readonly steady?: ReadonlySet<string>;
  /** How features moved by themselves before (usual-changes.ts). */
  readonly pasts?: ReadonlyMap<string, FeaturePast>;
  /** Rows of the window that were answered by versions whose specs do not take a feature, by its name. They count as others where they are left out. */
  readonly notTaken?: ReadonlyMap<string, RowsNotTaken>;
}

interface Measured {
  readonly drift: FeatureDrift;
  readonly baseline: BaselineShape;
  readonly window: WindowShape;
  /** Kolmogorov–Smirnov. */
  readonly distance: number;
  readonly feature: FeatureSpec;
  readonly past: FeaturePast | null;
}

/** The chance that an honest window shows it, were its rows independent; small since they are not. */
const CHANCE = 1e-6;

/** Missing far beyond the limit: that much more of all rows, and that many times the odds. */
const MORE_MISSING = 0.05;
const MISSING_ODDS = 3;

/** A value that so many rows have may be all there is for a while. */
const COMMON = 0.6;

/** Of a window that changed: so far from the baseline. */
const AWAY = 0.5;
/** Far from the baseline: a normal's mean shifted by one standard deviation is 0.38 away, by two 0.68. */
const FAR = 0.8;
/** Also far: a spread that grew or shrank that many times, with this distance at least; one odd row grows a range too. */
const OTHER_SPREAD = { times: 5, distance: 0.3 } as const;
/** Of a window that is far: what a season and the few days of a window may add to a map. */
const COARSE: Misfit = { location: 0.3, spread: Math.log(2), ranks: 0.2 };
/** Air is nowhere colder or hotter; it may be far warmer or colder than in the window before. */
const OUTDOORS: Readonly<Record<string, readonly [least: number, greatest: number]>> = { 'Fahrenheit to Celsius': [-76, 140], 'Celsius to Fahrenheit': [-60, 60] };
/** Moved so many widths of the baseline, of which the map leaves at most so many, and at most that share. */
const MOVED = { location: 1.5, left: 1, share: 0.3 } as const;
/** Of a window that is not far, by its deciles: nothing but what chance adds, `location` by the root of the rows. */
const FINE = { distance: 0.25, location: 0.01, chance: 3, rows: 1_000 } as const;

/** No honest change is as large as such a factor; where it is so many times the usual too, the map need not meet the shape of the window before. */
const LARGE = { factor: 20, times: 2 } as const;
/** Factors of at most this are many and grow by themselves too: the mean must be where the map puts it, but for this share and for chance. */
const DENSE = { factor: 5, error: 0.02, deviations: 3 } as const;
/** Of a normal distribution, from the first decile to the last. */
const WIDTH_DEVIATIONS = 2.563;

const SWAP_DISTANCE = 0.5;
const SWAPPED: Misfit = { location: 0.25, spread: Math.log(2), ranks: 0.15 };

/**
 * Finds what looks like an upstream fault rather than a change of the world. A false one costs a window, so that each kind asks for much:
 * - `schema`: a feature of the spec is not in the window, or has the other type. Nothing is said of a window without any feature (inputs not kept);
 * - `missing`: the share without a finite value surely (lower-bounds.ts) exceeds max(maxMissing, the baseline's share) by 0.05 and its odds threefold;
 * - `frozen`: one value in 50 rows or more where the baseline varies, and p^rows ≤ 10⁻⁶ with p the baseline's share of the bin or category that
 *   holds it. Nothing is told where p is six tenths or more: rows share their hour, and a week without rain is no broken gauge. Calendar features
 *   belong into `steady`;
 * - `swapped`: two numbers, each at least 0.5 from its own baseline (Kolmogorov–Smirnov), each close to the other's. Alike ones cannot be told apart;
 * - `unitChange`: close to the baseline once a map of unit-maps.ts is taken back. Far windows (0.8 away, or a fivefold spread) need be near only:
 *   mean, range and bins, and a spread that the map explains better than none does; of air temperatures it suffices that Celsius for Fahrenheit
 *   explains most of the way; a mere factor of at most 5 must meet the mean within 2 % and
 *   chance. Others, such as ×2.54 of a wide distribution, need every decile on its place, so `hints.deciles` and 1,000 rows. A real growth of the
 *   whole distribution by such a factor looks the same and is named too. Of maps that fit alike (×1,000 and ×1,024) `unit` is the first of the
 *   list, and `because` tells them all.
 *
 * What features did by themselves before (`hints.pasts`) bounds three of them: `missing` must exceed the most that an earlier window lacked too, nothing is
 * `frozen` that had one value throughout an earlier window, and of `unitChange` see {@link timesTheUsual}: the change must be more than the usual.
 * A factor of 20 that is twice the usual needs no likeness. No map is told whose values, taken back, lie outside of the feature's `min` and `max`.
 *
 * Rows of versions that do not take a feature (`hints.notTaken`) lack it honestly: `schema` is not told where there are no others, and `missing` is told of the
 * others alone. That a hint is left out may make more of these faults, never fewer.
 *
 * Not told from binned distributions: some rows in another unit, a constant shift, a changed code of a category, a swap within rows.
 * Constant baselines, fewer than 50 finite rows and windows without finite values have neither `swapped` nor `unitChange`.
 * @param features what was measured of the window, in any order @param spec the champion's features
 * @returns in the order of the kinds above, then of the spec; a feature has one fault at most
 */
export function findUpstreamFaults(features: readonly FeatureDrift[], spec: readonly FeatureSpec[], hints: FaultHints = {}): UpstreamFault[] {
  if (features.length === 0) return [];
  const byName = new Map(features.map((feature) => [feature.name, feature]));
  const known = spec.flatMap((feature) => {
    const drift = byName.get(feature.name);
    return drift?.type === feature.type ? [{ feature, drift }] : [];
  });
  const isTaken = ({ name }: FeatureSpec): boolean => features[0]!.window.rows > (hints.notTaken?.get(name)?.rows ?? -1);
  const schema = spec.flatMap((feature) => (byName.has(feature.name) || isTaken(feature) ? (schemaFault(feature, byName.get(feature.name)) ?? []) : []));
  const missing = known.flatMap(({ feature, drift }) => missingFault(feature, drift, hints) ?? []);
  const faulty = new Set(missing.flatMap((fault) => fault.features));
  const present = known.filter(({ drift }) => !faulty.has(drift.name));
  const frozen = present.flatMap(({ drift }) => (isSteady(drift.name, hints) ? [] : (frozenFault(drift) ?? [])));
  const measured = present.flatMap(({ feature, drift }) => measuredOf(feature, drift, hints) ?? []);
  const swapped = swappedFaults(measured);
  const taken = new Set(swapped.flatMap((fault) => fault.features));
  const units = measured.flatMap((one) => (taken.has(one.drift.name) ? [] : (unitFault(one) ?? [])));
  return [...schema, ...missing, ...frozen, ...swapped, ...units];
}

/**
 * The faults of a window, told from the window before it where there is one, feature by feature: what that one has no value of, such as an input that a new
 * champion added, is told beside the baseline. A shape that has come back near to the baseline is no fault: the window before may have been one that was not seen.
 * @param features against the baseline @param changes against the window before; null without one
 * @param earlier reports of the last windows that are not in quarantine, at most EARLIER_WINDOWS, the oldest first: the window before is the last
 */
export function findWindowFaults(features: readonly FeatureDrift[], changes: readonly FeatureDrift[] | null, spec: readonly FeatureSpec[], earlier: readonly Pick<WindowDriftReport, 'features'>[], hints: Pick<FaultHints, 'notTaken'> = {}): UpstreamFault[] {
  const isAway = (name: string): boolean => {
    const drift = features.find((feature) => feature.name === name);
    return drift === undefined || distanceOf(drift) >= AWAY;
  };
  const before = new Map(earlier.at(-1)?.features.map(({ name, notTaken }) => [name, notTaken]));
  const known = new Map((changes ?? []).filter(({ baseline }) => finiteRows(baseline) > 0).map((change) => [change.name, { ...change, baseline: ofTakers(change.baseline, before.get(change.name)) }]));
  const told = features.map((feature) => known.get(feature.name) ?? feature);
  return findUpstreamFaults(told, spec, { ...hints, pasts: pastsOf(features, earlier) }).filter(({ kind, features: names }) => kind === 'schema' || kind === 'missing' || names.some(isAway));
}

const fault = (kind: UpstreamFaultKind, features: readonly string[], because: string, unit: string | null = null): UpstreamFault =>
  ({ kind, features, unit, because });

function schemaFault({ name, type }: FeatureSpec, drift: FeatureDrift | undefined): UpstreamFault | null {
  if (drift?.type === type) return null;
  return fault('schema', [name], drift ? `${name} came as a ${drift.type}; the spec says ${type}.` : `${name} is in the spec, but not in the window.`);
}

function missingFault({ name, maxMissing }: FeatureSpec, drift: FeatureDrift, { pasts, notTaken }: FaultHints): UpstreamFault | null {
  const { baseline } = drift;
  const [window, past] = [ofTakers(drift.window, notTaken?.get(name)), pasts?.get(name)];
  if (window.rows === 0) return null;
  const limit = Math.max(maxMissing, baseline.rows > 0 ? 1 - finiteRows(baseline) / baseline.rows : 0, past ? mostMissing(past) : 0);
  const absent = window.rows - finiteRows(window);
  const low = lowerShare(absent, window.rows, CHANCE);
  if (low <= limit + MORE_MISSING || low * (1 - limit) <= MISSING_ODDS * limit * (1 - low)) return null;
  const share = percent(absent / window.rows);
  return fault('missing', [name], `${name} has no value in ${share} of ${window.rows} rows${notTaken?.has(name) ? ' of versions that take it' : ''}; ${percent(limit)} is what the spec and the baseline know.`);
}

/** What had one value in an earlier window has it by itself, as there are days without rain. */
const isSteady = (name: string, { steady, pasts }: FaultHints): boolean => (steady?.has(name) ?? false) || (pasts?.get(name)?.earlier.some(isOneValue) ?? false);

function frozenFault(drift: FeatureDrift): UpstreamFault | null {
  const { name, type, bins, baseline, window } = drift;
  const rows = finiteRows(window);
  const known = sum(bins.baseline);
  const varies = type === 'number' ? baseline.least !== baseline.greatest : bins.baseline.filter((count) => count > 0).length > 1;
  if (!varies || !isOneValue(drift) || known === 0) return null;
  const bin = bins.window.findIndex((count) => count > 0);
  // One row more, so that no bin is impossible.
  const share = (bins.baseline[bin]! + 1) / (known + 1);
  if (share >= COMMON || rows * Math.log(share) > Math.log(CHANCE)) return null;
  const value = type === 'number' ? rounded(window.least ?? 0) : `"${bins.categories?.[bin] ?? ''}"`;
  return fault('frozen', [name], `${name} is ${value} in all ${rows} rows; ${percent(bins.baseline[bin]! / known)} of the baseline lies in its bin.`);
}

function measuredOf(feature: FeatureSpec, drift: FeatureDrift, { deciles, pasts }: FaultHints): Measured | null {
  if (drift.type !== 'number' || Math.min(finiteRows(drift.baseline), finiteRows(drift.window)) < FEWEST_ROWS) return null;
  const [baseline, window] = [baselineShape(drift), windowShape(drift, deciles?.get(drift.name) ?? null)];
  return baseline && window && { drift, baseline, window, distance: distanceOf(drift), feature, past: pasts?.get(drift.name) ?? null };
}

/** Of all pairs that fit, the best first; no feature is in two of them. */
function swappedFaults(measured: readonly Measured[]): UpstreamFault[] {
  const far = measured.filter(({ distance }) => distance >= SWAP_DISTANCE);
  const pairs = far.flatMap((one, index) => far.slice(index + 1).flatMap((other) => {
    const misfit = misfitOf(other.baseline, one.window, IDENTITY);
    if (!within(misfit, SWAPPED)) return [];
    const back = misfitOf(one.baseline, other.window, IDENTITY);
    return within(back, SWAPPED) ? [{ one, other, total: totalOf(misfit) + totalOf(back) }] : [];
  }));
  const taken = new Set<Measured>();
  return pairs.sort((a, b) => a.total - b.total).flatMap(({ one, other }) => {
    if (taken.has(one) || taken.has(other)) return [];
    taken.add(one).add(other);
    const apart = `${rounded(one.distance)} and ${rounded(other.distance)} from their own baselines`;
    return [fault('swapped', [one.drift.name, other.drift.name], `${one.drift.name} and ${other.drift.name} are ${apart}, and each is close to the other's.`)];
  });
}

function unitFault(one: Measured): UpstreamFault | null {
  const { drift: { name, baseline, window }, distance } = one;
  if (distance < FINE.distance) return null;
  const known = UNIT_MAPS.flatMap((map) => (explains(one, map) ? [{ name: map.name, total: totalOf(misfitOf(one.baseline, one.window, map)) }] : []));
  const least = Math.min(...known.map(({ total }) => total));
  const [best, ...others] = known.filter(({ total }) => total <= least + chanceOf(one)).map((fit) => fit.name);
  if (best === undefined) return null;
  const means = `the mean went from ${rounded(baseline.mean ?? 0)} to ${rounded(window.mean ?? 0)}`;
  const or = others.length > 0 ? `, or as well ${others.join(' or ')},` : '';
  const because = `${name} is ${rounded(distance)} from its baseline, and close to it once the change ${best}${or} is taken back: ${means}.`;
  return fault('unitChange', [name], because, best);
}

function explains(one: Measured, map: UnitMap): boolean {
  const { drift, past, feature, distance } = one;
  if (feature.type === 'number' && !staysWithin(feature, map, drift.window)) return false;
  const times = past && timesTheUsual(map, drift, past);
  if (times !== null && times <= 1) return false;
  return fits(one, map) || (distance >= FAR && Math.abs(Math.log(map.scale)) >= Math.log(LARGE.factor) && (times ?? 0) >= LARGE.times);
}

/** By the window before alone. */
function fits(one: Measured, map: UnitMap): boolean {
  const { baseline, window, distance } = one;
  const apart = Math.abs((window.mean - map.offset) / map.scale - baseline.mean);
  // Most maps end here.
  if (apart > baseline.width) return false;
  const dense = map.offset === 0 && Math.abs(Math.log(map.scale)) <= Math.log(DENSE.factor);
  if (dense && apart > DENSE.error * Math.abs(baseline.mean) + DENSE.deviations * meanError(one)) return false;
  const raw = Math.abs(misfitOf(baseline, window, IDENTITY).spread);
  const misfit = misfitOf(baseline, window, map);
  if (distance >= FAR || (distance >= OTHER_SPREAD.distance && raw >= Math.log(OTHER_SPREAD.times))) {
    // An honest shift keeps its spread: a map must explain that as well as where the mean is.
    const better = map.scale === 1 || Math.abs(misfit.spread) <= Math.max(Math.log(1.25), raw / 2);
    return (better && within(misfit, COARSE)) || (isOutdoors(baseline, map) && explainsMost(misfit, misfitOf(baseline, window, IDENTITY)));
  }
  if (Math.min(baseline.rows, window.rows) < FINE.rows || window.deciles === null || baseline.edges.length !== window.deciles.length) return false;
  const most = FINE.location + chanceOf(one);
  return within(misfit, { location: most, spread: most, ranks: most });
}

/** Air temperatures in the unit that the map begins with. */
const isOutdoors = ({ least, greatest }: BaselineShape, { name }: UnitMap): boolean => {
  const [coldest, hottest] = OUTDOORS[name] ?? [Infinity, -Infinity];
  return least >= coldest && greatest <= hottest;
};

/** The weather moves values too, beside what the map does: then what is left must be small beside what it explains. */
const explainsMost = (left: Misfit, raw: Misfit): boolean =>
  raw.location >= MOVED.location && left.location <= Math.min(MOVED.left, MOVED.share * raw.location) && Math.abs(left.spread) <= COARSE.spread;

/** The standard error of the difference of the means, in the baseline's unit, from its width. */
const meanError = ({ baseline, window }: Measured): number => (baseline.width / WIDTH_DEVIATIONS) * Math.sqrt(1 / baseline.rows + 1 / window.rows);

/** What chance adds to a misfit: some three standard errors of the outer deciles. */
const chanceOf = ({ baseline, window }: Measured): number => FINE.chance / Math.sqrt(Math.min(baseline.rows, window.rows));

const within = (misfit: Misfit, most: Misfit): boolean =>
  misfit.location <= most.location && Math.abs(misfit.spread) <= most.spread && misfit.ranks <= most.ranks;
const totalOf = ({ location, spread, ranks }: Misfit): number => location + Math.abs(spread) + ranks;
const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
const rounded = (value: number): string => String(Number(value.toPrecision(3)));
const percent = (share: number): string => `${rounded(share * 100)} %`;
