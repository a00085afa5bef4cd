import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { useCaseApprovalWorkflowId, validationWorkflowId } from '../src/contracts/motion.js';
import { EVIDENCE_CLASSES, type RetirementId, type RetirementMove, type RetirementStanding, type StoppedRouting } from '../src/contracts/retirements.js';
import type { StagePause } from '../src/contracts/stages.js';
import type { ValidationId } from '../src/contracts/validations.js';
import { type RetirementFacts, retirementMove } from '../src/lifecycle/retirement-course.js';
import { pausesOf } from '../src/contracts/stage-terms.js';
import { type ApprovalStory, ApprovalsRepository } from '../src/registry/approvals.repository.js';
import { LegalHoldsRepository } from '../src/registry/legal-holds.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { type RetirementStory, RetirementsRepository } from '../src/registry/retirements.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { StagesRepository } from '../src/registry/stages.repository.js';
import { ValidationsRepository } from '../src/registry/validations.repository.js';
import { origin } from './activity-context.js';
import { standingOf } from './approvals.activities.js';

type RecordedStep = Extract<RetirementMove, { action: 'record' | 'callOff' }>['step'];

/** A retirement as the record has it, and what comes next. */
interface Course {
  readonly story: RetirementStory;
  readonly asked: ApprovalStory;
  readonly facts: RetirementFacts;
  readonly move: RetirementMove;
  readonly paused: StagePause | null;
}

/** Where a retirement stands, and the steps that only the record is needed for. */
@Injectable()
export class RetirementActivities {
  constructor(
    private readonly models: ModelsRepository,
    private readonly retirements: RetirementsRepository,
    private readonly approvals: ApprovalsRepository,
    private readonly holds: LegalHoldsRepository,
    private readonly routing: RoutingRepository,
    private readonly stages: StagesRepository,
    private readonly validations: ValidationsRepository,
  ) {}

  /** The newest retirement of a model; null where it never had one. @param nowMs by the workflow's clock, which may be ahead of this machine's */
  async readRetirement(model: string, nowMs: number): Promise<RetirementStanding | null> {
    const course = await this.retirements.atOneMoment(async (manager) => {
      const newest = await this.retirements.newest(model, manager);
      return newest && { ...(await this.course({ model, number: newest.retirement.number }, nowMs, manager)), open: await this.openStages(model, manager) };
    });
    if (!course) return null;
    const { story: { retirement: { number, trigger, replacement, terms } }, asked, facts, move, paused, open } = course;
    const { owner, tier } = await this.models.get(model);
    return { model, number, tier, owner, trigger, replacement, terms, confirmed: facts.confirmed, steps: facts.steps, approval: standingOf(asked, owner), move, paused, tells: open.map(({ workflowId }) => workflowId), routings: await this.routings(model) };
  }

  /** What of the model waits for a decision over what is to come: validations, and the approval of its use case. */
  private async openStages(model: string, manager: EntityManager): Promise<{ readonly workflowId: string; readonly validation?: ValidationId; readonly approval?: ApprovalStory }[]> {
    const useCase = await this.approvals.newest({ kind: 'useCase', model, version: null }, manager);
    return [
      ...(await this.validations.open(model, manager)).map(({ version }) => ({ workflowId: validationWorkflowId(model, version), validation: { model, version } })),
      ...(useCase && !useCase.end ? [{ workflowId: useCaseApprovalWorkflowId(model), approval: useCase }] : []),
    ];
  }

  /**
   * Takes a step, if it is still the one that comes next and the retirement is not paused, and lets the routing follow: approved, nothing is mirrored any more, and what waits to go into service ends; stopped, no prediction begins.
   * @returns the routings as they are then
   */
  async takeRetirementStep(id: RetirementId, step: RecordedStep, nowMs: number): Promise<StoppedRouting[]> {
    await this.retirements.inTurn(id.model, async (manager) => {
      const course = await this.course(id, nowMs, manager);
      const { move } = course;
      if (((move.action === 'record' && !course.paused) || move.action === 'callOff') && move.step === step) await this.take(manager, id, step, course, new Date(nowMs));
    });
    return this.routings(id.model);
  }

  private async routings(model: string): Promise<StoppedRouting[]> {
    return (await this.routing.of(model)).map(({ deployment, revision }) => ({ deployment, revision }));
  }

  private async take(manager: EntityManager, id: RetirementId, step: RecordedStep, { story: { retirement }, asked, facts }: Course, at: Date): Promise<void> {
    const { replacement, terms } = retirement;
    const state = step === 'stopped' ? 'retired' : step === 'approved' && terms.answers === 'untilDrained' ? 'deprecated' : null;
    const routings = state && (await this.retirements.serve(manager, id.model, { state, replacement }, at));
    const details = {
      ...(step === 'approved' || step === 'rejected' || step === 'expired' ? { approval: asked.approval.number, digest: retirement.digest } : {}),
      ...(step === 'told' ? { consumers: terms.consumers.map(({ name }) => name) } : {}),
      ...(step === 'confirmed' ? { confirmed: facts.confirmed } : {}),
      ...(step === 'drained' || step === 'stopped' ? { lastTrafficAt: facts.lastTrafficMs && new Date(facts.lastTrafficMs).toISOString() } : {}),
      ...(routings ? { routings } : {}),
    };
    if (step === 'approved') await this.endOpenStages(manager, id, at);
    await this.retirements.take(manager, id, { step, at, details }, origin());
  }

  /** Nothing of the model comes back from here on. */
  private async endOpenStages(manager: EntityManager, { model, number }: RetirementId, at: Date): Promise<void> {
    const reason = `Retirement ${number} of ${model} was approved.`;
    for (const { validation, approval: useCase } of await this.openStages(model, manager)) {
      const asked = validation ? (await this.validations.get(validation, manager)).approval : useCase;
      if (asked && !asked.end) await this.approvals.end(manager, asked.approval, { outcome: 'voided', reason, at }, origin());
      if (validation) await this.validations.end(manager, validation, { outcome: 'aborted', reason, at }, origin());
    }
  }

  private async course(id: RetirementId, nowMs: number, manager: EntityManager): Promise<Course> {
    const story = await this.retirements.get(id, manager);
    const { model, approval, terms } = story.retirement;
    const asked = await this.approvals.get({ model, number: approval }, manager);
    const taken = new Map<string, number>(story.steps.map(({ step, at }) => [step, at.getTime()]));
    const moves = await this.stages.moves({ model, stage: 'retirement', subject: id.number }, manager);
    const facts: RetirementFacts = {
      stoppedMs: pausesOf(moves, taken.get('told') ?? 0).stoppedMs, terms, steps: Object.fromEntries(taken), approval: asked.end?.outcome ?? null, confirmed: story.confirmations.map(({ consumer }) => consumer),
      lastTrafficMs: (await this.retirements.lastTraffic(model, manager))?.getTime() ?? null, held: (await this.holds.inForce(model, manager)).length > 0,
      deleted: EVIDENCE_CLASSES.filter((evidence) => taken.has(`deleted/${evidence}`)), certified: story.certificates[0]?.evidence ?? null,
    };
    return { story, asked, facts, move: retirementMove(facts, nowMs), paused: pausesOf(moves, 0).paused };
  }
}
