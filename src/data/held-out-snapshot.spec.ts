import { beforeEach, describe, expect, it } from 'vitest';
import { canonicalJson, sha256 } from '../contracts/canonical.js';
import type { SnapshotManifest, SnapshotRef } from '../contracts/artifacts.js';
import { durationMs, isoTime, type EventWindow } from '../contracts/time.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { DataFolder, failureOf, HOURLY_ROWS, specWith } from './data-fixture.js';

let folder: DataFolder;

beforeEach(async () => {
  folder = await DataFolder.make();
  return () => folder.remove();
});

describe('a snapshot with blocks held out', () => {
  it('judges on every other day of its window, trains on the days between and on those before, and says so', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    const spec = specWith({ evaluation: { holdOutEvery: 2 } });
    const { manifest, digest } = await folder.snapshot(spec);
    // 2024-01-11 is day 19733: an odd one, as the 13th and the 15th, the last of the window.
    expect(manifest).toMatchObject({
      heldOut: { every: 2, block: 'P1D' },
      train: { rows: 288, window: { start: '2024-01-01T00:00:00.000Z', end: '2024-01-16T00:00:00.000Z' } },
      evaluation: { rows: 72, window: { start: '2024-01-11T00:00:00.000Z', end: '2024-01-16T00:00:00.000Z' } },
    });
    const days = await folder.read({ digest, manifest }, 'evaluation', "DISTINCT strftime(moment, '%d') AS day");
    expect(days.map(({ day }) => day).sort()).toEqual(['11', '13', '15']);
    expect((await folder.validate(spec)).violations).toEqual([]);
  });

  it('leaves the manifest as it was where nothing is held out, member by member', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    const { digest, manifest } = await folder.snapshot(specWith({ evaluation: { holdOutEvery: 1 } }));
    const { source: { files: [file] }, train, evaluation } = manifest;
    const before: SnapshotManifest = {
      model: 'trial', specDigest: 'sha256:0', asOf: '2024-01-17T00:00:00.000Z',
      source: { path: 'rows.parquet', format: 'parquet', files: [{ name: 'rows.parquet', bytes: file!.bytes, digest: file!.digest }], otherColumns: [] },
      columns: [{ name: 'id', type: 'VARCHAR' }, { name: 'moment', type: 'TIMESTAMP' }, { name: 'late', type: 'BOOLEAN' }, { name: 'speed', type: 'DOUBLE' }, { name: 'side', type: 'VARCHAR' }],
      train: { artifact: train.artifact, rows: 240, labelledRows: 240, window: { start: '2024-01-01T00:00:00.000Z', end: '2024-01-11T00:00:00.000Z' } },
      evaluation: { artifact: evaluation.artifact, rows: 120, labelledRows: 120, window: { start: '2024-01-11T00:00:00.000Z', end: '2024-01-16T00:00:00.000Z' } },
    };
    expect(digest).toBe(sha256(canonicalJson(before)));
    expect((await folder.snapshot(specWith())).digest).toBe(digest);
  });

  it('refuses blocks without a row, or with too few, and says which they are and how there are more', async () => {
    const spec = specWith({ evaluation: { holdOutEvery: 2 } });
    await folder.write('rows.parquet', `SELECT * FROM (${HOURLY_ROWS}) WHERE day(moment) NOT IN (11, 13, 15)`);
    const empty = await failureOf(folder.snapshot(spec));
    expect(empty).toMatchObject({ type: 'WindowEmpty', details: { part: 'evaluation' } });
    expect(empty.message).toMatch(/holds no rows in the blocks held out \(one in 2 of P1D, evaluation\.holdOutEvery\).*a longer evaluation\.window or a smaller evaluation\.holdOutEvery/);
    await folder.write('rows.parquet', HOURLY_ROWS);
    const few = await failureOf(folder.snapshot(specWith({ evaluation: { holdOutEvery: 2, minimumRows: 73 } })));
    expect(few).toMatchObject({ type: 'NotEnoughData', details: { part: 'evaluation', rows: 72, minimumRows: 73 } });
    expect(few.message).toContain('72 labelled rows of 72 in the blocks held out');
    expect((await failureOf(folder.snapshot(specWith({ training: { minimumRows: 289 }, evaluation: { holdOutEvery: 2 } })))).message).toContain('288 labelled rows of 288 outside the blocks held out');
  });
});

describe('the validation of a snapshot with blocks held out', () => {
  const spec = specWith({ data: { maxStaleness: 'PT2H' }, evaluation: { holdOutEvery: 3, window: 'P6D' } });

  it('asks for rows that are new by what each part may hold', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    // The 11th, day 19733, judges, and the 14th: of a window until the 16th the newest rows that judge are more than a day older than its end.
    const { manifest, digest } = await folder.snapshot(spec);
    expect((await folder.read({ manifest, digest }, 'evaluation', 'max(moment)::VARCHAR AS newest'))[0]).toEqual({ newest: '2024-01-14 23:00:00' });
    expect(await folder.validate(spec, { manifest, digest })).toEqual({ verdict: 'pass', violations: [] });
    await folder.write('rows.parquet', `SELECT * FROM (${HOURLY_ROWS}) WHERE moment < TIMESTAMP '2024-01-14 12:00:00' OR moment >= TIMESTAMP '2024-01-15'`);
    const { violations } = await folder.validate(spec);
    expect(violations).toMatchObject([{ check: 'freshness', part: 'evaluation', message: expect.stringContaining('13.0 h before the end of the last stretch of the window that is for evaluation 2024-01-15T00:00:00.000Z') }]);
  });

  it.each<[string, number, string, string]>([
    ['that ends with the window', 1, '2024-01-13', '2024-01-16'], ['that ends with the window, where blocks are held out', 3, '2024-01-13', '2024-01-16'],
    ['before a block that is held out', 3, '2024-01-12', '2024-01-14'], ['whose end lies later', 1, '2024-01-15', '2024-01-20'],
  ])('takes rows before a quarantine for new: one %s', async (_, holdOutEvery, start, end) => {
    const without = [{ start: `${start}T00:00:00.000Z`, end: `${end}T00:00:00.000Z` }];
    const strict = specWith({ data: { maxStaleness: 'PT2H' }, evaluation: { holdOutEvery, window: 'P6D' } });
    await folder.write('rows.parquet', HOURLY_ROWS);
    const asked = { asOf: '2024-01-17T00:00:00Z', without };
    expect(await folder.validate(strict, await folder.snapshot(strict, asked))).toEqual({ verdict: 'pass', violations: [] });
    // What comes before it has to be new all the same.
    await folder.write('rows.parquet', `SELECT * FROM (${HOURLY_ROWS}) WHERE NOT (moment >= TIMESTAMP '${start}' - INTERVAL 5 HOUR AND moment < TIMESTAMP '${start}')`);
    const checks = (await folder.validate(strict, await folder.snapshot(strict, asked))).violations.map(({ check }) => check);
    expect(checks).toEqual(holdOutEvery === 3 && start === '2024-01-12' ? [] : ['freshness']);
  });

  it('finds rows that are on the wrong side', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    const { manifest } = await folder.snapshot(spec);
    const exchanged = { ...manifest, train: { ...manifest.train, artifact: manifest.evaluation.artifact }, evaluation: { ...manifest.evaluation, artifact: manifest.train.artifact } };
    const { violations } = await folder.validate(specWith({ data: { maxStaleness: 'P9D' }, evaluation: { holdOutEvery: 3, window: 'P6D' } }), { digest: 'sha256:1', manifest: exchanged });
    expect(violations).toMatchObject([
      { check: 'eventTime', part: 'train', rows: 48, limit: expect.stringContaining('outside the blocks held out of the evaluation window (one in 3 of P1D)') },
      { check: 'eventTime', part: 'evaluation', rows: manifest.train.rows },
    ]);
  });
});

const SEED = 20261122;
const ROUNDS = 12;
const BLOCKS = ['PT90M', 'PT7H', 'P1D', 'P3D'] as const;
/** Some of them lie before 1970, where remainders of times are negative. */
const STARTS = ['2024-02-28T22:13:00Z', '1969-12-20T05:00:00Z'] as const;

interface Round {
  readonly name: string;
  readonly spec: ModelSpec;
  /** Microseconds since 1970, by row. */
  readonly times: readonly number[];
  readonly asOfMs: readonly [number, number];
  readonly without: readonly EventWindow[];
}

function roundOf(random: () => number, number: number): Round {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const [every, block, format] = [1 + Math.floor(random() * 5), pick(BLOCKS), number % 2 === 0 ? 'parquet' as const : 'csv' as const];
  const blockMs = durationMs(block)!;
  const windowMs = 60_000 * Math.ceil((every * blockMs * (1 + 2 * random())) / 60_000);
  const startMs = Date.parse(pick(STARTS));
  const spanMs = 3 * windowMs + 8 * blockMs;
  const times = Array.from({ length: 500 }, () => {
    const us = (startMs + Math.floor(random() * spanMs)) * 1_000 + Math.floor(random() * 1_000);
    // One in three lies at the edge of a block, or a microsecond before it.
    return random() < 0.33 ? Math.floor(us / (blockMs * 1_000)) * blockMs * 1_000 - (random() < 0.5 ? 1 : 0) : us;
  });
  const asOf = startMs + spanMs - Math.floor(random() * windowMs);
  const quarantined = startMs + Math.floor(random() * spanMs);
  const training = random() < 0.5 ? 'all' : `PT${Math.ceil(windowMs / 60_000)}M`;
  const spec = specWith({
    data: { source: { path: `rows.${format}`, format }, labelHorizon: 'PT0S' }, training: { window: training, minimumRows: 1 },
    evaluation: { window: `PT${windowMs / 60_000}M`, minimumRows: 1, holdOutEvery: every }, rollout: { comparison: { block } },
  });
  return {
    name: `${format}, one in ${every} of ${block}, window ${spec.evaluation.window}, training ${training}`, spec, times,
    asOfMs: [asOf, asOf - Math.floor(random() * windowMs)], without: random() < 0.5 ? [] : [{ start: isoTime(quarantined), end: isoTime(quarantined + blockMs) }],
  };
}

/** Where the words of the specification put a row: its block by whole numbers, nothing of the code under test. */
function placeOf(us: number, { train, evaluation }: SnapshotManifest, { spec, without }: Round): 'train' | 'evaluation' | null {
  const within = ({ start, end }: EventWindow): boolean => us >= Date.parse(start) * 1_000 && us < Date.parse(end) * 1_000;
  if (without.some(within)) return null;
  const every = BigInt(spec.evaluation.holdOutEvery);
  const blockUs = BigInt(durationMs(spec.rollout.comparison.block)!) * 1_000n;
  if (!within(evaluation.window)) return within({ start: train.window.start, end: evaluation.window.start }) ? 'train' : null;
  const index = (BigInt(us) - (((BigInt(us) % blockUs) + blockUs) % blockUs)) / blockUs;
  return every === 1n || ((index % every) + every) % every === every - 1n ? 'evaluation' : 'train';
}

const rowsIn = async (snapshot: SnapshotRef, part: 'train' | 'evaluation'): Promise<number[]> => (await folder.read(snapshot, part, 'id')).map(({ id }) => Number(String(id).slice(1))).sort((one, other) => one - other);

describe(`snapshots of random windows and blocks (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  const rounds = Array.from({ length: ROUNDS }, (_, number) => roundOf(random, number));

  it.each(rounds.map((round) => [round.name, round] as const))('have each row once, where it belongs: %s', async (_name, round) => {
    const { spec, times, asOfMs, without } = round;
    const rows = times.map((us, row) => `('k${row}', make_timestamp(${us}::BIGINT), ${row % 3 === 0}, ${row % 101}::DOUBLE, 'north')`);
    await folder.write(spec.data.source.path, `SELECT * FROM (VALUES ${rows.join(', ')}) AS rows(id, moment, late, speed, side)`);
    const parts: { manifest: SnapshotManifest; train: number[]; evaluation: number[] }[] = [];
    for (const asOf of asOfMs) {
      const snapshot = await folder.snapshot(spec, { asOf: isoTime(asOf), without });
      const [train, evaluation] = [await rowsIn(snapshot, 'train'), await rowsIn(snapshot, 'evaluation')];
      const expected = (part: 'train' | 'evaluation'): number[] => [...times.keys()].filter((row) => placeOf(times[row]!, snapshot.manifest, round) === part);
      expect(train).toEqual(expected('train'));
      expect(evaluation).toEqual(expected('evaluation'));
      expect(evaluation.length).toBeGreaterThan(0);
      const checks = (await folder.validate(spec, snapshot)).violations.map(({ check }) => check);
      expect(checks.filter((check) => check === 'eventTime' || check === 'keyOverlap')).toEqual([]);
      parts.push({ manifest: snapshot.manifest, train, evaluation });
    }
    for (const [one, other] of [[parts[0]!, parts[1]!], [parts[1]!, parts[0]!]] as const) {
      const since = Date.parse(one.manifest.evaluation.window.start) * 1_000;
      const judged = new Set(other.evaluation);
      expect(one.train.filter((row) => times[row]! >= since && judged.has(row))).toEqual([]);
    }
  });

  it('hold out blocks in most rounds, and none in some', () => {
    const held = rounds.filter(({ spec }) => spec.evaluation.holdOutEvery > 1).length;
    expect(held).toBeGreaterThan(ROUNDS / 2);
    expect(held).toBeLessThan(ROUNDS);
  });
});
