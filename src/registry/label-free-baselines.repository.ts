import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LabelFreeBaseline } from './entities/label-free-baseline.entity.js';

/** What windows are estimated by before their labels. */
@Injectable()
export class LabelFreeBaselinesRepository {
  constructor(private readonly dataSource: DataSource) {}

  async find(model: string, version: number, planDigest: string): Promise<LabelFreeBaseline | null> {
    return this.dataSource.manager.findOneBy(LabelFreeBaseline, { model, version, planDigest });
  }

  /** Of two that were made at once the first stands. @returns the one that does */
  async add(baseline: LabelFreeBaseline): Promise<LabelFreeBaseline> {
    await this.dataSource.createQueryBuilder().insert().into(LabelFreeBaseline).values(baseline).orIgnore().execute();
    return (await this.find(baseline.model, baseline.version, baseline.planDigest)) ?? baseline;
  }
}
