import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import { PerennialError } from '../contracts/failures.js';
import { RETIREMENT_CALLED_OFF } from '../contracts/retirements.js';
import { maturityFactsOf, sweepFactsOf } from '../lifecycle/inventory-facts.js';
import { judgeZombie } from '../lifecycle/sweep-rules.js';
import { AuditLedger } from './audit-ledger.js';
import { FindingsRepository } from './findings.repository.js';
import { InventoryImportsRepository, type NewInventoryEntry } from './inventory-imports.repository.js';
import { type InventoryQuery, InventoryRepository, type InventoryRecord } from './inventory.repository.js';
import { SweepsRepository } from './sweeps.repository.js';
import { ModelCourse } from './testing/model-course.js';

const NOW = new Date('2026-02-01T00:00:00.000Z');
const LIMITS = { unmonitoredMs: 1, idleMs: 1 };
const ORIGIN = { workflowId: 'inventory-sweep', runId: 'run' };

let registry: RegistryServer;
let inventory: InventoryRepository;
let imports: InventoryImportsRepository;

beforeAll(async () => {
  registry = await startRegistryServer();
  const { dataSource } = registry;
  inventory = new InventoryRepository(dataSource);
  imports = new InventoryImportsRepository(dataSource, new AuditLedger(dataSource));
  for (const name of ['ann', 'gone', 'elsewhere']) await registry.apiKey(name, ['auditor'], 'person');
  await registry.apiKey('ada', ['administrator']);
  await registry.apiKey('course', ['owner'], 'person');
  await registry.asOwner((owner) => owner.query("UPDATE principal SET active = false WHERE name = 'gone'"));
});

afterAll(() => registry?.stop());

const entry = (name: string, line: number, said: Partial<NewInventoryEntry> = {}): NewInventoryEntry =>
  ({ name, line, owner: null, tier: null, environment: null, endpoint: null, source: null, monitoring: null, description: null, state: 'active', ...said });
const bring = (entries: readonly NewInventoryEntry[], idempotencyKey: string, actor = 'ada') => imports.take({ actor, idempotencyKey, entries }, NOW);
const list = (query: Partial<InventoryQuery> = {}): Promise<InventoryRecord[]> => inventory.list({ models: null, ...query }, NOW);
const names = async (query: Partial<InventoryQuery> = {}): Promise<string[]> => (await list(query)).map(({ model }) => model);
const grant = (principal: string, model: string): Promise<unknown> =>
  registry.asOwner((owner) => owner.query("INSERT INTO role_grant (id, principal, role, model, granted_by, granted_at) VALUES (gen_random_uuid(), $1, 'owner', $2, 'test', now())", [principal, model]));

describe('an import', () => {
  it('adds what is new, a revision of what is said otherwise, and nothing of what is said again', async () => {
    const [churn, pricing] = [entry('import-churn', 2, { owner: 'risk', endpoint: 'https://a' }), entry('import-pricing', 3)];
    expect((await bring([churn, pricing], 'first')).import).toMatchObject({ number: 1, added: 2, changed: 0, unchanged: 0 });
    expect((await bring([churn, pricing], 'second')).import).toMatchObject({ number: 2, added: 0, changed: 0, unchanged: 2 });
    expect((await bring([{ ...pricing, line: 2 }, { ...churn, line: 3, owner: 'sales' }], 'third')).import).toMatchObject({ number: 3, added: 0, changed: 1, unchanged: 1 });
    const kept = await registry.dataSource.query<unknown[]>("SELECT name, revision, owner, import, line FROM inventory_entry WHERE name LIKE 'import-%' ORDER BY name, revision");
    expect(kept).toEqual([
      { name: 'import-churn', revision: 1, owner: 'risk', import: 1, line: 2 }, { name: 'import-churn', revision: 2, owner: 'sales', import: 3, line: 3 },
      { name: 'import-pricing', revision: 1, owner: null, import: 1, line: 3 },
    ]);
    expect((await inventory.get('import-churn', NOW)).imported).toMatchObject({ revision: 2, owner: 'sales', importedBy: 'ada', importedAt: NOW });
  });

  it('is on the record: the file, and each revision under its model', async () => {
    const told = await registry.dataSource.query<{ action: string; actor: string; model: string | null; subject: string }[]>("SELECT action, actor, model, subject FROM audit_entry WHERE action LIKE 'inventory.%' ORDER BY id");
    expect(told.map(({ action, subject }) => `${action} ${subject}`)).toEqual([
      'inventory.recorded inventory/import-churn/1', 'inventory.recorded inventory/import-pricing/1', 'inventory.imported inventory/import/1', 'inventory.imported inventory/import/2',
      'inventory.recorded inventory/import-churn/2', 'inventory.imported inventory/import/3',
    ]);
    expect(told[0]).toMatchObject({ actor: 'ada', model: 'import-churn' });
  });

  it('is taken once under its key, which is good for no other file', async () => {
    const before = await bring([entry('import-once', 2)], 'once');
    expect((await bring([entry('import-once', 2)], 'once')).import).toEqual(before.import);
    await expect(bring([entry('import-other', 2)], 'once')).rejects.toMatchObject({ type: 'IdempotencyKeyReused' });
    expect(await names({ models: ['import-other'] })).toEqual([]);
  });

  it('takes the right for it at the moment at which it takes effect', async () => {
    await expect(bring([entry('import-refused', 2)], 'refused', 'ann')).rejects.toMatchObject({ type: 'Forbidden', details: { permission: 'inventory.import', roles: ['administrator'] } });
    expect(await names({ models: ['import-refused'] })).toEqual([]);
  });

  it('is all of it or nothing, and of two at once one comes after the other', async () => {
    await expect(bring([entry('import-half', 2), { ...entry('import-wrong', 3), state: 'asleep' as never }], 'half')).rejects.toThrow(/inventory_entry_state/);
    expect(await names({ models: ['import-half'] })).toEqual([]);
    const both = await Promise.all(['x', 'y'].map((owner) => bring([entry('import-race', 2, { owner })], `race-${owner}`)));
    expect(both.map(({ import: { added, changed } }) => added * 10 + changed).sort()).toEqual([1, 10]);
  });

  it('is never changed', async () => {
    await registry.asOwner(async (owner) => {
      for (const statement of ["UPDATE inventory_entry SET owner = 'x'", 'DELETE FROM inventory_entry', "UPDATE inventory_import SET actor = 'x'", 'TRUNCATE inventory_import CASCADE']) await expect(owner.query(statement)).rejects.toThrow(/append-only/);
    });
  });
});

describe('the inventory', () => {
  it('links an imported model to the one that is registered under its name', async () => {
    await bring([entry('linked', 2, { owner: 'sales', tier: 'critical', endpoint: 'https://old' })], 'linked');
    expect(await inventory.get('linked', NOW)).toMatchObject({ registered: false, stage: 'unregistered', owner: 'sales', tier: 'critical', deployments: [], versions: 0, openFindings: 0 });
    await new ModelCourse(registry.dataSource, 'linked').register('course');
    expect(await inventory.get('linked', NOW)).toMatchObject({
      registered: true, stage: 'development', owner: 'operations-planning', tier: 'low', imported: { owner: 'sales', endpoint: 'https://old' }, deployments: [{ deployment: 'default', champion: null }],
    });
  });

  it('tells of a model what it came from, where it stands and what it did', async () => {
    const course = new ModelCourse(registry.dataSource, 'lived');
    await course.register('course');
    const first = await course.trained('course', 'the first');
    await course.promote(first, 'perennial');
    const { assessedAt } = await course.assessed('pass');
    const second = await course.triggered('performance', 'it got worse');
    await course.promote(second, 'perennial');
    await course.rolledBack(first, 'course', 'a drill');
    const found = await inventory.get('lived', NOW);
    expect(found).toMatchObject({
      stage: 'production', versions: 2, newest: { version: second, retrain: 2 }, assessedVerdict: 'fail', retrainedByItself: true, rolledBack: true, useCase: null, useCaseApproved: false, predictedAt: null, lastReviewAt: null,
      sourcePaths: ['flights/*.parquet'], gatewayUrl: null,
    });
    expect(found.assessedAt!.getTime()).toBeGreaterThan(assessedAt.getTime());
    expect(found.deployments).toEqual([{
      deployment: 'default', since: expect.any(String) as string, verdict: 'pass', validation: null, vote: null, servingSince: expect.any(String) as string, assessedAt: expect.any(String) as string, predictedAt: null,
      champion: { version: first, retrain: 1, specDigest: found.specDigest, snapshotDigest: expect.stringMatching(/^sha256:/) as string, artifactDigest: expect.stringMatching(/^sha256:/) as string, codeDigest: expect.stringMatching(/^sha256:/) as string, createdAt: expect.any(String) as string },
    }]);
    expect(found.firstChampionAt!.getTime()).toBeGreaterThan(found.firstSpecAt!.getTime());
  });

  it('says a retrain that nobody triggered, and a way back that nobody went, are none', async () => {
    const course = new ModelCourse(registry.dataSource, 'manual');
    await course.register('course');
    await course.promote(await course.trained('course', 'by hand'), 'perennial');
    expect(await inventory.get('manual', NOW)).toMatchObject({ retrainedByItself: false, rolledBack: false, stage: 'production' });
  });

  it('counts answers of gateways and of files', async () => {
    const tally = (requests: number, at: string): Promise<unknown> => registry.dataSource.query(
      "INSERT INTO serving_tally (gateway, boot, model, deployment, version, requests, rows, errors, latency, executed, dropped, failed, mirrored_latency, since, updated_at) VALUES ('g', gen_random_uuid(), 'manual', 'default', 1, $1, $1, '{}', '{}', 0, 0, 0, '{}', $2, $2)", [requests, at]);
    await tally(0, '2026-01-20T00:00:00Z');
    expect((await inventory.get('manual', NOW)).predictedAt).toBeNull();
    await tally(3, '2026-01-10T00:00:00Z');
    expect((await inventory.get('manual', NOW)).predictedAt).toEqual(new Date('2026-01-10T00:00:00Z'));
    await registry.dataSource.query("INSERT INTO source_file (model, deployment, name, stamp, digest, bytes, rows, labelled, boot, read_at) VALUES ('manual', 'default', 'a', 's', 'd', 1, 5, 0, 'b', '2026-01-15T00:00:00Z')");
    expect((await inventory.get('manual', NOW)).predictedAt).toEqual(new Date('2026-01-15T00:00:00Z'));
  });

  it('knows who of its owners is active', async () => {
    expect((await inventory.get('manual', NOW)).activeOwners).toEqual(['course']);
    await grant('gone', 'manual');
    await grant('elsewhere', 'linked');
    await grant('ann', 'manual');
    expect((await inventory.get('manual', NOW)).activeOwners).toEqual(['ann', 'course']);
    await registry.asOwner((owner) => owner.query("INSERT INTO role_revocation (grant_id, revoked_by, revoked_at) SELECT id, 'test', now() FROM role_grant WHERE principal = 'ann'"));
    expect((await inventory.get('manual', NOW)).activeOwners).toEqual(['course']);
  });

  it('misses an owner who left, whoever owns all models, and takes no service for one', async () => {
    const owners = async (): Promise<unknown> => {
      const { ownerKnown, ownerActs, activeOwners, ownersOfAll } = await inventory.get('manual', NOW);
      return { ownerKnown, ownerActs, activeOwners, ownersOfAll };
    };
    const zombie = async (): Promise<boolean | null | undefined> =>
      judgeZombie(sweepFactsOf(await inventory.get('manual', NOW), []), LIMITS, NOW.getTime()).find(({ reason }) => reason === 'noActiveOwner')?.holds;
    await registry.apiKey('nightly', ['owner'], 'service');
    expect(await owners()).toEqual({ ownerKnown: false, ownerActs: false, activeOwners: ['course'], ownersOfAll: ['course'] });
    expect(await zombie()).toBe(false);
    await registry.apiKey('operations-planning', ['auditor'], 'person');
    expect(await owners()).toEqual({ ownerKnown: true, ownerActs: true, activeOwners: [], ownersOfAll: ['course'] });
    expect(await zombie()).toBe(false);
    const set = (change: string): Promise<unknown> => registry.asOwner((owner) => owner.query(`UPDATE principal SET ${change} WHERE name = 'operations-planning'`));
    for (const change of ['active = false', "active = true, kind = 'service'"]) {
      await set(change);
      expect(await owners()).toEqual({ ownerKnown: true, ownerActs: false, activeOwners: [], ownersOfAll: ['course'] });
      expect(await zombie(), change).toBe(true);
    }
    await grant('nightly', 'manual');
    expect(await zombie()).toBe(true);
    await grant('elsewhere', 'manual');
    expect(await zombie()).toBe(false);
    await set("kind = 'person'");
  });

  it('shows what is asked for, by name, in pages', async () => {
    expect(await names({ registered: true })).toEqual(['linked', 'lived', 'manual']);
    expect(await names({ stage: 'production' })).toEqual(['lived', 'manual']);
    expect(await names({ stage: 'development' })).toEqual(['linked']);
    expect(await names({ owner: 'sales' })).toEqual(['import-churn']);
    expect(await names({ tier: 'low', after: 'linked' })).toEqual(['lived', 'manual']);
    expect(await names({ models: ['manual', 'import-churn', 'nobody'] })).toEqual(['import-churn', 'manual']);
    expect(await names({ after: 'import-once', limit: 2 })).toEqual(['import-pricing', 'import-race']);
    expect(await inventory.nextPage('', 3)).toEqual({ after: '', upTo: 'import-pricing' });
    expect(await inventory.nextPage('linked', 2)).toEqual({ after: 'linked', upTo: null });
    expect(await inventory.nextPage('manual', 2)).toBeNull();
    await expect(inventory.get('nobody', NOW)).rejects.toBeInstanceOf(PerennialError);
  });

  describe('has the stage that its record shows', () => {
    const stageOf = async (model: string): Promise<unknown> => (await inventory.get(model, NOW)).stage;
    const keep = (table: string, row: Readonly<Record<string, unknown>>): Promise<unknown> => {
      const names = Object.keys(row);
      return registry.dataSource.query(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')})`, Object.values(row));
    };

    /** A model with the rows that its stages write. */
    async function staged(model: string) {
      const course = new ModelCourse(registry.dataSource, model);
      await course.register('course');
      const digest = (await inventory.get(model, NOW)).specDigest;
      const [{ id: command }] = await registry.dataSource.query<[{ id: string }]>('SELECT id FROM command WHERE model = $1', [model]);
      const of = { model, tier: 'low', spec_digest: digest, opened_at: NOW, expires_at: new Date(NOW.getTime() + 1_000), remind_every_ms: 1 };
      return {
        course,
        asks: (number: number, kind: string) => keep('approval', { ...of, number, kind, digest, rule: {}, author: 'x', barred: {}, evidence: {}, command_id: command }),
        decides: (approval: number, outcome: string) => keep('approval_end', { model, approval, outcome, reason: 'x', at: NOW }),
        validates: (version: number) => keep('validation', { ...of, version, retrain: version, deployment: 'default' }),
        reports: (version: number) => keep('validation_report', { model, version, digest, at: NOW }),
        judges: (version: number, choice: string, round = 1) => keep('validation_decision', { model, version, round, choice, report_digest: digest, actor: 'perennial', reason: 'x', answers: {}, findings: [], at: NOW }),
        sendsBack: (version: number, number: number) => keep('stage_move', { model, number, stage: 'validation', subject: version, action: 'sendBack', actor: 'x', reason: 'x', command_id: command, at: NOW }),
        concludes: (version: number, outcome: string) => keep('validation_end', { model, version, outcome, reason: 'x', at: NOW }),
        retires: (number: number, approval: number) => keep('retirement', { model, number, approval, trigger: 'unused', reason: 'x', terms: {}, digest, spec_digest: digest, requested_by: 'x', requested_at: NOW, command_id: command }),
        steps: (number: number, step: string) => keep('retirement_step', { model, number, step, actor: 'perennial', details: {}, at: NOW }),
      };
    }

    it('useCaseApproval until its use case is approved', async () => {
      const { asks, decides } = await staged('stated');
      await asks(1, 'useCase');
      expect(await stageOf('stated')).toBe('useCaseApproval');
      await decides(1, 'approved');
      expect(await stageOf('stated')).toBe('development');
      expect((await inventory.get('stated', NOW)).useCaseApproved).toBe(true);
    });

    it('validation from the moment at which one is open, whoever it waits for, until a champion serves', async () => {
      const { course, validates, reports, judges, concludes } = await staged('validated');
      const version = await course.trained('course', 'a candidate');
      expect(await stageOf('validated')).toBe('development');
      await validates(version);
      expect(await stageOf('validated')).toBe('validation');
      expect((await list({ stage: 'validation' })).map(({ model }) => model)).toEqual(['validated']);
      await reports(version);
      await judges(version, 'conditional');
      expect(await stageOf('validated')).toBe('validation');
      await course.promote(version, 'perennial');
      const between = await inventory.get('validated', NOW);
      expect(between).toMatchObject({ stage: 'production', deployments: [{ validation: { decision: 'conditional', outcome: null, reportDigest: between.specDigest } }] });
      expect(maturityFactsOf(between, LIMITS, NOW.getTime()).validated).toBe(false);
      await concludes(version, 'promoted');
      const after = await inventory.get('validated', NOW);
      expect(after).toMatchObject({ stage: 'production', deployments: [{ validation: { decision: 'conditional', outcome: 'promoted' } }] });
      expect(maturityFactsOf(after, LIMITS, NOW.getTime()).validated).toBe(true);
    });

    it('once for each deployment, with the decision of the newest round alone, and with none where that is to come', async () => {
      const { course, validates, reports, judges, sendsBack, concludes } = await staged('reconsidered');
      const version = await course.trained('course', 'a candidate');
      await validates(version);
      await reports(version);
      await judges(version, 'conditional');
      await course.promote(version, 'perennial');
      const decisions = async (): Promise<unknown[]> => (await inventory.get('reconsidered', NOW)).deployments.map(({ deployment, validation }) => [deployment, validation?.decision]);
      expect(await decisions()).toEqual([['default', 'conditional']]);
      await sendsBack(version, 1);
      expect(await decisions()).toEqual([['default', null]]);
      await judges(version, 'approve', 2);
      await concludes(version, 'promoted');
      expect(await decisions()).toEqual([['default', 'approve']]);
    });

    it.each(['rejected', 'expired', 'voided'] as const)('development again when the validation was %s, and a champion of it counts as not validated', async (outcome) => {
      const { course, validates, concludes } = await staged(`was-${outcome}`);
      const version = await course.trained('course', 'a candidate');
      await validates(version);
      await concludes(version, outcome);
      expect(await stageOf(`was-${outcome}`)).toBe('development');
      await course.promote(version, 'perennial');
      const found = await inventory.get(`was-${outcome}`, NOW);
      expect(found.deployments[0]?.validation).toEqual({ decision: null, outcome, reportDigest: null });
      expect(maturityFactsOf(found, LIMITS, NOW.getTime()).validated).toBe(false);
    });

    it('retirement from the moment at which it is asked for, to its end, unless it is called off', async () => {
      const { asks, decides, retires, steps } = await staged('leaving');
      for (const [index, step] of RETIREMENT_CALLED_OFF.entries()) {
        const number = index + 1;
        await asks(number, 'retirement');
        await retires(number, number);
        expect(await stageOf('leaving')).toBe('retirement');
        await steps(number, step);
        expect(await stageOf('leaving'), step).toBe('development');
      }
      const last = RETIREMENT_CALLED_OFF.length + 1;
      await asks(last, 'retirement');
      await retires(last, last);
      await decides(last, 'approved');
      for (const step of ['approved', 'stopped', 'deleted']) {
        await steps(last, step);
        expect(await stageOf('leaving'), step).toBe('retirement');
      }
    });
  });
});

describe('the moments of alarms', () => {
  it('are when harm began, was told of, and when the champion changed after it; a replayed past has no beginning', async () => {
    const course = new ModelCourse(registry.dataSource, 'timed');
    await course.register('course');
    await course.promote(await course.trained('course', 'a'), 'perennial');
    const replayed = await alarmOf(course, new Date('2013-01-02T00:00:00Z'));
    await course.promote(await course.trained('course', 'b'), 'perennial');
    const live = await alarmOf(course, new Date(course.now().getTime() - 60_000));
    expect(await inventory.alarmMoments(['timed'])).toEqual([
      { model: 'timed', beganAt: null, raisedAt: replayed.raisedAt, restoredAt: expect.any(Date) as Date },
      { model: 'timed', beganAt: live.beganAt, raisedAt: live.raisedAt, restoredAt: null },
    ]);
  });

  /** An alarm of a window that ends at a time. */
  async function alarmOf(course: ModelCourse, untilEvent: Date): Promise<{ beganAt: Date; raisedAt: Date }> {
    const id = await course.alarmed(`something is wrong with ${untilEvent.toISOString()}`);
    const raisedAt = course.now();
    const window = await course.assessed('fail');
    await course.assessments.add(Object.assign(window, { fromEvent: new Date(untilEvent.getTime() - 86_400_000), untilEvent, alarmId: id, assessedAt: raisedAt }));
    return { beganAt: untilEvent, raisedAt };
  }
});

describe('a sweep', () => {
  it('looks at what is joined too, and at what is observed while a champion serves', async () => {
    const course = new ModelCourse(registry.dataSource, 'joined');
    const joined = 'joins:\n    - { name: weather, source: { path: weather/*.csv, format: csv }, on: [carrier], knownAt: known_at, columns: [gusts] }\n  features:\n    - { name: gusts, type: number }';
    await course.register('course', (source) => `${source.replace('features:', joined)}\nmonitoring: { source: { path: answered/*.parquet } }\n`);
    const paths = async (): Promise<readonly string[]> => (await inventory.get('joined', NOW)).sourcePaths;
    expect(await paths()).toEqual(['flights/*.parquet', 'weather/*.csv']);
    await course.promote(await course.trained('course', 'by hand'), 'perennial');
    expect(await paths()).toEqual(['flights/*.parquet', 'weather/*.csv', 'answered/*.parquet']);
  });

  it('lets no deployment hide behind another: each has times of its own, and one without a champion is not missed', async () => {
    const course = new ModelCourse(registry.dataSource, 'spread');
    await course.register('course');
    await course.promote(await course.trained('course', 'by hand'), 'perennial');
    await course.assessed('pass');
    const at = course.now();
    const route = (deployment: string, champion: number | null): Promise<unknown> => registry.asOwner(async (owner) => {
      await owner.query("INSERT INTO routing (model, deployment, revision, epoch, champion, challengers, weights, salt, paused, changed_at) SELECT model, $1, revision, epoch, $2, challengers, weights, salt, paused, changed_at FROM routing WHERE model = 'spread' AND deployment = 'default'", [deployment, champion]);
      if (champion !== null) await owner.query("INSERT INTO champion_change (model, deployment, epoch, revision, version, previous_version, baseline_digest, reason, actor, workflow_id, changed_at) SELECT model, $1, epoch, revision, version, previous_version, baseline_digest, reason, actor, workflow_id, changed_at - interval '10 days' FROM champion_change WHERE model = 'spread' AND deployment = 'default'", [deployment]);
    });
    await route('idle', 1);
    await route('planned', null);
    await registry.dataSource.query(
      "INSERT INTO serving_tally (gateway, boot, model, deployment, version, requests, rows, errors, latency, executed, dropped, failed, mirrored_latency, since, updated_at) VALUES ('g', gen_random_uuid(), 'spread', 'default', 1, 3, 3, '{}', '{}', 0, 0, 0, '{}', $1, $1)", [at]);
    const found = await inventory.get('spread', NOW);
    expect(found.deployments.map(({ deployment, servingSince, assessedAt, predictedAt }) => [deployment, servingSince !== null, assessedAt !== null, predictedAt !== null]))
      .toEqual([['default', true, true, true], ['idle', true, false, false], ['planned', false, false, false]]);
    const judgements = judgeZombie(sweepFactsOf(found, []), { unmonitoredMs: 5 * 86_400_000, idleMs: 5 * 86_400_000 }, at.getTime() + 60_000);
    for (const reason of ['noMonitoring', 'noTraffic']) {
      const judged = judgements.find((one) => one.reason === reason);
      expect(judged).toMatchObject({ holds: true, says: expect.stringMatching(/^In idle /) as string });
      expect(judged?.says).not.toMatch(/default|planned/);
    }
    const [within, late] = [{ unmonitoredMs: 86_400_000, idleMs: 1 }, { unmonitoredMs: 0, idleMs: 1 }];
    expect(maturityFactsOf(found, within, at.getTime()).monitored).toBe(false);
    expect(maturityFactsOf({ ...found, deployments: found.deployments.filter(({ deployment }) => deployment !== 'idle') }, within, at.getTime()).monitored).toBe(true);
    expect(maturityFactsOf({ ...found, deployments: found.deployments.slice(0, 1) }, late, at.getTime() + 15 * 86_400_000).monitored).toBe(false);
  });

  it('opens a finding once under its key, also of a model that nobody registered, and closes it with what shows it', async () => {
    const { dataSource } = registry;
    const sweeps = new SweepsRepository(dataSource, new FindingsRepository(dataSource, new AuditLedger(dataSource)), new AuditLedger(dataSource));
    const finding = {
      model: 'import-churn', version: null, source: 'sweep', severity: 'medium', title: 'Not registered', evidenceNeeded: 'Register it', owner: 'sales', dueAt: new Date('2026-01-15T00:00:00Z'), openedBy: 'perennial', commandId: null,
      at: NOW, key: 'sweep/unregistered',
    } as const;
    for (let times = 0; times < 2; times += 1) await sweeps.settle('import-churn', { open: [finding], close: [] }, ORIGIN);
    expect(await inventory.get('import-churn', NOW)).toMatchObject({ openFindings: 1, overdueFindings: 1, keyedFindings: [{ number: 1, key: 'sweep/unregistered' }] });
    const closing = { closedBy: 'perennial', evidence: 'It is registered.', artifactDigest: null, commandId: null, at: NOW };
    await sweeps.settle('import-churn', { open: [], close: [{ number: 1, closing }] }, ORIGIN);
    expect(await inventory.get('import-churn', NOW)).toMatchObject({ openFindings: 0, overdueFindings: 0, keyedFindings: [] });
    await sweeps.end({ models: 9, zombies: 1, opened: 1, closed: 1, sourcesUnknown: 0 }, NOW, ORIGIN);
    const told = await dataSource.query<{ action: string }[]>("SELECT action FROM audit_entry WHERE action LIKE 'finding.%' OR action = 'inventory.swept' ORDER BY id");
    expect(told.map(({ action }) => action)).toEqual(['finding.opened', 'finding.closed', 'inventory.swept']);
  });
});
