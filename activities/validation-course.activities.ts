import { Injectable } from '@nestjs/common';
import type { RetrainId } from '../src/contracts/retrains.js';
import { PerennialError } from '../src/contracts/failures.js';
import { developmentOf, pausedText, productionOf, type StageId, type StagePause } from '../src/contracts/stages.js';
import { durationMs } from '../src/contracts/time.js';
import type { ValidationCheck, ValidationId, ValidationOutcome, ValidationStanding, ValidationStep } from '../src/contracts/validations.js';
import { checksLeft, decideByChecks, ownerBarred, validationStep } from '../src/lifecycle/validation-decision.js';
import { SYSTEM_ACTOR } from '../src/registry/audit-ledger.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ReleasesRepository } from '../src/registry/releases.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { requireNotRetiring } from '../src/registry/retiring-models.js';
import { StagesRepository } from '../src/registry/stages.repository.js';
import { ValidationsRepository } from '../src/registry/validations.repository.js';
import { origin } from './activity-context.js';
import { standingOf } from './approvals.activities.js';
import { ActivitySettings } from './activity-settings.js';

/** The record of a validation's course: that it begins, where it stands, and what it comes to. */
@Injectable()
export class ValidationCourseActivities {
  constructor(
    private readonly models: ModelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly releases: ReleasesRepository,
    private readonly validations: ValidationsRepository,
    private readonly stages: StagesRepository,
    private readonly settings: ActivitySettings,
  ) {}

  /**
   * Ends a retrain whose version passed its gate and opens the validation, in one transaction. One whose spec is no longer in force is voided with it.
   * @returns what is to be validated; null while development is paused, which opens nothing
   * @throws PerennialError `ValidationNotOpen` where the retrain has ended as something else, `ModelRetiring` where its model is being retired meanwhile
   */
  async openValidation(id: RetrainId, reason: string): Promise<ValidationId | null> {
    const retrain = await this.retrains.get(id);
    const { model, number, deployment, specDigest } = retrain;
    const version = retrain.version as number;
    const { tier, useCase } = await this.models.spec(model, specDigest);
    const { within, remindEvery } = useCase!.validation;
    const openedAt = new Date();
    const expiresAt = new Date(openedAt.getTime() + (durationMs(within) as number));
    return this.releases.inTurn(model, async (manager) => {
      if (await this.validations.find({ model, version }, manager)) return { model, version };
      await requireNotRetiring(manager, model);
      if (await this.stages.pause(developmentOf(model), manager)) return null;
      const ended = await this.retrains.endWithin(manager, id, { outcome: 'validating', reason, failure: null, promotedEpoch: null }, openedAt, origin());
      if (!ended) throw new PerennialError('ValidationNotOpen', `Retrain ${number} of ${model} has ended otherwise, so that its version is not validated`, { model, number });
      await this.validations.add(manager, { model, version, retrain: number, deployment, specDigest, tier, openedAt, expiresAt, remindEveryMs: durationMs(remindEvery) as number }, origin());
      const inForce = (await this.models.inForce(manager, model)).specDigest;
      if (inForce !== specDigest) await this.validations.end(manager, { model, version }, { outcome: 'voided', reason: `Another spec was put in force, ${inForce}.`, at: openedAt }, origin());
      return { model, version };
    });
  }

  /** @throws PerennialError `NotFound` */
  async readValidation(id: ValidationId): Promise<ValidationStanding> {
    const { validation, checks, report, decision, approval: asked, end, term } = await this.validations.get(id);
    const { model } = id;
    const { owner } = await this.models.get(model);
    const spec = await this.models.spec(model, validation.specDigest);
    const approval = asked && standingOf(asked, owner);
    const step = validationStep({ spec, checks, reported: report !== null, decision, approval: asked ? asked.end : undefined, end });
    const paused = await this.holdUp(id, step, term.paused);
    return {
      ...id, tier: validation.tier, owner, deployment: validation.deployment, retrain: validation.retrain, developers: { ...ownerBarred({ name: model, owner }), ...(await this.validations.developers(validation)) },
      trainingTimeoutMs: durationMs(spec.training.timeout) as number, heartbeatTimeoutMs: this.settings.heartbeatTimeoutMs,
      step, checks: checks.map(({ name, verdict, explanation }) => ({ name, verdict, explanation })), checksLeft: checksLeft(spec, checks), reportDigest: report?.digest ?? null,
      decision: decision && { choice: decision.choice, actor: decision.actor }, approval,
      openedAtMs: term.openedAt.getTime(), expiresAtMs: term.expiresAt.getTime(), remindEveryMs: validation.remindEveryMs, paused: paused && paused.pause, pausedText: paused && pausedText(paused.id, paused.pause),
    };
  }

  /** What keeps it from going on: that it is paused, or where it would promote its version, that production is. What it came to is recorded all the same. */
  private async holdUp({ model, version }: ValidationId, step: ValidationStep, own: StagePause | null): Promise<{ readonly id: StageId; readonly pause: StagePause } | null> {
    if (step.kind === 'end' || step.kind === 'ended') return null;
    const [id, pause]: [StageId, StagePause | null] = own || step.kind !== 'promote' ? [{ model, stage: 'validation', subject: version }, own] : [productionOf(model), await this.stages.pause(productionOf(model))];
    return pause && { id, pause };
  }

  /** Keeps that a check could not be made. */
  async recordCheck(id: ValidationId, check: ValidationCheck): Promise<void> {
    await this.validations.addCheck(id, check, new Date(), origin());
  }

  /** Where the checks decide by themselves; a second call, or one that comes after a person's, changes nothing. */
  async decideByChecks({ model, version }: ValidationId): Promise<void> {
    await this.releases.inTurn(model, async (manager) => {
      const { validation, checks, report, decision, end, term, round } = await this.validations.get({ model, version }, manager);
      const decided = decideByChecks(validation.tier, checks);
      if (!decided || !report || decision || end || term.paused) return;
      await this.validations.addDecision(manager, { model, version, round, ...decided, reportDigest: report.digest, actor: SYSTEM_ACTOR, answers: {}, findings: [], commandId: null, at: new Date() }, origin());
    });
  }

  async endValidation({ model, version }: ValidationId, { outcome, reason }: { readonly outcome: ValidationOutcome; readonly reason: string }): Promise<void> {
    await this.releases.inTurn(model, (manager) => this.validations.end(manager, { model, version }, { outcome, reason, at: new Date() }, origin()));
  }

  /** Ends a validation that nobody decided in time. @param atMs by the workflow's clock, which may be ahead of this machine's */
  async expireValidation(id: ValidationId, atMs: number): Promise<void> {
    await this.validations.expire(id, new Date(atMs), origin());
  }
}
