import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive } from '#embedded/pid-lock.mjs';
import { SEARCH_ATTRIBUTES } from '../contracts/motion.js';
import { type EmbeddedServers, startEmbedded } from './embedded.js';
import { joinTemporal } from './foreign-temporal.js';
import { grantAppRole, withClient } from './postgres-roles.js';

const stateDir = mkdtempSync(join(tmpdir(), 'perennial-embedded-'));
const lines: string[] = [];
let servers: EmbeddedServers;
const start = async (): Promise<void> => {
  servers = await startEmbedded({ stateDir, log: (line) => lines.push(line) });
};
beforeAll(start, 60_000);
afterAll(async () => {
  await servers.stop();
  rmSync(stateDir, { recursive: true, force: true });
}, 60_000);

const pidOf = (name: string): number => Number(readFileSync(join(stateDir, `${name}.pid`), 'utf8'));
const withTemporal = async <T>(work: (connection: Connection) => Promise<T>): Promise<T> => {
  const connection = await Connection.connect({ address: servers.temporalAddress });
  return work(connection).finally(() => connection.close());
};
const startWorkflow = (id: string): Promise<unknown> => withTemporal(({ workflowService }) => workflowService.startWorkflowExecution({
  namespace: 'default', workflowId: id, workflowType: { name: 'any' }, taskQueue: { name: 'nobody' }, requestId: id,
}));
const describeWorkflow = (id: string): Promise<string> => withTemporal(({ workflowService }) =>
  workflowService.describeWorkflowExecution({ namespace: 'default', execution: { workflowId: id } }).then(() => 'there', (error: { details?: string }) => error.details ?? 'failed'));
const portOf = (url: string): number => Number(new URL(url).port);
const reaches = (host: string, port: number): Promise<boolean> => new Promise((resolve) => {
  const socket = connect({ host, port });
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false)).setTimeout(1_000, () => resolve(false));
  socket.once('connect', () => socket.destroy());
});

describe('PostgreSQL', () => {
  it('lets in the owner and the application with their own passwords only', async () => {
    const who = (url: string): Promise<string> => withClient(url, async (client) => (await client.query('SELECT current_user || \'@\' || current_database() AS who')).rows[0].who as string);
    expect(await who(servers.databaseUrl)).toBe('perennial@perennial');
    expect(await who(servers.ownerDatabaseUrl)).toBe('perennial_owner@perennial');
    const forged = new URL(servers.databaseUrl);
    forged.password = 'guess';
    await expect(who(forged.href)).rejects.toMatchObject({ code: '28P01' });
  });

  it('keeps data checksummed, as UTF-8, and its passwords to their owner', async () => {
    const settings = await withClient(servers.databaseUrl, (client) => client.query(`SELECT current_setting('data_checksums') AS checksums, current_setting('server_encoding') AS encoding, current_setting('password_encryption') AS passwords`));
    expect(settings.rows[0]).toEqual({ checksums: 'on', encoding: 'UTF8', passwords: 'scram-sha-256' });
    expect(statSync(join(stateDir, 'secrets.json')).mode & 0o777).toBe(0o600);
  });

  it('gives the application what the migrations granted to its group, and no table of its own', async () => {
    await withClient(servers.ownerDatabaseUrl, (client) => client.query(`
      CREATE ROLE perennial_app NOLOGIN; CREATE TABLE kept (id int); INSERT INTO kept VALUES (7); GRANT SELECT ON kept TO perennial_app`));
    const read = (): Promise<unknown> => withClient(servers.databaseUrl, async (client) => (await client.query('SELECT id FROM kept')).rows);
    await expect(read()).rejects.toMatchObject({ code: '42501' });
    await grantAppRole(servers.ownerDatabaseUrl);
    await grantAppRole(servers.ownerDatabaseUrl);
    expect(await read()).toEqual([{ id: 7 }]);
    await expect(withClient(servers.databaseUrl, (client) => client.query('CREATE TABLE mine (id int)'))).rejects.toMatchObject({ code: '42501' });
  });
});

describe('Temporal', () => {
  it('knows our search attributes and keeps histories for 30 days', async () => {
    const [attributes, namespace] = await withTemporal((connection) => Promise.all([
      connection.operatorService.listSearchAttributes({ namespace: 'default' }),
      connection.workflowService.describeNamespace({ namespace: 'default' }),
    ]));
    expect(Object.keys(attributes.customAttributes ?? {})).toEqual(expect.arrayContaining(Object.keys(SEARCH_ATTRIBUTES)));
    expect(Number(namespace.config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 24 * 3_600);
  });

  it('serves its UI', async () => {
    expect((await fetch(servers.temporalUiUrl)).status).toBe(200);
  });
});

it('listens on loopback only', async () => {
  const ports = [servers.databaseUrl, `http://${servers.temporalAddress}`, servers.temporalUiUrl].map(portOf);
  const outside = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []).find(({ family, internal }) => family === 'IPv4' && !internal);
  for (const port of ports) {
    expect(await reaches('127.0.0.1', port)).toBe(true);
    if (outside) expect(await reaches(outside.address, port)).toBe(false);
  }
});

it('refuses a second instance on the same folder, and harms nothing by it', async () => {
  await expect(startEmbedded({ stateDir })).rejects.toMatchObject({ type: 'ConfigurationInvalid', message: expect.stringContaining(`Process ${process.pid}`) });
  expect(await describeWorkflow('nobody')).toContain('not found');
});

it('runs beside another instance, on other ports that it names', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-beside-'));
  const said: string[] = [];
  const ports = { postgres: portOf(servers.databaseUrl), temporal: portOf(`http://${servers.temporalAddress}`), temporalUi: portOf(servers.temporalUiUrl) };
  const second = await startEmbedded({ stateDir: folder, ports, log: (line) => said.push(line) });
  try {
    for (const [name, port] of Object.entries(ports)) expect(said.join('\n'), name).toContain(`Port ${port} is taken`);
    await withClient(second.databaseUrl, async (client) => expect((await client.query("SELECT to_regclass('kept') AS kept")).rows).toEqual([{ kept: null }]));
  } finally {
    await second.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);

it('joins a Temporal server that somebody else runs, and leaves it running', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-joins-'));
  const foreignTemporal = { address: servers.temporalAddress, namespace: 'default', uiUrl: 'http://ui.example' };
  const joined = await startEmbedded({ stateDir: folder, foreignTemporal });
  expect(joined).toMatchObject({ temporalAddress: servers.temporalAddress, temporalUiUrl: 'http://ui.example' });
  await joined.stop();
  expect(await describeWorkflow('nobody')).toContain('not found');
  const absent = startEmbedded({ stateDir: folder, foreignTemporal: { ...foreignTemporal, namespace: 'absent' } });
  await expect(absent).rejects.toMatchObject({ type: 'DependencyUnavailable', message: expect.stringContaining('namespace create --namespace absent') });
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

it('teaches a foreign server our search attributes', async () => {
  await withTemporal(({ operatorService }) => operatorService.removeSearchAttributes({ namespace: 'default', searchAttributes: ['PerennialVersion', 'PerennialTier'] }));
  await joinTemporal({ address: servers.temporalAddress, namespace: 'default', uiUrl: servers.temporalUiUrl });
  const { customAttributes } = await withTemporal(({ operatorService }) => operatorService.listSearchAttributes({ namespace: 'default' }));
  expect(customAttributes).toMatchObject({ PerennialVersion: 3, PerennialTier: 2 });
}, 60_000);

it('keeps what it holds through a stop and a start, and leaves no process between', async () => {
  await startWorkflow('kept');
  const pids = [pidOf('postgres'), pidOf('temporal')];
  await servers.stop();
  expect(pids.map(isAlive)).toEqual([false, false]);
  await start();
  expect(await describeWorkflow('kept')).toBe('there');
  const rows = await withClient(servers.databaseUrl, (client) => client.query('SELECT id FROM kept'));
  expect(rows.rows).toEqual([{ id: 7 }]);
}, 60_000);

it('starts a crashed server again on the same port, with its data', async () => {
  const before = { url: servers.databaseUrl, address: servers.temporalAddress };
  for (const name of ['postgres', 'temporal']) {
    const pid = pidOf(name);
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => {
      try {
        return pidOf(name);
      } catch {
        return pid;
      }
    }, { timeout: 20_000 }).not.toBe(pid);
  }
  const rows = (): Promise<unknown> => withClient(servers.databaseUrl, async (client) => (await client.query('SELECT id FROM kept')).rows).catch(() => undefined);
  await expect.poll(rows, { timeout: 20_000 }).toEqual([{ id: 7 }]);
  await expect.poll(() => describeWorkflow('kept').catch(() => undefined), { timeout: 20_000 }).toBe('there');
  expect({ url: servers.databaseUrl, address: servers.temporalAddress }).toEqual(before);
  expect(lines.filter((line) => line.endsWith('starting it again'))).toHaveLength(2);
}, 60_000);

it('stays down when Temporal was killed on purpose, and forgets everything when its data is deleted', async () => {
  const { temporalAddress } = servers;
  await servers.killTemporal();
  await sleep(500);
  expect(await reaches('127.0.0.1', portOf(`http://${temporalAddress}`))).toBe(false);
  servers.deleteTemporalData();
  await servers.startTemporal();
  expect(servers.temporalAddress).toBe(temporalAddress);
  expect(await describeWorkflow('kept')).toContain('not found');
}, 60_000);
