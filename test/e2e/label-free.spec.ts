import { renameSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type WindowAssessmentAnswer, windowAssessmentListSchema, type WindowAssessmentReportAnswer, windowAssessmentReportSchema,
} from '../../src/api/windows/window-assessments.dto.js';
import { seededRandom } from '../../src/observations/testing/random-observations.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, SELECT_MINUTES, smallSpec, writeEvents } from '../small-model.js';

const MODEL = 'minutes';
const DAY = Date.parse('2024-03-01T00:00:00.000Z');
const HOUR_MS = 3_600_000;
const REQUESTS = 8;
const ROWS = 100;
const SEED = 20_261_122;
const uniform = seededRandom(SEED);

const specOf = (estimatedHarm: 'observe' | 'alarm'): string => smallSpec({
  model: MODEL, task: 'regression', label: 'minutes', monitoring: { checkEvery: 'PT2S', estimatedHarm }, rollout: { strategy: 'immediate', comparison: { bound: 10 } },
  gates: { absolute: [{ metric: 'rmse', max: 5 }], comparison: { metric: 'rmse' } },
});

let perennial: Installation;
beforeAll(async () => {
  perennial = await Installation.start();
  await writeEvents(perennial.dataDir, MODEL, SELECT_MINUTES);
  await perennial.apply(specOf('observe'));
  await perennial.awaitRetrain(MODEL, await perennial.requestRetrain(MODEL, { asOf: asOfWeek(8) }));
}, 240_000);
afterAll(() => perennial?.stop());

/** A day's requests with sizes from `from` to 1: the noise of the label grows with the size. @returns its labels */
async function askADay(day: number, from = 0): Promise<string[]> {
  const labels: string[] = [];
  for (let request = 0; request < REQUESTS; request++) {
    const id = `${day}-${request}`;
    const data = Array.from({ length: ROWS }, (_, row) => {
      const [size, age, colour, noise] = [from + (1 - from) * uniform(), uniform(), Math.floor(3 * uniform()), (0.7 + 0.3 * uniform()) * (uniform() < 0.5 ? 1 : -1)];
      labels.push(`${id}/${row},${10 * size + (1 + 4 * size) * noise}`);
      return [size, age < 0.1 ? null : age, colour];
    }).flat();
    const parameters = { prediction_id: id, event_time: new Date(DAY + (day * 24 + 3 * request) * HOUR_MS).toISOString() };
    const body = JSON.stringify({ parameters, inputs: [{ name: 'features', shape: [ROWS, 3], datatype: 'FP32', data }] });
    const response = await fetch(`${perennial.instance.gatewayUrl}/v2/models/${MODEL}/infer`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
  }
  return labels;
}

async function bring(labels: readonly string[]): Promise<void> {
  const { status, body } = await perennial.call('POST', `/v1/models/${MODEL}/labels`, `prediction_id,label\n${labels.join('\n')}\n`, { 'content-type': 'text/csv' });
  expect([status, body]).toEqual([202, expect.anything()]);
}

const get = async (path: string): Promise<unknown> => (await perennial.call('GET', path)).body;
const assessments = async (): Promise<readonly WindowAssessmentAnswer[]> => windowAssessmentListSchema.parse(await get(`/v1/models/${MODEL}/windows/assessments?limit=500&revisions=all`)).items;
const assessed = (day: number, occasion: string): Promise<WindowAssessmentAnswer> =>
  eventually(async () => (await assessments()).find((one) => Date.parse(one.from) === DAY + day * 24 * HOUR_MS && one.occasion === occasion), () => `day ${day} to be ${occasion} (seed ${SEED})`);
const reportOf = async (day: number, occasion: string): Promise<WindowAssessmentReportAnswer> => windowAssessmentReportSchema.parse(await get((await assessed(day, occasion)).links.report));

it('a window is assessed without an estimate where the model of errors cannot be trained, and says why', async () => {
  const trainer = `${perennial.environment.TRAINERS_DIR}/xgboost`;
  renameSync(trainer, `${trainer}-away`);
  await askADay(0);
  await askADay(1);
  const report = await reportOf(0, 'closed');
  expect(report).toMatchObject({ estimate: null, withoutEstimate: expect.stringMatching(/^The model of errors cannot be made or run \(TrainerMissing\): There is no trainer xgboost/) });
  renameSync(`${trainer}-away`, trainer);
});

it("a regression's metrics are estimated before labels, and held against them when they come", async () => {
  const labels = [await askADay(2), await askADay(3, 0.8)];
  await bring(labels.flat());
  // Event time has passed both days, and the horizon of their labels.
  await askADay(5);
  const [honest, shifted] = [await reportOf(2, 'closed'), await reportOf(3, 'closed')];
  expect(honest).toMatchObject({ withoutEstimate: null, estimate: { method: 'dle', rows: REQUESTS * ROWS, metrics: { mae: { alert: false, realised: null }, rmse: { alert: false, realised: null } } } });
  // Noise is 0.85 of its reach on average, which is 3 at sizes from 0 to 1 and 4.6 above 0.8.
  expect(honest.estimate!.metrics['mae']!.value).toBeCloseTo(2.55, 0);
  expect(shifted.estimate!.metrics['mae']!.value).toBeCloseTo(3.91, 0);
  expect(shifted.estimate!.metrics).toMatchObject({ mae: { alert: true }, rmse: { alert: true } });
  expect((await assessed(3, 'closed')).estimated).toMatchObject({ value: shifted.estimate!.metrics['rmse']!.value });
  for (const day of [2, 3]) {
    const { estimate, quality } = await reportOf(day, 'matured');
    for (const metric of ['mae', 'rmse'] as const) {
      const { realised } = estimate!.metrics[metric]!;
      expect(realised, `${metric} of day ${day} (seed ${SEED})`).toMatchObject({ withinBand: true });
      expect(realised!.value).toBeCloseTo(quality!.measurement.metrics[metric]!.value, 9);
    }
  }
});

it('harm is followed before labels from window to window, and told when rows have surely become harder', async () => {
  const [first, second] = [await reportOf(2, 'closed'), await reportOf(3, 'closed')];
  expect(first.estimatedHarm).toMatchObject({ because: null, evidence: { began: null, allowance: expect.closeTo(0.01875, 12) as number, standing: { missing: 0, alarm: null } }, threshold: { precision: expect.any(Number) } });
  const { rows } = first.estimatedHarm!.evidence!.standing;
  expect(second.estimatedHarm!.evidence).toMatchObject({ began: null, course: [{ rows: REQUESTS * ROWS }], standing: { rows: rows + REQUESTS * ROWS } });
  expect((await reportOf(2, 'matured')).estimatedHarm).toBeNull();
  for (let day = 6; day < 16; day++) await askADay(day, 0.8);
  const { standing } = (await reportOf(14, 'closed')).estimatedHarm!.evidence!;
  expect(standing.alarm, `seed ${SEED}`).not.toBeNull();
});

interface ToldAlarm {
  readonly id: string;
  readonly kind: string;
  readonly ended: object | null;
}

const toldHarm = async (): Promise<ToldAlarm[]> =>
  (await perennial.call<{ items: ToldAlarm[] }>('GET', '/v1/alarms?limit=100')).body.items.filter(({ kind }) => kind === 'estimatedHarm');

it('harm that was found while it was only observed is told, once, when the spec asks for alarms', async () => {
  expect(await toldHarm()).toEqual([]);
  await perennial.apply(specOf('alarm'));
  await askADay(16, 0.8);
  await askADay(17, 0.8);
  const { evidence } = (await reportOf(16, 'closed')).estimatedHarm!;
  // The evidence goes on: what it may spend is the same.
  expect(evidence).toMatchObject({ began: null, allowance: expect.closeTo(0.01875, 12) as number, standing: { alarm: { sinceMs: expect.any(Number) as number } } });
  const told = await toldHarm();
  expect(told).toMatchObject([{ severity: 'warning', summary: expect.stringMatching(/^Before labels: version 1 surely answers more rows that are hard for it, most likely since 2024-03-0[4-9]/) as string }]);
});

it('and its evidence begins anew once a person has ended the alarm', async () => {
  const [{ id }] = (await toldHarm()) as [ToldAlarm];
  const { status } = await perennial.call('POST', `/v1/alarms/${id}/resolve`, { reason: 'The hard rows are meant to come.' });
  expect([200, 202]).toContain(status);
  await eventually(async () => ((await toldHarm())[0]!.ended === null ? undefined : true), () => `the alarm ${id} to end`);
  await askADay(18, 0.8);
  const { evidence } = (await reportOf(17, 'closed')).estimatedHarm!;
  expect(evidence).toMatchObject({ began: 'resolved', course: [{ rows: REQUESTS * ROWS }], standing: { rows: REQUESTS * ROWS } });
});

it('its page tells how it was estimated, and what trained the estimate is kept once', async () => {
  const page = await fetch(`${perennial.instance.apiUrl}${(await assessed(2, 'matured')).links.page}`, { headers: { authorization: `Bearer ${perennial.apiKey}` } });
  expect(await page.text()).toContain('by a second model that predicts the error of each row (DLE)');
  expect(await perennial.registry.query('SELECT version FROM label_free_baseline WHERE model = $1', [MODEL])).toEqual([{ version: 1 }]);
});
