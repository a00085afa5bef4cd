import { Injectable } from '@nestjs/common';
import type { SnapshotManifest } from '../src/contracts/artifacts.js';
import { canonicalJson } from '../src/contracts/canonical.js';
import { maskedFaults } from '../src/contracts/masked-reports.js';
import type { Sensitivity } from '../src/contracts/masking.js';
import { isoTime } from '../src/contracts/time.js';
import type { RowsNotTaken } from '../src/contracts/feature-drift.js';
import type { DriftSearch, UpstreamFault, WindowDriftReport } from '../src/contracts/window-drift.js';
import { type AnsweredRows, countAnswered, rowsNotTaken } from '../src/drift/answered-rows.js';
import { DriftMeter } from '../src/drift/drift-meter.js';
import { driftThresholds } from '../src/drift/drift-thresholds.js';
import { findWindowFaults } from '../src/drift/upstream-faults.js';
import { findDrift, measureWindowDrift, type WindowDrift } from '../src/drift/window-drift.js';
import type { EventStretch } from '../src/drift/window-grid.js';
import { type PlannedParts, type PlanQuery, WindowParts } from '../src/drift/window-parts.js';
import type { ObservationPaths } from '../src/observations/observation-rows.js';
import { withObservedWindow } from '../src/observations/observed-window.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';
import { WindowsRepository } from '../src/registry/windows.repository.js';
import type { FeatureSpec } from '../src/spec/model-spec.js';
import { ActivitySettings } from './activity-settings.js';
import { StoreProvider } from './store-provider.js';

export interface ComparedWindow extends EventStretch {
  readonly model: string;
  readonly deployment: string;
  /** Reports of the last windows up to the one before that are not in quarantine, the oldest first. */
  readonly earlier: readonly WindowDriftReport[];
  /** By the spec in force. What faults tell in words is masked; figures of the report are where they are shown. */
  readonly sensitivity: Sensitivity;
  /** `monitoring.falseDiscoveries` of the spec in force. */
  readonly falseDiscoveries: number;
  /** `evaluation.alpha` of the spec in force: that of each figure's threshold. */
  readonly alpha: number;
}

export interface ReadWindow extends ComparedWindow {
  readonly files: Pick<ObservationPaths, 'observations' | 'labels'>;
  /** The last window that is not in quarantine; null where there is none. */
  readonly before: (EventStretch & Pick<ReadWindow, 'files'>) | null;
  readonly signal: AbortSignal;
}

/** A champion with the rows on which it was judged before it came into service. */
export interface DriftBaseline {
  readonly version: number;
  readonly features: readonly FeatureSpec[];
  readonly snapshot: string;
  readonly evaluation: SnapshotManifest['evaluation'];
  readonly heldOut: SnapshotManifest['heldOut'];
  /** Its rows, a Parquet file on this machine. */
  readonly path: string;
}

export interface PlannedWindow extends Pick<PlanQuery, 'window' | 'before'> {
  readonly baseline: DriftBaseline;
}

/** What was measured of a window, beside what. */
interface MeasuredDrift extends WindowDrift {
  readonly before: EventStretch | null;
  /** How many parts its rows were counted in; null where they were read in one pass. */
  readonly parts: number | null;
  /** Its rows by the version that answered: read only where it matters. */
  readonly answered: (features: readonly FeatureSpec[]) => Promise<AnsweredRows[]>;
}

export interface ComparedReport {
  readonly report: WindowDriftReport;
  /** Of the report in the store. */
  readonly digest: string;
  readonly search: DriftSearch;
}

/** Holds windows against the baseline of their deployment's champion. */
@Injectable()
export class DriftBaselines {
  /** Plans how large windows are compared, and profiles their parts. */
  readonly parts: WindowParts;
  private readonly meter = new DriftMeter();

  constructor(
    private readonly models: ModelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly routing: RoutingRepository,
    private readonly versions: VersionsRepository,
    private readonly windows: WindowsRepository,
    private readonly settings: ActivitySettings,
    private readonly stores: StoreProvider,
  ) {
    this.parts = new WindowParts(stores.store, this.meter, settings.workDir);
  }

  /** That of the champion of now; null where there is none. @throws PerennialError as {@link of} */
  async ofChampion({ model, deployment }: Pick<ComparedWindow, 'model' | 'deployment'>): Promise<DriftBaseline | null> {
    const { champion, baselineDigest } = await this.routing.get(model, deployment);
    return champion === null || baselineDigest === null ? null : this.of(model, champion, baselineDigest);
  }

  /** @throws PerennialError `ArtifactMissing`, `ArtifactCorrupt` */
  async of(model: string, version: number, snapshot: string): Promise<DriftBaseline> {
    const { specDigest } = await this.versions.get(model, version);
    const { data: { features } } = await this.models.spec(model, specDigest);
    const { evaluation, heldOut } = (await this.retrains.snapshot(snapshot)).manifest;
    return { version, features, snapshot, evaluation, heldOut, path: await this.stores.store.localPath(evaluation.artifact.digest) };
  }

  /**
   * Compares a window in one pass and puts its report into the store.
   * @returns null where no input was kept
   * @throws PerennialError `DataNotFound`, `DataUnreadable`, `ArtifactMissing`, `ArtifactCorrupt`
   */
  async compare(window: ReadWindow, baseline: DriftBaseline): Promise<ComparedReport | null> {
    const { fromMs, untilMs, files, before, signal } = window;
    const measured = await measureWindowDrift(this.meter, { fromMs, untilMs, files, scratch: this.settings.workDir, signal, features: baseline.features, baseline: baseline.path, before });
    const { workDir: scratch } = this.settings;
    const answered = (suspects: readonly FeatureSpec[]): Promise<AnsweredRows[]> =>
      withObservedWindow({ fromMs, untilMs, files: { ...files, labels: [] }, version: null, scratch, signal }, (database, observed) => countAnswered(database, observed, suspects));
    return this.report(window, baseline, { ...measured, before, parts: null, answered });
  }

  /** @returns null where the window is small enough for {@link compare}, or no input was kept @throws PerennialError as {@link compare} */
  plan({ baseline: { version, snapshot, features, path }, ...stretches }: PlannedWindow, signal: AbortSignal): Promise<PlannedParts | null> {
    return this.parts.plan({ ...stretches, version, snapshot, features, baseline: path, partRows: this.settings.driftPartRows }, signal);
  }

  /** Compares a planned window, whose parts have been profiled. @throws PerennialError `ArtifactMissing`, `ArtifactCorrupt` */
  async compareParts(window: ComparedWindow, { plan: digest, profiles }: { readonly plan: string; readonly profiles: readonly string[] }, signal: AbortSignal): Promise<ComparedReport | null> {
    const plan = await this.parts.read(digest);
    const measured = await this.parts.compare(plan, profiles, signal);
    return this.report(window, await this.of(window.model, plan.version, plan.snapshot), { ...measured, before: plan.before, parts: profiles.length, answered: (suspects) => this.parts.answered(plan, suspects, signal) });
  }

  /** Puts the report of what was measured into the store. @returns null where no input was kept */
  private async report(window: ComparedWindow, baseline: DriftBaseline, measured: MeasuredDrift): Promise<ComparedReport | null> {
    const { model, deployment, fromMs, untilMs, falseDiscoveries, alpha, sensitivity } = window;
    const { features, before, parts } = measured;
    if (features.length === 0) return null;
    const { faults, notTaken } = await this.faults(window, baseline, measured);
    const { drifted, level, search } = findDrift(features, { fromMs, untilMs }, falseDiscoveries, (await this.windows.lastDrift(model, deployment))?.search ?? null);
    const { version, snapshot, evaluation, heldOut } = baseline;
    const report: WindowDriftReport = {
      model, deployment, from: isoTime(fromMs), until: isoTime(untilMs), rows: features[0]?.window.rows ?? 0, ...(parts === null ? {} : { parts }),
      baseline: { version, snapshot, rows: evaluation.rows, from: evaluation.window.start, until: evaluation.window.end, ...(heldOut && { heldOut }) }, drifted, level,
      features: features.map((feature) => ({ ...feature, thresholds: driftThresholds(feature, alpha), ...(notTaken.has(feature.name) && { notTaken: notTaken.get(feature.name)! }) })),
      faults: maskedFaults(faults, sensitivity), before: before && { from: isoTime(before.fromMs), until: isoTime(before.untilMs) },
    };
    const { digest } = await this.stores.store.putBytes(canonicalJson(report));
    return { report, digest, search };
  }

  /** Where a feature is missing too often, rows of versions that do not take it are left out: which those are is asked only then. */
  private async faults({ model, earlier }: ComparedWindow, baseline: DriftBaseline, { features, changes, answered }: MeasuredDrift): Promise<{ faults: readonly UpstreamFault[]; notTaken: ReadonlyMap<string, RowsNotTaken> }> {
    const faults = findWindowFaults(features, changes, baseline.features, earlier);
    const lacking = new Set(faults.filter(({ kind }) => kind === 'schema' || kind === 'missing').flatMap((fault) => fault.features));
    const suspects = baseline.features.filter(({ name }) => lacking.has(name));
    if (suspects.length === 0) return { faults, notTaken: new Map() };
    const counted = await answered(suspects);
    const notTaken = rowsNotTaken(counted, suspects, await this.taken(model, counted));
    return { faults: findWindowFaults(features, changes, baseline.features, earlier, { notTaken }), notTaken };
  }

  /** The names of the features that each version takes, of those that the registry knows. */
  private async taken(model: string, answered: readonly AnsweredRows[]): Promise<ReadonlyMap<number, ReadonlySet<string>>> {
    const taken = new Map<number, ReadonlySet<string>>();
    for (const { version } of answered) {
      const known = version === null ? null : await this.versions.find(model, version);
      if (known) taken.set(known.number, new Set((await this.models.spec(model, known.specDigest)).data.features.map(({ name }) => name)));
    }
    return taken;
  }
}
