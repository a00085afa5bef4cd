import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CommandOutcome, MovedStage } from '../src/contracts/commands.js';
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
import { StageEndings } from './stage-endings.js';
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
    const refusal = action === 'abandon' || stage === 'deployment' ? undefined : notPausable(action, target);
    if (refusal) return refusal;
    const steered = stage === 'deployment' ? await this.steerRelease(manager, target, command, action, at) : undefined;
    if (steered) return steered;
    const ended = action === 'abandon' && stage !== 'deployment' ? await this.endings.abandon(manager, target, { command, reason, at }) : undefined;
    if (ended && 'kind' in ended) return ended;
    return { kind: 'steerStage', action, ...(await this.record(manager, target, command, action, reason)), cancels: ended?.cancels ?? null };
  }

  async sendBack(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { stage, version, reason } = bodyOf<'sendBackStage'>(command);
    const target = await this.targets.find(manager, command.model, stage, version);
    if ('kind' in target) return target;
    const why = whyNotSendBack(command.actor, target.id, (await callerNamed(manager, command.actor))?.grants ?? [], target.decider);
    if (why !== null) return refused('Forbidden', `${stageText(target.id)} is not sent back: ${why}`);
    const steered = stage === 'deployment' ? await this.steerRelease(manager, target, command, 'sendBack', at) : undefined;
    if (steered) return steered;
    const ended = stage === 'deployment' ? BACK_FROM_RELEASE : await this.endings.sendBack(manager, target, { command, reason, at });
    if ('kind' in ended) return ended;
    const { to, approval, cancels } = ended;
    return { kind: 'sendBackStage', to: to as StageBefore, approval, ...(await this.record(manager, target, command, 'sendBack', reason)), cancels };
  }

  private async record(manager: EntityManager, { id, tells }: StageTarget, command: Command, action: StageAction, reason: string): Promise<Omit<MovedStage, 'cancels'>> {
    await this.stages.add(manager, { ...id, action, actor: command.actor, reason, commandId: command.id, at: askedAt() });
    return { stage: id.stage, subject: id.subject, tells };
  }

  /** A release has a pause of its own; sent back or abandoned, it is aborted, and one that was abandoned is not released again. @returns why not, where it cannot be */
  private async steerRelease(manager: EntityManager, { id: { model, subject } }: StageTarget, command: Command, action: StageAction, at: Date): Promise<Refused | undefined> {
    const { reason } = bodyOf<'sendBackStage'>(command);
    const number = subject as number;
    const outcome = await this.releases.steer(manager, command, at, { release: number, action: action === 'pause' || action === 'resume' ? action : 'abort', reason });
    if (outcome.kind === 'refused') return outcome;
    if (action !== 'abandon') return undefined;
    const { version } = await manager.findOneByOrFail(Release, { model, number });
    await manager.update(ModelVersion, { model, number: version }, { unfitReason: `release ${number} was abandoned by ${command.actor}`, unfitAt: at });
    return undefined;
  }
}

const BACK_FROM_RELEASE = { to: 'validation', approval: null, cancels: null } as const;

function notPausable(action: 'pause' | 'resume', { id, paused }: StageTarget): Refused | undefined {
  const why = whyNotPause(action, id, paused);
  return why === null ? undefined : refused('StageNotMovable', why);
}
