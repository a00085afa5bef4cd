import { Injectable } from '@nestjs/common';
import { type ModelLifecycleInput, modelWorkflowId } from '../src/contracts/motion.js';
import type { ReconcileReport } from '../src/contracts/status.js';
import { CommandDispatcher } from '../src/dispatch/command-dispatcher.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { AlarmActivities } from './alarms.activities.js';
import { HistoryExport } from './history-export.js';
import { OpenStages } from './open-stages.js';
import { OpenWork } from './open-work.js';
import { WorkflowMotions } from './workflow-motions.js';

/** Compares what the record holds as open with what Temporal runs, and mends the difference. */
@Injectable()
export class ReconcileActivities {
  constructor(
    private readonly motions: WorkflowMotions,
    private readonly openWork: OpenWork,
    private readonly histories: HistoryExport,
    private readonly alarms: AlarmActivities,
    private readonly dispatcher: CommandDispatcher,
    private readonly models: ModelsRepository,
    private readonly openStages: OpenStages,
  ) {}

  async reconcileMotion(): Promise<ReconcileReport> {
    const lifecyclesStarted = await this.startLifecycles();
    const commandsSent = await this.dispatcher.sendWaiting(new Date());
    const { retrains, releases, replays, rollbacks } = await this.openWork.settle();
    const { approvals, validations, retirements } = await this.openStages.settle();
    // What did not reach its receiver when it was raised; the record says why it still does not.
    await this.alarms.sendUndelivered();
    return {
      commandsSent, lifecyclesStarted,
      retrainsRestarted: retrains.restarted, retrainsEnded: retrains.ended,
      releasesRestarted: releases.restarted, releasesEnded: releases.ended,
      replaysRestarted: replays.restarted, replaysEnded: replays.ended,
      rollbacksRestarted: rollbacks.restarted, rollbacksEnded: rollbacks.ended,
      approvalsRestarted: approvals.restarted,
      retirementsRestarted: retirements.restarted,
      validationsRestarted: validations.restarted,
      historiesExported: await this.histories.exportClosed(),
    };
  }

  private async startLifecycles(): Promise<number> {
    let started = 0;
    for (const { name } of await this.models.list()) {
      if ((await this.motions.of(modelWorkflowId(name))) === 'running') continue;
      const input: ModelLifecycleInput = { inputVersion: 1, model: name, handled: 0 };
      await this.motions.start('modelLifecycle', modelWorkflowId(name), input, `Life of ${name}`, { model: name });
      started += 1;
    }
    return started;
  }
}
