import { Injectable } from '@nestjs/common';
import type { ArtifactStore } from '../src/artifacts/artifact-store.js';
import type { RetrainId, SnapshotSummary } from '../src/contracts/retrains.js';
import { isoTime } from '../src/contracts/time.js';
import { dataInvalid } from '../src/data/data-invalid.js';
import { type SnapshotRequest, takeSnapshot } from '../src/data/snapshot.js';
import { validateSnapshot } from '../src/data/validation.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RetrainingDecisionsRepository } from '../src/registry/retraining-decisions.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import type { Retrain } from '../src/registry/entities/retrain.entity.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';
import type { SnapshotRef } from '../src/contracts/artifacts.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { StoreProvider } from './store-provider.js';

/** Freezing the data of a retrain, and checking it against the spec. */
@Injectable()
export class DataActivities {
  private readonly store: ArtifactStore;

  constructor(
    private readonly models: ModelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly routing: RoutingRepository,
    private readonly versions: VersionsRepository,
    private readonly decisions: RetrainingDecisionsRepository,
    private readonly settings: ActivitySettings,
    stores: StoreProvider,
  ) {
    this.store = stores.store;
  }

  /** Freezes the rows once: a retrain that is done again works on the same ones. */
  async takeSnapshot(id: RetrainId): Promise<SnapshotSummary> {
    await this.retrains.enterStage(id, 'snapshot');
    const retrain = await this.retrains.get(id);
    if (retrain.snapshotDigest) return summaryOf(await this.retrains.snapshot(retrain.snapshotDigest));
    const spec = await this.models.spec(id.model, retrain.specDigest);
    const ofChampion = await this.championColumns(retrain);
    const without = (await this.decisions.quarantined(id.model, retrain.deployment)).map(({ fromMs, untilMs }) => ({ start: isoTime(fromMs), end: isoTime(untilMs) }));
    const snapshot = await heartbeating((signal) =>
      takeSnapshot({
        model: id.model, spec, specDigest: retrain.specDigest, dataDir: this.settings.dataDir, workDir: this.settings.workDir,
        store: this.store, signal, ...ofChampion, without, ...(retrain.asOf ? { asOf: retrain.asOf.toISOString() } : {}),
      }),
    );
    await this.retrains.recordSnapshot(id, snapshot, new Date(), origin());
    return summaryOf(snapshot);
  }

  /** What the champion needs to be scored on the same rows, also where the spec has changed since. */
  private async championColumns({ model, deployment }: Retrain): Promise<Pick<SnapshotRequest, 'alsoFeatures' | 'alsoJoins'>> {
    const { champion } = await this.routing.get(model, deployment);
    if (champion === null) return {};
    const { specDigest } = await this.versions.get(model, champion);
    const { features, joins = [] } = (await this.models.spec(model, specDigest)).data;
    return { alsoFeatures: features, alsoJoins: joins };
  }

  /** Fails with `DataInvalid` and every violation when the rows break the spec. */
  async validateData(id: RetrainId): Promise<void> {
    await this.retrains.enterStage(id, 'validate');
    const retrain = await this.retrains.get(id);
    const snapshot = await this.retrains.snapshot(retrain.snapshotDigest as string);
    const spec = await this.models.spec(id.model, retrain.specDigest);
    const report = await heartbeating((signal) => validateSnapshot({ snapshot, spec, store: this.store, workDir: this.settings.workDir, signal }));
    await this.retrains.recordDataReport(id, report);
    if (report.verdict === 'fail') throw dataInvalid(report.violations);
  }
}

const summaryOf = ({ digest, manifest }: SnapshotRef): SnapshotSummary => ({
  digest,
  trainRows: manifest.train.rows,
  evaluationRows: manifest.evaluation.rows,
});
