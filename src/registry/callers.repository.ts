import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Permission } from '../contracts/permissions.js';
import type { Identity, Standing } from '../contracts/roles.js';
import { AuditLedger } from './audit-ledger.js';

/** A principal with the roles that are in force. */
export interface Caller extends Standing {
  readonly name: string;
  readonly active: boolean;
}

/** Commands that a caller was turned away from. */
export interface Refusals {
  readonly actor: string;
  /** Null where the route is none of ours. */
  readonly permission: Permission | null;
  /** Null where none is named. */
  readonly model: string | null;
  /** How many there were since the entry before. */
  readonly count: number;
  /** What they were about, not more than a few: paths of URLs. */
  readonly paths: readonly string[];
  readonly because: 'permission' | 'deactivated' | 'unregistered';
  /** Of whom nobody registered. */
  readonly identity?: Identity;
}

/** Values of sensitive columns that somebody asked for. */
export interface SensitiveRead {
  readonly model: string;
  /** What was read, such as `prediction/<gateway>/<start>/<request>/<row>`. */
  readonly subject: string;
  readonly columns: readonly string[];
}

/** Keys are looked up by their hash, so that no comparison runs over the key itself. */
export const hashOfKey = (key: string): Buffer => createHash('sha256').update(key).digest();

/** Who calls, by what they show. */
@Injectable()
export class CallersRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /** Whose key it is; null when nobody knows it or it was revoked. */
  byKey(key: string): Promise<Caller | null> {
    return callerWhere(this.dataSource.manager, `p.name = (
      SELECT k.actor FROM api_key k WHERE k.hash = $1 AND k.revoked_at IS NULL AND NOT EXISTS (SELECT FROM api_key_revocation r WHERE r.key_id = k.id))`, [hashOfKey(key)]);
  }

  /** Whom an issuer knows under a subject; null where nobody is registered as that. */
  byIdentity({ issuer, subject }: Identity): Promise<Caller | null> {
    return callerWhere(this.dataSource.manager, 'p.issuer = $1 AND p.subject = $2', [issuer, subject]);
  }

  /** Puts refusals on the record. */
  async recordRefusals({ actor, model, ...details }: Refusals, at: Date): Promise<void> {
    await this.audit.append(this.dataSource.manager, { at, actor, action: 'access.refused', model, subject: details.permission === null ? 'access' : `permission/${details.permission}`, details: { model, ...details } });
  }

  /** Puts on the record that somebody reads sensitive values, all of them or none: before they are shown. */
  async recordSensitiveReads(actor: string, reads: readonly SensitiveRead[], reason: string, at: Date): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      for (const { model, subject, columns } of reads) await this.audit.append(manager, { at, actor, action: 'sensitive.read', model, subject, details: { columns }, texts: { reason } });
    });
  }
}

/** A principal by its name, as a transaction sees it. */
export const callerNamed = (manager: EntityManager, name: string): Promise<Caller | null> => callerWhere(manager, 'p.name = $1', [name]);

async function callerWhere(manager: EntityManager, condition: string, values: readonly unknown[]): Promise<Caller | null> {
  const rows: Caller[] = await manager.query(
    `SELECT p.name, p.kind, p.active, coalesce(json_agg(json_build_object('role', g.role, 'model', g.model)) FILTER (WHERE g.id IS NOT NULL), '[]') AS grants
     FROM principal p LEFT JOIN role_grant g ON g.principal = p.name AND NOT EXISTS (SELECT FROM role_revocation r WHERE r.grant_id = g.id)
     WHERE ${condition} GROUP BY p.name`,
    [...values],
  );
  return rows[0] ?? null;
}
