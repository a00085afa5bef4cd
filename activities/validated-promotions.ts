import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { PerennialError } from '../src/contracts/failures.js';
import type { CandidateStart } from '../src/contracts/retrains.js';
import type { ValidationId } from '../src/contracts/validations.js';
import { differsInOperation } from '../src/lifecycle/deployment-set-up.js';
import { validationStep, whyNotServe } from '../src/lifecycle/validation-decision.js';
import type { Model } from '../src/registry/entities/model.entity.js';
import type { Release } from '../src/registry/entities/release.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ValidationsRepository, type ValidationStory } from '../src/registry/validations.repository.js';
import { origin } from './activity-context.js';
import { ApprovalCommands } from './approval-commands.js';
import { DeploymentSetUps } from './deployment-set-ups.js';

/** Whether a governed model's version was validated, and what its validation comes to when it is promoted. */
@Injectable()
export class ValidatedPromotions {
  constructor(
    private readonly models: ModelsRepository,
    private readonly validations: ValidationsRepository,
    private readonly approvals: ApprovalCommands,
    private readonly setUps: DeploymentSetUps,
  ) {}

  async begun(id: ValidationId): Promise<boolean> {
    return (await this.validations.find(id)) !== null;
  }

  /** Why a version may not serve; null where its validation lets it. */
  async hindrance(manager: EntityManager, { model, version }: ValidationId): Promise<string | null> {
    return this.hindranceOf(manager, await this.validations.find({ model, version }, manager));
  }

  private async hindranceOf(manager: EntityManager, story: ValidationStory | null): Promise<string | null> {
    if (!story) return 'it was never validated, and a model with a useCase section serves validated versions alone; retrain for another version';
    const { validation: { model, specDigest }, checks, report, decision, approval, end, term } = story;
    if (term.paused && !end) return term.paused.retirement === undefined ? 'its validation is paused' : 'its model is being retired';
    return whyNotServe(validationStep({ spec: await this.models.spec(model, specDigest, manager), checks, reported: report !== null, decision, approval: approval ? approval.end : undefined, end }));
  }

  /** The same of a version that is to be released: it was validated as the spec in force states the model. Null also where that states no use case. */
  async unreleasable(manager: EntityManager, { model, version }: ValidationId): Promise<string | null> {
    const { specDigest } = await this.models.inForce(manager, model);
    const spec = await this.models.spec(model, specDigest, manager);
    if (!spec.useCase) return null;
    const story = await this.validations.find({ model, version }, manager);
    const hindrance = await this.hindranceOf(manager, story);
    if (!story || hindrance !== null) return hindrance;
    const validated = story.validation.specDigest;
    if (validated === specDigest || differsInOperation(await this.models.spec(model, validated, manager), spec)) return null;
    return `it was validated and approved under the spec ${validated}, and ${specDigest} is in force, which states the model otherwise; retrain for another version, or apply that spec again`;
  }

  /** Why a release goes no step forward now; undefined where it may. Its use case is approved, its deployment set up, and what has left the queue was validated under the spec in force. */
  async hold(manager: EntityManager, model: Model, { version, stage }: Pick<Release, 'version' | 'stage'>): Promise<string | undefined> {
    if (!(await this.models.spec(model.name, model.specDigest, manager)).useCase) return undefined;
    const unapproved = await this.approvals.unapproved(model, manager);
    if (unapproved !== null) return `It goes no step forward. ${unapproved}`;
    const lacking = await this.setUps.lacking(model, manager);
    if (lacking !== undefined || stage === 'queued') return lacking;
    const why = await this.unreleasable(manager, { model: model.name, version });
    return why === null ? undefined : `It goes no step forward: ${why}, and abort this release`;
  }

  /** @throws PerennialError `ValidationNotOpen` */
  async require(manager: EntityManager, id: ValidationId): Promise<void> {
    const hindrance = await this.hindrance(manager, id);
    if (hindrance !== null) throw new PerennialError('ValidationNotOpen', `Version ${id.version} of ${id.model} may not serve: ${hindrance}`, { ...id });
  }

  /** A version that was made under a spec without a use case does not serve once another states one. @throws PerennialError `ValidationNotOpen` */
  async requireUngoverned(manager: EntityManager, id: ValidationId): Promise<void> {
    const { specDigest } = await this.models.inForce(manager, id.model);
    if ((await this.models.spec(id.model, specDigest, manager)).useCase) await this.require(manager, id);
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
