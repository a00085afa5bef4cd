import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { monitorScheduleId } from '../../src/contracts/motion.js';
import { query } from '../../src/data/data-fixture.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

const MODELS = Array.from({ length: 12 }, (_, index) => `queued-${index}`);
const SPEC = {
  data: 'queued', parameters: { rounds: 5, max_depth: 2 },
  // Nothing looks by itself within the test: the schedules are fired by it.
  monitoring: { checkEvery: 'P30D', source: { path: 'left/*.parquet' } },
  retraining: { triggers: ['newLabelledRows'], newLabelledRows: 500, cooldown: 'P8D' },
};

interface Run {
  readonly model: string;
  readonly started_at: Date;
  readonly finished_at: Date;
  readonly attempts: number;
}

let perennial: Installation;

beforeAll(async () => {
  perennial = await Installation.start();
  const events = await writeEvents(perennial.dataDir, 'queued');
  // The first day's labels are complete at the end of the last.
  mkdirSync(join(perennial.dataDir, 'left'));
  await query(`COPY (SELECT * EXCLUDE (copy) REPLACE (id || '-' || copy AS id) FROM read_parquet('${events}'), range(10) AS copies(copy) WHERE asked_at >= TIMESTAMP '2024-03-05' AND asked_at < TIMESTAMP '2024-03-07 06:00:00') TO '${join(perennial.dataDir, 'left', 'days.parquet')}' (FORMAT parquet)`);
  for (const model of MODELS) await perennial.apply(smallSpec({ model, ...SPEC }));
}, 360_000);

afterAll(() => perennial?.stop());

/** Waits for a retrain of each model. */
const ended = (number: number): Promise<true> =>
  eventually(async () => {
    const [{ count }] = await perennial.registry.query('SELECT count(*)::int AS count FROM retrain WHERE number = $1 AND outcome IS NOT NULL', [number]);
    return count === MODELS.length ? true : undefined;
  }, () => `retrain ${number} of each model to end`);

/** The trainings of a retrain of each model, in their order. */
const runs = (number: number): Promise<Run[]> =>
  perennial.registry.query('SELECT model, started_at, finished_at, attempts FROM training_run WHERE retrain = $1 ORDER BY started_at', [number]);

function expectOneAfterTheOther(trained: readonly Run[]): void {
  expect(trained.map(({ model, attempts }) => [model, attempts]).sort()).toEqual(MODELS.map((model) => [model, 1]).sort());
  expect(trained.filter((run, index) => index > 0 && run.started_at < trained[index - 1]!.finished_at)).toEqual([]);
}

it('retrains of twelve models that are asked for at once all run through one training slot, one after the other', async () => {
  const answers = await Promise.all(MODELS.map((model) => perennial.call('POST', `/v1/models/${model}/retrains`, { asOf: asOfWeek(8) })));
  // On a busy machine some are accepted and begun later.
  expect(answers.map(({ status }) => status)).toEqual(MODELS.map(() => 202));
  await ended(1);
  expect(await perennial.registry.query('SELECT outcome, count(*)::int AS count FROM retrain GROUP BY outcome')).toEqual([{ outcome: 'promoted', count: MODELS.length }]);
  expectOneAfterTheOther(await runs(1));
}, 360_000);

it('schedules of twelve models that fire at once and find new labels all retrain through one training slot', async () => {
  const schedule = (model: string): ReturnType<typeof perennial.temporal.schedule.getHandle> => perennial.temporal.schedule.getHandle(monitorScheduleId(model, 'default'));
  await eventually(async () => (await Promise.all(MODELS.map((model) => schedule(model).describe().then(() => true, () => false)))).every(Boolean) || undefined, () => 'a Schedule of each model');
  await Promise.all(MODELS.map((model) => schedule(model).trigger()));
  await ended(2);
  expect(await perennial.registry.query('SELECT requested_by, trigger, count(*)::int AS count FROM retrain WHERE number = 2 GROUP BY requested_by, trigger')).toEqual([{ requested_by: 'perennial', trigger: 'newLabelledRows', count: MODELS.length }]);
  expectOneAfterTheOther(await runs(2));
}, 360_000);
