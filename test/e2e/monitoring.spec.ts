import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type RetrainingDecisionAnswer, retrainingDecisionDetailSchema, retrainingDecisionListSchema, type WindowAssessmentAnswer, windowAssessmentListSchema, windowAssessmentReportSchema,
} from '../../src/api/windows/window-assessments.dto.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { monitorScheduleId, monitorWindowWorkflowId } from '../../src/contracts/motion.js';
import { seededRandom } from '../../src/observations/testing/random-observations.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

const MODEL = 'watched';
const DAY = Date.parse('2024-03-01T00:00:00.000Z');
const HOUR_MS = 3_600_000;
const REQUESTS = 8;
const ROWS = 100;

let perennial: Installation;
beforeAll(async () => {
  perennial = await Installation.start();
});
afterAll(() => perennial?.stop());

const uniform = seededRandom(20_261_123);

type Truth = (size: number, age: number, colour: number, noise: number) => boolean;
const asInTraining: Truth = (size, age, colour, noise) => size + 0.3 * age + (colour === 2 ? 0.3 : 0) + 0.4 * noise > 0.95;

interface Asked {
  readonly truth?: Truth;
  readonly unit?: number;
  readonly model?: string;
  /** Requests without inputs, in the midst of the day. */
  readonly wrong?: number;
  /** Of a request. */
  readonly rows?: number;
}

const infer = (model: string, body: object): Promise<Response> =>
  fetch(`${perennial.instance.gatewayUrl}/v2/models/${model}/infer`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

/** A day's requests; what is labelled is given back as a batch of labels, unless it is kept for later. */
async function askADay(day: number, { truth = asInTraining, unit = 1, model = MODEL, wrong = 0, rows = ROWS }: Asked = {}): Promise<string[]> {
  const labels: string[] = [];
  for (let request = 0; request < REQUESTS; request++) {
    if (request === 1) for (let count = 0; count < wrong; count++) expect((await infer(model, { inputs: [] })).status).toBe(400);
    const id = `${day}-${request}`;
    const data = Array.from({ length: rows }, (_, row) => {
      const [size, v, colour, noise] = [uniform(), uniform(), Math.floor(3 * uniform()), uniform()];
      labels.push(`${id}/${row},${truth(size, v, colour, noise) ? 1 : 0}`);
      return [unit * size, v < 0.1 ? null : v, colour];
    }).flat();
    const parameters = { prediction_id: id, event_time: new Date(DAY + (day * 24 + 3 * request) * HOUR_MS).toISOString() };
    const response = await infer(model, { parameters, inputs: [{ name: 'features', shape: [rows, 3], datatype: 'FP32', data }] });
    expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
  }
  return labels;
}

async function bring(labels: readonly string[], columns = 'prediction_id,label', model = MODEL): Promise<void> {
  const { status, body } = await perennial.call('POST', `/v1/models/${model}/labels`, `${columns}\n${labels.join('\n')}\n`, { 'content-type': 'text/csv' });
  expect([status, body]).toEqual([202, expect.anything()]);
}

const get = async (path: string): Promise<unknown> => (await perennial.call('GET', path)).body;
const assessments = async (): Promise<readonly WindowAssessmentAnswer[]> => windowAssessmentListSchema.parse(await get(`/v1/models/${MODEL}/windows/assessments?limit=500&revisions=all`)).items;
const decisions = async (model = MODEL): Promise<readonly RetrainingDecisionAnswer[]> => retrainingDecisionListSchema.parse(await get(`/v1/models/${model}/retraining-decisions?limit=500`)).items;
const dayOf = ({ from }: { readonly from: string }): number => (Date.parse(from) - DAY) / (24 * HOUR_MS);
/** The newest assessment of a day on an occasion, once it is there. */
const assessed = (day: number, occasion: string, revision = 1): Promise<WindowAssessmentAnswer> =>
  eventually(async () => (await assessments()).find((one) => dayOf(one) === day && one.occasion === occasion && one.revision >= revision), () => `day ${day} to be ${occasion}`);

it('assesses each day when it closes and when its labels are there, by a Schedule of its own', async () => {
  await writeEvents(perennial.dataDir, MODEL);
  const retraining = { triggers: ['performance'], minimumSinceChange: 500 };
  await perennial.apply(smallSpec({ model: MODEL, monitoring: { checkEvery: 'PT2S', outcome: { name: 'revenue', unit: 'EUR', minimumCorrelation: 0.2 } }, retraining }));
  await perennial.awaitRetrain(MODEL, await perennial.requestRetrain(MODEL, { asOf: asOfWeek(8) }));
  const labels = [await askADay(0, { wrong: 2 }), await askADay(1)];
  // Whoever is positive brings 10 and some noise, every fourth row nothing yet.
  await bring(labels[0]!.map((line, row) => `${line},${row % 4 === 0 ? '' : (line.endsWith('1') ? 10 : 0) + uniform()}`), 'prediction_id,label,outcome');
  // The second day's last quarter comes late.
  await bring(labels[1]!.slice(0, 600));
  // Event time has passed both days, and the horizon of their labels.
  await askADay(3);
  const closed = await assessed(0, 'closed');
  expect(closed).toMatchObject({ revision: 1, verdict: 'pass', rows: REQUESTS * ROWS, version: 1, labelled: 0, metric: 'auc', measured: null, meanLoss: null, harm: null, drifted: [], complete: true, labelRevision: expect.any(Number) });
  // Calibrated on the baseline, the model's own confidence tells its quality there.
  expect(Math.abs(closed.estimated!.value - closed.baseline!.value)).toBeLessThan(0.05);
  const { estimatedHarm } = windowAssessmentReportSchema.parse(await get(closed.links.report));
  expect(estimatedHarm).toMatchObject({ because: null, evidence: { began: 'first', allowance: expect.closeTo(0.01875, 12) as number, course: [{ rows: REQUESTS * ROWS }], standing: { rows: REQUESTS * ROWS, missing: 0, alarm: null } } });
  expect(windowAssessmentReportSchema.parse(await get((await assessed(1, 'closed')).links.report)).estimatedHarm!.evidence).toMatchObject({ began: null, standing: { rows: 2 * REQUESTS * ROWS } });
  const matured = await assessed(0, 'matured');
  expect(matured).toMatchObject({ revision: 2, verdict: 'pass', labelled: REQUESTS * ROWS, alarm: null, harm: { rows: REQUESTS * ROWS, missing: 0, alarm: null } });
  expect(Math.abs(matured.measured!.value - matured.baseline!.value)).toBeLessThan(0.06);
  expect(matured.harm!.limit).toBeGreaterThan(matured.meanLoss!);
  expect((await assessed(1, 'matured')).labelled).toBe(600);

  await bring(labels[1]!.slice(600));
  const amended = await assessed(1, 'amended');
  expect(amended).toMatchObject({ revision: 3, verdict: 'pass', labelled: 800, harm: { rows: 1_600, missing: 0 } });

  const schedule = await perennial.temporal.schedule.getHandle(monitorScheduleId(MODEL, 'default')).describe();
  expect(schedule).toMatchObject({ policies: { overlap: 'BUFFER_ONE' }, spec: { intervals: [{ every: 2_000 }], jitter: 200 } });
  const window = await perennial.temporal.workflow.getHandle(monitorWindowWorkflowId(MODEL, 'default', DAY)).describe();
  const attributes = Object.fromEntries(window.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
  expect(attributes).toMatchObject({ PerennialModel: MODEL, PerennialOutcome: 'pass', PerennialVersion: 1, PerennialTier: 'low' });
});

it('every figure is in the report, the course of the evidence block by block and the quality of the estimate too', async () => {
  const { links } = await assessed(0, 'matured');
  const report = windowAssessmentReportSchema.parse(await get(links.report));
  expect(report).toMatchObject({ versions: [{ version: 1, rows: 800 }], baseline: { version: 1, rows: 1_200, metric: 'brier' }, outputs: { rows: 800, withoutOutput: 0 }, harm: { began: 'first', allowance: expect.closeTo(0.0375, 12) as number } });
  expect(report.harm!.course).toMatchObject([{ from: '2024-03-01T00:00:00.000Z', rows: 800, mean: expect.closeTo(report.quality!.meanLoss!, 12) as number }]);
  expect(report.quality!.slices.map(({ column, value }) => [column, value])).toEqual(expect.arrayContaining([['colour', 'blue'], ['colour', 'green'], ['colour', 'red']]));
  expect(report.estimate!.metrics['auc']!.realised!.value).toBeCloseTo(report.quality!.measurement.metrics['auc']!.value, 9);
  expect(Math.abs(report.outputs!.positiveShare!.window - report.outputs!.positiveShare!.baseline)).toBeLessThan(0.1);
  // Of the minutes in which the day was replayed: other days' requests fell into them too.
  const { gateways, checks, slow, received } = report.operations!;
  expect(slow).toMatchObject({ afterMs: 250, requests: REQUESTS });
  expect(Date.parse(gateways!.from)).toBe(Date.parse(received!.first));
  expect(gateways).toMatchObject({ gateways: 1, lostMinutes: 0, errors: { bySource: { model: { count: 0 }, gateway: { count: 0 } } }, throughput: { mean: expect.any(Number), capacity: expect.any(Number) }, gpu: null });
  expect(gateways!.requests).toBeGreaterThanOrEqual(REQUESTS);
  expect(gateways!.rows).toBeGreaterThanOrEqual(REQUESTS * ROWS);
  expect(gateways!.errors.byKind['InferenceInvalid']!.count).toBe(2);
  expect(gateways!.memoryBytes).toBeGreaterThan(2e7);
  expect(gateways!.cpu.meanCores).toBeGreaterThan(0);
  expect(gateways!.throughput.meanShare).toBeLessThan(1);
  expect(checks).toMatchObject({ latencyP99Ms: { value: report.operations!.latencyMs!.p99, limit: null, by: 'windows', verdict: 'inconclusive' }, failedShare: { value: 0, limit: 0.01, by: 'spec', verdict: 'pass' } });
  expect((await assessed(0, 'matured')).operations).toEqual(checks);
  expect(report.outputs).toMatchObject({ thresholds: { positiveShare: { verdict: 'pass' }, withoutOutput: { verdict: 'pass' } }, drift: { thresholds: { alpha: 0.05, psi: { verdict: expect.any(String) as string } } } });
  expect(report.outcome).toMatchObject({ name: 'revenue', unit: 'EUR', rows: 600, threshold: { limit: 0.2, verdict: 'pass' } });
  expect(report.outcome!.pearson!.low).toBeGreaterThan(0.3);
  expect(report.outcome!.decisions!.difference!.low).toBeGreaterThan(2);
  expect(windowAssessmentReportSchema.parse(await get((await assessed(0, 'closed')).links.report)).outcome).toBeUndefined();
  const page = await fetch(`${perennial.instance.apiUrl}${(await assessed(0, 'matured')).links.page}`, { headers: { authorization: `Bearer ${perennial.apiKey}` } });
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(await page.text()).toMatch(/^<!DOCTYPE html>[^]*watched[^]*<svg[^]*<\/html>\n$/);
  expect(await get(`/v1/models/${MODEL}/windows/2024-05-01/assessment`)).toMatchObject({ type: expect.stringContaining('NotFound') as string });
});

it('late labels give the figures that the same labels in time would have given', async () => {
  const amended = windowAssessmentReportSchema.parse(await get((await assessed(1, 'amended')).links.report));
  const [{ files }] = await perennial.registry.query('SELECT count(*)::int AS files FROM label_file WHERE model = $1', [MODEL]);
  expect(files).toBe(3);
  expect(amended.quality).toMatchObject({ labelled: 800, unlabelled: 0 });
  expect(amended.harm!.standing).toMatchObject({ rows: 1_600, missing: 0 });
});

it('a stretch of the past that is backfilled in Temporal is assessed anew, beside what was', async () => {
  const before = await assessments();
  const handle = perennial.temporal.schedule.getHandle(monitorScheduleId(MODEL, 'default'));
  const endMs = DAY + 24 * HOUR_MS;
  await handle.backfill({ start: new Date(endMs - 6_000), end: new Date(endMs + 6_000), overlap: 'BUFFER_ALL' });
  const backfilled = await assessed(0, 'backfilled');
  const matured = before.find((one) => dayOf(one) === 0 && one.occasion === 'matured')!;
  expect(backfilled).toMatchObject({ revision: matured.revision + 1, verdict: 'pass', labelled: matured.labelled, measured: matured.measured, harm: matured.harm, alarm: null, complete: true });
  await eventually(async () => {
    for await (const { workflowId } of perennial.temporal.workflow.list({ query: `WorkflowType = "monitorDue" AND ExecutionStatus = "Running" AND PerennialModel = "${MODEL}"` })) {
      if (workflowId.includes('2024-03-0')) return undefined;
    }
    return true;
  }, () => 'the runs of the backfill to end');
  const known = new Set(before.map(({ from, revision }) => `${from} ${revision}`));
  expect((await assessments()).filter(({ from, revision }) => !known.has(`${from} ${revision}`)).map(({ from, occasion }) => [from, occasion])).toEqual([[new Date(DAY).toISOString(), 'backfilled']]);
  expect((await decisions()).filter((one) => dayOf(one) === 0).map(({ revision }) => revision).sort()).toEqual([1, 2]);
});

it('a window whose unit changed is kept from training, and a person is told', async () => {
  await askADay(4, { unit: 1_000 });
  await askADay(5);
  const decided = await eventually(async () => (await decisions()).find((one) => dayOf(one) === 4), () => 'day 4 to be decided over');
  expect(decided).toMatchObject({ outcome: 'quarantine', because: expect.stringMatching(/^size is .* times 10\^3.* 0\.\d+ to 4\d\d\./) as string, command: null });
  const told = await eventually(async () => {
    const faults = ((await get(`/v1/alarms?model=${MODEL}`)) as { items: { kind: string; severity: string; summary: string }[] }).items.filter(({ kind }) => kind === 'upstreamFault');
    return faults.length > 0 ? faults : undefined;
  }, () => 'the alarm');
  expect(told).toMatchObject([{ severity: 'critical', summary: expect.stringMatching(/in quarantine: it neither trains nor judges/) as string }]);
});

it('harm raises one alarm, and a retrain when the training window has seen enough of the new world', async () => {
  const world: Truth = (size, age, colour, noise) => !asInTraining(size, age, colour, noise);
  const days = Array.from({ length: 4 }, (_, index) => 6 + index);
  for (const day of days) await bring(await askADay(day, { truth: world }));
  await askADay(12);
  // One bad day may be bad luck that its rows share.
  expect(await assessed(6, 'matured')).toMatchObject({ verdict: 'inconclusive', alarm: null });
  // The evidence before labels leaves out the window in quarantine.
  const went = "SELECT (estimated_harm -> 'after' ->> 'fromMs')::float AS after FROM window_assessment WHERE model = $1 AND occasion = 'closed' AND from_event = $2";
  expect(await perennial.registry.query(went, [MODEL, new Date(DAY + 5 * 24 * HOUR_MS)])).toEqual([{ after: DAY + 3 * 24 * HOUR_MS }]);
  const harmed = await assessed(9, 'matured');
  expect(harmed).toMatchObject({ verdict: 'fail', alarm: expect.any(String) as string, harm: { alarm: { sinceMs: DAY + 6 * 24 * HOUR_MS } } });
  const { attribution } = windowAssessmentReportSchema.parse(await get(harmed.links.report));
  expect(attribution!.features.map(({ name }) => name).sort()).toEqual(['age', 'colour', 'size']);
  for (const { shift, change } of attribution!.features) expect(shift.value + change).toBeCloseTo(harmed.meanLoss! - attribution!.baselineMeanLoss, 9);
  const alarms = (await get(`/v1/alarms?model=${MODEL}`)) as { items: { kind: string; summary: string }[] };
  expect(alarms.items.filter(({ kind }) => kind === 'harmfulShift')).toMatchObject([{ summary: expect.stringMatching(/^The loss of version 1 has surely risen .* since 2024-03-07T00:00:00.000Z: the mean brier is/) as string }]);
  const held = await eventually(async () => (await decisions()).find((one) => dayOf(one) === 9 && one.revision === 2), () => 'day 9 to be decided over');
  expect(held).toMatchObject({ outcome: 'wait', reason: 'notEnoughData', trigger: 'performance', because: '0 of 500 labelled rows have come since the change.' });
  const detail = retrainingDecisionDetailSchema.parse(await get(held.links.decision));
  expect(detail.rules.map(({ rule, verdict }) => [rule, verdict])).toEqual([
    ['upstreamFault', 'pass'], ['active', 'pass'], ['trigger', 'pass'], ['cooldown', 'pass'], ['budget', 'pass'], ['data', 'hold'], ['worth', 'pass'],
  ]);

  // The evaluation takes the newest two weeks; what trains has seen the new world once that many more have passed.
  for (const day of [21, 22, 23]) await bring(await askADay(day, { truth: world }));
  await askADay(26);
  const retrained = await eventually(async () => (await decisions()).find(({ outcome }) => outcome === 'retrain'), () => 'a retrain to be decided on');
  expect(retrained).toMatchObject({ trigger: 'performance', command: expect.any(String) as string });
  const items = await eventually(async () => {
    const retrains = ((await get(`/v1/models/${MODEL}/retrains`)) as { items: { number: number; trigger: string; requestedBy: string }[] }).items;
    return retrains.length > 1 ? retrains : undefined;
  }, () => 'the retrain');
  expect(items.map(({ trigger, requestedBy }) => [trigger, requestedBy])).toEqual([['performance', 'perennial'], ['request', expect.any(String)]]);
  const { items: audit } = (await get(`/v1/models/${MODEL}/audit?limit=500`)) as { items: { action: string }[] };
  expect(audit.map(({ action }) => action)).toEqual(expect.arrayContaining(['retraining.decided', 'window.quarantined', 'retrain.requested']));
});

it('a hint at harm has a candidate tried, which the gate promotes for what it gains on days held out', async () => {
  const model = 'tried';
  // What the label means turns round on day −4; day 10 to 13 are told of.
  await writeEvents(perennial.dataDir, model, "* REPLACE (bought <> (asked_at >= TIMESTAMP '2024-02-26') AS bought)");
  await perennial.apply(smallSpec({
    model, monitoring: { checkEvery: 'PT2S' }, training: { window: 'P1W' }, evaluation: { holdOutEvery: 3 }, gates: { comparison: { metric: 'auc', by: 'recentLoss' } },
    retraining: { triggers: ['trial'], costs: { perLossUnit: 1, training: 1, release: 5 } },
  }));
  await perennial.awaitRetrain(model, await perennial.requestRetrain(model, { asOf: asOfWeek(8) }));
  await eventually(async () => ((await fetch(`${perennial.instance.gatewayUrl}/v2/models/${model}/ready`)).ok ? true : undefined), () => 'the gateway');
  const world: Truth = (size, age, colour, noise) => !asInTraining(size, age, colour, noise);
  for (const day of [10, 11]) await bring(await askADay(day, { truth: world, model }), undefined, model);
  await askADay(13, { model });
  const tried = await eventually(async () => (await decisions(model)).find(({ outcome }) => outcome === 'retrain'), () => 'a candidate to be tried');
  expect(tried).toMatchObject({ trigger: 'trial', because: expect.stringMatching(/^The mean loss of the newest window is 0\.\d+, \d+(\.\d+)? standard errors above that of the baseline; 1 ask for a trial\.$/) as string });
  const { rules } = retrainingDecisionDetailSchema.parse(await get(tried.links.decision));
  expect(rules.every(({ verdict }) => verdict === 'pass')).toBe(true);
  const retrain = await eventually(async () => {
    const found = await perennial.retrain(model, 2).catch(() => undefined);
    return found?.outcome ? found : undefined;
  }, () => 'the trial to end');
  expect(retrain).toMatchObject({ trigger: 'trial', requestedBy: 'perennial', outcome: 'promoted', version: 2, snapshot: { heldOut: { every: 3, block: 'P1D' } } });
  const checks = retrain.evaluation!.checks.map(({ name, verdict }) => [name, verdict]);
  expect(checks).toEqual([['rows', 'pass'], ['comparison:recentLoss', 'pass'], ['worth', 'pass']]);
});

it('is shown on a terminal', async () => {
  const terminal = new RecordedTerminal();
  expect(await runCli(['windows', MODEL], readEnvironment({ STATE_DIR: perennial.environment.STATE_DIR }), 'main.js', terminal)).toBe(0);
  expect(terminal.stdout).toMatch(/^From .*\n(?:.*\n)*2024-03-10 +fail .* wait \(notEnoughData\)\n(?:.*\n)*2024-03-05 +inconclusive .* quarantine\n/);
});

it('a limit of fairness that is surely broken fails the window, is told, and costs the version its place where the spec says so', async () => {
  const model = 'unfair';
  await writeEvents(perennial.dataDir, model);
  const spec = { model, monitoring: { checkEvery: 'PT2S' }, fairness: { groups: ['colour'], limits: { demographicParityRatio: 0.9 }, whenBroken: 'rollBack' }, gates: { comparison: { metric: 'auc' } } };
  await perennial.apply(smallSpec({ ...spec, parameters: { rounds: 1, max_depth: 1 } }));
  await perennial.awaitRetrain(model, await perennial.requestRetrain(model, { asOf: asOfWeek(6) }));
  await perennial.apply(smallSpec({ ...spec, parameters: { rounds: 150, max_depth: 5 } }));
  expect(await perennial.awaitRetrain(model, await perennial.requestRetrain(model, { asOf: asOfWeek(10) }))).toMatchObject({ outcome: 'promoted', version: 2 });
  await eventually(async () => ((await fetch(`${perennial.instance.gatewayUrl}/v2/models/${model}/ready`)).ok ? true : undefined), () => 'the gateway');
  // Enough of them that the limit is broken at a day's share of a year's error rate too.
  await askADay(0, { model, rows: 5 * ROWS });
  await askADay(2, { model });
  const closed = await eventually(async () => windowAssessmentListSchema.parse(await get(`/v1/models/${model}/windows/assessments?revisions=all`)).items.find(({ occasion }) => occasion === 'closed'), () => 'the first day to be assessed');
  // Red is bought a third more often, and the model has learnt that.
  expect(closed).toMatchObject({ verdict: 'fail', findings: [{ check: 'fairness', feature: null, limit: 0.9, alarms: true, message: expect.stringMatching(/demographicParityRatio by colour is 0\.\d+ .*highest for red/) as string }] });
  const report = windowAssessmentReportSchema.parse(await get(closed.links.report));
  expect(report.fairness!.groupings[0]!.groups.map(({ group }) => group[0])).toEqual(['blue', 'green', 'red']);
  const alarms = (await get(`/v1/alarms?model=${model}`)) as { items: { kind: string; severity: string; ended: unknown }[] };
  expect(alarms.items.filter(({ kind }) => kind === 'fairnessBroken')).toMatchObject([{ severity: 'critical', ended: null }]);
  const rollback = await eventually(async () => {
    const { body } = await perennial.call('GET', `/v1/models/${model}/rollbacks/default/2`);
    return body['outcome'] === 'done' ? body : undefined;
  }, () => 'the rollback');
  expect(rollback).toMatchObject({ fromVersion: 2, toVersion: 1, requestedBy: 'perennial', reason: expect.stringMatching(/^Version 2 breaks a limit of fairness in the window 2024-03-01T00:00.*demographicParityRatio by colour/) as string });
});
