import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CommandKind, CommandOutcome } from '../src/contracts/commands.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { lockPeople } from '../src/registry/successors.js';
import { AlarmCommands } from './alarm-commands.js';
import { GovernanceCommands } from './governance-commands.js';
import { ModelCommands } from './model-commands.js';
import { ReleaseCommands } from './release-commands.js';
import { ReplayCommands } from './replay-commands.js';

/** Nobody leaves or is replaced while one of these takes effect. */
const NAMES_OWNERS: ReadonlySet<CommandKind> = new Set<CommandKind>(['apply', 'openFinding', 'recordReview', 'decideValidation']);

/** What each kind of command does. */
@Injectable()
export class CommandEffects {
  constructor(
    private readonly models: ModelCommands,
    private readonly governance: GovernanceCommands,
    private readonly releases: ReleaseCommands,
    private readonly replays: ReplayCommands,
    private readonly alarms: AlarmCommands,
  ) {}

  /** Lets one take effect, within the transaction that settles it. */
  async takeEffect(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    if (NAMES_OWNERS.has(command.kind)) await lockPeople(manager, 'read');
    return (await this.governance.refusal(manager, command)) ?? this.governance.takeEffect(manager, command, at) ?? this.effect(manager, command, at);
  }

  private effect(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    if (command.kind === 'apply') return this.models.applySpec(manager, command, at);
    if (command.kind === 'retrain') return this.models.requestRetrain(manager, command, at);
    if (command.kind === 'release') return this.releases.request(manager, command, at);
    if (command.kind === 'steer') return this.releases.steer(manager, command, at);
    if (command.kind === 'replay') return this.replays.request(manager, command, at);
    if (command.kind === 'alarm') return this.alarms.act(manager, command, at);
    if (command.kind === 'releaseWindow') return this.alarms.releaseWindow(manager, command, at);
    return this.releases.rollBack(manager, command, at);
  }
}
