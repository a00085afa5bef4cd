import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ReleaseDetail } from '../../src/api/releases/releases.dto.js';
import { deploymentWorkflowId, rollbackWorkflowId } from '../../src/contracts/motion.js';
import { seededRandom } from '../../src/observations/testing/random-observations.js';
import { GatewayLoad } from '../gateway-load.js';
import { GatewayProcess } from '../gateway-process.js';
import { type Answer, eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

const HOUR_MS = 3_600_000;
const MOST_BEHIND_MS = 96 * HOUR_MS;
const WEAK = { gates: { comparison: { metric: 'auc' } }, parameters: { rounds: 1, max_depth: 1 } };
const STRONG = { gates: { comparison: { metric: 'auc' } }, parameters: { rounds: 150, max_depth: 5 } };
const BY_HAND = { checkEvery: 'PT1S', canary: { steps: [20, 50] } };
/** It stays in its shadow until something is decided. */
const LASTING = {
  checkEvery: 'PT1S', shadow: { minimumTime: 'PT6H', maximumTime: 'P60D', minimumSamples: 400 }, canary: { steps: [50] },
  comparison: { minimumSamples: 400, block: 'PT6H' }, guards: { maximumOutputShift: 1, slowAfterMs: 1_000 },
};

let perennial: Installation;

/** A weak champion, and the release of a better version in its shadow. */
async function releasing(model: string): Promise<void> {
  await writeEvents(perennial.dataDir, model);
  await perennial.apply(smallSpec({ model, ...WEAK, rollout: BY_HAND }));
  await perennial.awaitRetrain(model, await perennial.requestRetrain(model, { asOf: asOfWeek(6) }));
  await perennial.apply(smallSpec({ model, ...STRONG, rollout: BY_HAND }));
  const second = await perennial.awaitRetrain(model, await perennial.requestRetrain(model, { asOf: asOfWeek(10) }));
  expect(second).toMatchObject({ outcome: 'releasing', version: 2 });
  await awaitRelease(model, 1, ({ stage }) => stage === 'shadow');
}

const release = async (model: string, number: number): Promise<ReleaseDetail> => (await perennial.call<ReleaseDetail & Record<string, unknown>>('GET', `/v1/models/${model}/releases/${number}`)).body;
const awaitRelease = (model: string, number: number, until: (release: ReleaseDetail) => boolean): Promise<ReleaseDetail> =>
  eventually(async () => {
    const now = await release(model, number);
    return until(now) ? now : undefined;
  }, () => `release ${number} of ${model}`);
const steer = (model: string, number: number, action: string, key: string = randomUUID()): Promise<Answer> =>
  perennial.call('POST', `/v1/models/${model}/releases/${number}/${action}`, { reason: 'to see that it works' }, { 'idempotency-key': key });
const actions = async (model: string, number: number): Promise<string[]> => (await release(model, number)).steps.map(({ action }) => action);
const routingOf = async (model: string): Promise<Record<string, unknown>> =>
  (await perennial.registry.query('SELECT champion, challengers, weights, epoch::int, revision::int FROM routing WHERE model = $1', [model]))[0];
const acknowledged = async (model: string): Promise<number[]> =>
  (await perennial.registry.query('SELECT revision::int FROM gateway_acknowledgement WHERE model = $1', [model])).map(({ revision }: { revision: number }) => revision);

/** The activity that a release's workflow waits for now. */
async function pending(model: string): Promise<string | undefined> {
  const { raw } = await perennial.temporal.workflow.getHandle(deploymentWorkflowId(model, 2)).describe();
  return raw.pendingActivities?.[0]?.activityType?.name ?? undefined;
}
/** What a workflow did, in its order: names of activities that were completed, and of every timer that was begun. */
async function courseOf(workflowId: string): Promise<string[]> {
  const { events = [] } = await perennial.temporal.workflow.getHandle(workflowId).fetchHistory();
  const names = new Map(events!.map(({ eventId, activityTaskScheduledEventAttributes: scheduled }) => [String(eventId), scheduled?.activityType?.name]));
  return events!.flatMap(({ activityTaskCompletedEventAttributes: done, timerStartedEventAttributes: timer }) =>
    done ? [names.get(String(done.scheduledEventId)) ?? '?'] : timer ? ['timer'] : []);
}

/** Requests of a hundred rows, an hour of event time each; labels only as it is told. */
class HourlyTraffic {
  private readonly random = seededRandom(2_013);
  private labelled = 0;
  private readonly outcomes: { readonly eventTimeMs: number; readonly id: string; readonly bought: boolean }[] = [];

  constructor(
    private readonly model: string,
    private hour: number,
  ) {}

  async hours(count: number): Promise<void> {
    for (let at = 0; at < count; at++) {
      const rows = Array.from({ length: 100 }, () => [this.random(), this.random(), Math.floor(this.random() * 3)] as const);
      const id = `${this.model}-${this.hour}`;
      const eventTimeMs = this.reachedMs;
      const response = await fetch(`${perennial.instance.gatewayUrl}/v2/models/${this.model}/infer`, {
        method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          parameters: { prediction_id: id, event_time: eventTimeMs }, inputs: [{ name: 'features', datatype: 'FP32', shape: [100, 3], data: rows.flat() }],
        }),
      });
      expect(response.status).toBe(200);
      rows.forEach(([size, age, colour], row) => this.outcomes.push({ eventTimeMs, id: `${id}/${row}`, bought: size + 0.3 * age + (colour === 2 ? 0.3 : 0) + this.random() * 0.4 > 0.95 }));
      this.hour += 1;
      await sleep(50);
    }
  }

  /** Labels for all that was asked before a moment of event time: those that have none yet, or all of them corrected. */
  async label(truth: 'real' | 'inverted', untilMs: number): Promise<void> {
    const asked = this.outcomes.filter(({ eventTimeMs }) => eventTimeMs < untilMs);
    const due = truth === 'real' ? asked.slice(this.labelled) : asked;
    if (due.length === 0) return;
    this.labelled = asked.length;
    const lines = due.map(({ id, bought }) => `${id},${bought === (truth === 'real') ? 1 : 0}`);
    expect((await perennial.call('POST', `/v1/models/${this.model}/labels`, `prediction_id,label\n${lines.join('\n')}\n`, { 'content-type': 'text/csv' })).status).toBe(202);
  }

  /** Six hours, a block of the comparison, for each time that is asked; none while `seenUntilMs` is days behind: looks would have new blocks alone to read. */
  async until<T>(ask: () => Promise<T | undefined>, seenUntilMs: () => Promise<number>): Promise<T> {
    return eventually(async () => {
      const behindMs = this.reachedMs - (await seenUntilMs());
      if (!(behindMs > MOST_BEHIND_MS)) await this.hours(6);
      return ask();
    }, () => `${this.model} at hour ${this.hour}`);
  }

  private get reachedMs(): number {
    return Date.UTC(2024, 3, 1) + this.hour * HOUR_MS;
  }
}

beforeAll(async () => {
  perennial = await Installation.start({ OBSERVATION_SEAL_MS: '300' });
  for (const model of ['measured', 'decided']) await releasing(model);
}, 180_000);

afterAll(() => perennial?.stop());

/** Holds the decision over the next measurement back. @returns what lets it go */
async function holdDecision(model: string): Promise<() => Promise<void>> {
  return eventually(async () => {
    if ((await pending(model)) !== 'measureRelease') return undefined;
    const runner = perennial.registry.createQueryRunner();
    await runner.startTransaction();
    await runner.query('SELECT name FROM model WHERE name = $1 FOR UPDATE', [model]);
    const letGo = async (): Promise<void> => {
      await runner.rollbackTransaction();
      await runner.release();
    };
    for (let tries = 0; tries < 100 && (await pending(model)) !== 'decideRelease'; tries++) await sleep(20);
    if ((await courseOf(deploymentWorkflowId(model, 2))).at(-1) === 'measureRelease') return letGo;
    await letGo();
    return undefined;
  }, () => `${model} to be measured and not decided`);
}

it('goes on after its worker was killed between measurement and decision, and between decision and the gateways that follow', async () => {
  await new HourlyTraffic('measured', 0).hours(3);
  // Else it may wait for the gateway that stops with its beginning still.
  await eventually(async () => ((await pending('decided')) === 'awaitGateways' ? undefined : true), () => 'the gateway to mirror');
  const letGo = await holdDecision('measured');
  const gateway = perennial.instance.roles.gateway.pid as number;
  process.kill(gateway, 'SIGSTOP');
  try {
    void steer('decided', 1, 'advance');
    await eventually(async () => ((await pending('decided')) === 'awaitGateways' && (await actions('decided', 1)).includes('advance') ? true : undefined), () => 'the decision');
    expect(await pending('measured')).toBe('decideRelease');
    process.kill(perennial.instance.roles.worker.pid as number, 'SIGKILL');
  } finally {
    await letGo();
    process.kill(gateway, 'SIGCONT');
  }
  const { revision } = await routingOf('decided');
  await eventually(async () => ((await acknowledged('decided')).every((one) => one === revision) ? true : undefined), () => 'the gateway');
  // Only a decision after the fault brings a later look.
  const killedAt = Date.now();
  for (const model of ['measured', 'decided']) {
    await awaitRelease(model, 1, ({ latest }) => Date.parse(latest?.at ?? '') > killedAt);
  }
  expect(await actions('decided', 1)).toEqual(['request', 'begin', 'ask-advance', 'advance']);
  expect(await actions('measured', 1)).toEqual(['request', 'begin']);
  expect(await routingOf('decided')).toMatchObject({ champion: 1, challengers: [2], weights: { 2: 20 }, revision });
  const entries = await perennial.registry.query("SELECT action FROM audit_entry WHERE model = 'decided' AND action = 'release.advance'");
  expect(entries).toHaveLength(1);
}, 150_000);

it('waits while Temporal is away: every request is answered, a command is accepted, and then it is done once', async () => {
  const { servers, gatewayUrl } = perennial.instance;
  const load = new GatewayLoad({ url: gatewayUrl, name: 'without-temporal', model: 'decided', row: [0.5, 0.5, 1] });
  await servers.killTemporal();
  const accepted = await steer('decided', 1, 'advance', 'while-temporal-is-away');
  expect([accepted.status, accepted.body['state']]).toEqual([202, 'accepted']);
  const before = load.answers.length;
  await eventually(async () => (load.answers.length > before + 100 ? true : undefined), () => 'answers without Temporal');
  await servers.startTemporal();
  await awaitRelease('decided', 1, ({ percent }) => percent === 50);
  await load.end();
  expect([...new Set(load.answers.map(({ status }) => status))]).toEqual([200]);
  // At 20 and at 50 % some are the challenger's, in its own words.
  expect(new Set(load.answers.map(({ version }) => version))).toEqual(new Set(['1', '2']));
  expect(await actions('decided', 1)).toEqual(['request', 'begin', 'ask-advance', 'advance', 'ask-advance', 'advance']);
}, 120_000);

it('is steered once by a command whose API was killed before it answered', async () => {
  const asked = steer('decided', 1, 'pause', 'asked-twice').catch(() => undefined);
  await eventually(async () => ((await perennial.registry.query("SELECT id FROM command WHERE idempotency_key = 'asked-twice'")).length > 0 ? true : undefined), () => 'the command on record');
  process.kill(perennial.instance.roles.api.pid as number, 'SIGKILL');
  await asked;
  const again = await eventually(async () => steer('decided', 1, 'pause', 'asked-twice').catch(() => undefined), () => 'the API to come back');
  expect(again.status).toBe(202);
  await eventually(async () => ((await release('decided', 1).catch(() => undefined))?.paused ? true : undefined), () => 'the pause');
  expect((await actions('decided', 1)).filter((action) => action === 'pause')).toHaveLength(1);
  await steer('decided', 1, 'resume');
}, 60_000);

it.each([
  ['terminated', 'WorkflowTerminated', (): Promise<unknown> => perennial.temporal.workflow.getHandle(deploymentWorkflowId('measured', 2)).terminate('an operator said so')],
  ['cancelled', 'WorkflowCancelled', (): Promise<unknown> => perennial.temporal.workflow.getHandle(deploymentWorkflowId('measured', 2)).cancel()],
] as const)('%s in Temporal it has a typed outcome, and its version is out of the routing', async (outcome, type, end) => {
  const number = outcome === 'terminated' ? 1 : 2;
  if (number === 2) expect((await perennial.call('POST', '/v1/models/measured/releases', { version: 2, reason: 'once more' })).status).toBe(202);
  await awaitRelease('measured', number, ({ stage }) => stage === 'shadow');
  expect(await routingOf('measured')).toMatchObject({ champion: 1, challengers: [2] });
  await end();
  expect(await awaitRelease('measured', number, (now) => now.outcome !== null)).toMatchObject({ outcome, failure: { type } });
  expect(await routingOf('measured')).toMatchObject({ champion: 1, challengers: [], weights: {}, epoch: 1 });
}, 60_000);

it('is taken back everywhere by three activities without a wait between them', async () => {
  const store = { databaseUrl: perennial.instance.servers.databaseUrl, artifactsDir: perennial.environment.ARTIFACT_URL };
  const others = await Promise.all(['second', 'third'].map((name) => GatewayProcess.start(store, { name, folder: perennial.folder })));
  try {
    await steer('decided', 1, 'advance');
    await awaitRelease('decided', 1, ({ stage }) => stage === 'watch');
    await eventually(async () => ((await routingOf('decided'))['challengers'] as number[]).length === 1 ? true : undefined, () => 'the champion before as a mirror');
    await steer('decided', 1, 'abort');
    const ended = await awaitRelease('decided', 1, ({ outcome }) => outcome !== null);
    const rollback = await eventually(async () => {
      const { body } = await perennial.call('GET', '/v1/models/decided/rollbacks/default/2');
      return body['outcome'] === 'done' ? body : undefined;
    }, () => 'the rollback');
    expect(rollback).toMatchObject({ fromVersion: 2, toVersion: 1, toEpoch: 3, gatewaysBehind: [] });
    const { revision } = await routingOf('decided');
    expect(await acknowledged('decided')).toEqual([revision, revision, revision]);
    expect(await courseOf(rollbackWorkflowId('decided', 'default', 2))).toEqual(['rollBack', 'awaitGateways', 'endRollback']);
    // From the decision on, the release's own workflow waits for no time either.
    const course = await courseOf(deploymentWorkflowId('decided', 2));
    expect(course.slice(course.lastIndexOf('decideRelease'))).not.toContain('timer');
    const decided = ended.steps.find(({ action }) => action === 'roll-back');
    const tookMs = Date.parse(rollback['finishedAt'] as string) - Date.parse(decided?.takenAt as string);
    process.stdout.write(`from the decision to roll back on record until the last of three gateways: ${tookMs} ms\n`);
  } finally {
    await Promise.all(others.map((gateway) => gateway.stop()));
  }
}, 90_000);

it('is never promoted by labels that came late, and is rejected by labels that were corrected', async () => {
  await perennial.apply(smallSpec({ model: 'measured', ...STRONG, rollout: LASTING }));
  expect((await perennial.call('POST', '/v1/models/measured/releases', { version: 2, reason: 'with other terms' })).body).toMatchObject({ number: 3 });
  await awaitRelease('measured', 3, ({ stage }) => stage === 'shadow');
  const analyses = async (revises: boolean): Promise<ReleaseDetail['analyses']> =>
    (await release('measured', 3)).analyses.filter((analysis) => analysis.kind === 'labelled' && (analysis.revises !== null) === revises);
  const traffic = new HourlyTraffic('measured', 1_000);
  /** How far the planned analysis has come: labels from then on would be in time. */
  const closedMs = async (): Promise<number> => Date.parse((await analyses(false))[0]?.blocks.at(-1)?.until ?? '');
  // Blocks close without a label, and stay so in the planned analysis.
  await traffic.hours(36);
  await traffic.until(async () => ((await analyses(false))[0]?.blocks.filter(({ missingLabels }) => missingLabels > 500).length ?? 0) >= 3 ? true : undefined, closedMs);
  await traffic.label('real', await closedMs());
  const late = await traffic.until(async () => {
    const { number, blocks = [] } = (await analyses(true)).at(-1) ?? {};
    if (blocks.at(-1)?.standing['outcome'] === 'better') return { number, blocks };
    // What has closed meanwhile gets its labels late as well.
    if (blocks.length > 0) await traffic.label('real', await closedMs());
    return undefined;
  }, closedMs);
  // Another block and its looks: what the late labels say begins no step.
  const looked = (await release('measured', 3)).latest?.at;
  await traffic.until(async () => ((await release('measured', 3)).latest?.at !== looked ? true : undefined), closedMs);
  expect(await release('measured', 3)).toMatchObject({ stage: 'shadow', outcome: null });
  expect(await actions('measured', 3)).toEqual(['request', 'begin']);
  await traffic.label('inverted', await closedMs());
  const ended = await traffic.until(async () => {
    const now = await release('measured', 3);
    return now.outcome === null ? undefined : now;
  }, closedMs);
  expect(new Set((await analyses(false))[0]?.blocks.map(({ samples }) => samples))).toEqual(new Set([0]));
  expect(ended).toMatchObject({ outcome: 'rejected', reason: expect.stringMatching(/With labels that came later/) as string });
  expect(await routingOf('measured')).toMatchObject({ champion: 1, challengers: [], epoch: 1 });
  // The earlier figures stay on record.
  expect(ended.analyses.find(({ number }) => number === late.number)?.blocks.slice(0, late.blocks.length)).toEqual(late.blocks);
}, 150_000);
