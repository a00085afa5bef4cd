import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CommandOutcome } from '../src/contracts/commands.js';
import { retirementWorkflowId } from '../src/contracts/motion.js';
import { bodyOf } from '../src/registry/commands.repository.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { LegalHoldsRepository } from '../src/registry/legal-holds.repository.js';
import { lockModel, refused } from './command-outcomes.js';

/** What keeps the evidence of a model from being deleted, taking effect within the transaction that settles a command. */
@Injectable()
export class LegalHoldCommands {
  constructor(private readonly holds: LegalHoldsRepository) {}

  /** Of any model, whether it retires or not. */
  async set(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const { reason } = bodyOf<'setLegalHold'>(command);
    const hold = await this.holds.set(manager, { model: model.name, reason, setBy: command.actor, setAt: at, commandId: command.id });
    return { kind: 'setLegalHold', hold, workflowId: retirementWorkflowId(model.name) };
  }

  async lift(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { hold, reason } = bodyOf<'liftLegalHold'>(command);
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const inForce = await this.holds.inForce(model.name, manager);
    if (!inForce.includes(hold)) return refused('LegalHoldLifted', `${model.name} has no legal hold ${hold} in force; \`perennial legal-hold list ${model.name}\` shows all`);
    await this.holds.lift(manager, { model: model.name, hold, reason, liftedBy: command.actor, liftedAt: at, commandId: command.id });
    return { kind: 'liftLegalHold', hold, workflowId: retirementWorkflowId(model.name) };
  }
}
