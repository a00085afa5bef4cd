import { gzipSync } from 'node:zlib';
import { Injectable } from '@nestjs/common';
import { deploymentWorkflowId, replayWorkflowId, retrainWorkflowId, rollbackWorkflowId } from '../src/contracts/motion.js';
import type { Release } from '../src/registry/entities/release.entity.js';
import { ReleasesRepository } from '../src/registry/releases.repository.js';
import { ReplaysRepository } from '../src/registry/replays.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { StoreProvider } from './store-provider.js';
import { WorkflowMotions } from './workflow-motions.js';

/** As long as the servers of `perennial up` keep closed histories. */
const RETENTION_MS = 30 * 24 * 60 * 60 * 1_000;
const EXPORTS_A_ROUND = 100;

/** Brings histories of closed workflows into the artifact store before Temporal forgets them. */
@Injectable()
export class HistoryExport {
  constructor(
    private readonly motions: WorkflowMotions,
    private readonly releases: ReleasesRepository,
    private readonly replays: ReplaysRepository,
    private readonly retrains: RetrainsRepository,
    private readonly routing: RoutingRepository,
    private readonly stores: StoreProvider,
  ) {}

  /** @returns how many were exported; newest first, the rest at the next time */
  async exportClosed(): Promise<number> {
    const since = new Date(Date.now() - RETENTION_MS);
    let exported = 0;
    for (const retrain of await this.retrains.withoutHistory(since, EXPORTS_A_ROUND)) {
      const digest = await this.exportOne(retrainWorkflowId(retrain.model, retrain.number));
      if (digest) await this.retrains.recordHistory(retrain, digest);
      exported += digest ? 1 : 0;
    }
    for (const release of await this.releases.withoutHistory(since, EXPORTS_A_ROUND)) {
      const digest = await this.exportOne(deploymentWorkflowId(release.model, release.version), release);
      if (digest) await this.releases.recordHistory(release, digest);
      exported += digest ? 1 : 0;
    }
    for (const replay of await this.replays.withoutHistory(since, EXPORTS_A_ROUND)) {
      const digest = await this.exportOne(replayWorkflowId(replay.model, replay.number));
      if (digest) await this.replays.recordHistory(replay, digest, new Date());
      exported += digest ? 1 : 0;
    }
    for (const rollback of await this.routing.rollbacksWithoutHistory(since, EXPORTS_A_ROUND)) {
      const digest = await this.exportOne(rollbackWorkflowId(rollback.model, rollback.deployment, rollback.fromEpoch));
      if (digest) await this.routing.recordRollbackHistory(rollback, digest);
      exported += digest ? 1 : 0;
    }
    return exported;
  }

  /** @returns undefined while the workflow runs, and where Temporal does not know it (any more) */
  private async exportOne(workflowId: string, release?: Release): Promise<string | undefined> {
    const motion = await this.motions.of(workflowId, release);
    if (motion === 'running' || motion === 'missing') return undefined;
    return (await this.stores.store.putBytes(gzipSync(JSON.stringify(await this.motions.history(workflowId))))).digest;
  }
}
