import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CommandOutcome } from '../src/contracts/commands.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { ApprovalCommands } from './approval-commands.js';
import { GoLiveCommands } from './go-live-commands.js';
import { LegalHoldCommands } from './legal-hold-commands.js';
import { ProductionCommands } from './production-commands.js';
import { RetirementCommands } from './retirement-commands.js';
import { StageCommands } from './stage-commands.js';
import { ValidationCommands } from './validation-commands.js';

/** The commands by which people decide over a model's stages. */
@Injectable()
export class GovernanceCommands {
  constructor(
    private readonly approvals: ApprovalCommands,
    private readonly validations: ValidationCommands,
    private readonly production: ProductionCommands,
    private readonly retirements: RetirementCommands,
    private readonly holds: LegalHoldCommands,
    private readonly goLives: GoLiveCommands,
    private readonly stages: StageCommands,
  ) {}

  /** Why a command may not take effect while its model is being retired; undefined where it may. */
  refusal(manager: EntityManager, command: Command): Promise<CommandOutcome | undefined> {
    return this.retirements.refusal(manager, command);
  }

  /** @returns undefined for a command of another kind */
  takeEffect(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> | undefined {
    if (command.kind === 'vote') return this.approvals.vote(manager, command, at);
    if (command.kind === 'requestApproval') return this.approvals.request(manager, command, at);
    if (command.kind === 'decideValidation') return this.validations.decide(manager, command, at);
    if (command.kind === 'openFinding') return this.production.openFinding(manager, command, at);
    if (command.kind === 'closeFinding') return this.production.closeFinding(manager, command, at);
    if (command.kind === 'recordReview') return this.production.recordReview(manager, command, at);
    if (command.kind === 'retire') return this.retirements.retire(manager, command, at);
    if (command.kind === 'withdrawRetirement') return this.retirements.withdraw(manager, command, at);
    if (command.kind === 'confirmRetirement') return this.retirements.confirm(manager, command, at);
    if (command.kind === 'waiveRetirement') return this.retirements.waive(manager, command, at);
    if (command.kind === 'setLegalHold') return this.holds.set(manager, command, at);
    if (command.kind === 'liftLegalHold') return this.holds.lift(manager, command, at);
    if (command.kind === 'confirmGoLive') return this.goLives.confirm(manager, command, at);
    if (command.kind === 'steerStage') return this.stages.steer(manager, command, at);
    if (command.kind === 'sendBackStage') return this.stages.sendBack(manager, command, at);
    return undefined;
  }
}
