import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DecisionAnswer, decisionSchema } from '../../src/api/decisions/decisions.dto.js';
import type { ReleaseDetail } from '../../src/api/releases/releases.dto.js';
import { releaseDetailSchema } from '../../src/api/releases/releases.dto.js';
import { type WhyAnswer, whySchema } from '../../src/api/why/why.dto.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { deploymentWorkflowId } from '../../src/contracts/motion.js';
import { eventually, Installation } from '../installation.js';
import { LiveTraffic } from '../live-traffic.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

let perennial: Installation;

beforeAll(async () => {
  perennial = await Installation.start({ OBSERVATION_SEAL_MS: '300' });
}, 120_000);

afterAll(() => perennial?.stop());

const WEAK = { gates: { comparison: { metric: 'auc' } }, parameters: { rounds: 1, max_depth: 1 } };
const STRONG = { gates: { comparison: { metric: 'auc' } }, parameters: { rounds: 150, max_depth: 5 } };
const BY_HAND = { checkEvery: 'PT1S', canary: { steps: [20, 50] } };
/** Hours where a real release has weeks. */
const QUICK = {
  checkEvery: 'PT1S',
  shadow: { minimumTime: 'PT6H', maximumTime: 'P20D', minimumSamples: 400 },
  canary: { steps: [50], minimumTime: 'PT2H', minimumSamples: 50 },
  watch: { time: 'P1D' },
  comparison: { minimumSamples: 400, block: 'PT3H' },
  guards: { maximumOutputShift: 1, slowAfterMs: 1_000 },
};

interface Champion { readonly version: number | null; readonly epoch: number }
const routingOf = async (model: string): Promise<{ champion: number; challengers: number[]; weights: Record<string, number>; paused: boolean; epoch: number }> =>
  (await perennial.registry.query('SELECT champion, challengers, weights, paused, epoch::int FROM routing WHERE model = $1', [model]))[0];
const champion = async (model: string): Promise<Champion> => (await perennial.call<Champion & Record<string, unknown>>('GET', `/v1/models/${model}/champion`)).body;

/** A model with a weak champion, and a better version whose retrain began a release. */
async function releasing(model: string, rollout: Record<string, unknown>): Promise<number> {
  await writeEvents(perennial.dataDir, model);
  await perennial.apply(smallSpec({ model, ...WEAK, rollout }));
  const first = await perennial.awaitRetrain(model, await perennial.requestRetrain(model, { asOf: asOfWeek(6) }));
  expect(first, JSON.stringify([first.failure, first.reason])).toMatchObject({ outcome: 'promoted', promotedEpoch: 1 });
  await perennial.apply(smallSpec({ model, ...STRONG, rollout }));
  const second = await perennial.awaitRetrain(model, await perennial.requestRetrain(model, { asOf: asOfWeek(10) }));
  expect(second, JSON.stringify([second.failure, second.reason])).toMatchObject({ outcome: 'releasing', version: 2, promotedEpoch: null });
  return 1;
}

const release = async (model: string, number: number): Promise<ReleaseDetail> => (await perennial.call<ReleaseDetail & Record<string, unknown>>('GET', `/v1/models/${model}/releases/${number}`)).body;

const awaitRelease = (model: string, number: number, until: (release: ReleaseDetail) => boolean): Promise<ReleaseDetail> =>
  eventually(async () => {
    const now = await release(model, number);
    return until(now) ? now : undefined;
  }, () => `release ${number} of ${model}`);

const explained = async (): Promise<WhyAnswer> => whySchema.parse((await perennial.call('GET', '/v1/models/steered/why')).body);

/** Asks for one answer. @returns the version that gave it */
async function ask(model: string, id: string): Promise<number> {
  const parameters = { prediction_id: id, entity_key: `of-${id}`, event_time: '2024-04-01T00:00:00.000Z' };
  const body = JSON.stringify({ parameters, inputs: [{ name: 'features', shape: [1, 3], datatype: 'FP32', data: [0.25, 0.5, 2] }] });
  const response = await fetch(`${perennial.instance.gatewayUrl}/v2/models/${model}/infer`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return Number(((await response.json()) as { model_version: string }).model_version);
}

/** Once it can be found: the last segments are sealed within a moment. */
const decided = (id: string): Promise<DecisionAnswer> =>
  eventually(async () => {
    const { status, body } = await perennial.call('GET', `/v1/decisions/${encodeURIComponent(id)}`);
    return status === 200 ? decisionSchema.parse(body) : undefined;
  }, () => `prediction ${id}`);

const steer = (model: string, number: number, action: string) => perennial.call('POST', `/v1/models/${model}/releases/${number}/${action}`, { reason: 'to see that it works' });

describe('a release that is steered by hand', () => {
  /** A prediction that the challenger answered. */
  let challenged: string;

  it('goes step by step, each begun only when monitoring was proven, and the routing follows', async () => {
    const number = await releasing('steered', BY_HAND);
    const shadow = await awaitRelease('steered', number, ({ stage }) => stage === 'shadow');
    expect(shadow).toMatchObject({ champion: 1, epoch: 1, version: 2, retrain: 2, plan: { canary: { steps: [20, 50] }, champion: 1 } });
    expect(await routingOf('steered')).toMatchObject({ champion: 1, challengers: [2], weights: {} });
    expect(releaseDetailSchema.parse(shadow).planDigest).toMatch(/^sha256:/);

    expect(await ask('steered', 'in/shadow')).toBe(1);

    expect((await steer('steered', number, 'resume')).status).toBe(409);
    expect((await steer('steered', number, 'pause')).status).toBe(202);
    expect((await steer('steered', number, 'advance')).status).toBe(409);
    expect(await routingOf('steered')).toMatchObject({ paused: true });
    await steer('steered', number, 'resume');

    await steer('steered', number, 'advance');
    await awaitRelease('steered', number, ({ percent }) => percent === 20);
    expect(await routingOf('steered')).toMatchObject({ champion: 1, challengers: [2], weights: { 2: 20 }, paused: false });
    await steer('steered', number, 'advance');
    await awaitRelease('steered', number, ({ percent }) => percent === 50);
    let asked = 0;
    await eventually(async () => ((await ask('steered', `canary-${(asked += 1)}`)) === 2 ? true : undefined), () => 'an answer of the challenger');
    challenged = `canary-${asked}`;
    await steer('steered', number, 'advance');
    await awaitRelease('steered', number, ({ stage }) => stage === 'watch');
    expect(await routingOf('steered')).toMatchObject({ champion: 2, challengers: [1], weights: {}, epoch: 2 });
    await steer('steered', number, 'advance');
    expect(await awaitRelease('steered', number, ({ outcome }) => outcome !== null)).toMatchObject({ outcome: 'promoted', promotedEpoch: 2 });
    expect(await routingOf('steered')).toMatchObject({ champion: 2, challengers: [] });

    const { steps } = await release('steered', number);
    expect(steps.map(({ action }) => action)).toEqual(['request', 'begin', 'pause', 'resume', ...['advance', 'advance', 'promote', 'promoted'].flatMap((action) => ['ask-advance', action])]);
    const proofs: { step: string }[] = await perennial.registry.query("SELECT step FROM monitoring_proof WHERE model = 'steered' AND release = $1", [number]);
    expect(proofs).toHaveLength(4);
  });

  it('can be explained afterwards, with the answers that were given meanwhile', async () => {
    const why = await explained();
    expect(why).toMatchObject({ version: 2, epoch: 2, cameBy: 'release', replaced: 1, release: { number: 1, champion: 1, outcome: 'promoted' }, retraining: { number: 2, trigger: 'request' } });
    expect(why.release?.planDigest).toBe((await release('steered', 1)).planDigest);
    expect(why.release?.steps.map(({ action }) => action)).toContain('promote');
    const labelled = await perennial.call('POST', '/v1/models/steered/labels', 'prediction_id,label\nin/shadow,0\nin/shadow,1\n', { 'content-type': 'text/csv' });
    expect(labelled.status).toBe(202);
    const told = await eventually(async () => {
      const answer = await decided('in/shadow');
      return answer.decisions[0]?.labels.length === 2 ? answer : undefined;
    }, () => 'the labels');
    expect(told.decisions).toMatchObject([{ counts: true, model: 'steered', version: 1, epoch: 1, role: 'champion', entityKey: 'of-in/shadow', eventTime: '2024-04-01T00:00:00.000Z', inputs: { size: 0.25, age: 0.5, colour: 'red' }, label: 1, why: 0 }]);
    expect(told).toMatchObject({ chains: [{ version: 1, epoch: 1, cameBy: 'gate', replacedBy: 2 }], searched: { unfiltered: 0, unreadable: 0, left: 0 } });
    expect(await decided(challenged)).toMatchObject({ decisions: [{ version: 2, epoch: 1, role: 'challenger', why: 0 }], chains: [{ role: 'challenger', cameBy: 'challenge', version: 2, release: { number: 1 } }] });
    const terminal = new RecordedTerminal();
    expect(await runCli(['decision', 'in/shadow', '--model', 'steered'], readEnvironment({ STATE_DIR: perennial.environment.STATE_DIR }), 'main.js', terminal)).toBe(0);
    expect(terminal.stdout).toMatch(/Who decided in\/shadow[^]*Version 1 of steered, in default[^]*Why version 1 answered in steered\/default/);
    expect((await perennial.call('GET', '/v1/decisions/never-asked')).status).toBe(404);
  });

  it('tells operators in Temporal where it stands', async () => {
    const handle = perennial.temporal.workflow.getHandle(deploymentWorkflowId('steered', 2));
    await handle.result();
    const description = await handle.describe();
    const found = JSON.stringify(description.typedSearchAttributes.getAll());
    expect(found).toContain('promoted');
    expect(await description.staticSummary()).toBe('Release 1 of steered: version 2 into default');
  });

  it('ends as aborted when it is aborted, with its version out of the routing, and may be asked for again', async () => {
    const number = await releasing('aborted', BY_HAND);
    await awaitRelease('aborted', number, ({ stage }) => stage === 'shadow');
    await steer('aborted', number, 'abort');
    expect(await awaitRelease('aborted', number, ({ outcome }) => outcome !== null)).toMatchObject({ outcome: 'aborted' });
    expect(await routingOf('aborted')).toMatchObject({ champion: 1, challengers: [], weights: {} });
    expect((await steer('aborted', number, 'pause')).status).toBe(409);
    const again = await perennial.call('POST', '/v1/models/aborted/releases', { version: 2, reason: 'once more' });
    expect(again).toMatchObject({ status: 202, body: { number: 2, joined: false } });
    expect((await perennial.call('POST', '/v1/models/aborted/releases', { version: 2, reason: 'twice' })).body).toMatchObject({ number: 2, joined: true });
    await awaitRelease('aborted', 2, ({ stage }) => stage === 'shadow');
    expect(await perennial.call('POST', '/v1/models/aborted/releases', { version: 1, reason: 'it serves' })).toMatchObject({ status: 409, body: { type: expect.stringContaining('ReleaseRefused') } });

    // In its watch an abort takes it back.
    for (const stage of ['canary', 'canary', 'watch']) {
      const before = (await release('aborted', 2)).steps.length;
      await steer('aborted', 2, 'advance');
      await awaitRelease('aborted', 2, (now) => now.stage === stage && now.steps.length === before + 2);
    }
    expect(await champion('aborted')).toMatchObject({ version: 2 });
    await steer('aborted', 2, 'abort');
    expect(await awaitRelease('aborted', 2, ({ outcome }) => outcome !== null)).toMatchObject({ outcome: 'aborted' });
    await eventually(async () => ((await champion('aborted')).version === 1 ? true : undefined), () => 'the version before');
    expect(await routingOf('aborted')).toMatchObject({ champion: 1, challengers: [], epoch: 3 });
  });

  it('ends as aborted when the champion moves', async () => {
    const number = await releasing('moved', BY_HAND);
    await awaitRelease('moved', number, ({ stage }) => stage === 'shadow');
    for (const stage of ['canary', 'canary', 'watch', 'finished']) {
      const before = (await release('moved', number)).steps.length;
      await steer('moved', number, 'advance');
      await awaitRelease('moved', number, (now) => now.stage === stage && now.steps.length === before + 2);
    }
    await perennial.call('POST', '/v1/models/moved/rollbacks', { reason: 'back to the first' });
    await eventually(async () => ((await champion('moved')).version === 1 ? true : undefined), () => 'the rollback');
    await perennial.call('POST', '/v1/models/moved/releases', { version: 2, reason: 'again' });
    await awaitRelease('moved', 2, ({ stage }) => stage === 'shadow');
    await perennial.call('POST', '/v1/models/moved/rollbacks', { toVersion: 2, reason: 'forward by hand' });
    expect(await awaitRelease('moved', 2, ({ outcome }) => outcome !== null)).toMatchObject({ outcome: 'aborted', reason: expect.stringMatching(/champion moved/) });
    expect(await routingOf('moved')).toMatchObject({ champion: 2, challengers: [] });
  });

  it('terminated in the UI leaves a typed outcome and no challenger; its worker may be killed', async () => {
    const number = await releasing('stopped', BY_HAND);
    await awaitRelease('stopped', number, ({ stage }) => stage === 'shadow');
    process.kill(perennial.instance.roles.worker.pid as number, 'SIGKILL');
    await steer('stopped', number, 'advance');
    await awaitRelease('stopped', number, ({ percent }) => percent === 20);
    await perennial.temporal.workflow.getHandle(deploymentWorkflowId('stopped', 2)).terminate('an operator said so');
    expect(await awaitRelease('stopped', number, ({ outcome }) => outcome !== null)).toMatchObject({ outcome: 'terminated', failure: { type: 'WorkflowTerminated' } });
    expect(await routingOf('stopped')).toMatchObject({ champion: 1, challengers: [], weights: {} });
  });
});

describe('a release that its measurements decide', () => {
  it('promotes a better version through shadow, canary and watch', async () => {
    const number = await releasing('better', QUICK);
    await awaitRelease('better', number, ({ stage }) => stage === 'shadow');
    const traffic = new LiveTraffic(perennial, 'better');
    const ended = await traffic.until(async () => {
      const now = await release('better', number);
      return now.outcome === null ? undefined : now;
    });
    expect(ended).toMatchObject({ outcome: 'promoted', promotedEpoch: 2 });
    const [rollout] = ended.analyses.filter(({ phase, kind, revises }) => phase === 'rollout' && kind === 'labelled' && revises === null);
    expect(rollout?.blocks.at(-1)?.standing).toMatchObject({ outcome: 'better' });
    expect(rollout?.planDigest).toBe(ended.planDigest);
    expect(await champion('better')).toMatchObject({ version: 2, epoch: 2 });
  });

  it('rejects a worse one in its shadow, and never lets it come back', async () => {
    const number = await releasing('worse', QUICK);
    await awaitRelease('worse', number, ({ stage }) => stage === 'shadow');
    const traffic = new LiveTraffic(perennial, 'worse', { truth: 'inverted' });
    const ended = await traffic.until(async () => {
      const now = await release('worse', number);
      return now.outcome === null ? undefined : now;
    });
    expect(ended).toMatchObject({ outcome: 'rejected', reason: expect.stringMatching(/worse on the same rows/) });
    expect(await routingOf('worse')).toMatchObject({ champion: 1, challengers: [], epoch: 1 });
    expect(await perennial.call('POST', '/v1/models/worse/releases', { version: 2, reason: 'but I like it' })).toMatchObject({ status: 409, body: { type: expect.stringContaining('VersionUnfit') } });
  });

  it('takes a version back that turns worse in its watch', async () => {
    const number = await releasing('turning', { ...QUICK, watch: { time: 'P30D' } });
    await awaitRelease('turning', number, ({ stage }) => stage === 'shadow');
    const traffic = new LiveTraffic(perennial, 'turning');
    await traffic.until(async () => ((await release('turning', number)).stage === 'watch' ? true : undefined));
    traffic.truth = 'inverted';
    const ended = await traffic.until(async () => {
      const now = await release('turning', number);
      return now.outcome === null ? undefined : now;
    });
    expect(ended).toMatchObject({ outcome: 'rolled-back', promotedEpoch: 2 });
    const rollback = await eventually(async () => {
      const { body } = await perennial.call('GET', '/v1/models/turning/rollbacks/default/2');
      return body['outcome'] === 'done' ? body : undefined;
    }, () => 'the rollback');
    expect(rollback).toMatchObject({ fromVersion: 2, toVersion: 1, toEpoch: 3, gatewaysBehind: [], commandId: null });
    const decided = ended.steps.find(({ action }) => action === 'roll-back');
    process.stdout.write(`from the breach on the record to the last gateway: ${Date.parse(rollback['finishedAt'] as string) - Date.parse(decided?.takenAt as string)} ms\n`);
    expect(await routingOf('turning')).toMatchObject({ champion: 1, challengers: [], epoch: 3 });
    expect(await perennial.call('POST', '/v1/models/turning/rollbacks', { reason: 'forward again' })).toMatchObject({ status: 409, body: { type: expect.stringContaining('NoRollbackTarget') } });
  });
});
