import type { FeatureDrift } from '../contracts/feature-drift.js';
import type { ColumnRoom } from './column-room.js';
import { DecileSearch } from './decile-search.js';
import type { DriftColumns } from './drift-columns.js';
import { withRoughDeciles } from './numeric-bins.js';
import { numericDrift, profiledDrift } from './numeric-drift.js';
import { addValues, emptyProfile, type NumericProfile } from './numeric-profile.js';
import { type ProfileFrame, profileIn } from './profile-frames.js';
import { finerLayout, layoutFor } from './value-buckets.js';

/** Values of both sides that are held at once, eight bytes each; those of the column that is compared take four more. */
const HELD_VALUES = 20_000_000;
/** Columns whose profiles are made at once. */
const PROFILED_AT_ONCE = 16;
/** Values of a column that its layout is made for, and around whose deciles those of all are looked for. */
const SAMPLED_VALUES = 131_072;

/** Compares numbers: exactly where the values of both sides may be held, else from their profiles. */
export async function measureNumbers(baseline: DriftColumns, window: DriftColumns, names: readonly string[], heldRows: number, room: ColumnRoom): Promise<FeatureDrift[]> {
  const rows = Math.max(1, baseline.rows + window.rows);
  const held = rows <= heldRows;
  const atOnce = held ? Math.max(1, Math.floor(HELD_VALUES / rows)) : PROFILED_AT_ONCE;
  const measured: FeatureDrift[] = [];
  for (let start = 0; start < names.length; start += atOnce) {
    const some = names.slice(start, start + atOnce);
    measured.push(...(await (held ? measureExactly(baseline, window, some, room) : measureByProfiles(baseline, window, some, room))));
  }
  return measured;
}

async function measureExactly(baseline: DriftColumns, window: DriftColumns, names: readonly string[], room: ColumnRoom): Promise<FeatureDrift[]> {
  const references = names.map((_, index) => room.double(2 * index, baseline.rows));
  const currents = names.map((_, index) => room.double(2 * index + 1, window.rows));
  await baseline.numbers(names, references);
  await window.numbers(names, currents);
  return names.map((name, index) => numericDrift(name, references[index]!, currents[index]!, [room.integer(0, baseline.rows), room.integer(1, window.rows)]));
}

async function measureByProfiles(baseline: DriftColumns, window: DriftColumns, names: readonly string[], room: ColumnRoom): Promise<FeatureDrift[]> {
  const references = await profileBaselines(baseline, names, room, null);
  const currents = references.map(({ layout, bins }) => emptyProfile(layout, bins));
  await addBlocks(currents, window, names, room);
  return names.map((name, index) => profiledDrift(name, references[index]!, currents[index]!));
}

/** Profiles of numbers in these frames, in their order. */
export function profileNumbers(columns: DriftColumns, names: readonly string[], frames: readonly ProfileFrame[], room: ColumnRoom): Promise<NumericProfile[]> {
  return someAtATime(names, async (some, start) => {
    const profiles = frames.slice(start, start + some.length).map(profileIn);
    await addBlocks(profiles, columns, some, room);
    return profiles;
  });
}

/** Profiles of a baseline's numbers under their deciles, in buckets that suit the rows beside it too. */
export const findProfiles = (baseline: DriftColumns, beside: DriftColumns | null, names: readonly string[], room: ColumnRoom): Promise<NumericProfile[]> =>
  someAtATime(names, (some) => profileBaselines(baseline, some, room, beside));

async function someAtATime(names: readonly string[], profile: (some: readonly string[], start: number) => Promise<NumericProfile[]>): Promise<NumericProfile[]> {
  const profiles: NumericProfile[] = [];
  for (let start = 0; start < names.length; start += PROFILED_AT_ONCE) profiles.push(...(await profile(names.slice(start, start + PROFILED_AT_ONCE), start)));
  return profiles;
}

const addBlocks = (profiles: readonly NumericProfile[], columns: DriftColumns, names: readonly string[], room: ColumnRoom): Promise<void> =>
  columns.visitBlocks(names, (blocks) => blocks.forEach((values, index) => addValues(profiles[index]!, values)), room);

/** Under their deciles. A column whose deciles lie elsewhere than its sample's is read a second time. */
async function profileBaselines(baseline: DriftColumns, names: readonly string[], room: ColumnRoom, beside: DriftColumns | null): Promise<NumericProfile[]> {
  const samples = await baseline.sample(names, SAMPLED_VALUES);
  const others = await beside?.sample(names, SAMPLED_VALUES);
  const columns = samples.map((sample, index): SearchedColumn => {
    const layout = others ? finerLayout(layoutFor(sample), layoutFor(others[index]!)) : layoutFor(sample);
    return { profile: emptyProfile(layout, null), search: DecileSearch.near(layout, sample) };
  });
  await addTo(columns, baseline, names, room);
  const found: NumericProfile[] = [];
  for (const [index, { profile, search }] of columns.entries()) found.push(search.underDeciles(profile) ?? (await searchAgain(baseline, names[index]!, profile, room)));
  return found;
}

interface SearchedColumn {
  readonly profile: NumericProfile;
  readonly search: DecileSearch;
}

async function searchAgain(baseline: DriftColumns, name: string, profile: NumericProfile, room: ColumnRoom): Promise<NumericProfile> {
  const search = DecileSearch.at(profile);
  await addTo([{ profile: emptyProfile(profile.layout, null), search }], baseline, [name], room);
  return search.underDeciles(profile) ?? withRoughDeciles(profile);
}

const addTo = (columns: readonly SearchedColumn[], source: DriftColumns, names: readonly string[], room: ColumnRoom): Promise<void> =>
  source.visitBlocks(names, (blocks) => blocks.forEach((block, index) => {
    const { profile, search } = columns[index]!;
    addValues(profile, block, (values, buckets) => search.add(values, buckets));
  }), room);
