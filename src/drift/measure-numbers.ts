import type { FeatureDrift } from '../contracts/feature-drift.js';
import type { ColumnRoom } from './column-room.js';
import type { DriftColumns } from './drift-columns.js';
import { withRoughDeciles } from './numeric-bins.js';
import { LAYOUT_SAMPLE, numericDrift, profiledDrift } from './numeric-drift.js';
import { addValues, emptyProfile, type NumericProfile } from './numeric-profile.js';
import { layoutFor } from './value-buckets.js';

/** Values of both sides that are held at once, eight bytes each, and four more while they are compared. */
const HELD_VALUES = 16_000_000;

/** Compares numbers: exactly where the values of both sides may be held, else from their profiles. */
export async function measureNumbers(baseline: DriftColumns, window: DriftColumns, names: readonly string[], heldRows: number, room: ColumnRoom): Promise<FeatureDrift[]> {
  if (baseline.rows + window.rows > heldRows) return measureByProfiles(baseline, window, names);
  const measured: FeatureDrift[] = [];
  const atOnce = Math.max(1, Math.floor(HELD_VALUES / Math.max(1, baseline.rows + window.rows)));
  for (let start = 0; start < names.length; start += atOnce) measured.push(...(await measureExactly(baseline, window, names.slice(start, start + atOnce), room)));
  return measured;
}

async function measureExactly(baseline: DriftColumns, window: DriftColumns, names: readonly string[], room: ColumnRoom): Promise<FeatureDrift[]> {
  const references = names.map((_, index) => room.double(2 * index, baseline.rows));
  const currents = names.map((_, index) => room.double(2 * index + 1, window.rows));
  await baseline.numbers(names, references);
  await window.numbers(names, currents);
  return names.map((name, index) => numericDrift(name, references[index]!, currents[index]!, [room.integer(0, baseline.rows), room.integer(1, window.rows)]));
}

async function measureByProfiles(baseline: DriftColumns, window: DriftColumns, names: readonly string[]): Promise<FeatureDrift[]> {
  const measured: FeatureDrift[] = [];
  for (const name of names) {
    const reference = withRoughDeciles(await profiled(baseline, name, emptyProfile(layoutFor(await baseline.sample(name, LAYOUT_SAMPLE)), null)));
    measured.push(profiledDrift(name, reference, await profiled(window, name, emptyProfile(reference.layout, reference.bins))));
  }
  return measured;
}

async function profiled(columns: DriftColumns, name: string, profile: NumericProfile): Promise<NumericProfile> {
  // The chunk's array belongs to DuckDB, and its words must lie at a multiple of eight.
  await columns.visit([name], ([values]) => addValues(profile, values!.slice()));
  return profile;
}
