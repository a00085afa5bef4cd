import { Injectable } from '@nestjs/common';
import { isoTime } from '../src/contracts/time.js';
import { type DueAssessment, windowName } from '../src/contracts/window-assessment.js';
import { CommandDispatcher } from '../src/dispatch/command-dispatcher.js';
import { AssessmentsRepository } from '../src/registry/assessments.repository.js';
import { SYSTEM_ACTOR } from '../src/registry/audit-ledger.js';
import { CommandsRepository } from '../src/registry/commands.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';

/** What is done about a version whose decisions break a limit of fairness, beside telling a person. */
@Injectable()
export class FairnessActivities {
  constructor(
    private readonly models: ModelsRepository,
    private readonly assessments: AssessmentsRepository,
    private readonly routing: RoutingRepository,
    private readonly commands: CommandsRepository,
    private readonly dispatcher: CommandDispatcher,
  ) {}

  /**
   * Where the spec says so (`fairness.whenBroken: rollBack`), asks for the champion before, by a command as a person would. Nothing is asked for where
   * another version answers by now.
   * @returns whether it was asked for
   */
  async rollBackUnfair({ model, deployment, fromMs, untilMs, revision, specDigest }: DueAssessment): Promise<boolean> {
    const [{ fairness }, { champion }] = [await this.models.spec(model, specDigest), await this.routing.get(model, deployment)];
    const { findings, headline: { version } } = await this.assessments.get(model, deployment, new Date(fromMs), revision);
    const broken = findings.find(({ check, alarms }) => check === 'fairness' && alarms);
    if (!broken || fairness?.whenBroken !== 'rollBack' || version === null || version !== champion) return false;
    const reason = `Version ${version} breaks a limit of fairness in the window ${windowName({ fromMs, untilMs })}: ${broken.message}`;
    const { command } = await this.commands.accept({
      actor: SYSTEM_ACTOR, idempotencyKey: `fairness/${model}/${deployment}/${isoTime(fromMs)}/${revision}`, kind: 'rollback', model, body: { deployment, toVersion: null, fromVersion: version, reason },
    }, new Date());
    // What is accepted is sent again until its model's workflow has seen it.
    await this.dispatcher.send(command).catch(() => undefined);
    return true;
  }
}
