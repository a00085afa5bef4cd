import { mkdir } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { FAILURES, PerennialError } from '../src/contracts/failures.js';
import { type SetUpLook, waitsForAlarm } from '../src/contracts/go-live.js';
import type { MonitoringState } from '../src/contracts/releases.js';
import type { ValidationId } from '../src/contracts/validations.js';
import { monitoringPlan } from '../src/drift/monitoring-plan.js';
import { isSetUp, judgeSetUp, type SetUpFacts } from '../src/lifecycle/deployment-set-up.js';
import { GoLivesRepository } from '../src/registry/go-lives.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { ValidationsRepository } from '../src/registry/validations.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { ApprovalCommands } from './approval-commands.js';
import { ChampionBaselines } from './champion-baselines.js';

/** Whether a validated version has what it needs to go live at once. */
@Injectable()
export class SetUpActivities {
  constructor(
    private readonly models: ModelsRepository,
    private readonly validations: ValidationsRepository,
    private readonly routing: RoutingRepository,
    private readonly goLives: GoLivesRepository,
    private readonly approvals: ApprovalCommands,
    private readonly baselines: ChampionBaselines,
    private readonly settings: ActivitySettings,
  ) {}

  /**
   * Looks at a version that is approved. What was found is kept where it is something else than before, once the alarm was tried or something else is missing.
   * @param alarm whether a made-up bad window raised an alarm that arrived; null where it was not tried
   * @returns null where a release brings the version into service, which looks at every step, and where nothing goes live any more
   */
  async lookAtSetUp(id: ValidationId, alarm: MonitoringState | null): Promise<SetUpLook | null> {
    const { model, version } = id;
    const { validation: { deployment, specDigest: validated } } = await this.validations.get(id);
    const [{ champion, retirement }, { rollout }, inForce] = [await this.routing.get(model, deployment), await this.models.spec(model, validated), await this.models.get(model)];
    if (retirement !== null || (rollout.strategy === 'progressive' && champion !== null)) return null;
    const spec = await this.models.spec(model, inForce.specDigest);
    const criteria = judgeSetUp({ spec, unapproved: await this.approvals.unapproved(inForce), baseline: await this.baseline(id, spec), alarm });
    const look: SetUpLook = { model, version, deployment, specDigest: inForce.specDigest, criteria, ready: isSetUp(criteria) };
    if (!waitsForAlarm(look)) await this.goLives.addLook(look, new Date(), origin());
    return look;
  }

  /** It is made where it is not there: production needs it from the first window on. */
  private async baseline({ model, version }: ValidationId, spec: ModelSpec): Promise<SetUpFacts['baseline']> {
    await mkdir(this.settings.workDir, { recursive: true });
    try {
      const figures = await heartbeating((signal) => this.baselines.figuresOf(model, version, monitoringPlan(spec), signal));
      return figures ? { rows: figures.rows } : { missing: 'None of the rows that judged it has a label, so that production can be held against nothing; retrain.' };
    } catch (error) {
      if (!(error instanceof PerennialError) || FAILURES[error.type].retryable) throw error;
      return { missing: `Its figures on the rows that judged it cannot be made: ${error.message}.` };
    }
  }
}
