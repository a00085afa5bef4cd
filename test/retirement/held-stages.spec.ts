import { afterAll, beforeAll, expect, it } from 'vitest';
import { RegistryActivities } from '../../activities/registry.activities.js';
import { ValidationActivities } from '../../activities/validation.activities.js';
import { sha256 } from '../../src/contracts/canonical.js';
import { SOUNDNESS_KEYS, VALIDATION_CHECKS } from '../../src/contracts/validations.js';
import { ApprovalsRepository } from '../../src/registry/approvals.repository.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { RetrainsRepository } from '../../src/registry/retrains.repository.js';
import { ModelCourse } from '../../src/registry/testing/model-course.js';
import { ValidationsRepository } from '../../src/registry/validations.repository.js';
import { CommandPath, type HttpAnswer } from '../alarms/command-path.js';
import { eventually } from '../installation.js';
import { smallUseCase } from '../small-model.js';

const ORIGIN = { workflowId: 'retrain', runId: 'run' };
const HOUR_MS = 3_600_000;
const RETIRE = { trigger: 'unused', reason: 'nobody asks it' };
const RETIRING = { status: 409, body: { type: 'urn:perennial:ModelRetiring' } };

let path: CommandPath;
let validations: ValidationsRepository;
let approvals: ApprovalsRepository;
let retrains: RetrainsRepository;
const keys = new Map<string, string>();

beforeAll(async () => {
  path = await CommandPath.start(true);
  const { registry } = path;
  const audit = new AuditLedger(registry.dataSource);
  [validations, approvals, retrains] = [new ValidationsRepository(registry.dataSource, audit), new ApprovalsRepository(registry.dataSource, audit), new RetrainsRepository(registry.dataSource, audit)];
  await registry.apiKey('ann', ['developer']);
  for (const [name, role] of [['vera', 'validator'], ['ben', 'approver'], ['cleo', 'approver']] as const) keys.set(name, await registry.apiKey(name, [role]));
}, 120_000);

afterAll(() => path?.stop());

const as = (person: string): Record<string, string> => ({ authorization: `Bearer ${keys.get(person)}` });
const words = async (model: string): Promise<unknown[]> =>
  (await path.registry.dataSource.query<{ reason: string | null }[]>("SELECT over.reason FROM alarm LEFT JOIN alarm_end over ON over.alarm_id = alarm.id WHERE model = $1 AND kind = 'validationWaiting' ORDER BY alarm.raised_at", [model])).map(({ reason }) => reason);
const told = (model: string, expected: readonly (string | null)[]): Promise<true> => eventually(async () => (JSON.stringify(await words(model)) === JSON.stringify(expected) ? true : undefined), () => `the validators of ${model} to have been told: ${JSON.stringify(expected)}`);

/** A version of a high model that waits for a validator, and the workflow that tells of it. */
async function waiting(model: string): Promise<ModelCourse> {
  const course = new ModelCourse(path.registry.dataSource, model);
  await course.register('ann', (source) => `${source.replace('tier: low', 'tier: high')}\nuseCase: ${JSON.stringify({ ...smallUseCase(), regulations: ['SR 26-2'] })}\n`);
  const version = await course.trained('ann', 'the first one');
  await retrains.end({ model, number: 1 }, { outcome: 'validating', reason: 'It passed.', failure: null, promotedEpoch: null }, new Date(), ORIGIN);
  const [openedAt, expiresAt] = [new Date(), new Date(Date.now() + 24 * HOUR_MS)];
  await path.registry.dataSource.transaction((manager) => validations.add(manager, { model, version, retrain: 1, deployment: 'default', specDigest: course.specDigest, tier: 'high', openedAt, expiresAt, remindEveryMs: 24 * HOUR_MS }, ORIGIN));
  for (const name of VALIDATION_CHECKS) await validations.addCheck({ model, version }, { name, verdict: 'pass', explanation: 'It is.', figures: {} }, new Date(), ORIGIN);
  await validations.addReport({ model, version }, sha256(model), new Date(), ORIGIN);
  await path.reconcile();
  await told(model, [null]);
  return course;
}

const decide = (model: string): Promise<HttpAnswer> =>
  path.post(`/v1/models/${model}/versions/1/validation/decision`, { decision: 'approve', reportDigest: sha256(model), reason: 'read the report', answers: Object.fromEntries(SOUNDNESS_KEYS.map((key) => [key, 'As it should be.'])) }, as('vera'));

async function vote(person: string, model: string, number: number): Promise<HttpAnswer> {
  const { approval } = await approvals.get({ model, number });
  return path.post(`/v1/models/${model}/approvals/${number}/votes`, { choice: 'approve', digest: approval.digest, reason: 'weighed' }, as(person));
}

it('a validation is held while its model retires: nothing is decided or trained, nobody is reminded, its time stands still, and it goes on when that is withdrawn', async () => {
  const model = 'held';
  await waiting(model);
  const { term: before } = await validations.get({ model, version: 1 });
  expect((await path.post(`/v1/models/${model}/retirement`, RETIRE)).status).toBe(200);
  await told(model, ['Its model is being retired.']);

  expect(await decide(model)).toMatchObject(RETIRING);
  await expect(path.rooms.get(ValidationActivities).trainAgain({ model, version: 1 })).rejects.toMatchObject({ type: 'ModelRetiring' });
  await validations.expire({ model, version: 1 }, new Date(Date.now() + 48 * HOUR_MS), ORIGIN);
  expect(await validations.get({ model, version: 1 })).toMatchObject({ decision: null, end: null, term: { paused: { retirement: 1 } } });

  expect((await path.post(`/v1/models/${model}/retirement/withdrawal`, { reason: 'it is needed' })).status).toBe(200);
  await told(model, ['Its model is being retired.', null]);
  const { term: after } = await validations.get({ model, version: 1 });
  expect([after.paused, after.expiresAt.getTime() > before.expiresAt.getTime()]).toEqual([null, true]);
  expect(await decide(model)).toMatchObject({ status: 200, body: { decision: 'approve', approval: 2 } });
}, 120_000);

it('a version waits for its votes while its model retires; when that is approved, its validation and all that was voted on end', async () => {
  const model = 'leaving';
  await waiting(model);
  expect((await path.post(`/v1/models/${model}/approvals`, { reason: 'it was never asked for' })).body).toMatchObject({ number: 1, outcome: null });
  expect(await decide(model)).toMatchObject({ status: 200, body: { approval: 2 } });
  expect((await path.post(`/v1/models/${model}/retirement`, RETIRE)).status).toBe(200);
  expect(await vote('ben', model, 2)).toMatchObject(RETIRING);
  expect((await approvals.get({ model, number: 2 })).end).toBeNull();

  for (const person of ['ben', 'cleo']) expect((await vote(person, model, 3)).status).toBe(200);
  const { end } = await eventually(async () => {
    const story = await validations.get({ model, version: 1 });
    return story.end ? story : undefined;
  }, () => 'the validation to end');
  const ended = 'Retirement 1 of leaving was approved.';
  expect(end).toMatchObject({ outcome: 'aborted', reason: ended });
  for (const number of [1, 2]) expect((await approvals.get({ model, number })).end).toMatchObject({ outcome: 'voided', reason: ended });
  await expect(path.rooms.get(ValidationActivities).trainAgain({ model, version: 1 })).rejects.toMatchObject({ type: 'ValidationNotOpen' });
  await path.resultOf(`model/${model}/validation/1`);
  await path.resultOf(`model/${model}/useCaseApproval`);
}, 120_000);

it('a retrain ends on record with the request to retire, so that its workflow does not begin, however late it starts', async () => {
  const model = 'late';
  const course = new ModelCourse(path.registry.dataSource, model);
  await course.register('ann');
  await course.trained('ann', 'asked for just before');
  expect((await path.post(`/v1/models/${model}/retirement`, RETIRE)).status).toBe(200);
  expect(await retrains.get({ model, number: 1 })).toMatchObject({ outcome: 'cancelled', reason: 'late is being retired (retirement 1).', finishedAt: expect.any(Date) as Date });
  expect(await path.rooms.get(RegistryActivities).beginRetrain({ model, number: 1 })).toMatchObject({ outcome: 'cancelled' });
  await path.reconcile();
  expect(await path.resultOf('retrain/late/1').catch((error: Error) => error.name)).toBe('WorkflowNotFoundError');
}, 120_000);
