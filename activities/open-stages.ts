import { Injectable } from '@nestjs/common';
import { type RetirementInput, retirementWorkflowId, type UseCaseApprovalInput, useCaseApprovalWorkflowId, type ValidationInput, validationWorkflowId } from '../src/contracts/motion.js';
import { ApprovalsRepository } from '../src/registry/approvals.repository.js';
import { RetirementsRepository } from '../src/registry/retirements.repository.js';
import { ValidationsRepository } from '../src/registry/validations.repository.js';
import { type Settled, settleEach } from './open-work.js';
import { WorkflowMotions } from './workflow-motions.js';

/** Stages that the record holds as open: checks and people decide, not who ends their workflow, so that it is started again. */
@Injectable()
export class OpenStages {
  constructor(
    private readonly motions: WorkflowMotions,
    private readonly approvals: ApprovalsRepository,
    private readonly validations: ValidationsRepository,
    private readonly retirements: RetirementsRepository,
  ) {}

  async settle(): Promise<{ readonly approvals: Settled; readonly validations: Settled; readonly retirements: Settled }> {
    return {
      approvals: await settleEach(await this.approvals.open('useCase'), ({ model }) => this.approval(model)),
      validations: await settleEach(await this.validations.open(), ({ model, version, deployment }) => this.validation(model, version, deployment)),
      retirements: await settleEach(await this.retirements.open(), ({ model, number }) => this.retirement(model, number)),
    };
  }

  private approval(model: string): Promise<'left' | 'restarted'> {
    const input: UseCaseApprovalInput = { inputVersion: 1, model };
    return this.restart(useCaseApprovalWorkflowId(model), (id) => this.motions.start('useCaseApproval', id, input, `Use case approval of ${model}`, { model, stage: 'useCaseApproval' }));
  }

  private validation(model: string, version: number, deployment: string): Promise<'left' | 'restarted'> {
    const input: ValidationInput = { inputVersion: 1, model, version };
    return this.restart(validationWorkflowId(model, version), (id) => this.motions.start('validation', id, input, `Validation of version ${version} of ${model}`, { model, deployment, stage: 'validation' }));
  }

  private retirement(model: string, number: number): Promise<'left' | 'restarted'> {
    const input: RetirementInput = { inputVersion: 1, model };
    return this.restart(retirementWorkflowId(model), (id) => this.motions.start('retirement', id, input, `Retirement ${number} of ${model}`, { model, stage: 'retirement' }));
  }

  private async restart(workflowId: string, start: (workflowId: string) => Promise<unknown>): Promise<'left' | 'restarted'> {
    if ((await this.motions.of(workflowId)) === 'running') return 'left';
    await start(workflowId);
    return 'restarted';
  }
}
