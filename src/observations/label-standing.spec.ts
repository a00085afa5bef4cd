import { mkdtemp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labelStanding, type LabelStanding, type StandingRequest } from './label-standing.js';
import { ObservedFiles } from './testing/observed-files.js';

const START = Date.parse('2024-01-01T00:00:00Z');
let files: ObservedFiles;
let observed: string[];

beforeAll(async () => {
  files = await ObservedFiles.make();
  observed = [await files.observations('range(0, 10) t(i)'), await files.observations('range(10, 20) t(i)')];
});
afterAll(() => files.remove());

async function stand(rows: readonly string[], more: Partial<StandingRequest> & { readonly earlier?: readonly string[]; readonly outcomes?: boolean } = {}): Promise<LabelStanding> {
  const scratch = await mkdtemp(join(files.folder, 'batch-'));
  const labels = join(scratch, 'labels.parquet');
  await rename(await (more.outcomes ? files.outcomes(...rows) : files.labels(...rows)), labels);
  return labelStanding({
    labels, batch: 9, scratch, rows: rows.length, invalid: 0, labelHorizonMs: 60_000, streamTimeMs: START + 30_000,
    async *observations() { for (const path of observed) yield [path]; }, earlierLabels: () => Promise.resolve(more.earlier ?? []), ...more,
  });
}

const byId = (row: number, index: number, label: number, known = 100): string => `9, ${row}, 'p-${index}', NULL, NULL, ${label}, ${known}`;
const byEntity = (row: number, index: number, label: number): string => `9, ${row}, NULL, 'e-${index % 10}', ${START + index * 1_000}, ${label}, 100`;

it('takes first labels as accepted, whichever way they name their prediction', async () => {
  expect(await stand([byId(1, 3, 1), byEntity(2, 14, 0)])).toEqual({
    counts: { rows: 2, accepted: 2, repeated: 0, corrected: 0, late: 0, unknown: 0, invalid: 0 },
    unplaced: 0, eventTimes: { firstMs: START + 3_000, lastMs: START + 14_000 }, amends: null, inTime: { firstMs: START + 3_000, lastMs: START + 14_000 },
  });
});

it('tells repeated from corrected, within a batch and against earlier ones, also where they name the prediction differently', async () => {
  const earlier = [await files.labels("1, 1, 'p-1', NULL, NULL, 1, 50", "1, 2, 'p-2', NULL, NULL, 1, 50", `1, 3, NULL, 'e-3', ${START + 3_000}, 1, 50`)];
  const standing = await stand([byId(1, 1, 1), byId(2, 2, 0), byEntity(3, 2, 0), byId(4, 3, 0), byId(5, 4, 1), byEntity(6, 4, 1), byId(7, 4, 0)], { earlier });
  expect(standing.counts).toMatchObject({ accepted: 1, repeated: 3, corrected: 3, unknown: 0 });
  expect(standing).toMatchObject({ amends: { firstMs: START + 2_000, lastMs: START + 4_000 }, inTime: { firstMs: START + 4_000, lastMs: START + 4_000 } });
});

it('does not take the labels of other rows of a request, which share their entity and event time, for labels of the same prediction', async () => {
  const shared = await files.observations('range(1, 6) t(i)', { entity_key: "'e-0'", event_time: "TIMESTAMP '2024-01-01'", prediction_id: "'q/' || i" });
  const of = (row: number, index: number, label: number): string => `9, ${row}, 'q/${index}', NULL, NULL, ${label}, 100`;
  const observations = async function* () { yield [shared]; };
  const fresh = await stand([of(1, 1, 1), of(2, 2, 0), of(3, 3, 0), of(4, 2, 0), of(5, 1, 0)], { observations });
  expect(fresh.counts).toMatchObject({ accepted: 3, repeated: 1, corrected: 1 });
  // One that names the entity is about all of its rows.
  const earlier = [await files.labels("1, 1, 'q/1', NULL, NULL, 1, 50"), await files.labels(`2, 1, NULL, 'e-0', ${START}, 1, 60`)];
  expect((await stand([of(1, 1, 1), of(2, 2, 0), of(3, 3, 1)], { observations, earlier })).counts).toMatchObject({ accepted: 0, repeated: 2, corrected: 1 });
  expect((await stand([of(1, 4, 0)], { observations, earlier: earlier.slice(0, 1) })).counts).toMatchObject({ accepted: 1, repeated: 0, corrected: 0 });
});

it('takes an outcome for what it is: first, repeated or corrected, with a label, after it or alone', async () => {
  const of = (row: number, index: number, label: number | null, outcome: number | null): string => `9, ${row}, 'p-${index}', NULL, NULL, ${label}, 100, ${outcome}`;
  const earlier = [await files.labels("1, 1, 'p-1', NULL, NULL, 1, 50", "1, 2, 'p-2', NULL, NULL, 1, 50"), await files.outcomes(`2, 1, NULL, 'e-3', ${START + 3_000}, NULL, 60, 7`, "2, 2, 'p-4', NULL, NULL, 1, 60, 8")];
  const counted = async (...rows: readonly string[]): Promise<object> => (await stand(rows, { earlier, outcomes: true })).counts;
  // An outcome for a label of an older file, which has no such column; the same label with a first outcome; a first label for an outcome.
  expect(await counted(of(1, 1, null, 5), of(2, 2, 1, 6), of(3, 3, 0, null))).toMatchObject({ accepted: 3, repeated: 0, corrected: 0, unknown: 0 });
  expect(await counted(of(1, 4, null, 8), of(2, 4, 1, 8), of(3, 4, 1, null), of(4, 3, null, 7))).toMatchObject({ accepted: 0, repeated: 4, corrected: 0 });
  expect(await counted(of(1, 4, null, 9), of(2, 4, null, 9), of(3, 2, 0, 5), of(4, 3, 1, 6))).toMatchObject({ accepted: 0, repeated: 1, corrected: 3 });
  expect(await counted(of(1, 99, null, 9), of(2, 5, null, 9))).toMatchObject({ accepted: 1, unknown: 1 });
  const late = await stand([of(1, 1, null, 5)], { earlier, outcomes: true, streamTimeMs: START + 70_000 });
  expect(late).toMatchObject({ counts: { accepted: 1, late: 1 }, amends: { firstMs: START + 1_000, lastMs: START + 1_000 } });
});

it('holds a label against what counts now, not against what came last', async () => {
  const earlier = [await files.labels("1, 1, 'p-1', NULL, NULL, 1, 90"), await files.labels("2, 1, 'p-1', NULL, NULL, 0, 40")];
  expect((await stand([byId(1, 1, 1)], { earlier })).counts).toMatchObject({ repeated: 1, corrected: 0 });
});

it('keeps labels of unknown predictions apart and says that their event time is unknown', async () => {
  const standing = await stand([byId(1, 99, 1), byEntity(2, 77, 1), byId(3, 99, 1)]);
  expect(standing.counts).toMatchObject({ accepted: 0, unknown: 2, repeated: 1 });
  expect(standing).toMatchObject({ unplaced: 2, eventTimes: { firstMs: START + 77_000, lastMs: START + 77_000 } });
});

it('counts labels as late whose horizon had passed in stream time', async () => {
  const standing = await stand([byId(1, 3, 1), byId(2, 7, 1), byId(3, 12, 1)], { streamTimeMs: START + 70_000 });
  expect(standing.counts).toMatchObject({ accepted: 3, late: 2 });
  expect(standing).toMatchObject({ amends: { firstMs: START + 3_000, lastMs: START + 7_000 }, inTime: { firstMs: START + 12_000, lastMs: START + 12_000 } });
  expect((await stand([byId(1, 3, 1)], { streamTimeMs: null })).counts.late).toBe(0);
});

it('looks no further when every prediction is found, and only where it can be', async () => {
  const asked: unknown[] = [];
  async function* observations(range: unknown): AsyncGenerator<string[]> {
    asked.push(range);
    for (const path of observed) {
      asked.push(path);
      yield [path];
    }
  }
  await stand([byEntity(1, 3, 1), byEntity(2, 5, 1)], { observations });
  expect(asked).toEqual([{ fromMs: START + 3_000, untilMs: START + 5_001 }, observed[0]]);
  asked.length = 0;
  await stand([byId(1, 3, 1), byId(2, 15, 1)], { observations });
  expect(asked).toEqual([null, ...observed]);
});

it('stands where nothing was observed', async () => {
  const standing = await stand([byId(1, 3, 1)], { async *observations() { /* none */ } });
  expect(standing.counts).toMatchObject({ unknown: 1 });
});
