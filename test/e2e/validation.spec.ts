import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApprovalAnswer } from '../../src/api/approvals/approvals.dto.js';
import type { ValidationAnswer } from '../../src/api/validations/validations.dto.js';
import type { WhyAnswer } from '../../src/api/why/why.dto.js';
import { canonicalJson, sha256 } from '../../src/contracts/canonical.js';
import { RECONCILE_SCHEDULE_ID, validationWorkflowId } from '../../src/contracts/motion.js';
import { SOUNDNESS_KEYS, type ValidationReport } from '../../src/contracts/validations.js';
import { makeApiKeys } from '../../src/registry/migrate.js';
import type { Tier } from '../../src/spec/risk-tier.js';
import { type Answer, eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, smallUseCase, writeEvents } from '../small-model.js';

const PEOPLE = { ben: ['approver'], cleo: ['approver'], vera: ['validator'], vito: ['validator'], dev: ['validator', 'developer'], max: ['validator', 'approver'] } as const;
type Person = keyof typeof PEOPLE;

const CONDITION = { title: 'Few rows are red', severity: 'medium', owner: 'test-team', dueAt: '2199-01-01T00:00:00Z', evidenceNeeded: 'An evaluation on a thousand red rows' };
const ANSWERS = Object.fromEntries(SOUNDNESS_KEYS.map((key) => [key, 'As the purpose of the test asks for.']));

let perennial: Installation;
const keys = new Map<Person, string>();

beforeAll(async () => {
  // One connection a process: a transaction that waits for a second one would wait for itself.
  perennial = await Installation.start({ DATABASE_POOL: '1' });
  await writeEvents(perennial.dataDir, 'events');
  const made = await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, Object.entries(PEOPLE).map(([name, roles]) => ({ name, roles: [...roles] })));
  Object.keys(PEOPLE).forEach((name, index) => keys.set(name as Person, made[index]!));
}, 240_000);

afterAll(() => perennial?.stop());

const as = (person: Person): Record<string, string> => ({ authorization: `Bearer ${keys.get(person)}` });

const specOf = (model: string, tier: Tier, changes: Partial<Parameters<typeof smallSpec>[0]> = {}, useCase: Record<string, unknown> = {}): string =>
  smallSpec({ model, data: 'events', parameters: { rounds: 20, max_depth: 3 }, tier, ...changes, useCase: { ...smallUseCase(), regulations: ['SR 26-2'], ...useCase } });

/** A model whose use case is approved, and the version that a retrain of it makes. */
async function candidateOf(model: string, tier: Tier, changes: Partial<Parameters<typeof smallSpec>[0]> = {}, useCase: Record<string, unknown> = {}): Promise<number> {
  await perennial.apply(specOf(model, tier, changes, useCase));
  const { number, digest, outcome } = (await perennial.call<{ items: ApprovalAnswer[] }>('GET', `/v1/models/${model}/approvals`)).body.items[0]!;
  if (outcome === null) for (const person of ['ben', 'cleo'] as const) await vote(person, model, number, digest);
  return retrain(model);
}

async function retrain(model: string, week = 8): Promise<number> {
  const ended = await perennial.awaitRetrain(model, await perennial.requestRetrain(model, { asOf: asOfWeek(week) }));
  expect(ended).toMatchObject({ outcome: 'validating', reason: expect.stringContaining('Its validation decides') as string });
  return ended.version as number;
}

const vote = (person: Person, model: string, number: number, digest: string, choice = 'approve'): Promise<Answer> =>
  perennial.call('POST', `/v1/models/${model}/approvals/${number}/votes`, { choice, digest, reason: 'read and weighed' }, as(person));

const base = (model: string, version: number): string => `/v1/models/${model}/versions/${version}/validation`;
const read = async (model: string, version: number): Promise<ValidationAnswer> => (await perennial.call<ValidationAnswer>('GET', base(model, version))).body;

const standsAt = (model: string, version: number, waitsFor: ValidationAnswer['waitsFor']): Promise<ValidationAnswer> =>
  eventually(async () => {
    const one = await read(model, version);
    return one.waitsFor === waitsFor ? one : undefined;
  }, () => `the validation of ${model} to wait for ${waitsFor}`);

const decide = async (person: Person, model: string, version: number, decision: string, more: Record<string, unknown> = {}): Promise<Answer> =>
  perennial.call('POST', `${base(model, version)}/decision`, { decision, reportDigest: (await read(model, version)).reportDigest, reason: 'read the report', ...more }, as(person));

const actions = async (model: string): Promise<string[]> =>
  (await perennial.registry.query<{ action: string }[]>('SELECT action FROM audit_entry WHERE model = $1 ORDER BY id', [model])).map(({ action }) => action);
const workflow = (model: string, version: number) => perennial.temporal.workflow.getHandle(validationWorkflowId(model, version));
const champion = async (model: string): Promise<unknown> => (await perennial.call('GET', `/v1/models/${model}/champion`)).body['version'];

it('a low version is promoted by its checks alone, and every step is on record', async () => {
  const version = await candidateOf('swift', 'low');
  const ended = await standsAt('swift', version, null);
  expect(ended).toMatchObject({ outcome: 'promoted', decision: { choice: 'approve', actor: 'perennial', reason: 'All 5 checks passed; a low tier needs nobody else.' }, approval: null });
  expect(ended.checks.map(({ name, verdict }) => [name, verdict])).toEqual(['outOfTime', 'admission', 'provenance', 'dependencies', 'documents'].map((name) => [name, 'pass']));
  expect(await champion('swift')).toBe(version);
  expect(await workflow('swift', version).result()).toEqual({ model: 'swift', version, outcome: 'promoted', reason: 'It is the champion from epoch 1 on.' });
  const told = await actions('swift');
  expect(told.filter((action) => action.startsWith('validation.'))).toEqual(['validation.opened', ...ended.checks.map(() => 'validation.checked'), 'validation.reported', 'validation.decided', 'validation.promoted']);
  expect(told.indexOf('champion.changed')).toBeGreaterThan(told.indexOf('validation.decided'));
});

it('a medium version waits for a validator who had no part in it; conditions become findings', async () => {
  const version = await candidateOf('fair', 'medium', { fairness: { groups: ['colour'], leastGroupRows: 50, limits: { demographicParityRatio: 0.01 } } });
  const open = await standsAt('fair', version, 'validator');
  expect(open.checks.map(({ name }) => name)).toEqual(['outOfTime', 'admission', 'provenance', 'dependencies', 'documents', 'slices', 'fairness', 'sensitivity']);
  expect(open.checks.filter(({ verdict }) => verdict === 'error' || verdict === 'fail')).toEqual([]);
  expect(await champion('fair')).toBeNull();

  const report = (await perennial.call<ValidationReport>('GET', `${base('fair', version)}/report`)).body;
  expect(sha256(canonicalJson(report))).toBe(open.reportDigest);
  const sensitivity = report.checks.find(({ name }) => name === 'sensitivity')!.figures as { rows: number; responses: { feature: string; move: string; outputMoved: number }[] };
  expect(sensitivity.responses.map(({ feature, move }) => `${feature} ${move}`)).toEqual(['size up', 'size down', 'age up', 'age down', 'colour exchanged']);
  for (const { outputMoved } of sensitivity.responses) expect(outputMoved).toBeGreaterThan(0);
  expect(sensitivity.rows).toBeGreaterThan(1_000);
  const page = await fetch(`${perennial.instance.apiUrl}${base('fair', version)}/report.html`, { headers: as('vera') });
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(await page.text()).toContain(open.reportDigest);

  expect((await decide('ben', 'fair', version, 'approve')).body).toMatchObject({ status: 403, permission: 'validation.decide' });
  expect((await decide('dev', 'fair', version, 'approve')).body).toMatchObject({ type: 'urn:perennial:DecisionRefused', detail: expect.stringContaining('dev is a developer of all models') as string });
  expect((await decide('vera', 'fair', version, 'approve', { reportDigest: `sha256:${'0'.repeat(64)}` })).body).toMatchObject({ type: 'urn:perennial:DecisionRefused', detail: expect.stringContaining('read that one first') as string });
  expect((await decide('vera', 'fair', version, 'conditional')).body).toMatchObject({ type: 'urn:perennial:DecisionRefused', detail: expect.stringContaining('takes at least one finding') as string });
  expect((await decide('vera', 'fair', version, 'conditional', { findings: [CONDITION] })).body).toMatchObject({ decision: 'conditional', findings: [1], approval: null });
  expect(await standsAt('fair', version, null)).toMatchObject({ outcome: 'promoted', decision: { actor: 'vera', choice: 'conditional', findings: [1] } });
  expect(await champion('fair')).toBe(version);
  expect(await perennial.registry.query("SELECT number, source, version, severity, opened_by FROM finding WHERE model = 'fair'")).toEqual([{ number: 1, source: 'validation', version, severity: 'medium', opened_by: 'vera' }]);
  expect(await workflow('fair', version).result()).toMatchObject({ outcome: 'promoted' });
  const words = await perennial.registry.query<{ reason: string | null }[]>("SELECT over.reason FROM alarm LEFT JOIN alarm_end over ON over.alarm_id = alarm.id WHERE kind = 'validationWaiting' AND model = 'fair'");
  expect(words).toEqual([{ reason: expect.stringMatching(/^promoted: /) as string }]);
  const told = await actions('fair');
  expect(told.filter((action) => action === 'decideValidation.refused')).toHaveLength(3);
  expect(told.filter((action) => action === 'validation.decided')).toHaveLength(1);
  expect(told).toContain('finding.opened');
  const { body: why } = await perennial.call<WhyAnswer>('GET', '/v1/models/fair/why');
  expect(why).toMatchObject({ validation: { version, decision: { actor: 'vera' }, reportDigest: open.reportDigest }, versionApproval: null });
  expect(why.entries.map(({ action }) => action)).toEqual(expect.arrayContaining(['validation.opened', 'validation.reported', 'validation.decided', 'validation.promoted']));
});

it('a high version goes on to approvers, bound to its evidence; who validated it may not vote', async () => {
  const version = await candidateOf('weighty', 'high');
  const open = await standsAt('weighty', version, 'validator');
  expect(open.checks.find(({ name }) => name === 'stability')).toMatchObject({ verdict: 'pass', explanation: expect.stringMatching(/with seed 8 and .* with seed 7/) as string });
  expect((await decide('max', 'weighty', version, 'approve')).body).toMatchObject({ type: 'urn:perennial:DecisionRefused', detail: expect.stringContaining('questionnaire of the high tier is not answered') as string });
  const decided = (await decide('max', 'weighty', version, 'approve', { answers: ANSWERS })).body;
  expect(decided).toMatchObject({ decision: 'approve', approval: 2, findings: [] });
  const { body: asked } = await perennial.call<ApprovalAnswer>('GET', '/v1/models/weighty/approvals/2');
  expect(asked).toMatchObject({ kind: 'version', version, outcome: null, rule: '2 approvers have to agree, and none may object', barred: { max: 'decided over its validation' } });
  expect(Object.values(asked.barred)).toContain('applied a spec of weighty');
  expect(asked.evidence).toMatchObject({ report: open.reportDigest, spec: open.specDigest });
  expect(asked.digest).toBe(sha256(canonicalJson(asked.evidence)));
  expect(await read('weighty', version)).toMatchObject({ waitsFor: 'approvers', approval: 2 });

  expect((await vote('max', 'weighty', 2, asked.digest)).body).toMatchObject({ type: 'urn:perennial:VoteRefused', detail: expect.stringContaining('max decided over its validation') as string });
  expect((await vote('ben', 'weighty', 2, asked.digest)).body).toMatchObject({ outcome: null });
  expect(await champion('weighty')).toBeNull();
  expect((await vote('cleo', 'weighty', 2, asked.digest)).body).toMatchObject({ outcome: 'approved' });
  expect(await standsAt('weighty', version, null)).toMatchObject({ outcome: 'promoted' });
  expect(await champion('weighty')).toBe(version);
  const { body: why } = await perennial.call<WhyAnswer>('GET', '/v1/models/weighty/why');
  expect(why).toMatchObject({ approval: { kind: 'useCase', number: 1, outcome: 'approved', specDigest: why.spec.digest, votes: [{ actor: 'ben', choice: 'approve', reason: 'read and weighed' }, { actor: 'cleo' }] }, versionApproval: { kind: 'version', number: 2, votes: [{ actor: 'ben' }, { actor: 'cleo' }] }, validation: { decision: { answers: ANSWERS } } });
  expect(why.entries.filter(({ action }) => action === 'approval.approved').map(({ subject }) => subject)).toEqual(['approval/1', 'approval/2']);
  expect(why.entries.map(({ action }) => action)).toEqual(expect.arrayContaining(['approval.opened', 'approval.voted']));
});

it('approvers reject a high version, which then never serves', async () => {
  const version = await candidateOf('refused', 'high');
  await standsAt('refused', version, 'validator');
  expect((await decide('vera', 'refused', version, 'approve', { answers: ANSWERS })).status).toBe(200);
  const { digest } = (await perennial.call<ApprovalAnswer>('GET', '/v1/models/refused/approvals/2')).body;
  await vote('ben', 'refused', 2, digest, 'reject');
  expect(await standsAt('refused', version, null)).toMatchObject({ outcome: 'rejected', reason: expect.stringContaining('ben objected') as string });
  expect((await perennial.call('GET', `/v1/models/refused/versions/${version}`)).body).toMatchObject({ status: 'rejected' });
  expect((await perennial.call('POST', '/v1/models/refused/releases', { version, reason: 'all the same' })).body).toMatchObject({ type: 'urn:perennial:ReleaseRefused' });
  expect(await champion('refused')).toBeNull();
});

it('of two decisions at the same moment one stands', async () => {
  const version = await candidateOf('contested', 'medium');
  await standsAt('contested', version, 'validator');
  const answers = await Promise.all([decide('vera', 'contested', version, 'approve'), decide('vito', 'contested', version, 'reject')]);
  const ended = await standsAt('contested', version, null);
  expect(ended.outcome).toBe(ended.decision!.choice === 'approve' ? 'promoted' : 'rejected');
  expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
  await eventually(async () => ((await actions('contested')).filter((action) => action === 'decideValidation.refused').length === 1 ? true : undefined), () => 'the other decision to be refused');
  expect((await decide('vito', 'contested', version, 'reject')).body).toMatchObject({ type: 'urn:perennial:ValidationNotOpen', detail: expect.stringContaining('a decision is taken once') as string });
});

it('ending the workflow decides nothing: reconciliation starts it again, and the decision counts', async () => {
  const version = await candidateOf('ended', 'medium');
  const { reportDigest } = await standsAt('ended', version, 'validator');
  await workflow('ended', version).terminate('by mistake');
  await perennial.temporal.schedule.getHandle(RECONCILE_SCHEDULE_ID).trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  await eventually(async () => ((await workflow('ended', version).describe()).status.name === 'RUNNING' ? true : undefined), () => 'the workflow to be started again');
  expect(await read('ended', version)).toMatchObject({ outcome: null, decision: null, reportDigest });
  expect((await decide('vera', 'ended', version, 'approve')).status).toBe(200);
  expect(await standsAt('ended', version, null)).toMatchObject({ outcome: 'promoted' });
});

it('another spec voids what is being validated, with the approval of the version', async () => {
  const version = await candidateOf('moving', 'high');
  await standsAt('moving', version, 'validator');
  expect((await decide('vera', 'moving', version, 'approve', { answers: ANSWERS })).status).toBe(200);
  await perennial.apply(specOf('moving', 'high', { purpose: 'Shows that a spec that changed voids what is validated.' }));
  expect(await workflow('moving', version).result()).toMatchObject({ outcome: 'voided', reason: expect.stringContaining('Another spec was put in force') as string });
  const { body: asked } = await perennial.call<ApprovalAnswer>('GET', '/v1/models/moving/approvals/2');
  expect(asked).toMatchObject({ kind: 'version', outcome: 'voided' });
  expect((await vote('ben', 'moving', 2, asked.digest)).body).toMatchObject({ type: 'urn:perennial:ApprovalNotOpen' });
  expect((await decide('vito', 'moving', version, 'reject')).body).toMatchObject({ type: 'urn:perennial:ValidationNotOpen' });
  expect(await champion('moving')).toBeNull();
});

it('one that nobody decides expires, after validators were told', async () => {
  const version = await candidateOf('forgotten', 'medium', {}, { validation: { within: 'PT20S', remindEvery: 'PT5S' } });
  await eventually(async () => ((await read('forgotten', version)).outcome === 'expired' ? true : undefined), () => 'the validation to expire');
  expect(await workflow('forgotten', version).result()).toMatchObject({ outcome: 'expired', reason: expect.stringContaining('No validator decided by') as string });
  const words = await perennial.registry.query<{ reason: string | null }[]>("SELECT over.reason FROM alarm LEFT JOIN alarm_end over ON over.alarm_id = alarm.id WHERE kind = 'validationWaiting' AND model = 'forgotten' ORDER BY raised_at");
  expect(words.at(-1)!.reason).toContain('expired');
  expect((await decide('vera', 'forgotten', version, 'approve')).body).toMatchObject({ type: 'urn:perennial:ValidationNotOpen' });
});

it('a candidate whose champion moved meanwhile is not promoted, on record', async () => {
  const first = await candidateOf('overtaken', 'medium');
  await standsAt('overtaken', first, 'validator');
  const second = await retrain('overtaken', 9);
  await standsAt('overtaken', second, 'validator');
  expect((await decide('vera', 'overtaken', second, 'approve')).status).toBe(200);
  expect(await standsAt('overtaken', second, null)).toMatchObject({ outcome: 'promoted' });
  expect((await decide('vera', 'overtaken', first, 'approve')).status).toBe(200);
  expect(await standsAt('overtaken', first, null)).toMatchObject({ outcome: 'aborted', reason: expect.stringContaining('epoch 1 is current') as string });
  expect(await champion('overtaken')).toBe(second);
});
