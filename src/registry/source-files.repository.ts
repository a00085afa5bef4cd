import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { SOURCE_GATEWAY } from '../contracts/observed-source.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { SourceFile } from './entities/source-file.entity.js';

type FileId = Pick<SourceFile, 'model' | 'deployment' | 'name' | 'stamp'>;

export type SourceReading = Omit<SourceFile, 'number'>;

const ADD = `
INSERT INTO source_file (model, deployment, name, stamp, digest, bytes, rows, labelled, boot, read_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;

/** Which files of a deployment's source have been read. */
@Injectable()
export class SourceFilesRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /** The newest reading of the files under a name. */
  async newest({ model, deployment, name }: Omit<FileId, 'stamp'>, manager: EntityManager = this.dataSource.manager): Promise<SourceFile | null> {
    return manager.findOne(SourceFile, { where: { model, deployment, name }, order: { number: 'DESC' } });
  }

  /** A reading of the same bytes, under whichever name, after which its file has not been read with others. */
  async findStanding(model: string, deployment: string, digest: string): Promise<SourceFile | null> {
    return this.dataSource.getRepository(SourceFile).createQueryBuilder('one')
      .where('one.model = :model AND one.deployment = :deployment AND one.digest = :digest', { model, deployment, digest })
      .andWhere('NOT EXISTS (SELECT FROM source_file newer WHERE newer.model = one.model AND newer.deployment = one.deployment AND newer.name = one.name AND newer.number > one.number)')
      .orderBy('one.number').limit(1).getOne();
  }

  /** How often files of these bytes have been noted. */
  async readings(model: string, deployment: string, digest: string): Promise<number> {
    return this.dataSource.manager.countBy(SourceFile, { model, deployment, digest });
  }

  /** Of the files under a name, and under those names that have had these bytes, as they were before: the artifacts of their observations. */
  async observationsOf({ model, deployment, name, digest }: Pick<SourceFile, 'model' | 'deployment' | 'name' | 'digest'>): Promise<{ readonly digest: string }[]> {
    return this.dataSource.query(
      `WITH read AS (SELECT name, digest, boot FROM source_file WHERE model = $1 AND deployment = $2)
       SELECT file.digest FROM observation_file file WHERE file.model = $1 AND file.deployment = $2 AND file.gateway = $4
         AND file.boot IN (SELECT boot FROM read WHERE name = $3 OR name IN (SELECT name FROM read WHERE digest = $5)) ORDER BY file.digest`,
      [model, deployment, name, SOURCE_GATEWAY, digest],
    );
  }

  /** Newest first. */
  async list(model: string, limit: number): Promise<SourceFile[]> {
    return this.dataSource.manager.find(SourceFile, { where: { model }, order: { readAt: 'DESC', name: 'ASC', number: 'DESC' }, take: limit });
  }

  /** Notes that a file has been read, once for each time that it was written. */
  async add(file: SourceReading, origin: Origin): Promise<void> {
    const { model, deployment, name, digest, bytes, rows, labelled, readAt } = file;
    await this.dataSource.transaction(async (manager) => {
      await manager.query('SELECT FROM model WHERE name = $1 FOR NO KEY UPDATE', [model]);
      if ((await this.newest(file, manager))?.stamp === file.stamp) return;
      await manager.query(ADD, [model, deployment, name, file.stamp, digest, bytes, rows, labelled, file.boot, readAt]);
      await this.audit.append(manager, { at: readAt, actor: SYSTEM_ACTOR, action: 'source.read', model, subject: `source/${name}`, details: { deployment, digest, bytes, rows, labelled }, origin });
    });
  }
}
