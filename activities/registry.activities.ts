import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CommandBodies, CommandOutcome } from '../src/contracts/commands.js';
import type { FailureType } from '../src/contracts/failures.js';
import { retrainWorkflowId } from '../src/contracts/motion.js';
import type { RetrainId, RetrainPlan } from '../src/contracts/retrains.js';
import type { ModelStatus } from '../src/contracts/status.js';
import { durationMs } from '../src/contracts/time.js';
import { bodyOf, CommandsRepository } from '../src/registry/commands.repository.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { Model } from '../src/registry/entities/model.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { type RetrainEnd, RetrainsRepository } from '../src/registry/retrains.repository.js';
import { TrainingRepository } from '../src/registry/training.repository.js';
import { parseSpec } from '../src/spec/parse-spec.js';
import { origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { CommandEffects } from './command-effects.js';
import { ModelStatuses } from './model-statuses.js';

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

  /** Lets a command take effect; a second call returns the first one's outcome. */
  async handleCommand(commandId: string): Promise<CommandOutcome> {
    const at = new Date();
    return this.commands.settle(commandId, at, origin(), (manager, command) => {
      if (command.kind === 'apply') return this.applySpec(manager, command, at);
      if (command.kind === 'retrain') return this.requestRetrain(manager, command, at);
      return this.effects.takeEffect(manager, command, at);
    });
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

  private async applySpec(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { source } = bodyOf<'apply'>(command);
    const parsed = parseSpec(source);
    const changed = await this.models.apply(manager, source, parsed, command.actor, at);
    return { kind: 'apply', specDigest: parsed.digest, changed };
  }

  private async requestRetrain(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const body = bodyOf<'retrain'>(command);
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const spec = await this.models.spec(model.name, model.specDigest);
    const active = await this.retrains.active(manager, model.name);
    if (active) return meanwhile(spec.retraining.whileActive, active.number, model.name, body, active.asOf);
    const number = await this.retrains.add(manager, {
      model: model.name, commandId: command.id, deployment: body.deployment, trigger: body.trigger ?? 'request',
      asOf: body.asOf === null ? null : new Date(body.asOf), specDigest: model.specDigest, requestedBy: command.actor, requestedAt: at,
    });
    return { kind: 'retrain', number, workflowId: retrainWorkflowId(model.name, number), joined: false };
  }
}

/** One command a model at a time decides; the row's lock is the queue. */
const lockModel = (manager: EntityManager, name: string): Promise<Model | null> =>
  manager.findOne(Model, { where: { name }, lock: { mode: 'pessimistic_write' } });

const refused = (type: FailureType, message: string): CommandOutcome => ({ kind: 'refused', type, message, details: {} });

/** A request that comes while a retrain runs is joined or refused, by the spec; one for other data is always refused. */
function meanwhile(policy: 'join' | 'refuse', number: number, model: string, body: CommandBodies['retrain'], asOf: Date | null): CommandOutcome {
  const sameData = body.asOf === null || asOf?.getTime() === Date.parse(body.asOf);
  if (policy === 'join' && sameData) return { kind: 'retrain', number, workflowId: retrainWorkflowId(model, number), joined: true };
  return {
    kind: 'refused', type: 'RetrainActive', details: { number, workflowId: retrainWorkflowId(model, number) },
    message: `Retrain ${number} of ${model} is running${sameData ? '' : ', on data as of another time'}; ask again when it has ended`,
  };
}
