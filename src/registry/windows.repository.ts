import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { WindowLook } from '../contracts/window-summary.js';
import { WindowCheck } from './entities/window-check.entity.js';

/** Windows of event time and what was found in them. */
@Injectable()
export class WindowsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** The newest window that had this look, by its end. */
  async last(model: string, deployment: string, look: WindowLook): Promise<WindowCheck | null> {
    return this.dataSource.manager.findOne(WindowCheck, { where: { model, deployment, look }, order: { fromEvent: 'DESC' } });
  }

  /** Adds what a look found; of two looks at the same window the first one stands. @returns whether this was the first */
  async add(check: WindowCheck): Promise<boolean> {
    const inserted = await this.dataSource.createQueryBuilder().insert().into(WindowCheck).values(check).orIgnore().returning('model').execute();
    return (inserted.raw as unknown[]).length > 0;
  }

  /** The last windows first, of one deployment or of all of a model. */
  async list(model: string, limit: number, deployment?: string): Promise<WindowCheck[]> {
    return this.dataSource.manager.find(WindowCheck, {
      where: { model, ...(deployment === undefined ? {} : { deployment }) }, order: { untilEvent: 'DESC', deployment: 'ASC', look: 'ASC' }, take: limit,
    });
  }
}
