import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CommandOutcome } from '../src/contracts/commands.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { AlarmCommands } from './alarm-commands.js';
import { ApprovalCommands } from './approval-commands.js';
import { ModelCommands } from './model-commands.js';
import { ReleaseCommands } from './release-commands.js';
import { ReplayCommands } from './replay-commands.js';
import { ValidationCommands } from './validation-commands.js';

/** What each kind of command does. */
@Injectable()
export class CommandEffects {
  constructor(
    private readonly models: ModelCommands,
    private readonly approvals: ApprovalCommands,
    private readonly releases: ReleaseCommands,
    private readonly replays: ReplayCommands,
    private readonly alarms: AlarmCommands,
    private readonly validations: ValidationCommands,
  ) {}

  /** Lets one take effect, within the transaction that settles it. */
  takeEffect(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    if (command.kind === 'apply') return this.models.applySpec(manager, command, at);
    if (command.kind === 'retrain') return this.models.requestRetrain(manager, command, at);
    if (command.kind === 'vote') return this.approvals.vote(manager, command, at);
    if (command.kind === 'requestApproval') return this.approvals.request(manager, command, at);
    if (command.kind === 'decideValidation') return this.validations.decide(manager, command, at);
    if (command.kind === 'release') return this.releases.request(manager, command, at);
    if (command.kind === 'steer') return this.releases.steer(manager, command, at);
    if (command.kind === 'replay') return this.replays.request(manager, command, at);
    if (command.kind === 'alarm') return this.alarms.act(manager, command, at);
    if (command.kind === 'releaseWindow') return this.alarms.releaseWindow(manager, command, at);
    return this.releases.rollBack(manager, command, at);
  }
}
