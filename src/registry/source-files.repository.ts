import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { SOURCE_GATEWAY } from '../contracts/observed-source.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { SourceFile } from './entities/source-file.entity.js';

type FileId = Pick<SourceFile, 'model' | 'deployment' | 'name' | 'stamp'>;

const ADD = `
INSERT INTO source_file (model, deployment, name, stamp, digest, bytes, rows, labelled, boot, read_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (model, deployment, name, stamp) DO NOTHING RETURNING name`;

/** Which files of a deployment's source have been read. */
@Injectable()
export class SourceFilesRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  async isKnown({ model, deployment, name, stamp }: FileId): Promise<boolean> {
    return this.dataSource.manager.existsBy(SourceFile, { model, deployment, name, stamp });
  }

  /** A file of the same bytes, under whichever name. */
  async findSame(model: string, deployment: string, digest: string): Promise<SourceFile | null> {
    return this.dataSource.manager.findOne(SourceFile, { where: { model, deployment, digest }, order: { readAt: 'ASC' } });
  }

  /** Of the files under a name, as they were before: the artifacts of their observations. */
  async observationsOf(model: string, deployment: string, name: string): Promise<{ readonly digest: string }[]> {
    return this.dataSource.query(
      `SELECT file.digest FROM observation_file file WHERE file.model = $1 AND file.deployment = $2 AND file.gateway = $4
         AND file.boot IN (SELECT boot FROM source_file WHERE model = $1 AND deployment = $2 AND name = $3) ORDER BY file.digest`,
      [model, deployment, name, SOURCE_GATEWAY],
    );
  }

  /** Newest first. */
  async list(model: string, limit: number): Promise<SourceFile[]> {
    return this.dataSource.manager.find(SourceFile, { where: { model }, order: { readAt: 'DESC', name: 'ASC' }, take: limit });
  }

  /** Notes that a file has been read, once. */
  async add(file: SourceFile, origin: Origin): Promise<void> {
    const { model, deployment, name, digest, bytes, rows, labelled, readAt } = file;
    await this.dataSource.transaction(async (manager) => {
      const inserted: unknown[] = await manager.query(ADD, [model, deployment, name, file.stamp, digest, bytes, rows, labelled, file.boot, readAt]);
      if (inserted.length === 0) return;
      await this.audit.append(manager, { at: readAt, actor: SYSTEM_ACTOR, action: 'source.read', model, subject: `source/${name}`, details: { deployment, digest, bytes, rows, labelled }, origin });
    });
  }
}
