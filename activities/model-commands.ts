import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CommandBodies, CommandOutcome } from '../src/contracts/commands.js';
import { retrainWorkflowId } from '../src/contracts/motion.js';
import { developmentOf } from '../src/contracts/stages.js';
import { bodyOf } from '../src/registry/commands.repository.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { StagesRepository } from '../src/registry/stages.repository.js';
import { namedNow } from '../src/registry/successors.js';
import { parseSpec } from '../src/spec/parse-spec.js';
import { ApprovalCommands } from './approval-commands.js';
import { deactivatedOwner, lockModel, refused, whilePaused } from './command-outcomes.js';
import { ProductionStandings } from './production-standings.js';
import { ValidationCommands } from './validation-commands.js';

/** The commands that put a spec in force and ask for a retrain, taking effect within the transaction that settles them. */
@Injectable()
export class ModelCommands {
  constructor(
    private readonly models: ModelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly approvals: ApprovalCommands,
    private readonly production: ProductionStandings,
    private readonly validations: ValidationCommands,
    private readonly stages: StagesRepository,
  ) {}

  async applySpec(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { source } = bodyOf<'apply'>(command);
    const parsed = parseSpec(source);
    const before = await lockModel(manager, parsed.spec.model);
    const dropped = await this.approvals.dropped(manager, parsed.spec);
    if (dropped) return dropped;
    const { owner: named } = parsed.spec;
    const away = before?.specDigest === parsed.digest ? undefined : await deactivatedOwner(manager, [named]);
    if (away) return away;
    const { name: owner } = await namedNow(manager, named);
    const changed = await this.models.apply(manager, source, parsed, command.actor, at, owner);
    const approval = changed ? await this.approvals.open(manager, parsed, command, at) : undefined;
    const voided = changed ? await this.validations.voidOthers(manager, parsed, at) : [];
    return { kind: 'apply', specDigest: parsed.digest, changed, ...(changed && owner !== named && { owner: { named, successor: owner } }), ...(approval && { approval }), ...(voided.length > 0 && { voided }) };
  }

  async requestRetrain(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const body = bodyOf<'retrain'>(command);
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const spec = await this.models.spec(model.name, model.specDigest, manager);
    const unapproved = await this.approvals.refusal(manager, model, spec);
    if (unapproved) return unapproved;
    const stop = await this.production.stop(model, at, manager);
    if (stop) return stop;
    const pause = spec.useCase && (await this.stages.pause(developmentOf(model.name), manager));
    if (pause) return whilePaused(developmentOf(model.name), pause);
    const active = await this.retrains.active(manager, model.name);
    if (active) return meanwhile(spec.retraining.whileActive, active.number, model.name, body, active.asOf);
    const number = await this.retrains.add(manager, {
      model: model.name, commandId: command.id, deployment: body.deployment, trigger: body.trigger ?? 'request',
      asOf: body.asOf === null ? null : new Date(body.asOf), specDigest: model.specDigest, requestedBy: command.actor, requestedAt: at,
    });
    return { kind: 'retrain', number, workflowId: retrainWorkflowId(model.name, number), joined: false };
  }
}

/** A request that comes while a retrain runs is joined or refused, by the spec; one for other data is always refused. */
function meanwhile(policy: 'join' | 'refuse', number: number, model: string, body: CommandBodies['retrain'], asOf: Date | null): CommandOutcome {
  const sameData = body.asOf === null || asOf?.getTime() === Date.parse(body.asOf);
  if (policy === 'join' && sameData) return { kind: 'retrain', number, workflowId: retrainWorkflowId(model, number), joined: true };
  return {
    kind: 'refused', type: 'RetrainActive', details: { number, workflowId: retrainWorkflowId(model, number) },
    message: `Retrain ${number} of ${model} is running${sameData ? '' : ', on data as of another time'}; ask again when it has ended`,
  };
}
