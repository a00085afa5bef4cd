import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import { SPEC } from '../data/data-fixture.js';
import { parseSpec } from '../spec/parse-spec.js';
import { AuditLedger } from './audit-ledger.js';
import { ModelsRepository } from './models.repository.js';
import { type ConvertedFile, ObservationsRepository, type SegmentRegistration } from './observations.repository.js';
import { SourceFilesRepository } from './source-files.repository.js';

const MODEL = SPEC.model;
const HOUR_MS = 3_600_000;
const AT = new Date('2024-05-01T00:00:00Z');
const ORIGIN = { workflowId: 'w', runId: 'r' };
const FILE = { model: MODEL, deployment: 'default', name: 'a.parquet', stamp: '1', digest: 'sha256:a', bytes: 10, rows: 3, labelled: 2, boot: 'b1', readAt: AT };

let server: RegistryServer;
let files: SourceFilesRepository;
let observations: ObservationsRepository;
beforeAll(async () => {
  server = await startRegistryServer();
  const { dataSource } = server;
  files = new SourceFilesRepository(dataSource, new AuditLedger(dataSource));
  observations = new ObservationsRepository(dataSource);
  const source = JSON.stringify(SPEC);
  await dataSource.transaction((manager) => new ModelsRepository(dataSource).apply(manager, source, parseSpec(source), 'ann', AT));
});
afterAll(() => server?.stop());

const segmentOf = (boot: string, digest = `sha256:${boot}`): SegmentRegistration => ({ gateway: 'source', boot, segment: 1, digest, bytes: 1, observations: 3, mirrored: 0, firstEventMs: 0, lastEventMs: 5 * HOUR_MS, sealedAt: AT });
const observed = (digest: string, eventHours: readonly number[] = [0, 2, 5]): ConvertedFile => ({
  model: MODEL, deployment: 'default', kind: 'observation', digest, bytes: 1, rows: 3, firstSequence: 1, lastSequence: 3, firstEventMs: 0, lastEventMs: 5 * HOUR_MS, newestReceivedMs: AT.getTime(), leadMs: 0, eventHours,
});
const count = async (sql: string): Promise<number> => ((await server.dataSource.query<{ count: number }[]>(`SELECT count(*)::int AS count FROM ${sql}`))[0]!).count;

const LATER = { ...FILE, stamp: '2', digest: 'sha256:b', boot: 'b2', readAt: new Date(AT.getTime() + 1) };

it('a file is noted once for each time that it was written, with an entry in the ledger', async () => {
  expect(await files.newest(FILE)).toBeNull();
  await files.add(FILE, ORIGIN);
  await Promise.all([files.add({ ...FILE, rows: 9 }, ORIGIN), files.add({ ...FILE, rows: 9 }, ORIGIN)]);
  expect(await files.newest(FILE)).toMatchObject({ stamp: '1', rows: 3 });
  expect(await files.findStanding(MODEL, 'default', 'sha256:a')).toMatchObject({ stamp: '1', boot: 'b1' });
  await files.add(LATER, ORIGIN);
  expect((await files.list(MODEL, 10)).map(({ stamp, rows }) => [stamp, rows])).toEqual([['2', 3], ['1', 3]]);
  expect(await Promise.all(['sha256:a', 'sha256:b', 'sha256:z'].map((digest) => files.findStanding(MODEL, 'default', digest)))).toMatchObject([null, { stamp: '2' }, null]);
  expect([await files.findStanding(MODEL, 'north', 'sha256:b'), await files.newest({ ...FILE, deployment: 'north' })]).toEqual([null, null]);
  expect(await count("audit_entry WHERE action = 'source.read'")).toBe(2);
});

it('a file that is put back as it was is noted again', async () => {
  await files.add({ ...FILE, boot: 'b4' }, ORIGIN);
  expect(await files.newest(FILE)).toMatchObject({ stamp: '1', boot: 'b4' });
  expect(await files.findStanding(MODEL, 'default', 'sha256:a')).toMatchObject({ boot: 'b4' });
  expect([await files.readings(MODEL, 'default', 'sha256:a'), await files.readings(MODEL, 'default', 'sha256:b')]).toEqual([2, 1]);
});

it('its observations are converted from the first, and there once', async () => {
  await observations.addConverted(segmentOf('b1'), observed('sha256:one'));
  await observations.addConverted(segmentOf('b1'), observed('sha256:two'));
  await observations.addConverted(segmentOf('b1', 'sha256:other bytes'), observed('sha256:three'));
  expect(await observations.unconverted(10)).toEqual([]);
  await observations.addConverted(segmentOf('b9'), observed('sha256:elsewhere'));
  const of = (name: string, digest: string): Promise<{ digest: string }[]> => files.observationsOf({ model: MODEL, deployment: 'default', name, digest });
  // Also of another name that has had the same bytes.
  expect([await of('a.parquet', 'sha256:new'), await of('z.parquet', 'sha256:b'), await of('z.parquet', 'sha256:new')]).toEqual([[{ digest: 'sha256:one' }], [{ digest: 'sha256:one' }], []]);
});

it('leaves nothing where its observations cannot be noted: a segment alone would be taken for one of a gateway', async () => {
  await expect(observations.addConverted(segmentOf('b3'), { ...observed('sha256:x'), firstEventMs: null })).rejects.toThrow();
  expect(await count("observation_segment WHERE boot = 'b3'")).toBe(0);
});

it('hours that came after a moment are told, as far as they lie before another', async () => {
  const late = (after: string, untilHour: number): Promise<{ hour: number; cameAt: Date }[]> => observations.cameLate(MODEL, 'default', new Date(after), untilHour * HOUR_MS);
  expect((await late('2024-04-30T00:00:00Z', 6)).map(({ hour }) => hour)).toEqual([0, 2, 5]);
  const [first, second] = await late('2024-04-30T00:00:00Z', 5);
  expect([first!.hour, second]).toEqual([0, { hour: 2, cameAt: first!.cameAt }]);
  expect(await late(first!.cameAt.toISOString(), 6)).toEqual([]);
});
