import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CommandOutcome } from '../src/contracts/commands.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { AlarmCommands } from './alarm-commands.js';
import { ReleaseCommands } from './release-commands.js';
import { ReplayCommands } from './replay-commands.js';

/** The commands about what is there already: versions in service, on their way there or over what was logged; alarms; windows in quarantine. */
@Injectable()
export class CommandEffects {
  constructor(
    private readonly releases: ReleaseCommands,
    private readonly replays: ReplayCommands,
    private readonly alarms: AlarmCommands,
  ) {}

  /** Lets one take effect, within the transaction that settles it. */
  takeEffect(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    if (command.kind === 'release') return this.releases.request(manager, command, at);
    if (command.kind === 'steer') return this.releases.steer(manager, command, at);
    if (command.kind === 'replay') return this.replays.request(manager, command, at);
    if (command.kind === 'alarm') return this.alarms.act(manager, command, at);
    if (command.kind === 'releaseWindow') return this.alarms.releaseWindow(manager, command, at);
    return this.releases.rollBack(manager, command, at);
  }
}
