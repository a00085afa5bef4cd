import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AlarmAnswer } from '../../src/api/alarms/alarms.dto.js';
import type { ReleaseDetail } from '../../src/api/releases/releases.dto.js';
import { deploymentWorkflowId } from '../../src/contracts/motion.js';
import { FiguresRepository } from '../../src/registry/figures.repository.js';
import { type Answer, eventually, Installation } from '../installation.js';
import { LiveTraffic } from '../live-traffic.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

const MODEL = 'shop';
const AUC = { comparison: { metric: 'auc' } };
const WEAK = { rounds: 1, max_depth: 1 };
const STRONG = { rounds: 60, max_depth: 4 };
/** Nothing happens by the passing of time: what is seen within a test was caused by a command. */
const BY_HAND = { checkEvery: 'PT1H', canary: { steps: [50] } };

/** Hours where a real release has weeks. */
const MEASURED = {
  checkEvery: 'PT1S', shadow: { minimumTime: 'PT6H', maximumTime: 'P60D', minimumSamples: 400 }, canary: { steps: [50] },
  comparison: { minimumSamples: 400, block: 'PT3H' }, guards: { maximumOutputShift: 1, slowAfterMs: 1_000 },
};
const OTHER_FEATURES = [{ name: 'size', type: 'number', min: 0, max: 1 }];

let perennial: Installation;
let traffic: LiveTraffic;

beforeAll(async () => {
  perennial = await Installation.start({ OBSERVATION_SEAL_MS: '300' });
  traffic = new LiveTraffic(perennial, MODEL);
}, 120_000);

afterAll(() => perennial?.stop());

const apply = (rollout: Record<string, unknown>, parameters = STRONG): Promise<void> => perennial.apply(smallSpec({ model: MODEL, gates: AUC, parameters, rollout }));
const command = (path: string, body: unknown, key: string = randomUUID()): Promise<Answer> => perennial.call('POST', `/v1/models/${MODEL}/${path}`, body, { 'idempotency-key': key });
const request = (version: number): Promise<Answer> => command('releases', { version, reason: 'asked for by a test' });
const steer = (number: number, action: string): Promise<Answer> => command(`releases/${number}/${action}`, { reason: 'as agreed' });
const release = async (number: number): Promise<ReleaseDetail> => (await perennial.call<ReleaseDetail & Record<string, unknown>>('GET', `/v1/models/${MODEL}/releases/${number}`)).body;
const awaitRelease = (number: number, until: (release: ReleaseDetail) => boolean): Promise<ReleaseDetail> =>
  eventually(async () => {
    const now = await release(number);
    return until(now) ? now : undefined;
  }, () => `release ${number}`);
const ended = (number: number): Promise<ReleaseDetail> => awaitRelease(number, ({ outcome }) => outcome !== null);
/** With traffic, until it waits for a person in that stage. */
const held = (number: number, stage = 'shadow'): Promise<ReleaseDetail> => traffic.until(async () => {
  const now = await release(number);
  return now.stage === stage && now.latest?.action === 'wait-for-person' ? now : undefined;
});
const routing = async (): Promise<Record<string, unknown>> =>
  (await perennial.registry.query('SELECT champion, challengers, weights, epoch::int FROM routing WHERE model = $1', [MODEL]))[0];
const gatewaysBehind = async (): Promise<number> => (await new FiguresRepository(perennial.registry).at(new Date())).gatewaysBehind;
const audited = async (number: number): Promise<string[]> =>
  (await perennial.registry.query("SELECT action FROM audit_entry WHERE model = $1 AND subject = $2 ORDER BY id", [MODEL, `release/${number}`])).map(({ action }: { action: string }) => action);
const alarms = async (kind: string): Promise<AlarmAnswer[]> =>
  (await perennial.call<{ items: AlarmAnswer[] }>('GET', `/v1/alarms?model=${MODEL}`)).body.items.filter((alarm) => alarm.kind === kind);
const openAlarms = async (kind: string): Promise<AlarmAnswer[]> => (await alarms(kind)).filter(({ ended }) => ended === null);
/** What the Temporal UI shows of a release. */
const details = async (version: number): Promise<string> => (await workflow(version).query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;
const workflow = (version: number) => perennial.temporal.workflow.getHandle(deploymentWorkflowId(MODEL, version));

/** Sends a release from its shadow through its stages. */
async function advance(number: number, stages: readonly string[]): Promise<void> {
  await awaitRelease(number, ({ stage }) => stage === 'shadow');
  for (const stage of stages) {
    expect((await steer(number, 'advance')).status).toBe(202);
    await awaitRelease(number, (now) => now.stage === stage);
  }
}

async function retrained(week: number): Promise<number | null> {
  const { outcome, version, failure, reason } = await perennial.awaitRetrain(MODEL, await perennial.requestRetrain(MODEL, { asOf: asOfWeek(week) }));
  expect(outcome, JSON.stringify([failure, reason])).toMatch(/promoted|releasing/);
  return version;
}

describe('three releases in the queue', () => {
  it('wait, with nothing mirrored and nothing running but the first', async () => {
    await writeEvents(perennial.dataDir, MODEL);
    await apply(BY_HAND, WEAK);
    expect(await retrained(6)).toBe(1);
    await apply(BY_HAND);
    for (const week of [8, 9, 10]) await retrained(week);
    await awaitRelease(1, ({ stage }) => stage === 'shadow');
    for (const number of [2, 3]) expect(await release(number)).toMatchObject({ stage: 'queued', version: number + 1, champion: null, epoch: null, plan: null, outcome: null });
    expect(await routing()).toMatchObject({ champion: 1, challengers: [2] });
    expect((await steer(2, 'advance')).body).toMatchObject({ type: 'urn:perennial:ReleaseNotSteerable', detail: expect.stringMatching(/waits for its turn/) as string });
    await expect(workflow(3).describe()).rejects.toThrow(/not found/i);
  });

  it('end at once where they are aborted before their turn, and leave the others in their order', async () => {
    expect((await steer(2, 'abort')).body).toMatchObject({ joined: false });
    expect(await release(2)).toMatchObject({ outcome: 'aborted', reason: 'as agreed', plan: null });
    expect(await audited(2)).toEqual(['release.request', 'release.aborted', 'release.steered']);
    expect((await request(3)).body).toMatchObject({ number: 4, joined: false });
    expect((await request(3)).body).toMatchObject({ number: 4, joined: true });
    expect(await release(1)).toMatchObject({ stage: 'shadow' });
  });

  it('begin in their order, each against the champion of that moment', async () => {
    await advance(1, ['canary', 'watch', 'finished']);
    expect(await routing()).toMatchObject({ champion: 2, epoch: 2 });
    expect(await awaitRelease(3, ({ stage }) => stage === 'shadow')).toMatchObject({ version: 4, champion: 2, epoch: 2, plan: { champion: 2, epoch: 2 } });
    expect(await release(4)).toMatchObject({ stage: 'queued' });
    await steer(3, 'abort');
    await ended(3);
    expect(await awaitRelease(4, ({ stage }) => stage === 'shadow')).toMatchObject({ version: 3, champion: 2 });
    expect(await routing()).toMatchObject({ champion: 2, challengers: [3] });
  });

  it('begin for a version whose release of before has ended on the record, but not yet in Temporal', async () => {
    const gateway = perennial.instance.roles.gateway.pid as number;
    // Else the release would still wait for the gateway where it begins, and could not end while that is frozen.
    await eventually(async () => ((await gatewaysBehind()) === 0 ? true : undefined), () => 'the gateway to follow');
    process.kill(gateway, 'SIGSTOP');
    // It is waited for as long as its lease holds: longer than what follows takes on a slow machine.
    await perennial.registry.query("UPDATE gateway_lease SET expires_at = now() + interval '15 seconds'");
    try {
      await steer(4, 'abort');
      await ended(4);
      expect((await request(3)).body).toMatchObject({ number: 5, joined: false });
      expect((await workflow(3).describe()).memo).toEqual({ release: 4 });
    } finally {
      process.kill(gateway, 'SIGCONT');
    }
    await awaitRelease(5, ({ stage }) => stage === 'shadow');
    expect((await workflow(3).describe()).memo).toEqual({ release: 5 });
    await steer(5, 'abort');
    await ended(5);
  });

  it('are not begun for a version that answers already by then', async () => {
    await request(4);
    await awaitRelease(6, ({ stage }) => stage === 'shadow');
    await request(1);
    expect((await command('rollbacks', { reason: 'back' })).status).toBe(202);
    expect(await ended(6)).toMatchObject({ outcome: 'aborted', reason: expect.stringMatching(/champion moved/) as string });
    expect(await ended(7)).toMatchObject({ outcome: 'aborted', reason: 'Version 1 answers already.' });
    expect(await routing()).toMatchObject({ champion: 1, challengers: [] });
  });

  it('are not begun for a version that no longer takes the features of the spec in force', async () => {
    await request(4);
    await awaitRelease(8, ({ stage }) => stage === 'shadow');
    await request(3);
    await perennial.apply(smallSpec({ model: MODEL, gates: AUC, parameters: STRONG, rollout: BY_HAND, features: OTHER_FEATURES }));
    await steer(8, 'abort');
    expect(await ended(9)).toMatchObject({ outcome: 'aborted', reason: expect.stringMatching(/takes 3 features, and the spec in force has 1/) as string });
    await apply(BY_HAND);
  });
});

describe('where a newer candidate supersedes', () => {
  it('takes the place of every one that is not promoted yet: record, audit, routing and workflow', async () => {
    await apply({ ...BY_HAND, whileReleasing: 'supersede' });
    await request(4);
    await advance(10, ['canary']);
    expect(await routing()).toMatchObject({ weights: { 4: 50 } });
    expect((await request(3)).body).toMatchObject({ number: 11, joined: false });
    expect(await release(10)).toMatchObject({ outcome: 'superseded', reason: 'Version 3 took its place.', stage: 'finished' });
    expect((await audited(10)).at(-1)).toBe('release.superseded');
    expect(await workflow(4).result()).toEqual({ outcome: 'superseded', reason: 'Version 3 took its place.' });
    await awaitRelease(11, ({ stage }) => stage === 'shadow');
    expect(await routing()).toMatchObject({ champion: 1, challengers: [3], weights: {} });
  });

  it('does so from a retrain, and gives way to the same version asked for again', async () => {
    await retrained(11);
    expect(await release(11)).toMatchObject({ outcome: 'superseded', reason: 'Version 5 took its place.' });
    expect(await workflow(3).result()).toMatchObject({ outcome: 'superseded' });
    expect(await awaitRelease(12, ({ stage }) => stage === 'shadow')).toMatchObject({ version: 5, retrain: 5 });
    // There and back at once.
    for (const version of [4, 3, 4]) await request(version);
    expect(await release(14)).toMatchObject({ outcome: 'superseded' });
    await awaitRelease(15, ({ stage }) => stage === 'shadow');
    expect(await routing()).toMatchObject({ champion: 1, challengers: [4] });
  });

  it('waits for one that is promoted already', async () => {
    await advance(15, ['canary', 'watch']);
    await request(3);
    expect(await release(16)).toMatchObject({ stage: 'queued' });
    expect(await release(15)).toMatchObject({ stage: 'watch', outcome: null });
  });
});

describe('a rollback by hand in a watch', () => {
  it('ends the release as rolled back by whom, leaves the version fit for a release, and never brings it back unasked', async () => {
    expect((await command('rollbacks', { reason: 'complaints' })).body).toMatchObject({ toVersion: 1 });
    expect(await ended(15)).toMatchObject({ outcome: 'rolled-back', reason: expect.stringMatching(/taken back in its watch by .*@local/) as string });
    await awaitRelease(16, ({ stage }) => stage === 'shadow');
    await steer(16, 'abort');
    await ended(16);
    const [version] = await perennial.registry.query('SELECT unfit_reason FROM model_version WHERE model = $1 AND number = 4', [MODEL]);
    expect(version).toEqual({ unfit_reason: null });
    const again = await command('rollbacks', { reason: 'once more' });
    expect(again.body).toMatchObject({ type: 'urn:perennial:NoRollbackTarget' });
  });
});

describe('a rollback that an operator terminates', () => {
  it('is on the record, and a person is told that the champion may not have changed', async () => {
    const holding = perennial.registry.createQueryRunner();
    await holding.startTransaction();
    try {
      // Another one seems to be about to make the same change: the step waits to see whether it will.
      await holding.query(
        `INSERT INTO champion_change (model, deployment, epoch, revision, version, baseline_digest, reason, actor, workflow_id, changed_at)
         SELECT model, deployment, epoch + 1, revision + 1, champion, '', 'rollback', 'nobody', '', now() FROM routing WHERE model = $1`,
        [MODEL],
      );
      expect((await command('rollbacks', { toVersion: 4, reason: 'it was better' })).status).toBe(202);
      const { epoch, champion } = await routing();
      const handle = perennial.temporal.workflow.getHandle(`rollback/${MODEL}/default/${String(epoch)}`);
      // Accepted is not begun: the workflow may be there a moment later.
      const waiting = async (): Promise<boolean> => (await handle.describe().catch(() => undefined))?.raw.pendingActivities?.length === 1;
      await eventually(async () => ((await waiting()) ? true : undefined), () => 'the change of champion to wait for the table');
      await handle.terminate('an operator said so');
      const [alarm] = await eventually(async () => {
        const open = await openAlarms('rollbackFailed');
        return open[0]?.delivery.deliveredAt ? open : undefined;
      }, () => 'the alarm to be delivered');
      expect(alarm).toMatchObject({ severity: 'critical', summary: expect.stringMatching(/from epoch \d+ was terminated.*perennial champion shop/) as string });
      expect(await routing()).toMatchObject({ epoch, champion });
      const [{ outcome }] = await perennial.registry.query('SELECT outcome FROM rollback WHERE model = $1 AND from_epoch = $2', [MODEL, epoch]);
      expect(outcome).toBe('terminated');
    } finally {
      await holding.rollbackTransaction();
      await holding.release();
    }
    // The step that hung goes on, and has no say any more; who asks again gets the champion, and the alarm is over.
    expect((await command('rollbacks', { toVersion: 4, reason: 'it was better, once more' })).status).toBe(202);
    await eventually(async () => ((await routing())['champion'] === 4 && (await openAlarms('rollbackFailed')).length === 0 ? true : undefined), () => 'the change of champion');
    const changes = await perennial.registry.query('SELECT count(*)::int AS count FROM champion_change WHERE model = $1 AND version = 4 AND reason = $2', [MODEL, 'rollback']);
    expect(changes).toEqual([{ count: 1 }]);
    expect((await command('rollbacks', { toVersion: 1, reason: 'back' })).body).toMatchObject({ toVersion: 1 });
    await eventually(async () => ((await routing())['champion'] === 1 ? true : undefined), () => 'the rollback');
  });
});

describe('a command that comes many times under one key', () => {
  const atOnce = (path: string, body: unknown, key: string): Promise<Answer[]> => Promise.all(Array.from({ length: 12 }, () => command(path, body, key)));

  it('has one effect and one answer, and its key serves no other body', async () => {
    await apply(BY_HAND);
    const wanted = { version: 4, reason: 'asked for by many' };
    const requested = await atOnce('releases', wanted, 'one-release');
    expect(new Set(requested.map(({ status, body }) => JSON.stringify([status, body])))).toEqual(new Set([JSON.stringify([202, requested[0]?.body])]));
    expect(requested[0]?.body).toMatchObject({ number: 17, joined: false });
    await awaitRelease(17, ({ stage }) => stage === 'shadow');
    const paused = await atOnce('releases/17/pause', { reason: 'hold on' }, 'one-pause');
    expect(new Set(paused.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1);
    expect(await audited(17)).toEqual(['release.request', 'release.requested', 'release.begin', 'release.pause', 'release.steered']);
    for (const [path, body, key] of [['releases', { ...wanted, version: 3 }, 'one-release'], ['releases/17/pause', { reason: 'another one' }, 'one-pause'], ['releases/17/abort', { reason: 'hold on' }, 'one-pause'], ['rollbacks', wanted, 'one-release']] as const) {
      const { version: _version, ...withoutVersion } = body as { version?: number };
      expect(await command(path, path === 'rollbacks' ? withoutVersion : body, key), path).toMatchObject({ status: 422, body: { type: 'urn:perennial:IdempotencyKeyReused' } });
    }
    expect(await release(17)).toMatchObject({ paused: true, requested: null, outcome: null });
    // The first answer is given again when it could no longer be asked for.
    await steer(17, 'abort');
    await ended(17);
    expect(await command('releases/17/pause', { reason: 'hold on' }, 'one-pause')).toMatchObject({ status: 202, body: paused[0]?.body as object });
  });
});

describe('an outcome that the spec leaves to a person', () => {
  it('waits and says so on the record, in Temporal and by an alarm, until it is advanced', async () => {
    await apply({ ...MEASURED, outcomes: { better: 'hold' } });
    await request(4);
    await awaitRelease(18, ({ stage }) => stage === 'shadow');
    const waiting = await held(18);
    expect(waiting).toMatchObject({ stage: 'shadow', outcome: null, reason: expect.stringMatching(/better on the same rows.*leaves it to a person/) as string });
    const [alarm] = await eventually(async () => ((await openAlarms('releaseHeld'))[0]?.delivery.deliveredAt ? openAlarms('releaseHeld') : undefined), () => 'the alarm to arrive');
    expect(alarm).toMatchObject({ severity: 'warning', subject: 'release/18', summary: expect.stringContaining('`perennial advance shop 18` or `perennial abort shop 18`') as string });
    // Shown a moment after it is on the record.
    await vi.waitFor(async () => expect(await details(4)).toMatch(/better on the same rows[^]*\*\*Waits for a person\*\*: `perennial advance shop 18`/), { timeout: 20_000 });
    await steer(18, 'advance');
    await awaitRelease(18, ({ stage }) => stage === 'canary');
    await eventually(async () => ((await openAlarms('releaseHeld')).length === 0 ? true : undefined), () => 'the alarm to end');
    await steer(18, 'abort');
    await ended(18);
  });

  it('waits when nothing was decided in time, until it is aborted', async () => {
    await apply({ ...MEASURED, shadow: { ...MEASURED.shadow, minimumTime: 'PT1H', maximumTime: 'PT2H' } });
    await request(4);
    await awaitRelease(19, ({ stage }) => stage === 'shadow');
    expect(await held(19)).toMatchObject({ outcome: null, reason: expect.stringMatching(/Nothing is decided/) as string });
    await eventually(async () => ((await openAlarms('releaseHeld')).length === 1 ? true : undefined), () => 'the alarm');
    await steer(19, 'abort');
    expect(await ended(19)).toMatchObject({ outcome: 'aborted' });
    expect(await openAlarms('releaseHeld')).toEqual([]);
    expect(await routing()).toMatchObject({ champion: 1, challengers: [] });
  });
});

describe('a champion that nothing can take the place of', () => {
  const asked = { type: 'urn:perennial:NoRollbackTarget', status: 409, champion: 3, deployment: 'default' };

  it('stays when a person wants it back, who is told why, and a critical alarm is delivered', async () => {
    const rollout = { ...MEASURED, guards: { ...MEASURED.guards, maximumOutputShift: 0.02 }, watch: { time: 'P60D' } };
    await apply(rollout);
    await request(3);
    await advance(20, ['canary', 'watch']);
    await perennial.apply(smallSpec({ model: MODEL, gates: AUC, parameters: STRONG, rollout, features: OTHER_FEATURES }));
    expect(await command('rollbacks', { reason: 'complaints' })).toMatchObject({ status: 409, body: { ...asked, detail: expect.stringMatching(/version 1: it takes 3 features, and the spec in force has 1/) as string } });
    expect((await steer(20, 'abort')).body).toMatchObject({ ...asked, detail: expect.stringMatching(/cannot be aborted in its watch/) as string });
    const [alarm, ...more] = await eventually(async () => ((await openAlarms('noRollbackTarget'))[0]?.delivery.deliveredAt ? openAlarms('noRollbackTarget') : undefined), () => 'the alarm to arrive');
    expect(alarm).toMatchObject({ severity: 'critical', subject: 'deployment/default', summary: expect.stringContaining('Version 3 stays in service') as string });
    expect(more).toEqual([]);
    expect(await release(20)).toMatchObject({ stage: 'watch', outcome: null, requested: null });
    // A number that was mistyped is no emergency.
    expect(await command('rollbacks', { toVersion: 99, reason: 'mistyped' })).toMatchObject({ status: 409, body: { type: 'urn:perennial:NoRollbackTarget' } });
  });

  it('stays when its watch sees a breach, once on the record with the measurement, and goes back when a version fits again', async () => {
    const waiting = await traffic.until(async () => {
      const now = await release(20);
      return now.latest?.action === 'wait-for-person' && now.steps.at(-1)?.action === 'no-rollback-target' ? now : undefined;
    });
    expect(waiting).toMatchObject({ stage: 'watch', outcome: null, reason: expect.stringMatching(/cannot be taken back/) as string });
    const alarm = await eventually(async () => (await openAlarms('noRollbackTarget')).find(({ subject, delivery }) => subject === 'release/20' && delivery.deliveredAt !== null), () => 'the alarm of the watch');
    expect(alarm).toMatchObject({ severity: 'critical', summary: expect.stringMatching(/should be taken back, and stays in service.*`perennial advance shop 20`/) as string });
    await vi.waitFor(async () => expect(await details(3)).toMatch(/cannot be taken back[^]*\*\*Waits for a person\*\*: make an earlier version fit/), { timeout: 20_000 });
    expect(await routing()).toMatchObject({ champion: 3, challengers: [1] });
    const looked = waiting.latest?.at;
    await traffic.until(async () => ((await release(20)).latest?.at === looked ? undefined : true));
    const { steps } = await release(20);
    expect(steps.filter(({ action }) => action === 'no-rollback-target')).toMatchObject([{ stage: 'watch', measurementDigest: expect.stringMatching(/^sha256:/) as string }]);
    await apply(MEASURED);
    expect(await ended(20)).toMatchObject({ outcome: 'rolled-back' });
    await eventually(async () => ((await routing())['champion'] === 1 ? true : undefined), () => 'the version before');
    await eventually(async () => ((await openAlarms('noRollbackTarget')).length === 0 ? true : undefined), () => 'both alarms to end');
    expect((await request(3)).body).toMatchObject({ type: 'urn:perennial:VersionUnfit' });
    await eventually(async () => ((await openAlarms('rolledBack')).length === 1 ? true : undefined), () => 'the alarm of what was taken back');
    await apply(BY_HAND);
    await request(4);
    await advance(21, ['canary', 'watch']);
    expect(await openAlarms('rolledBack')).toEqual([]);
  });
});

describe('a comparison whose outcome the spec leaves to a person', () => {
  it('keeps a worse version in its stage, each time it is advanced, until it is aborted', async () => {
    await steer(21, 'advance');
    expect(await ended(21)).toMatchObject({ outcome: 'promoted' });
    expect(await routing()).toMatchObject({ champion: 4 });
    await apply({ ...MEASURED, outcomes: { worse: 'hold' } });
    await request(1);
    await awaitRelease(22, ({ stage }) => stage === 'shadow');
    expect(await held(22)).toMatchObject({ stage: 'shadow', outcome: null, reason: expect.stringMatching(/is worse on the same rows.*leaves it to a person/) as string });
    await eventually(async () => ((await openAlarms('releaseHeld')).length === 1 ? true : undefined), () => 'the alarm');
    await steer(22, 'advance');
    await awaitRelease(22, ({ stage }) => stage === 'canary');
    expect(await routing()).toMatchObject({ champion: 4, challengers: [1], weights: { 1: 50 } });
    expect(await held(22, 'canary')).toMatchObject({ reason: expect.stringMatching(/is worse on the same rows/) as string });
    await steer(22, 'abort');
    expect(await ended(22)).toMatchObject({ outcome: 'aborted' });
    const [version] = await perennial.registry.query('SELECT unfit_reason FROM model_version WHERE model = $1 AND number = 1', [MODEL]);
    expect(version).toEqual({ unfit_reason: null });
    expect(await routing()).toMatchObject({ champion: 4, challengers: [], weights: {} });
    expect(await openAlarms('releaseHeld')).toEqual([]);
  });

  it('holds a version that is not worse in its shadow, and lets it into the canary when it is advanced', async () => {
    await apply({ ...MEASURED, comparison: { ...MEASURED.comparison, margin: 0.2 }, outcomes: { better: 'hold', notWorse: 'hold' } });
    await request(5);
    await awaitRelease(23, ({ stage }) => stage === 'shadow');
    expect(await held(23)).toMatchObject({ stage: 'shadow', outcome: null, reason: expect.stringMatching(/is not worse on the same rows.*margin 0\.2.*leaves it to a person/) as string });
    await eventually(async () => ((await openAlarms('releaseHeld'))[0]?.subject === 'release/23' ? true : undefined), () => 'the alarm');
    await steer(23, 'advance');
    await awaitRelease(23, ({ stage }) => stage === 'canary');
    await eventually(async () => ((await openAlarms('releaseHeld')).length === 0 ? true : undefined), () => 'the alarm to end');
    await steer(23, 'abort');
    await ended(23);
  });
});
