import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anyFreePort } from '../embedded/ports.js';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import { readEnvironment } from '../config/environment.js';
import { AuditLedger } from '../registry/audit-ledger.js';
import { CommandsRepository } from '../registry/commands.repository.js';
import { ModelsRepository } from '../registry/models.repository.js';
import { parseSpec } from '../spec/parse-spec.js';
import { bodyOf } from '../registry/commands.repository.js';
import { type RunningApi, startApi } from './api.js';
import { auditListSchema } from './audit/audit.dto.js';
import { championSchema } from './champion/champion.dto.js';
import { modelDetailSchema, modelListSchema } from './models/models.dto.js';

const YAML = readFileSync(join(import.meta.dirname, '../../models/flight-delay/model.yaml'), 'utf8');

let registry: RegistryServer;
let api: RunningApi;
let key: string;
let commands: CommandsRepository;

beforeAll(async () => {
  registry = await startRegistryServer();
  key = await registry.apiKey('engineer');
  commands = new CommandsRepository(registry.dataSource, new AuditLedger(registry.dataSource));
  api = await startApi(await environment(), { outcomeTimeoutMs: 3_000 });
}, 120_000);

afterAll(async () => {
  await api?.close();
  await registry?.stop();
}, 60_000);

/** Temporal is not there. */
async function environment(overrides: Record<string, string> = {}) {
  return readEnvironment({
    DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: join(registry.folder, 'artifacts'),
    API_PORT: '0', LOG_LEVEL: 'error', ...overrides,
  });
}

const call = (path: string, init: RequestInit = {}) => fetch(api.url + path, { ...init, headers: { authorization: `Bearer ${key}`, ...(init.headers as Record<string, string>) } });
const apply = (yaml: string, headers: Record<string, string> = {}) => call('/v1/models', { method: 'POST', body: yaml, headers: { 'content-type': 'application/yaml', ...headers } });

/** Does what the workflow's first activity does, as soon as the command is on the record. */
async function settleNext(idempotencyKey: string): Promise<void> {
  for (;;) {
    const [row] = await registry.dataSource.query<{ id: string }[]>('SELECT id FROM command WHERE idempotency_key = $1', [idempotencyKey]);
    if (row) {
      await commands.settle(row.id, new Date(), { workflowId: null, runId: null }, async (manager, command) => {
        const { source } = bodyOf<'apply'>(command);
        const parsed = parseSpec(source);
        const changed = await new ModelsRepository(registry.dataSource).apply(manager, source, parsed, command.actor, new Date());
        return { kind: 'apply', specDigest: parsed.digest, changed };
      });
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('while Temporal is away', () => {
  it('accepts a command and says where to see what becomes of it', async () => {
    const answer = await apply(YAML, { 'idempotency-key': 'away-1' });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('idempotency-key')).toBe('away-1');
    const body = (await answer.json()) as { commandId: string; status: string };
    expect(body).toMatchObject({ state: 'accepted', status: `/v1/commands/${body.commandId}` });
    expect(await (await call(body.status)).json()).toMatchObject({ commandId: body.commandId, kind: 'apply', actor: 'engineer', state: 'accepted', outcome: null });
  });

  it('is not ready and names Temporal', async () => {
    const answer = await fetch(`${api.url}/readyz`);
    expect(answer.status).toBe(503);
    const { dependencies } = (await answer.json()) as { dependencies: { name: string; state: string }[] };
    expect(dependencies).toMatchObject([{ name: 'postgres', state: 'up' }, { name: 'temporal', state: 'down' }, { name: 'artifacts', state: 'up' }]);
    expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
  });

  it('gives a hundred equal requests at once one answer and one effect', async () => {
    const requests = Array.from({ length: 100 }, () => apply(YAML, { 'idempotency-key': 'hundred' }));
    const [answers] = await Promise.all([Promise.all(requests), settleNext('hundred')]);
    const bodies = await Promise.all(answers.map((answer) => answer.text()));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(bodies).size).toBe(1);
    expect(JSON.parse(bodies[0] as string)).toMatchObject({ model: 'flight-delay', changed: true });
    const rows = await registry.dataSource.query("SELECT count(*)::int AS n FROM audit_entry WHERE action = 'spec.applied'");
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('refuses a key that stands for another request', async () => {
    const answer = await apply(YAML.replace('operations-planning', 'somebody-else'), { 'idempotency-key': 'hundred' });
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ type: 'urn:perennial:IdempotencyKeyReused' });
  });
});

describe('ports', () => {
  it('takes the next free one when the wanted one is taken', async () => {
    const taken = await anyFreePort();
    const holder: Server = await new Promise((resolve) => { const server = createServer().listen(taken, '127.0.0.1', () => resolve(server)); });
    const second = await startApi(await environment({ API_PORT: String(taken) }));
    expect(Number(new URL(second.url).port)).toBeGreaterThan(taken);
    expect((await fetch(`${second.url}/healthz`)).status).toBe(200);
    await second.close();
    holder.close();
  });
});

describe('a command that was refused', () => {
  it('is answered with the problem that its workflow gave', async () => {
    const accepted = commands.accept({ actor: 'engineer', idempotencyKey: 'refused', kind: 'retrain', model: 'flight-delay', body: { deployment: 'default', asOf: null, reason: null } }, new Date());
    const { command } = await accepted;
    await commands.settle(command.id, new Date(), { workflowId: null, runId: null }, () =>
      Promise.resolve({ kind: 'refused', type: 'RetrainActive', message: 'Retrain 4 runs; wait for it', details: { number: 4, title: 'not this one' } }));
    const answer = await call('/v1/models/flight-delay/retrains', { method: 'POST', headers: { 'idempotency-key': 'refused' } });
    expect(answer.status).toBe(409);
    expect(await answer.json()).toEqual({
      type: 'urn:perennial:RetrainActive', title: 'A retrain of the model is already running', status: 409, detail: 'Retrain 4 runs; wait for it',
      instance: '/v1/models/flight-delay/retrains', number: 4, commandId: command.id,
    });
  });
});

describe('what is read', () => {
  const read = async (path: string) => (await call(`/v1/models${path}`)).json();

  it('keeps to the schemas that are documented', async () => {
    expect(modelListSchema.parse(await read('')).items.map(({ model }) => model)).toEqual(['flight-delay']);
    expect(modelDetailSchema.parse(await read('/flight-delay'))).toMatchObject({ deployments: [{ deployment: 'default', champion: null }], activeRetrain: null });
    expect(championSchema.parse(await read('/flight-delay/champion?at=2013-04-01'))).toMatchObject({ at: '2013-04-01T00:00:00.000Z', version: null, change: null });
    const audit = auditListSchema.parse(await read('/flight-delay/audit?limit=1'));
    expect(audit).toMatchObject({ items: [{ action: 'spec.applied', actor: 'engineer' }], next: `/v1/models/flight-delay/audit?after=${audit.items[0]?.id}&limit=1` });
  });

  it('gives the spec back as it was sent', async () => {
    const answer = await call('/v1/models/flight-delay/spec');
    expect(answer.headers.get('content-type')).toContain('application/yaml');
    expect(await answer.text()).toBe(YAML);
    const again = await call(`/v1/models/flight-delay/spec?digest=${answer.headers.get('etag')?.replaceAll('"', '')}`);
    expect(await again.text()).toBe(YAML);
  });
});

describe('documentation', () => {
  it('describes every route, its answers and its problems', async () => {
    const document = (await (await fetch(`${api.url}/openapi.json`)).json()) as Record<string, any>;
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toEqual(expect.arrayContaining([
      '/v1/models', '/v1/models/{model}/retrains', '/v1/models/{model}/releases/{number}', '/v1/models/{model}/labels', '/v1/models/{model}/windows', '/v1/models/{model}/rollbacks', '/v1/alarms',
    ]));
    for (const [path, operations] of Object.entries<Record<string, any>>(document.paths)) {
      for (const operation of Object.values(operations)) {
        expect(operation.summary, path).toBeTruthy();
        for (const [status, answer] of Object.entries<any>(operation.responses)) {
          expect(Object.values<any>(answer.content ?? {}).every(({ schema }) => schema), `${path} ${status}`).toBe(true);
          expect(Object.keys(answer.content ?? {}), `${path} ${status}`).not.toHaveLength(0);
        }
      }
    }
    for (const [, name] of JSON.stringify(document).matchAll(/#\/components\/schemas\/([^"]+)/g)) expect(document.components.schemas).toHaveProperty(name as string);
    const [, limit] = document.paths['/v1/models/{model}/versions'].get.parameters;
    expect(limit).toMatchObject({ name: 'limit', schema: { type: 'integer', minimum: 1, maximum: 500 } });
    expect(document.components.securitySchemes).toMatchObject({ bearer: { type: 'http' }, apiKey: { name: 'X-API-Key' } });
  });

  it('shows a page that needs nothing from elsewhere', async () => {
    const page = await (await fetch(`${api.url}/docs`)).text();
    expect(page).toContain('swagger-ui-bundle.js');
    expect(page).not.toMatch(/(src|href)="https?:/);
    expect(await (await fetch(`${api.url}/docs/swagger-ui-bundle.js`)).text()).toContain('swagger');
  });
});

describe('while PostgreSQL is away', () => {
  it('says so, and says that trying again helps', async () => {
    await registry.crash();
    const answer = await call('/v1/models');
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await answer.json()).toMatchObject({ type: 'urn:perennial:DependencyUnavailable', dependency: 'postgres' });
    const ready = await fetch(`${api.url}/readyz`);
    expect(await ready.json()).toMatchObject({ status: 503, dependencies: [{ name: 'postgres', state: 'down' }, { name: 'temporal' }, { name: 'artifacts', state: 'up' }] });
    expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
  });
});
