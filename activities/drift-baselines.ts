import { Injectable } from '@nestjs/common';
import { canonicalJson } from '../src/contracts/canonical.js';
import { isoTime } from '../src/contracts/time.js';
import type { DriftSearch, WindowDriftReport } from '../src/contracts/window-drift.js';
import { DriftMeter } from '../src/drift/drift-meter.js';
import { driftThresholds } from '../src/drift/drift-thresholds.js';
import { findWindowFaults } from '../src/drift/upstream-faults.js';
import { findDrift, measureWindowDrift } from '../src/drift/window-drift.js';
import type { EventStretch } from '../src/drift/window-grid.js';
import type { ObservationPaths } from '../src/observations/observation-rows.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';
import { WindowsRepository } from '../src/registry/windows.repository.js';
import { ActivitySettings } from './activity-settings.js';
import { StoreProvider } from './store-provider.js';

export interface ComparedWindow extends EventStretch {
  readonly model: string;
  readonly deployment: string;
  readonly files: Pick<ObservationPaths, 'observations' | 'labels'>;
  /** The last window that is not in quarantine; null where there is none. */
  readonly before: (EventStretch & Pick<ComparedWindow, 'files'>) | null;
  /** Reports of the last windows up to `before` that are not in quarantine, the oldest first. */
  readonly earlier: readonly WindowDriftReport[];
  /** `monitoring.falseDiscoveries` of the spec in force. */
  readonly falseDiscoveries: number;
  /** `evaluation.alpha` of the spec in force: that of each figure's threshold. */
  readonly alpha: number;
  readonly signal: AbortSignal;
}

export interface ComparedReport {
  readonly report: WindowDriftReport;
  /** Of the report in the store. */
  readonly digest: string;
  readonly search: DriftSearch;
}

/** Holds windows against the baseline of their deployment's champion: the rows on which it was judged before it came into service. */
@Injectable()
export class DriftBaselines {
  private readonly meter = new DriftMeter();

  constructor(
    private readonly models: ModelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly routing: RoutingRepository,
    private readonly versions: VersionsRepository,
    private readonly windows: WindowsRepository,
    private readonly settings: ActivitySettings,
    private readonly stores: StoreProvider,
  ) {}

  /**
   * Compares a window and puts its report into the store.
   * @returns null where there is no champion, or no input was kept
   * @throws PerennialError `DataNotFound`, `DataUnreadable`, `ArtifactMissing`, `ArtifactCorrupt`
   */
  async compare({ model, deployment, fromMs, untilMs, files, before, earlier, falseDiscoveries, alpha, signal }: ComparedWindow): Promise<ComparedReport | null> {
    const { champion, baselineDigest } = await this.routing.get(model, deployment);
    if (champion === null || baselineDigest === null) return null;
    const { specDigest } = await this.versions.get(model, champion);
    const { data } = await this.models.spec(model, specDigest);
    const { evaluation, heldOut } = (await this.retrains.snapshot(baselineDigest)).manifest;
    const baseline = await this.stores.store.localPath(evaluation.artifact.digest);
    const { features, changes } = await measureWindowDrift(this.meter, { fromMs, untilMs, files, scratch: this.settings.workDir, signal, features: data.features, baseline, before });
    if (features.length === 0) return null;
    const { drifted, level, search } = findDrift(features, { fromMs, untilMs }, falseDiscoveries, (await this.windows.lastDrift(model, deployment))?.search ?? null);
    const report: WindowDriftReport = {
      model, deployment, from: isoTime(fromMs), until: isoTime(untilMs), rows: features[0]?.window.rows ?? 0,
      baseline: { version: champion, snapshot: baselineDigest, rows: evaluation.rows, from: evaluation.window.start, until: evaluation.window.end, ...(heldOut && { heldOut }) }, drifted, level,
      features: features.map((feature) => ({ ...feature, thresholds: driftThresholds(feature, alpha) })),
      faults: findWindowFaults(features, changes, data.features, earlier), before: before && { from: isoTime(before.fromMs), until: isoTime(before.untilMs) },
    };
    const { digest } = await this.stores.store.putBytes(canonicalJson(report));
    return { report, digest, search };
  }
}
