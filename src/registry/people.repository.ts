import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { canonicalJson, sha256 } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import { permits, refusalText, rolesWith } from '../contracts/permissions.js';
import type { Grant, Role } from '../contracts/roles.js';
import { AuditLedger } from './audit-ledger.js';
import { callerNamed } from './callers.repository.js';
import { PeopleCommand, Principal } from './entities/principal.entity.js';
import { type NewIdentity, type NewKey, type NewPrincipal, PeopleTurn, type Replacement } from './people-turn.js';

/** What an administrator asks for; `name` is whom it is about. */
export type PeopleChange =
  | ({ readonly kind: 'register' } & NewPrincipal)
  | ({ readonly kind: 'identify' } & NewIdentity)
  | { readonly kind: 'activate' | 'deactivate'; readonly name: string; readonly reason: string }
  | ({ readonly kind: 'grant'; readonly name: string } & Grant)
  | ({ readonly kind: 'revoke'; readonly name: string; readonly reason: string } & Grant)
  | { readonly kind: 'issueKey'; readonly name: string }
  | { readonly kind: 'revokeKey'; readonly name: string; readonly keyId: string; readonly reason: string }
  | { readonly kind: 'replace'; readonly name: string; readonly by: string; readonly reason: string };

/** Which members there are depends on what was asked for. `key` is there once: a request that is repeated is answered without it. */
export interface PeopleOutcome extends Partial<Replacement>, Partial<NewKey> {
  readonly name: string;
  /** False when it was so before. */
  readonly changed: boolean;
}

export interface PeopleRequest {
  readonly actor: string;
  readonly idempotencyKey: string;
  readonly change: PeopleChange;
}

export interface GrantStory {
  readonly role: Role;
  readonly model: string;
  readonly grantedBy: string;
  readonly grantedAt: Date;
  readonly revokedBy: string | null;
  readonly revokedAt: Date | null;
}

export interface KeyStory {
  readonly keyId: string;
  readonly createdAt: Date;
  readonly revokedBy: string | null;
  readonly revokedAt: Date | null;
}

/** Somebody with all roles and keys that they ever had, the newest first. */
export interface PersonStory {
  readonly principal: Principal;
  readonly grants: readonly GrantStory[];
  readonly keys: readonly KeyStory[];
}

/** People and services, their roles and their keys. */
@Injectable()
export class PeopleRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /** By name, those after `after`. */
  async list(after: string, limit: number): Promise<PersonStory[]> {
    const principals = await this.dataSource.getRepository(Principal).createQueryBuilder('principal').where('principal.name > :after', { after }).orderBy('principal.name').limit(limit).getMany();
    return this.storiesOf(principals);
  }

  /** @throws PerennialError `NotFound` */
  async get(name: string): Promise<PersonStory> {
    const principal = await this.dataSource.manager.findOneBy(Principal, { name });
    const [story] = principal ? await this.storiesOf([principal]) : [];
    if (!story) throw new PerennialError('NotFound', `Nobody is registered as ${JSON.stringify(name)}; \`perennial people list\` shows everybody`);
    return story;
  }

  /**
   * Makes a change once for each actor and idempotency key: change, audit entries and answer are one transaction. The actor's own right is looked at within
   * it, so that whose role was just taken away changes nothing any more.
   * @throws PerennialError `Forbidden`, `IdempotencyKeyReused`, `PeopleConflict`, `NotFound`
   */
  async change({ actor, idempotencyKey, change }: PeopleRequest, at: Date): Promise<PeopleOutcome> {
    const bodyDigest = sha256(canonicalJson(change));
    return this.dataSource.transaction(async (manager) => {
      const turn = await PeopleTurn.begin(manager, this.audit, { actor, at });
      const before = await manager.findOneBy(PeopleCommand, { actor, idempotencyKey });
      if (before) return repeated(before, bodyDigest);
      await requireManager(manager, actor);
      const outcome = await carryOut(turn, change);
      if (change.kind === 'deactivate' || change.kind === 'revoke' || change.kind === 'replace') await turn.requireAdministrator();
      const { key: _secret, ...told } = outcome;
      await manager.insert(PeopleCommand, { actor, idempotencyKey, kind: change.kind, bodyDigest, outcome: told as object, at });
      return outcome;
    });
  }

  private async storiesOf(principals: readonly Principal[]): Promise<PersonStory[]> {
    const names = principals.map(({ name }) => name);
    const grants: (GrantStory & { principal: string })[] = await this.dataSource.query(
      `SELECT g.principal, g.role, g.model, g.granted_by AS "grantedBy", g.granted_at AS "grantedAt", r.revoked_by AS "revokedBy", r.revoked_at AS "revokedAt"
       FROM role_grant g LEFT JOIN role_revocation r ON r.grant_id = g.id WHERE g.principal = ANY($1) ORDER BY g.granted_at DESC, g.role, g.model`,
      [names],
    );
    const keys: (KeyStory & { actor: string })[] = await this.dataSource.query(
      `SELECT k.actor, k.id AS "keyId", k.created_at AS "createdAt", r.revoked_by AS "revokedBy", coalesce(r.revoked_at, k.revoked_at) AS "revokedAt"
       FROM api_key k LEFT JOIN api_key_revocation r ON r.key_id = k.id WHERE k.actor = ANY($1) ORDER BY k.created_at DESC, k.id`,
      [names],
    );
    return principals.map((principal) => ({
      principal,
      grants: grants.filter((grant) => grant.principal === principal.name),
      keys: keys.filter(({ actor }) => actor === principal.name),
    }));
  }
}

function repeated({ bodyDigest, kind, outcome }: PeopleCommand, wanted: string): PeopleOutcome {
  if (bodyDigest === wanted) return outcome as unknown as PeopleOutcome;
  throw new PerennialError('IdempotencyKeyReused', `The idempotency key was first used for another request, a ${kind}; send this one with a key of its own`, { firstKind: kind });
}

async function requireManager(manager: EntityManager, actor: string): Promise<void> {
  const caller = await callerNamed(manager, actor);
  if (caller?.active && permits(caller, 'people.manage', null)) return;
  throw new PerennialError('Forbidden', refusalText(actor, caller?.kind ?? 'person', 'people.manage', null), { permission: 'people.manage', roles: rolesWith('people.manage') });
}

async function carryOut(turn: PeopleTurn, change: PeopleChange): Promise<PeopleOutcome> {
  const { name } = change;
  if (change.kind === 'register') {
    await turn.register(change);
    return { name, changed: true };
  }
  if (change.kind === 'identify') return { name, changed: await turn.identify(change) };
  if (change.kind === 'grant') return { name, changed: await turn.grant(name, change) };
  if (change.kind === 'issueKey') return { name, changed: true, ...(await turn.issueKey(name)) };
  if (change.kind === 'revokeKey') return { name, changed: await turn.revokeKey(name, change.keyId, change.reason) };
  if (change.kind === 'replace') return { name, changed: true, ...(await turn.replace(name, change.by, change.reason)) };
  if (change.kind === 'revoke') {
    await turn.revoke(name, change, change.reason);
    return { name, changed: true };
  }
  return { name, changed: await turn.setActive(name, change.kind === 'activate', change.reason) };
}
