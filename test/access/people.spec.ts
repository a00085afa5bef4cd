import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningApi, startApi } from '../../src/api/api.js';
import { peopleListSchema, personSchema } from '../../src/api/people/people.dto.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { anyFreePort } from '../../src/embedded/ports.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { CallersRepository } from '../../src/registry/callers.repository.js';
import { CommandsRepository } from '../../src/registry/commands.repository.js';
import { FindingsRepository } from '../../src/registry/findings.repository.js';
import { ModelsRepository } from '../../src/registry/models.repository.js';
import { parseSpec } from '../../src/spec/parse-spec.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { smallSpec } from '../small-model.js';

let registry: RegistryServer;
let api: RunningApi;
let boss: string;
let commands: CommandsRepository;

beforeAll(async () => {
  registry = await startRegistryServer();
  boss = await registry.apiKey('boss', ['administrator']);
  commands = new CommandsRepository(registry.dataSource, new AuditLedger(registry.dataSource));
  api = await startApi(readEnvironment({
    DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: join(registry.folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'error',
  }), { outcomeTimeoutMs: 100 });
});

afterAll(async () => {
  await api?.close();
  await registry?.stop();
});

const REASON = { reason: 'for the test' };

async function call(method: 'GET' | 'POST', path: string, body?: object, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(`${api.url}/v1${path}`, {
    method, headers: { authorization: `Bearer ${boss}`, ...(body ? { 'content-type': 'application/json' } : {}), ...headers }, ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, any> };
}
const change = (path: string, body: object = {}, headers: Readonly<Record<string, string>> = {}) => call('POST', `/people${path}`, body, headers);
const person = async (name: string) => personSchema.parse((await call('GET', `/people/${name}`)).body);
const inForce = async (name: string): Promise<string[]> => (await person(name)).grants.filter(({ revokedAt }) => revokedAt === null).map(({ role, model }) => `${role} ${model}`).sort();
const statusWith = async (key: string, path = '/v1/models'): Promise<number> => (await fetch(api.url + path, { headers: { authorization: `Bearer ${key}` } })).status;
const entriesOf = async (name: string): Promise<string[]> =>
  (await registry.dataSource.query<{ action: string }[]>('SELECT action FROM audit_entry WHERE subject = $1 ORDER BY id', [`person/${name}`])).map(({ action }) => action);

async function newPerson(...roles: readonly (readonly [role: string, model: string])[]): Promise<string> {
  const name = `p-${randomUUID()}`;
  expect((await change('', { name, kind: 'person' })).status).toBe(200);
  for (const [role, model] of roles) expect((await change(`/${name}/grant`, { role, model })).body).toMatchObject({ name, changed: true });
  return name;
}
const keyOf = async (name: string): Promise<{ key: string; keyId: string }> => (await change(`/${name}/keys`)).body as { key: string; keyId: string };

describe('an administrator', () => {
  it('registers people, gives and takes roles, and all of it is kept', async () => {
    const name = await newPerson(['developer', 'flight-delay'], ['operator', '*']);
    expect(await inForce(name)).toEqual(['developer flight-delay', 'operator *']);
    expect((await change(`/${name}/grant`, { role: 'operator' })).body).toMatchObject({ changed: false });
    expect((await change(`/${name}/revoke`, { role: 'operator', ...REASON })).body).toMatchObject({ changed: true });
    expect(await inForce(name)).toEqual(['developer flight-delay']);
    expect((await person(name)).grants).toContainEqual(expect.objectContaining({ role: 'operator', grantedBy: 'boss', revokedBy: 'boss' }));
    expect(await change(`/${name}/revoke`, { role: 'operator', ...REASON })).toMatchObject({ status: 404, body: { type: 'urn:perennial:NotFound' } });
    expect((await change(`/${name}/grant`, { role: 'operator' })).body).toMatchObject({ changed: true });
    expect(await entriesOf(name)).toEqual(['person.registered', 'role.granted', 'role.granted', 'role.revoked', 'role.granted']);
  });

  it('makes keys that are shown once and kept as a hash, and revokes them', async () => {
    const name = await newPerson(['auditor', '*']);
    const header = { 'idempotency-key': randomUUID() };
    const first = await change(`/${name}/keys`, {}, header);
    const again = await change(`/${name}/keys`, {}, header);
    expect(again.body).toEqual({ name, changed: true, keyId: first.body['keyId'], status: `/v1/people/${name}` });
    const { key, keyId } = first.body as { key: string; keyId: string };
    expect(await statusWith(key)).toBe(200);
    expect((await person(name)).keys).toMatchObject([{ keyId, revokedAt: null }]);
    const stored = await registry.dataSource.query<{ text: string }[]>('SELECT c::text AS text FROM people_command c UNION ALL SELECT k::text FROM api_key k UNION ALL SELECT convert_from(details, $1) FROM audit_entry', ['UTF8']);
    expect(stored.filter(({ text }) => text.includes(key))).toEqual([]);
    expect((await change(`/${name}/keys/${keyId}/revoke`, REASON)).body).toMatchObject({ changed: true });
    expect((await change(`/${name}/keys/${keyId}/revoke`, REASON)).body).toMatchObject({ changed: false });
    expect(await statusWith(key)).toBe(401);
  });

  it('deactivates and activates somebody, who keeps roles and keys meanwhile', async () => {
    const name = await newPerson(['owner', '*']);
    const { key } = await keyOf(name);
    await change(`/${name}/deactivate`, REASON);
    expect(await statusWith(key)).toBe(403);
    expect(await change(`/${name}/keys`)).toMatchObject({ status: 409, body: { type: 'urn:perennial:PeopleConflict' } });
    await change(`/${name}/activate`, REASON);
    expect(await statusWith(key)).toBe(200);
    expect(await entriesOf(name)).toEqual(['person.registered', 'role.granted', 'key.issued', 'person.deactivated', 'person.activated']);
  });

  it('has each request take effect once, however often and at the same time it is sent', async () => {
    const name = `p-${randomUUID()}`;
    const header = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all(Array.from({ length: 12 }, () => change('', { name, kind: 'service' }, header)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)).size).toBe(1);
    expect(await entriesOf(name)).toEqual(['person.registered']);
    expect(await change('', { name: 'other', kind: 'service' }, header)).toMatchObject({ status: 422, body: { type: 'urn:perennial:IdempotencyKeyReused' } });
  });

  it.each<[string, () => Promise<{ status: number; body: Record<string, any> }>, number, RegExp]>([
    ['a name that is taken', () => change('', { name: 'boss', kind: 'person' }), 409, /registered already/],
    ["a name of Perennial's own", () => change('', { name: 'perennial', kind: 'person' }), 409, /of Perennial's own/],
    ['a name with a slash', () => change('', { name: 'a/b', kind: 'person' }), 400, /body.name/],
    ['half an identity', () => change('', { name: 'half', kind: 'person', identity: { issuer: 'https://login.example.com' } }), 400, /subject/],
    ['a role that does not exist', () => change('/boss/grant', { role: 'king' }), 400, /body.role/],
    ['a role for oneself', () => change('/boss/grant', { role: 'owner' }), 409, /to themselves/],
    ['an administrator of one model', async () => change(`/${await newPerson()}/grant`, { role: 'administrator', model: 'flight-delay' }), 400, /all models/],
    ['nobody', () => change('/nobody/grant', { role: 'owner' }), 404, /Nobody is registered/],
    ["somebody else's key", async () => change(`/boss/keys/${(await keyOf(await newPerson())).keyId}/revoke`, REASON), 404, /has no key/],
    ['a replacement by oneself', async () => { const name = await newPerson(); return change(`/${name}/replace`, { by: name, ...REASON }); }, 409, /cannot take the place/],
  ])('is refused %s', async (_, ask, status, says) => {
    expect(await ask()).toMatchObject({ status, body: { detail: expect.stringMatching(says) as string } });
  });

  it('is refused an identity that is somebody\'s', async () => {
    const identity = { issuer: 'https://login.example.com', subject: randomUUID() };
    expect((await change('', { name: `p-${randomUUID()}`, kind: 'person', identity })).status).toBe(200);
    expect(await change('', { name: `p-${randomUUID()}`, kind: 'person', identity })).toMatchObject({ status: 409, body: { detail: expect.stringContaining('registered already, as p-') as string } });
  });

  it('gives a name that is known an identity, and only with a reason another one', async () => {
    const name = await newPerson(['developer', 'flight-delay']);
    const { key } = await keyOf(name);
    const [first, second] = [randomUUID(), randomUUID()].map((subject) => ({ issuer: 'https://login.example.com', subject }));
    const callers = new CallersRepository(registry.dataSource, new AuditLedger(registry.dataSource));
    expect((await change(`/${name}/identify`, { identity: first })).body).toMatchObject({ name, changed: true });
    expect((await change(`/${name}/identify`, { identity: first })).body).toMatchObject({ changed: false });
    expect(await callers.byIdentity(first!)).toMatchObject({ name, grants: [{ role: 'developer', model: 'flight-delay' }] });
    expect(await change(`/${name}/identify`, { identity: second })).toMatchObject({ status: 400, body: { detail: expect.stringContaining('say why it is replaced') as string } });
    expect((await change(`/${name}/identify`, { identity: second, ...REASON })).body).toMatchObject({ changed: true });
    expect([await callers.byIdentity(first!), (await callers.byIdentity(second!))?.name]).toEqual([null, name]);
    expect(await statusWith(key)).toBe(200);
    expect(await entriesOf(name)).toEqual(['person.registered', 'role.granted', 'key.issued', 'person.identified', 'person.identified']);
    expect(await change(`/${name}/identify`, REASON)).toMatchObject({ status: 400, body: { detail: expect.stringContaining('neither an identity nor a kind') as string } });
  });

  it('gives the identity of a second name to the first, when the second is deactivated', async () => {
    const [first, second] = [await newPerson(), `p-${randomUUID()}`];
    const identity = { issuer: 'https://login.example.com', subject: randomUUID() };
    await change('', { name: second, kind: 'person', identity });
    expect(await change(`/${first}/identify`, { identity, ...REASON })).toMatchObject({ status: 409, body: { detail: expect.stringContaining(`registered already, as ${second}; deactivate that name first`) as string } });
    await change(`/${second}/deactivate`, REASON);
    expect(await change(`/${first}/identify`, { identity })).toMatchObject({ status: 409, body: { detail: expect.stringContaining('say why it goes over') as string } });
    expect((await change(`/${first}/identify`, { identity, ...REASON })).body).toMatchObject({ changed: true });
    expect([(await person(first)).subject, (await person(second)).subject]).toEqual([identity.subject, null]);
    expect((await entriesOf(second)).at(-1)).toBe('person.identified');
  });

  it('makes a person of a service that an upgrade registered, so that it may decide, but not of themselves', async () => {
    const name = `p-${randomUUID()}`;
    await change('', { name, kind: 'service' });
    await change(`/${name}/grant`, { role: 'approver' });
    const { key } = await keyOf(name);
    const vote = () => fetch(`${api.url}/v1/models/flight-delay/approvals/1/votes`, {
      method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify({ choice: 'abstain', digest: `sha256:${'0'.repeat(64)}`, ...REASON }),
    });
    expect((await vote()).status).toBe(403);
    expect(await change(`/${name}/identify`, { kind: 'person' })).toMatchObject({ status: 400, body: { detail: expect.stringContaining('another kind already; say why') as string } });
    expect((await change(`/${name}/identify`, { kind: 'person', ...REASON })).body).toMatchObject({ changed: true });
    expect((await vote()).status).not.toBe(403);
    expect(await change(`/${name}/identify`, { kind: 'service', ...REASON })).toMatchObject({ status: 400 });
    const [{ details }] = await registry.dataSource.query<[{ details: Buffer }]>("SELECT details FROM audit_entry WHERE subject = $1 AND action = 'person.kindChanged'", [`person/${name}`]);
    expect(JSON.parse(details.toString('utf8'))).toMatchObject({ from: 'service', to: 'person' });
    expect(details.toString('utf8')).not.toContain(REASON.reason);
    await registry.asOwner((owner) => owner.query("UPDATE principal SET kind = 'service' WHERE name = 'boss'"));
    expect(await change('/boss/identify', { kind: 'person', ...REASON })).toMatchObject({ status: 409, body: { detail: expect.stringContaining('Nobody makes a person of themselves') as string } });
    await registry.asOwner((owner) => owner.query("UPDATE principal SET kind = 'person' WHERE name = 'boss'"));
  });

  it('reads everybody page by page', async () => {
    const names: string[] = [];
    for (let next: string | null = '/people?limit=3'; next !== null;) {
      const page = peopleListSchema.parse((await call('GET', next)).body);
      expect(page.items.length).toBeLessThanOrEqual(3);
      names.push(...page.items.map(({ name }) => name));
      next = page.next?.slice('/v1'.length) ?? null;
    }
    expect(names).toContain('boss');
    expect(new Set(names).size).toBe(names.length);
    const [{ n }] = await registry.dataSource.query<[{ n: number }]>('SELECT count(*)::int AS n FROM principal');
    expect(names).toHaveLength(n);
  });
});

describe('the last administrator', () => {
  it('cannot be taken away, in no way', async () => {
    for (const [path, body] of [['/boss/deactivate', REASON], ['/boss/revoke', { role: 'administrator', ...REASON }]] as const) {
      expect(await change(path, body)).toMatchObject({ status: 409, body: { detail: expect.stringContaining('Nobody would be left') as string } });
    }
    expect(await inForce('boss')).toEqual(['administrator *']);
    expect(await statusWith(boss, '/v1/people')).toBe(200);
  });

  it('is left when two take the role from each other at the same moment', async () => {
    const second = await newPerson(['administrator', '*']);
    const { key } = await keyOf(second);
    const answers = await Promise.all([
      change(`/${second}/revoke`, { role: 'administrator', ...REASON }),
      change('/boss/revoke', { role: 'administrator', ...REASON }, { authorization: `Bearer ${key}` }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403]);
    const [{ n }] = await registry.dataSource.query<[{ n: number }]>(
      "SELECT count(*)::int AS n FROM role_grant g WHERE role = 'administrator' AND NOT EXISTS (SELECT FROM role_revocation r WHERE r.grant_id = g.id)");
    expect(n).toBe(1);
    // Where the other one is left, the role is given back: the tests that follow know one administrator.
    if (answers[0]?.status !== 200) {
      await change('/boss/grant', { role: 'administrator' }, { authorization: `Bearer ${key}` });
      await change(`/${second}/revoke`, { role: 'administrator', ...REASON });
    }
    expect(await statusWith(boss, '/v1/people')).toBe(200);
  });
});

describe('who leaves', () => {
  it('is replaced everywhere in one transaction, each step with an entry', async () => {
    const leaver = await newPerson(['developer', 'flight-delay'], ['approver', 'churn'], ['operator', '*']);
    const heir = await newPerson(['operator', '*']);
    const keys = [await keyOf(leaver), await keyOf(leaver)];
    const { body } = await change(`/${leaver}/replace`, { by: heir, ...REASON });
    expect(body).toMatchObject({ name: leaver, keysRevoked: 2, grants: expect.arrayContaining([{ role: 'approver', model: 'churn' }]) as unknown });
    expect(await inForce(heir)).toEqual(['approver churn', 'developer flight-delay', 'operator *']);
    expect(await person(leaver)).toMatchObject({ active: false });
    expect(await inForce(leaver)).toEqual([]);
    for (const { key } of keys) expect(await statusWith(key)).toBe(401);
    expect((await entriesOf(leaver)).slice(-7)).toEqual(['role.revoked', 'role.revoked', 'role.revoked', 'key.revoked', 'key.revoked', 'person.deactivated', 'person.replaced']);
    expect((await entriesOf(heir)).slice(-2)).toEqual(['role.granted', 'role.granted']);
  });

  it('hands over the findings that are open and the models that were theirs, and what they do from then on is the successor\'s', async () => {
    const [leaver, heir] = [await newPerson(['validator', '*']), await newPerson()];
    const { dataSource } = registry;
    const [model, other] = [`m-${randomUUID().slice(0, 8)}`, `o-${randomUUID().slice(0, 8)}`];
    const audit = new AuditLedger(dataSource);
    for (const [name, owner] of [[model, leaver], [other, 'somebody']] as const) {
      const source = smallSpec({ model: name }).replace('owner: test-team', `owner: ${owner}`);
      await dataSource.transaction((manager) => new ModelsRepository(dataSource).apply(manager, source, parseSpec(source), 'ada', new Date()));
    }
    const findings = new FindingsRepository(dataSource, audit);
    const open = (owner: string): Promise<number> => dataSource.transaction((manager) => findings.open(manager, {
      model, version: null, source: 'sweep', severity: 'high', title: 'x', evidenceNeeded: 'y', owner, dueAt: new Date(Date.now() - 1_000), openedBy: 'perennial', commandId: null, at: new Date(),
    }, { workflowId: null, runId: null }));
    const [mine, closed, theirs] = [await open(leaver), await open(leaver), await open('somebody')];
    await dataSource.transaction((manager) => findings.close(manager, { model, number: closed }, { closedBy: 'vera', evidence: 'z', artifactDigest: null, commandId: null, at: new Date() }, { workflowId: null, runId: null }));

    expect((await change(`/${leaver}/replace`, { by: heir, ...REASON })).body).toMatchObject({ findings: 1, models: [model] });
    expect((await findings.list(model, 10)).map(({ finding }) => [finding.number, finding.owner])).toEqual([[theirs, 'somebody'], [closed, leaver], [mine, heir]]);
    expect((await findings.stopping(model, new Date())).map(({ owner }) => owner).sort()).toEqual([heir, 'somebody'].sort());
    expect(await dataSource.query('SELECT name, owner FROM model WHERE name = ANY($1) ORDER BY name', [[model, other]])).toEqual([{ name: model, owner: heir }, { name: other, owner: 'somebody' }]);
    const entries = await dataSource.query<{ action: string; subject: string }[]>("SELECT action, subject FROM audit_entry WHERE model = $1 AND actor = 'boss' ORDER BY id", [model]);
    expect(entries).toEqual([{ action: 'model.ownerReplaced', subject: `model/${model}` }, { action: 'finding.handedOver', subject: `finding/${mine}` }]);

    const last = await newPerson();
    expect((await change(`/${heir}/replace`, { by: last, ...REASON })).body).toMatchObject({ findings: 1, models: [model], grants: [{ role: 'validator', model: '*' }] });
    expect((await findings.get({ model, number: mine })).finding.owner).toBe(last);
  });

  it('stays as they were when their successor cannot take the place', async () => {
    const leaver = await newPerson(['developer', 'flight-delay']);
    const { key } = await keyOf(leaver);
    for (const by of ['nobody', 'boss']) expect((await change(`/${leaver}/replace`, { by, ...REASON })).status).toBeGreaterThanOrEqual(404);
    expect(await inForce(leaver)).toEqual(['developer flight-delay']);
    expect(await statusWith(key)).toBe(200);
  });
});

describe('a command whose actor lost the right before it took effect', () => {
  const ORIGIN = { workflowId: 'model/flight-delay', runId: 'run' };
  const accept = async (actor: string) =>
    (await commands.accept({ actor, idempotencyKey: randomUUID(), kind: 'retrain', model: 'flight-delay', body: { deployment: 'default', asOf: null, reason: null } }, new Date())).command;
  const settled = async (id: string) => {
    let effects = 0;
    const outcome = await commands.settle(id, new Date(), ORIGIN, async () => {
      effects += 1;
      return { kind: 'retrain', number: 1, workflowId: 'w', joined: false };
    });
    return { outcome, effects };
  };

  it.each<[string, (name: string) => Promise<unknown>]>([
    ['the role was taken away', (name) => change(`/${name}/revoke`, { role: 'developer', model: 'flight-delay', ...REASON })],
    ['they were deactivated', (name) => change(`/${name}/deactivate`, REASON)],
    ['they were replaced', async (name) => change(`/${name}/replace`, { by: await newPerson(), ...REASON })],
  ])('is refused and has no effect: %s', async (_, lose) => {
    const name = await newPerson(['developer', 'flight-delay'], ['developer', 'churn']);
    const before = await accept(name);
    expect(await settled(before.id)).toMatchObject({ effects: 1 });
    const { id } = await accept(name);
    await lose(name);
    expect(await settled(id)).toMatchObject({ effects: 0, outcome: { kind: 'refused', type: 'Forbidden', details: { permission: 'retrain.request' } } });
    expect(await commands.find(id)).toMatchObject({ state: 'refused' });
    const entries = await registry.dataSource.query<{ action: string; actor: string }[]>('SELECT action, actor FROM audit_entry WHERE command_id = $1', [id]);
    expect(entries).toEqual([{ action: 'retrain.refused', actor: name }]);
  });

  it('is refused when it came past the API, from nobody who is registered', async () => {
    expect(await settled((await accept('stranger')).id)).toMatchObject({ effects: 0, outcome: { type: 'Forbidden' } });
  });

  it('takes effect when the system itself asked for it', async () => {
    expect(await settled((await accept('perennial')).id)).toMatchObject({ effects: 1 });
  });
});

describe('perennial people', () => {
  const cli = async (...args: string[]) => {
    const terminal = new RecordedTerminal({ columns: 200 });
    const code = await runCli(['people', ...args], readEnvironment({ API_URL: api.url, PERENNIAL_API_KEY: boss, STATE_DIR: registry.folder }), 'main.js', terminal);
    return { code, out: terminal.stdout, err: terminal.stderr };
  };

  it('does all of it from a terminal', async () => {
    const [ann, bob, nightly] = [`ann-${randomUUID()}`, `bob-${randomUUID()}`, `nightly-${randomUUID()}`];
    expect(await cli('add', ann, '--issuer', 'https://login.example.com', '--subject', ann)).toMatchObject({ code: 0, out: `${ann} is registered, without a role\n` });
    await cli('add', nightly, '--kind', 'service');
    await cli('add', bob);
    expect(await cli('grant', ann, 'developer', '--model', 'flight-delay')).toMatchObject({ code: 0, out: `${ann} is developer of flight-delay\n` });
    expect((await cli('list')).out).toMatch(new RegExp(`${ann} +person +yes +developer of flight-delay +0 +${ann}`));
    const { out: key, err } = await cli('key', ann);
    expect(await statusWith(key.trim())).toBe(200);
    const keyId = /revoke-key \S+ (\S+)`/.exec(err)?.[1] as string;
    expect((await cli('revoke-key', ann, keyId, '--reason', 'x')).out).toBe('the key is revoked\n');
    expect(await cli('identify', bob, '--issuer', 'https://login.example.com', '--subject', bob)).toMatchObject({ code: 0, out: `${bob} is ${bob} of https://login.example.com\n` });
    expect(await cli('identify', bob, '--kind', 'person')).toMatchObject({ code: 0, out: `${bob} is a person already\n` });
    expect(await cli('replace', ann, nightly, '--reason', 'she leaves')).toMatchObject({ code: 1, err: expect.stringContaining(`${nightly} is a service, which decides nothing that ${ann} as a person did`) as unknown });
    expect((await cli('replace', ann, bob, '--reason', 'she leaves')).out).toBe(`${bob} takes the place of ${ann}: 1 role given on, 0 keys revoked\n`);
    expect((await cli('show', ann)).out).toMatch(/developer +flight-delay .*by boss .*by boss/);
    expect((await cli('activate', ann, '--reason', 'back')).out).toBe(`${ann} is active\n`);
    expect((await cli('revoke', bob, 'developer', '--model', 'flight-delay', '--reason', 'x')).out).toBe(`${bob} is no developer of flight-delay any more\n`);
  });

  it('prints one JSON document with --json, refusals too', async () => {
    expect(JSON.parse((await cli('show', 'boss', '--json')).out)).toMatchObject({ name: 'boss', grants: expect.arrayContaining([expect.objectContaining({ role: 'administrator', revokedAt: null })]) as unknown });
    const refused = await cli('deactivate', 'boss', '--reason', 'x', '--json');
    expect(refused).toMatchObject({ code: 1, err: '' });
    expect(JSON.parse(refused.out)).toMatchObject({ type: 'urn:perennial:PeopleConflict' });
  });
});
