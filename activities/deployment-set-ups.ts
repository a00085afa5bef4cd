import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { PerennialError } from '../src/contracts/failures.js';
import { missingText } from '../src/contracts/go-live.js';
import type { ValidationId } from '../src/contracts/validations.js';
import { judgeSpec } from '../src/lifecycle/deployment-set-up.js';
import { GoLivesRepository } from '../src/registry/go-lives.repository.js';
import type { Model } from '../src/registry/entities/model.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { requireNotRetiring } from '../src/registry/retiring-models.js';
import { ApprovalCommands } from './approval-commands.js';

/** What versions of governed models lack to go live, as it is on record. */
@Injectable()
export class DeploymentSetUps {
  constructor(
    private readonly models: ModelsRepository,
    private readonly goLives: GoLivesRepository,
    private readonly approvals: ApprovalCommands,
  ) {}

  /** Why no version of a model may go a step forward: what the spec in force lacks. Undefined where it lacks nothing, and where it states no use case. */
  async lacking({ name, specDigest }: Model, manager: EntityManager): Promise<string | undefined> {
    const spec = await this.models.spec(name, specDigest, manager);
    const missing = spec.useCase ? missingText(judgeSpec(spec)) : '';
    return missing === '' ? undefined : `It goes no step forward until the deployment is set up. ${missing}`;
  }

  /**
   * That the newest look at a version found all that it needs, under the spec that is in force now, and that its use case is still approved: it may have been sent back since. The caller has locked the model's row.
   * @throws PerennialError `SetUpIncomplete`, `ModelRetiring`
   */
  async require(manager: EntityManager, { model, version }: ValidationId): Promise<void> {
    await requireNotRetiring(manager, model);
    const look = await this.goLives.newestLook({ model, version }, manager);
    const inForce = await this.models.inForce(manager, model);
    const unapproved = await this.approvals.unapproved(inForce, manager);
    if (unapproved !== null) throw new PerennialError('SetUpIncomplete', unapproved, { model, version });
    if (look?.ready && look.specDigest === inForce.specDigest) return;
    throw new PerennialError('SetUpIncomplete', `Version ${version} of ${model} is not set up to go live under the spec in force; ${look ? missingText(look.criteria) || 'it is being looked at anew' : 'it has not been looked at'}`, { model, version });
  }
}
