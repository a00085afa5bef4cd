import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CommandOutcome, MovedStage } from '../src/contracts/commands.js';
import { NOBODY } from '../src/contracts/roles.js';
import { type StageAction, type StageBefore, stageText } from '../src/contracts/stages.js';
import { whyNotPause, whyNotSendBack } from '../src/lifecycle/stage-moves.js';
import { callerNamed } from '../src/registry/callers.repository.js';
import { bodyOf } from '../src/registry/commands.repository.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { ModelVersion } from '../src/registry/entities/model-version.entity.js';
import { Release } from '../src/registry/entities/release.entity.js';
import { StagesRepository } from '../src/registry/stages.repository.js';
import { askedAt } from './activity-context.js';
import { type Refused, refused } from './command-outcomes.js';
import { ReleaseCommands } from './release-commands.js';
import { type EndedStage, NOTHING_MORE, type StageEnding, StageEndings } from './stage-endings.js';
import { type StageTarget, StageTargets } from './stage-targets.js';

/** The commands that pause, resume, abandon and send back stages, taking effect within the transaction that settles them. */
@Injectable()
export class StageCommands {
  constructor(
    private readonly targets: StageTargets,
    private readonly endings: StageEndings,
    private readonly releases: ReleaseCommands,
    private readonly stages: StagesRepository,
  ) {}

  async steer(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { stage, action, version, reason } = bodyOf<'steerStage'>(command);
    const target = await this.targets.find(manager, command.model, stage, version);
    if ('kind' in target) return target;
    const made = await this.make(manager, target, action, { command, reason, at });
    return 'kind' in made ? made : { kind: 'steerStage', action, ...(await this.record(manager, target, action, command, reason)), cancels: made.cancels };
  }

  async sendBack(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { stage, version, reason } = bodyOf<'sendBackStage'>(command);
    const target = await this.targets.find(manager, command.model, stage, version);
    if ('kind' in target) return target;
    const why = whyNotSendBack(command.actor, target.id, (await callerNamed(manager, command.actor)) ?? NOBODY, target.decider);
    if (why !== null) return refused('Forbidden', `${stageText(target.id)} is not sent back: ${why}`);
    const made = await this.make(manager, target, 'sendBack', { command, reason, at });
    if ('kind' in made) return made;
    return { kind: 'sendBackStage', to: made.to as StageBefore, approval: made.approval, ...(await this.record(manager, target, 'sendBack', command, reason)), cancels: made.cancels };
  }

  private async make(manager: EntityManager, target: StageTarget, action: StageAction, ending: StageEnding): Promise<EndedStage | Refused> {
    if (target.id.stage === 'deployment') return this.steerRelease(manager, target, action, ending);
    if (action === 'abandon') return this.endings.abandon(manager, target, ending);
    if (action === 'sendBack') return this.endings.sendBack(manager, target, ending);
    const why = whyNotPause(action, target.id, target.paused);
    return why === null ? NOTHING_MORE : refused('StageNotMovable', why);
  }

  private async record(manager: EntityManager, { id, tells }: StageTarget, action: StageAction, command: Command, reason: string): Promise<Omit<MovedStage, 'cancels'>> {
    await this.stages.add(manager, { ...id, action, actor: command.actor, reason, commandId: command.id, at: askedAt() });
    return { stage: id.stage, subject: id.subject, tells };
  }

  /** A release has a pause of its own; sent back or abandoned, it is aborted, and one that was abandoned is not released again. */
  private async steerRelease(manager: EntityManager, { id: { model, subject } }: StageTarget, action: StageAction, { command, reason, at }: StageEnding): Promise<EndedStage | Refused> {
    const number = subject as number;
    const outcome = await this.releases.steer(manager, command, at, { release: number, action: action === 'pause' || action === 'resume' ? action : 'abort', reason });
    if (outcome.kind === 'refused') return outcome;
    if (action === 'abandon') {
      const { version } = await manager.findOneByOrFail(Release, { model, number });
      await manager.update(ModelVersion, { model, number: version }, { unfitReason: `release ${number} was abandoned by ${command.actor}`, unfitAt: at });
    }
    return action === 'sendBack' ? { ...NOTHING_MORE, to: 'validation' } : NOTHING_MORE;
  }
}
