import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { ApprovalAnswer } from '../../src/api/approvals/approvals.dto.js';
import { RECONCILE_SCHEDULE_ID, useCaseApprovalWorkflowId } from '../../src/contracts/motion.js';
import { makeApiKeys } from '../../src/registry/migrate.js';
import type { Tier } from '../../src/spec/risk-tier.js';
import { type Answer, eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, smallUseCase, writeEvents } from '../small-model.js';

const PEOPLE = ['ben', 'cleo', 'dora', 'eli'] as const;

let perennial: Installation;
const keys = new Map<string, string>();

beforeAll(async () => {
  // One connection a process: a transaction that waits for a second one would wait for itself.
  perennial = await Installation.start({ DATABASE_POOL: '1' });
  await writeEvents(perennial.dataDir, 'events');
  const made = await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, PEOPLE.map((name) => ({ name, roles: ['approver'] })));
  PEOPLE.forEach((name, index) => keys.set(name, made[index]!));
}, 240_000);

afterAll(() => perennial?.stop());

const specOf = (model: string, tier: Tier, approval: Record<string, unknown> = {}, purpose?: string): string =>
  smallSpec({ model, data: 'events', parameters: { rounds: 5, max_depth: 2 }, tier, ...(purpose && { purpose }), useCase: smallUseCase(approval) });

const newest = async (model: string): Promise<ApprovalAnswer> => (await perennial.call<{ items: ApprovalAnswer[] }>('GET', `/v1/models/${model}/approvals`)).body.items[0] as ApprovalAnswer;

const vote = (person: string, { model, number, digest }: Pick<ApprovalAnswer, 'model' | 'number' | 'digest'>, choice = 'approve'): Promise<Answer> =>
  perennial.call('POST', `/v1/models/${model}/approvals/${number}/votes`, { choice, digest, reason: 'read and weighed' }, { authorization: `Bearer ${keys.get(person)}` });

const retrain = (model: string): Promise<Answer> => perennial.call('POST', `/v1/models/${model}/retrains`, { asOf: asOfWeek(8) });
const actions = async (model: string): Promise<string[]> =>
  (await perennial.registry.query<{ action: string }[]>('SELECT action FROM audit_entry WHERE model = $1 ORDER BY id', [model])).map(({ action }) => action);
const workflow = (model: string) => perennial.temporal.workflow.getHandle(useCaseApprovalWorkflowId(model));

/** The command is settled before its workflow is started. */
const begun = (model: string): Promise<true> => eventually(() => workflow(model).describe().then(() => true as const, () => undefined), () => `the workflow of ${model} to start`);

async function resultOf(model: string): Promise<unknown> {
  await begun(model);
  return workflow(model).result();
}

it('a low use case is approved on the fast track, on record and in Temporal', async () => {
  await perennial.apply(specOf('swift', 'low'));
  expect(await newest('swift')).toMatchObject({ number: 1, outcome: 'approved', reason: 'Fast track: nobody has to vote.', rule: 'nobody has to vote' });
  expect(await resultOf('swift')).toEqual({ number: 1, outcome: 'approved', reason: 'Fast track: nobody has to vote.' });
  expect((await retrain('swift')).status).toBe(202);
  expect(await actions('swift')).toEqual(expect.arrayContaining(['approval.opened', 'approval.approved', 'spec.applied']));
});

it('two approvers carry a high one; before, nothing trains, and whoever may not vote is refused, on record', async () => {
  await perennial.apply(specOf('weighty', 'high'));
  const open = await newest('weighty');
  expect(open).toMatchObject({ number: 1, outcome: null, votes: [], rule: '2 approvers have to agree, and none may object' });
  expect((await retrain('weighty')).body).toMatchObject({ status: 409, type: 'urn:perennial:UseCaseNotApproved', detail: expect.stringContaining('approval 1 is open (2 approvers have to agree') as string });

  const own = await perennial.call('POST', '/v1/models/weighty/approvals/1/votes', { choice: 'approve', digest: open.digest, reason: 'mine' });
  expect(own.body).toMatchObject({ status: 403, permission: 'approval.decide' });
  expect((await vote('ben', { ...open, digest: `sha256:${'0'.repeat(64)}` })).body).toMatchObject({ type: 'urn:perennial:VoteRefused' });
  expect((await vote('ben', open)).body).toMatchObject({ outcome: null });
  expect((await vote('ben', open, 'reject')).body).toMatchObject({ type: 'urn:perennial:VoteRefused', detail: expect.stringContaining('has voted already (approve)') as string });
  expect((await vote('ben', { ...open, number: 9 })).body).toMatchObject({ status: 404 });
  expect((await vote('cleo', open)).body).toMatchObject({ outcome: 'approved', reason: 'ben, cleo agreed (2 approvers have to agree, and none may object).' });
  expect((await vote('dora', open, 'reject')).body).toMatchObject({ type: 'urn:perennial:ApprovalNotOpen', detail: expect.stringContaining('a decision is taken once') as string });
  expect(await resultOf('weighty')).toMatchObject({ outcome: 'approved' });
  const started = await retrain('weighty');
  expect(started.status).toBe(202);
  expect(await perennial.awaitRetrain('weighty', started.body['number'] as number)).toMatchObject({ outcome: 'validating' });
  const told = await actions('weighty');
  expect(told.filter((action) => action === 'vote.refused')).toHaveLength(4);
  expect(told.filter((action) => action === 'approval.voted')).toHaveLength(2);
  expect(told.filter((action) => action === 'approval.approved')).toHaveLength(1);
});

it('whoever applied the spec may not approve it, whatever roles they have', async () => {
  const [both] = await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, [{ name: 'fay', roles: ['owner', 'approver'] }]);
  keys.set('fay', both!);
  await eventually(async () => ((await perennial.call('POST', '/v1/models', specOf('own', 'medium'), { authorization: `Bearer ${both}` })).status === 202 ? undefined : true), () => 'the spec to be applied');
  expect((await vote('fay', await newest('own'))).body).toMatchObject({ status: 409, type: 'urn:perennial:VoteRefused', detail: expect.stringContaining('fay applied the spec and cannot approve it as well') as string });
  expect((await vote('ben', await newest('own'))).body).toMatchObject({ outcome: 'approved' });
});

it('whoever applied a spec may not approve it when somebody else asks again, nor after others applied it too', async () => {
  const byFay = (source: string): Promise<Answer> => perennial.call('POST', '/v1/models', source, { authorization: `Bearer ${keys.get('fay')}` });
  const changed = specOf('reasked', 'medium', {}, 'Shows that an author stays the author of a spec, whoever puts it in force again.');
  expect((await byFay(specOf('reasked', 'medium'))).status).toBe(201);
  expect((await vote('ben', await newest('reasked'), 'reject')).body).toMatchObject({ outcome: 'rejected' });
  expect((await perennial.call('POST', '/v1/models/reasked/approvals', { reason: 'they think again' })).body).toMatchObject({ number: 2, outcome: null });
  const asked = await newest('reasked');
  expect(asked.barred).toMatchObject({ fay: 'applied the spec' });
  expect((await vote('fay', asked)).body).toMatchObject({ type: 'urn:perennial:VoteRefused', detail: expect.stringContaining('fay applied the spec') as string });
  await perennial.apply(changed);
  await perennial.apply(specOf('reasked', 'medium'));
  expect(await newest('reasked')).toMatchObject({ number: 4, outcome: null });
  expect((await vote('fay', await newest('reasked'))).body).toMatchObject({ type: 'urn:perennial:VoteRefused' });
  expect((await vote('ben', await newest('reasked'))).body).toMatchObject({ outcome: 'approved' });
});

it('nobody takes a model out of its governance by a spec: the use case stays, and a lower tier is agreed to by those of the higher', async () => {
  await perennial.apply(specOf('lowered', 'high'));
  const { useCase: _left, ...rest } = parse(specOf('lowered', 'low')) as Record<string, unknown>;
  const apply = (source: string): Promise<Answer> => perennial.call('POST', '/v1/models', source);
  expect((await apply(stringify(rest))).body).toMatchObject({ status: 409, type: 'urn:perennial:UseCaseDropped', detail: expect.stringContaining('has no useCase section') as string });
  expect((await apply(stringify({ ...rest, tier: 'critical' }))).body).toMatchObject({ status: 422, type: 'urn:perennial:SpecInvalid', detail: expect.stringContaining('useCase: is missing: a model of the critical tier states its use case') as string });
  for (const person of ['ben', 'cleo']) await vote(person, await newest('lowered'));
  expect(await newest('lowered')).toMatchObject({ number: 1, outcome: 'approved' });
  for (const purpose of [undefined, 'Shows that asking twice for less does not make it less.']) {
    await perennial.apply(specOf('lowered', 'low', {}, purpose));
    expect(await newest('lowered')).toMatchObject({ outcome: null, tier: 'low', rule: '2 approvers have to agree, and none may object' });
    expect((await retrain('lowered')).body).toMatchObject({ type: 'urn:perennial:UseCaseNotApproved' });
  }
  for (const person of ['ben', 'cleo']) await vote(person, await newest('lowered'));
  await perennial.apply(specOf('lowered', 'low'));
  expect(await newest('lowered')).toMatchObject({ outcome: 'approved', rule: 'nobody has to vote' });
});

it('of an approval and a rejection at the same moment one decides', async () => {
  await perennial.apply(specOf('contested', 'medium'));
  const open = await newest('contested');
  const answers = await Promise.all(PEOPLE.map((person, index) => vote(person, open, index % 2 === 0 ? 'approve' : 'reject')));
  await eventually(async () => ((await newest('contested')).outcome === null ? undefined : true), () => 'the votes to be counted');
  const decided = await newest('contested');
  expect(decided.votes).toHaveLength(1);
  expect(decided.outcome).toBe(decided.votes[0]!.choice === 'approve' ? 'approved' : 'rejected');
  expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
  await eventually(async () => ((await actions('contested')).filter((action) => action === 'vote.refused').length === 3 ? true : undefined), () => 'the other votes to be refused');
});

it('another spec voids what is open and leaves behind what was given', async () => {
  await perennial.apply(specOf('moving', 'critical', { quorum: 2 }));
  const first = await newest('moving');
  await vote('ben', first);
  await perennial.apply(specOf('moving', 'critical', { quorum: 2 }, 'Shows that a spec that changed needs an approval of its own.'));
  const second = await newest('moving');
  expect(second).toMatchObject({ number: 2, outcome: null, votes: [] });
  expect((await perennial.call('GET', '/v1/models/moving/approvals/1')).body).toMatchObject({ outcome: 'voided', reason: 'Approval 2 took its place.' });
  expect((await vote('cleo', first)).body).toMatchObject({ type: 'urn:perennial:ApprovalNotOpen' });
  await vote('ben', second);
  expect((await vote('cleo', second, 'reject')).body).toMatchObject({ outcome: null });
  expect((await vote('dora', second)).body).toMatchObject({ outcome: 'approved' });
  expect(await resultOf('moving')).toMatchObject({ number: 2, outcome: 'approved' });
  await perennial.apply(specOf('moving', 'critical', { quorum: 3 }));
  expect((await retrain('moving')).body).toMatchObject({ type: 'urn:perennial:UseCaseNotApproved', detail: expect.stringContaining('approval 3 is open') as string });
});

it('one that nobody decides expires, after voters were told; it can be asked for again', async () => {
  await perennial.apply(specOf('forgotten', 'medium', { within: 'PT5S', remindEvery: 'PT2S' }));
  expect(await resultOf('forgotten')).toMatchObject({ number: 1, outcome: 'expired', reason: expect.stringContaining('Nobody voted') as string });
  const words = await perennial.registry.query<{ reason: string | null }[]>("SELECT over.reason FROM alarm LEFT JOIN alarm_end over ON over.alarm_id = alarm.id WHERE kind = 'approvalWaiting' AND model = 'forgotten' ORDER BY raised_at");
  expect(words.length).toBeGreaterThanOrEqual(2);
  expect(words.at(-1)!.reason).toContain('expired');
  expect((await retrain('forgotten')).body).toMatchObject({ detail: expect.stringContaining('approval 1 was expired') as string });
  const again = await perennial.call('POST', '/v1/models/forgotten/approvals', { reason: 'they are back' });
  expect(again.body).toMatchObject({ number: 2, outcome: null });
  expect((await perennial.call('POST', '/v1/models/forgotten/approvals', { reason: 'once more' })).body).toMatchObject({ type: 'urn:perennial:ApprovalNotOpen' });
  await vote('eli', await newest('forgotten'));
  await eventually(async () => ((await resultOf('forgotten')) as { number: number }).number === 2 ? true : undefined, () => 'the second approval to end');
  expect(await resultOf('forgotten')).toMatchObject({ outcome: 'approved' });
});

it('ending the workflow decides nothing: reconciliation starts it again, and votes go on', async () => {
  await perennial.apply(specOf('ended', 'medium'));
  await begun('ended');
  await workflow('ended').terminate('by mistake');
  await perennial.temporal.schedule.getHandle(RECONCILE_SCHEDULE_ID).trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  await eventually(async () => ((await workflow('ended').describe()).status.name === 'RUNNING' ? true : undefined), () => 'the workflow to be started again');
  expect((await newest('ended')).outcome).toBeNull();
  await vote('ben', await newest('ended'), 'reject');
  expect(await resultOf('ended')).toMatchObject({ outcome: 'rejected', reason: 'ben objected (one approver has to agree).' });
});
