import { Injectable } from '@nestjs/common';
import { DataSource, In, MoreThanOrEqual } from 'typeorm';
import { PerennialError } from '../contracts/failures.js';
import type { AssessmentOccasion } from '../contracts/window-assessment.js';
import { RetrainingDecisionRecord } from './entities/retraining-decision.entity.js';
import { ChampionBaseline, WindowAssessment } from './entities/window-assessment.entity.js';

/** Where figures of labels stand. */
export const LABELLED_OCCASIONS: readonly AssessmentOccasion[] = ['matured', 'amended'];

export interface AssessmentFilter {
  readonly deployment?: string | undefined;
  /** Only the newest revision of each window. */
  readonly latest?: boolean;
  /** Only windows that begin at it or before. */
  readonly upTo?: Date;
}

/** What windows come to, and what they are held against. */
@Injectable()
export class AssessmentsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** The newest window that was assessed on this occasion, by its beginning. */
  async last(model: string, deployment: string, occasion: AssessmentOccasion): Promise<WindowAssessment | null> {
    return this.dataSource.manager.findOne(WindowAssessment, { where: { model, deployment, occasion }, order: { fromEvent: 'DESC' } });
  }

  /** Whether it was decided over retraining after the assessment. */
  async isDecided({ model, deployment, fromEvent, revision }: WindowAssessment): Promise<boolean> {
    return this.dataSource.manager.existsBy(RetrainingDecisionRecord, { model, deployment, fromEvent, revision });
  }

  /** The revision that the window's next assessment has. */
  async nextRevision(model: string, deployment: string, fromEvent: Date): Promise<number> {
    const last = await this.dataSource.manager.findOne(WindowAssessment, { where: { model, deployment, fromEvent }, order: { revision: 'DESC' } });
    return (last?.revision ?? 0) + 1;
  }

  /** The newest figures of labels of each window from a time on, in the order of the windows. */
  async labelled(model: string, deployment: string, fromEvent: Date): Promise<WindowAssessment[]> {
    const all = await this.dataSource.manager.find(WindowAssessment, {
      where: { model, deployment, occasion: In([...LABELLED_OCCASIONS]), fromEvent: MoreThanOrEqual(fromEvent) }, order: { fromEvent: 'ASC', revision: 'ASC' },
    });
    return [...new Map(all.map((one) => [one.fromEvent.getTime(), one])).values()];
  }

  /** The first figures of labels of a window; null before labels were due. */
  async firstLabelled(model: string, deployment: string, fromEvent: Date): Promise<WindowAssessment | null> {
    return this.dataSource.manager.findOne(WindowAssessment, { where: { model, deployment, fromEvent, occasion: In([...LABELLED_OCCASIONS]) }, order: { revision: 'ASC' } });
  }

  /** The newest figures of labels of the window before one; null for the first. */
  async labelledBefore(model: string, deployment: string, fromEvent: Date): Promise<WindowAssessment | null> {
    return this.dataSource.getRepository(WindowAssessment).createQueryBuilder('one')
      .where('one.model = :model AND one.deployment = :deployment AND one.from_event < :fromEvent AND one.occasion IN (:...occasions)', { model, deployment, fromEvent, occasions: LABELLED_OCCASIONS })
      .orderBy('one.from_event', 'DESC').addOrderBy('one.revision', 'DESC').limit(1).getOne();
  }

  /** The last window with rows before one that was not put into quarantine when it closed, or was taken out of it. */
  async closedBefore(model: string, deployment: string, fromEvent: Date): Promise<WindowAssessment | null> {
    return this.dataSource.getRepository(WindowAssessment).createQueryBuilder('one')
      .where("one.model = :model AND one.deployment = :deployment AND one.from_event < :fromEvent AND one.occasion = 'closed' AND one.rows > 0", { model, deployment, fromEvent })
      .andWhere(`NOT EXISTS (SELECT FROM retraining_decision decided WHERE decided.model = one.model AND decided.deployment = one.deployment
        AND decided.from_event = one.from_event AND decided.revision = one.revision AND decided.outcome = 'quarantine'
        AND NOT EXISTS (SELECT FROM quarantine_release released WHERE released.model = one.model AND released.deployment = one.deployment AND released.from_event = one.from_event))`)
      .orderBy('one.from_event', 'DESC').limit(1).getOne();
  }

  /** Adds an assessment; of two under one revision the first stands. @returns whether this was the first */
  async add(assessment: WindowAssessment): Promise<boolean> {
    const inserted = await this.dataSource.createQueryBuilder().insert().into(WindowAssessment).values(assessment as object).orIgnore().returning('model').execute();
    return (inserted.raw as unknown[]).length > 0;
  }

  async find(model: string, deployment: string, fromEvent: Date, revision: number): Promise<WindowAssessment | null> {
    return this.dataSource.manager.findOneBy(WindowAssessment, { model, deployment, fromEvent, revision });
  }

  /** A revision of a window, or its newest. @throws PerennialError `NotFound` */
  async get(model: string, deployment: string, fromEvent: Date, revision?: number): Promise<WindowAssessment> {
    const found = await this.dataSource.manager.findOne(WindowAssessment, { where: { model, deployment, fromEvent, ...(revision === undefined ? {} : { revision }) }, order: { revision: 'DESC' } });
    if (found) return found;
    const which = revision === undefined ? 'was assessed' : `has an assessment ${revision}`;
    throw new PerennialError('NotFound', `No window of ${model}/${deployment} that begins at ${fromEvent.toISOString()} ${which}`, { from: fromEvent.toISOString() });
  }

  /** Of one window, in their order. */
  async revisions(model: string, deployment: string, fromEvent: Date): Promise<WindowAssessment[]> {
    return this.dataSource.manager.find(WindowAssessment, { where: { model, deployment, fromEvent }, order: { revision: 'ASC' } });
  }

  /** The last windows first, of a window the last revision first. */
  async list(model: string, limit: number, { deployment, latest, upTo }: AssessmentFilter = {}): Promise<WindowAssessment[]> {
    const query = this.dataSource.getRepository(WindowAssessment).createQueryBuilder('one').where('one.model = :model', { model });
    if (deployment !== undefined) query.andWhere('one.deployment = :deployment', { deployment });
    if (upTo !== undefined) query.andWhere('one.from_event <= :upTo', { upTo });
    if (latest) {
      query.andWhere(`NOT EXISTS (SELECT FROM window_assessment newer
        WHERE newer.model = one.model AND newer.deployment = one.deployment AND newer.from_event = one.from_event AND newer.revision > one.revision)`);
    }
    return query.orderBy('one.until_event', 'DESC').addOrderBy('one.deployment', 'ASC').addOrderBy('one.revision', 'DESC').limit(limit).getMany();
  }

  async baseline(model: string, version: number, planDigest: string): Promise<ChampionBaseline | null> {
    return this.dataSource.manager.findOneBy(ChampionBaseline, { model, version, planDigest });
  }

  /** Of a version, whatever its losses were counted by. */
  async newestBaseline(model: string, version: number): Promise<ChampionBaseline | null> {
    return this.dataSource.manager.findOne(ChampionBaseline, { where: { model, version }, order: { madeAt: 'DESC' } });
  }

  /** Of two that were made at once the first stands. */
  async addBaseline(baseline: ChampionBaseline): Promise<ChampionBaseline> {
    await this.dataSource.createQueryBuilder().insert().into(ChampionBaseline).values(baseline).orIgnore().execute();
    return (await this.baseline(baseline.model, baseline.version, baseline.planDigest)) ?? baseline;
  }
}
