import { Injectable } from '@nestjs/common';
import type { CommandOutcome } from '../src/contracts/commands.js';
import { modelWorkflowId } from '../src/contracts/motion.js';
import type { RetrainId, RetrainPlan } from '../src/contracts/retrains.js';
import type { ModelStatus } from '../src/contracts/status.js';
import { durationMs } from '../src/contracts/time.js';
import { CommandsRepository } from '../src/registry/commands.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { isDatabaseAway } from '../src/registry/database-errors.js';
import { type RetrainEnd, RetrainsRepository } from '../src/registry/retrains.repository.js';
import { TrainingRepository } from '../src/registry/training.repository.js';
import { origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { CommandEffects } from './command-effects.js';
import { ModelStatuses } from './model-statuses.js';

/** So many commands take effect within a second or two. */
const INBOX_TURN = 100;

/** Commands taking effect, and the record of a retrain's course. */
@Injectable()
export class RegistryActivities {
  constructor(
    private readonly commands: CommandsRepository,
    private readonly models: ModelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly training: TrainingRepository,
    private readonly effects: CommandEffects,
    private readonly statuses: ModelStatuses,
    private readonly settings: ActivitySettings,
  ) {}

  /**
   * Lets a command of the model whose workflow asks take effect; a second call returns the first one's outcome.
   * @param commandId what came with the update, which anybody who reaches Temporal can send
   * @throws PerennialError `CommandUnknown` when no command of the model was accepted under it; the attempt is on the record
   */
  async handleCommand(commandId: unknown): Promise<CommandOutcome> {
    const [id, at, asking] = [String(commandId), new Date(), origin()];
    const command = await this.commands.find(id);
    if (!command || modelWorkflowId(command.model) !== asking.workflowId) return this.commands.refuseUnknown(id, at, asking);
    return this.commands.settle(id, at, asking, (manager, accepted) => this.effects.takeEffect(manager, accepted, at));
  }

  /** The ids of commands that wait for a model's lifecycle, the oldest first; not more than one turn takes. */
  async readInbox(model: string): Promise<{ ids: string[]; more: boolean }> {
    const ids = await this.commands.inbox(model, INBOX_TURN + 1);
    return { ids: ids.slice(0, INBOX_TURN), more: ids.length > INBOX_TURN };
  }

  /** Lets several take effect, one after the other. One that fails by itself waits on, and does not hold up those after it. @throws when Postgres does not answer: all of them are tried again */
  async handleCommands(ids: readonly string[]): Promise<{ outcomes: CommandOutcome[]; failed: { id: string; message: string }[] }> {
    const outcomes: CommandOutcome[] = [];
    const failed: { id: string; message: string }[] = [];
    for (const id of ids) {
      try {
        outcomes.push(await this.handleCommand(id));
      } catch (error) {
        if (isDatabaseAway(error)) throw error;
        failed.push({ id, message: error instanceof Error ? error.message : String(error) });
      }
    }
    return { outcomes, failed };
  }

  /** Puts a signal on the record that the workflow which asks does not know. @param signal its name, as a stranger made it up @param nth counts those of the run, from 1 */
  recordUnknownSignal(signal: string, nth: number): Promise<void> {
    return this.commands.addUnknown('signal', { name: signal, nth }, new Date(), origin());
  }

  /** The same of an update. */
  recordUnknownUpdate(update: string, nth: number): Promise<void> {
    return this.commands.addUnknown('update', { name: update, nth }, new Date(), origin());
  }

  readModelStatus(model: string): Promise<ModelStatus> {
    return this.statuses.read(model);
  }

  async beginRetrain(id: RetrainId): Promise<RetrainPlan> {
    const retrain = await this.retrains.get(id);
    const spec = await this.models.spec(id.model, retrain.specDigest);
    return {
      tier: spec.tier, deployment: retrain.deployment, trigger: retrain.trigger, requestedBy: retrain.requestedBy,
      trainingTimeoutMs: durationMs(spec.training.timeout) as number,
      heartbeatTimeoutMs: this.settings.heartbeatTimeoutMs, outcome: retrain.outcome,
    };
  }

  /** Ends a retrain on the record, once, and fences off whatever still trains for it. */
  async endRetrain(id: RetrainId, end: RetrainEnd): Promise<void> {
    const at = new Date();
    await this.retrains.end(id, end, at, origin());
    await this.training.revoke(id, at);
  }
}
