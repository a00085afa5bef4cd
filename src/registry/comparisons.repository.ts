import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ReleaseId } from '../contracts/releases.js';
import { ComparisonAnalysis, ComparisonBlock } from './entities/comparison.entity.js';

/** Comparisons of a release, block by block: rows are only ever added. */
@Injectable()
export class ComparisonsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async analyses({ model, number }: ReleaseId): Promise<ComparisonAnalysis[]> {
    return this.dataSource.manager.find(ComparisonAnalysis, { where: { model, release: number }, order: { number: 'ASC' } });
  }

  async blocks({ model, number }: ReleaseId): Promise<ComparisonBlock[]> {
    return this.dataSource.manager.find(ComparisonBlock, { where: { model, release: number }, order: { analysis: 'ASC', number: 'ASC' } });
  }

  async lastBlock({ model, number }: ReleaseId, analysis: number): Promise<ComparisonBlock | null> {
    return this.dataSource.manager.findOne(ComparisonBlock, { where: { model, release: number, analysis }, order: { number: 'DESC' } });
  }

  /** Opens an analysis, once: the first word stands. */
  async open(analysis: ComparisonAnalysis): Promise<void> {
    await this.dataSource.createQueryBuilder().insert().into(ComparisonAnalysis).values(analysis).orIgnore().execute();
  }

  /** Keeps a block, once: an attempt that comes later finds the same. */
  async add(block: ComparisonBlock): Promise<void> {
    await this.dataSource.createQueryBuilder().insert().into(ComparisonBlock).values(block as object).orIgnore().execute();
  }
}
