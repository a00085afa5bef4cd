import { randomBytes, randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { PerennialError } from '../contracts/failures.js';
import { ALL_MODELS, type Grant, type Identity, type PrincipalKind, RESERVED_ACTORS } from '../contracts/roles.js';
import { type AuditLedger, SYSTEM_ACTOR } from './audit-ledger.js';
import { hashOfKey } from './callers.repository.js';
import { ApiKey, ApiKeyRevocation } from './entities/api-key.entity.js';
import { Model } from './entities/model.entity.js';
import { PersonReplacement, Principal, RoleGrant, RoleRevocation } from './entities/principal.entity.js';
import { handFindingsOver } from './findings.repository.js';
import { handEntriesOver } from './inventory-imports.repository.js';
import { lockPeople } from './successors.js';

export interface NewPrincipal {
  readonly name: string;
  readonly as: PrincipalKind;
  readonly identity: Identity | null;
}

/** What of a name that is known is to be another. */
export interface NewIdentity {
  readonly name: string;
  /** Null: it stays. */
  readonly identity: Identity | null;
  /** That a service, such as an upgrade made of everybody who had a key, is a person. Null: it stays what it is. */
  readonly as: Extract<PrincipalKind, 'person'> | null;
  /** Null only where nothing is replaced by it. */
  readonly reason: string | null;
}

/** Who changes people, and when. */
export interface Changer {
  readonly actor: string;
  readonly at: Date;
}

/** A key that was made. The key itself is nowhere else. */
export interface NewKey {
  readonly keyId: string;
  readonly key: string;
}

/** What a replacement came to. */
export interface Replacement {
  readonly grants: readonly Grant[];
  readonly keysRevoked: number;
  /** Open findings that were theirs to mend. */
  readonly findings: number;
  /** Whose owner they were, by its spec. */
  readonly models: readonly string[];
  /** Imported inventory entries whose owner they were. */
  readonly entries: number;
}

/** Changes of people within one transaction, each with its audit entry. */
export class PeopleTurn {
  private constructor(
    private readonly manager: EntityManager,
    private readonly audit: AuditLedger,
    private readonly changer: Changer,
  ) {}

  /** Waits for its turn. */
  static async begin(manager: EntityManager, audit: AuditLedger, changer: Changer): Promise<PeopleTurn> {
    await lockPeople(manager, 'change');
    return new PeopleTurn(manager, audit, changer);
  }

  /** @throws PerennialError `PeopleConflict` when the name or the identity is somebody's */
  async register({ name, as: kind, identity }: NewPrincipal): Promise<void> {
    if (RESERVED_ACTORS.some((reserved) => reserved === name)) throw conflict(`${name} is a name of Perennial's own; choose another`);
    if (await this.manager.existsBy(Principal, { name })) throw conflict(`${name} is registered already; choose another name, or give roles to that one`);
    const known = identity && (await this.manager.findOneBy(Principal, { ...identity }));
    if (known) throw conflict(`The subject ${identity.subject} of ${identity.issuer} is registered already, as ${known.name}`);
    const { actor, at } = this.changer;
    await this.manager.insert(Principal, { name, kind, issuer: identity?.issuer ?? null, subject: identity?.subject ?? null, active: true, registeredBy: actor, registeredAt: at });
    await this.enter(name, 'person.registered', { kind, ...identity });
  }

  /**
   * Says whose tokens a known name's are, and that it is a person: so nobody who gets an account needs a second name, under which they could approve what they made under the first.
   * An identity that a deactivated name has goes over.
   * @returns false when it was so before. @throws PerennialError `PeopleConflict` when the identity is somebody's who acts, `InvalidRequest` when something is replaced without a reason
   */
  async identify({ name, identity, as, reason }: NewIdentity): Promise<boolean> {
    const { kind, issuer, subject } = await this.principal(name);
    const other = identity && (identity.issuer !== issuer || identity.subject !== subject) ? identity : null;
    const becomes = as === null || as === kind ? null : as;
    if (becomes && name === this.changer.actor) throw conflict('Nobody makes a person of themselves; ask another administrator');
    if ((becomes || (other && issuer !== null)) && reason === null) throw new PerennialError('InvalidRequest', `${name} has ${becomes ? 'another kind' : 'another identity'} already; say why it is replaced`);
    if (other) {
      await this.free(other, name, reason);
      await this.manager.update(Principal, { name }, { ...other });
      await this.enter(name, 'person.identified', { from: issuer === null ? null : { issuer, subject }, to: { ...other } }, { reason });
    }
    if (becomes) {
      await this.manager.update(Principal, { name }, { kind: becomes });
      await this.enter(name, 'person.kindChanged', { from: kind, to: becomes }, { reason });
    }
    return other !== null || becomes !== null;
  }

  /** @returns false when it was so before */
  async setActive(name: string, active: boolean, reason: string): Promise<boolean> {
    if ((await this.principal(name)).active === active) return false;
    await this.manager.update(Principal, { name }, { active });
    if (active) await this.setSuccessor(name, null);
    await this.enter(name, active ? 'person.activated' : 'person.deactivated', {}, { reason });
    return true;
  }

  /** @returns false when the role was in force before */
  async grant(name: string, { role, model }: Grant): Promise<boolean> {
    const { actor, at } = this.changer;
    if (name === actor) throw conflict('Nobody gives a role to themselves; ask another administrator');
    if (role === 'administrator' && model !== ALL_MODELS) throw new PerennialError('InvalidRequest', 'An administrator is one of all models; leave the model out');
    await this.activePrincipal(name);
    if ((await this.grantsOf(name)).some((grant) => grant.role === role && grant.model === model)) return false;
    await this.manager.insert(RoleGrant, { id: randomUUID(), principal: name, role, model, grantedBy: actor, grantedAt: at });
    await this.enter(name, 'role.granted', { role, model }, { of: model });
    return true;
  }

  /** @throws PerennialError `NotFound` when the role is not in force */
  async revoke(name: string, { role, model }: Grant, reason: string): Promise<void> {
    await this.principal(name);
    const grant = (await this.grantsOf(name)).find((one) => one.role === role && one.model === model);
    if (!grant) throw new PerennialError('NotFound', `${name} is no ${role} ${model === ALL_MODELS ? 'for all models' : `of ${model}`}; \`perennial people show ${name}\` lists the roles`);
    await this.end(grant, reason);
  }

  /** Makes a key. It can be read from the answer alone. */
  async issueKey(name: string): Promise<NewKey> {
    await this.activePrincipal(name);
    const [keyId, key] = [randomUUID(), `per_${randomBytes(32).toString('base64url')}`];
    await this.manager.createQueryBuilder().insert().into(ApiKey, ['id', 'actor', 'hash', 'createdAt']).values({ id: keyId, actor: name, hash: hashOfKey(key), createdAt: this.changer.at }).execute();
    await this.enter(name, 'key.issued', { keyId });
    return { keyId, key };
  }

  /** @returns false when the key was revoked before. @throws PerennialError `NotFound` when it is not a key of theirs */
  async revokeKey(name: string, keyId: string, reason: string): Promise<boolean> {
    const key = await this.manager.findOneBy(ApiKey, { id: keyId, actor: name });
    if (!key) throw new PerennialError('NotFound', `${name} has no key ${keyId}; \`perennial people show ${name}\` lists the keys`);
    if (key.revokedAt !== null || (await this.manager.existsBy(ApiKeyRevocation, { keyId }))) return false;
    await this.manager.insert(ApiKeyRevocation, { keyId, revokedBy: this.changer.actor, revokedAt: this.changer.at });
    await this.enter(name, 'key.revoked', { keyId }, { reason });
    return true;
  }

  /** Gives everything that somebody who leaves is to somebody else, and ends their access. */
  async replace(name: string, by: string, reason: string): Promise<Replacement> {
    if (name === by) throw conflict(`${name} cannot take the place of ${name}`);
    const { kind } = await this.principal(name);
    if ((await this.activePrincipal(by)).kind === 'service' && kind === 'person') throw conflict(`${by} is a service, which decides nothing that ${name} as a person did; name a person`);
    const grants = await this.grantsOf(name);
    for (const grant of grants) {
      await this.end(grant, reason);
      await this.grant(by, grant);
    }
    let keysRevoked = 0;
    for (const { id } of await this.manager.findBy(ApiKey, { actor: name })) keysRevoked += Number(await this.revokeKey(name, id, reason));
    const models = await this.giveModels(name, by);
    const findings = await handFindingsOver(this.manager, { from: name, to: by, by: this.changer.actor, at: this.changer.at }, this.audit);
    const entries = await handEntriesOver(this.manager, { from: name, to: by, by: this.changer.actor, at: this.changer.at }, this.audit);
    await this.setActive(name, false, reason);
    await this.setSuccessor(name, by);
    await this.enter(name, 'person.replaced', { by, findings, models, entries }, { reason });
    return { grants: grants.map(({ role, model }) => ({ role, model })), keysRevoked, findings, models, entries };
  }

  /** @param successor null: the leaver came back and is meant by their own name again, also when they are away later */
  private async setSuccessor(name: string, successor: string | null): Promise<void> {
    const number = (await this.manager.maximum(PersonReplacement, 'number', { name })) ?? 0;
    if (number === 0 && successor === null) return;
    await this.manager.insert(PersonReplacement, { name, number: number + 1, successor, replacedBy: this.changer.actor, at: this.changer.at });
  }

  /** @throws PerennialError `PeopleConflict` when nobody is left who could manage people */
  async requireAdministrator(): Promise<void> {
    const [found]: { n: number }[] = await this.manager.query(
      `SELECT count(*)::int AS n FROM role_grant g JOIN principal p ON p.name = g.principal
       WHERE p.active AND g.role = 'administrator' AND g.model = $1 AND NOT EXISTS (SELECT FROM role_revocation r WHERE r.grant_id = g.id)`,
      [ALL_MODELS],
    );
    if (found?.n === 0) throw conflict('Nobody would be left who may manage people; make somebody else an administrator first');
  }

  /** Their specs still name the leaver, as what was approved; one that is applied and names them makes it the successor's as well. */
  private async giveModels(from: string, to: string): Promise<string[]> {
    const owned = await this.manager.find(Model, { where: { owner: from }, order: { name: 'ASC' }, lock: { mode: 'for_no_key_update' } });
    for (const { name: model } of owned) {
      await this.manager.update(Model, { name: model }, { owner: to });
      await this.audit.append(this.manager, { at: this.changer.at, actor: this.changer.actor, action: 'model.ownerReplaced', model, subject: `model/${model}`, details: { from, to } });
    }
    return owned.map(({ name: model }) => model);
  }

  /** Takes an identity from a name that is deactivated. */
  private async free(identity: Identity, name: string, reason: string | null): Promise<void> {
    const holder = await this.manager.findOneBy(Principal, { ...identity });
    if (!holder) return;
    if (holder.active || reason === null) throw conflict(`The subject ${identity.subject} of ${identity.issuer} is registered already, as ${holder.name}; ${holder.active ? 'deactivate that name first, if it is the same person' : 'say why it goes over'}`);
    await this.manager.update(Principal, { name: holder.name }, { issuer: null, subject: null });
    await this.enter(holder.name, 'person.identified', { from: { ...identity }, to: null, by: name }, { reason });
  }

  private grantsOf(name: string): Promise<RoleGrant[]> {
    return this.manager.createQueryBuilder(RoleGrant, 'grant_').leftJoin(RoleRevocation, 'over', 'over.grantId = grant_.id')
      .where('grant_.principal = :name AND over.grantId IS NULL', { name }).orderBy('grant_.role').addOrderBy('grant_.model').getMany();
  }

  private async end({ id, principal, role, model }: RoleGrant, reason: string): Promise<void> {
    await this.manager.insert(RoleRevocation, { grantId: id, revokedBy: this.changer.actor, revokedAt: this.changer.at });
    await this.enter(principal, 'role.revoked', { role, model }, { reason, of: model });
  }

  private async principal(name: string): Promise<Principal> {
    const found = await this.manager.findOneBy(Principal, { name });
    if (!found) throw new PerennialError('NotFound', `Nobody is registered as ${JSON.stringify(name)}; \`perennial people list\` shows everybody`);
    return found;
  }

  private async activePrincipal(name: string): Promise<Principal> {
    const principal = await this.principal(name);
    if (!principal.active) throw conflict(`${name} is deactivated; activate them first`);
    return principal;
  }

  private enter(name: string, action: string, details: Readonly<Record<string, unknown>>, { reason, of = ALL_MODELS }: { readonly reason?: string | null; readonly of?: string } = {}): Promise<void> {
    const { actor, at } = this.changer;
    return this.audit.append(this.manager, { at, actor, action, model: of === ALL_MODELS ? null : of, subject: `person/${name}`, details, texts: { reason } });
  }
}

/** Somebody who is registered already, or a service or person to be, and the roles for all models that they shall have. */
export interface KeyHolder {
  readonly name: string;
  readonly roles: readonly Grant['role'][];
  /** What a name that is not known is registered as. Where nothing is said, a person; who shall be nothing but a service is one. */
  readonly as?: PrincipalKind;
}

/** Registers somebody who is missing, gives them the roles for all models that they lack, and makes a key. @throws PerennialError `InvalidRequest` when they would have no role */
export async function equip(manager: EntityManager, audit: AuditLedger, { name, roles, as = kindOf(roles) }: KeyHolder, at: Date): Promise<NewKey> {
  const turn = await PeopleTurn.begin(manager, audit, { actor: SYSTEM_ACTOR, at });
  if (!(await manager.existsBy(Principal, { name }))) {
    if (roles.length === 0) throw new PerennialError('InvalidRequest', `${name} is not registered yet: name the roles that it shall have`);
    await turn.register({ name, as, identity: null });
  }
  for (const role of roles) await turn.grant(name, { role, model: ALL_MODELS });
  return turn.issueKey(name);
}

const kindOf = (roles: readonly Grant['role'][]): PrincipalKind => (roles.length === 1 && roles[0] === 'service' ? 'service' : 'person');

const conflict = (message: string): PerennialError => new PerennialError('PeopleConflict', message);
