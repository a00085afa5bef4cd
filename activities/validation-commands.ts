import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { canonicalJson, sha256 } from '../src/contracts/canonical.js';
import type { CommandBodies, CommandOutcome } from '../src/contracts/commands.js';
import { validationWorkflowId } from '../src/contracts/motion.js';
import { outcomeText } from '../src/contracts/stages.js';
import { durationMs } from '../src/contracts/time.js';
import type { BoundEvidence } from '../src/contracts/validations.js';
import { approvalRule } from '../src/lifecycle/approval-decision.js';
import { differsInOperation } from '../src/lifecycle/deployment-set-up.js';
import { ownerBarred, whyNotDecide, whyNotIndependent } from '../src/lifecycle/validation-decision.js';
import { needsApprovers } from '../src/lifecycle/validation-depth.js';
import { ApprovalsRepository } from '../src/registry/approvals.repository.js';
import { callerNamed } from '../src/registry/callers.repository.js';
import { bodyOf } from '../src/registry/commands.repository.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { ModelVersion } from '../src/registry/entities/model-version.entity.js';
import type { Validation } from '../src/registry/entities/validation.entity.js';
import { FindingsRepository } from '../src/registry/findings.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ValidationsRepository, type ValidationStory } from '../src/registry/validations.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { origin } from './activity-context.js';
import type { SpecInForce } from './approval-commands.js';
import { deactivatedOwner, lockModel, refused, whilePaused } from './command-outcomes.js';
import { ValidatedPromotions } from './validated-promotions.js';

type Asked = CommandBodies['decideValidation'];

/** What a validator passes on to the approvers. */
interface PassedOn {
  /** Digest. */
  readonly report: string;
  readonly command: Command;
  readonly barred: Readonly<Record<string, string>>;
  readonly at: Date;
}

/** A validator's decision, and what another spec does to validations that are open, taking effect within the transaction that settles a command. */
@Injectable()
export class ValidationCommands {
  constructor(
    private readonly models: ModelsRepository,
    private readonly validations: ValidationsRepository,
    private readonly approvals: ApprovalsRepository,
    private readonly findings: FindingsRepository,
    private readonly promotions: ValidatedPromotions,
  ) {}

  async decide(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const asked = bodyOf<'decideValidation'>(command);
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const id = { model: model.name, version: asked.version };
    const story = await this.validations.find(id, manager);
    if (!story) return refused('NotFound', `Version ${asked.version} of ${model.name} has no validation; \`perennial validations ${model.name}\` lists them`);
    const developers = { ...ownerBarred(model), ...(await this.validations.developers(story.validation, manager)) };
    const refusal = notOpen(story, asked, at) ?? (await this.notIndependent(manager, command, developers)) ?? lacking(story, asked, at) ?? (await deactivatedOwner(manager, asked.findings.map(({ owner }) => owner)));
    if (refusal) return refusal;
    const findings = await this.openFindings(manager, asked, command, at);
    const { choice, reportDigest, reason, answers } = asked;
    await this.validations.addDecision(manager, { ...id, round: story.round, choice, reportDigest, actor: command.actor, reason, answers, findings, commandId: command.id, at }, origin());
    const approval = choice !== 'reject' && needsApprovers(story.validation.tier) ? await this.openApproval(manager, story.validation, { report: reportDigest, command, barred: { ...developers, [command.actor]: 'decided over its validation' }, at }) : null;
    return { kind: 'decideValidation', version: asked.version, choice, approval, findings, workflowId: validationWorkflowId(id.model, id.version) };
  }

  /** What was validated is no longer what the model is to be. @returns workflows that have to be told */
  async voidOthers(manager: EntityManager, { spec, digest: specDigest }: SpecInForce, at: Date): Promise<string[]> {
    const { model } = spec;
    const others: Validation[] = [];
    for (const validation of await this.validations.open(model, manager)) if (validation.specDigest !== specDigest && !(await this.goesOn(manager, validation, spec))) others.push(validation);
    for (const { version } of others) {
      const reason = `Another spec was put in force, ${specDigest}.`;
      const { approval: asked } = await this.validations.get({ model, version }, manager);
      if (asked && !asked.end) await this.approvals.end(manager, asked.approval, { outcome: 'voided', reason, at }, origin());
      await this.validations.end(manager, { model, version }, { outcome: 'voided', reason, at }, origin());
    }
    return others.map(({ version }) => validationWorkflowId(model, version));
  }

  /** An approved version that waits for what it needs to go live goes on under a spec that brings it: nothing that was validated is another by its runbook or its monitoring. */
  private async goesOn(manager: EntityManager, { model, version, specDigest }: Validation, spec: ModelSpec): Promise<boolean> {
    return (await this.promotions.hindrance(manager, { model, version })) === null && differsInOperation(await this.models.spec(model, specDigest, manager), spec);
  }

  private async notIndependent(manager: EntityManager, { actor, model }: Command, developers: Readonly<Record<string, string>>): Promise<CommandOutcome | undefined> {
    const why = whyNotIndependent(actor, model, developers, (await callerNamed(manager, actor))?.grants ?? []);
    return why === null ? undefined : refused('DecisionRefused', why);
  }

  private async openFindings(manager: EntityManager, { version, findings }: Asked, { model, actor, id }: Command, at: Date): Promise<number[]> {
    const opened: number[] = [];
    for (const { dueAt, ...condition } of findings) {
      opened.push(await this.findings.open(manager, { ...condition, model, version, source: 'validation', dueAt: new Date(dueAt), openedBy: actor, commandId: id, at }, origin()));
    }
    return opened;
  }

  /** Bound to the version, what it learnt from, its spec and the report. */
  private async openApproval(manager: EntityManager, validation: Validation, { report, command, barred, at: openedAt }: PassedOn): Promise<number> {
    const { model, version, tier, specDigest } = validation;
    const { artifactDigest, snapshotDigest } = await manager.findOneByOrFail(ModelVersion, { model, number: version });
    const useCase = (await this.models.spec(model, specDigest, manager)).useCase!;
    const evidence: BoundEvidence = { artifact: artifactDigest, snapshot: snapshotDigest, spec: specDigest, report };
    return this.approvals.add(manager, {
      kind: 'version', model, version, digest: sha256(canonicalJson(evidence)), evidence: { ...evidence }, specDigest, barred, tier, rule: approvalRule({ tier, useCase }), author: command.actor, commandId: command.id, openedAt,
      expiresAt: new Date(openedAt.getTime() + (durationMs(useCase.approval.within) as number)), remindEveryMs: durationMs(useCase.approval.remindEvery) as number,
    }, origin());
  }
}

function notOpen({ validation, report, decision, end, term }: ValidationStory, { reportDigest }: Asked, at: Date): CommandOutcome | undefined {
  const what = `The validation of version ${validation.version} of ${validation.model}`;
  if (decision) return refused('ValidationNotOpen', `${what} was decided by ${decision.actor} at ${decision.at.toISOString()} (${decision.choice}); a decision is taken once`);
  if (end) return refused('ValidationNotOpen', `${what} was ${outcomeText(end.outcome)} at ${end.at.toISOString()}: ${end.reason}`);
  if (term.paused) return whilePaused({ model: validation.model, stage: 'validation', subject: validation.version }, term.paused);
  if (at >= term.expiresAt) return refused('ValidationNotOpen', `${what} expired at ${term.expiresAt.toISOString()}; retrain for another version`);
  if (!report) return refused('ValidationNotOpen', `${what} has no report yet: its checks are being made; \`perennial validations ${validation.model}\` shows how far they are`);
  return reportDigest === report.digest ? undefined : refused('DecisionRefused', `The decision is over the report ${reportDigest}, and that of version ${validation.version} of ${validation.model} is ${report.digest}; read that one first`);
}

function lacking({ validation, checks }: ValidationStory, asked: Asked, at: Date): CommandOutcome | undefined {
  const why = whyNotDecide(validation.tier, checks, asked, at);
  return why === null ? undefined : refused('DecisionRefused', `Version ${validation.version} of ${validation.model} cannot be decided over like that: ${why}`);
}
