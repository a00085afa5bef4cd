import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AlarmAnswer } from '../../src/api/alarms/alarms.dto.js';
import type { FindingAnswer } from '../../src/api/findings/findings.dto.js';
import type { ModelDetail } from '../../src/api/models/models.dto.js';
import type { ReviewListAnswer } from '../../src/api/reviews/reviews.dto.js';
import type { WhyAnswer } from '../../src/api/why/why.dto.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { modelWorkflowId, STATUS_QUERY } from '../../src/contracts/motion.js';
import type { Role } from '../../src/contracts/roles.js';
import type { ModelStatus } from '../../src/contracts/status.js';
import { AuditLedger, SYSTEM_ACTOR } from '../../src/registry/audit-ledger.js';
import { FindingsRepository } from '../../src/registry/findings.repository.js';
import { makeApiKeys } from '../../src/registry/migrate.js';
import { type Answer, eventually, Installation } from '../installation.js';
import { asOfWeek, type SmallSpec, smallSpec, smallUseCase, writeEvents } from '../small-model.js';

const PEOPLE: Readonly<Record<string, readonly Role[]>> = { vera: ['validator'], val: ['validator'], appa: ['approver'], dev: ['developer'], both: ['owner', 'validator'] };
const SOON_MS = 2_000;

let perennial: Installation;
const keys = new Map<string, string>();

beforeAll(async () => {
  perennial = await Installation.start({ DATABASE_POOL: '1', GOVERNANCE_EVERY: 'PT1S', GOVERNANCE_REMIND_EVERY: 'PT3S', REVIEW_GRACE: 'PT3S' });
  await writeEvents(perennial.dataDir, 'events');
  const made = await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, Object.entries(PEOPLE).map(([name, roles]) => ({ name, roles })));
  Object.keys(PEOPLE).forEach((name, index) => keys.set(name, made[index]!));
}, 240_000);

afterAll(() => perennial?.stop());

const as = (person: string): Record<string, string> => ({ authorization: `Bearer ${keys.get(person)}` });
const specOf = (model: string, changes: Partial<SmallSpec> = {}): string => smallSpec({ model, data: 'events', parameters: { rounds: 5, max_depth: 2 }, gates: { absolute: [{ metric: 'auc', min: 0.51 }], comparison: { metric: 'auc' } }, ...changes });
const governed = (model: string, changes: Partial<SmallSpec> = {}): string => specOf(model, { useCase: smallUseCase(), ...changes });

/** On a busy machine a command is carried out later; the same one again tells what became of it. */
async function settled(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const key = { 'idempotency-key': randomUUID() };
  return eventually(async () => {
    const answer = await perennial.call('POST', path, body, { ...headers, ...key });
    return answer.status === 202 && answer.body['state'] === 'accepted' ? undefined : answer;
  }, () => path);
}

const requestOf = (changes: Record<string, unknown> = {}): Record<string, unknown> =>
  ({ severity: 'high', title: 'The threshold is not reasoned', evidenceNeeded: 'What errors cost', owner: 'vera', dueAt: new Date(Date.now() + SOON_MS).toISOString(), ...changes });
async function open(model: string, changes: Record<string, unknown> = {}): Promise<number> {
  const { status, body } = await settled(`/v1/models/${model}/findings`, requestOf(changes));
  if (status !== 200) throw new Error(`opening answered ${status}: ${JSON.stringify(body)}`);
  return body['number'] as number;
}
const close = (person: string, model: string, number: number, changes: Record<string, unknown> = {}): Promise<Answer> =>
  settled(`/v1/models/${model}/findings/${number}/close`, { evidence: 'The board has seen the figures', ...changes }, as(person));
const finding = async (model: string, number: number): Promise<FindingAnswer> => (await perennial.call<FindingAnswer>('GET', `/v1/models/${model}/findings/${number}`)).body;
const alarmsOf = async (model: string, kind: string): Promise<AlarmAnswer[]> => (await perennial.call<{ items: AlarmAnswer[] }>('GET', `/v1/alarms?model=${model}`)).body.items.filter((alarm) => alarm.kind === kind);
const told = (model: string, kind: string, times: number): Promise<AlarmAnswer[]> =>
  eventually(async () => { const alarms = await alarmsOf(model, kind); return alarms.length >= times ? alarms : undefined; }, () => `word ${times} of ${kind} of ${model}`);
const detail = async (model: string): Promise<ModelDetail> => (await perennial.call<ModelDetail>('GET', `/v1/models/${model}`)).body;
const retrain = (model: string, week = 8): Promise<Answer> => perennial.call('POST', `/v1/models/${model}/retrains`, { asOf: asOfWeek(week) });
const trained = async (model: string, week = 8) => perennial.awaitCandidate(model, await perennial.requestRetrain(model, { asOf: asOfWeek(week) }));
const actions = async (model: string): Promise<string[]> =>
  (await perennial.registry.query<{ action: string }[]>('SELECT action FROM audit_entry WHERE model = $1 ORDER BY id', [model])).map(({ action }) => action);

it('a finding is closed once, with evidence, by somebody who does not have to mend it', async () => {
  await perennial.apply(specOf('kept'));
  expect((await settled('/v1/models/kept/findings', requestOf({ dueAt: '2020-01-01' }))).body).toMatchObject({ status: 400, detail: expect.stringContaining('has passed') as string });
  expect((await settled('/v1/models/kept/findings', requestOf({ version: 7, dueAt: '2199-01-01' }))).body).toMatchObject({ type: 'urn:perennial:VersionNotFound' });
  const number = await open('kept', { dueAt: '2199-01-01' });
  expect(await finding('kept', number)).toMatchObject({ number: 1, source: 'request', severity: 'high', owner: 'vera', escalated: null, closed: null });

  expect((await close('dev', 'kept', number)).body).toMatchObject({ status: 403, permission: 'finding.close' });
  expect((await close('vera', 'kept', number)).body).toMatchObject({ status: 409, type: 'urn:perennial:FindingNotClosable', detail: expect.stringContaining('vera has to mend finding 1 of kept and cannot close it as well') as string });
  expect((await close('val', 'kept', number, { artifactDigest: `sha256:${'0'.repeat(64)}` })).body).toMatchObject({ type: 'urn:perennial:FindingNotClosable', detail: expect.stringContaining('is not in the artifact store') as string });
  expect((await close('val', 'kept', 9)).body).toMatchObject({ status: 404 });
  expect((await close('val', 'kept', number)).body).toMatchObject({ number: 1 });
  expect((await close('both', 'kept', number)).body).toMatchObject({ type: 'urn:perennial:FindingNotClosable', detail: expect.stringContaining('was closed by val') as string });

  expect((await finding('kept', number)).closed).toMatchObject({ by: 'val', evidence: 'The board has seen the figures', artifactDigest: null });
  expect((await perennial.call('GET', '/v1/models/kept/findings?open=true')).body).toEqual({ items: [] });
  expect((await actions('kept')).filter((action) => /finding/i.test(action))).toEqual(
    ['openFinding.refused', 'openFinding.refused', 'finding.opened', 'finding.reported', 'closeFinding.refused', 'closeFinding.refused', 'finding.closed', 'finding.answered', 'closeFinding.refused']);
});

it('an overdue one is told again and again, and stops retrains and releases of a governed model until it is closed', async () => {
  await perennial.apply(governed('stopped'));
  await perennial.apply(specOf('free'));
  expect((await trained('stopped')).outcome).toBe('promoted');
  const before = new Date().toISOString();
  const number = await open('stopped');
  await open('free');

  const [first] = await told('stopped', 'findingOverdue', 1);
  expect(first).toMatchObject({ severity: 'critical', subject: 'finding/1', summary: expect.stringMatching(/^Finding 1 of stopped \(high, owner vera, due .*nothing of the model is trained, promoted or released\.$/) as string });
  expect((await retrain('stopped')).body).toMatchObject({ status: 409, type: 'urn:perennial:ModelStopped', detail: expect.stringContaining('Finding 1 of stopped (high, owner vera') as string });
  expect((await settled('/v1/models/stopped/releases', { version: 1, reason: 'once more' })).body).toMatchObject({ type: 'urn:perennial:ModelStopped' });
  await told('free', 'findingOverdue', 1);
  expect((await retrain('free')).status).toBe(202);
  const again = await told('stopped', 'findingOverdue', 2);
  expect(again.find(({ id }) => id === first!.id)?.ended).toMatchObject({ reason: 'Told again.' });
  expect((await finding('stopped', number)).escalated?.times).toBeGreaterThanOrEqual(2);
  expect(await detail('stopped')).toMatchObject({ openFindings: 1 });
  const status = await eventually(async () => {
    const now = await perennial.temporal.workflow.getHandle(modelWorkflowId('stopped')).query<ModelStatus>(STATUS_QUERY);
    return now.openFindings === 1 ? now : undefined;
  }, () => 'the lifecycle to show it');
  expect(status.nextReviewDueAt).toBe((await detail('stopped')).nextReviewDueAt);

  const during = new Date().toISOString();
  const artifact = (await perennial.registry.query<{ digest: string }[]>("SELECT artifact_digest AS digest FROM model_version WHERE model = 'stopped'"))[0]!.digest;
  expect((await close('val', 'stopped', number, { artifactDigest: artifact })).status).toBe(200);
  expect((await alarmsOf('stopped', 'findingOverdue')).filter(({ ended }) => ended === null)).toEqual([]);
  expect((await finding('stopped', number)).closed).toMatchObject({ artifactDigest: artifact });
  expect((await trained('stopped', 10)).outcome).not.toBe('failed');
  const openAt = async (at: string) => (await perennial.call<WhyAnswer>('GET', `/v1/models/stopped/why?at=${at}`)).body.findings.map((one) => [one.number, one.closed?.by]);
  expect([await openAt(before), await openAt(during), await openAt(new Date().toISOString())]).toEqual([[], [[1, 'val']], []]);
});

it('a retrain under way ends without promotion, and a release under way waits where it stands', async () => {
  await perennial.apply(governed('halted', { parameters: { rounds: 1_500, max_depth: 3 } }));
  const number = await perennial.requestRetrain('halted', { asOf: asOfWeek(8) });
  await open('halted', { severity: 'critical', dueAt: new Date(Date.now() + 1_000).toISOString() });
  expect(await perennial.awaitCandidate('halted', number)).toMatchObject({ outcome: 'aborted', version: 1, reason: expect.stringMatching(/^Version 1 passed its gate and is not promoted\. Finding 1 of halted/) as string });

  const rollout = { checkEvery: 'PT1S', canary: { steps: [50] } };
  await perennial.apply(governed('waiting', { parameters: { rounds: 1, max_depth: 1 }, rollout }));
  expect((await trained('waiting', 6)).outcome).toBe('promoted');
  await perennial.apply(governed('waiting', { parameters: { rounds: 150, max_depth: 5 }, rollout }));
  const second = await perennial.requestRetrain('waiting', { asOf: asOfWeek(10) });
  const finding = await open('waiting');
  expect((await perennial.awaitCandidate('waiting', second)).outcome).toBe('releasing');
  await told('waiting', 'findingOverdue', 1);
  const stage = async (): Promise<unknown> => (await perennial.call('GET', '/v1/models/waiting/releases/1')).body['stage'];
  const advance = (): Promise<Answer> => settled('/v1/models/waiting/releases/1/advance', { reason: 'on with it' });
  expect((await advance()).body).toMatchObject({ type: 'urn:perennial:ModelStopped' });
  expect(['queued', 'shadow']).toContain(await stage());
  expect((await close('val', 'waiting', finding)).status).toBe(200);
  await eventually(async () => ((await stage()) === 'shadow' ? true : undefined), () => 'the shadow');
  await advance();
  await eventually(async () => ((await stage()) === 'canary' ? true : undefined), () => 'the canary');
});

it('a review is due by the spec; overdue it is told, becomes a finding, and both end when it is recorded', async () => {
  await perennial.apply(specOf('plain'));
  expect((await perennial.call<ReviewListAnswer>('GET', '/v1/models/plain/reviews')).body).toEqual({ every: null, nextDueAt: null, items: [] });
  await perennial.apply(governed('reviewed', { useCase: { ...smallUseCase(), review: { every: 'PT4S' } } }));
  const record = (person: string, body: Record<string, unknown> = {}): Promise<Answer> => settled('/v1/models/reviewed/reviews', { outcome: 'continue', reason: 'stable, used as approved', ...body }, as(person));
  expect((await record('vera')).body).toMatchObject({ type: 'urn:perennial:ReviewRefused', detail: expect.stringContaining('nothing to review') as string });
  expect((await trained('reviewed')).outcome).toBe('promoted');
  const [{ changedAt }] = await perennial.registry.query<[{ changedAt: Date }]>("SELECT changed_at AS \"changedAt\" FROM champion_change WHERE model = 'reviewed'");
  expect((await detail('reviewed')).nextReviewDueAt).toBe(new Date(changedAt.getTime() + 4_000).toISOString());

  const [word] = await told('reviewed', 'reviewOverdue', 1);
  expect(word).toMatchObject({ severity: 'warning', summary: expect.stringContaining('perennial review reviewed continue') as string });
  const opened = await eventually(async () => (await perennial.call<{ items: FindingAnswer[] }>('GET', '/v1/models/reviewed/findings')).body.items[0], () => 'the finding');
  expect(opened).toMatchObject({ source: 'review', severity: 'low', owner: 'test-team', openedBy: 'perennial', title: expect.stringMatching(/^The periodic review was due at /) as string });
  await told('reviewed', 'reviewOverdue', 2);

  expect((await record('dev')).body).toMatchObject({ status: 403, permission: 'review.record' });
  expect((await record('appa', { outcome: 'continueWithFindings' })).status).toBe(400);
  const found = requestOf({ dueAt: '2199-01-01', severity: 'medium' });
  const recorded = await record('appa', { outcome: 'continueWithFindings', findings: [found] });
  expect(recorded.body).toMatchObject({ number: 1, outcome: 'continueWithFindings', findings: ['/v1/models/reviewed/findings/2'] });
  expect((await finding('reviewed', 1)).closed).toMatchObject({ by: 'appa', evidence: 'Review 1 was recorded: continueWithFindings.' });
  expect(await finding('reviewed', 2)).toMatchObject({ source: 'review', severity: 'medium', openedBy: 'appa', closed: null });
  expect((await alarmsOf('reviewed', 'reviewOverdue')).every(({ ended, raisedAt }) => ended !== null || raisedAt >= (recorded.body['nextDueAt'] as string))).toBe(true);
  const { body: list } = await perennial.call<ReviewListAnswer>('GET', '/v1/models/reviewed/reviews');
  expect(list).toMatchObject({ every: 'PT4S', nextDueAt: recorded.body['nextDueAt'], items: [{ number: 1, reviewedBy: 'appa', champion: 1, dueAt: new Date(changedAt.getTime() + 4_000).toISOString() }] });

  expect((await record('vera', { outcome: 'retire' })).body).toMatchObject({ number: 2, outcome: 'retire', findings: [] });
  const { items } = (await perennial.call<{ items: FindingAnswer[] }>('GET', '/v1/models/reviewed/findings?open=true')).body;
  expect(items.find(({ title }) => title.includes('should be retired'))).toMatchObject({ severity: 'high', source: 'review', openedBy: 'vera', owner: 'test-team' });
});

it('one of a model that nobody registered is told of, and closed like any other', async () => {
  const findings = new FindingsRepository(perennial.registry, new AuditLedger(perennial.registry));
  const found = { model: 'unknown-model', version: null, source: 'sweep', severity: 'critical', title: 'It answers and is not registered', evidenceNeeded: 'Its registration', owner: 'nobody', dueAt: new Date(), openedBy: SYSTEM_ACTOR, commandId: null, at: new Date(), key: 'sweep/unregistered' } as const;
  expect(await perennial.registry.transaction((manager) => findings.open(manager, found, { workflowId: null, runId: null }))).toBe(1);
  const alarm = await eventually(async () => (await perennial.call<{ items: AlarmAnswer[] }>('GET', '/v1/alarms')).body.items.find(({ summary }) => summary.startsWith('Finding 1 of unknown-model')), () => 'the word');
  expect(alarm).toMatchObject({ model: null, kind: 'findingOverdue', severity: 'critical', details: { model: 'unknown-model', finding: 1 } });
  expect(alarm.summary).not.toContain('trained');
  expect((await perennial.call('POST', '/v1/models/unknown-model/findings', requestOf())).status).toBe(404);
  expect((await close('val', 'unknown-model', 1)).body).toMatchObject({ number: 1 });
  expect((await perennial.call<{ items: FindingAnswer[] }>('GET', '/v1/models/unknown-model/findings')).body.items).toMatchObject([{ number: 1, closed: { by: 'val' } }]);
  expect((await perennial.call('GET', '/v1/models/never-heard-of/findings')).body).toMatchObject({ type: 'urn:perennial:ModelNotFound' });
  expect((await perennial.call('GET', `/v1/alarms/${alarm.id}`)).body['ended']).not.toBeNull();

  // Nothing is left that waits for a model that is none; registered, it has a life of its own.
  const standing = async (): Promise<string> => (await perennial.temporal.workflow.getHandle(modelWorkflowId('unknown-model')).describe()).status.name;
  await eventually(async () => ((await standing()) === 'COMPLETED' ? true : undefined), () => 'the workflow that closed the finding to end');
  await perennial.apply(specOf('unknown-model'));
  expect(await standing()).toBe('RUNNING');
});

it('all of it is done from a terminal', async () => {
  await perennial.apply(specOf('spoken'));
  const cli = async (user: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    const terminal = new RecordedTerminal({ columns: 160 });
    const code = await runCli(args, readEnvironment({ STATE_DIR: perennial.environment.STATE_DIR, PERENNIAL_USER: user }), 'main.js', terminal);
    return { code, stdout: terminal.stdout, stderr: terminal.stderr };
  };
  const asked = ['finding', 'open', 'spoken', '--severity', 'low', '--title', 'The colours are not explained', '--evidence', 'A table of them', '--owner', 'ann', '--due', '2199-01-01'];
  expect(JSON.parse((await cli('auditor', ...asked, '--json')).stdout)).toMatchObject({ model: 'spoken', number: 1 });
  expect((await cli('owner', 'findings', 'spoken')).stdout).toMatch(/1 +low +the model +request +ann .*open +The colours are not explained/);
  expect((await cli('owner', 'status', 'spoken')).stdout).toMatch(/open findings +1/);
  expect(await cli('owner', 'finding', 'close', 'spoken', '1', '--evidence', 'mine')).toMatchObject({ code: 1, stderr: expect.stringContaining('finding.close') as string });
  expect(await cli('validator', 'finding', 'close', 'spoken', '1', '--evidence', 'The table is there')).toMatchObject({ code: 0, stdout: 'finding 1 of spoken is closed\n' });
  expect((await cli('owner', 'findings', 'spoken')).stdout).toBe('No finding of spoken is open; --all shows those that are closed\n');
  expect((await cli('owner', 'findings', 'spoken', '1')).stdout).toMatch(/^CLOSED[^]*evidence +The table is there/);
  expect((await cli('owner', 'reviews', 'spoken')).stdout).toBe('spoken was never reviewed\n\nNo review is due: its spec states no use case.\n');
  expect(await cli('approver', 'review', 'spoken', 'continue', '--reason', 'stable')).toMatchObject({ code: 1, stderr: expect.stringContaining('states no use case, so it is not reviewed') as string });
  expect(await cli('approver', 'review', 'spoken', 'continueWithFindings', '--reason', 'x', '--findings', 'nowhere.json')).toMatchObject({ code: 1, stderr: expect.stringContaining('nowhere.json cannot be read as JSON') as string });
});

it('whoever applied the spec does not review it, whatever roles they have', async () => {
  await eventually(async () => ((await perennial.call('POST', '/v1/models', governed('own'), as('both'))).status === 202 ? undefined : true), () => 'the spec to be applied');
  expect((await trained('own')).outcome).toBe('promoted');
  expect((await settled('/v1/models/own/reviews', { outcome: 'continue', reason: 'mine' }, as('both'))).body).toMatchObject({ type: 'urn:perennial:ReviewRefused', detail: expect.stringContaining('both applied the spec in force and cannot review it as well') as string });
  expect((await settled('/v1/models/own/reviews', { outcome: 'continue', reason: 'as approved' }, as('val'))).body).toMatchObject({ number: 1 });
});
