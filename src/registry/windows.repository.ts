import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { PerennialError } from '../contracts/failures.js';
import type { WindowLook } from '../contracts/window-summary.js';
import { WindowCheck } from './entities/window-check.entity.js';
import { WindowDrift } from './entities/window-drift.entity.js';

/** Windows of event time and what was found in them. */
@Injectable()
export class WindowsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async find(model: string, deployment: string, look: WindowLook, fromEvent: Date): Promise<WindowCheck | null> {
    return this.dataSource.manager.findOneBy(WindowCheck, { model, deployment, look, fromEvent });
  }

  /** Adds what a look found; of two looks at the same window the first one stands. @returns whether this was the first */
  async add(check: WindowCheck): Promise<boolean> {
    const inserted = await this.dataSource.createQueryBuilder().insert().into(WindowCheck).values(check).orIgnore().returning('model').execute();
    return (inserted.raw as unknown[]).length > 0;
  }

  /** Adds a `drift` look with what it found, both or neither. @returns as {@link add} */
  async addDrift(check: WindowCheck, drift: WindowDrift): Promise<boolean> {
    return this.dataSource.transaction(async (manager) => {
      const inserted = await manager.createQueryBuilder().insert().into(WindowCheck).values(check).orIgnore().returning('model').execute();
      if ((inserted.raw as unknown[]).length === 0) return false;
      await manager.insert(WindowDrift, drift);
      return true;
    });
  }

  /** Of the newest window of a deployment that was held against a baseline. */
  async lastDrift(model: string, deployment: string): Promise<WindowDrift | null> {
    return this.dataSource.manager.findOne(WindowDrift, { where: { model, deployment }, order: { fromEvent: 'DESC' } });
  }

  /** Of the last windows up to one, that included, that are not in quarantine; the newest first. */
  async driftsUpTo(model: string, deployment: string, fromEvent: Date, limit: number): Promise<WindowDrift[]> {
    return this.dataSource.getRepository(WindowDrift).createQueryBuilder('one')
      .where('one.model = :model AND one.deployment = :deployment AND one.from_event <= :fromEvent', { model, deployment, fromEvent })
      .andWhere(`NOT EXISTS (SELECT FROM retraining_decision decided WHERE decided.model = one.model AND decided.deployment = one.deployment
        AND decided.from_event = one.from_event AND decided.outcome = 'quarantine'
        AND NOT EXISTS (SELECT FROM quarantine_release released WHERE released.model = one.model AND released.deployment = one.deployment AND released.from_event = one.from_event))`)
      .orderBy('one.from_event', 'DESC').limit(limit).getMany();
  }

  /** Of the window that begins then, where it was held against a baseline. */
  async findDrift(model: string, deployment: string, fromEvent: Date): Promise<WindowDrift | null> {
    return this.dataSource.manager.findOneBy(WindowDrift, { model, deployment, fromEvent });
  }

  /** The same. @throws PerennialError `NotFound` */
  async drift(model: string, deployment: string, fromEvent: Date): Promise<WindowDrift> {
    const drift = await this.findDrift(model, deployment, fromEvent);
    if (!drift) throw new PerennialError('NotFound', `No window of ${model}/${deployment} that begins at ${fromEvent.toISOString()} was held against a baseline`, { from: fromEvent.toISOString() });
    return drift;
  }

  /** The last windows first, of one deployment or of all of a model. */
  async listDrift(model: string, limit: number, deployment?: string): Promise<WindowDrift[]> {
    return this.dataSource.manager.find(WindowDrift, {
      where: { model, ...(deployment === undefined ? {} : { deployment }) }, order: { untilEvent: 'DESC', deployment: 'ASC' }, take: limit,
    });
  }

  /** The last windows first, of one deployment or of all of a model. */
  async list(model: string, limit: number, deployment?: string): Promise<WindowCheck[]> {
    return this.dataSource.manager.find(WindowCheck, {
      where: { model, ...(deployment === undefined ? {} : { deployment }) }, order: { untilEvent: 'DESC', deployment: 'ASC', look: 'ASC' }, take: limit,
    });
  }
}
