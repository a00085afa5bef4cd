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

it('a file is noted once, with an entry in the ledger', async () => {
  expect(await files.isKnown(FILE)).toBe(false);
  await files.add(FILE, ORIGIN);
  await files.add({ ...FILE, rows: 9 }, ORIGIN);
  expect([await files.isKnown(FILE), await files.isKnown({ ...FILE, stamp: '2' })]).toEqual([true, false]);
  await files.add({ ...FILE, stamp: '2', digest: 'sha256:b', boot: 'b2', readAt: new Date(AT.getTime() + 1) }, ORIGIN);
  expect((await files.list(MODEL, 10)).map(({ stamp, rows }) => [stamp, rows])).toEqual([['2', 3], ['1', 3]]);
  expect(await files.findSame(MODEL, 'default', 'sha256:a')).toMatchObject({ stamp: '1', boot: 'b1' });
  expect([await files.findSame(MODEL, 'north', 'sha256:a'), await files.findSame(MODEL, 'default', 'sha256:z')]).toEqual([null, null]);
  expect(await count("audit_entry WHERE action = 'source.read'")).toBe(2);
});

it('its observations are converted from the first, and there once', async () => {
  await observations.addConverted(segmentOf('b1'), observed('sha256:one'));
  await observations.addConverted(segmentOf('b1'), observed('sha256:two'));
  await observations.addConverted(segmentOf('b1', 'sha256:other bytes'), observed('sha256:three'));
  expect(await observations.unconverted(10)).toEqual([]);
  await observations.addConverted(segmentOf('b9'), observed('sha256:elsewhere'));
  expect(await files.observationsOf(MODEL, 'default', 'a.parquet')).toEqual([{ digest: 'sha256:one' }]);
});

it('leaves nothing where its observations cannot be noted: a segment alone would be taken for one of a gateway', async () => {
  await expect(observations.addConverted(segmentOf('b3'), { ...observed('sha256:x'), firstEventMs: null })).rejects.toThrow();
  expect(await count("observation_segment WHERE boot = 'b3'")).toBe(0);
});

it('hours that came after a moment are told, as far as they lie before another', async () => {
  const late = (after: string, untilHour: number): Promise<{ hour: number; cameAt: Date }[]> => observations.cameLate(MODEL, 'default', new Date(after), untilHour * HOUR_MS);
  expect((await late('2024-04-30T00:00:00Z', 6)).map(({ hour }) => hour)).toEqual([0, 2, 5]);
  expect((await late('2024-04-30T00:00:00Z', 5)).map(({ hour, cameAt }) => [hour, cameAt])).toEqual([[0, AT], [2, AT]]);
  expect(await late('2024-05-01T00:00:00Z', 6)).toEqual([]);
});
