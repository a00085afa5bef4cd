import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { type ApprovalRule, type ApprovalSubject, ruleText } from '../src/contracts/approvals.js';
import type { CommandOutcome, OpenedApproval } from '../src/contracts/commands.js';
import { approvalWorkflowId, useCaseApprovalWorkflowId } from '../src/contracts/motion.js';
import { outcomeText } from '../src/contracts/stages.js';
import { durationMs } from '../src/contracts/time.js';
import type { ValidationId } from '../src/contracts/validations.js';
import { approvalRule, decideApproval, whyNotVote } from '../src/lifecycle/approval-decision.js';
import { ownerBarred, whyNotIndependent } from '../src/lifecycle/validation-decision.js';
import { ApprovalsRepository, type ApprovalStory } from '../src/registry/approvals.repository.js';
import { callerNamed } from '../src/registry/callers.repository.js';
import { bodyOf } from '../src/registry/commands.repository.js';
import type { Approval } from '../src/registry/entities/approval.entity.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import type { Model } from '../src/registry/entities/model.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ValidationsRepository } from '../src/registry/validations.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { higherTier } from '../src/spec/risk-tier.js';
import { origin } from './activity-context.js';
import { lockModel, refused, whilePaused } from './command-outcomes.js';

/** A spec that is in force, or is being put in force. */
export interface SpecInForce {
  readonly spec: ModelSpec;
  readonly digest: string;
}

/** What opens approvals of use cases and decides those of any kind, taking effect within the transaction that settles a command. */
@Injectable()
export class ApprovalCommands {
  constructor(
    private readonly models: ModelsRepository,
    private readonly approvals: ApprovalsRepository,
    private readonly validations: ValidationsRepository,
  ) {}

  /** Opens the approval of a spec that was put in force. Who ever applied that spec is barred from voting, and so are its owner and the command's actor. @param did what the actor did @returns undefined where it states no use case */
  async open(manager: EntityManager, { spec, digest }: SpecInForce, command: Command, at: Date, did = 'applied the spec'): Promise<OpenedApproval | undefined> {
    const { useCase } = spec;
    if (!useCase) return undefined;
    const rule = await this.rule(manager, spec, useCase.approval);
    const authors = await this.models.authors(manager, spec.model, digest);
    const barred = { ...ownerBarred(await this.models.inForce(manager, spec.model)), [command.actor]: did, ...Object.fromEntries(authors.map((author) => [author, 'applied the spec'])) };
    const number = await this.approvals.add(manager, {
      kind: 'useCase', model: spec.model, version: null, digest, evidence: {}, specDigest: digest, barred, tier: spec.tier, rule, author: command.actor, commandId: command.id, openedAt: at,
      expiresAt: new Date(at.getTime() + (durationMs(useCase.approval.within) as number)), remindEveryMs: durationMs(useCase.approval.remindEvery) as number,
    }, origin());
    const decision = decideApproval(rule, []);
    if (decision) await this.approvals.end(manager, { model: spec.model, number }, { ...decision, at }, origin());
    return { number, outcome: decision?.outcome ?? null, workflowId: useCaseApprovalWorkflowId(spec.model) };
  }

  /** Who has to agree: by the tier of the spec, or by that of the use case that was approved last where it is higher, so that nobody lowers a tier by a lower tier's word. */
  async rule(manager: EntityManager, { model, tier }: Pick<ModelSpec, 'model' | 'tier'>, approval: NonNullable<ModelSpec['useCase']>['approval']): Promise<ApprovalRule> {
    return approvalRule({ tier: higherTier(tier, (await this.approvals.approvedTier(model, manager)) ?? tier), useCase: { approval } });
  }

  /** Why a spec may not be put in force: it would take the model out of what was agreed for it. Undefined where it may. */
  async dropped(manager: EntityManager, { model, useCase }: ModelSpec): Promise<CommandOutcome | undefined> {
    if (useCase || !(await this.approvals.newest(useCaseOf(model), manager))) return undefined;
    return refused('UseCaseDropped', `The spec of ${model} has no useCase section, and one was stated for it before: state it, changed if need be, or retire the model with \`perennial retire ${model}\``);
  }

  /** Asks again for what was rejected or has expired. */
  async request(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const newest = await this.approvals.newest(useCaseOf(model.name), manager);
    if (newest && newest.approval.specDigest === model.specDigest && (newest.end === null || newest.end.outcome === 'approved')) {
      return refused('ApprovalNotOpen', `Approval ${newest.approval.number} of ${model.name} ${newest.end ? 'was given for the spec in force' : 'is open'}; there is nothing to ask for`);
    }
    if (newest?.approval.specDigest === model.specDigest && newest.end?.outcome === 'sentBack') return refused('ApprovalNotOpen', `Approval ${newest.approval.number} of ${model.name} was sent back: mend the spec and apply it, which asks anew`);
    const opened = await this.open(manager, { spec: await this.models.spec(model.name, model.specDigest, manager), digest: model.specDigest }, command, at, 'asked for the approval');
    return opened ? { kind: 'requestApproval', ...opened } : refused('ApprovalNotOpen', `The spec of ${model.name} states no use case; add a useCase section and apply it`);
  }

  async vote(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { approval: number, choice, digest, reason } = bodyOf<'vote'>(command);
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const story = await this.approvals.find({ model: model.name, number }, manager);
    if (!story) return refused('NotFound', `${model.name} has no approval ${number}; \`perennial approvals ${model.name}\` lists them`);
    const refusal = refusalOf(story, command.actor, digest, at) ?? (await this.dependent(manager, story.approval, model, command.actor));
    if (refusal) return refusal;
    await this.approvals.addVote(manager, { model: model.name, approval: number, actor: command.actor, choice, reason, commandId: command.id, at });
    const decision = decideApproval(story.approval.rule, [...story.votes, { actor: command.actor, choice }]);
    if (decision) await this.approvals.end(manager, { model: model.name, number }, { ...decision, at, actor: command.actor }, origin());
    return { kind: 'vote', approval: number, choice, outcome: decision?.outcome ?? null, reason: decision?.reason ?? null, workflowId: approvalWorkflowId(story.approval) };
  }

  /** Why somebody who was not barred when the approval was opened may not vote on it now: roles are given, owners follow each other and experiments are logged meanwhile. */
  private async dependent(manager: EntityManager, { kind, version }: Approval, model: Model, actor: string): Promise<CommandOutcome | undefined> {
    const why = kind === 'version' ? await this.partIn(manager, { model: model.name, version: version as number }, model, actor) : kind === 'useCase' ? whyNotVote(actor, ownerBarred(model), []) : null;
    return why === null ? undefined : refused('VoteRefused', why);
  }

  private async partIn(manager: EntityManager, id: ValidationId, model: Model, actor: string): Promise<string | null> {
    const { validation } = await this.validations.get(id, manager);
    const developers = { ...ownerBarred(model), ...(await this.validations.developers(validation, manager)) };
    return whyNotIndependent(actor, model.name, developers, (await callerNamed(manager, actor))?.grants ?? [], 'approve');
  }

  /** Why nothing may be trained under the spec in force; undefined where it is approved or states no use case. */
  async refusal(manager: EntityManager, model: Model, spec: ModelSpec): Promise<CommandOutcome | undefined> {
    const why = spec.useCase ? await this.unapproved(model, manager) : null;
    return why === null ? undefined : refused('UseCaseNotApproved', why);
  }

  /** Why the use case of a model is not approved as the spec in force states it; null where it is. */
  async unapproved(model: Model, manager?: EntityManager): Promise<string | null> {
    const newest = await this.approvals.newest(useCaseOf(model.name), manager);
    if (newest?.approval.specDigest === model.specDigest && newest.end?.outcome === 'approved') return null;
    return `The use case of ${model.name} is not approved as its spec states it: ${standing(model, newest)}`;
  }
}

const useCaseOf = (model: string): ApprovalSubject => ({ kind: 'useCase', model, version: null });

function standing(model: Model, newest: ApprovalStory | null): string {
  if (newest?.approval.specDigest !== model.specDigest) return `ask for it with \`perennial approvals ${model.name} --request\``;
  const { approval: { number, rule }, end } = newest;
  if (!end) return `approval ${number} is open (${ruleText(rule)})`;
  return `approval ${number} was ${outcomeText(end.outcome)}. ${end.reason} Mend the spec and apply it${end.outcome === 'sentBack' ? '' : `, or ask again with \`perennial approvals ${model.name} --request\``}`;
}

function refusalOf({ approval, votes, end, term, stage }: ApprovalStory, actor: string, digest: string, at: Date): CommandOutcome | undefined {
  const { model, number } = approval;
  if (end) return refused('ApprovalNotOpen', `Approval ${number} of ${model} was ${outcomeText(end.outcome)} at ${end.at.toISOString()}; a decision is taken once`);
  if (term.paused) return whilePaused(stage, term.paused);
  if (at >= term.expiresAt) return refused('ApprovalNotOpen', `Approval ${number} of ${model} expired at ${term.expiresAt.toISOString()}`);
  if (digest !== approval.digest) return refused('VoteRefused', `The vote is for ${digest}, and approval ${number} of ${model} is of ${approval.digest}; read that one first`);
  const why = whyNotVote(actor, approval.barred, votes);
  return why === null ? undefined : refused('VoteRefused', why);
}
