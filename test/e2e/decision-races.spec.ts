import { randomUUID } from 'node:crypto';
import { WithStartWorkflowOperation } from '@temporalio/client';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApprovalAnswer } from '../../src/api/approvals/approvals.dto.js';
import { CHANGED_SIGNAL, COMMAND_UPDATE, modelWorkflowId, TASK_QUEUES, useCaseApprovalWorkflowId } from '../../src/contracts/motion.js';
import type { Role } from '../../src/contracts/roles.js';
import { makeApiKeys } from '../../src/registry/migrate.js';
import type { Tier } from '../../src/spec/risk-tier.js';
import { type Answer, eventually, Installation } from '../installation.js';
import { smallSpec, smallUseCase, writeEvents } from '../small-model.js';

const PEOPLE: Readonly<Record<string, readonly Role[]>> = { ben: ['approver'], cleo: ['approver'], dora: ['approver'], fay: ['owner', 'approver'], stranger: ['developer'], ada: ['administrator'] };
const COMPLETED = proto.temporal.api.enums.v1.UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED;
const NEVER = '00000000-0000-4000-8000-000000000000';

let perennial: Installation;
const keys = new Map<string, string>();

beforeAll(async () => {
  perennial = await Installation.start();
  await writeEvents(perennial.dataDir, 'events');
  const made = await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, Object.entries(PEOPLE).map(([name, roles]) => ({ name, roles: [...roles] })));
  Object.keys(PEOPLE).forEach((name, index) => keys.set(name, made[index]!));
}, 240_000);

afterAll(() => perennial?.stop());

const as = (person: string, key = randomUUID()): Record<string, string> => ({ authorization: `Bearer ${keys.get(person) ?? person}`, 'idempotency-key': key });
const specOf = (model: string, tier: Tier, approval: Record<string, unknown> = {}): string => smallSpec({ model, data: 'events', parameters: { rounds: 5, max_depth: 2 }, tier, useCase: smallUseCase(approval) });

/** A model whose use case waits for its approvers. */
async function open(model: string, tier: Tier = 'medium', approval: Record<string, unknown> = {}): Promise<ApprovalAnswer> {
  await perennial.apply(specOf(model, tier, approval));
  return newest(model);
}

const newest = async (model: string): Promise<ApprovalAnswer> => (await perennial.call<{ items: ApprovalAnswer[] }>('GET', `/v1/models/${model}/approvals`)).body.items[0] as ApprovalAnswer;
const decided = (model: string): Promise<ApprovalAnswer> => eventually(async () => {
  const now = await newest(model);
  return now.outcome === null ? undefined : now;
}, () => `the decision over ${model}`);

const votes = ({ model, number }: Pick<ApprovalAnswer, 'model' | 'number'>): string => `/v1/models/${model}/approvals/${number}/votes`;
const said = ({ digest }: Pick<ApprovalAnswer, 'digest'>, choice: string): Record<string, unknown> => ({ choice, digest, reason: 'read and weighed' });
const vote = (asked: ApprovalAnswer, choice: string, headers: Record<string, string>): Promise<Answer> => perennial.call('POST', votes(asked), said(asked, choice), headers);

/** On a busy machine it is carried out later; the same request again tells what became of it. */
const settled = (asked: ApprovalAnswer, choice: string, headers: Record<string, string>): Promise<Answer> => eventually(async () => {
  const answer = await vote(asked, choice, headers);
  return answer.status === 202 ? undefined : answer;
}, () => `the vote on ${asked.model}`);

interface Entry {
  readonly action: string;
  readonly actor: string;
  readonly model: string | null;
}
const entries = (action: string): Promise<Entry[]> => perennial.registry.query('SELECT action, actor, model FROM audit_entry WHERE action = $1 ORDER BY id', [action]);
const entriesOf = async (model: string, action: string): Promise<string[]> => (await entries(action)).filter((entry) => entry.model === model).map(({ actor }) => actor);
const workflow = (model: string) => perennial.temporal.workflow.getHandle(modelWorkflowId(model));

/** One decision: what the record holds of it, however many asked for it. */
async function expectOneDecision(model: string, counted: number): Promise<void> {
  const { number, votes: cast, outcome } = await decided(model);
  expect(cast).toHaveLength(counted);
  expect(await perennial.registry.query('SELECT outcome FROM approval_end WHERE model = $1 AND approval = $2', [model, number])).toEqual([{ outcome }]);
  const ended = await Promise.all(['approved', 'rejected', 'expired', 'voided'].map((one) => entriesOf(model, `approval.${one}`)));
  expect(ended.flat()).toHaveLength(1);
  expect(await entriesOf(model, 'approval.voted')).toHaveLength(counted);
}

describe('one decision, and each attempt on the record', () => {
  it('where the same person approves and rejects at the same moment', async () => {
    const asked = await open('torn', 'high');
    const answers = await Promise.all(['approve', 'reject', 'approve', 'abstain'].map((choice) => settled(asked, choice, as('ben'))));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
    for (const { body } of answers.filter(({ status }) => status === 409)) expect(['urn:perennial:VoteRefused', 'urn:perennial:ApprovalNotOpen']).toContain(body['type']);
    expect(await entriesOf('torn', 'vote.refused')).toEqual(['ben', 'ben', 'ben']);
    expect((await newest('torn')).votes).toHaveLength(1);
  });

  it('where one request is sent many times at once', async () => {
    const asked = await open('repeated');
    const headers = as('ben');
    const answers = await Promise.all(Array.from({ length: 6 }, () => settled(asked, 'approve', headers)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)).size).toBe(1);
    expect(answers[0]?.body).toMatchObject({ outcome: 'approved' });
    await expectOneDecision('repeated', 1);
    expect(await entriesOf('repeated', 'vote.refused')).toEqual([]);
    expect((await vote(asked, 'reject', headers)).body).toMatchObject({ status: 422, type: 'urn:perennial:IdempotencyKeyReused' });
  });

  it('where votes come in the moment in which it expires', async () => {
    const asked = await open('closing', 'high', { within: 'PT6S', remindEvery: 'PT2S' });
    expect((await settled(asked, 'approve', as('ben'))).status).toBe(200);
    const answers: Answer[] = [];
    // Too few to decide before, and after it each is refused.
    while ((await newest('closing')).outcome === null) answers.push(await settled(asked, 'abstain', as('dora')));
    const late = await settled(asked, 'approve', as('cleo'));
    expect(late.body).toMatchObject({ status: 409, type: 'urn:perennial:ApprovalNotOpen', detail: expect.stringMatching(/expired/) as string });
    expect(await newest('closing')).toMatchObject({ outcome: 'expired', reason: expect.stringContaining('ben: approve') as string });
    const counted = 1 + answers.filter(({ status }) => status === 200).length;
    expect(counted).toBeLessThanOrEqual(2);
    await expectOneDecision('closing', counted);
    expect(await entriesOf('closing', 'vote.refused')).toEqual([...answers.filter(({ status }) => status === 409).map(() => 'dora'), 'cleo']);
  });

  it('where the author votes, at once with another', async () => {
    await eventually(async () => ((await perennial.call('POST', '/v1/models', specOf('own', 'medium'), { authorization: as('fay')['authorization'] as string })).body['changed'] === undefined ? undefined : true), () => 'the spec to be applied');
    const asked = await newest('own');
    const [own, other] = await Promise.all([settled(asked, 'approve', as('fay')), settled(asked, 'reject', as('ben'))]);
    expect(other).toMatchObject({ status: 200, body: { outcome: 'rejected' } });
    expect(own.status).toBe(409);
    await expectOneDecision('own', 1);
    expect(await entriesOf('own', 'vote.refused')).toEqual(['fay']);
  });

  it('where strangers vote: who lacks the role is refused on the record, an administrator too, and who has no key is nobody', async () => {
    const asked = await open('strange');
    for (const person of ['stranger', 'ada']) expect((await vote(asked, 'approve', as(person))).body).toMatchObject({ status: 403, type: 'urn:perennial:Forbidden', permission: 'approval.decide' });
    expect((await vote(asked, 'approve', as('per_made-up'))).body).toMatchObject({ status: 401, type: 'urn:perennial:Unauthenticated' });
    await eventually(async () => ((await entriesOf('strange', 'access.refused')).length === 2 ? true : undefined), () => 'the refusals on the record');
    expect((await entriesOf('strange', 'access.refused')).sort()).toEqual(['ada', 'stranger']);
    expect(await newest('strange')).toMatchObject({ outcome: null, votes: [] });
  });
});

describe('past the API, straight to Temporal', () => {
  /** Types and words of an error and what caused it. */
  const refusedAs = (error: unknown): string => (error instanceof Error ? `${(error as { type?: string }).type ?? error.name}: ${error.message}; ${refusedAs(error.cause)}` : '');
  const unknown = async (): Promise<number> => (await entries('command.unknown')).length;

  it('an update with an id that no accepted command is behind decides nothing, each attempt on the record', async () => {
    await open('direct');
    const before = await unknown();
    const ids: readonly unknown[] = [NEVER, randomUUID(), 'approve', "x'; DROP TABLE command; --", 'a\u0000b', '', 7, null, { outcome: 'approved' }];
    for (const id of ids) expect(refusedAs(await workflow('direct').executeUpdate(COMMAND_UPDATE, { args: [id] }).catch((error: unknown) => error))).toContain('CommandUnknown');
    expect(await unknown()).toBe(before + ids.length);
    expect(await entriesOf('direct', 'command.unknown')).toEqual(ids.map(() => 'unknown'));
    expect(await newest('direct')).toMatchObject({ outcome: null, votes: [] });
  });

  it('the id of a vote that was counted counts no second time', async () => {
    const asked = await open('again', 'high');
    const { body } = await settled(asked, 'approve', as('ben'));
    const outcome = await workflow('again').executeUpdate(COMMAND_UPDATE, { args: [body['commandId'] as string] });
    expect(outcome).toMatchObject({ kind: 'vote', choice: 'approve', outcome: null });
    expect((await newest('again')).votes).toHaveLength(1);
    expect(await entriesOf('again', 'approval.voted')).toEqual(['ben']);
  });

  it('the id of a command of another model is as good as none', async () => {
    const [asked] = [await open('robbed'), await open('robber')];
    const headers = as('ben');
    const runner = perennial.registry.createQueryRunner();
    await runner.startTransaction();
    await runner.query("SELECT FROM model WHERE name = 'robbed' FOR UPDATE");
    const cast = vote(asked, 'approve', headers);
    const id = await eventually(async () => (await perennial.registry.query<{ id: string }[]>('SELECT id FROM command WHERE idempotency_key = $1', [headers['idempotency-key']]))[0]?.id, () => 'the vote to be accepted');
    const error = workflow('robber').executeUpdate(COMMAND_UPDATE, { args: [id] }).catch((caught: unknown) => caught);
    await runner.rollbackTransaction();
    await runner.release();
    expect(refusedAs(await error)).toContain('CommandUnknown');
    await cast;
    expect(await decided('robbed')).toMatchObject({ outcome: 'approved' });
    await expectOneDecision('robbed', 1);
    expect(await newest('robber')).toMatchObject({ outcome: null, votes: [] });
  });

  /** The workflow of the first stage, running. */
  async function stageOf(model: string) {
    const stage = perennial.temporal.workflow.getHandle(useCaseApprovalWorkflowId(model));
    await eventually(() => stage.describe().then(() => true as const, () => undefined), () => 'the workflow to start');
    return stage;
  }
  /** What the ledger has of signals, or updates, that a workflow did not know, in the order in which they came: several are put there at once. */
  async function strange<T extends { readonly nth: number }>(sent: string, workflowId: string): Promise<T[]> {
    const rows: { actor: string; model: string | null; details: Buffer }[] = await perennial.registry.query('SELECT actor, model, details FROM audit_entry WHERE action = $1 AND workflow_id = $2 ORDER BY id', [`${sent}.unknown`, workflowId]);
    const about = workflowId.startsWith('strange/') ? null : workflowId.split('/')[1] ?? null;
    expect(rows.filter(({ actor, model }) => actor !== 'unknown' || model !== about)).toEqual([]);
    return rows.map(({ details }) => {
      const { workflow: named, ...said } = JSON.parse(details.toString('utf8')) as T & { workflow: string };
      expect(named).toBe(workflowId);
      return said as unknown as T;
    }).sort((one, other) => one.nth - other.nth);
  }
  const strangeSignals = (workflowId: string): Promise<{ signal: string; nth: number }[]> => strange('signal', workflowId);
  const strangeUpdates = (workflowId: string): Promise<{ update: string; nth: number }[]> => strange('update', workflowId);
  const heardBy = (workflowId: string, signals: number): Promise<{ signal: string; nth: number }[]> => eventually(async () => {
    const heard = await strangeSignals(workflowId);
    return heard.length >= signals ? heard : undefined;
  }, () => `${signals} strange signals to ${workflowId} on the record`);

  it('signals tell a workflow to look, and it finds what the record has; what it does not know is put on the record by name and decides nothing', async () => {
    await open('signalled');
    const stage = await stageOf('signalled');
    for (const [name, args] of [[CHANGED_SIGNAL, []], [CHANGED_SIGNAL, [{ outcome: 'approved' }]], ['approve', ['ben']], ['decide', [{ outcome: 'approved' }]], [`${'x'.repeat(99)}😀`, []]] as const) await stage.signal(name, ...args);
    expect(await heardBy(stage.workflowId, 3)).toEqual([{ signal: 'approve', nth: 1 }, { signal: 'decide', nth: 2 }, { signal: `${'x'.repeat(99)}\uFFFD`, nth: 3 }]);
    const error = await stage.executeUpdate(COMMAND_UPDATE, { args: [NEVER] }).catch((caught: unknown) => caught);
    expect(refusedAs(error)).toContain('CommandUnknown');
    expect(await strangeUpdates(stage.workflowId)).toEqual([{ update: COMMAND_UPDATE, nth: 1 }]);
    expect((await stage.describe()).status.name).toBe('RUNNING');
    expect(await newest('signalled')).toMatchObject({ outcome: null, votes: [] });
    expect((await settled(await newest('signalled'), 'approve', as('ben'))).body).toMatchObject({ outcome: 'approved' });
    expect(await stage.result()).toMatchObject({ number: 1, outcome: 'approved' });
    await expectOneDecision('signalled', 1);
    expect(await strangeSignals(stage.workflowId)).toHaveLength(3);
  });

  it('a signal with a name that Temporal keeps for itself, or with what nobody can decode, stops no workflow', async () => {
    await open('wedged');
    const stage = await stageOf('wedged');
    const signal = (signalName: string) => perennial.temporal.workflowService.signalWorkflowExecution({
      namespace: perennial.temporal.options.namespace, workflowExecution: { workflowId: stage.workflowId }, signalName, input: { payloads: [{ metadata: { encoding: Buffer.from('binary/made-up') }, data: Buffer.from('?') }] },
    });
    for (const name of ['__temporal_decide', 'decide', CHANGED_SIGNAL]) await signal(name);
    expect(await heardBy(stage.workflowId, 2)).toEqual([{ signal: 'reserved __temporal_decide', nth: 1 }, { signal: 'decide', nth: 2 }]);
    expect((await settled(await newest('wedged'), 'approve', as('ben'))).body).toMatchObject({ outcome: 'approved' });
    expect(await stage.result()).toMatchObject({ outcome: 'approved' });
  });

  it('an update with a name that nobody knows or Temporal keeps for itself, or with what nobody can decode, is refused and on the record', async () => {
    await open('updated');
    const stage = await stageOf('updated');
    const update = async (workflowId: string, name: string): Promise<string> => {
      const { outcome } = await perennial.temporal.workflowService.updateWorkflowExecution({
        namespace: perennial.temporal.options.namespace, workflowExecution: { workflowId }, waitPolicy: { lifecycleStage: COMPLETED },
        request: { meta: { updateId: randomUUID(), identity: 'stranger' }, input: { name, args: { payloads: [{ metadata: { encoding: Buffer.from('binary/made-up') }, data: Buffer.from('?') }] } } },
      });
      return outcome?.failure?.applicationFailureInfo?.type ?? outcome?.failure?.cause?.applicationFailureInfo?.type ?? 'none';
    };
    expect(await update(stage.workflowId, 'approve')).toBe('CommandUnknown');
    expect(await update(stage.workflowId, '__temporal_decide')).toBe('CommandUnknown');
    expect(await strangeUpdates(stage.workflowId)).toEqual([{ update: 'approve', nth: 1 }, { update: 'reserved __temporal_decide', nth: 2 }]);
    const before = await unknown();
    expect(await update(modelWorkflowId('updated'), COMMAND_UPDATE)).toBe('CommandUnknown');
    expect(await unknown()).toBe(before + 1);
    expect((await settled(await newest('updated'), 'approve', as('ben'))).body).toMatchObject({ outcome: 'approved' });
    expect(await stage.result()).toMatchObject({ outcome: 'approved' });
  });

  it('workflows that wait for nobody put them on the record too', async () => {
    const started = [['rollback', { inputVersion: 1, model: 'nobodys', deployment: 'default', fromEpoch: 1 }], ['replay', { inputVersion: 1, model: 'nobodys', number: 1 }], ['governanceDue', {}]] as const;
    for (const [type, input] of started) {
      const workflowId = `strange/${type}`;
      const run = await perennial.temporal.workflow.signalWithStart(type, { workflowId, taskQueue: TASK_QUEUES.lifecycle, args: [input], signal: 'approve', signalArgs: ['ben'] });
      expect(await heardBy(workflowId, 1)).toEqual([{ signal: 'approve', nth: 1 }]);
      await run.terminate().catch(() => undefined);
    }
  });

  it('of a flood of signals the first twenty are on the record, and then each whose number has doubled', async () => {
    await open('flooded');
    const stage = await stageOf('flooded');
    for (let sent = 0; sent < 100; sent += 1) await stage.signal(`approve ${sent}`);
    const heard = await heardBy(stage.workflowId, 22);
    expect(heard.map(({ nth }) => nth)).toEqual([...Array.from({ length: 20 }, (_, index) => index + 1), 40, 80]);
    expect((await settled(await newest('flooded'), 'approve', as('ben'))).body).toMatchObject({ outcome: 'approved' });
    await stage.result();
    expect(await strangeSignals(stage.workflowId)).toHaveLength(22);
  });

  it('the lifecycle of a model puts them on the record too, and goes on', async () => {
    await open('entity');
    await workflow('entity').signal('promote', { version: 1 });
    expect(await heardBy(modelWorkflowId('entity'), 1)).toEqual([{ signal: 'promote', nth: 1 }]);
    expect((await settled(await newest('entity'), 'approve', as('ben'))).body).toMatchObject({ outcome: 'approved' });
  });

  it('a stage that is started past the API, with a signal, does not end before the signal is on the record', async () => {
    const workflowId = useCaseApprovalWorkflowId('nobodys');
    const started = await perennial.temporal.workflow.signalWithStart('useCaseApproval', {
      workflowId, taskQueue: TASK_QUEUES.lifecycle, args: [{ inputVersion: 1, model: 'nobodys' }], signal: 'approve', signalArgs: ['ben'],
    });
    expect(refusedAs(await started.result().catch((error: unknown) => error))).toContain('ApprovalNotOpen');
    expect(await strangeSignals(workflowId)).toEqual([{ signal: 'approve', nth: 1 }]);
  });

  it('a workflow that is started for a model that nobody registered finds nothing and ends', async () => {
    const before = await unknown();
    const start = new WithStartWorkflowOperation('modelLifecycle', {
      workflowId: modelWorkflowId('made-up'), taskQueue: TASK_QUEUES.lifecycle, args: [{ inputVersion: 1, model: 'made-up', handled: 0 }], workflowIdConflictPolicy: 'USE_EXISTING',
    });
    const error = await perennial.temporal.workflow.executeUpdateWithStart(COMMAND_UPDATE, { startWorkflowOperation: start, args: [NEVER] }).catch((caught: unknown) => caught);
    expect(refusedAs(error)).toContain('CommandUnknown');
    await eventually(async () => ((await workflow('made-up').describe()).status.name === 'COMPLETED' ? true : undefined), () => 'the workflow to end');
    expect(await unknown()).toBe(before + 1);
    expect((await perennial.call('GET', '/v1/models/made-up')).status).toBe(404);
  });
});
