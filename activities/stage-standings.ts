import { Injectable } from '@nestjs/common';
import { retirementWorkflowId, useCaseApprovalWorkflowId, validationWorkflowId } from '../src/contracts/motion.js';
import { retirementState } from '../src/contracts/retirements.js';
import type { ModelStatus } from '../src/contracts/status.js';
import { ApprovalsRepository } from '../src/registry/approvals.repository.js';
import type { Model } from '../src/registry/entities/model.entity.js';
import { goLiveStanding, GoLivesRepository } from '../src/registry/go-lives.repository.js';
import { RetirementsRepository } from '../src/registry/retirements.repository.js';
import { StagesRepository } from '../src/registry/stages.repository.js';
import { ValidationsRepository } from '../src/registry/validations.repository.js';
import { ProductionStandings } from './production-standings.js';

/** Where the stages of a model stand in which people decide. */
@Injectable()
export class StageStandings {
  constructor(
    private readonly approvals: ApprovalsRepository,
    private readonly validations: ValidationsRepository,
    private readonly production: ProductionStandings,
    private readonly retirements: RetirementsRepository,
    private readonly goLives: GoLivesRepository,
    private readonly stages: StagesRepository,
  ) {}

  async read(model: Model): Promise<Pick<ModelStatus, 'useCase' | 'validations' | 'openFindings' | 'nextReviewDueAt' | 'retirement' | 'paused' | 'heldSetUps' | 'goLives'>> {
    const { name } = model;
    const [asked, open, production, leaving, paused, heldSetUps, live] = await Promise.all([
      this.approvals.newest({ kind: 'useCase', model: name, version: null }), this.validations.open(name), this.production.read(model), this.retirements.inForce(name), this.stages.paused(name),
      this.goLives.held(name), this.goLives.ofChampions(name),
    ]);
    return {
      paused,
      useCase: asked && { number: asked.approval.number, outcome: asked.end?.outcome ?? null, workflowId: useCaseApprovalWorkflowId(name) },
      validations: open.map(({ version }) => ({ version, workflowId: validationWorkflowId(name, version) })),
      openFindings: production.openFindings, nextReviewDueAt: production.reviewDueAt?.toISOString() ?? null,
      retirement: leaving && { number: leaving.retirement.number, state: retirementState(new Set(leaving.steps.map(({ step }) => step))), workflowId: retirementWorkflowId(name) },
      heldSetUps, goLives: live.map(goLiveStanding),
    };
  }
}
