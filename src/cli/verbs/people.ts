import type { PeopleChanged, PeopleListAnswer, PersonAnswer } from '../../api/people/people.dto.js';
import type { PrincipalKind, Role } from '../../contracts/roles.js';
import { jsonBody } from '../api-client.js';
import { moment } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { facts, table } from '../table.js';
import { plain } from '../terminal.js';

export interface NewPersonOptions {
  readonly kind: PrincipalKind;
  readonly issuer?: string;
  readonly subject?: string;
}

export interface IdentityOptions {
  readonly kind?: Extract<PrincipalKind, 'person'>;
  readonly issuer?: string;
  readonly subject?: string;
  readonly reason?: string;
}

export interface RoleOptions {
  readonly model?: string;
  /** Of a role that is taken away. */
  readonly reason?: string;
}

const PATH = '/v1/people';
const pathOf = (name: string): string => `${PATH}/${encodeURIComponent(name)}`;

/** `perennial people list`: everybody, with the roles that are in force. */
export async function people(session: Session): Promise<ExitCode> {
  const items: PersonAnswer[] = [];
  for (let next: string | null = PATH; next !== null;) {
    const page: PeopleListAnswer = await session.api.get<PeopleListAnswer>(next);
    items.push(...page.items);
    next = page.next;
  }
  const rows = items.map((one) => [one.name, one.kind, one.active ? 'yes' : 'no', rolesOf(one).join(', '), String(one.keys.filter(({ revokedAt }) => revokedAt === null).length), one.subject ?? '']);
  const columns = [{ title: 'NAME' }, { title: 'KIND' }, { title: 'ACTIVE' }, { title: 'ROLES' }, { title: 'KEYS', align: 'right' as const }, { title: 'SUBJECT' }];
  session.show({ items }, () => table(session.terminal, columns, rows, 'Nobody is registered'));
  return EXIT.done;
}

const rolesOf = ({ grants }: PersonAnswer): string[] => grants.filter(({ revokedAt }) => revokedAt === null).map(({ role, model }) => (model === '*' ? role : `${role} of ${model}`));

/** `perennial people show <name>`: also roles and keys that were. */
export async function person(session: Session, name: string): Promise<ExitCode> {
  const found = await session.api.get<PersonAnswer>(pathOf(name));
  session.show(found, () => [
    facts(session.terminal, [['name', found.name], ['kind', found.kind], ['active', found.active ? 'yes' : 'no'], ['issuer', found.issuer], ['subject', found.subject], ['registered', by(found.registeredAt, found.registeredBy)]]),
    table(session.terminal, [{ title: 'ROLE' }, { title: 'MODEL' }, { title: 'GIVEN' }, { title: 'TAKEN AWAY' }],
      found.grants.map((grant) => [grant.role, grant.model === '*' ? 'all' : grant.model, by(grant.grantedAt, grant.grantedBy), by(grant.revokedAt, grant.revokedBy)]), 'no role'),
    table(session.terminal, [{ title: 'KEY' }, { title: 'MADE' }, { title: 'REVOKED' }], found.keys.map((key) => [key.keyId, moment(key.createdAt), by(key.revokedAt, key.revokedBy)]), 'no key'),
  ].join('\n'));
  return EXIT.done;
}

const by = (at: string | null, who: string | null): string => (at === null ? '' : `${moment(at)}${who === null ? '' : ` by ${who}`}`);

/** `perennial people add <name>` */
export function addPerson(session: Session, name: string, { kind, issuer, subject }: NewPersonOptions): Promise<ExitCode> {
  const identity = issuer === undefined && subject === undefined ? null : { issuer, subject };
  return change(session, PATH, { name, kind, identity }, () => `${name} is registered, without a role`);
}

/** `perennial people identify <name>` */
export function identifyPerson(session: Session, name: string, { kind, issuer, subject, reason }: IdentityOptions): Promise<ExitCode> {
  const identity = issuer === undefined && subject === undefined ? null : { issuer, subject };
  return change(session, `${pathOf(name)}/identify`, { identity, kind: kind ?? null, reason: reason ?? null }, ({ changed }) =>
    `${name} is ${[...(kind === undefined ? [] : ['a person']), ...(identity ? [`${subject ?? ''} of ${issuer ?? ''}`] : [])].join(', ')}${changed ? '' : ' already'}`);
}

/** `perennial people activate|deactivate <name>` */
export const setPersonActive = (session: Session, active: boolean, name: string, reason: string): Promise<ExitCode> =>
  change(session, `${pathOf(name)}/${active ? 'activate' : 'deactivate'}`, { reason }, ({ changed }) => `${name} is ${active ? 'active' : 'deactivated'}${changed ? '' : ' already'}`);

/** `perennial people grant <name> <role>` */
export const grantRole = (session: Session, name: string, role: Role, { model }: RoleOptions): Promise<ExitCode> =>
  change(session, `${pathOf(name)}/grant`, { role, model }, ({ changed }) => `${name} is ${role} ${of(model)}${changed ? '' : ' already'}`);

/** `perennial people revoke <name> <role>` */
export const revokeRole = (session: Session, name: string, role: Role, { model, reason }: RoleOptions): Promise<ExitCode> =>
  change(session, `${pathOf(name)}/revoke`, { role, model, reason }, () => `${name} is no ${role} ${of(model)} any more`);

const of = (model: string | undefined): string => (model === undefined ? 'for all models' : `of ${model}`);

/** `perennial people key <name>`: prints the key alone, for a file or a secret store. */
export async function issueKey(session: Session, name: string): Promise<ExitCode> {
  const made = await session.api.command<PeopleChanged>(`${pathOf(name)}/keys`, jsonBody({}));
  session.show(made, () => `${made.key ?? ''}\n`);
  session.note(`It is shown this once; \`perennial people revoke-key ${name} ${made.keyId ?? ''}\` revokes it`);
  return EXIT.done;
}

/** `perennial people revoke-key <name> <key>` */
export const revokeKey = (session: Session, name: string, keyId: string, reason: string): Promise<ExitCode> =>
  change(session, `${pathOf(name)}/keys/${encodeURIComponent(keyId)}/revoke`, { reason }, ({ changed }) => `the key is revoked${changed ? '' : ' already'}`);

/** `perennial people replace <name> <by>` */
export const replacePerson = (session: Session, name: string, successor: string, reason: string): Promise<ExitCode> =>
  change(session, `${pathOf(name)}/replace`, { by: successor, reason }, ({ grants, keysRevoked, findings, models, entries }) =>
    `${successor} takes the place of ${name}: ${grants?.length ?? 0} ${grants?.length === 1 ? 'role' : 'roles'} given on, ${keysRevoked ?? 0} ${keysRevoked === 1 ? 'key' : 'keys'} revoked${findings ? `, ${findings} open ${findings === 1 ? 'finding' : 'findings'} handed over` : ''}${entries ? `, ${entries} imported ${entries === 1 ? 'entry' : 'entries'} of the inventory` : ''}${models && models.length > 0 ? `; owner of ${models.join(', ')}, whose ${models.length === 1 ? 'spec still names' : 'specs still name'} ${name}: apply one that names ${successor}` : ''}`);

async function change(session: Session, path: string, body: object, told: (changed: PeopleChanged) => string): Promise<ExitCode> {
  const changed = await session.api.command<PeopleChanged>(path, jsonBody(body));
  session.show(changed, () => `${plain(told(changed))}\n`);
  return EXIT.done;
}
