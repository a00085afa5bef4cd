import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FeatureDrift } from '../contracts/feature-drift.js';
import type { DriftSearch } from '../contracts/window-drift.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { decideDrift, startDiscoveries } from './drift-discoveries.js';
import type { DriftMeter } from './drift-meter.js';
import type { EventStretch } from './window-grid.js';
import { type WindowInputs, writeBaseline, writeWindow } from './written-inputs.js';

export interface WindowDriftQuery extends WindowInputs {
  /** Of the champion's spec. */
  readonly features: readonly FeatureSpec[];
  /** The baseline's rows as the source has them, a Parquet file on this machine. */
  readonly baseline: string;
  /** A window before it; null where there is none. */
  readonly before: Omit<WindowInputs, 'scratch' | 'signal'> | null;
}

/** In the order of the features, those whose inputs were kept; empty where none was. */
export interface WindowDrift {
  /** Against the baseline. */
  readonly features: readonly FeatureDrift[];
  /** Against the window before: what broke on its way to the model changes from one to the next, where a season takes longer. Null without one. */
  readonly changes: readonly FeatureDrift[] | null;
}

/**
 * Holds the distributions of a window's inputs, of all versions that answered, against the baseline's and against those of a window before. All
 * sides are made alike first: numbers as the model takes them (float32; what is not finite is missing), categories as texts.
 * @throws PerennialError `DataNotFound`, `DataUnreadable`
 */
export async function measureWindowDrift(meter: DriftMeter, { features, baseline, before, ...query }: WindowDriftQuery): Promise<WindowDrift> {
  const folder = await mkdtemp(join(query.scratch, 'drift-'));
  const scope = { scratch: folder, ...(query.signal && { signal: query.signal }) };
  const pathOf = (side: string): string => join(folder, `${side}.parquet`);
  const against = async (side: string, both: readonly FeatureSpec[]): Promise<FeatureDrift[]> => {
    if (both.length === 0) return [];
    return meter.measure({ baseline: [pathOf(side)], window: [pathOf('window')], features: both.map(({ name, type }) => ({ name, type })), ...scope });
  };
  try {
    const kept = await writeWindow({ ...query, ...scope }, features, pathOf('window'));
    if (kept.length === 0) return { features: [], changes: before && [] };
    await writeBaseline(baseline, kept, pathOf('baseline'), scope);
    const keptBefore = before && (await writeWindow({ ...before, ...scope }, kept, pathOf('before')));
    return { features: await against('baseline', kept), changes: keptBefore && (await against('before', keptBefore)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface DriftFindings {
  readonly drifted: readonly string[];
  readonly level: number | null;
  readonly search: DriftSearch;
}

/**
 * Finds the features that drift, by the p-values of KS for numbers and chi² for categories, under a rate of false discoveries in each year
 * of event time ({@link decideDrift}). With another rate the year goes on: the share that windows have used stays used, at most the greatest rate holds for it.
 * @param before where the search stood after the last window of the deployment; null for its first
 */
export function findDrift(features: readonly FeatureDrift[], { fromMs, untilMs }: EventStretch, alpha: number, before: DriftSearch | null): DriftFindings {
  const state = before ? { ...before, alpha } : startDiscoveries(alpha, fromMs);
  if (features.length === 0) return { drifted: [], level: null, search: { ...state, untilMs } };
  const values = Float64Array.from(features, ({ ks, chiSquared }) => ks?.pValue ?? chiSquared?.pValue ?? NaN);
  const decided = decideDrift(state, { fromMs, untilMs, kind: 'pValues', quantities: features.map(({ name }) => name), values });
  return { drifted: decided.found, level: decided.level, search: decided.state };
}
