import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AlarmAnswer } from '../../src/api/alarms/alarms.dto.js';
import type { ApprovalAnswer } from '../../src/api/approvals/approvals.dto.js';
import type { GoLiveListAnswer } from '../../src/api/go-lives/go-lives.dto.js';
import type { ModelDetail } from '../../src/api/models/models.dto.js';
import type { ValidationAnswer } from '../../src/api/validations/validations.dto.js';
import type { WhyAnswer } from '../../src/api/why/why.dto.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { modelWorkflowId, STATUS_QUERY, validationWorkflowId } from '../../src/contracts/motion.js';
import type { Role } from '../../src/contracts/roles.js';
import type { ModelStatus } from '../../src/contracts/status.js';
import { makeApiKeys } from '../../src/registry/migrate.js';
import { Receiver } from '../alarms/receiver.js';
import { type Answer, eventually, Installation } from '../installation.js';
import { asOfWeek, type SmallSpec, smallSpec, smallUseCase, writeEvents } from '../small-model.js';

const PEOPLE: Readonly<Record<string, readonly Role[]>> = { ben: ['approver'], vera: ['validator'], olga: ['owner'], otto: ['operator'] };
const CONDITION = { title: 'Nobody is told what to do', severity: 'medium', owner: 'test-team', dueAt: '2199-01-01T00:00:00Z', evidenceNeeded: 'A runbook' };

let perennial: Installation;
let receiver: Receiver;
const keys = new Map<string, string>();

beforeAll(async () => {
  receiver = await Receiver.start();
  receiver.answer(200);
  // One connection a process: a transaction that waits for a second one would wait for itself.
  perennial = await Installation.start({ DATABASE_POOL: '1', GOVERNANCE_EVERY: 'PT1S', GOVERNANCE_REMIND_EVERY: 'PT4S', ALARM_WEBHOOK_URL: receiver.url, ALARM_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}` });
  await writeEvents(perennial.dataDir, 'events');
  const made = await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, Object.entries(PEOPLE).map(([name, roles]) => ({ name, roles })));
  Object.keys(PEOPLE).forEach((name, index) => keys.set(name, made[index]!));
}, 240_000);

afterAll(async () => {
  await perennial?.stop();
  receiver?.stop();
});

const as = (person: string): Record<string, string> => ({ authorization: `Bearer ${keys.get(person)}` });
const { runbook: _runbook, ...UNPREPARED } = smallUseCase() as Record<string, unknown>;
const specOf = (model: string, changes: Partial<SmallSpec> = {}): string =>
  smallSpec({ model, data: 'events', parameters: { rounds: 5, max_depth: 2 }, gates: { absolute: [{ metric: 'auc', min: 0.51 }], comparison: { metric: 'auc' } }, useCase: smallUseCase(), ...changes });

/** On a busy machine a command is carried out later; the same one again tells what became of it. */
async function settled(path: string, body: unknown, headers: Record<string, string>): Promise<Answer> {
  const key = { 'idempotency-key': randomUUID() };
  return eventually(async () => {
    const answer = await perennial.call('POST', path, body, { ...headers, ...key });
    return answer.status === 202 && answer.body['state'] === 'accepted' ? undefined : answer;
  }, () => path);
}

async function approve(model: string, number: number): Promise<void> {
  const { digest } = (await perennial.call<ApprovalAnswer>('GET', `/v1/models/${model}/approvals/${number}`)).body;
  expect((await settled(`/v1/models/${model}/approvals/${number}/votes`, { choice: 'approve', digest, reason: 'read and weighed' }, as('ben'))).body).toMatchObject({ outcome: 'approved' });
}

const validation = async (model: string, version: number): Promise<ValidationAnswer> => (await perennial.call<ValidationAnswer>('GET', `/v1/models/${model}/versions/${version}/validation`)).body;
const until = <T>(read: () => Promise<T>, met: (value: T) => boolean, what: string): Promise<T> => eventually(async () => {
  const value = await read();
  return met(value) ? value : undefined;
}, () => what);
const detail = async (model: string): Promise<ModelDetail> => (await perennial.call<ModelDetail>('GET', `/v1/models/${model}`)).body;
const held = (model: string, name: string): Promise<ModelDetail> => until(() => detail(model), ({ heldSetUps: [one] }) => one?.missing.map((missing) => missing.name).join() === name, `${model} to be held by ${name}`);
const ended = (model: string, version: number): Promise<ValidationAnswer> => until(() => validation(model, version), ({ outcome }) => outcome !== null, `the validation of version ${version} of ${model}`);
const alarms = async (model: string, kind: string): Promise<AlarmAnswer[]> => (await perennial.call<{ items: AlarmAnswer[] }>('GET', `/v1/alarms?model=${model}`)).body.items.filter((alarm) => alarm.kind === kind);
const confirm = (person: string, model: string, version: number): Promise<Answer> => settled(`/v1/models/${model}/versions/${version}/go-live/confirm`, { reason: 'It answers, and its windows are watched' }, as(person));
const actions = async (model: string): Promise<string[]> => (await perennial.registry.query<{ action: string }[]>('SELECT action FROM audit_entry WHERE model = $1 ORDER BY id', [model])).map(({ action }) => action);

/** A retrain whose version a validator lets serve: where something is missing, on condition. */
async function approved(model: string, week: number, conditional: boolean): Promise<number> {
  const { version } = await perennial.awaitRetrain(model, await perennial.requestRetrain(model, { asOf: asOfWeek(week) }));
  const { reportDigest } = await until(() => validation(model, version as number), ({ waitsFor }) => waitsFor === 'validator', `the validation of ${model} to wait for a validator`);
  const path = `/v1/models/${model}/versions/${version}/validation/decision`;
  const said = { reportDigest, reason: 'read the report' };
  if (conditional) {
    expect((await settled(path, { decision: 'approve', ...said }, as('vera'))).body).toMatchObject({ type: 'urn:perennial:DecisionRefused', detail: expect.stringContaining('documents: fail') as string });
    expect((await validation(model, version as number)).checks.find(({ name }) => name === 'documents')!.explanation).toContain('runbook (useCase.runbook)');
  }
  expect((await settled(path, conditional ? { decision: 'conditional', ...said, findings: [CONDITION] } : { decision: 'approve', ...said }, as('vera'))).status).toBe(200);
  return version as number;
}

it('a version without a runbook is held, a spec that brings one lets it go live, and its owner confirms it once', async () => {
  await perennial.apply(specOf('prepared', { tier: 'medium', useCase: UNPREPARED }));
  await approve('prepared', 1);
  const version = await approved('prepared', 8, true);

  const waiting = await held('prepared', 'runbook');
  expect(waiting).toMatchObject({ goLives: [], deployments: [{ champion: null }], heldSetUps: [{ version, workflowId: validationWorkflowId('prepared', version) }] });
  expect(await validation('prepared', version)).toMatchObject({ outcome: null, waitsFor: 'promotion' });
  const [word] = await until(() => alarms('prepared', 'setUpHeld'), ({ length }) => length > 0, 'the word that it is held');
  expect(word).toMatchObject({ severity: 'warning', ended: null, summary: expect.stringMatching(/^Version 1 of prepared is approved and does not go live in default\. runbook: A medium tier goes live with a runbook: .* It goes on by itself\.$/) as string });
  const status = await until(() => perennial.temporal.workflow.getHandle(modelWorkflowId('prepared')).query<ModelStatus>(STATUS_QUERY), ({ heldSetUps }) => heldSetUps?.length === 1, 'the lifecycle to show it');
  expect(status.heldSetUps?.[0]?.missing.map(({ name }) => name)).toEqual(['runbook']);
  const attributes = async (): Promise<string> => JSON.stringify((await perennial.temporal.workflow.getHandle(validationWorkflowId('prepared', version)).describe()).typedSearchAttributes.getAll());
  expect(await attributes()).toContain('"setUp"');

  await perennial.apply(specOf('prepared', { tier: 'medium' }));
  expect((await held('prepared', 'useCase')).heldSetUps[0]!.missing[0]!.explanation).toContain('approval 2 is open');
  expect((await validation('prepared', version)).outcome).toBeNull();
  await approve('prepared', 2);
  expect(await ended('prepared', version)).toMatchObject({ outcome: 'promoted' });
  const { specDigest, goLives, heldSetUps } = await detail('prepared');
  expect({ goLives, heldSetUps }).toEqual({ goLives: [{ deployment: 'default', version, epoch: 1, asks: true, confirmedBy: null }], heldSetUps: [] });
  expect((await alarms('prepared', 'setUpHeld')).every((alarm) => alarm.ended !== null)).toBe(true);
  const [proof] = await perennial.registry.query<{ key: string; alarm: string }[]>("SELECT proof_key AS key, alarm_id AS alarm FROM monitoring_proof WHERE model = 'prepared'");
  expect(proof!.key).toBe(`setUp/${version}/${specDigest}`);
  expect(receiver.received.some(({ body }) => body.includes(proof!.alarm))).toBe(true);

  const words = await until(() => alarms('prepared', 'goLiveUnconfirmed'), ({ length }) => length >= 2, 'the owner to be told again');
  expect(words.at(-1)).toMatchObject({ severity: 'warning', ended: { reason: 'Told again.' }, summary: expect.stringContaining('Its owner test-team confirms that it is live as approved, with `perennial confirm-go-live prepared 1 --reason …`') as string });
  await until(() => Promise.resolve(receiver.received), (received) => received.some(({ body }) => body.includes('goLiveUnconfirmed')), 'the word to arrive');

  expect((await confirm('otto', 'prepared', version)).body).toMatchObject({ status: 403, permission: 'goLive.confirm', roles: ['owner'] });
  expect((await confirm('olga', 'prepared', 7)).body).toMatchObject({ status: 409, type: 'urn:perennial:GoLiveNotConfirmable', detail: expect.stringContaining('version 1 does, and is to be confirmed') as string });
  const both = await Promise.all([confirm('olga', 'prepared', version), confirm('olga', 'prepared', version)]);
  expect(both.map(({ status: code }) => code).sort()).toEqual([200, 409]);
  expect(both.find(({ status: code }) => code === 200)!.body).toMatchObject({ version, epoch: 1, specDigest });
  expect((await confirm('olga', 'prepared', version)).body).toMatchObject({ type: 'urn:perennial:GoLiveNotConfirmable', detail: expect.stringMatching(/^olga has confirmed at .*; it is confirmed once$/) as string });

  expect((await alarms('prepared', 'goLiveUnconfirmed')).every((alarm) => alarm.ended !== null)).toBe(true);
  expect((await detail('prepared')).goLives).toMatchObject([{ confirmedBy: 'olga' }]);
  const { body: why } = await perennial.call<WhyAnswer>('GET', '/v1/models/prepared/why');
  expect(why.goLive).toMatchObject({ version, specDigest, way: 'first', asks: true, confirmed: { by: 'olga', reason: 'It answers, and its windows are watched' }, setUp: { ready: true, specDigest } });
  expect(why.goLive!.setUp!.criteria.map(({ name, state }) => `${name} ${state}`)).toEqual(['useCase met', 'runbook met', 'thresholds met', 'baseline met', 'alarm met']);
  expect(why.entries.map(({ action }) => action)).toEqual(expect.arrayContaining(['setUp.held', 'setUp.ready', 'goLive.happened', 'goLive.confirmed']));
  // How often it was held depends on what a look finds between two steps of the approval.
  const lived = (await actions('prepared')).filter((action) => /^(setUp|goLive|confirmGoLive)/.test(action));
  expect(lived.filter((action) => action === 'setUp.held').length).toBeGreaterThanOrEqual(2);
  expect(lived.filter((action, index) => action !== lived[index - 1] || action !== 'setUp.held')).toEqual(
    ['setUp.held', 'setUp.ready', 'goLive.happened', 'confirmGoLive.refused', 'goLive.confirmed', 'confirmGoLive.refused', 'confirmGoLive.refused']);
});

it('of a low tier nobody asks for a runbook, an alarm has to arrive, and only the first version is to be confirmed', async () => {
  receiver.answer(500);
  await perennial.apply(specOf('swift', { useCase: UNPREPARED, parameters: { rounds: 1, max_depth: 1 } }));
  const first = await perennial.requestRetrain('swift', { asOf: asOfWeek(6) });
  expect((await held('swift', 'alarm')).heldSetUps[0]!.missing[0]!.explanation).toContain('the alarm did not arrive');
  expect((await perennial.call<GoLiveListAnswer>('GET', '/v1/models/swift/go-lives')).body).toMatchObject({ held: [{ version: 1 }], items: [] });
  receiver.answer(200);
  expect(await perennial.awaitCandidate('swift', first)).toMatchObject({ outcome: 'promoted', version: 1 });
  const { body: why } = await perennial.call<WhyAnswer>('GET', '/v1/models/swift/why');
  expect(why.goLive).toMatchObject({ asks: true, confirmed: null, setUp: { ready: true, criteria: expect.arrayContaining([expect.objectContaining({ name: 'runbook', state: 'advised' })]) as unknown } });

  const cli = async (user: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    const terminal = new RecordedTerminal({ columns: 160 });
    const code = await runCli(args, readEnvironment({ STATE_DIR: perennial.environment.STATE_DIR, PERENNIAL_USER: user }), 'main.js', terminal);
    return { code, stdout: terminal.stdout, stderr: terminal.stderr };
  };
  expect((await cli('owner', 'status', 'swift')).stdout).toMatch(/gone live +default: v1 \(epoch 1\), not confirmed by its owner: perennial confirm-go-live swift 1/);
  expect(await cli('developer', 'confirm-go-live', 'swift', '1', '--reason', 'mine')).toMatchObject({ code: 1, stderr: expect.stringContaining('goLive.confirm') as string });
  expect(await cli('owner', 'confirm-go-live', 'swift', '1', '--reason', 'it answers')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^you confirmed that version 1 of swift went live in default, epoch 1, under the spec sha256:/) as string });
  expect((await cli('owner', 'why', 'swift')).stdout).toMatch(/owner\s+confirmed\s+at\s[^“]*that\s+version\s+1\s+went\s+live/);

  await perennial.apply(specOf('swift', { useCase: UNPREPARED, parameters: { rounds: 150, max_depth: 5 } }));
  expect(await perennial.awaitCandidate('swift', await perennial.requestRetrain('swift', { asOf: asOfWeek(10) }))).toMatchObject({ outcome: 'promoted', version: 2 });
  const [told] = await until(() => alarms('swift', 'wentLive'), ({ length }) => length > 0, 'the owner to be told');
  expect(told).toMatchObject({ severity: 'info', ended: { reason: 'It is for information.' }, summary: expect.stringContaining('has confirmed an earlier version of this low tier') as string });
  expect((await perennial.call<GoLiveListAnswer>('GET', '/v1/models/swift/go-lives')).body.items).toMatchObject([{ version: 2, epoch: 2, way: 'immediate', asks: false, confirmed: null }, { version: 1, asks: true, confirmed: { by: 'owner' } }]);
  expect((await cli('owner', 'go-lives', 'swift')).stdout).toMatch(/default +2 +2 .*immediate.*not asked for\s+default +1 +1 .*first.*by owner at/);
  expect((await confirm('olga', 'swift', 1)).body).toMatchObject({ type: 'urn:perennial:GoLiveNotConfirmable', detail: expect.stringContaining('version 2 does') as string });
});

it('a release goes no step forward without a runbook, and what it promotes is to be confirmed anew', async () => {
  const rollout = { checkEvery: 'PT1S', canary: { steps: [50] } };
  await perennial.apply(specOf('stepwise', { tier: 'medium', rollout, parameters: { rounds: 1, max_depth: 1 } }));
  await approve('stepwise', 1);
  const first = await approved('stepwise', 6, false);
  expect(await ended('stepwise', first)).toMatchObject({ outcome: 'promoted' });
  const strong = { tier: 'medium', rollout, parameters: { rounds: 150, max_depth: 5 } } as const;
  await perennial.apply(specOf('stepwise', { ...strong, useCase: UNPREPARED }));
  await approve('stepwise', 2);
  expect(await ended('stepwise', await approved('stepwise', 10, true))).toMatchObject({ outcome: 'releasing' });
  const release = async () => (await perennial.call<{ stage: string; reason: string | null }>('GET', '/v1/models/stepwise/releases/1')).body;
  expect(await until(release, ({ reason }) => reason?.includes('runbook') === true, 'the release to be held')).toMatchObject({ stage: 'queued', reason: expect.stringContaining('A medium tier goes live with a runbook') as string });
  await perennial.apply(specOf('stepwise', strong));
  await until(release, ({ reason }) => reason?.includes('approval 3 is open') === true, 'the release to wait for the use case as it is stated now');
  await approve('stepwise', 3);
  for (const stage of ['shadow', 'canary', 'watch']) {
    await until(release, (now) => now.stage === stage, `the ${stage}`);
    if (stage !== 'watch') await settled('/v1/models/stepwise/releases/1/advance', { reason: 'on with it' }, {});
  }
  expect((await perennial.call<GoLiveListAnswer>('GET', '/v1/models/stepwise/go-lives')).body).toMatchObject({ held: [], items: [{ version: 2, way: 'release', asks: true, confirmed: null }, { version: 1, way: 'first', asks: true, confirmed: null }] });
  const words = await until(() => alarms('stepwise', 'goLiveUnconfirmed'), (found) => found.some(({ ended: over, summary }) => over === null && summary.startsWith('Version 2 of stepwise answers')), 'the owner to be told of the new one');
  expect(words.filter(({ summary }) => summary.startsWith('Version 1')).map(({ ended: over }) => over?.reason)).toContain('Version 2 answers now.');
  expect((await confirm('olga', 'stepwise', first)).body).toMatchObject({ type: 'urn:perennial:GoLiveNotConfirmable' });
  expect((await confirm('olga', 'stepwise', 2)).status).toBe(200);
  expect((await perennial.call<WhyAnswer>('GET', '/v1/models/stepwise/why')).body.goLive).toMatchObject({ way: 'release', confirmed: { by: 'olga' }, setUp: null });

  // It was validated under a spec that is not in force any more: it comes back, and is not brought into service anew.
  expect((await perennial.call('POST', '/v1/models/stepwise/releases', { version: first, reason: 'the old one' })).body).toMatchObject({ type: 'urn:perennial:VersionUnfit', detail: expect.stringContaining('was validated and approved under the spec') as string });
  expect((await settled('/v1/models/stepwise/rollbacks', { toVersion: first, reason: 'it was better' }, {})).body).toMatchObject({ toVersion: first });
});
