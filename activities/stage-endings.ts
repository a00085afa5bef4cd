import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { OpenedApproval } from '../src/contracts/commands.js';
import { retrainWorkflowId } from '../src/contracts/motion.js';
import type { StageBefore } from '../src/contracts/stages.js';
import { ApprovalsRepository } from '../src/registry/approvals.repository.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { RetirementsRepository } from '../src/registry/retirements.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { ValidationsRepository } from '../src/registry/validations.repository.js';
import { origin } from './activity-context.js';
import { ApprovalCommands } from './approval-commands.js';
import { type Refused, refused } from './command-outcomes.js';
import { RetirementCommands } from './retirement-commands.js';
import type { StageTarget } from './stage-targets.js';

/** By whose command a stage ends, why and when. */
export interface StageEnding {
  readonly command: Command;
  readonly reason: string;
  readonly at: Date;
}

/** What followed. `cancels`: the workflow of a retrain that is to end. */
export interface EndedStage {
  readonly to: StageBefore | null;
  readonly cancels: string | null;
  readonly approval: OpenedApproval | null;
}

export const NOTHING_MORE: EndedStage = { to: null, cancels: null, approval: null };

/** What it means for each stage to be abandoned or sent back. Releases have their own ways. */
@Injectable()
export class StageEndings {
  constructor(
    private readonly approvals: ApprovalsRepository,
    private readonly validations: ValidationsRepository,
    private readonly retirements: RetirementsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly approvalCommands: ApprovalCommands,
    private readonly retirementCommands: RetirementCommands,
  ) {}

  /** Ends it for good: what it was about never serves. */
  async abandon(manager: EntityManager, target: StageTarget, ending: StageEnding): Promise<EndedStage | Refused> {
    const { id: { model, stage, subject } } = target;
    if (stage === 'useCaseApproval') return this.endApproval(manager, { model, number: subject as number }, 'abandoned', ending);
    if (stage === 'development') return this.endRetrain(manager, model, `${ending.command.actor} abandoned it.`, ending.at);
    if (stage === 'validation') return this.endValidation(manager, { model, version: subject as number }, 'abandoned', ending);
    if (stage === 'retirement') return this.callRetirementOff(manager, model, 'abandoned', ending);
    return refused('StageNotMovable', `The production of ${model} is not abandoned but retired: \`perennial retire ${model}\``);
  }

  /** To whom wrote it, or to the stage before. */
  async sendBack(manager: EntityManager, target: StageTarget, ending: StageEnding): Promise<EndedStage | Refused> {
    const { id: { model, stage, subject } } = target;
    if (stage === 'useCaseApproval') return { ...(await this.endApproval(manager, { model, number: subject as number }, 'sentBack', ending)), to: 'author' };
    if (stage === 'development') return this.toUseCaseApproval(manager, target, ending);
    if (stage === 'validation') return this.fromValidation(manager, { model, version: subject as number }, ending);
    if (stage === 'retirement') return to('production', await this.callRetirementOff(manager, model, 'sentBack', ending));
    return refused('StageNotMovable', `The production of ${model} is not sent back: \`perennial rollback ${model}\` takes the champion back`);
  }

  private async endApproval(manager: EntityManager, id: { readonly model: string; readonly number: number }, outcome: 'abandoned' | 'sentBack', { command: { actor, id: commandId }, at }: StageEnding): Promise<EndedStage> {
    await this.approvals.end(manager, id, { outcome, reason: `${actor} ${outcome === 'sentBack' ? 'sent it back' : 'abandoned it'}.`, commandId, at, actor }, origin());
    return NOTHING_MORE;
  }

  private async endRetrain(manager: EntityManager, model: string, reason: string, at: Date): Promise<EndedStage | Refused> {
    const active = await this.retrains.active(manager, model);
    if (!active) return refused('StageNotMovable', `No retrain of ${model} runs, so that there is nothing to abandon; \`perennial stage pause ${model} development\` keeps new ones from starting`);
    await this.retrains.endWithin(manager, { model, number: active.number }, { outcome: 'abandoned', reason, failure: null, promotedEpoch: null }, at, origin());
    return { ...NOTHING_MORE, cancels: retrainWorkflowId(model, active.number) };
  }

  /** The plan is approved anew, by others than who sent it back; a retrain that runs was made under what is open again. */
  private async toUseCaseApproval(manager: EntityManager, { model, spec, id }: StageTarget, { command, at }: StageEnding): Promise<EndedStage | Refused> {
    const newest = await this.approvals.newest({ kind: 'useCase', model: id.model, version: null }, manager);
    if (newest?.approval.specDigest !== model.specDigest || newest.end?.outcome !== 'approved') return refused('StageNotMovable', `The use case of ${id.model} is not approved as its spec states it, so that its development has not begun`);
    if (newest.approval.rule.kind === 'none') return refused('StageNotMovable', `The use case of ${id.model} is approved on the fast track, so that there is nobody to send it back to; mend the spec and apply it`);
    const opened = await this.approvalCommands.open(manager, { spec, digest: model.specDigest }, command, at, 'sent the development back');
    const ended = await this.endRetrain(manager, id.model, `${command.actor} sent the development back to the approval of its use case.`, at);
    return { to: 'useCaseApproval', approval: opened ?? null, cancels: 'kind' in ended ? null : ended.cancels };
  }

  /** From its approvers to the validator, who decides anew; from there to development, for rework. */
  private async fromValidation(manager: EntityManager, id: { readonly model: string; readonly version: number }, ending: StageEnding): Promise<EndedStage | Refused> {
    const { decision, approval: asked } = await this.validations.get(id, manager);
    if (!decision) return to('development', await this.endValidation(manager, id, 'sentBack', ending));
    if (!asked || asked.end) return refused('StageNotMovable', `Version ${id.version} of ${id.model} was decided over (${decision.choice}); \`perennial stage abandon ${id.model} validation --version ${id.version}\` keeps it from serving`);
    return to('validator', await this.endApproval(manager, { model: id.model, number: asked.approval.number }, 'sentBack', ending));
  }

  private async endValidation(manager: EntityManager, id: { readonly model: string; readonly version: number }, outcome: 'abandoned' | 'sentBack', ending: StageEnding): Promise<EndedStage> {
    const { command: { actor, id: commandId }, at } = ending;
    const { approval: asked } = await this.validations.get(id, manager);
    if (asked && !asked.end) await this.endApproval(manager, { model: id.model, number: asked.approval.number }, outcome, ending);
    await this.validations.end(manager, id, { outcome, reason: `${actor} ${outcome === 'sentBack' ? 'sent it back to development' : 'abandoned it'}.`, commandId, at }, origin());
    return NOTHING_MORE;
  }

  private async callRetirementOff(manager: EntityManager, model: string, outcome: 'abandoned' | 'sentBack', ending: StageEnding): Promise<EndedStage | Refused> {
    const story = await this.retirements.inForce(model, manager);
    if (!story) return refused('StageNotMovable', `${model} is not being retired`);
    return (await this.retirementCommands.callOff(manager, story, { ...ending, outcome })) ?? NOTHING_MORE;
  }
}

const to = (before: StageBefore, ended: EndedStage | Refused): EndedStage | Refused => ('kind' in ended ? ended : { ...ended, to: before });
