import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import { FolderStore } from '../artifacts/folder-store.js';
import { convertSegment } from '../observations/segment-to-parquet.js';
import { SegmentReader } from '../observations/segment-reader.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { ObservationsRepository } from '../registry/observations.repository.js';
import { gatewayLog } from './gateway-log.js';
import { openObservationLog, type ObservationLogSettings } from './observation-log.js';
import { gatewayFolder, segmentsIn } from './segment-folder.js';
import type { Orders } from './testing/observing-process.js';

let server: RegistryServer;
let record: ObservationsRepository;
let folder: string;
let store: FolderStore;
beforeAll(async () => {
  server = await startRegistryServer();
  record = new ObservationsRepository(server.dataSource);
});
afterAll(() => server?.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-killed-'));
  store = new FolderStore(join(folder, 'artifacts'));
  return () => rmSync(folder, { recursive: true, force: true });
});

const QUIET = gatewayLog('error', () => undefined);
const PROCESS = new URL('./testing/observing-process.ts', import.meta.url);
const LOADER = new URL('../evaluation/typescript-source.mjs', import.meta.url).href;

const settingsOf = (gateway: string, boot: string, changes: Partial<ObservationLogSettings> = {}): ObservationLogSettings =>
  ({ folder: join(folder, 'log'), gateway, boot, sealAfterMs: 60_000, sealBytes: 20_000, maxBytes: 1e9, sync: 'second', ...changes });

/** Lets a process append until it ends or, without an end of its own, is killed. @returns the last sequence that it acknowledged */
async function runAndKill(settings: ObservationLogSettings, endAt: Orders['endAt'], afterMs: number): Promise<number> {
  const orders: Orders = { settings, databaseUrl: server.databaseUrl, artifacts: join(folder, 'artifacts'), endAt };
  const child = spawn(process.execPath, ['--import', LOADER, PROCESS.pathname, JSON.stringify(orders)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let acknowledged = '';
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (acknowledged === '' && !endAt) void sleep(afterMs).then(() => child.kill('SIGKILL'));
    acknowledged = (acknowledged + chunk.toString()).slice(-200);
  });
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  expect({ signal, said }).toEqual({ signal: 'SIGKILL', said: '' });
  return Number(acknowledged.split('\n').at(-2));
}

/** A start of the same gateway that only brings away what the others left. */
async function bringAway(gateway: string): Promise<void> {
  const log = await openObservationLog(settingsOf(gateway, 'last'), QUIET, { store, record });
  await expect.poll(() => log.figures(), { timeout: 60_000, interval: 20 }).toMatchObject({ bytesOnDisk: 0, sealedWaiting: 0, openBytes: 0, lastError: null });
  await log.close();
  // A kill between a file's creation and its first frames leaves it empty, to be removed once it has been quiet for long.
  expect(segmentsIn(gatewayFolder(join(folder, 'log'), gateway)).filter(({ bytes }) => bytes > 0)).toEqual([]);
}

/** Sequences of each boot, as the record and the store have them. */
async function observedOf(gateway: string): Promise<Map<string, number[]>> {
  const observed = new Map<string, number[]>();
  const segments = (await record.unconverted(10_000)).filter((segment) => segment.gateway === gateway);
  for (const { boot, digest, observations, mirrored } of segments) {
    const sequences = observed.get(boot) ?? [];
    const before = sequences.length;
    let others = 0;
    for await (const entries of new SegmentReader(await store.localPath(digest)).entries()) {
      for (const entry of entries) {
        if (entry.kind === 'observation') sequences.push(entry.observation.sequence);
        else others += 1;
      }
    }
    expect({ observations, mirrored }).toEqual({ observations: sequences.length - before, mirrored: others });
    observed.set(boot, sequences);
  }
  return observed;
}

async function expectWhole(gateway: string, acknowledged: ReadonlyMap<string, number>): Promise<void> {
  const observed = await observedOf(gateway);
  for (const [boot, last] of acknowledged) {
    const sequences = (observed.get(boot) ?? []).sort((a, b) => a - b);
    // All up to the last acknowledged one, once; perhaps some that were written and not acknowledged any more.
    expect(sequences).toEqual(Array.from({ length: sequences.length }, (_, index) => index + 1));
    expect(sequences.length).toBeGreaterThanOrEqual(last);
  }
}

it('a process that is killed while it appends, seals and uploads loses nothing that it acknowledged and doubles nothing', async () => {
  const random = seededRandom(20_261_121);
  const acknowledged = new Map<string, number>();
  for (let boot = 1; boot <= 6; boot += 1) acknowledged.set(`boot-${boot}`, await runAndKill(settingsOf('north', `boot-${boot}`), null, Math.floor(random() * 400)));
  expect([...acknowledged.values()].every((last) => last > 0)).toBe(true);
  await bringAway('north');
  await expectWhole('north', acknowledged);
});

it.each(['sealing', 'storing', 'stored', 'registered'] as const)('a process that is killed at the step "%s" loses nothing and doubles nothing', async (step) => {
  const gateway = `killed:${step}`;
  const acknowledged = new Map<string, number>();
  for (const segment of [1, 2, 5]) acknowledged.set(`boot-${segment}`, await runAndKill(settingsOf(gateway, `boot-${segment}`), { step, segment }, 0));
  await bringAway(gateway);
  await expectWhole(gateway, acknowledged);
});

it('what a gateway left that does not come back is brought away by another one', async () => {
  const last = await runAndKill(settingsOf('gone', 'boot-1', { sync: 'always' }), null, 100);
  await bringAway('another');
  await expectWhole('gone', new Map([['boot-1', last]]));
});

it('a segment is converted once, whoever does it and however often', async () => {
  const last = await runAndKill(settingsOf('converted', 'boot-1'), { step: 'sealing', segment: 3 }, 0);
  await bringAway('converted');
  const waiting = (await record.unconverted(10_000)).filter(({ gateway }) => gateway === 'converted');
  expect(waiting.length).toBeGreaterThanOrEqual(3);
  const convertOne = async (segment: (typeof waiting)[number]): Promise<boolean> => {
    const path = await store.localPath(segment.digest);
    const conversion = await convertSegment({ gateway: segment.gateway, boot: segment.boot, segment: segment.segment, path, features: async () => [], store, workDir: join(folder, 'work') });
    return record.recordConversion(segment, conversion);
  };
  for (const segment of waiting) expect((await Promise.all([convertOne(segment), convertOne(segment)])).sort()).toEqual([false, true]);
  expect((await record.unconverted(10_000)).filter(({ gateway }) => gateway === 'converted')).toEqual([]);
  const range = { model: 'flight-delay', deployment: 'default', fromMs: 1_700_000_000_000, untilMs: 1_700_000_000_000 + 1e9 };
  const files = await record.observationFiles(range);
  // Each turn has three requests of two rows and one of one.
  expect(files.reduce((sum, { rows }) => sum + rows, 0)).toBeGreaterThanOrEqual((last / 4) * 7);
  expect((await record.mirrorFiles(range)).length).toBe(files.length);
  expect(await record.observationFiles({ ...range, fromMs: range.untilMs, untilMs: range.untilMs + 1 })).toEqual([]);
  const latest = { latest: 100, strayShare: 0.05 };
  expect(await record.leadMs('flight-delay', 'default', latest)).toBe(0);
  expect(await record.leadMs('flight-delay', 'north', latest)).toBeNull();
});

it('bytes that differ from those in the record are set aside, not lost', async () => {
  const log = await openObservationLog(settingsOf('twice', 'boot-1'), QUIET);
  await log.close();
  await record.registerSegment({ gateway: 'twice', boot: 'boot-1', segment: 1, digest: 'sha256:other', bytes: 1, observations: 1, mirrored: 0, firstEventMs: 0, lastEventMs: 0, sealedAt: new Date(0) });
  const own = gatewayFolder(join(folder, 'log'), 'twice');
  await runAndKill(settingsOf('twice', 'boot-1', { sealBytes: 1e9 }), null, 50);
  writeFileSync(join(own, 'a-persons-note.txt'), 'left alone');
  const last = await openObservationLog(settingsOf('twice', 'last'), QUIET, { store, record });
  await expect.poll(() => readdirSync(own).sort(), { timeout: 20_000 }).toEqual(['a-persons-note.txt', 'boot-1.00000001.damaged']);
  await last.close();
});
