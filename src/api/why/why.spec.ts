import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../../test/registry-server.js';
import { smallUseCase } from '../../../test/small-model.js';
import { whyPage } from '../../cli/why-page.js';
import { RecordedTerminal } from '../../cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../config/environment.js';
import { anyFreePort } from '../../embedded/ports.js';
import { AuditLedger } from '../../registry/audit-ledger.js';
import { SetUpLookRecord } from '../../registry/entities/go-live.entity.js';
import { ExplanationsRepository } from '../../registry/explanations.repository.js';
import { FindingsRepository } from '../../registry/findings.repository.js';
import { PeopleRepository } from '../../registry/people.repository.js';
import { ModelCourse } from '../../registry/testing/model-course.js';
import { type RunningApi, startApi } from '../api.js';
import type { AuditListAnswer } from '../audit/audit.dto.js';
import { type WhyAnswer, whySchema } from './why.dto.js';

const MODEL = 'explained';

let registry: RegistryServer;
let api: RunningApi;
let key: string;
let course: ModelCourse;
/** When each champion had come. */
const after: Record<'gate' | 'trigger' | 'release' | 'rollback', string> = { gate: '', trigger: '', release: '', rollback: '' };
let canary: Date;
let alarm: string;

beforeAll(async () => {
  registry = await startRegistryServer();
  key = await registry.apiKey('auditor');
  for (const person of ['ann', 'bob', 'cora']) await registry.apiKey(person);
  api = await startApi(readEnvironment({
    DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: join(registry.folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'error',
  }), { outcomeTimeoutMs: 100 });
  course = new ModelCourse(registry.dataSource, MODEL);
  await course.register('ann');
  await course.promote(await course.trained('ann', 'the first one'), 'ann');
  after.gate = course.now().toISOString();
  await course.promote(await course.triggered('harmfulDrift', 'losses rose with temperature'), 'perennial');
  after.trigger = course.now().toISOString();
  const release = await course.shadowed(await course.trained('bob', 'spring'), 'bob', 'the spring candidate');
  canary = course.now();
  await course.released(release, { samples: 1_200, missingLabels: 30, gain: 0.01, low: 0.004, high: 0.016, outcome: 'better' });
  after.release = course.now().toISOString();
  alarm = await course.alarmed('The loss has doubled.');
  await course.assessed('fail');
  await course.assessed('pass');
  await course.rolledBack(2, 'cora', 'too many false alarms');
  after.rollback = course.now().toISOString();
}, 120_000);

afterAll(async () => {
  await api?.close();
  await registry?.stop();
}, 60_000);

const call = async <T>(path: string): Promise<{ status: number; body: T }> => {
  const answer = await fetch(api.url + path, { headers: { authorization: `Bearer ${key}` } });
  return { status: answer.status, body: (await answer.json()) as T };
};

async function why(at?: string): Promise<WhyAnswer> {
  const { status, body } = await call<WhyAnswer>(`/v1/models/${MODEL}/why${at === undefined ? '' : `?at=${at}`}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return whySchema.parse(body);
}

/** Whatever the lines are. */
const pageOf = (answer: WhyAnswer): string => whyPage(new RecordedTerminal(), answer).replaceAll(/\s+/g, ' ');

describe('why a version answered', () => {
  it('is told of a first promotion by its gate, at a time in between', async () => {
    const answer = await why(after.gate);
    expect(answer).toMatchObject({
      version: 1, epoch: 1, role: 'champion', cameBy: 'gate', replaced: null, replacedBy: 2, release: null, rollback: null, change: { reason: 'promotion', actor: 'ann' },
      retraining: { number: 1, requestedBy: 'ann', reason: 'the first one', trigger: 'request', decision: null, outcome: 'promoted' },
      spec: { appliedBy: 'ann' }, inventory: { registeredBy: 'ann', tier: 'low' },
      lineage: { version: 1, data: { train: { rows: 10 }, source: { files: [{ name: 'flights/a.parquet' }] } }, training: { seed: 7, parameters: { rounds: 1 } }, evaluation: { verdict: 'pass', championVersion: null } },
    });
    expect(answer.since < after.gate && answer.until !== null && answer.until > after.gate).toBe(true);
    expect(answer.spec.digest).toBe(answer.lineage.specDigest);
    expect(answer.sinceThen.changes.items.map(({ version }) => version)).toEqual([2, 3, 2]);
    expect(pageOf(answer)).toMatch(/It was the first, and answered until .* when version 2 took its place\./);
  });

  it('is told of a retrain that monitoring decided on, with the decision and its window', async () => {
    const answer = await why(after.trigger);
    expect(answer).toMatchObject({
      version: 2, cameBy: 'gate', replaced: 1, retraining: { trigger: 'harmfulDrift', requestedBy: 'perennial', decision: { because: 'losses rose with temperature', window: { revision: 1 } } },
      lineage: { evaluation: { championVersion: 1, comparison: { gain: { value: 0.02, low: 0.01, high: 0.03 } } } },
    });
    expect(answer.entries.map(({ action }) => action)).toContain('retraining.decided');
    const page = pageOf(answer);
    expect(page).toContain('monitoring decided on (harmfulDrift)');
    expect(page).toContain('it gained +0.0200 [+0.0100, +0.0300] in auc over version 1');
  });

  it('is told of a release, with its steps and what it was decided on, and with what came after', async () => {
    const answer = await why(after.release);
    expect(answer).toMatchObject({
      version: 3, cameBy: 'release', replaced: 2, replacedBy: 2, promotion: { epoch: 3 },
      release: { number: 1, requestedBy: 'bob', reason: 'the spring candidate', champion: 2, outcome: 'promoted', decidedOn: { comparison: { outcome: 'better' } }, comparisons: [{ analysis: 1, phase: 'rollout', standing: { blocks: 2, gain: 0.01 } }] },
      sinceThen: {
        alarms: { total: 1, items: [{ id: alarm, endedAt: null }] }, rollbacks: { total: 1, items: [{ fromVersion: 3, toVersion: 2, requestedBy: 'cora', outcome: 'done' }] },
        windows: { all: { pass: 1, fail: 1, inconclusive: 0 }, own: { pass: 1, fail: 1, inconclusive: 0 }, worst: { verdict: 'fail', harm: false, findings: ['half of the temperatures are missing'] } },
      },
    });
    expect(answer.release?.steps.map(({ action }) => action)).toEqual(['request', 'begin', 'promote', 'promoted']);
    const page = pageOf(answer);
    expect(page).toContain('1,200 pairs with a label had been compared: mean loss lower by +0.0100 [+0.0040, +0.0160], which is better; 30 more had no label.');
    expect(page).toContain('2 windows have been assessed since (1 passed, 1 failed, 0 inconclusive), all of them answered by version 3.');
  });

  it('is told of a rollback, and how the version had been promoted before', async () => {
    const answer = await why();
    expect(answer).toMatchObject({ version: 2, epoch: 4, until: null, replacedBy: null, cameBy: 'rollback', promotion: { epoch: 2, version: 2 }, rollback: { requestedBy: 'cora', reason: 'too many false alarms', fromVersion: 3 }, retraining: { trigger: 'harmfulDrift' } });
    expect(answer.entries.map(({ action }) => action)).toEqual(expect.arrayContaining(['rollback.requested', 'rollback.done']));
    expect(answer.entries.filter(({ action }) => action === 'champion.changed')).toHaveLength(2);
    expect(pageOf(answer)).toContain('cora rolled version 3 back');
  });

  it('names audit entries that are on the list, each once and in their order', async () => {
    const { body: { items } } = await call<AuditListAnswer>(`/v1/models/${MODEL}/audit?limit=500`);
    const known = new Map(items.map((entry) => [entry.id, entry]));
    for (const at of Object.values(after)) {
      const answer = await why(at);
      const ids = answer.entries.map(({ id }) => id);
      expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
      expect(answer.entries.map(({ id }) => known.get(id))).toMatchObject(answer.entries);
      const { changes, rollbacks, releases, retrains, alarms, quarantines, retirements } = answer.sinceThen;
      const since = [...changes.items, ...rollbacks.items, ...releases.items, ...retrains.items, ...alarms.items, ...quarantines.items, ...retirements.items];
      for (const { entries } of since) expect(entries.length).toBeGreaterThan(0);
      expect(since.flatMap(({ entries }) => entries).every((id) => known.has(id))).toBe(true);
      const told = answer.entries.find(({ action, at: when }) => action === 'champion.changed' && when === answer.change.changedAt);
      expect(known.get(told?.id as number)?.details).toMatchObject({ version: answer.version, epoch: answer.epoch });
      expect(new Set(answer.entries.map(({ action }) => action))).toEqual(expect.objectContaining(new Set(['spec.applied', 'retrain.requested', 'snapshot.taken', 'training.finished', 'version.created', 'version.judged'])));
    }
  });

  it.each([
    ['a time before the first champion', `${MODEL}/why?at=2025-12-31`, 404, /the first champion came at 2026-01-01T/],
    ['a time to come', `${MODEL}/why?at=2199-01-01`, 400, /still to come/],
    ['no time', `${MODEL}/why?at=yesterday`, 400, /ISO 8601/],
    ['an unknown parameter', `${MODEL}/why?when=2026-01-01`, 400, /query\.when/],
    ['an unknown deployment', `${MODEL}/why?deployment=mars`, 404, /no deployment "mars"; it has default/],
    ['an unknown model', 'nobody/why', 404, /perennial apply/],
  ])('is refused for %s', async (_, path, status, says) => {
    const answer = await call<{ detail: string }>(`/v1/models/${path}`);
    expect(answer.status).toBe(status);
    expect(answer.body.detail).toMatch(says);
  });

  it('lists the findings that were open then, with what became of them', async () => {
    const findings = new FindingsRepository(registry.dataSource, new AuditLedger(registry.dataSource));
    const origin = { workflowId: null, runId: null };
    await registry.dataSource.transaction(async (manager) => {
      const found = { model: MODEL, version: 2, source: 'validation', severity: 'medium', title: 'Winter was not tried', evidenceNeeded: 'A test on January', owner: 'ann', dueAt: new Date('2026-06-01'), openedBy: 'bob', commandId: null, at: new Date(after.trigger) } as const;
      const number = await findings.open(manager, found, origin);
      await findings.close(manager, { model: MODEL, number }, { closedBy: 'cora', evidence: 'January holds', artifactDigest: null, commandId: null, at: new Date(after.release) }, origin);
    });
    const answer = await why(after.trigger);
    expect(answer.findings).toMatchObject([{ number: 1, version: 2, severity: 'medium', title: 'Winter was not tried', owner: 'ann', closed: { by: 'cora', at: after.release } }]);
    expect(pageOf(answer)).toMatch(/What was found wrong .*1 medium ann .*by cora .*Winter was not tried/);
    expect([(await why(after.gate)).findings, (await why(after.release)).findings, (await why()).findings]).toEqual([[], [], []]);
    expect(pageOf(await why())).toContain(`No finding of ${MODEL} was open`);
  });

  it('tells of the owner and the tier as they were, whatever was applied and whoever left since', async () => {
    const moved = new ModelCourse(registry.dataSource, 'moved');
    const people = new PeopleRepository(registry.dataSource, new AuditLedger(registry.dataSource));
    const spec = (owner: string, tier: string) => (source: string): string => source.replace(/^owner: .*$/m, `owner: ${owner}`).replace(/^tier: .*$/m, `tier: ${tier}`);
    const told: [string, object][] = [];
    const toldNow = (owner: string, tier: string): unknown => told.push([moved.now().toISOString(), { owner, tier, registeredBy: 'ann' }]);
    await moved.register('ann', spec('ann', 'low'));
    await moved.promote(await moved.trained('ann', 'the first one'), 'ann');
    toldNow('ann', 'low');
    await moved.register('bob', spec('bob', 'medium'));
    toldNow('bob', 'medium');
    await people.change({ actor: 'cora', idempotencyKey: 'bob-leaves', change: { kind: 'replace', name: 'bob', by: 'ann', reason: 'he left' } }, moved.next());
    toldNow('ann', 'medium');
    await moved.register('ann', spec('bob', 'medium'));
    toldNow('ann', 'medium');
    await moved.register('ann', spec('cora', 'low'));
    toldNow('cora', 'low');
    for (const [at, inventory] of told) expect((await call<WhyAnswer>(`/v1/models/moved/why?at=${at}`)).body.inventory, at).toMatchObject(inventory);
    expect((await call<WhyAnswer>('/v1/models/moved/why')).body.inventory).toMatchObject({ owner: 'cora', tier: 'low' });
    expect(pageOf((await call<WhyAnswer>(`/v1/models/moved/why?at=${told[1]![0]}`)).body)).toContain('Risk tier medium; owner bob;');
  });

  it('names the challenger that answered a share at the time, and none before and after', async () => {
    const answer = await why(canary.toISOString());
    expect(answer).toMatchObject({ version: 2, role: 'champion', alsoAnswered: [{ version: 3, percent: 20, release: 1, step: 0, since: canary.toISOString(), link: `/v1/models/${MODEL}/releases/1` }] });
    expect(pageOf(answer)).toContain('version 3 answered 20 % of the entities as the challenger of release 1, whose canary step 1 had begun at');
    const before = await why(new Date(canary.getTime() - 1).toISOString());
    expect(before).toMatchObject({ version: 2, alsoAnswered: [] });
    expect(pageOf(before)).not.toContain('of the entities');
    for (const at of [after.trigger, after.release, undefined]) expect((await why(at)).alsoAnswered).toEqual([]);
  });

  it('ends with the retirement that stopped the model, and lists those that were called off', async () => {
    const leaving = new ModelCourse(registry.dataSource, 'leaving');
    await leaving.register('ann');
    await leaving.promote(await leaving.trained('ann', 'the first one'), 'ann');
    const first = leaving.now().toISOString();
    await leaving.promote(await leaving.trained('ann', 'the second one'), 'ann');
    for (const name of ['otto', 'olga']) await registry.apiKey(name, ['owner']);
    await leaving.retiring('otto', ['withdrawn']);
    const of = async (at?: string): Promise<WhyAnswer> => whySchema.parse((await call(`/v1/models/leaving/why${at === undefined ? '' : `?at=${at}`}`)).body);
    const still = await of();
    expect(still).toMatchObject({ version: 2, until: null, stoppedBy: null, sinceThen: { retirements: { total: 1, items: [{ number: 1, state: 'withdrawn', stoppedAt: null, reason: 'nobody asks', requestedBy: 'otto', link: '/v1/models/leaving/retirement' }] } } });
    expect(pageOf(still)).toMatch(/and answers still\..*asked for retirement 1 \(unused\): “nobody asks”\. It is withdrawn\./);
    await leaving.retiring('olga', ['approved']);
    expect(await of()).toMatchObject({ until: null, sinceThen: { retirements: { total: 2, items: [{}, { number: 2, state: 'deprecated' }] } } });

    await leaving.retiring('olga', ['approved', 'stopped']);
    const stopped = leaving.now();
    const moment = stopped.toISOString();
    const before = await of(new Date(stopped.getTime() - 1).toISOString());
    expect(before).toMatchObject({ version: 2, until: moment, replacedBy: null, stoppedBy: 3, sinceThen: { retirements: { total: 3, items: [{}, {}, { number: 3, state: 'retiring', stoppedAt: moment }] } } });
    expect(before.entries.filter(({ action }) => action.startsWith('retirement.'))).toMatchObject([{ action: 'retirement.stopped', subject: 'retirement/3', at: moment }]);
    expect(before.sinceThen.retirements.items.every(({ entries }) => entries.length > 1)).toBe(true);
    expect(pageOf(before)).toMatch(/answered until .*, when retirement 3 of leaving stopped it\..*It stopped the model at .*: nobody answers since\./);
    expect(await of(first)).toMatchObject({ version: 1, until: before.since, replacedBy: 2, stoppedBy: null, sinceThen: { retirements: { total: 3 } } });
    expect((await new ExplanationsRepository(registry.dataSource).ofAnswer('leaving', 'default', 2, 2))).toMatchObject({ next: null, stopped: { number: 3, at: stopped } });
    for (const at of ['', `?at=${moment}`]) {
      const nobody = await call<{ detail: string }>(`/v1/models/leaving/why${at}`);
      expect(nobody).toMatchObject({ status: 404, body: { retirement: 3, stoppedAt: moment, lastVersion: 2 } });
      expect(nobody.body.detail).toContain(`retirement 3 stopped it at ${moment}`);
    }
  });

  it('names the approval that let the retrain begin, whatever was approved or looked at later', async () => {
    const approved = new ModelCourse(registry.dataSource, 'approved');
    await approved.register('ann', (source) => `${source}\nuseCase: ${JSON.stringify(smallUseCase())}\n`);
    await approved.useCase('ann', 'rejected');
    const given = await approved.useCase('ann', 'approved');
    const version = await approved.trained('ann', 'the first one');
    const look = async (number: number, deployment: string, at: Date): Promise<void> => {
      await registry.dataSource.manager.insert(SetUpLookRecord, { model: 'approved', version, number, deployment, specDigest: approved.specDigest, criteria: [{ name: 'runbook', state: 'met', explanation: `look ${number}` }], ready: true, at });
    };
    await look(1, 'default', approved.next());
    await look(2, 'elsewhere', approved.next());
    await approved.promote(version, 'ann');
    await look(3, 'default', approved.next());
    const then = approved.now().toISOString();
    await approved.useCase('bob', 'approved');
    const answer = whySchema.parse((await call(`/v1/models/approved/why?at=${then}`)).body);
    expect(answer.approval).toMatchObject({ number: given, outcome: 'approved' });
    expect(answer.goLive?.setUp?.criteria).toMatchObject([{ explanation: 'look 1' }]);
    const next = await approved.trained('ann', 'the next one');
    await approved.promote(next, 'ann');
    expect((await call<WhyAnswer>('/v1/models/approved/why')).body.approval).toMatchObject({ number: given + 1 });
  });

  it('has nothing to tell of a model that nothing serves', async () => {
    await new ModelCourse(registry.dataSource, 'unserved').register('ann');
    expect(await call('/v1/models/unserved/why')).toMatchObject({ status: 404, body: { detail: expect.stringMatching(/perennial retrain unserved/) as string } });
  });
});

describe('an answer of a version', () => {
  const explanations = (): ExplanationsRepository => new ExplanationsRepository(registry.dataSource);

  it('is explained by its epoch, also where it was the challenger of a release', async () => {
    expect(await explanations().ofAnswer(MODEL, 'default', 3, 3)).toMatchObject({ role: 'champion', change: { epoch: 3 }, course: { release: { number: 1 } } });
    const challenged = await explanations().ofAnswer(MODEL, 'default', 2, 3);
    expect(challenged).toMatchObject({ role: 'challenger', change: { epoch: 2, version: 2 }, promotion: null, course: { release: { number: 1, epoch: 2, beganAt: canary } } });
    expect((await explanations().ofAnswer(MODEL, 'default', 2, 2, canary))?.alsoAnswered).toMatchObject([{ version: 3 }]);
    expect((await explanations().ofAnswer(MODEL, 'default', 2, 3, canary))?.alsoAnswered).toEqual([]);
    expect(await explanations().ofAnswer(MODEL, 'default', 99, 3)).toBeNull();
    expect(await explanations().ofAnswer(MODEL, 'default', 2, 99)).toBeNull();
    expect(await explanations().ofAnswer('nobody', 'default', 1, 1)).toBeNull();
  });

  it('is read at one moment, however fast champions change meanwhile', async () => {
    const moving = new ModelCourse(registry.dataSource, 'moving');
    await moving.register('ann');
    const versions: number[] = [];
    for (const reason of ['one', 'two']) {
      versions.push(await moving.trained('ann', reason));
      await moving.promote(versions.at(-1) as number, 'ann');
    }
    let done = false;
    const changes = (async () => {
      for (let epoch = 2; epoch < 80; epoch += 1) {
        const move = { model: 'moving', deployment: 'default', expectedEpoch: epoch, version: versions[epoch % 2] as number, reason: 'promotion', actor: 'ann' } as const;
        await moving.routing.moveChampion(move, moving.next(), { workflowId: `w/${epoch}`, runId: 'r' });
      }
      done = true;
    })();
    const seen = new Set<number>();
    while (!done) {
      const { change, next, since } = await explanations().ofTime('moving', 'default', null);
      seen.add(change.epoch);
      expect([next, since.changes.total]).toEqual([null, 0]);
    }
    await changes;
    expect(seen.size).toBeGreaterThan(3);
  });
});
