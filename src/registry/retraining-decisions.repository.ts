import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { CommandBodies } from '../contracts/commands.js';
import { PerennialError } from '../contracts/failures.js';
import { isoTime } from '../contracts/time.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { CommandsRepository } from './commands.repository.js';
import type { Command } from './entities/command.entity.js';
import { QuarantineRelease, RetrainingDecisionRecord } from './entities/retraining-decision.entity.js';
import { RetrainsRepository } from './retrains.repository.js';
import { WindowAssessment } from './entities/window-assessment.entity.js';

/** A stretch of event time that neither trains nor judges; milliseconds since 1970, `untilMs` does not belong to it. */
export interface QuarantinedWindow {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What was decided over retraining, to wait too. */
@Injectable()
export class RetrainingDecisionsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly commands: CommandsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly audit: AuditLedger,
  ) {}

  async find(model: string, deployment: string, fromEvent: Date, revision: number): Promise<RetrainingDecisionRecord | null> {
    return this.dataSource.manager.findOneBy(RetrainingDecisionRecord, { model, deployment, fromEvent, revision });
  }

  /** After an assessment of a window, or its newest. @throws PerennialError `NotFound` */
  async ofWindow(model: string, deployment: string, fromEvent: Date, revision?: number): Promise<RetrainingDecisionRecord> {
    const found = await this.dataSource.manager.findOne(RetrainingDecisionRecord, { where: { model, deployment, fromEvent, ...(revision === undefined ? {} : { revision }) }, order: { revision: 'DESC' } });
    if (!found) throw new PerennialError('NotFound', `Nothing was decided after the window of ${model}/${deployment} that begins at ${fromEvent.toISOString()}`, { from: fromEvent.toISOString() });
    return found;
  }

  /** Of the newest window of a deployment that was decided over. */
  async last(model: string, deployment: string): Promise<RetrainingDecisionRecord | null> {
    return this.dataSource.manager.findOne(RetrainingDecisionRecord, { where: { model, deployment }, order: { decidedAt: 'DESC' } });
  }

  /** The newest decision to retrain; null before the first. */
  async lastRetrain(model: string, deployment: string): Promise<RetrainingDecisionRecord | null> {
    return this.dataSource.manager.findOne(RetrainingDecisionRecord, { where: { model, deployment, outcome: 'retrain' }, order: { decidedAt: 'DESC' } });
  }

  /** The last windows first. */
  async list(model: string, limit: number, deployment?: string): Promise<RetrainingDecisionRecord[]> {
    return this.dataSource.manager.find(RetrainingDecisionRecord, {
      where: { model, ...(deployment === undefined ? {} : { deployment }) }, order: { fromEvent: 'DESC', revision: 'DESC', deployment: 'ASC' }, take: limit,
    });
  }

  /**
   * Adds a decision and, where it is to retrain, the command that asks for it: both or neither. Of two decisions after the same assessment the
   * first stands.
   * @returns the one that stands, and the command where this call accepted it; null where it asks for a retrain beside one that is under way by now:
   * it has to be decided anew
   */
  async add(
    decision: Omit<RetrainingDecisionRecord, 'commandId'>, retrain: CommandBodies['retrain'] | null, origin: Origin,
  ): Promise<{ readonly decision: RetrainingDecisionRecord; readonly command: Command | null } | null> {
    const { model, deployment, fromEvent, revision, decidedAt } = decision;
    return this.dataSource.transaction(async (manager) => {
      // One at a time for a model, so that no command is accepted for a decision that does not stand.
      await manager.query('SELECT FROM model WHERE name = $1 FOR NO KEY UPDATE', [model]);
      const known = await manager.findOneBy(RetrainingDecisionRecord, { model, deployment, fromEvent, revision });
      if (known) return { decision: known, command: null };
      if (retrain && (await this.retrains.underWay(model, manager)) !== null) return null;
      const name = `${model}/${deployment}/${isoTime(fromEvent.getTime())}/${revision}`;
      const accepted = retrain && (await this.commands.acceptWithin(manager, { actor: SYSTEM_ACTOR, idempotencyKey: `monitor/${name}`, kind: 'retrain', model, body: retrain }, decidedAt));
      const added: RetrainingDecisionRecord = { ...decision, commandId: accepted?.command.id ?? null };
      await manager.insert(RetrainingDecisionRecord, added as object);
      const { outcome, trigger, because, decisionDigest } = decision;
      if (outcome !== 'wait') {
        await this.audit.append(manager, {
          at: decidedAt, actor: SYSTEM_ACTOR, action: outcome === 'retrain' ? 'retraining.decided' : 'window.quarantined', model, subject: `window/${name}`, origin,
          details: { trigger, because, decision: decisionDigest },
        });
      }
      return { decision: added, command: accepted?.command ?? null };
    });
  }

  /** Whether a window was put into quarantine, and who took it out again, if anybody did. */
  async quarantine(manager: EntityManager, model: string, deployment: string, fromEvent: Date): Promise<{ readonly decided: boolean; readonly release: QuarantineRelease | null }> {
    const decided = await manager.existsBy(RetrainingDecisionRecord, { model, deployment, fromEvent, outcome: 'quarantine' });
    return { decided, release: await manager.findOneBy(QuarantineRelease, { model, deployment, fromEvent }) };
  }

  /** Takes a window out of quarantine, as part of the transaction that settles the command. It was seen to be in it, under the lock of its model. */
  async release(manager: EntityManager, release: QuarantineRelease): Promise<void> {
    await manager.insert(QuarantineRelease, release);
  }

  /** Windows that are in quarantine, in their order; those that a person has taken out are not. */
  async quarantined(model: string, deployment: string): Promise<QuarantinedWindow[]> {
    return (await this.quarantines(model, deployment)).filter(({ release }) => release === null).map(({ fromMs, untilMs }) => ({ fromMs, untilMs }));
  }

  /** Windows that were put into quarantine, in their order, and who has taken them out. */
  async quarantines(model: string, deployment: string): Promise<(QuarantinedWindow & { readonly release: QuarantineRelease | null })[]> {
    const windows = await this.dataSource.getRepository(WindowAssessment).createQueryBuilder('one')
      .innerJoin(RetrainingDecisionRecord, 'decided', 'decided.model = one.model AND decided.deployment = one.deployment AND decided.from_event = one.from_event AND decided.revision = one.revision')
      .where("one.model = :model AND one.deployment = :deployment AND decided.outcome = 'quarantine'", { model, deployment }).orderBy('one.from_event').getMany();
    const released = await this.dataSource.manager.findBy(QuarantineRelease, { model, deployment });
    const releaseOf = new Map(released.map((release) => [release.fromEvent.getTime(), release]));
    return [...new Map(windows.map(({ fromEvent, untilEvent }) => [fromEvent.getTime(), untilEvent.getTime()]))]
      .map(([fromMs, untilMs]) => ({ fromMs, untilMs, release: releaseOf.get(fromMs) ?? null }));
  }
}
