import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CommandOutcome } from '../src/contracts/commands.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { ReleaseCommands } from './release-commands.js';
import { ReplayCommands } from './replay-commands.js';

/** The commands about versions that there are already: in service, on their way there, or over what was logged. */
@Injectable()
export class VersionCommands {
  constructor(
    private readonly releases: ReleaseCommands,
    private readonly replays: ReplayCommands,
  ) {}

  /** Lets it take effect, within the transaction that settles it. */
  takeEffect(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    if (command.kind === 'release') return this.releases.request(manager, command, at);
    if (command.kind === 'steer') return this.releases.steer(manager, command, at);
    if (command.kind === 'replay') return this.replays.request(manager, command, at);
    return this.releases.rollBack(manager, command, at);
  }
}
