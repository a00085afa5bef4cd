import { Injectable } from '@nestjs/common';
import { type ValidationInput, validationWorkflowId } from '../src/contracts/motion.js';
import type { Validation } from '../src/registry/entities/validation.entity.js';
import { ValidationsRepository } from '../src/registry/validations.repository.js';
import { type Settled, settleEach } from './open-work.js';
import { WorkflowMotions } from './workflow-motions.js';

/** Validations that the record holds as open: checks and people decide, not who ends the workflow, so that it is started again. */
@Injectable()
export class OpenValidations {
  constructor(
    private readonly motions: WorkflowMotions,
    private readonly validations: ValidationsRepository,
  ) {}

  async settle(): Promise<Settled> {
    return settleEach(await this.validations.open(), (validation) => this.settleOne(validation));
  }

  private async settleOne({ model, version, deployment }: Validation): Promise<'left' | 'restarted'> {
    const workflowId = validationWorkflowId(model, version);
    if ((await this.motions.of(workflowId)) === 'running') return 'left';
    const input: ValidationInput = { inputVersion: 1, model, version };
    await this.motions.start('validation', workflowId, input, `Validation of version ${version} of ${model}`, { model, deployment, stage: 'validation' });
    return 'restarted';
  }
}
