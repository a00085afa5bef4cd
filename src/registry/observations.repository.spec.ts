import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../../test/installation.js';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import { registryDataSource } from './data-source.js';
import { ObservationsRepository } from './observations.repository.js';

const HOUR_MS = 3_600_000;
const FROM = Date.parse('2026-03-01T00:00:00Z');
const ROUNDS = 100;

let server: RegistryServer;
let superuser: DataSource;
let record: ObservationsRepository;

beforeAll(async () => {
  server = await startRegistryServer();
  superuser = await registryDataSource({ url: server.superuserUrl, poolSize: 1 }).initialize();
  record = new ObservationsRepository(server.dataSource);
});

afterAll(async () => {
  await superuser?.destroy();
  await server?.stop();
});

interface Ids {
  readonly model: string;
  readonly segment: number;
}

async function sealed({ model, segment }: Ids): Promise<void> {
  await record.registerSegment({ gateway: 'g', boot: model, segment, digest: `sha256:${model}${segment}`, bytes: 1, observations: 1, mirrored: 0, firstEventMs: FROM, lastEventMs: FROM, sealedAt: new Date(FROM) });
}

const convert = ({ model, segment }: Ids): Promise<boolean> => record.recordConversion({ gateway: 'g', boot: model, segment }, {
  damage: null,
  files: [{
    model, deployment: 'default', kind: 'observation', digest: `sha256:file${segment}`, bytes: 1, rows: 1, firstSequence: segment, lastSequence: segment, firstEventMs: FROM, lastEventMs: FROM,
    newestReceivedMs: FROM, leadMs: 0, eventHours: [FROM / HOUR_MS],
  }],
});

/** The segments whose rows count for what reads up to the line, and when the last came that are late for it. */
async function sidesOf(model: string, line: Date): Promise<{ counted: number[]; lateAt: Date | null }> {
  const files = await record.observationFiles({ model, deployment: 'default', fromMs: FROM, untilMs: FROM + HOUR_MS, cameBy: line });
  const [late] = await record.cameLate(model, 'default', line, FROM + HOUR_MS);
  return { counted: files.map(({ segment }) => segment), lateAt: late?.cameAt ?? null };
}

async function waitsFor(what: string): Promise<void> {
  await eventually(async () => {
    const [{ waiting }] = await server.dataSource.query("SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1", [`%${what}%`]);
    return waiting === 1 || undefined;
  }, () => `a statement with "${what}" to wait for a lock`);
}

it('a line between what came and what is late waits for a conversion that has its time and is not on the record yet', async () => {
  const id = { model: 'slow', segment: 1 };
  await sealed(id);
  const [conversion, line] = await superuser.transaction(async (manager) => {
    await manager.query('LOCK TABLE observation_file IN ACCESS EXCLUSIVE MODE');
    const converting = convert(id);
    await waitsFor('INSERT INTO "observation_file"');
    const drawing = record.drawLine(id.model, 'default');
    await waitsFor('pg_advisory_xact_lock');
    // Another deployment's line is not held up.
    await record.drawLine('quick', 'default');
    return [converting, drawing] as const;
  });
  expect(await conversion).toBe(true);
  expect(await sidesOf(id.model, await line)).toEqual({ counted: [1], lateAt: null });
});

it('each file is before a line or late for it, however close they come', async () => {
  const model = 'close';
  for (let segment = 1; segment <= ROUNDS; segment += 1) {
    const id = { model, segment };
    await sealed(id);
    const [line] = await Promise.all([record.drawLine(model, 'default'), convert(id)]);
    const { counted, lateAt } = await sidesOf(model, line);
    expect(counted.includes(segment), `segment ${segment} is counted by ${line.toISOString()} and came late at ${String(lateAt?.toISOString())}`).toBe(lateAt === null);
    expect(counted.length).toBeGreaterThanOrEqual(segment - 1);
  }
});

it('rows of a file are late for a line that was drawn while it was read', async () => {
  const id = { model: 'source', segment: 1 };
  const readAt = new Date();
  const line = await record.drawLine(id.model, 'default');
  await record.addConverted(
    { gateway: 'g', boot: id.model, segment: 1, digest: 'sha256:rows', bytes: 1, observations: 1, mirrored: 0, firstEventMs: FROM, lastEventMs: FROM, sealedAt: readAt },
    { model: id.model, deployment: 'default', kind: 'observation', digest: 'sha256:rows', bytes: 1, rows: 1, firstSequence: 1, lastSequence: 1, firstEventMs: FROM, lastEventMs: FROM, newestReceivedMs: FROM, leadMs: 0, eventHours: [FROM / HOUR_MS] },
  );
  const { counted, lateAt } = await sidesOf(id.model, line);
  expect(counted).toEqual([]);
  expect(lateAt!.getTime()).toBeGreaterThan(line.getTime());
});
