import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApprovalAnswer } from '../../src/api/approvals/approvals.dto.js';
import type { StageMoved, StageMovesAnswer } from '../../src/api/stages/stages.dto.js';
import type { ValidationAnswer } from '../../src/api/validations/validations.dto.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { CHANGED_SIGNAL, COMMAND_UPDATE, deploymentWorkflowId, modelWorkflowId, retirementWorkflowId, useCaseApprovalWorkflowId, validationWorkflowId } from '../../src/contracts/motion.js';
import { SOUNDNESS_KEYS } from '../../src/contracts/validations.js';
import { makeApiKeys } from '../../src/registry/migrate.js';
import type { Tier } from '../../src/spec/risk-tier.js';
import { type Answer, eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, smallUseCase, writeEvents } from '../small-model.js';

const PEOPLE = { ben: ['approver'], cleo: ['approver'], vera: ['validator'], vito: ['validator'], dev: ['developer'], boss: ['administrator'], nele: ['auditor'] } as const;
type Person = keyof typeof PEOPLE;

const ANSWERS = Object.fromEntries(SOUNDNESS_KEYS.map((key) => [key, 'As the purpose of the test asks for.']));
const WHY = 'the figures of May are looked at again';

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

const as = (person?: Person): Record<string, string> => (person ? { authorization: `Bearer ${keys.get(person)}` } : {});

const specOf = (model: string, tier: Tier, purpose?: string): string =>
  smallSpec({ model, data: 'events', parameters: { rounds: 20, max_depth: 3 }, tier, ...(purpose && { purpose }), useCase: { ...smallUseCase(), regulations: ['SR 26-2'] } });

const newest = async (model: string): Promise<ApprovalAnswer> => (await perennial.call<{ items: ApprovalAnswer[] }>('GET', `/v1/models/${model}/approvals`)).body.items[0]!;
const vote = (person: Person, { model, number, digest }: Pick<ApprovalAnswer, 'model' | 'number' | 'digest'>, choice = 'approve'): Promise<Answer> =>
  perennial.call('POST', `/v1/models/${model}/approvals/${number}/votes`, { choice, digest, reason: 'read and weighed' }, as(person));

/** By its owner, where nobody is named. */
const move = (model: string, stage: string, action: string, person?: Person, version?: number): Promise<Answer<StageMoved & Record<string, unknown>>> =>
  perennial.call('POST', `/v1/models/${model}/stages/${stage}/${action}`, { reason: WHY, ...(version !== undefined && { version }) }, as(person));
const standingOf = async (model: string, stage: string): Promise<unknown> => (await movesOf(model)).stages.find((one) => one.stage === stage);
const movesOf = async (model: string): Promise<StageMovesAnswer> => (await perennial.call<StageMovesAnswer>('GET', `/v1/models/${model}/stages`)).body;

const requestRetrain = (model: string, week = 8): Promise<Answer> => perennial.call('POST', `/v1/models/${model}/retrains`, { asOf: asOfWeek(week) });

async function approved(model: string, tier: Tier): Promise<void> {
  await perennial.apply(specOf(model, tier));
  const asked = await newest(model);
  for (const person of ['ben', 'cleo'] as const) await vote(person, asked);
  expect(await newest(model)).toMatchObject({ outcome: 'approved' });
}

async function candidate(model: string, week = 8): Promise<number> {
  const ended = await perennial.awaitRetrain(model, await perennial.requestRetrain(model, { asOf: asOfWeek(week) }));
  expect(ended).toMatchObject({ outcome: 'validating' });
  return ended.version as number;
}

const read = async (model: string, version: number): Promise<ValidationAnswer> => (await perennial.call<ValidationAnswer>('GET', `/v1/models/${model}/versions/${version}/validation`)).body;
const standsAt = (model: string, version: number, waitsFor: ValidationAnswer['waitsFor']): Promise<ValidationAnswer> =>
  eventually(async () => {
    const one = await read(model, version);
    return one.waitsFor === waitsFor ? one : undefined;
  }, () => `the validation of ${model} to wait for ${waitsFor}`);
const decide = async (person: Person, model: string, version: number, decision = 'approve'): Promise<Answer> =>
  perennial.call('POST', `/v1/models/${model}/versions/${version}/validation/decision`, { decision, reportDigest: (await read(model, version)).reportDigest, reason: 'read the report', answers: ANSWERS }, as(person));
const statusOf = async (model: string, version: number): Promise<unknown> => (await perennial.call('GET', `/v1/models/${model}/versions/${version}`)).body['status'];
const champion = async (model: string): Promise<unknown> => (await perennial.call('GET', `/v1/models/${model}/champion`)).body['version'];
const entries = (model: string): Promise<{ action: string; actor: string; details: string }[]> =>
  perennial.registry.query("SELECT action, actor, convert_from(details, 'UTF8') AS details FROM audit_entry WHERE model = $1 ORDER BY id", [model]);

/** What an operator reads in the Temporal UI. */
const shown = async (workflowId: string): Promise<string> =>
  (await perennial.temporal.workflow.getHandle(workflowId).query<{ currentDetails?: string }>('__temporal_workflow_metadata')).currentDetails ?? '';

/** Past the API: a signal that the workflow does not know is put on the record, and it goes on. */
async function strangeTo(workflowId: string): Promise<void> {
  await eventually(() => perennial.temporal.workflow.getHandle(workflowId).signal('decide', 'approve').then(() => true as const, () => undefined), () => `${workflowId} to be there`);
  await eventually(async () => ((await perennial.registry.query<unknown[]>("SELECT FROM audit_entry WHERE action = 'signal.unknown' AND workflow_id = $1 AND $1 LIKE '%/' || model || '%'", [workflowId])).length > 0 ? true : undefined), () => 'the signal on the record');
}

it('a vote is refused while an approval is paused, and taken with the time that was left when it goes on', async () => {
  await perennial.apply(specOf('halted', 'medium'));
  const open = await newest('halted');
  const words = (): Promise<{ reason: string | null }[]> =>
    perennial.registry.query("SELECT over.reason FROM alarm LEFT JOIN alarm_end over ON over.alarm_id = alarm.id WHERE kind = 'approvalWaiting' AND model = 'halted' ORDER BY raised_at");
  await eventually(async () => ((await words()).length > 0 ? true : undefined), () => 'the voters to be told');
  const paused = await move('halted', 'useCaseApproval', 'pause');
  expect(paused).toMatchObject({ status: 200, body: { stage: 'useCaseApproval', subject: 1, action: 'pause', to: null } });
  expect((await vote('ben', open)).body).toMatchObject({
    status: 409, type: 'urn:perennial:StagePaused', why: WHY, pausedBy: expect.any(String) as string,
    detail: expect.stringMatching(/^Approval 1 of halted was paused by \S+ at .*Z: "the figures of May .*`perennial stage resume halted useCaseApproval --reason …` lets it go on$/) as string,
  });
  expect((await move('halted', 'useCaseApproval', 'pause')).body).toMatchObject({ type: 'urn:perennial:StageNotMovable', detail: expect.stringContaining('is paused already, by') as string });
  expect((await move('halted', 'useCaseApproval', 'resume', 'ben')).body).toMatchObject({ status: 403, permission: 'stage.steer' });
  expect((await movesOf('halted')).stages.map(({ state }) => state)).toEqual(['paused', 'notBegun', 'notBegun', 'notBegun', 'notBegun', 'notBegun']);
  expect((await movesOf('halted')).paused).toMatchObject([{ stage: 'useCaseApproval', subject: 1, reason: WHY }]);
  expect((await newest('halted')).paused).toMatchObject({ reason: WHY });
  await eventually(async () => ((await shown(useCaseApprovalWorkflowId('halted'))).includes('**Paused** by') ? true : undefined), () => 'the pause to be shown in the Temporal UI');
  await eventually(async () => ((await words())[0]?.reason != null ? true : undefined), () => 'the word to the voters to end');
  expect(await shown(useCaseApprovalWorkflowId('halted'))).toMatch(/#### Use case approval\n\n- \*\*Entry\*\*: ✔ a spec with [^]*- \*\*Exit\*\*: ✘ the approval is given[^]*- \*\*Accountable\*\*: the owner that the spec names \(/);
  expect(await shown(modelWorkflowId('halted'))).toMatch(/#### Production\n\n- \*\*Entry\*\*: ✘ a version is the champion/);

  // Past the API: a signal moves nothing, and an update without an accepted command has no effect.
  await perennial.temporal.workflow.getHandle(useCaseApprovalWorkflowId('halted')).signal(CHANGED_SIGNAL);
  await expect(perennial.temporal.workflow.getHandle(modelWorkflowId('halted')).executeUpdate(COMMAND_UPDATE, { args: ['7b0f1d5e-0000-4000-8000-000000000000'] })).rejects.toThrow();
  expect((await vote('ben', open)).body).toMatchObject({ type: 'urn:perennial:StagePaused' });

  expect((await move('halted', 'useCaseApproval', 'resume')).status).toBe(200);
  expect((await move('halted', 'useCaseApproval', 'resume')).body).toMatchObject({ type: 'urn:perennial:StageNotMovable', detail: 'Approval 1 of halted is not paused' });
  const after = await newest('halted');
  expect(after.paused).toBeNull();
  expect(Date.parse(after.expiresAt)).toBeGreaterThan(Date.parse(open.expiresAt));
  expect((await vote('ben', open)).body).toMatchObject({ outcome: 'approved' });
  expect(await standingOf('halted', 'useCaseApproval')).toMatchObject({
    state: 'done', explanation: 'Approval 1 was given for the spec in force.', exit: ["the approval is given, bound to the spec's digest"], accountable: 'the owner that the spec names', owner: expect.stringMatching(/./) as string,
    workflows: [{ workflowId: useCaseApprovalWorkflowId('halted'), temporalUrl: expect.stringContaining(encodeURIComponent(useCaseApprovalWorkflowId('halted'))) as string }],
  });
  await eventually(async () => ((await shown(useCaseApprovalWorkflowId('halted'))).includes('- **Exit**: ✔ the approval is given') ? true : undefined), () => 'the exit to be met');
  const told = await entries('halted');
  expect(told.filter(({ action }) => action === 'stage.steered')).toHaveLength(2);
  expect(told.filter(({ action }) => action === 'steerStage.refused')).toHaveLength(2);
  expect(told.filter(({ action }) => action === 'vote.refused')).toHaveLength(2);
  expect(told.filter(({ details }) => details.includes('figures of May'))).toEqual([]);
  expect((await words())[0]).toEqual({ reason: 'It is paused.' });
});

it('a use case is sent back to its author by who could decide, and abandoned by its owner until it is asked for again', async () => {
  await perennial.apply(specOf('returned', 'medium'));
  expect((await move('returned', 'useCaseApproval', 'send-back', 'dev')).body).toMatchObject({ status: 403, permission: 'stage.sendBack' });
  expect((await move('returned', 'useCaseApproval', 'send-back', 'vera')).body).toMatchObject({ status: 403, type: 'urn:perennial:Forbidden', detail: expect.stringContaining('vera could not decide over it') as string });
  const answers = await Promise.all([move('returned', 'useCaseApproval', 'send-back', 'ben'), move('returned', 'useCaseApproval', 'send-back', 'cleo')]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  expect(answers.find(({ status }) => status === 200)!.body).toMatchObject({ to: 'author' });
  const sent = await newest('returned');
  expect(sent).toMatchObject({ outcome: 'sentBack', reason: expect.stringMatching(/^(ben|cleo) sent it back\. the figures of May/) as string });
  expect((await vote('ben', sent)).body).toMatchObject({ type: 'urn:perennial:ApprovalNotOpen' });
  expect((await requestRetrain('returned')).body).toMatchObject({ type: 'urn:perennial:UseCaseNotApproved', detail: expect.stringContaining('was sent back') as string });
  expect((await perennial.call('POST', '/v1/models/returned/approvals', { reason: 'once more' })).body).toMatchObject({ type: 'urn:perennial:ApprovalNotOpen', detail: expect.stringContaining('mend the spec') as string });

  await perennial.apply(specOf('returned', 'medium', 'Shows that a plan that was sent back is asked for by another spec.'));
  expect(await newest('returned')).toMatchObject({ number: 2, outcome: null });
  expect((await move('returned', 'useCaseApproval', 'abandon', 'ben')).body).toMatchObject({ status: 403, permission: 'stage.steer' });
  expect((await move('returned', 'useCaseApproval', 'abandon')).status).toBe(200);
  expect((await move('returned', 'useCaseApproval', 'abandon')).body).toMatchObject({ type: 'urn:perennial:StageNotMovable', detail: expect.stringContaining('approval 2 was abandoned') as string });
  expect((await requestRetrain('returned')).body).toMatchObject({ type: 'urn:perennial:UseCaseNotApproved', detail: expect.stringContaining('approval 2 was abandoned') as string });
  expect((await perennial.call('POST', '/v1/models/returned/approvals', { reason: 'we try again' })).body).toMatchObject({ number: 3, outcome: null });
  expect((await vote('ben', await newest('returned'))).body).toMatchObject({ outcome: 'approved' });
});

it('a version is sent back to development and another one is made, validated and promoted; production holds the next', async () => {
  await approved('reworked', 'medium');
  const first = await candidate('reworked');
  await standsAt('reworked', first, 'validator');
  expect((await move('reworked', 'validation', 'pause')).body).toMatchObject({ subject: first });
  expect((await decide('vera', 'reworked', first)).body).toMatchObject({ type: 'urn:perennial:StagePaused' });
  await eventually(async () => ((await shown(validationWorkflowId('reworked', first))).includes('**Paused**') ? true : undefined), () => 'the pause to be shown');
  expect((await move('reworked', 'validation', 'send-back', 'ben')).body).toMatchObject({ status: 403, detail: expect.stringContaining('validation.decide') as string });
  expect((await move('reworked', 'validation', 'send-back', 'vera')).body).toMatchObject({ to: 'development', subject: first });
  expect(await standsAt('reworked', first, null)).toMatchObject({ outcome: 'sentBack', paused: null, reason: expect.stringContaining('vera sent it back to development.') as string });
  expect(await perennial.temporal.workflow.getHandle(validationWorkflowId('reworked', first)).result()).toMatchObject({ outcome: 'sentBack' });
  expect(await statusOf('reworked', first)).toBe('sentBack');
  expect((await decide('vito', 'reworked', first)).body).toMatchObject({ type: 'urn:perennial:ValidationNotOpen' });

  const [second, third] = [await candidate('reworked', 9), await candidate('reworked', 10)];
  for (const version of [second, third]) await standsAt('reworked', version, 'validator');
  expect(await standingOf('reworked', 'validation')).toMatchObject({ state: 'open', workflows: [{ workflowId: validationWorkflowId('reworked', second) }, { workflowId: validationWorkflowId('reworked', third) }] });
  expect((await move('reworked', 'validation', 'pause')).body).toMatchObject({ type: 'urn:perennial:StageNotMovable', detail: expect.stringContaining(`the versions ${second}, ${third} are being validated`) as string });
  expect((await move('reworked', 'production', 'pause')).status).toBe(200);
  expect((await requestRetrain('reworked', 11)).body).toMatchObject({ type: 'urn:perennial:StagePaused', detail: expect.stringContaining('The production of reworked was paused by') as string });
  expect((await decide('vera', 'reworked', second)).status).toBe(200);
  await eventually(async () => ((await shown(validationWorkflowId('reworked', second))).includes('The production of reworked was paused') ? true : undefined), () => 'the promotion to wait');
  expect(await champion('reworked')).toBeNull();
  expect((await move('reworked', 'validation', 'send-back', 'vera', second)).body).toMatchObject({ type: 'urn:perennial:StageNotMovable', detail: expect.stringContaining('was decided over (approve)') as string });
  expect((await move('reworked', 'production', 'abandon')).body).toMatchObject({ type: 'urn:perennial:StageNotMovable', detail: expect.stringContaining('perennial retire') as string });
  expect((await move('reworked', 'production', 'resume')).status).toBe(200);
  expect(await standsAt('reworked', second, null)).toMatchObject({ outcome: 'promoted' });
  await eventually(async () => (/- \*\*Required\*\*: ✔ the validation report\n- \*\*Exit\*\*: ✔ the version is the champion/.test(await shown(validationWorkflowId('reworked', second))) ? true : undefined), () => 'the exit of the validation to be shown');
  await eventually(async () => (/- \*\*Entry\*\*: ✔ a version is the champion/.test(await shown(modelWorkflowId('reworked'))) ? true : undefined), () => 'production to have begun');
  expect(await standingOf('reworked', 'production')).toMatchObject({ state: 'open', explanation: expect.stringContaining(`Version ${second} answers in default.`) as string, workflows: [{ workflowId: modelWorkflowId('reworked') }] });
  expect(await champion('reworked')).toBe(second);
  expect((await perennial.call('POST', '/v1/models/reworked/releases', { version: first, reason: 'all the same' })).body).toMatchObject({ type: 'urn:perennial:VersionUnfit', detail: expect.stringContaining('was sent back') as string });

  const answers = await Promise.all([move('reworked', 'validation', 'abandon'), move('reworked', 'validation', 'abandon', undefined, third)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  expect((await move('reworked', 'validation', 'abandon', undefined, third)).body).toMatchObject({ type: 'urn:perennial:StageNotMovable', detail: expect.stringContaining(`Version ${third} of reworked is not being validated`) as string });
  expect(await standsAt('reworked', third, null)).toMatchObject({ outcome: 'abandoned' });
  expect(await statusOf('reworked', third)).toBe('abandoned');
  expect(await champion('reworked')).toBe(second);
});

it('approvers send a version back to its validator, who decides anew', async () => {
  await approved('weighed', 'high');
  const version = await candidate('weighed');
  await standsAt('weighed', version, 'validator');
  expect((await decide('vera', 'weighed', version)).body).toMatchObject({ approval: 2 });
  await standsAt('weighed', version, 'approvers');
  const asked = await newest('weighed');
  expect((await vote('ben', asked)).body).toMatchObject({ outcome: null });
  expect((await move('weighed', 'validation', 'send-back', 'vito')).body).toMatchObject({ status: 403, detail: expect.stringContaining('approval.decide') as string });
  expect((await move('weighed', 'validation', 'send-back', 'cleo')).body).toMatchObject({ to: 'validator' });
  expect(await standsAt('weighed', version, 'validator')).toMatchObject({ decision: null, outcome: null, reportDigest: asked.evidence['report'] });
  expect((await vote('cleo', asked)).body).toMatchObject({ type: 'urn:perennial:ApprovalNotOpen', detail: expect.stringContaining('was sent back') as string });

  expect((await decide('vito', 'weighed', version)).body).toMatchObject({ approval: 3 });
  await standsAt('weighed', version, 'approvers');
  const again = await newest('weighed');
  expect(again).toMatchObject({ number: 3, digest: asked.digest, barred: { vito: 'decided over its validation' } });
  await vote('ben', again);
  expect((await vote('cleo', again)).body).toMatchObject({ outcome: 'approved' });
  expect(await standsAt('weighed', version, null)).toMatchObject({ outcome: 'promoted', decision: { actor: 'vito' } });
  const decisions = await perennial.registry.query("SELECT round, actor FROM validation_decision WHERE model = 'weighed' ORDER BY round");
  expect(decisions).toEqual([{ round: 1, actor: 'vera' }, { round: 2, actor: 'vito' }]);
});

it('a pause of development keeps retrains from starting and what one makes from its validation; abandoned, it ends', async () => {
  await approved('developed', 'medium');
  const number = await perennial.requestRetrain('developed', { asOf: asOfWeek(8) });
  expect((await move('developed', 'development', 'pause')).status).toBe(200);
  expect((await requestRetrain('developed', 9)).body).toMatchObject({ type: 'urn:perennial:StagePaused', detail: expect.stringContaining('`perennial stage resume developed development') as string });
  await eventually(async () => ((await shown(`retrain/developed/${number}`)).includes('Development is paused') ? true : undefined), () => 'the retrain to wait');
  await strangeTo(`retrain/developed/${number}`);
  expect((await perennial.call<{ items: unknown[] }>('GET', '/v1/models/developed/validations')).body.items).toEqual([]);
  expect((await move('developed', 'development', 'resume')).status).toBe(200);
  const { version } = await perennial.awaitRetrain('developed', number);
  await standsAt('developed', version as number, 'validator');
  await strangeTo(validationWorkflowId('developed', version as number));
  expect(await shown(`retrain/developed/${number}`)).toMatch(/#### Development\n[^]*✔ the trained version[^]*✔ the newest version meets the criteria of its exit[^]*Exit: \*\*pass\*\*[^]*\| pass \| plan \|\n[^]*\| pass \| environment \|/);

  const next = await perennial.requestRetrain('developed', { asOf: asOfWeek(9) });
  expect((await move('developed', 'development', 'abandon')).status).toBe(200);
  expect(await perennial.awaitRetrain('developed', next)).toMatchObject({ outcome: 'abandoned' });
  expect((await move('developed', 'development', 'abandon')).body).toMatchObject({ type: 'urn:perennial:StageNotMovable', detail: expect.stringContaining('No retrain of developed runs') as string });
  expect((await move('developed', 'development', 'send-back', 'ben')).body).toMatchObject({ to: 'useCaseApproval', approval: { number: 2, outcome: null } });
  expect((await requestRetrain('developed', 10)).body).toMatchObject({ type: 'urn:perennial:UseCaseNotApproved' });
  const opened = await newest('developed');
  expect((await vote('ben', opened)).body).toMatchObject({ type: 'urn:perennial:VoteRefused', detail: expect.stringContaining('ben sent the development back') as string });
  expect((await vote('cleo', opened)).body).toMatchObject({ outcome: 'approved' });
});

it('a release is paused, sent back to before it, and abandoned, after which its version never serves', async () => {
  await approved('released', 'medium');
  const [first, second] = [await candidate('released'), await candidate('released', 9)];
  for (const version of [first, second]) {
    await standsAt('released', version, 'validator');
    expect((await decide('vera', 'released', version)).status).toBe(200);
    await standsAt('released', version, null);
  }
  expect(await champion('released')).toBe(first);
  const release = (): Promise<Answer> => perennial.call('POST', '/v1/models/released/releases', { version: second, reason: 'as agreed' });
  const one = async (number: number): Promise<Record<string, unknown>> => (await perennial.call('GET', `/v1/models/released/releases/${number}`)).body;
  expect((await move('released', 'deployment', 'pause')).body).toMatchObject({ type: 'urn:perennial:StageNotMovable', detail: expect.stringContaining('No release of released is under way') as string });
  expect((await release()).body).toMatchObject({ number: 1 });
  expect((await move('released', 'deployment', 'pause')).body).toMatchObject({ subject: 1, action: 'pause' });
  expect(await one(1)).toMatchObject({ paused: true, outcome: null });
  await strangeTo(deploymentWorkflowId('released', second));
  expect((await move('released', 'deployment', 'resume')).status).toBe(200);
  expect(await one(1)).toMatchObject({ paused: false });
  expect((await move('released', 'deployment', 'send-back')).body).toMatchObject({ subject: 1, to: 'validation' });
  await eventually(async () => ((await one(1))['outcome'] === 'aborted' ? true : undefined), () => 'the release to be aborted');
  expect(await shown(deploymentWorkflowId('released', second))).toMatch(/#### Deployment\n\n- \*\*Entry\*\*: ✔ the version passed its gate[^]*✘ the watch of its release is over/);
  expect((await release()).body).toMatchObject({ number: 2 });
  expect((await move('released', 'deployment', 'abandon')).body).toMatchObject({ subject: 2, action: 'abandon' });
  await eventually(async () => ((await one(2))['outcome'] === 'aborted' ? true : undefined), () => 'the second release to be aborted');
  expect((await release()).body).toMatchObject({ type: 'urn:perennial:VersionUnfit', detail: expect.stringMatching(/release 2 was abandoned by/) as string });
  expect(await champion('released')).toBe(first);
  expect((await movesOf('released')).items.map(({ action, subject }) => `${action} ${subject}`)).toEqual(['abandon 2', 'sendBack 1', 'resume 1', 'pause 1']);
  expect((await movesOf('released')).paused).toEqual([]);
});

it('a retirement is paused and sent back to production; whoever leaves is replaced in what waits', async () => {
  await perennial.apply(specOf('leaving', 'high'));
  const asked = await newest('leaving');
  expect((await vote('ben', asked)).body).toMatchObject({ outcome: null });
  expect((await perennial.call('POST', '/v1/people/cleo/replace', { by: 'nele', reason: 'she leaves' }, as('boss'))).status).toBe(200);
  expect((await vote('cleo', asked)).status).toBe(401);
  expect((await vote('nele', asked)).body).toMatchObject({ outcome: 'approved' });

  expect((await perennial.call('POST', '/v1/models/leaving/retirement', { trigger: 'unused', reason: 'nobody asks it' })).status).toBe(200);
  const leave = await newest('leaving');
  expect((await move('leaving', 'retirement', 'pause')).status).toBe(200);
  await eventually(async () => (/#### Retirement\n\n- \*\*Entry\*\*: ✔ the owner asked for it[^]*✘ its traffic is drained: every gateway answers 410/.test(await shown(retirementWorkflowId('leaving'))) ? true : undefined), () => 'what retirement asks for to be shown');
  await strangeTo(retirementWorkflowId('leaving'));
  expect(await standingOf('leaving', 'retirement')).toMatchObject({ state: 'paused', explanation: 'Retirement 1: waits for its approval.' });
  expect((await vote('ben', leave)).body).toMatchObject({ type: 'urn:perennial:StagePaused', detail: expect.stringContaining('Retirement 1 of leaving') as string });
  expect((await move('leaving', 'retirement', 'send-back', 'nele')).body).toMatchObject({ to: 'production' });
  expect((await perennial.call('GET', '/v1/models/leaving/retirement')).body).toMatchObject({ state: 'withdrawn' });
  expect(await newest('leaving')).toMatchObject({ kind: 'retirement', outcome: 'sentBack' });
  expect((await requestRetrain('leaving')).status).toBe(202);

  expect((await move('unheard', 'production', 'pause')).body).toMatchObject({ type: 'urn:perennial:ModelNotFound' });
  await perennial.apply(smallSpec({ model: 'plain', data: 'events' }));
  expect(await standingOf('plain', 'useCaseApproval')).toMatchObject({ state: 'notAsked', explanation: 'The spec states no use case.' });
  expect((await move('plain', 'development', 'pause')).body).toMatchObject({ type: 'urn:perennial:StageNotMovable', detail: expect.stringContaining('states no use case') as string });
});

it('does all of it from a terminal', async () => {
  await perennial.apply(specOf('typed', 'medium'));
  const cli = async (...args: string[]) => {
    const terminal = new RecordedTerminal({ columns: 200 });
    return { code: await runCli(args, perennial.environment, 'main.js', terminal), out: terminal.stdout, err: terminal.stderr };
  };
  expect(await cli('stage', 'pause', 'typed', 'useCaseApproval', '--reason', 'the board is away')).toMatchObject({ code: 0, out: 'Approval 1 of typed is paused\n' });
  expect((await cli('stages', 'typed')).out).toMatch(/^Approval 1 of typed is paused by \S+ since .*: the board is away\nUse case approval: paused\nApproval 1 waits for votes\.\nentry +a spec with a useCase section[^]*\nRetirement: not begun\n/);
  expect(JSON.parse((await cli('stages', 'typed', '--json')).out)).toMatchObject({ stages: [{ stage: 'useCaseApproval', state: 'paused' }, {}, {}, {}, {}, {}], paused: [{ stage: 'useCaseApproval' }], items: [{ number: 1, action: 'pause' }] });
  expect((await cli('stage', 'resume', 'typed', 'useCaseApproval', '--reason', 'they are back')).out).toBe('Approval 1 of typed goes on\n');
  expect((await cli('stage', 'send-back', 'typed', 'useCaseApproval', '--reason', 'too thin')).out).toBe('Approval 1 of typed is sent back to its author: mend the spec and apply it\n');
  expect((await cli('stage', 'abandon', 'typed', 'useCaseApproval', '--reason', 'x')).code).toBe(1);
});
