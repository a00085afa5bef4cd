import { Injectable } from '@nestjs/common';
import { rollbackAlarm } from '../src/alarms/rollback-alarm.js';
import { type DeploymentInput, deploymentWorkflowId, releaseMemo, type ReplayInput, replayWorkflowId, type RetrainInput, retrainWorkflowId, type RollbackInput, rollbackWorkflowId } from '../src/contracts/motion.js';
import type { Release } from '../src/registry/entities/release.entity.js';
import type { Replay } from '../src/registry/entities/replay.entity.js';
import type { Retrain } from '../src/registry/entities/retrain.entity.js';
import type { Rollback } from '../src/registry/entities/routing.entity.js';
import { ReleasesRepository } from '../src/registry/releases.repository.js';
import { ReplaysRepository } from '../src/registry/replays.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { TrainingRepository } from '../src/registry/training.repository.js';
import { origin } from './activity-context.js';
import { WorkflowMotions } from './workflow-motions.js';

export interface Settled {
  readonly restarted: number;
  readonly ended: number;
}

/** What the record holds as open: started again where Temporal does not know it, ended where Temporal has ended it. */
@Injectable()
export class OpenWork {
  constructor(
    private readonly motions: WorkflowMotions,
    private readonly releases: ReleasesRepository,
    private readonly replays: ReplaysRepository,
    private readonly retrains: RetrainsRepository,
    private readonly routing: RoutingRepository,
    private readonly training: TrainingRepository,
  ) {}

  async settle(): Promise<{ readonly retrains: Settled; readonly releases: Settled; readonly replays: Settled; readonly rollbacks: Settled }> {
    return {
      retrains: await settleEach(await this.retrains.open(), (retrain) => this.settleRetrain(retrain)),
      releases: await settleEach(await this.releases.allCurrent(), (release) => this.settleRelease(release)),
      replays: await settleEach(await this.replays.open(), (replay) => this.settleReplay(replay)),
      rollbacks: await settleEach(await this.routing.openRollbacks(), (rollback) => this.settleRollback(rollback)),
    };
  }

  private async settleRetrain(retrain: Retrain): Promise<'left' | 'restarted' | 'ended'> {
    const { model, number } = retrain;
    const workflowId = retrainWorkflowId(model, number);
    const motion = await this.motions.of(workflowId);
    if (motion === 'running') return 'left';
    if (motion === 'missing') {
      const input: RetrainInput = { inputVersion: 1, model, number };
      await this.motions.start('retrain', workflowId, input, `Retrain ${number} of ${model}`, { model, deployment: retrain.deployment, stage: retrain.stage, trigger: retrain.trigger });
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
    const motion = await this.motions.of(workflowId);
    if (motion === 'running') return 'left';
    if (motion === 'missing') {
      const input: ReplayInput = { inputVersion: 1, model, number };
      await this.motions.start('replay', workflowId, input, `Replay ${number} of ${model}: version ${version} on what ${deployment} logged`, { model, deployment, stage: 'requested' });
      return 'restarted';
    }
    const outcome = motion.type === 'WorkflowTerminated' ? 'terminated' : motion.type === 'WorkflowCancelled' ? 'cancelled' : 'failed';
    await this.replays.finish({ model, number }, { outcome, reason: motion.message, failure: motion }, new Date(), origin());
    return 'ended';
  }

  private async settleRollback(rollback: Rollback): Promise<'left' | 'restarted' | 'ended'> {
    const { model, deployment, fromEpoch } = rollback;
    const workflowId = rollbackWorkflowId(model, deployment, fromEpoch);
    const motion = await this.motions.of(workflowId);
    if (motion === 'running') return 'left';
    if (motion === 'missing') {
      const input: RollbackInput = { inputVersion: 1, model, deployment, fromEpoch };
      await this.motions.start('rollback', workflowId, input, `Rollback of ${model}/${deployment} from epoch ${fromEpoch}`, { model, deployment });
      return 'restarted';
    }
    const id = { model, deployment, fromEpoch };
    const end = { outcome: motion.type === 'WorkflowTerminated' ? 'terminated' : 'failed', explanation: motion.message, toEpoch: null, gatewaysBehind: [] } as const;
    await this.routing.endRollback(id, end, rollbackAlarm(id, end), new Date(), origin());
    return 'ended';
  }

  private async settleRelease(release: Release): Promise<'left' | 'restarted' | 'ended'> {
    const { model, number, version, deployment } = release;
    const workflowId = deploymentWorkflowId(model, version);
    const motion = await this.motions.of(workflowId, release);
    if (motion === 'running') return 'left';
    if (motion === 'missing') {
      const input: DeploymentInput = { inputVersion: 1, model, number, version, awaitedRevision: 0 };
      await this.motions.start('deployment', workflowId, input, `Release ${number} of ${model}: version ${version} into ${deployment}`, { model, deployment, stage: release.stage }, releaseMemo(number));
      return 'restarted';
    }
    const outcome = motion.type === 'WorkflowTerminated' ? 'terminated' : motion.type === 'WorkflowCancelled' ? 'cancelled' : 'failed';
    await this.releases.end({ model, number }, { outcome, reason: motion.message, failure: motion }, new Date(), origin());
    return 'ended';
  }
}

/** Looks at each in turn, and counts what was done. */
export async function settleEach<T>(open: readonly T[], settle: (item: T) => Promise<'left' | 'restarted' | 'ended'>): Promise<Settled> {
  const count = { left: 0, restarted: 0, ended: 0 };
  for (const item of open) count[await settle(item)] += 1;
  return count;
}
