import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

const MODELS = Array.from({ length: 12 }, (_, index) => `queued-${index}`);

let perennial: Installation;

beforeAll(async () => {
  perennial = await Installation.start();
  await writeEvents(perennial.dataDir, 'queued');
  for (const model of MODELS) await perennial.apply(smallSpec({ model, data: 'queued', parameters: { rounds: 5, max_depth: 2 } }));
}, 240_000);

afterAll(() => perennial?.stop());

it('retrains of twelve models that are asked for at once all run through one training slot, one after the other', async () => {
  const answers = await Promise.all(MODELS.map((model) => perennial.call('POST', `/v1/models/${model}/retrains`, { asOf: asOfWeek(8) })));
  // On a busy machine some are accepted and begun later.
  expect(answers.map(({ status }) => status)).toEqual(MODELS.map(() => 202));
  await eventually(async () => {
    const [{ ended }] = await perennial.registry.query('SELECT count(*) FILTER (WHERE outcome IS NOT NULL)::int AS ended FROM retrain');
    return ended === MODELS.length ? true : undefined;
  }, () => 'all retrains to end');
  expect(await perennial.registry.query('SELECT outcome, count(*)::int AS count FROM retrain GROUP BY outcome')).toEqual([{ outcome: 'promoted', count: MODELS.length }]);
  const runs: { started_at: Date; finished_at: Date; attempts: number }[] = await perennial.registry.query('SELECT started_at, finished_at, attempts FROM training_run ORDER BY started_at');
  expect(runs.map(({ attempts }) => attempts)).toEqual(MODELS.map(() => 1));
  const overlapping = runs.filter((run, index) => index > 0 && run.started_at < runs[index - 1]!.finished_at);
  expect(overlapping).toEqual([]);
}, 240_000);
