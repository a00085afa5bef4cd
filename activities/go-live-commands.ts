import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CommandOutcome } from '../src/contracts/commands.js';
import { isoTime } from '../src/contracts/time.js';
import { whyNotConfirm } from '../src/lifecycle/go-live.js';
import { bodyOf } from '../src/registry/commands.repository.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { Routing } from '../src/registry/entities/routing.entity.js';
import { type GoLiveStory, GoLivesRepository } from '../src/registry/go-lives.repository.js';
import { origin } from './activity-context.js';
import { lockModel, refused } from './command-outcomes.js';

/** The owner's word that a version has gone live, taking effect within the transaction that settles the command. */
@Injectable()
export class GoLiveCommands {
  constructor(private readonly goLives: GoLivesRepository) {}

  async confirm(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { deployment, version, reason } = bodyOf<'confirmGoLive'>(command);
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const routing = await manager.findOne(Routing, { where: { model: model.name, deployment }, lock: { mode: 'pessimistic_write' } });
    if (!routing) return refused('NotFound', `${model.name} has no deployment ${JSON.stringify(deployment)}`);
    const story = await this.goLives.newest({ model: model.name, deployment, version }, manager);
    const why = whyNotConfirm({ model: model.name, deployment, version, champion: routing.champion, goLive: story && factsOf(story) });
    if (why !== null || !story) return refused('GoLiveNotConfirmable', why ?? '');
    const { epoch, specDigest } = story.goLive;
    await this.goLives.confirm(manager, { model: model.name, deployment, epoch, reason, confirmedBy: command.actor, commandId: command.id, at }, origin());
    return { kind: 'confirmGoLive', deployment, version, epoch, specDigest };
  }
}

const factsOf = ({ goLive, confirmation }: GoLiveStory) =>
  ({ epoch: goLive.epoch, confirmed: confirmation && { by: confirmation.confirmedBy, at: isoTime(confirmation.at.getTime()) } });
