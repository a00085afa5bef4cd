import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { deploymentWorkflowId, retirementWorkflowId, retrainWorkflowId, useCaseApprovalWorkflowId, validationWorkflowId } from '../src/contracts/motion.js';
import { developmentOf, outcomeText, productionOf, type Stage, type StageId, type StagePause } from '../src/contracts/stages.js';
import type { StageDecider } from '../src/lifecycle/stage-moves.js';
import { ownerBarred } from '../src/lifecycle/validation-decision.js';
import { ApprovalsRepository } from '../src/registry/approvals.repository.js';
import type { Model } from '../src/registry/entities/model.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ReleasesRepository } from '../src/registry/releases.repository.js';
import { RetirementsRepository } from '../src/registry/retirements.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { StagesRepository } from '../src/registry/stages.repository.js';
import { ValidationsRepository } from '../src/registry/validations.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { lockModel, type Refused, refused } from './command-outcomes.js';

interface Found {
  readonly id: StageId;
  /** Workflows that look at the record again when it is moved. */
  readonly tells: readonly string[];
  readonly decider: StageDecider;
}

/** A stage of a governed model that is open. */
export interface StageTarget extends Found {
  readonly model: Model;
  readonly spec: ModelSpec;
  readonly paused: StagePause | null;
}

/** Finds what a command wants to move. */
@Injectable()
export class StageTargets {
  constructor(
    private readonly models: ModelsRepository,
    private readonly approvals: ApprovalsRepository,
    private readonly validations: ValidationsRepository,
    private readonly retirements: RetirementsRepository,
    private readonly releases: ReleasesRepository,
    private readonly retrains: RetrainsRepository,
    private readonly stages: StagesRepository,
  ) {}

  /** Locks the model's row. @param version of the validation that is meant; null: the only one that is open */
  async find(manager: EntityManager, name: string, stage: Stage, version: number | null): Promise<StageTarget | Refused> {
    const model = await lockModel(manager, name);
    if (!model) return refused('ModelNotFound', `No model is registered as ${name}`);
    const spec = await this.models.spec(name, model.specDigest, manager);
    if (!spec.useCase) return refused('StageNotMovable', `The spec of ${name} states no use case, so that its stages are not moved by people; add a useCase section and apply it`);
    if (version !== null && stage !== 'validation') return refused('InvalidRequest', 'A version is named for the stage validation alone; leave it out');
    const found = await this.open(manager, name, stage, version);
    return 'kind' in found ? found : { ...found, model, spec, paused: await this.stages.pause(found.id, manager) };
  }

  private open(manager: EntityManager, name: string, stage: Stage, version: number | null): Promise<Found | Refused> {
    if (stage === 'useCaseApproval') return this.useCaseApproval(manager, name);
    if (stage === 'development') return this.development(manager, name);
    if (stage === 'validation') return this.validation(manager, name, version);
    if (stage === 'deployment') return this.deployment(manager, name);
    return stage === 'production' ? this.production(manager, name) : this.retirement(manager, name);
  }

  private async useCaseApproval(manager: EntityManager, model: string): Promise<Found | Refused> {
    const newest = await this.approvals.newest({ kind: 'useCase', model, version: null }, manager);
    if (!newest || newest.end) return refused('StageNotMovable', `No approval of the use case of ${model} is open${newest?.end ? `: approval ${newest.approval.number} was ${outcomeText(newest.end.outcome)} at ${newest.end.at.toISOString()}` : ''}`);
    const { number, barred } = newest.approval;
    return { id: { model, stage: 'useCaseApproval', subject: number }, tells: [useCaseApprovalWorkflowId(model)], decider: { permission: 'approval.decide', barred } };
  }

  private async development(manager: EntityManager, model: string): Promise<Found> {
    const active = await this.retrains.active(manager, model);
    return { id: developmentOf(model), tells: active ? [retrainWorkflowId(model, active.number)] : [], decider: { permission: 'approval.decide', barred: {} } };
  }

  private async validation(manager: EntityManager, model: string, version: number | null): Promise<Found | Refused> {
    const open = (await this.validations.open(model, manager)).map((validation) => validation.version);
    const subject = version ?? (open.length === 1 ? open[0] : undefined);
    if (subject === undefined && open.length > 0) return refused('StageNotMovable', `Of ${model} the versions ${open.join(', ')} are being validated; say which one is meant (--version)`);
    if (subject === undefined || !open.includes(subject)) return refused('StageNotMovable', `${version === null ? `No version of ${model} is` : `Version ${version} of ${model} is not`} being validated; \`perennial validations ${model}\` lists them`);
    const { validation, approval: asked } = await this.validations.get({ model, version: subject }, manager);
    const developers = { ...ownerBarred(await this.models.inForce(manager, model)), ...(await this.validations.developers(validation, manager)) };
    const decider: StageDecider = asked && !asked.end ? { permission: 'approval.decide', barred: { ...developers, ...asked.approval.barred }, independent: 'approve' } : { permission: 'validation.decide', barred: developers, independent: 'validate' };
    return { id: { model, stage: 'validation', subject }, tells: [validationWorkflowId(model, subject)], decider };
  }

  private async deployment(manager: EntityManager, model: string): Promise<Found | Refused> {
    const release = await this.releases.current(model, manager);
    if (!release) return refused('StageNotMovable', `No release of ${model} is under way; \`perennial releases ${model}\` lists them`);
    return { id: { model, stage: 'deployment', subject: release.number }, tells: [deploymentWorkflowId(model, release.version)], decider: { permission: 'release.steer', barred: {} } };
  }

  /** What waits to go into service looks again. */
  private async production(manager: EntityManager, model: string): Promise<Found> {
    const release = await this.releases.current(model, manager);
    const waiting = (await this.validations.open(model, manager)).map(({ version }) => validationWorkflowId(model, version));
    return { id: productionOf(model), tells: [...waiting, ...(release ? [deploymentWorkflowId(model, release.version)] : [])], decider: { permission: 'rollback.request', barred: {} } };
  }

  private async retirement(manager: EntityManager, model: string): Promise<Found | Refused> {
    const story = await this.retirements.inForce(model, manager);
    if (!story) return refused('StageNotMovable', `${model} is not being retired; \`perennial retire ${model}\` asks for it`);
    const { number, approval } = story.retirement;
    const asked = await this.approvals.get({ model, number: approval }, manager);
    return { id: { model, stage: 'retirement', subject: number }, tells: [retirementWorkflowId(model)], decider: { permission: 'approval.decide', barred: asked.approval.barred } };
  }
}
