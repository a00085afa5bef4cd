import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import { ObservationsRepository } from '../registry/observations.repository.js';
import { firstEventTime } from './first-event.js';
import { reachedLead, STRAY_SHARE, STREAM_FILES, streamTime } from './stream-time.js';
import { ObservedFiles } from './testing/observed-files.js';

const YEARS_MS = 10 * 365 * 86_400_000;
const NOW = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

let server: RegistryServer;
let record: ObservationsRepository;
let files: ObservedFiles;
beforeAll(async () => {
  server = await startRegistryServer();
  record = new ObservationsRepository(server.dataSource);
  files = await ObservedFiles.make();
});
afterAll(async () => {
  await server?.stop();
  await files?.remove();
});

describe('the lead of a file', () => {
  it.each<[string, number[], number | null]>([
    ['is the largest where it has few rows', [-5, -3, -4], -3],
    ['is that of its rows but for one in twenty', [...Array.from({ length: 19 }, (_, row) => -YEARS_MS + row), 0], -YEARS_MS + 18],
    ['follows more than one in twenty', [...Array.from({ length: 18 }, () => -YEARS_MS), 0, 0], 0],
    ['is none without rows', [], null],
  ])('%s', (_what, leads, expected) => {
    expect(reachedLead(Float64Array.from(leads))).toBe(expected);
  });
});

/** Observations of one deployment in files of the given rows and leads, received one after the other. */
async function observed(model: string, ...received: readonly { readonly rows: number; readonly leadMs: number }[]): Promise<void> {
  for (const [at, { rows, leadMs }] of received.entries()) {
    const segment = { gateway: 'g', boot: model, segment: at + 1 };
    await record.registerSegment({ ...segment, digest: `sha256:${model}${at}`, bytes: 1, observations: rows, mirrored: 0, firstEventMs: NOW, lastEventMs: NOW, sealedAt: new Date(NOW) });
    await record.recordConversion(segment, { damage: null, files: [{
      model, deployment: 'default', kind: 'observation', digest: `sha256:${at}`, bytes: 1, rows, firstSequence: 1, lastSequence: rows, firstEventMs: NOW, lastEventMs: NOW, newestReceivedMs: NOW + at, leadMs, eventHours: null,
    }] });
  }
}
const streamTimeOf = async (model: string): Promise<number | null> => streamTime(await record.leadMs(model, 'default', { latest: STREAM_FILES, strayShare: STRAY_SHARE }), NOW);

describe('stream time', () => {
  it('is carried on neither by a prediction of the year 2099 nor by one that is asked live during a replay', async () => {
    await observed('replayed', { rows: 400, leadMs: -YEARS_MS - HOUR_MS }, { rows: 1, leadMs: 7 * YEARS_MS }, { rows: 400, leadMs: -YEARS_MS }, { rows: 1, leadMs: 0 });
    expect(await streamTimeOf('replayed')).toBe(NOW - YEARS_MS);
  });

  it('is the clock again when the replay has ended', async () => {
    await observed('live', { rows: 40_000, leadMs: -YEARS_MS }, ...Array.from({ length: STREAM_FILES }, () => ({ rows: 10, leadMs: -3 })));
    expect(await streamTimeOf('live')).toBe(NOW - 3);
  });

  it('is held up neither by a clock that is an hour behind nor by one that is an hour ahead', async () => {
    await observed('skewed', { rows: 100, leadMs: -HOUR_MS }, { rows: 100, leadMs: 0 }, { rows: 100, leadMs: HOUR_MS });
    expect(await streamTimeOf('skewed')).toBe(NOW);
  });

  it('is unknown where nothing was observed', async () => {
    expect(await streamTimeOf('silent')).toBeNull();
  });
});

describe('the event time with which traffic began', () => {
  const firstOf = async (sinceMs: number, ...columns: Readonly<Record<string, string>>[]): Promise<number | null> => {
    const paths = await Promise.all(columns.map((more) => files.observations('range(30) t(i)', more)));
    return firstEventTime({ files: paths, sinceMs, scratch: files.folder });
  };
  const START = Date.UTC(2024, 0, 1);

  it('is that of the first rows received since, but for a stray of long ago', async () => {
    expect(await firstOf(START, {})).toBe(START + 1_000);
    expect(await firstOf(START, { event_time: "CASE WHEN i = 29 THEN TIMESTAMP '1970-01-01' ELSE TIMESTAMP '2024-01-01' + to_seconds(i) END" })).toBe(START);
    expect(await firstOf(START + 5_000, {})).toBe(START + 6_000);
  });

  it('waits until a stray can be told from the others', async () => {
    expect(await firstOf(START + 11_000, {})).toBeNull();
    expect(await firstOf(START)).toBeNull();
  });
});
