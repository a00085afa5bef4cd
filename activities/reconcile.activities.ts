import { gzipSync } from 'node:zlib';
import { Injectable } from '@nestjs/common';
import { Client, WorkflowNotFoundError } from '@temporalio/client';
import type { ArtifactStore } from '../src/artifacts/artifact-store.js';
import { type DeploymentInput, deploymentWorkflowId, type ModelLifecycleInput, modelWorkflowId, type ReplayInput, replayWorkflowId, type RetrainInput, retrainWorkflowId, type RollbackInput, rollbackWorkflowId, TASK_QUEUES } from '../src/contracts/motion.js';
import type { StoredFailure } from '../src/contracts/retrains.js';
import { modelAttributes, type WorkflowFacts } from '../src/contracts/search-attributes.js';
import type { ReconcileReport } from '../src/contracts/status.js';
import { CommandDispatcher } from '../src/dispatch/command-dispatcher.js';
import type { Release } from '../src/registry/entities/release.entity.js';
import type { Replay } from '../src/registry/entities/replay.entity.js';
import type { Retrain } from '../src/registry/entities/retrain.entity.js';
import type { Rollback } from '../src/registry/entities/routing.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ReleasesRepository } from '../src/registry/releases.repository.js';
import { ReplaysRepository } from '../src/registry/replays.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { TrainingRepository } from '../src/registry/training.repository.js';
import { origin } from './activity-context.js';
import { AlarmActivities } from './alarms.activities.js';
import { historyDocument } from './history-document.js';
import { StoreProvider } from './store-provider.js';

type Motion = 'running' | 'missing' | StoredFailure;

/** As long as the servers of `perennial up` keep closed histories. */
const RETENTION_MS = 30 * 24 * 60 * 60 * 1_000;
const EXPORTS_A_ROUND = 100;

/** Compares what the record holds as open with what Temporal runs, and mends the difference. */
@Injectable()
export class ReconcileActivities {
  private readonly store: ArtifactStore;

  constructor(
    private readonly client: Client,
    private readonly alarms: AlarmActivities,
    private readonly dispatcher: CommandDispatcher,
    private readonly models: ModelsRepository,
    private readonly releases: ReleasesRepository,
    private readonly replays: ReplaysRepository,
    private readonly retrains: RetrainsRepository,
    private readonly routing: RoutingRepository,
    private readonly training: TrainingRepository,
    stores: StoreProvider,
  ) {
    this.store = stores.store;
  }

  async reconcileMotion(): Promise<ReconcileReport> {
    const lifecyclesStarted = await this.startLifecycles();
    const commandsSent = await this.dispatcher.sendWaiting(new Date());
    const retrains = await settleEach(await this.retrains.open(), (retrain) => this.settleRetrain(retrain));
    const releases = await settleEach(await this.releases.allCurrent(), (release) => this.settleRelease(release));
    const replays = await settleEach(await this.replays.open(), (replay) => this.settleReplay(replay));
    const rollbacks = await settleEach(await this.routing.openRollbacks(), (rollback) => this.settleRollback(rollback));
    // What did not reach its receiver when it was raised; the record says why it still does not.
    await this.alarms.sendUndelivered();
    return {
      commandsSent, lifecyclesStarted,
      retrainsRestarted: retrains.restarted, retrainsEnded: retrains.ended,
      releasesRestarted: releases.restarted, releasesEnded: releases.ended,
      replaysRestarted: replays.restarted, replaysEnded: replays.ended,
      rollbacksRestarted: rollbacks.restarted, rollbacksEnded: rollbacks.ended,
      historiesExported: await this.exportHistories(),
    };
  }

  /** Temporal forgets a closed history after its retention; the record keeps it. */
  private async exportHistories(): Promise<number> {
    const since = new Date(Date.now() - RETENTION_MS);
    let exported = 0;
    for (const retrain of await this.retrains.withoutHistory(since, EXPORTS_A_ROUND)) {
      const digest = await this.exportHistory(retrainWorkflowId(retrain.model, retrain.number));
      if (digest) await this.retrains.recordHistory(retrain, digest);
      exported += digest ? 1 : 0;
    }
    for (const release of await this.releases.withoutHistory(since, EXPORTS_A_ROUND)) {
      const digest = await this.exportHistory(deploymentWorkflowId(release.model, release.version), release.requestedAt);
      if (digest) await this.releases.recordHistory(release, digest);
      exported += digest ? 1 : 0;
    }
    for (const replay of await this.replays.withoutHistory(since, EXPORTS_A_ROUND)) {
      const digest = await this.exportHistory(replayWorkflowId(replay.model, replay.number));
      if (digest) await this.replays.recordHistory(replay, digest, new Date());
      exported += digest ? 1 : 0;
    }
    for (const rollback of await this.routing.rollbacksWithoutHistory(since, EXPORTS_A_ROUND)) {
      const digest = await this.exportHistory(rollbackWorkflowId(rollback.model, rollback.deployment, rollback.fromEpoch));
      if (digest) await this.routing.recordRollbackHistory(rollback, digest);
      exported += digest ? 1 : 0;
    }
    return exported;
  }

  /** @returns undefined while the workflow runs, and where Temporal does not know it (any more) */
  private async exportHistory(workflowId: string, since?: Date): Promise<string | undefined> {
    const motion = await this.motionOf(workflowId, since);
    if (motion === 'running' || motion === 'missing') return undefined;
    const history = await this.client.workflow.getHandle(workflowId).fetchHistory();
    return (await this.store.putBytes(gzipSync(JSON.stringify(historyDocument(history))))).digest;
  }

  private async startLifecycles(): Promise<number> {
    let started = 0;
    for (const { name } of await this.models.list()) {
      if ((await this.motionOf(modelWorkflowId(name))) === 'running') continue;
      const input: ModelLifecycleInput = { inputVersion: 1, model: name, handled: 0 };
      await this.start('modelLifecycle', modelWorkflowId(name), input, `Life of ${name}`, { model: name });
      started += 1;
    }
    return started;
  }

  private async settleRetrain(retrain: Retrain): Promise<'left' | 'restarted' | 'ended'> {
    const { model, number } = retrain;
    const workflowId = retrainWorkflowId(model, number);
    const motion = await this.motionOf(workflowId);
    if (motion === 'running') return 'left';
    if (motion === 'missing') {
      const input: RetrainInput = { inputVersion: 1, model, number };
      await this.start('retrain', workflowId, input, `Retrain ${number} of ${model}`, { model, deployment: retrain.deployment, stage: retrain.stage, trigger: retrain.trigger });
      return 'restarted';
    }
    const outcome = motion.type === 'WorkflowTerminated' ? 'terminated' : motion.type === 'WorkflowCancelled' ? 'cancelled' : 'failed';
    const at = new Date();
    await this.retrains.end({ model, number }, { outcome, reason: motion.message, failure: motion, promotedEpoch: null }, at, origin());
    await this.training.revoke({ model, number }, at);
    return 'ended';
  }

  private async settleReplay(replay: Replay): Promise<'left' | 'restarted' | 'ended'> {
    const { model, number, version, deployment } = replay;
    const workflowId = replayWorkflowId(model, number);
    const motion = await this.motionOf(workflowId);
    if (motion === 'running') return 'left';
    if (motion === 'missing') {
      const input: ReplayInput = { inputVersion: 1, model, number };
      await this.start('replay', workflowId, input, `Replay ${number} of ${model}: version ${version} on what ${deployment} logged`, { model, deployment, stage: 'requested' });
      return 'restarted';
    }
    const outcome = motion.type === 'WorkflowTerminated' ? 'terminated' : motion.type === 'WorkflowCancelled' ? 'cancelled' : 'failed';
    await this.replays.finish({ model, number }, { outcome, reason: motion.message, failure: motion }, new Date(), origin());
    return 'ended';
  }

  private async settleRollback(rollback: Rollback): Promise<'left' | 'restarted' | 'ended'> {
    const { model, deployment, fromEpoch } = rollback;
    const workflowId = rollbackWorkflowId(model, deployment, fromEpoch);
    const motion = await this.motionOf(workflowId);
    if (motion === 'running') return 'left';
    if (motion === 'missing') {
      const input: RollbackInput = { inputVersion: 1, model, deployment, fromEpoch };
      await this.start('rollback', workflowId, input, `Rollback of ${model}/${deployment} from epoch ${fromEpoch}`, { model, deployment });
      return 'restarted';
    }
    const outcome = motion.type === 'WorkflowTerminated' ? 'terminated' : 'failed';
    await this.routing.endRollback({ model, deployment, fromEpoch }, { outcome, explanation: motion.message, toEpoch: null, gatewaysBehind: [] }, new Date(), origin());
    return 'ended';
  }

  /** A version may be released again under its id: a run that closed before the release was asked for is another one's. */
  private async settleRelease(release: Release): Promise<'left' | 'restarted' | 'ended'> {
    const { model, number, version, deployment } = release;
    const workflowId = deploymentWorkflowId(model, version);
    const motion = await this.motionOf(workflowId, release.requestedAt);
    if (motion === 'running') return 'left';
    if (motion === 'missing') {
      const input: DeploymentInput = { inputVersion: 1, model, number, version, awaitedRevision: 0 };
      await this.start('deployment', workflowId, input, `Release ${number} of ${model}: version ${version} into ${deployment}`, { model, deployment, stage: release.stage });
      return 'restarted';
    }
    const outcome = motion.type === 'WorkflowTerminated' ? 'terminated' : motion.type === 'WorkflowCancelled' ? 'cancelled' : 'failed';
    await this.releases.end({ model, number }, { outcome, reason: motion.message, failure: motion }, new Date(), origin());
    return 'ended';
  }

  /** @param since what closed before is not what is looked for */
  private async motionOf(workflowId: string, since?: Date): Promise<Motion> {
    try {
      const { status, closeTime } = await this.client.workflow.getHandle(workflowId).describe();
      if (since && closeTime && closeTime < since) return 'missing';
      return status.name === 'RUNNING' || status.name === 'CONTINUED_AS_NEW' ? 'running' : endedFrom(status.name);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'missing';
      throw error;
    }
  }

  private async start(type: string, workflowId: string, input: unknown, summary: string, facts: WorkflowFacts): Promise<void> {
    await this.client.workflow.start(type, {
      workflowId, taskQueue: TASK_QUEUES.lifecycle, args: [input], staticSummary: summary,
      workflowIdConflictPolicy: 'USE_EXISTING', typedSearchAttributes: modelAttributes(facts),
    });
  }
}

/** What it means that a workflow is closed while the record holds its work as open. */
function endedFrom(status: string): StoredFailure {
  if (status === 'TERMINATED') return { type: 'WorkflowTerminated', message: 'Terminated by an operator', details: {} };
  if (status === 'CANCELLED') return { type: 'WorkflowCancelled', message: 'Cancelled on request', details: {} };
  if (status === 'TIMED_OUT') return { type: 'WorkflowTimedOut', message: 'The workflow ran out of time', details: {} };
  return { type: 'Internal', message: `The workflow closed as ${status.toLowerCase()} without recording an outcome`, details: { status } };
}

async function settleEach<T>(open: readonly T[], settle: (item: T) => Promise<'left' | 'restarted' | 'ended'>): Promise<{ restarted: number; ended: number }> {
  const count = { left: 0, restarted: 0, ended: 0 };
  for (const item of open) count[await settle(item)] += 1;
  return count;
}
