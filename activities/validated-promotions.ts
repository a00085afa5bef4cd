import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { PerennialError } from '../src/contracts/failures.js';
import type { CandidateStart } from '../src/contracts/retrains.js';
import type { ValidationId } from '../src/contracts/validations.js';
import { validationStep, whyNotServe } from '../src/lifecycle/validation-decision.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ValidationsRepository } from '../src/registry/validations.repository.js';
import { origin } from './activity-context.js';
import { DeploymentSetUps } from './deployment-set-ups.js';

/** Whether a governed model's version was validated, and what its validation comes to when it is promoted. */
@Injectable()
export class ValidatedPromotions {
  constructor(
    private readonly models: ModelsRepository,
    private readonly validations: ValidationsRepository,
    private readonly setUps: DeploymentSetUps,
  ) {}

  async begun(id: ValidationId): Promise<boolean> {
    return (await this.validations.find(id)) !== null;
  }

  /** Why a version may not serve; null where its validation lets it. */
  async hindrance(manager: EntityManager, { model, version }: ValidationId): Promise<string | null> {
    const story = await this.validations.find({ model, version }, manager);
    if (!story) return 'it was never validated, and a model with a useCase section serves validated versions alone; retrain for another version';
    const { validation: { specDigest }, checks, report, decision, approval, end, term } = story;
    if (term.paused && !end) return 'its validation is paused';
    return whyNotServe(validationStep({ spec: await this.models.spec(model, specDigest), checks, reported: report !== null, decision, approval: approval ? approval.end : undefined, end }));
  }

  /** @throws PerennialError `ValidationNotOpen` */
  async require(manager: EntityManager, id: ValidationId): Promise<void> {
    const hindrance = await this.hindrance(manager, id);
    if (hindrance !== null) throw new PerennialError('ValidationNotOpen', `Version ${id.version} of ${id.model} may not serve: ${hindrance}`, { ...id });
  }

  /** That it may serve at once: validated, and with all that it needs. @throws PerennialError `SetUpIncomplete`, `ModelRetiring` */
  async requireSetUp(manager: EntityManager, id: ValidationId): Promise<void> {
    await this.setUps.require(manager, id);
  }

  /** Ends a validation in the transaction that lets its version serve. */
  async settle(manager: EntityManager, id: ValidationId, start: Exclude<CandidateStart, { validating: true }>, at: Date): Promise<void> {
    const reason = start.release === null ? `It is the champion from epoch ${start.epoch} on.` : `Release ${start.release} brings it into service step by step.`;
    await this.validations.end(manager, id, { outcome: start.release === null ? 'promoted' : 'releasing', reason, at }, origin());
  }
}
