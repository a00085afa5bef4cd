import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import type { ArtifactStore } from '../artifacts/artifact-store.js';
import { canonicalJson } from '../contracts/canonical.js';
import type { FeatureDrift } from '../contracts/feature-drift.js';
import { type DatabaseOptions, fileList, withDatabase } from '../data/duckdb.js';
import { quoteIdentifier, quoteLiteral } from '../data/feature-encoding.js';
import { categoryDrift, type CategoryProfile } from './category-drift.js';
import { readCategories } from './drift-columns.js';
import type { ComparedFeature } from './drift-order.js';
import { withRoughDeciles } from './numeric-bins.js';
import { profiledDrift } from './numeric-drift.js';
import { type NumericProfile, withBins } from './numeric-profile.js';
import { addCounts, countsLength, type ProfileFrame, profileIn } from './profile-frames.js';
import type { WindowDrift } from './window-drift.js';

/** What was counted of some rows, in the artifact store. Equal rows give equal bytes, whoever counts them and in whatever order. */
export interface PartProfile {
  readonly rows: number;
  /** Digest of the numbers' counts (profile-frames.ts), one after the other, deflated. Null without a number. */
  readonly numbers: string | null;
  /** Digest of a Parquet file: `feature`, `value`, `rows`, in this order. Null without a category. */
  readonly categories: string | null;
}

type Scope = Pick<DatabaseOptions, 'scratch' | 'signal'>;
const [deflated, inflated] = [promisify(deflate), promisify(inflate)];

/**
 * Puts a part's profile into the store.
 * @param columns a Parquet file with the part's categories as columns; the counts of its numbers are in the features' order @param path where categories are written
 * @returns its digest
 */
export async function putProfile(store: ArtifactStore, { columns, features, counts, path, ...scope }: CountedPart): Promise<string> {
  const categories = features.filter(({ type }) => type === 'category').map(({ name }) => name);
  const rows = await withDatabase({ files: [columns], ...scope, limits: ONE_THREAD }, async (database) => {
    const from = `read_parquet(${fileList([columns])})`;
    const counted = categories.map((name) => `SELECT ${quoteLiteral(name)} AS feature, ${quoteIdentifier(name)} AS value, count(*) AS rows FROM ${from} GROUP BY value`);
    if (counted.length > 0) await database.run(`COPY (SELECT * FROM (${counted.join(' UNION ALL ')}) ORDER BY feature, value) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`);
    return Number((await database.rows(`SELECT count(*)::DOUBLE AS rows FROM ${from}`))[0]?.['rows']);
  });
  const numbers = counts.length === 0 ? null : await store.putBytes(await deflated(Buffer.concat(counts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)))));
  const profile: PartProfile = { rows, numbers: numbers?.digest ?? null, categories: categories.length === 0 ? null : (await store.putFile(path)).digest };
  return (await store.putBytes(canonicalJson(profile))).digest;
}

export interface CountedPart extends Scope {
  readonly columns: string;
  readonly features: readonly ComparedFeature[];
  readonly counts: readonly Float64Array[];
  readonly path: string;
}

/** So the same rows are written in the same groups. */
const ONE_THREAD = { memoryMb: 512, threads: 1 } as const;
/** Numbers whose profiles are held at once. */
const MERGED_AT_ONCE = 64;

export interface ProfiledComparison extends Scope {
  readonly store: ArtifactStore;
  /** As the parts were profiled, in their order; all digests are of a {@link PartProfile}. */
  readonly features: readonly ComparedFeature[];
  /** Of the numbers, in their order. */
  readonly frames: readonly ProfileFrame[];
  readonly baseline: string;
  readonly window: readonly string[];
  /** With the features that it has; null where there is none. */
  readonly before: { readonly parts: readonly string[]; readonly kept: readonly string[] } | null;
}

/**
 * Adds the profiles of parts up and compares them: bit for bit what one profile of all rows gives, whatever the parts. The window before is profiled in the baseline's
 * buckets too, so that its deciles are edges of buckets.
 * @throws PerennialError `ArtifactMissing`, `ArtifactCorrupt`
 */
export async function compareProfiles({ baseline, window, before, ...comparison }: ProfiledComparison): Promise<WindowDrift> {
  const [reference, current, earlier] = await Promise.all([sideOf(comparison, [baseline]), sideOf(comparison, window), before && sideOf(comparison, before.parts)]);
  const drift = new Map<string, FeatureDrift>();
  const change = new Map<string, FeatureDrift>();
  const numbers = namesOf(comparison.features, 'number');
  for (let start = 0; start < numbers.length; start += MERGED_AT_ONCE) {
    const some = numbers.slice(start, start + MERGED_AT_ONCE);
    const [references, currents, earliers] = [await reference.numbers(some), await current.numbers(some), await earlier?.numbers(some)];
    some.forEach((name, index) => {
      drift.set(name, profiledDrift(name, references[index]!, currents[index]!));
      if (earliers) change.set(name, changeOf(name, earliers[index]!, currents[index]!));
    });
  }
  for (const name of namesOf(comparison.features, 'category')) {
    const counted = await current.category(name);
    drift.set(name, categoryDrift(name, await reference.category(name), counted));
    if (earlier) change.set(name, categoryDrift(name, await earlier.category(name), counted));
  }
  const of = (found: ReadonlyMap<string, FeatureDrift>, kept: (name: string) => boolean): FeatureDrift[] => comparison.features.filter(({ name }) => kept(name)).map(({ name }) => found.get(name)!);
  return { features: of(drift, () => true), changes: before && of(change, (name) => before.kept.includes(name)) };
}

/** Nothing of a bucket lies below its edge, so that no value need be looked at. */
function changeOf(name: string, before: NumericProfile, window: NumericProfile): FeatureDrift {
  const reference = withRoughDeciles(before);
  return profiledDrift(name, reference, withBins(window, reference.bins!, new Float64Array(reference.below.length)));
}

/** One side of a comparison, of all its parts together. */
interface ProfiledSide {
  readonly numbers: (names: readonly string[]) => Promise<NumericProfile[]>;
  readonly category: (name: string) => Promise<CategoryProfile>;
}

async function sideOf({ store, features, frames, ...scope }: Omit<ProfiledComparison, 'baseline' | 'window' | 'before'>, digests: readonly string[]): Promise<ProfiledSide> {
  const parts: PartProfile[] = [];
  for (const digest of digests) parts.push(JSON.parse((await store.readBytes(digest)).toString('utf8')) as PartProfile);
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const places = new Map(namesOf(features, 'number').map((name, place) => [name, place]));
  const files = await Promise.all(parts.flatMap(({ categories }) => (categories === null ? [] : [store.localPath(categories)])));
  return {
    numbers: async (names) => {
      const whole = names.map((name) => profileIn(frames[places.get(name)!]!));
      for (const { numbers } of parts) {
        const counts = countsIn(await inflated(await store.readBytes(numbers!)));
        names.forEach((name, index) => addCounts(whole[index]!, counts[places.get(name)!]!));
      }
      return whole;
    },
    category: async (name) => {
      if (files.length === 0) return { counts: new Map(), missing: 0 };
      const counted = `SELECT value, sum(rows)::DOUBLE AS rows FROM read_parquet(${fileList(files)}) WHERE feature = ${quoteLiteral(name)} GROUP BY value`;
      return withDatabase({ files, ...scope }, (database) => readCategories(database, counted, rows));
    },
  };
}

/** Those of each number, in their order. */
function countsIn(bytes: Buffer): Float64Array[] {
  const numbers = new Float64Array(bytes.byteLength / Float64Array.BYTES_PER_ELEMENT);
  Buffer.from(numbers.buffer).set(bytes);
  const counts: Float64Array[] = [];
  for (let at = 0; at < numbers.length; at += countsLength(numbers, at)) counts.push(numbers.subarray(at, at + countsLength(numbers, at)));
  return counts;
}

const namesOf = (features: readonly ComparedFeature[], wanted: ComparedFeature['type']): string[] => features.flatMap(({ name, type }) => (type === wanted ? [name] : []));
