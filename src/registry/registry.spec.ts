import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import type { AdmittedModel } from '../contracts/admitted-model.js';
import type { AlarmNotice } from '../contracts/alarms.js';
import type { SnapshotRef } from '../contracts/artifacts.js';
import { canonicalJson } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import { parseSpec } from '../spec/parse-spec.js';
import { AuditLedger, type Origin } from './audit-ledger.js';
import { CommandsRepository } from './commands.repository.js';
import { GatewaysRepository } from './gateways.repository.js';
import { ModelsRepository } from './models.repository.js';
import { RetrainsRepository } from './retrains.repository.js';
import { RoutingRepository } from './routing.repository.js';
import { TrainingRepository } from './training.repository.js';
import { VersionsRepository } from './versions.repository.js';

const YAML = readFileSync(join(import.meta.dirname, '../../models/flight-delay/model.yaml'), 'utf8');
const AT = new Date('2026-01-01T00:00:00.000Z');
const ORIGIN: Origin = { workflowId: 'retrain/x/1', runId: 'run' };
const later = (seconds: number): Date => new Date(AT.getTime() + seconds * 1_000);

let server: RegistryServer;
let audit: AuditLedger;
let commands: CommandsRepository;
let models: ModelsRepository;
let retrains: RetrainsRepository;
let routing: RoutingRepository;
let training: TrainingRepository;
let versions: VersionsRepository;
let gateways: GatewaysRepository;

beforeAll(async () => {
  server = await startRegistryServer();
  audit = new AuditLedger(server.dataSource);
  commands = new CommandsRepository(server.dataSource, audit);
  models = new ModelsRepository(server.dataSource);
  retrains = new RetrainsRepository(server.dataSource, audit);
  routing = new RoutingRepository(server.dataSource, audit);
  training = new TrainingRepository(server.dataSource, audit);
  versions = new VersionsRepository(server.dataSource, audit);
  gateways = new GatewaysRepository(server.dataSource);
  await server.apiKey('ann');
});

afterAll(() => server?.stop());

const accept = (model: string, key: string = randomUUID()) =>
  commands.accept({ actor: 'ann', idempotencyKey: key, kind: 'retrain', model, body: { deployment: 'default', asOf: null, reason: null } }, AT);

async function register(model: string): Promise<string> {
  const source = YAML.replace('model: flight-delay', `model: ${model}`);
  const parsed = parseSpec(source);
  await server.dataSource.transaction((manager) => models.apply(manager, source, parsed, 'ann', AT));
  return parsed.digest;
}

/** A retrain that has a snapshot, as it is when training begins. */
async function retrainOf(model: string, specDigest: string): Promise<number> {
  const { command } = await accept(model);
  const number = await server.dataSource.transaction((manager) =>
    retrains.add(manager, { model, commandId: command.id, deployment: 'default', trigger: 'request', asOf: null, specDigest, requestedBy: 'ann', requestedAt: AT }),
  );
  await retrains.recordSnapshot({ model, number }, snapshotOf(model, specDigest), AT, ORIGIN);
  return number;
}

function snapshotOf(model: string, specDigest: string): SnapshotRef {
  const part = { artifact: { digest: 'sha256:0', bytes: 1 }, rows: 10, labelledRows: 9, window: { start: AT.toISOString(), end: AT.toISOString() } };
  return { digest: `sha256:${model}`, manifest: { model, specDigest, asOf: AT.toISOString(), source: { path: 'x', format: 'parquet', files: [] }, columns: [], train: part, evaluation: part } };
}

const startOf = (model: string, specDigest: string) => ({ trainer: 'xgboost', parameters: {}, seed: 1, specDigest, snapshotDigest: `sha256:${model}`, codeDigest: 'sha256:c' });

const trained = {
  model: { digest: 'sha256:m', bytes: 5 }, parity: { digest: 'sha256:p', bytes: 5 }, metrics: {},
  environment: { requirementsDigest: 'sha256:r', device: 'cpu', libraries: {}, host: 'h' },
};

const admission = (digest: string): AdmittedModel => ({ digest, bytes: 5, irVersion: 8, opset: {}, operators: {}, producer: 'p', inputs: [], outputs: [] });

/** A version that was trained, admitted and may be promoted. */
async function versionOf(model: string, specDigest: string): Promise<number> {
  const number = await retrainOf(model, specDigest);
  const { lease } = await training.begin({ model, number }, startOf(model, specDigest), 'worker', AT);
  await training.publish(lease, trained, AT, ORIGIN);
  const version = await versions.add(await retrains.get({ model, number }), admission(`sha256:m${number}`), AT, ORIGIN);
  await retrains.end({ model, number }, { outcome: 'rejected', reason: 'for the test', failure: null, promotedEpoch: null }, AT, ORIGIN);
  return version.number;
}

const typeOf = (error: unknown): string => (error instanceof PerennialError ? error.type : String(error));
const move = (model: string, version: number, expectedEpoch: number) =>
  ({ model, deployment: 'default', expectedEpoch, version, reason: 'promotion', actor: 'ann' }) as const;

describe('a command', () => {
  it('is accepted once for each actor and key, whoever comes first', async () => {
    const key = randomUUID();
    const accepted = await Promise.all(Array.from({ length: 50 }, () => accept('once', key)));
    expect(new Set(accepted.map(({ command }) => command.id)).size).toBe(1);
    expect(accepted.filter(({ created }) => created)).toHaveLength(1);
    const other = commands.accept({ actor: 'ann', idempotencyKey: key, kind: 'retrain', model: 'once', body: { deployment: 'eu', asOf: null, reason: null } }, AT);
    await expect(other).rejects.toMatchObject({ type: 'IdempotencyKeyReused' });
    expect((await commands.accept({ actor: 'bob', idempotencyKey: key, kind: 'retrain', model: 'once', body: { deployment: 'eu', asOf: null, reason: null } }, AT)).created).toBe(true);
  });

  it('has its effect once, however many handle it at the same time', async () => {
    const { command } = await accept('effect');
    let effects = 0;
    const settle = () => commands.settle(command.id, AT, ORIGIN, async () => {
      effects += 1;
      return { kind: 'retrain', number: effects, workflowId: 'w', joined: false };
    });
    const outcomes = await Promise.all(Array.from({ length: 20 }, settle));
    expect(effects).toBe(1);
    expect(new Set(outcomes.map((outcome) => canonicalJson(outcome))).size).toBe(1);
    expect(await audit.list('effect', 0, 10)).toHaveLength(1);
  });

  it('leaves nothing behind when its effect fails', async () => {
    const { command } = await accept('nothing');
    await expect(commands.settle(command.id, AT, ORIGIN, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect((await commands.find(command.id))?.state).toBe('accepted');
    expect(await audit.list('nothing', 0, 10)).toHaveLength(0);
  });

  it('waits in the inbox of its model until it is settled, the oldest first', async () => {
    const ids: string[] = [];
    for (let at = 0; at < 3; at++) ids.push((await commands.accept({ actor: 'ann', idempotencyKey: `turn-${at}`, kind: 'retrain', model: 'turns', body: { deployment: 'default', asOf: null, reason: null } }, later(at))).command.id);
    expect(await commands.inbox('turns', 10)).toEqual(ids);
    expect(await commands.inbox('turns', 2)).toEqual(ids.slice(0, 2));
    await commands.settle(ids[0]!, AT, ORIGIN, () => Promise.resolve({ kind: 'refused', type: 'NotFound', message: 'no', details: {} }));
    expect(await commands.inbox('turns', 10)).toEqual(ids.slice(1));
    expect(await commands.outcomesOf(ids)).toEqual(new Map([[ids[0], expect.objectContaining({ type: 'NotFound' }) as object]]));
  });

  it('is sent again when nobody has settled it, and not before its time', async () => {
    const [first, second] = [await accept('again'), await accept('again')];
    await commands.markSent(first.command.id, later(10));
    const ofModel = async (sentBefore: Date, at: Date) => (await commands.resend(sentBefore, at)).filter(({ model }) => model === 'again');
    expect(await ofModel(later(5), later(6))).toEqual([{ model: 'again', commands: 1 }]);
    expect((await commands.find(second.command.id))?.sentAt).toEqual(later(6));
    expect(await ofModel(later(20), later(20))).toEqual([{ model: 'again', commands: 2 }]);
    expect(await ofModel(later(20), later(21))).toEqual([]);
  });
});

describe('training', () => {
  it('lets nobody write who has lost the lease', async () => {
    const digest = await register('leased');
    const number = await retrainOf('leased', digest);
    const id = { model: 'leased', number };
    const old = await training.begin(id, startOf('leased', digest), 'first', AT);
    await training.recordCheckpoint(old.lease, { digest: 'sha256:k1', bytes: 1 }, 50);
    const current = await training.begin(id, startOf('leased', digest), 'second', AT);
    expect(current.run).toMatchObject({ attempts: 2, checkpointDigest: 'sha256:k1', checkpointDone: 50 });
    const writes = [
      () => training.recordProgress(old.lease, { done: 1, total: 2 }),
      () => training.recordCheckpoint(old.lease, { digest: 'sha256:k2', bytes: 1 }, 60),
      () => training.publish(old.lease, trained, AT, ORIGIN),
    ];
    for (const write of writes) expect(await write().catch(typeOf)).toBe('LeaseLost');
    await training.publish(current.lease, trained, AT, ORIGIN);
    expect(await training.find(id)).toMatchObject({ checkpointDigest: 'sha256:k1', modelDigest: 'sha256:m' });
    expect(await training.publish(current.lease, trained, AT, ORIGIN).catch(typeOf)).toBe('LeaseLost');
  });

  it('is refused for a retrain that has ended, and fenced off by its end', async () => {
    const digest = await register('ended');
    const number = await retrainOf('ended', digest);
    const id = { model: 'ended', number };
    const { lease } = await training.begin(id, startOf('ended', digest), 'worker', AT);
    expect(await retrains.end(id, { outcome: 'terminated', reason: 'stop', failure: null, promotedEpoch: null }, AT, ORIGIN)).toBe(true);
    await training.revoke(id, AT);
    expect(await training.recordProgress(lease, { done: 1, total: 2 }).catch(typeOf)).toBe('LeaseLost');
    expect(await retrains.end(id, { outcome: 'promoted', reason: 'late', failure: null, promotedEpoch: 1 }, AT, ORIGIN)).toBe(false);
    expect(await training.begin(id, startOf('ended', digest), 'worker', AT).catch(typeOf)).toBe('LeaseLost');
  });

  it('runs for one retrain of a model at a time', async () => {
    const digest = await register('single');
    await retrainOf('single', digest);
    await expect(retrainOf('single', digest)).rejects.toThrow(/retrain_one_active/);
  });
});

describe('the champion', () => {
  it('is changed by one of two who decided at the same time; the other is told', async () => {
    const digest = await register('race');
    const contenders = [await versionOf('race', digest), await versionOf('race', digest)];
    const results = await Promise.allSettled(contenders.map((version, index) => routing.moveChampion(move('race', version, 0), AT, { workflowId: `w${index}`, runId: 'r' })));
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = results.find((result) => result.status === 'rejected');
    expect(lost?.reason).toMatchObject({ type: 'ChampionMoved', details: { expectedEpoch: 0, epoch: 1 } });
    expect(await routing.get('race', 'default')).toMatchObject({ epoch: 1, revision: 2 });
    expect(await routing.history('race', 'default', 10)).toHaveLength(1);
  });

  it('is the same change for a workflow that asks again', async () => {
    const digest = await register('again');
    const version = await versionOf('again', digest);
    const first = await routing.moveChampion(move('again', version, 0), AT, ORIGIN);
    expect(await routing.moveChampion(move('again', version, 0), later(1), ORIGIN)).toEqual(first);
    expect(await routing.championAt('again', 'default', later(-1))).toBeNull();
    expect(await routing.championAt('again', 'default', later(1))).toMatchObject({ version, epoch: 1 });
  });

  it('never falls in epoch or revision, whoever writes', async () => {
    const digest = await register('rising');
    const version = await versionOf('rising', digest);
    await routing.moveChampion(move('rising', version, 0), AT, ORIGIN);
    for (const change of ['revision = revision - 1', 'revision = revision + 1, epoch = epoch - 1', 'revision = revision + 1, epoch = epoch + 1', 'epoch = epoch + 1', 'revision = revision + 1, champion = NULL']) {
      await expect(server.dataSource.query(`UPDATE routing SET ${change} WHERE model = 'rising'`)).rejects.toThrow(/routing of rising/);
    }
  });
});

describe('the place of a deployment', () => {
  it('is the order in which the model\'s deployments first had a champion, whatever is promoted or opened later', async () => {
    const digest = await register('places');
    const [first, second] = [await versionOf('places', digest), await versionOf('places', digest)];
    const open = (...deployments: string[]): Promise<unknown> => server.dataSource.query(
      "INSERT INTO routing (model, deployment, revision, epoch, challengers, weights, salt, paused, changed_at) SELECT 'places', name, 1, 0, '{}', '{}', 's', false, now() FROM unnest($1::text[]) AS name", [deployments]);
    const promote = (deployment: string, version: number, epoch: number, seconds: number): Promise<unknown> =>
      routing.moveChampion({ ...move('places', version, epoch), deployment }, later(seconds), { workflowId: `${deployment}-${epoch}`, runId: 'r' });
    const places = async (): Promise<Record<string, number>> =>
      Object.fromEntries(await Promise.all((await routing.of('places')).map(async ({ deployment }) => [deployment, await routing.placeOf('places', deployment)] as const)));
    expect(await places()).toEqual({ default: 1 });
    await open('north', 'east', 'west');
    await promote('west', first, 0, 0);
    await promote('north', first, 0, 5);
    await promote('default', first, 0, 5);
    const found = { west: 1, default: 2, north: 3 };
    expect(await places()).toEqual({ ...found, east: 4 });
    await open('arctic');
    expect(await places()).toEqual({ ...found, arctic: 4, east: 5 });
    await promote('west', second, 1, 30);
    await promote('default', second, 1, 20);
    await promote('west', first, 2, 40);
    await promote('east', first, 0, 50);
    expect(await places()).toEqual({ ...found, east: 4, arctic: 5 });
    await expect(routing.placeOf('places', 'nowhere')).rejects.toMatchObject({ type: 'NotFound' });
    await expect(routing.placeOf('nobody', 'default')).rejects.toMatchObject({ type: 'NotFound' });
  });
});

describe('a rollback', () => {
  it('that was terminated can be asked for again from the same epoch', async () => {
    const digest = await register('retried');
    const [first, second] = [await versionOf('retried', digest), await versionOf('retried', digest)];
    await routing.moveChampion(move('retried', first, 0), AT, { workflowId: 'a', runId: 'r' });
    await routing.moveChampion(move('retried', second, 1), AT, { workflowId: 'b', runId: 'r' });
    const id = { model: 'retried', deployment: 'default', fromEpoch: 2 };
    const begin = async (reason: string) => {
      const { command } = await accept('retried');
      await server.dataSource.transaction((manager) => routing.beginRollback(manager, { ...id, commandId: command.id, fromVersion: second, toVersion: first, reason, requestedBy: 'ann', requestedAt: AT }));
    };
    await begin('one');
    await routing.endRollback(id, { outcome: 'terminated', explanation: 'by hand', toEpoch: null, gatewaysBehind: [] }, undefined, AT, ORIGIN);
    await begin('two');
    expect(await routing.getRollback(id)).toMatchObject({ reason: 'two', outcome: null, explanation: null });
  });

  it('that has ended changes the champion no more, and one that had made its change hears of it again', async () => {
    const digest = await register('ended');
    const [first, second] = [await versionOf('ended', digest), await versionOf('ended', digest)];
    await routing.moveChampion(move('ended', first, 0), AT, { workflowId: 'a', runId: 'r' });
    await routing.moveChampion(move('ended', second, 1), AT, { workflowId: 'b', runId: 'r' });
    const id = { model: 'ended', deployment: 'default', fromEpoch: 2 };
    const begin = async (): Promise<void> => {
      const { command } = await accept('ended');
      await server.dataSource.transaction((manager) => routing.beginRollback(manager, { ...id, commandId: command.id, fromVersion: second, toVersion: first, reason: 'bad', requestedBy: 'ann', requestedAt: AT }));
    };
    const terminate = (): Promise<void> => routing.endRollback(id, { outcome: 'terminated', explanation: 'by hand', toEpoch: null, gatewaysBehind: [] }, undefined, AT, ORIGIN);
    await begin();
    await terminate();
    await expect(routing.takeBack(id, AT, ORIGIN)).rejects.toMatchObject({ type: 'RollbackEnded' });
    expect(await routing.get('ended', 'default')).toMatchObject({ epoch: 2, champion: second });
    await begin();
    const change = await routing.takeBack(id, AT, ORIGIN);
    expect(await routing.get('ended', 'default')).toMatchObject({ epoch: 3, champion: first });
    await terminate();
    expect(await routing.takeBack(id, later(1), ORIGIN)).toEqual(change);
    await expect(routing.takeBack({ ...id, fromEpoch: 9 }, AT, ORIGIN)).rejects.toMatchObject({ type: 'NotFound' });
  });

  it('that was terminated raises its alarm while the champion is the one that was to go, not once another one answers', async () => {
    const digest = await register('alarmed');
    const [first, second, third] = [await versionOf('alarmed', digest), await versionOf('alarmed', digest), await versionOf('alarmed', digest)];
    await routing.moveChampion(move('alarmed', first, 0), AT, { workflowId: 'a', runId: 'r' });
    await routing.moveChampion(move('alarmed', second, 1), AT, { workflowId: 'b', runId: 'r' });
    const terminated = async (fromEpoch: number): Promise<void> => {
      const id = { model: 'alarmed', deployment: 'default', fromEpoch };
      const end = { outcome: 'terminated', explanation: 'by hand', toEpoch: null, gatewaysBehind: [] } as const;
      const { command } = await accept('alarmed');
      await server.dataSource.transaction((manager) => routing.beginRollback(manager, { ...id, commandId: command.id, fromVersion: second, toVersion: first, reason: 'bad', requestedBy: 'ann', requestedAt: AT }));
      const alarm: AlarmNotice = {
        kind: 'rollbackFailed', severity: 'critical', model: 'alarmed', deployment: 'default', subject: 'deployment/default',
        dedupKey: `rollback/alarmed/default/${fromEpoch}/failed`, summary: 'It was terminated', details: {}, test: false,
      };
      await routing.endRollback(id, end, alarm, AT, ORIGIN);
    };
    const open = async (): Promise<unknown[]> => server.dataSource.query("SELECT kind FROM alarm LEFT JOIN alarm_end ON alarm_id = id WHERE model = 'alarmed' AND alarm_id IS NULL");
    await terminated(2);
    expect(await open()).toEqual([{ kind: 'rollbackFailed' }]);
    await routing.moveChampion(move('alarmed', third, 2), AT, { workflowId: 'c', runId: 'r' });
    expect(await open()).toEqual([]);
    // The step that changes the champion had come through before it was terminated.
    await terminated(1);
    expect(await open()).toEqual([]);
  });
});

describe('gateways', () => {
  it('are waited for while their lease lives, and count for the boot that acknowledged', async () => {
    const digest = await register('served');
    const version = await versionOf('served', digest);
    const { revision } = await routing.moveChampion(move('served', version, 0), AT, ORIGIN);
    const gateway = { gateway: 'g1', boot: randomUUID(), url: 'http://127.0.0.1' };
    await gateways.renew(gateway, AT, later(6));
    expect(await gateways.behind('served', 'default', revision, later(1))).toEqual(['g1']);
    await gateways.acknowledge(gateway, 'served', 'default', revision, later(1));
    expect(await gateways.behind('served', 'default', revision, later(1))).toEqual([]);
    await gateways.acknowledge(gateway, 'served', 'default', revision - 1, later(2));
    expect(await gateways.behind('served', 'default', revision, later(2))).toEqual([]);
    await gateways.renew({ ...gateway, boot: randomUUID() }, later(3), later(9));
    expect(await gateways.behind('served', 'default', revision, later(4))).toEqual(['g1']);
    expect(await gateways.behind('served', 'default', revision, later(10))).toEqual([]);
  });
});

describe('the record', () => {
  it.each(['audit_entry', 'champion_change', 'model_spec', 'snapshot', 'evaluation'])('%s can only be added to', async (table) => {
    for (const statement of [`UPDATE ${table} SET model = 'x'`, `DELETE FROM ${table}`, `TRUNCATE ${table} CASCADE`]) {
      await expect(server.dataSource.query(statement)).rejects.toThrow(/permission denied|append-only/);
    }
  });

  it('gives the application no table of its own and no way to make itself a caller', async () => {
    const owned = await server.dataSource.query('SELECT tablename FROM pg_tables WHERE tableowner = current_user');
    expect(owned).toEqual([]);
    await expect(server.dataSource.query("INSERT INTO api_key VALUES (gen_random_uuid(), 'me', '\\x00', now(), NULL)")).rejects.toThrow(/permission denied/);
    await expect(server.dataSource.query('UPDATE model_version SET artifact_digest = NULL')).rejects.toThrow(/permission denied/);
  });
});
