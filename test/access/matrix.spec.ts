import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningApi, startApi } from '../../src/api/api.js';
import { readEnvironment } from '../../src/config/environment.js';
import { canonicalJson } from '../../src/contracts/canonical.js';
import { type Permission, PERMISSIONS, ROLE_PERMISSIONS, rolesWith } from '../../src/contracts/permissions.js';
import { PRINCIPAL_KINDS, type PrincipalKind, type Role, ROLES } from '../../src/contracts/roles.js';
import { anyFreePort } from '../../src/embedded/ports.js';
import { AlarmsRepository } from '../../src/registry/alarms.repository.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { CommandsRepository } from '../../src/registry/commands.repository.js';
import { RoleGrant } from '../../src/registry/entities/principal.entity.js';
import { ModelsRepository } from '../../src/registry/models.repository.js';
import { equip } from '../../src/registry/people-turn.js';
import { parseSpec } from '../../src/spec/parse-spec.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';

const YAML = readFileSync(join(import.meta.dirname, '../../models/flight-delay/model.yaml'), 'utf8');
const [MODEL, OTHER] = ['flight-delay', 'another'];
const AT_ONCE = 16;

/** What each operation takes, said once more: a route that declares something else is wrong in one of the two places. */
const TAKES: Readonly<Record<string, Permission>> = {
  applyModel: 'spec.apply', requestRetrain: 'retrain.request', requestReplay: 'replay.request', bringLabels: 'labels.write', logExperiment: 'experiment.log', requestRelease: 'release.request', steerRelease: 'release.steer',
  requestRollback: 'rollback.request', acknowledgeAlarm: 'alarm.act', snoozeAlarm: 'alarm.act', resolveAlarm: 'alarm.act', testAlarm: 'alarm.act', releaseWindow: 'window.release',
  listAuditEntries: 'audit.read', listPeople: 'people.read', getPerson: 'people.read',
  registerPerson: 'people.manage', activatePerson: 'people.manage', deactivatePerson: 'people.manage', grantRole: 'people.manage', revokeRole: 'people.manage', issueKey: 'people.manage', revokeKey: 'people.manage',
  replacePerson: 'people.manage', identifyPerson: 'people.manage', vote: 'approval.decide', decideValidation: 'validation.decide', explainDecision: 'prediction.read', importInventory: 'inventory.import', requestApproval: 'spec.apply', getCheckpoint: 'ledger.read', getProof: 'ledger.read', exportLedger: 'ledger.read', getReconciliation: 'ledger.read', listCheckpointSinks: 'ledger.read', eraseTexts: 'text.erase',
  confirmGoLive: 'goLive.confirm',
  openFinding: 'finding.open', closeFinding: 'finding.close', recordReview: 'review.record',
  retire: 'retirement.request', withdrawRetirement: 'retirement.request', waiveRetirement: 'retirement.request', confirmRetirement: 'retirement.confirm', setLegalHold: 'legalHold.set', liftLegalHold: 'legalHold.set',
  steerStage: 'stage.steer', sendBackStage: 'stage.sendBack',
};
/** Of all models: whoever may of any sees those. */
const LISTS = new Set(['listFrameworks', 'listModels', 'listAlarms', 'explainDecision', 'listInventory', 'getPortfolio', 'showPortfolio']);
const OPEN = new Set(['receiveAlarm']);

const WHY = { reason: 'for the matrix' };
const BODIES: Readonly<Record<string, () => unknown>> = {
  applyModel: () => ({ spec: YAML }),
  requestRelease: () => ({ version: 1, ...WHY }), steerRelease: () => WHY, requestRollback: () => WHY, acknowledgeAlarm: () => WHY, resolveAlarm: () => WHY, testAlarm: () => WHY, releaseWindow: () => WHY,
  snoozeAlarm: () => ({ until: '2199-01-01', ...WHY }), requestReplay: () => ({ version: 1, from: '2013-01-01', until: '2013-02-01', ...WHY }),
  logExperiment: () => ({ name: 'x', parameters: {}, dataVersion: 'd', codeVersion: 'c', metrics: { auc: 0.5 } }),
  bringLabels: () => ({ labels: [{ prediction_id: 'x', label: 1 }] }),
  registerPerson: () => ({ name: `made-${randomUUID()}`, kind: 'person' }), activatePerson: () => WHY, deactivatePerson: () => WHY, grantRole: () => ({ role: 'approver' }), revokeRole: () => ({ role: 'approver', ...WHY }),
  confirmGoLive: () => WHY,
  decideValidation: () => ({ decision: 'reject', reportDigest: `sha256:${'0'.repeat(64)}`, ...WHY }),
  vote: () => ({ choice: 'abstain', digest: `sha256:${'0'.repeat(64)}`, ...WHY }), requestApproval: () => WHY,
  openFinding: () => ({ severity: 'low', title: 'x', evidenceNeeded: 'y', owner: 'z', dueAt: '2199-01-01' }), closeFinding: () => ({ evidence: 'x' }), recordReview: () => ({ outcome: 'continue', ...WHY }),
  retire: () => ({ trigger: 'unused', ...WHY }), withdrawRetirement: () => WHY, waiveRetirement: () => ({ waives: 'drain', ...WHY }), confirmRetirement: () => ({ consumer: 'nobody', said: 'yes' }), setLegalHold: () => WHY, liftLegalHold: () => WHY,
  steerStage: () => WHY, sendBackStage: () => WHY,
  eraseTexts: () => WHY, revokeKey: () => WHY, replacePerson: () => ({ by: 'somebody', ...WHY }), identifyPerson: () => ({ kind: 'person', ...WHY }),
};

/** For which models a role was given. */
const RELATIONS = { this: MODEL, other: OTHER, all: '*', none: null } as const;
type Relation = keyof typeof RELATIONS;

interface Operation {
  readonly id: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly permission: Permission | undefined;
}

interface CallerOfMatrix {
  readonly kind: PrincipalKind;
  readonly role: Role;
  readonly relation: Relation;
  readonly key: string;
}

let registry: RegistryServer;
let api: RunningApi;
let operations: readonly Operation[];
let document: any;
let callers: readonly CallerOfMatrix[];
let [alarm, command] = ['', ''];

beforeAll(async () => {
  registry = await startRegistryServer();
  const { dataSource } = registry;
  await registry.apiKey('somebody', ['owner']);
  for (const source of [YAML, YAML.replace(`model: ${MODEL}`, `model: ${OTHER}`)]) {
    await dataSource.transaction((manager) => new ModelsRepository(dataSource).apply(manager, source, parseSpec(source), 'somebody', new Date()));
  }
  const audit = new AuditLedger(dataSource);
  const notice = { kind: 'observationsShed', severity: 'warning', deployment: 'default', subject: 'gateway/a', summary: 'x', details: {}, test: false } as const;
  ({ id: alarm } = await new AlarmsRepository(dataSource, audit).raise({ ...notice, model: MODEL, dedupKey: MODEL }, new Date(), { workflowId: null, runId: null }));
  await new AlarmsRepository(dataSource, audit).raise({ ...notice, model: OTHER, dedupKey: OTHER }, new Date(), { workflowId: null, runId: null });
  ({ command: { id: command } } = await new CommandsRepository(dataSource, audit).accept({ actor: 'somebody', idempotencyKey: 'x', kind: 'retrain', model: MODEL, body: { deployment: 'default', asOf: null, reason: null } }, new Date()));
  callers = await makeCallers();
  api = await startApi(readEnvironment({
    DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: join(registry.folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'error',
  }), { outcomeTimeoutMs: 20 });
  document = await (await fetch(`${api.url}/openapi.json`)).json();
  operations = operationsOf(document);
});

afterAll(async () => {
  await api?.close();
  await registry?.stop();
});

/** Past the rules for administrators: what the record could hold, not what they would give. */
async function makeCallers(): Promise<CallerOfMatrix[]> {
  return registry.asOwner((owner) => owner.transaction(async (manager) => {
    const made: CallerOfMatrix[] = [];
    for (const [role, kind] of ROLES.flatMap((one) => PRINCIPAL_KINDS.map((as) => [one, as] as const))) {
      for (const relation of Object.keys(RELATIONS) as Relation[]) {
        const [name, model] = [`${kind === 'service' ? 'service-' : ''}${role}-${relation}`, RELATIONS[relation]];
        await manager.query("INSERT INTO principal (name, kind, active, registered_by, registered_at) VALUES ($1, $2, true, 'test', now())", [name, kind]);
        if (model !== null) await manager.insert(RoleGrant, { id: randomUUID(), principal: name, role, model, grantedBy: 'test', grantedAt: new Date() });
        made.push({ kind, role, relation, key: (await equip(manager, new AuditLedger(owner), { name, roles: [] }, new Date())).key });
      }
    }
    return made;
  }));
}

const operationsOf = ({ paths }: { paths: Record<string, Record<string, any>> }): Operation[] =>
  Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) =>
    ({ id: operation.operationId as string, method: method.toUpperCase() as 'GET' | 'POST', path, permission: operation['x-permission'] as Permission | undefined })));

const PARAMETERS: Readonly<Record<string, string>> = {
  model: MODEL, number: '1', version: '1', batch: '1', deployment: 'default', fromEpoch: '1', from: '2013-01-01', action: 'pause', name: 'nobody', keyId: randomUUID(), hold: '1', stage: 'development',
};

function send({ id, method, path }: Operation, headers: Record<string, string>): Promise<Response> {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === 'id' ? (path.startsWith('/v1/alarms') ? alarm : command) : PARAMETERS[name]!));
  const body = method === 'POST' ? { body: JSON.stringify(BODIES[id]?.() ?? {}) } : {};
  return fetch(api.url + filled, { method, headers: { ...headers, ...(method === 'POST' ? { 'content-type': 'application/json' } : {}) }, ...body });
}

/** What no service decides, said once more. */
const PERSONS_ALONE: readonly Permission[] = ['approval.decide', 'validation.decide', 'finding.close', 'review.record', 'goLive.confirm', 'legalHold.set'];

function mayDo({ id }: Operation, permission: Permission, { kind, role, relation }: CallerOfMatrix): boolean {
  if (kind === 'service' && PERSONS_ALONE.includes(permission)) return false;
  if (!ROLE_PERMISSIONS[role].includes(permission)) return false;
  if (relation === 'all') return true;
  return PERMISSIONS[permission].of === 'model' && (relation === 'this' || (relation === 'other' && LISTS.has(id)));
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => { for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item); }));
}

describe('every operation under /v1', () => {
  const guarded = (): Operation[] => operations.filter(({ id, path }) => path.startsWith('/v1/') && !OPEN.has(id));

  it('declares what it takes, and documents it with both ways to show who calls', () => {
    expect(guarded().length).toBeGreaterThan(45);
    expect(guarded().filter(({ id, permission }) => permission !== (TAKES[id] ?? 'model.read'))).toEqual([]);
    expect(Object.keys(TAKES).filter((id) => !operations.some((operation) => operation.id === id))).toEqual([]);
    for (const { id, method, path, permission } of guarded()) {
      const operation = document.paths[path][method.toLowerCase()];
      expect(operation.security, id).toEqual(expect.arrayContaining([{ bearer: [] }, { apiKey: [] }]));
      expect(operation.description, id).toContain(`\`${permission}\``);
      expect(Object.keys(operation.responses), id).toEqual(expect.arrayContaining(['401', '403']));
    }
  });

  it('answers nobody who does not say who they are', async () => {
    const wrong: string[] = [];
    const shown: Record<string, string>[] = [{}, { authorization: 'Bearer per_nobody' }, { 'x-api-key': 'per_nobody' }, { authorization: 'Basic eDp5' }];
    await inParallel(guarded().flatMap((operation) => shown.map((headers) => ({ operation, headers }))), async ({ operation, headers }) => {
      const answer = await send(operation, headers);
      if (answer.status !== 401) wrong.push(`${operation.id} ${JSON.stringify(headers)}: ${answer.status}`);
    });
    expect(wrong).toEqual([]);
  });

  it('lets in whom a role permits it for that model, and nobody else', async () => {
    const wrong: string[] = [];
    let [let_in, turned_away] = [0, 0];
    await inParallel(guarded().flatMap((operation) => callers.map((caller) => ({ operation, caller }))), async ({ operation, caller }) => {
      const answer = await send(operation, { authorization: `Bearer ${caller.key}` });
      const problem = (await answer.text().then((text) => (text.startsWith('{') ? JSON.parse(text) : {}))) as Record<string, unknown>;
      const permission = operation.permission as Permission;
      const refused = answer.status === 403 && problem['type'] === 'urn:perennial:Forbidden' && problem['permission'] === permission && canonicalJson(problem['roles']) === canonicalJson(rolesWith(permission));
      const fits = mayDo(operation, permission, caller) ? answer.status !== 401 && answer.status !== 403 && answer.status < 500 : refused;
      if (!fits) wrong.push(`${operation.id} as ${caller.kind} ${caller.role}, ${caller.relation}: ${answer.status} ${JSON.stringify(problem)}`);
      if (refused) turned_away += 1;
      else let_in += 1;
    });
    expect(wrong).toEqual([]);
    expect(let_in).toBeGreaterThan(500);
    expect(turned_away).toBeGreaterThan(500);
  });
});

describe('values of sensitive columns', () => {
  const ask = (key: string, query: string) => fetch(`${api.url}/v1/decisions/nobody?reason=why&${query}`, { headers: { authorization: `Bearer ${key}` } });

  it('are shown to whom sensitive.read permits it, and to nobody else who reads predictions', async () => {
    const wrong: string[] = [];
    await inParallel(callers.filter(({ role }) => ROLE_PERMISSIONS[role].includes('prediction.read')), async ({ role, relation, key }) => {
      const [masked, ofModel, ofAny] = await Promise.all([ask(key, `model=${MODEL}`), ask(key, `model=${MODEL}&unmasked=true`), ask(key, 'unmasked=true')]);
      const [reads, permitted] = [['this', 'all'].includes(relation), ROLE_PERMISSIONS[role].includes('sensitive.read')];
      const expected = [reads ? 404 : 403, reads && permitted ? 404 : 403, relation !== 'none' && permitted ? 404 : 403];
      const found = [masked.status, ofModel.status, ofAny.status];
      if (canonicalJson(found) !== canonicalJson(expected)) wrong.push(`${role}, ${relation}: ${found.join()} instead of ${expected.join()}`);
    });
    expect(wrong).toEqual([]);
    expect(rolesWith('sensitive.read')).toEqual(['validator', 'auditor']);
  });
});

describe('what belongs to several models', () => {
  const read = async (relation: Relation, path: string) => {
    const { key } = callers.find((caller) => caller.kind === 'person' && caller.role === 'developer' && caller.relation === relation)!;
    const answer = await fetch(api.url + path, { headers: { authorization: `Bearer ${key}` } });
    return { status: answer.status, body: (await answer.json()) as { items?: { model: string }[] } };
  };

  it.each<[Relation, string[]]>([['this', [MODEL]], ['other', [OTHER]], ['all', [OTHER, MODEL]]])('is listed to a developer of %s model as far as they may read', async (relation, expected) => {
    for (const path of ['/v1/models', '/v1/alarms']) expect((await read(relation, path)).body.items?.map(({ model }) => model).sort(), path).toEqual(expected);
  });

  it('is not listed by the name of another', async () => {
    expect((await read('other', `/v1/alarms?model=${MODEL}`)).status).toBe(403);
    expect((await read('other', `/v1/alarms?model=${OTHER}`)).status).toBe(200);
  });
});

describe('a refused command', () => {
  it('is on the record with who, what and where; a refused reading is not', async () => {
    const entries = await registry.dataSource.query<{ actor: string; model: string | null; subject: string; details: Buffer }[]>("SELECT actor, model, subject, details FROM audit_entry WHERE action = 'access.refused'");
    const of = (actor: string, permission: Permission) => entries.filter((entry) => entry.actor === actor && entry.subject === `permission/${permission}`);
    expect(of('developer-this', 'release.request')).toMatchObject([{ model: MODEL }]);
    expect(JSON.parse(of('developer-this', 'release.request')[0]!.details.toString('utf8'))).toEqual({ permission: 'release.request', model: MODEL, because: 'permission', count: 1, paths: [`/v1/models/${MODEL}/releases`] });
    expect(of('auditor-all', 'spec.apply').map(({ model }) => model).sort()).toEqual([MODEL, null]);
    expect(entries.filter(({ subject }) => /\.read$/.test(subject))).toEqual([]);
  });
});
