import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HarmMemories } from '../../activities/harm-memories.js';
import { faultAlarm } from '../../src/alarms/monitoring-alarms.js';
import { alarmSchema } from '../../src/api/alarms/alarms.dto.js';
import { quarantineSchema } from '../../src/api/windows/window-release.controller.js';
import type { AssessmentHeadline } from '../../src/contracts/window-assessment.js';
import { SPEC } from '../../src/data/data-fixture.js';
import { AssessmentsRepository } from '../../src/registry/assessments.repository.js';
import { CommandsRepository } from '../../src/registry/commands.repository.js';
import { RetrainsRepository } from '../../src/registry/retrains.repository.js';
import { RetrainingDecisionsRepository } from '../../src/registry/retraining-decisions.repository.js';
import { RoutingRepository } from '../../src/registry/routing.repository.js';
import { CommandPath, type HttpAnswer, SPEC_DIGEST } from './command-path.js';

const MODEL = SPEC.model;
const ORIGIN = { workflowId: null, runId: null };
const DAY_MS = 86_400_000;

let path: CommandPath;
let assessments: AssessmentsRepository;
let decisions: RetrainingDecisionsRepository;
/** The alarm about the first window in quarantine. */
let told: string | undefined;

beforeAll(async () => {
  path = await CommandPath.start();
  const { registry: { dataSource }, audit, alarms } = path;
  assessments = new AssessmentsRepository(dataSource);
  decisions = new RetrainingDecisionsRepository(dataSource, new CommandsRepository(dataSource, audit), new RetrainsRepository(dataSource, audit), audit);
  await closed(1, 'wait');
  for (const day of [2, 3]) {
    const fromMs = (await closed(day, 'quarantine')).getTime();
    const faults = [{ kind: 'unitChange', features: ['speed'], because: 'speed is in metres.' }];
    const { id } = await alarms.raise(faultAlarm({ model: MODEL, deployment: 'default', fromMs, untilMs: fromMs + DAY_MS }, faults), new Date(), ORIGIN);
    told ??= id;
  }
}, 120_000);

afterAll(() => path?.stop(), 60_000);

const HEADLINE: AssessmentHeadline = { version: null, metric: null, baseline: null, estimated: null, measured: null, threshold: null, meanLoss: null, labelled: 0, harm: null, drifted: [], complete: true };

/** A window of a day that has closed, with the decision after it. */
async function closed(day: number, outcome: 'quarantine' | 'wait'): Promise<Date> {
  const [fromEvent, untilEvent, at] = [new Date(Date.UTC(2024, 2, day)), new Date(Date.UTC(2024, 2, day + 1)), new Date()];
  const id = { model: MODEL, deployment: 'default', fromEvent, revision: 1 };
  await assessments.add({
    ...id, untilEvent, occasion: 'closed', specDigest: SPEC_DIGEST, labelRevision: 0, filesDigest: 'sha256:0',
    rows: 10, verdict: 'inconclusive', findings: [], headline: HEADLINE,
    reportDigest: null, harm: null, estimatedHarm: null, alarmId: null, workflowId: `monitor/${MODEL}/${day}`, assessedAt: at,
  });
  const counterfactual = { retrained: [], memory: null };
  await decisions.add({ ...id, outcome, reason: null, trigger: null, because: 'as it is', counterfactual, decisionDigest: 'sha256:1', decidedAt: at }, null, ORIGIN);
  return fromEvent;
}

const quarantined = async (): Promise<number[]> => (await decisions.quarantined(MODEL, 'default')).map(({ fromMs }) => new Date(fromMs).getUTCDate());
const release = (from: string, headers: Record<string, string> = {}, body: object = {}): Promise<HttpAnswer> =>
  path.post(`/v1/models/${MODEL}/windows/${from}/release`, { reason: 'the new sensor reports in metres', ...body }, headers);
/** The window with rows that one after day 3 is held against. */
const heldAgainst = async (): Promise<number | undefined> => (await assessments.closedBefore(MODEL, 'default', new Date('2024-03-04')))?.fromEvent.getUTCDate();
const alarmEnd = async (): Promise<unknown> => alarmSchema.parse((await path.get(`/v1/alarms/${told}`)).body).ended;

describe('a window in quarantine', () => {
  it('adds no evidence of harm, however the stretch is cut when its labels are due', async () => {
    const harm = new HarmMemories(assessments, decisions, path.alarms, path.rooms.get(RoutingRepository));
    const day = (number: number): number => Date.UTC(2024, 2, number);
    const isLeftOut = (fromMs: number, untilMs: number): Promise<boolean> => harm.isLeftOut({ model: MODEL, deployment: 'default', fromMs, untilMs });
    const cut: [fromMs: number, untilMs: number, leftOut: boolean][] = [
      [day(2), day(3), true], [day(1), day(8), true], [day(3) + DAY_MS / 4, day(3) + DAY_MS / 2, true], [day(3) + DAY_MS / 2, day(5), true], [day(1), day(2), false], [day(4), day(11), false],
    ];
    for (const [fromMs, untilMs, leftOut] of cut) expect(await isLeftOut(fromMs, untilMs), `${new Date(fromMs).toISOString()}/${new Date(untilMs).toISOString()}`).toBe(leftOut);
  });

  it('is kept from training until a person releases it: then it counts again, and its alarm ends', async () => {
    expect(await quarantined()).toEqual([2, 3]);
    expect(await heldAgainst()).toBe(1);
    // The alarm is about the first of the two.
    expect(await release('2024-03-03')).toMatchObject({ status: 200, body: { model: MODEL, deployment: 'default', from: '2024-03-03T00:00:00.000Z', endedAlarm: null } });
    expect(await quarantined()).toEqual([2]);
    expect(await alarmEnd()).toBeNull();
    expect(await heldAgainst()).toBe(3);

    const headers = { 'idempotency-key': 'release-once' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => release('2024-03-02', headers)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 200, body: { endedAlarm: told } });
    expect(await quarantined()).toEqual([]);
    expect(await alarmEnd()).toMatchObject({ by: 'engineer', reason: 'The window was taken out of quarantine: the new sensor reports in metres' });
    const entries = await path.entriesOf(`window/${MODEL}/default/2024-03-02T00:00:00.000Z`);
    expect(entries).toMatchObject([{ action: 'window.released', actor: 'engineer', commandId: answers[0]?.body['commandId'] }]);
  });

  it('is shown as released from then on', async () => {
    const { items } = quarantineSchema.parse((await path.get(`/v1/models/${MODEL}/windows/quarantine`)).body);
    expect(items.map(({ from, until, released }) => [from, until, released?.by])).toEqual([
      ['2024-03-02T00:00:00.000Z', '2024-03-03T00:00:00.000Z', 'engineer'], ['2024-03-03T00:00:00.000Z', '2024-03-04T00:00:00.000Z', 'engineer'],
    ]);
    expect(await path.cli('windows', MODEL)).toMatch(/2024-03-03 +inconclusive .* quarantine, released\n2024-03-02 .* quarantine, released\n2024-03-01 .* wait\n/);
  });

  it.each<[string, string, object, number, string, RegExp]>([
    ['that was released', '2024-03-02', {}, 409, 'WindowNotQuarantined', /was taken out of quarantine by engineer at 20/],
    ['that was never in it', '2024-03-01', {}, 409, 'WindowNotQuarantined', /is not in quarantine; `perennial windows trial`/],
    ['that is none', '2030-03-01', {}, 409, 'WindowNotQuarantined', /is not in quarantine/],
    ['of a deployment that is not there', '2024-03-02', { deployment: 'mars' }, 404, 'NotFound', /mars/],
    ['from no day', '2024-02-30', {}, 400, 'InvalidRequest', /from/],
    ['without a reason', '2024-03-02', { reason: '' }, 400, 'InvalidRequest', /reason/],
  ])('%s is not released', async (_, from, body, status, type, says) => {
    const answer = await release(from, {}, body);
    expect([answer.status, answer.body['type'], JSON.stringify(answer.body)]).toEqual([status, `urn:perennial:${type}`, expect.stringMatching(says)]);
    expect(await path.registry.dataSource.query('SELECT 1 FROM quarantine_release')).toHaveLength(2);
  });

  it('of two who release it one does', async () => {
    await closed(5, 'quarantine');
    expect(await path.cli('windows', MODEL)).toMatch(/2024-03-05 .* quarantine\n/);
    const answers = await Promise.all(['one', 'other'].map((name) => release('2024-03-05', { 'idempotency-key': name })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(await quarantined()).toEqual([]);
  });

  it('is released from a terminal too', async () => {
    await closed(6, 'quarantine');
    const released = await path.cli('release-window', MODEL, '2024-03-06', '--reason', 'as agreed');
    expect(released).toBe(`0 the window of ${MODEL}/default that begins at 2024-03-06T00:00:00.000Z is out of quarantine\n`);
    expect(await path.cli('release-window', MODEL, '2024-03-06', '--reason', 'again')).toMatch(/^1 [^]*taken out of quarantine by engineer/);
  });
});
