import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactStore } from '../artifacts/artifact-store.js';
import { canonicalJson } from '../contracts/canonical.js';
import { inputsIn, type SurveyedFile, surveyFiles, withObservedPart, writeRepeated } from '../observations/observed-parts.js';
import { type AnsweredRows, countAnswered } from './answered-rows.js';
import type { DriftMeter, DriftProfiling } from './drift-meter.js';
import type { ProfiledNumber } from './drift-order.js';
import { cutIntoParts, type DriftPlan, partsOf, type PlannedStretch, sampleOf } from './drift-plan.js';
import { compareProfiles, putProfile } from './part-profiles.js';
import type { WindowDrift } from './window-drift.js';
import type { EventStretch } from './window-grid.js';
import { type InputColumn, writeBaseline, writePart } from './written-inputs.js';

/** A window's observations. */
export interface ObservedStretch extends EventStretch {
  /** Digests of the files that hold them. */
  readonly observations: readonly string[];
  /** Of those files in all: the window has no more. */
  readonly rowsOfFiles: number;
}

export interface PlanQuery extends Pick<DriftPlan, 'version' | 'snapshot'> {
  /** Of the champion's spec. */
  readonly features: readonly InputColumn[];
  /** The baseline's rows as the source has them, a Parquet file on this machine. */
  readonly baseline: string;
  readonly window: ObservedStretch;
  readonly before: ObservedStretch | null;
  /** A window with more rows, or after one with more, is compared in parts of at most so many. */
  readonly partRows: number;
}

/** A plan by its digest, and how many parts are to be profiled. */
export interface PlannedParts {
  readonly plan: string;
  readonly parts: number;
}

interface Surveyed extends EventStretch {
  /** Of all files that may hold rows, on this machine. */
  readonly paths: readonly string[];
  /** Those that do. */
  readonly files: readonly (SurveyedFile & { readonly digest: string })[];
  readonly rows: number;
}

interface Scope {
  readonly scratch: string;
  readonly signal: AbortSignal;
}

const AT_ONCE = 8;

/** Plans how a large window is compared in parts, and profiles the parts: what the machines that do so share lies in the artifact store alone. */
export class WindowParts {
  /** @param scratch each piece of work has a folder of its own in it, which is removed at its end */
  constructor(
    private readonly store: ArtifactStore,
    private readonly meter: DriftMeter,
    private readonly scratch: string,
  ) {}

  /**
   * Counts the rows of the window and of the one before it, profiles the baseline and divides the rows; of the observations only event times and keys are read, and
   * a sample of the window before. The same files give the same plan.
   * @returns null where both are small, or no input was kept @throws PerennialError `DataNotFound`, `DataUnreadable`, `ArtifactMissing`, `ArtifactCorrupt`
   */
  plan({ features, baseline, window, before, partRows, version, snapshot }: PlanQuery, signal: AbortSignal): Promise<PlannedParts | null> {
    if (Math.max(window.rowsOfFiles, before?.rowsOfFiles ?? 0) <= partRows) return Promise.resolve(null);
    return this.inFolder('plan', async (scratch) => {
      const scope = { scratch, signal };
      const [current, earlier] = [await this.survey(window, scope), before && (await this.survey(before, scope))];
      if (Math.max(current.rows, earlier?.rows ?? 0) <= partRows) return null;
      const kept = await this.kept(current, features, scope);
      if (kept.length === 0) return null;
      const keptBefore = earlier && (await this.kept(earlier, kept, scope));
      const beside = earlier && keptBefore!.length > 0 ? await this.writeSample(earlier, kept, scope) : [];
      const columns = join(scratch, 'baseline.parquet');
      await writeBaseline(baseline, kept, columns, scope);
      const numbers = await this.profiled(columns, kept, { ...scope, frames: null, beside });
      const plan: DriftPlan = {
        version, snapshot, features: kept.map(({ name, type }) => ({ name, type })), frames: numbers.map(({ frame }) => frame),
        baseline: await putProfile(this.store, { columns, features: kept, counts: numbers.map(({ counts }) => counts), path: join(scratch, 'categories.parquet'), ...scope }),
        window: await this.divided(current, kept, partRows, scope), before: earlier && (await this.divided(earlier, keptBefore!, partRows, scope)),
      };
      return { plan: (await this.store.putBytes(canonicalJson(plan))).digest, parts: partsOf(plan).length };
    });
  }

  /** @throws PerennialError `ArtifactMissing`, `ArtifactCorrupt` */
  async read(digest: string): Promise<DriftPlan> {
    return JSON.parse((await this.store.readBytes(digest)).toString('utf8')) as DriftPlan;
  }

  /** Profiles one part of a plan. @returns the digest of its PartProfile, the same whoever makes it @throws PerennialError as {@link plan} */
  async profile(digest: string, part: number, signal: AbortSignal): Promise<string> {
    const plan = await this.read(digest);
    const { stretch: { repeated, fromMs, untilMs }, slices } = partsOf(plan)[part]!;
    return this.inFolder('part', async (scratch) => {
      const scope = { scratch, signal };
      const columns = join(scratch, 'part.parquet');
      const local = { slices: await this.local(slices), repeated: repeated === null ? null : await this.store.localPath(repeated) };
      await writePart({ fromMs, untilMs, ...local, ...scope }, plan.features, columns);
      const numbers = await this.profiled(columns, plan.features, { ...scope, frames: plan.frames, beside: [] });
      return putProfile(this.store, { columns, features: plan.features, counts: numbers.map(({ counts }) => counts), path: join(scratch, 'categories.parquet'), ...scope });
    });
  }

  /** Adds the profiles of all parts up, in the plan's order, and compares them. @throws PerennialError `ArtifactMissing`, `ArtifactCorrupt` */
  compare({ features, frames, baseline, window, before }: DriftPlan, profiles: readonly string[], signal: AbortSignal): Promise<WindowDrift> {
    const ofWindow = window.parts.length;
    return this.inFolder('parts', (scratch) => compareProfiles({
      store: this.store, scratch, signal, features, frames, baseline, window: profiles.slice(0, ofWindow), before: before && { parts: profiles.slice(ofWindow), kept: before.kept },
    }));
  }

  /** Counts the rows of a plan's window by the version that answered ({@link countAnswered}): of its files the versions, the keys and these features are read. @throws PerennialError as {@link plan} */
  async answered({ window: { repeated, fromMs, untilMs, parts } }: DriftPlan, features: readonly InputColumn[], signal: AbortSignal): Promise<AnsweredRows[]> {
    const files = [...new Set(parts.flat().map(({ digest }) => digest))].map((digest) => ({ digest, places: null }));
    if (files.length === 0) return [];
    const local = { slices: await this.local(files), repeated: repeated === null ? null : await this.store.localPath(repeated) };
    return this.inFolder('parts', (scratch) => withObservedPart({ fromMs, untilMs, ...local, scratch, signal }, (database, window) => countAnswered(database, window, features)));
  }

  private async survey({ observations, fromMs, untilMs }: ObservedStretch, scope: Scope): Promise<Surveyed> {
    const paths = (await this.local(observations.map((digest) => ({ digest })))).map(({ path }) => path);
    const digests = new Map(paths.map((path, place) => [path, observations[place]!]));
    const surveyed = await surveyFiles({ files: paths, fromMs, untilMs, ...scope });
    return { fromMs, untilMs, paths, files: surveyed.map((file) => ({ ...file, digest: digests.get(file.path)! })), rows: surveyed.reduce((sum, { rows }) => sum + rows, 0) };
  }

  private async kept({ paths }: Surveyed, features: readonly InputColumn[], scope: Scope): Promise<InputColumn[]> {
    const fields = await inputsIn({ files: paths, ...scope });
    return features.filter(({ name }) => fields?.includes(name));
  }

  /** @returns a file for each stretch of rows */
  private async writeSample({ files, fromMs, untilMs }: Surveyed, features: readonly InputColumn[], scope: Scope): Promise<string[]> {
    const written: string[] = [];
    for (const slice of sampleOf(files)) {
      const path = join(scope.scratch, `sample-${written.length}.parquet`);
      await writePart({ fromMs, untilMs, slices: [slice], repeated: null, ...scope }, features, path);
      written.push(path);
    }
    return written;
  }

  private profiled(columns: string, features: readonly InputColumn[], how: Pick<DriftProfiling, 'frames' | 'beside'> & Scope): Promise<ProfiledNumber[]> {
    return this.meter.profile({ rows: [columns], features: features.filter(({ type }) => type === 'number'), ...how });
  }

  private async divided({ files, fromMs, untilMs }: Surveyed, kept: readonly InputColumn[], partRows: number, scope: Scope): Promise<PlannedStretch> {
    const stretch = { fromMs, untilMs, kept: kept.map(({ name }) => name) };
    if (kept.length === 0 || files.length === 0) return { ...stretch, repeated: null, parts: [] };
    const path = join(scope.scratch, 'repeated.parquet');
    const repeated = await writeRepeated({ files: files.map((file) => file.path), fromMs, untilMs, ...scope }, path);
    return { ...stretch, repeated: repeated === 0 ? null : (await this.store.putFile(path)).digest, parts: cutIntoParts(files, partRows) };
  }

  /** A few at a time: each is checked against its digest when it is first read. */
  private async local<T extends { readonly digest: string }>(files: readonly T[]): Promise<(T & { readonly path: string })[]> {
    const found: (T & { readonly path: string })[] = [];
    for (let start = 0; start < files.length; start += AT_ONCE) {
      found.push(...(await Promise.all(files.slice(start, start + AT_ONCE).map(async (file) => ({ ...file, path: await this.store.localPath(file.digest) })))));
    }
    return found;
  }

  private async inFolder<T>(purpose: 'plan' | 'part' | 'parts', work: (folder: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(this.scratch, `drift-${purpose}-`));
    try {
      return await work(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
