import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AlarmActivities } from '../../activities/alarms.activities.js';
import { ApprovalsActivities } from '../../activities/approvals.activities.js';
import { FailureInterceptor } from '../../activities/failure-interceptor.js';
import { GovernanceActivities } from '../../activities/governance.activities.js';
import { RegistryActivities } from '../../activities/registry.activities.js';
import { RolloutActivities } from '../../activities/rollout.activities.js';
import { ValidationCourseActivities } from '../../activities/validation-course.activities.js';
import { approvalFacts } from '../../src/api/approvals/approvals.dto.js';
import { validationFacts } from '../../src/api/validations/validations.dto.js';
import { readEnvironment } from '../../src/config/environment.js';
import { requireServers } from '../../src/config/servers.js';
import type { ApprovalStanding } from '../../src/contracts/approvals.js';
import { canonicalJson, sha256 } from '../../src/contracts/canonical.js';
import type { CommandBodies, CommandKind, CommandOutcome } from '../../src/contracts/commands.js';
import { modelWorkflowId, TASK_QUEUES } from '../../src/contracts/motion.js';
import type { ValidationStanding } from '../../src/contracts/validations.js';
import { prepareStateFolder } from '../../src/embedded/state-folder.js';
import { startTemporal, type TemporalServer } from '../../src/embedded/temporal-server.js';
import { checksLeft } from '../../src/lifecycle/validation-decision.js';
import { ApprovalsRepository } from '../../src/registry/approvals.repository.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { AuditTreeRepository, exportLines } from '../../src/registry/audit-tree.repository.js';
import { CallersRepository } from '../../src/registry/callers.repository.js';
import { CommandsRepository } from '../../src/registry/commands.repository.js';
import { ExperimentsRepository } from '../../src/registry/experiments.repository.js';
import { FindingsRepository } from '../../src/registry/findings.repository.js';
import { LegalHoldsRepository } from '../../src/registry/legal-holds.repository.js';
import { PeopleTurn } from '../../src/registry/people-turn.js';
import { ModelCourse } from '../../src/registry/testing/model-course.js';
import { TextErasures } from '../../src/registry/text-erasures.repository.js';
import { ValidationsRepository } from '../../src/registry/validations.repository.js';
import { parseSpec } from '../../src/spec/parse-spec.js';
import { WorkerModule } from '../../src/worker/worker.module.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { smallSpec, smallUseCase } from '../small-model.js';

const MODEL = 'canaries';
const WORD = 'Kanarienvogel';
const NOBODY = { workflowId: null, runId: null };
const REPORT = `sha256:${'1'.repeat(64)}`;

let folder: string;
let server: RegistryServer;
let temporal: TemporalServer;
let rooms: INestApplicationContext;
let client: Client;
let course: ModelCourse;
let ledger: AuditLedger;
let commands: CommandsRepository;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-words-'));
  prepareStateFolder(folder);
  mkdirSync(join(folder, 'work'));
  [server, temporal] = await Promise.all([startRegistryServer(), startTemporal({ stateDir: folder, preferredPort: 37_353, preferredUiPort: 38_353, log: () => undefined })]);
  ledger = new AuditLedger(server.dataSource);
  commands = new CommandsRepository(server.dataSource, ledger);
  course = new ModelCourse(server.dataSource, MODEL);
  for (const [name, role] of [['ann', 'owner'], ['ann', 'operator'], ['ann', 'developer'], ['ben', 'approver'], ['vera', 'validator'], ['gone', 'developer']] as const) await server.apiKey(name, [role]);
  await work();
}, 240_000);

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await temporal?.stop();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Put together as the role does it, with the activities that decide and record. */
async function work(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const environment = readEnvironment({
    DATABASE_URL: server.databaseUrl, TEMPORAL_ADDRESS: temporal.address, ARTIFACT_URL: join(folder, 'artifacts'), WORK_DIR: join(folder, 'work'), LOG_LEVEL: 'error',
  });
  rooms = await NestFactory.createApplicationContext(WorkerModule.forEnvironment(requireServers(environment)), { logger: ['error'] });
  const [registry, course_, governance, alarms, approvals, rollout] = [rooms.get(RegistryActivities), rooms.get(ValidationCourseActivities), rooms.get(GovernanceActivities), rooms.get(AlarmActivities), rooms.get(ApprovalsActivities), rooms.get(RolloutActivities)];
  const [connection, native] = [await Connection.connect({ address: temporal.address }), await NativeConnection.connect({ address: temporal.address })];
  client = new Client({ connection });
  const worker = await Worker.create({
    connection: native, taskQueue: TASK_QUEUES.lifecycle,
    workflowBundle: await bundleWorkflowCode({ workflowsPath: join(import.meta.dirname, 'act.workflow.ts'), logger: new DefaultLogger('ERROR') }),
    activities: {
      handleCommand: registry.handleCommand.bind(registry), openValidation: course_.openValidation.bind(course_), readValidation: course_.readValidation.bind(course_), endValidation: course_.endValidation.bind(course_),
      readApproval: approvals.readApproval.bind(approvals), escalateOverdue: governance.escalateOverdue.bind(governance), raiseAlarm: alarms.raiseAlarm.bind(alarms), endAlarm: alarms.endAlarm.bind(alarms),
      promote: rollout.promote.bind(rollout),
    },
    interceptors: { activity: [() => ({ inbound: new FailureInterceptor() })] },
  });
  const running = worker.run();
  closing.push(async () => {
    worker.shutdown();
    await running;
    await Promise.all([native.close(), connection.close(), rooms.close()]);
  });
}

const act = <T>(name: string, ...input: unknown[]): Promise<T> =>
  client.workflow.execute('act', { workflowId: modelWorkflowId(MODEL), taskQueue: TASK_QUEUES.lifecycle, args: [name, input] }) as Promise<T>;

/** Something that a person writes, other words each time. */
const words = (where: string): string => `${WORD} ${where}`;

const EXPERIMENT = { name: 'warm-up', parameters: {}, dataVersion: 'd', codeVersion: 'c', metrics: {}, artifacts: {}, notes: words('in notes'), startedAt: null, finishedAt: null };

async function ask<K extends CommandKind>(actor: string, kind: K, body: CommandBodies[K]): Promise<CommandOutcome> {
  const { command } = await commands.accept({ actor, idempotencyKey: randomUUID(), kind, model: MODEL, body }, new Date());
  return act('handleCommand', command.id);
}

async function apply(purpose: string): Promise<void> {
  const source = smallSpec({ model: MODEL, tier: 'medium', purpose, useCase: { ...smallUseCase(), regulations: ['SR 26-2'] } });
  expect(await ask('ann', 'apply', { source })).toMatchObject({ kind: 'apply' });
  course.specDigest = parseSpec(source).digest;
}

const approvals = (): ApprovalsRepository => rooms.get(ApprovalsRepository);
const newestUseCase = async () => (await approvals().newest({ kind: 'useCase', model: MODEL, version: null }))!;
const retrain = (where: string) => ask('ann', 'retrain', { deployment: 'default', asOf: null, reason: words(where) });
const release = (version: number, where: string) => ask('ann', 'release', { deployment: 'default', version, reason: words(where) });

async function approve(where: string): Promise<void> {
  const { approval: { number, digest } } = await newestUseCase();
  expect(await ask('ben', 'vote', { approval: number, choice: 'approve', digest, reason: words(where) })).toMatchObject({ outcome: 'approved' });
}

/** A version whose checks are made and whose validator is asked, and reminded. */
async function validating(): Promise<number> {
  const version = await course.trained('perennial', 'It is time.');
  const retrained = await server.dataSource.query<[{ number: number }]>('SELECT number FROM retrain WHERE model = $1 AND version = $2', [MODEL, version]);
  await act('openValidation', { model: MODEL, number: retrained[0].number }, 'It passed its gate.');
  const validations = rooms.get(ValidationsRepository);
  for (const name of checksLeft(parseSpec(smallSpec({ model: MODEL, tier: 'medium' })).spec, [])) await validations.addCheck({ model: MODEL, version }, { name, verdict: 'pass', explanation: 'It is.', figures: {} }, new Date(), NOBODY);
  await validations.addReport({ model: MODEL, version }, REPORT, new Date(), NOBODY);
  await act('raiseAlarm', { kind: 'validationWaiting', severity: 'info', model: MODEL, deployment: null, subject: `validation/${version}`, dedupKey: `validation/${version}`, summary: 'It waits.', details: {}, test: false });
  return version;
}

/** As its workflow ends a validation. @returns what it came to */
async function ended(version: number): Promise<unknown> {
  const id = { model: MODEL, version };
  const { step } = await act<ValidationStanding>('readValidation', id);
  if (step.kind === 'end') await act('endValidation', id, { outcome: step.outcome, reason: step.reason });
  const over = (await act<ValidationStanding>('readValidation', id)).step as Extract<ValidationStanding['step'], { kind: 'ended' }>;
  await act('endAlarm', `validation/${version}`, `${over.outcome}: ${over.reason}`);
  return over;
}

const decision = (version: number, where: string): CommandBodies['decideValidation'] => ({ version, choice: 'reject', reportDigest: REPORT, reason: words(where), answers: { data: words(`${where}, its answer`) }, findings: [] });
const shown = async (version: number) => validationFacts(await rooms.get(ValidationsRepository).get({ model: MODEL, version }));

it('is in no leaf, whatever becomes of a version that is rejected, sent back or held', async () => {
  await apply('Shows that a bird sings wherever people write.');
  await approve('in a vote');
  await course.promote(await course.trained('perennial', 'It is time.'), 'perennial');

  const rejected = await validating();
  expect(await ask('ann', 'steerStage', { stage: 'validation', action: 'pause', version: rejected, reason: words('in a pause') })).toMatchObject({ kind: 'steerStage' });
  expect(await ask('vera', 'decideValidation', decision(rejected, 'in a decision that comes in a pause'))).toMatchObject({ type: 'StagePaused', details: { why: words('in a pause') } });
  await ask('ann', 'steerStage', { stage: 'validation', action: 'resume', version: rejected, reason: words('in a resumption') });
  const finding = { title: words('in a title that comes late'), severity: 'low', owner: 'ann', dueAt: '2020-01-01T00:00:00.000Z', evidenceNeeded: words('in evidence that comes late') } as const;
  expect(await ask('vera', 'decideValidation', { ...decision(rejected, 'in a condition'), choice: 'conditional', findings: [finding] })).toMatchObject({ type: 'DecisionRefused' });
  expect(await ask('vera', 'decideValidation', decision(rejected, 'in a rejection'))).toMatchObject({ choice: 'reject' });
  expect(await ended(rejected)).toMatchObject({ kind: 'ended', outcome: 'rejected', reason: 'vera rejected it.' });
  expect(await shown(rejected)).toMatchObject({ outcome: 'rejected', reason: 'vera rejected it.', decision: { reason: words('in a rejection') } });
  expect(await release(rejected, 'in a release of what was rejected')).toMatchObject({ type: 'VersionUnfit' });

  const returned = await validating();
  expect(await ask('vera', 'sendBackStage', { stage: 'validation', version: returned, reason: words('in a return to development') })).toMatchObject({ to: 'development' });
  expect(await ended(returned)).toMatchObject({ outcome: 'sentBack', reason: 'vera sent it back to development.' });
  expect((await shown(returned)).reason).toBe(`vera sent it back to development. ${words('in a return to development')}`);
  expect(await release(returned, 'in a release of what was sent back')).toMatchObject({ type: 'VersionUnfit' });
  expect(await ask('vera', 'decideValidation', decision(returned, 'in a decision too late'))).toMatchObject({ type: 'ValidationNotOpen' });

  const held = await validating();
  expect(await ask('vera', 'decideValidation', { ...decision(held, 'in an approval'), choice: 'approve' })).toMatchObject({ choice: 'approve' });
  expect(await ask('ann', 'steerStage', { stage: 'production', action: 'pause', version: null, reason: words('in a pause of production') })).toMatchObject({ kind: 'steerStage' });
  expect(await retrain('in a retrain of what is paused')).toMatchObject({ type: 'StagePaused' });
  const failure = await act('promote', { model: MODEL, number: held }).catch((error: { cause: { cause: Error } }) => error.cause.cause);
  expect(failure).toMatchObject({ type: 'StagePaused', message: expect.stringMatching(/The production of canaries was paused by ann at .*: …\./) as string });
  await ask('ann', 'steerStage', { stage: 'production', action: 'resume', version: null, reason: words('in a resumption of production') });
  await ask('ann', 'steerStage', { stage: 'validation', action: 'abandon', version: held, reason: words('in an abandonment') });
  await ended(held);
});

it('is in no leaf, where a use case that was sent back or a finding that stops the model refuses what is asked for', async () => {
  await apply('Shows that a bird sings where a plan is sent back.');
  expect(await ask('ben', 'sendBackStage', { stage: 'useCaseApproval', version: null, reason: words('in a return to the author') })).toMatchObject({ to: 'author' });
  expect(await retrain('in a retrain of what was sent back')).toMatchObject({ type: 'UseCaseNotApproved', message: expect.stringContaining('was sent back. ben sent it back. Mend the spec') as string });
  expect(await act<ApprovalStanding>('readApproval', MODEL)).toMatchObject({ outcome: 'sentBack', reason: 'ben sent it back.' });
  expect(approvalFacts(await newestUseCase()).reason).toBe(`ben sent it back. ${words('in a return to the author')}`);
  await ask('ann', 'requestApproval', { reason: words('in a request too early') });
  await apply('Shows that a bird sings where a plan is abandoned.');
  await ask('ann', 'steerStage', { stage: 'useCaseApproval', action: 'abandon', version: null, reason: words('in an abandonment of a plan') });
  expect(await retrain('in a retrain of what was abandoned')).toMatchObject({ type: 'UseCaseNotApproved' });
  await ask('ann', 'requestApproval', { reason: words('in a request') });
  await approve('in another vote');

  const body = { title: words('in a title'), evidenceNeeded: words('in what is needed'), severity: 'high', owner: 'ann', version: null } as const;
  const { command } = await commands.accept({ actor: 'vera', idempotencyKey: randomUUID(), kind: 'openFinding', model: MODEL, body: { ...body, dueAt: '2199-01-01T00:00:00.000Z' } }, new Date());
  const overdue = await commands.settle(command.id, new Date(), NOBODY, async (manager) =>
    ({ kind: 'openFinding', finding: await rooms.get(FindingsRepository).open(manager, { ...body, model: MODEL, source: 'request', dueAt: new Date(0), openedBy: 'vera', commandId: command.id, at: new Date() }, NOBODY) }));
  expect(await act('escalateOverdue', Date.now())).toMatchObject({ findingsTold: 1 });
  const stopped = { type: 'ModelStopped', message: expect.stringMatching(/^Finding 1 of canaries \(high, owner ann, due 1970-\S+\)\. It is overdue and stops the model/) as string };
  expect([await retrain('in a retrain that is stopped'), await release(1, 'in a release that is stopped')]).toMatchObject([stopped, stopped]);
  expect(await ask('vera', 'closeFinding', { finding: (overdue as { finding: number }).finding, evidence: words('in evidence'), artifactDigest: null })).toMatchObject({ kind: 'closeFinding' });
});

it('is in no leaf of any other command, of people, experiments and looks at what is masked', async () => {
  const reason = (kind: string): { reason: string } => ({ reason: words(`in ${kind}`) });
  const [{ id: alarm }] = await server.dataSource.query<[{ id: string }]>("SELECT id FROM alarm WHERE kind = 'findingOverdue'");
  const finding = { version: null, severity: 'low', title: words('in a title of a review'), evidenceNeeded: words('in what a review needs'), owner: 'ann', dueAt: '2199-01-01T00:00:00.000Z' } as const;
  await ask('ann', 'rollback', { deployment: 'default', toVersion: null, ...reason('a rollback') });
  await ask('ann', 'steer', { deployment: 'default', release: 1, action: 'pause', ...reason('a steer') });
  await ask('ann', 'replay', { deployment: 'default', version: 1, from: '2013-01-01T00:00:00.000Z', until: '2013-02-01T00:00:00.000Z', ...reason('a replay') });
  await ask('ann', 'alarm', { alarm, action: 'acknowledge', until: null, ...reason('an acknowledgement') });
  await ask('ann', 'releaseWindow', { deployment: 'default', from: '2013-01-01T00:00:00.000Z', ...reason('a release of a window') });
  await ask('vera', 'openFinding', finding);
  await ask('vera', 'recordReview', { outcome: 'continueWithFindings', findings: [{ ...finding, title: words('in another title') }], ...reason('a review') });
  await ask('ann', 'confirmGoLive', { deployment: 'default', version: 1, ...reason('a confirmation') });
  await ask('vera', 'setLegalHold', reason('a hold'));
  await ask('vera', 'liftLegalHold', { hold: 1, ...reason('a lift') });
  expect(await ask('ann', 'retire', { trigger: 'unused', replacement: null, answers: null, ...reason('a retirement') })).toMatchObject({ kind: 'retire' });
  await ask('ann', 'confirmRetirement', { consumer: 'nobody', said: words('in an answer') });
  await ask('ann', 'waiveRetirement', { waives: 'drain', ...reason('a waiver') });
  expect(await ask('ann', 'withdrawRetirement', reason('a withdrawal'))).toMatchObject({ kind: 'withdrawRetirement' });

  await server.dataSource.transaction(async (manager) => {
    const turn = await PeopleTurn.begin(manager, ledger, { actor: 'boss', at: new Date() });
    await turn.register({ name: 'new', as: 'person', identity: null });
    await turn.grant('gone', { role: 'auditor', model: MODEL });
    await turn.revoke('gone', { role: 'auditor', model: MODEL }, words('in a revocation'));
    await turn.replace('gone', 'new', words('in a replacement'));
    await turn.setActive('gone', true, words('in an activation'));
  });
  await new ExperimentsRepository(server.dataSource, ledger).log({ model: MODEL, actor: 'ann', idempotencyKey: 'x', facts: EXPERIMENT }, new Date());
  await new CallersRepository(server.dataSource, ledger).recordSensitiveReads('vera', [{ model: MODEL, subject: 'prediction/1', columns: ['x'] }], words('in a look'), new Date());
});

/** Everything by which the leaves name something else. */
const digestsOf = async (): Promise<Set<string>> =>
  new Set((await server.dataSource.query<{ details: Buffer }[]>('SELECT details FROM audit_entry')).flatMap(({ details }) => details.toString('utf8').match(/sha256:[0-9a-f]{64}/g) ?? []));

it('is not confirmed to whoever guesses it and knows the rest of what was hashed', async () => {
  const [{ trigger, replacement, reason, terms, spec_digest: specDigest, digest, command_id: command }] = await server.dataSource.query("SELECT trigger, replacement, reason, terms, spec_digest, digest, command_id FROM retirement");
  const [{ details }] = await server.dataSource.query<[{ details: Buffer }]>("SELECT details FROM audit_entry WHERE action = 'experiment.logged'");
  const named = await digestsOf();
  expect(reason).toBe(words('in a retirement'));
  expect(named).toContain(digest);
  expect(digest).toBe(sha256(canonicalJson({ model: MODEL, trigger, replacement, command, terms, specDigest })));
  const { notes, ...told } = EXPERIMENT;
  expect(JSON.parse(details.toString('utf8'))).toMatchObject({ digest: sha256(canonicalJson({ kind: 'experiment', model: MODEL, ...told })) });
  for (const guess of [{ model: MODEL, trigger, replacement, reason, terms, specDigest }, { kind: 'experiment', model: MODEL, ...told, notes }]) expect(named).not.toContain(sha256(canonicalJson(guess)));
});

it('stands beside the entries alone', async () => {
  const tree = new AuditTreeRepository(server.dataSource);
  while ((await tree.sequence(1_000)) > 0);
  const [leaves, texts]: [string[], string[]] = [[], []];
  for await (const { entry, texts: beside } of exportLines(server.dataSource.manager, await tree.size())) {
    if (entry) leaves.push(JSON.stringify(entry));
    texts.push(...beside.map(({ text }) => text ?? ''));
  }
  expect(leaves.filter((leaf) => leaf.includes(WORD))).toEqual([]);
  const said = new Set(texts.flatMap((text) => text.match(new RegExp(`${WORD} [^"\\\\]+`, 'g')) ?? []));
  expect([...said]).toEqual(expect.arrayContaining(['in a rejection', 'in a return to the author', 'in a title', 'in evidence', 'in a retirement', 'in a replacement', 'in notes', 'in a look'].map(words)));
  expect(said.size).toBeGreaterThan(50);
});

it('is gone once it is erased by its entries, but where the documentation says that it stays', async () => {
  const erasures = new TextErasures(server.dataSource, ledger, new LegalHoldsRepository(server.dataSource));
  const entries = await server.dataSource.query<{ id: string }[]>('SELECT DISTINCT entry_id AS id FROM audit_text WHERE text LIKE $1', [`%${WORD}%`]);
  for (const { id } of entries) await erasures.erase({ entry: Number(id), actor: 'boss', reason: 'somebody is named' }, new Date());
  const tables = await server.dataSource.query<{ name: string }[]>("SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'migrations' ORDER BY relname");
  const left: string[] = [];
  for (const { name } of tables) {
    const rows = await server.asOwner((owner) => owner.query<{ row: unknown }[]>(`SELECT to_jsonb(t) AS row FROM ${name} t`));
    const found = rows.map(({ row }) => JSON.stringify(row, (_, value: unknown) => (typeof value === 'string' && value.startsWith('\\x') ? Buffer.from(value.slice(2), 'hex').toString('utf8') : value)));
    if (found.some((row) => row.includes(WORD))) left.push(name);
  }
  expect(left).toEqual(['experiment', 'retirement_step', 'validation_decision']);
});
