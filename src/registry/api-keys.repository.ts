import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, IsNull } from 'typeorm';
import { ApiKey } from './entities/api-key.entity.js';

const hashOf = (key: string): Buffer => createHash('sha256').update(key).digest();

@Injectable()
export class ApiKeysRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** The actor of a key that is in force. */
  async actorOf(key: string): Promise<string | null> {
    const found = await this.dataSource.manager.findOneBy(ApiKey, { hash: hashOf(key), revokedAt: IsNull() });
    return found?.actor ?? null;
  }
}

/**
 * Makes a key for an actor. Only the owner of the tables may; the key is returned once and kept as a hash.
 * @param owner a connection as the owner
 */
export async function createApiKey(owner: DataSource, actor: string, at: Date): Promise<string> {
  const key = `per_${randomBytes(32).toString('base64url')}`;
  await owner.manager.insert(ApiKey, { id: randomUUID(), actor, hash: hashOf(key), createdAt: at, revokedAt: null });
  return key;
}
