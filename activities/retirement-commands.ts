import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { canonicalJson, sha256 } from '../src/contracts/canonical.js';
import type { CommandKind, CommandOutcome, OpenedApproval } from '../src/contracts/commands.js';
import { retirementWorkflowId, retrainWorkflowId, validationWorkflowId } from '../src/contracts/motion.js';
import type { RetirementTerms } from '../src/contracts/retirements.js';
import type { StageId } from '../src/contracts/stages.js';
import { durationMs, isoTime } from '../src/contracts/time.js';
import { decideApproval } from '../src/lifecycle/approval-decision.js';
import { missingConsumers, retirementApproval, retirementTerms } from '../src/lifecycle/retirement-course.js';
import { type MadeMove, pausesOf } from '../src/contracts/stage-terms.js';
import { ApprovalsRepository } from '../src/registry/approvals.repository.js';
import { bodyOf } from '../src/registry/commands.repository.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import type { Model } from '../src/registry/entities/model.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ReleasesRepository } from '../src/registry/releases.repository.js';
import { type RetirementStory, RetirementsRepository } from '../src/registry/retirements.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { retiringText } from '../src/registry/retiring-models.js';
import { movesOf } from '../src/registry/stages.repository.js';
import { ValidationsRepository } from '../src/registry/validations.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { origin } from './activity-context.js';
import { ApprovalCommands } from './approval-commands.js';
import { lockModel, type Refused, refused, whilePaused } from './command-outcomes.js';

/** What begins something new, which a model that retires does not do any more. */
const BEGINS: ReadonlySet<CommandKind> = new Set<CommandKind>(['apply', 'retrain', 'rollback', 'release', 'replay', 'requestApproval']);

/** By whom and as what a retirement is taken back. */
interface CallingOff {
  readonly command: Command;
  readonly reason: string;
  readonly outcome: keyof typeof CALLED_OFF;
  readonly at: Date;
}

const CALLED_OFF = { voided: 'The retirement was withdrawn.', abandoned: 'The retirement was abandoned.', sentBack: 'The retirement was sent back: the model stays in production.' } as const;

/** What asks for a retirement, takes it back and helps it on, taking effect within the transaction that settles a command. */
@Injectable()
export class RetirementCommands {
  constructor(
    private readonly models: ModelsRepository,
    private readonly approvals: ApprovalsRepository,
    private readonly useCases: ApprovalCommands,
    private readonly releases: ReleasesRepository,
    private readonly retrains: RetrainsRepository,
    private readonly retirements: RetirementsRepository,
    private readonly validations: ValidationsRepository,
  ) {}

  /** Why a command may begin nothing; undefined where it may. */
  async refusal(manager: EntityManager, { kind, model }: Command): Promise<CommandOutcome | undefined> {
    if (!BEGINS.has(kind) || !(await lockModel(manager, model))) return undefined;
    const text = await retiringText(manager, model);
    return text === undefined ? undefined : refused('ModelRetiring', text);
  }

  /** From here on nothing new begins: what is being released ends, and so does a retrain that runs; validations are held until the retirement is decided. */
  async retire(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { trigger, replacement, answers, reason } = bodyOf<'retire'>(command);
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const text = await retiringText(manager, model.name);
    if (text !== undefined) return refused('ModelRetiring', text);
    if (replacement === model.name) return refused('RetirementConflict', `${model.name} cannot take its own place; name another model, or none`);
    if (replacement !== null && !(await this.models.find(replacement, manager))) return refused('ModelNotFound', `No model is registered as ${replacement}, which is to take the place of ${model.name}`);
    const spec = await this.models.spec(model.name, model.specDigest, manager);
    const terms = retirementTerms(spec, trigger, answers);
    // The command's entry has a salted digest of the reason: hashed here it could be guessed once it is erased.
    const digest = sha256(canonicalJson({ model: model.name, trigger, replacement, command: command.id, terms, specDigest: model.specDigest }));
    const approval = await this.openApproval(manager, { model, spec, digest }, command, at);
    const number = await this.retirements.add(manager, {
      model: model.name, trigger, replacement, reason, terms, digest, specDigest: model.specDigest, approval: approval.number, requestedBy: command.actor, requestedAt: at, commandId: command.id,
    });
    const why = `${model.name} is being retired (retirement ${number}).`;
    const ended = await this.releases.endAll(manager, model.name, why, command.actor, at, origin());
    const held = (await this.validations.open(model.name, manager)).map(({ version }) => validationWorkflowId(model.name, version));
    return { kind: 'retire', number, approval, workflowId: retirementWorkflowId(model.name), ended: [...ended, ...held], cancels: await this.endRetrain(manager, model.name, why, at) };
  }

  /** On record, so that it does not begin either where its workflow starts after the word to cancel it. @returns the workflow to cancel */
  private async endRetrain(manager: EntityManager, model: string, reason: string, at: Date): Promise<string | null> {
    const active = await this.retrains.active(manager, model);
    if (!active) return null;
    await this.retrains.endWithin(manager, { model, number: active.number }, { outcome: 'cancelled', reason, failure: null, promotedEpoch: null }, at, origin());
    return retrainWorkflowId(model, active.number);
  }

  private async openApproval(manager: EntityManager, { model, spec, digest }: { readonly model: Model; readonly spec: ModelSpec; readonly digest: string }, command: Command, at: Date): Promise<OpenedApproval> {
    const approval = retirementApproval(spec);
    const rule = await this.useCases.rule(manager, spec, approval);
    const number = await this.approvals.add(manager, {
      kind: 'retirement', model: model.name, version: null, digest, evidence: {}, specDigest: model.specDigest, barred: { [command.actor]: 'asked for the retirement' }, tier: spec.tier, rule, author: command.actor,
      commandId: command.id, openedAt: at, expiresAt: new Date(at.getTime() + (durationMs(approval.within) as number)), remindEveryMs: durationMs(approval.remindEvery) as number,
    }, origin());
    const decision = decideApproval(rule, []);
    if (decision) await this.approvals.end(manager, { model: model.name, number }, { ...decision, at }, origin());
    return { number, outcome: decision?.outcome ?? null, workflowId: retirementWorkflowId(model.name) };
  }

  async withdraw(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { reason } = bodyOf<'withdrawRetirement'>(command);
    return this.during(manager, command, false, async (story) => (await this.callOff(manager, story, { command, reason, outcome: 'voided', at })) ?? { kind: 'withdrawRetirement', number: story.retirement.number, workflowId: retirementWorkflowId(command.model) });
  }

  /** Takes a retirement back, until its approval is given. @returns why not, where it cannot be */
  async callOff(manager: EntityManager, { retirement: { model, number, approval } }: RetirementStory, { command, reason, outcome, at }: CallingOff): Promise<Refused | undefined> {
    const asked = await this.approvals.get({ model, number: approval }, manager);
    if (asked.end) return refused('RetirementConflict', `The approval of retirement ${number} of ${model} was ${asked.end.outcome} at ${isoTime(asked.end.at.getTime())}; it can be withdrawn until then`);
    await this.approvals.end(manager, asked.approval, { outcome, reason: CALLED_OFF[outcome], at, actor: command.actor }, origin());
    await this.retirements.take(manager, { model, number }, { step: 'withdrawn', at, actor: command.actor, reason }, origin());
    return undefined;
  }

  async confirm(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    return this.during(manager, command, true, async (story) => {
      const { consumer, said } = bodyOf<'confirmRetirement'>(command);
      const { model, number, terms } = story.retirement;
      const names = terms.consumers.map(({ name }) => name);
      if (!names.includes(consumer)) return refused('RetirementConflict', `${model} has no consumer ${JSON.stringify(consumer)}; its spec names ${names.join(', ') || 'none'}`);
      if (!taken(story, 'told')) return refused('RetirementConflict', `The consumers of ${model} are told when retirement ${number} is approved; nobody can confirm before`);
      const before = story.confirmations.find((one) => one.consumer === consumer);
      if (before) return refused('RetirementConflict', `${consumer} has confirmed already, at ${isoTime(before.at.getTime())}`);
      await this.retirements.addConfirmation(manager, { model, number, consumer, said, actor: command.actor, commandId: command.id, at });
      return { kind: 'confirmRetirement', number, consumer, missing: missingNow(terms, [...story.confirmations.map((one) => one.consumer), consumer]), workflowId: retirementWorkflowId(model) };
    });
  }

  async waive(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    return this.during(manager, command, true, async (story) => {
      const { waives, reason } = bodyOf<'waiveRetirement'>(command);
      const { model, number } = story.retirement;
      const obstacle = waives === 'drain' ? noDrain(story) : noConfirmations(story, await movesOf(manager, { model, stage: 'retirement', subject: number }), at);
      if (obstacle !== undefined) return refused('RetirementConflict', obstacle);
      await this.retirements.take(manager, { model, number }, { step: waives === 'drain' ? 'forced' : 'waived', at, actor: command.actor, reason }, origin());
      return { kind: 'waiveRetirement', number, waives, workflowId: retirementWorkflowId(model) };
    });
  }

  /** @param goesOn whether it helps the retirement on, which it does not while it is paused */
  private async during(manager: EntityManager, { model }: Command, goesOn: boolean, act: (story: RetirementStory) => Promise<CommandOutcome>): Promise<CommandOutcome> {
    if (!(await lockModel(manager, model))) return refused('ModelNotFound', `No model is registered as ${model}`);
    const story = await this.retirements.inForce(model, manager);
    const id: StageId = { model, stage: 'retirement', subject: story?.retirement.number ?? null };
    const pause = story && goesOn ? pausesOf(await movesOf(manager, id), 0).paused : null;
    if (pause) return whilePaused(id, pause);
    return story ? act(story) : refused('RetirementConflict', `${model} is not being retired; \`perennial retire ${model}\` asks for it`);
  }
}

const taken = ({ steps }: RetirementStory, step: string): Date | undefined => steps.find((one) => one.step === step)?.at;
const missingNow = (terms: RetirementTerms, confirmed: readonly string[]): string[] => missingConsumers(terms, confirmed);

function noDrain(story: RetirementStory): string | undefined {
  const { model, number } = story.retirement;
  if (taken(story, 'stopped') ?? taken(story, 'drained')) return `${model} does not wait for its traffic to end any more`;
  if (taken(story, 'forced')) return `It was said already that retirement ${number} of ${model} does not wait for traffic`;
  return taken(story, 'confirmed') ? undefined : `Retirement ${number} of ${model} does not wait for traffic yet: first it is approved, and its consumers confirm`;
}

function noConfirmations(story: RetirementStory, moves: readonly MadeMove[], at: Date): string | undefined {
  const { model, number, terms } = story.retirement;
  if (taken(story, 'confirmed') ?? taken(story, 'waived')) return `Retirement ${number} of ${model} does not wait for its consumers any more`;
  const told = taken(story, 'told');
  if (!told) return `The consumers of ${model} were not told yet: they are when retirement ${number} is approved`;
  const deadline = told.getTime() + terms.confirmWithinMs + pausesOf(moves, told.getTime()).stoppedMs;
  return at.getTime() < deadline ? `The consumers of ${model} have until ${isoTime(deadline)} to confirm (retirement.confirmWithin); only then the owner can go on without them` : undefined;
}
