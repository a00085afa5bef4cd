import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Observation } from '../observations/segment-format.js';
import { SegmentEncoder } from '../observations/segment-encoder.js';
import { SegmentReader } from '../observations/segment-reader.js';
import { mirroredOf, observationOf, randomMirrored, randomObservations } from '../observations/testing/random-observations.js';
import type { SegmentRegistration } from '../registry/observations.repository.js';
import { FolderStore } from '../artifacts/folder-store.js';
import { gatewayLog } from './gateway-log.js';
import { type ObservationLog, openObservationLog, type ObservationLogSettings } from './observation-log.js';
import { gatewayFolder, segmentPath } from './segment-folder.js';

let root: string;
let own: string;
let lines: { level: string; message: string; [field: string]: unknown }[];
const log = gatewayLog('info', (line) => lines.push(JSON.parse(line) as (typeof lines)[number]));
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perennial-log-'));
  own = gatewayFolder(root, 'g');
  lines = [];
  return () => rmSync(root, { recursive: true, force: true });
});

const settingsOf = (changes: Partial<ObservationLogSettings> = {}): ObservationLogSettings =>
  ({ folder: root, gateway: 'g', boot: 'b', sealAfterMs: 60_000, sealBytes: 1e9, maxBytes: 1e9, sync: 'second', ...changes });

/** Everything in the folder's segments, sealed or open. */
async function kept(folder = own): Promise<{ sequences: number[]; mirrored: number }> {
  const found = { sequences: [] as number[], mirrored: 0 };
  for (const name of readdirSync(folder).sort()) {
    for await (const entries of new SegmentReader(join(folder, name)).entries()) {
      for (const entry of entries) {
        if (entry.kind === 'observation') found.sequences.push(entry.observation.sequence);
        else found.mirrored += 1;
      }
    }
  }
  return found;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const turnOf = (from: number, to: number): Observation[] => range(from, to).map((sequence) => observationOf(sequence));

describe('the observation log', () => {
  it.each(['second', 'always'] as const)('has what was appended in the file when append returns (sync: %s)', async (sync) => {
    const observations = await openObservationLog(settingsOf({ sync }), log);
    const turn = randomObservations(3, 50);
    observations.append(turn);
    observations.appendMirrored(randomMirrored(4, 20));
    const read: Observation[] = [];
    for await (const entries of new SegmentReader(segmentPath(own, 'b', 1, '.open')).entries()) {
      for (const entry of entries) if (entry.kind === 'observation') read.push(entry.observation);
    }
    expect(read).toEqual(turn);
    expect(observations.figures()).toMatchObject({ openBytes: statSync(segmentPath(own, 'b', 1, '.open')).size, shedObservations: 0, shedding: false, lastError: null });
    await observations.close();
    expect(readdirSync(own)).toEqual(['b.00000001.sealed']);
    expect(await kept()).toEqual({ sequences: range(1, 50), mirrored: 20 });
  });

  it('seals by size and by age, and has no file where nothing is observed', async () => {
    const observations = await openObservationLog(settingsOf({ sealBytes: 2_000, sealAfterMs: 100 }), log);
    expect(readdirSync(own)).toEqual([]);
    for (const sequence of range(1, 40)) observations.append([observationOf(sequence)]);
    await expect.poll(() => readdirSync(own).filter((name) => name.endsWith('.open')), { timeout: 10_000 }).toEqual([]);
    expect(observations.figures().sealedWaiting).toBe(readdirSync(own).length);
    expect(readdirSync(own).length).toBeGreaterThanOrEqual(3);
    await observations.close();
    expect((await kept()).sequences).toEqual(range(1, 40));
  });

  it('sheds what cannot be encoded, alone, and says so once', async () => {
    const observations = await openObservationLog(settingsOf(), log);
    observations.append([observationOf(1), observationOf(2, { outputs: new Float32Array(2) }), observationOf(3)]);
    observations.append([observationOf(4, { eventTimeMs: NaN }), observationOf(5, { context: null as never })]);
    observations.appendMirrored([mirroredOf(1, { rows: 9 })]);
    expect(observations.figures()).toMatchObject({ shedObservations: 3, shedMirrored: 1, shedding: false });
    await observations.close();
    expect((await kept()).sequences).toEqual([1, 3]);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    observations.append([observationOf(6)]);
    expect(observations.figures().shedObservations).toBe(4);
  });

  it('sheds past its bound, counts it, says so once, and keeps again when there is room', async () => {
    const observations = await openObservationLog(settingsOf({ maxBytes: 30_000, sealBytes: 10_000 }), log);
    let last = 0;
    while (!observations.figures().shedding) observations.append([observationOf((last += 1))]);
    for (const sequence of range(last + 1, last + 100)) observations.append([observationOf(sequence)]);
    observations.appendMirrored([mirroredOf(1)]);
    expect(observations.figures()).toMatchObject({ shedObservations: 101, shedMirrored: 1, shedding: true });
    expect(observations.figures().bytesOnDisk).toBeLessThanOrEqual(30_000);
    await expect.poll(() => readdirSync(own).filter((name) => name.endsWith('.open')), { timeout: 10_000 }).toEqual([]);
    expect((await kept()).sequences).toEqual(range(1, last - 1));
    rmSync(segmentPath(own, 'b', 1, '.sealed'));
    await expect.poll(() => {
      observations.append([observationOf(0)]);
      return observations.figures().shedding;
    }, { timeout: 10_000 }).toBe(false);
    await observations.close();
    expect((await kept()).sequences).toContain(0);
    expect(lines.map(({ level, message }) => `${level} ${message.split(' ').slice(0, 3).join(' ')}`)).toEqual(['error Observations cannot be', 'warn Observations are kept']);
  });

  it('removes an empty file that another start left once it has been quiet for five minutes, not before', async () => {
    mkdirSync(own, { recursive: true });
    const agedOf = (segment: number, seconds: number): void => {
      const path = segmentPath(own, 'old', segment, '.open');
      writeFileSync(path, '');
      const at = Date.now() / 1_000 - seconds;
      utimesSync(path, at, at);
    };
    agedOf(1, 310);
    agedOf(2, 200);
    const next = await openObservationLog(settingsOf(), log);
    await next.close();
    expect(readdirSync(own)).toEqual(['old.00000002.open']);
  });

  it('seals what an earlier start left, cut after its last whole frame; what lies behind damage is put beside it', async () => {
    const first = await openObservationLog(settingsOf({ boot: 'old' }), log);
    first.append(turnOf(1, 5));
    await first.close();
    const bytes = readFileSync(segmentPath(own, 'old', 1, '.sealed'));
    const gone = asOfDeadProcess(bytes);
    rmSync(segmentPath(own, 'old', 1, '.sealed'));
    writeFileSync(segmentPath(own, 'old', 1, '.open'), gone.subarray(0, -7));
    const hurt = Buffer.from(gone);
    hurt[gone.length - 150] = (hurt[gone.length - 150] as number) ^ 1;
    writeFileSync(segmentPath(own, 'old', 2, '.open'), hurt);
    writeFileSync(segmentPath(own, 'old', 3, '.open'), bytes);
    const next = await openObservationLog(settingsOf(), log);
    await next.close();
    // The third one's writer, this process, is alive.
    expect(readdirSync(own)).toEqual(['old.00000001.sealed', 'old.00000002.damaged', 'old.00000002.sealed', 'old.00000003.open']);
    const read = async (segment: number): Promise<number> => {
      let count = 0;
      for await (const entries of new SegmentReader(segmentPath(own, 'old', segment, '.sealed')).entries()) count += entries.length;
      return count;
    };
    expect(await read(1)).toBe(4);
    expect(await read(2)).toBeLessThan(5);
    expect(statSync(segmentPath(own, 'old', 2, '.sealed')).size + statSync(join(own, 'old.00000002.damaged')).size).toBe(gone.length);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'error', segment: 'old.00000002.open', position: statSync(segmentPath(own, 'old', 2, '.sealed')).size }));
  });
});

/** The same observations, from a process that has ended. */
function asOfDeadProcess(bytes: Buffer): Buffer {
  const { pid } = spawnSync('true');
  const encoder = new SegmentEncoder();
  encoder.startSegment({ gateway: 'g', boot: 'old', segment: 1, openedAtMs: 0, writer: { host: HOST(bytes), pid, started: '1' } });
  for (const observation of turnOf(1, 5)) encoder.observation(observation);
  return Buffer.from(encoder.view());
}

const HOST = (bytes: Buffer): string => /"host":"([^"]*)"/.exec(bytes.toString('latin1'))?.[1] ?? '';

describe('uploading', () => {
  const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

  /** A destination whose parts can be away. */
  function destination(): { parts: { store: boolean; record: boolean }; registered: SegmentRegistration[]; open(settings?: Partial<ObservationLogSettings>): Promise<ObservationLog> } {
    const store = new FolderStore(join(root, 'artifacts'));
    const parts = { store: true, record: true };
    const registered: SegmentRegistration[] = [];
    return {
      parts, registered,
      open: (changes) => openObservationLog(settingsOf({ folder: join(root, 'log'), sealAfterMs: 40, ...changes }), log, {
        retry: { firstMs: 10, maxMs: 40 },
        store: { putFile: (path) => (parts.store ? store.putFile(path) : Promise.reject(new Error('EIO: the store is away'))) },
        record: {
          registerSegment: async (segment) => {
            if (!parts.record) throw away;
            registered.push(segment);
            return 'registered';
          },
        },
      }),
    };
  }

  it('waits for store and record, says so once, and leaves nothing behind', async () => {
    const there = destination();
    there.parts.store = false;
    const observations = await there.open();
    observations.append(turnOf(1, 3));
    await expect.poll(() => lines.length, { timeout: 10_000 }).toBe(1);
    there.parts.store = true;
    there.parts.record = false;
    observations.append(turnOf(4, 6));
    await expect.poll(() => observations.figures(), { timeout: 10_000 }).toMatchObject({ sealedWaiting: 2, openBytes: 0 });
    there.parts.record = true;
    await expect.poll(() => observations.figures(), { timeout: 10_000 }).toMatchObject({ sealedWaiting: 0, bytesOnDisk: 0 });
    await observations.close();
    expect(there.registered.map(({ segment, observations: count, firstEventMs, lastEventMs }) => [segment, count, firstEventMs, lastEventMs])).toEqual([
      [1, 3, 1_700_000_000_001, 1_700_000_000_003], [2, 3, 1_700_000_000_004, 1_700_000_000_006],
    ]);
    expect(lines.map(({ level }) => level)).toEqual(['error', 'info']);
  });

  it('brings away what is open when the gateway closes', async () => {
    const there = destination();
    const observations = await there.open({ sealAfterMs: 60_000 });
    observations.append(turnOf(1, 3));
    await observations.close();
    expect(there.registered).toHaveLength(1);
    expect(readdirSync(gatewayFolder(join(root, 'log'), 'g'))).toEqual([]);
  });
});

it('goes on sealing, and keeping what it can again, when the clock is set back by an hour', async () => {
  const observations = await openObservationLog(settingsOf({ sealAfterMs: 50 }), log);
  observations.append(turnOf(1, 2));
  const now = vi.spyOn(Date, 'now').mockImplementation(() => new Date().getTime() - 3_600_000);
  try {
    await vi.waitFor(() => expect(readdirSync(own)).toEqual(['b.00000001.sealed']), { timeout: 5_000 });
    // The file has its last name a moment before the log knows it.
    await vi.waitFor(() => expect(observations.figures().sealedWaiting).toBe(1), { timeout: 5_000 });
    rmSync(own, { recursive: true });
    writeFileSync(own, 'no folder');
    now.mockRestore();
    observations.append(turnOf(3, 4));
    expect(observations.figures()).toMatchObject({ shedding: true, shedObservations: 2, sealedWaiting: 0, lastError: expect.stringMatching(/EEXIST|ENOTDIR/) as string });
    now.mockImplementation(() => new Date().getTime() - 3_600_000);
    rmSync(own);
    await vi.waitFor(() => {
      observations.append(turnOf(5, 5));
      expect(observations.figures().shedding).toBe(false);
    }, { timeout: 5_000 });
  } finally {
    now.mockRestore();
    await observations.close();
  }
});

it('loses nothing that it has open when its folder is removed under it', async () => {
  const observations = await openObservationLog(settingsOf(), log);
  const turn = randomObservations(5, 400);
  observations.append(turn);
  rmSync(root, { recursive: true });
  observations.append(turnOf(401, 403));
  await observations.close();
  expect(readdirSync(own)).toEqual(['b.00000001.sealed']);
  expect((await kept()).sequences).toEqual(range(1, 403));
  expect(observations.figures()).toMatchObject({ shedObservations: 0, lastError: null });
});

it('is not opened in a place that is no folder, and says which setting to correct', async () => {
  writeFileSync(join(root, 'a-file'), '');
  await expect(openObservationLog(settingsOf({ folder: join(root, 'a-file', 'log') }), log)).rejects.toMatchObject({ type: 'ConfigurationInvalid', message: expect.stringMatching(/a-file.*ENOTDIR.*OBSERVATION_DIR/) as string });
});

/** A process that may write files of 64 KiB at most, or into a file system of 256 KiB, as one whose disk is full. */
const FILLING = `
import { openObservationLog } from '${new URL('./observation-log.ts', import.meta.url).href}';
import { gatewayLog } from '${new URL('./gateway-log.ts', import.meta.url).href}';
import { observationOf } from '${new URL('../observations/testing/random-observations.ts', import.meta.url).href}';
process.on('SIGXFSZ', () => undefined);
const lines = [];
const log = await openObservationLog(JSON.parse(process.argv[1]), gatewayLog('info', (line) => lines.push(JSON.parse(line))));
for (let sequence = 1; sequence <= 4000; sequence += 4) log.append([0, 1, 2, 3].map((more) => observationOf(sequence + more)));
const figures = log.figures();
await log.close();
console.log(JSON.stringify({ figures, lines }));`;

it('a disk that takes no more sheds whole turns, answers go on, and the segments stay whole', async () => {
  const loader = new URL('../evaluation/typescript-source.mjs', import.meta.url).href;
  const limited = `ulimit -f 64; exec "$0" --import "${loader}" --input-type=module -e "$1" "$2"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', limited, process.execPath, FILLING, JSON.stringify(settingsOf())], { encoding: 'utf8' });
  expect(stderr).toBe('');
  const { figures, lines: said } = JSON.parse(stdout) as { figures: ReturnType<ObservationLog['figures']>; lines: typeof lines };
  expect(figures.shedObservations).toBeGreaterThan(0);
  expect(figures.lastError).toMatch(/EFBIG/);
  const { sequences } = await kept();
  expect(sequences.length + figures.shedObservations).toBe(4_000);
  // Whole turns: each four in a row.
  expect(sequences.every((sequence, index) => index % 4 === 0 || sequence === (sequences[index - 1] as number) + 1)).toBe(true);
  expect(said.filter(({ level }) => level === 'error')).toHaveLength(1);
});
