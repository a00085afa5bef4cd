import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection, ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findTemporal } from '#embedded/find-temporal.mjs';
import packageFile from '../../package.json' with { type: 'json' };
import { anyFreePort } from '../../src/embedded/ports.js';
import { AUDIT_RECONCILIATION_ID, GOVERNANCE_SCHEDULE_ID, ingestionWorkflowId, INVENTORY_SWEEP_ID, monitorWindowWorkflowId, retirementWorkflowId, useCaseApprovalWorkflowId, validationWorkflowId } from '../../src/contracts/motion.js';
import type { GovernanceReport } from '../../src/contracts/status.js';
import { SOUNDNESS_KEYS } from '../../src/contracts/validations.js';
import { makeApiKeys } from '../../src/registry/migrate.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, smallUseCase, writeEvents } from '../small-model.js';
import { toRecorded } from './history-file.js';

/** Temporal suggests a new run this early, so that a short recording holds one. */
const SUGGEST_NEW_RUN_AFTER_EVENTS = 120;
/** Windows with more are compared in parts. */
const PART_ROWS = 100;
const LONG = { rounds: 20_000 };
const WEAK = { gates: { comparison: { metric: 'auc' } }, parameters: { rounds: 1, max_depth: 1 } };
const STRONG = { gates: { comparison: { metric: 'auc' } }, parameters: { rounds: 150, max_depth: 5 } };

let folder: string;
let server: ChildProcess;
let perennial: Installation;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-record-'));
  const [port, metricsPort] = [await anyFreePort(), await anyFreePort()];
  server = spawn(await findTemporal(), [
    'server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port), '--metrics-port', String(metricsPort), '--db-filename', join(folder, 'temporal.db'),
    '--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${SUGGEST_NEW_RUN_AFTER_EVENTS}`,
  ], { stdio: 'ignore' });
  const address = `127.0.0.1:${port}`;
  await eventually(() => Connection.connect({ address }).then((connection) => connection.close().then(() => true), () => undefined), () => 'the Temporal server');
  perennial = await Installation.start({ OBSERVATION_SEAL_MS: '300', DRIFT_PART_ROWS: String(PART_ROWS), TEMPORAL_ADDRESS: address });
});

afterAll(async () => {
  await perennial?.stop();
  server.kill('SIGTERM');
  // The server may write until it is gone.
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
});

async function register(model: string, overrides: Partial<Parameters<typeof smallSpec>[0]> = {}, select = '*'): Promise<void> {
  await writeEvents(perennial.dataDir, model, select);
  await perennial.apply(smallSpec({ model, ...overrides }));
}

async function run(model: string, week: number) {
  return perennial.awaitRetrain(model, await perennial.requestRetrain(model, { asOf: asOfWeek(week) }));
}

/** A retrain in the middle of its training. */
async function midTraining(model: string) {
  await register(model, { parameters: LONG });
  const number = await perennial.requestRetrain(model, { asOf: asOfWeek(8) });
  return perennial.awaitRetrain(model, number, ({ training }) => (training?.progress?.done ?? 0) > 0);
}

async function rollBack(model: string): Promise<string> {
  const { body } = await perennial.call('POST', `/v1/models/${model}/rollbacks`, { reason: 'to be recorded' });
  return eventually(async () => {
    const { outcome } = (await perennial.call('GET', body['status'] as string)).body;
    return typeof outcome === 'string' ? outcome : undefined;
  }, () => `the rollback of ${model}`);
}

/** Writes a run's history; the newest run where none is named. */
async function keep(name: string, workflowId: string, runId?: string): Promise<void> {
  const handle = perennial.temporal.workflow.getHandle(workflowId, runId);
  const recorded = toRecorded(workflowId, await handle.fetchHistory());
  writeFileSync(join(import.meta.dirname, `${packageFile.version}-${name}.json`), `${JSON.stringify(recorded, undefined, 1)}\n`);
}

async function ended(workflowId: string): Promise<void> {
  await perennial.temporal.workflow.getHandle(workflowId).result().catch(() => undefined);
}

it('records a promotion, a rejection, a refusal and a rollback', async () => {
  await register('shop', WEAK);
  expect((await run('shop', 6)).outcome).toBe('promoted');
  await perennial.apply(smallSpec({ model: 'shop', ...STRONG }));
  expect((await run('shop', 10)).outcome).toBe('promoted');
  const rejected = await run('shop', 10);
  expect(rejected.outcome).toBe('rejected');
  expect(await rollBack('shop')).toBe('done');
  await Promise.all(['retrain/shop/2', rejected.workflowId, 'rollback/shop/default/2'].map(ended));
  await keep('retrain-promoted', 'retrain/shop/2');
  await keep('retrain-rejected', rejected.workflowId);
  await keep('rollback-done', 'rollback/shop/default/2');
});

it('records a use case that waits, is asked anew, and is approved', async () => {
  const specOf = (quorum: number) => smallSpec({ model: 'considered', tier: 'critical', useCase: smallUseCase({ quorum, remindEvery: 'PT1S' }) });
  for (const quorum of [3, 2]) await perennial.apply(specOf(quorum));
  await eventually(async () => ((await perennial.call<{ items: unknown[] }>('GET', '/v1/alarms?model=considered')).body.items.length >= 3 ? true : undefined), () => 'voters to be told again');
  const { digest } = (await perennial.call<{ digest: string }>('GET', '/v1/models/considered/approvals/2')).body;
  for (const key of await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, ['ben', 'cleo'].map((name) => ({ name, roles: ['approver'] })))) {
    await perennial.call('POST', '/v1/models/considered/approvals/2/votes', { choice: 'approve', digest, reason: 'to be recorded' }, { authorization: `Bearer ${key}` });
  }
  const workflowId = useCaseApprovalWorkflowId('considered');
  expect(await perennial.temporal.workflow.getHandle(workflowId).result()).toMatchObject({ number: 2, outcome: 'approved' });
  await keep('use-case-approved', workflowId);
});

it('records a look for what is overdue that tells of a finding', async () => {
  await perennial.apply(smallSpec({ model: 'late' }));
  await perennial.call('POST', '/v1/models/late/findings', { severity: 'low', title: 'to be recorded', evidenceNeeded: 'nothing', owner: 'somebody', dueAt: new Date(Date.now() + 2_000).toISOString() });
  const told = await eventually(async () => {
    await perennial.temporal.schedule.getHandle(GOVERNANCE_SCHEDULE_ID).trigger();
    for await (const { workflowId } of perennial.temporal.workflow.list({ query: "WorkflowType = 'governanceDue' AND ExecutionStatus = 'Completed'" })) {
      if (((await perennial.temporal.workflow.getHandle(workflowId).result()) as GovernanceReport).findingsTold > 0) return workflowId;
    }
    return undefined;
  }, () => 'the finding to be told of');
  await keep('governance-due', told);
});

it('records a retirement that is withdrawn, and one that is carried through to its end', async () => {
  const useCase = { ...smallUseCase(), consumers: [{ name: 'desk', contact: 'desk@example.org' }] };
  const short = { quiet: 'PT1S', confirmWithin: 'PT3S', remindEvery: 'PT1S', grace: 'PT1S' };
  const atOnce = Object.fromEntries(['predictions', 'labels', 'snapshots', 'artifacts', 'reports'].map((evidence) => [evidence, 'PT0S']));
  const [key, validator] = await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, [{ name: 'dora', roles: ['approver'] }, { name: 'vic', roles: ['validator'] }]);
  const decide = async (number: number): Promise<void> => {
    const { digest } = (await perennial.call<{ digest: string }>('GET', `/v1/models/leaving/approvals/${number}`)).body;
    await perennial.call('POST', `/v1/models/leaving/approvals/${number}/votes`, { choice: 'approve', digest, reason: 'to be recorded' }, { authorization: `Bearer ${key}` });
  };
  await register('leaving', { parameters: { rounds: 5, max_depth: 2 }, tier: 'medium', useCase, retirement: short, retention: atOnce });
  await decide(1);
  await perennial.awaitCandidate('leaving', (await run('leaving', 8)).number, validator);
  const workflowId = retirementWorkflowId('leaving');
  const asked = { trigger: 'unused', reason: 'to be recorded' };
  await perennial.call('POST', '/v1/models/leaving/retirement', asked);
  await perennial.call('POST', '/v1/models/leaving/retirement/withdrawal', { reason: 'to be recorded' });
  await ended(workflowId);
  await keep('retirement-withdrawn', workflowId);
  await perennial.call('POST', '/v1/models/leaving/retirement', asked);
  await decide(3);
  await eventually(async () => ((await perennial.call('POST', '/v1/models/leaving/retirement/waivers', { waives: 'confirmations', reason: 'to be recorded' })).status === 200 ? true : undefined), () => 'the time of the consumers to be over');
  await eventually(async () => ((await perennial.call<{ steps: { step: string }[] }>('GET', '/v1/models/leaving/retirement')).body.steps.some(({ step }) => step === 'deleted') ? true : undefined), () => 'the retirement to end');
  await ended(workflowId);
  await keep('retirement-drained', workflowId);
});

it('records a validation that goes on to approvers, and the retrain that opens it', async () => {
  const keys = await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, [...['dora', 'eli'].map((name) => ({ name, roles: ['approver'] as const })), { name: 'vera', roles: ['validator'] as const }]);
  const [dora, eli, vera] = keys.map((key) => ({ authorization: `Bearer ${key}` }));
  const approve = async (number: number): Promise<void> => {
    const { digest } = (await perennial.call<{ digest: string }>('GET', `/v1/models/examined/approvals/${number}`)).body;
    for (const headers of [dora, eli]) await perennial.call('POST', `/v1/models/examined/approvals/${number}/votes`, { choice: 'approve', digest, reason: 'to be recorded' }, headers);
  };
  await register('examined', { tier: 'high', parameters: { rounds: 10, max_depth: 2 }, useCase: { ...smallUseCase(), regulations: ['SR 26-2'], validation: { remindEvery: 'PT5S' } } });
  await approve(1);
  const retrained = await run('examined', 8);
  expect(retrained.outcome).toBe('validating');
  const base = '/v1/models/examined/versions/1/validation';
  await eventually(async () => ((await perennial.call<{ items: unknown[] }>('GET', '/v1/alarms?model=examined')).body.items.length >= 3 ? true : undefined), () => 'validators to be told again');
  const { reportDigest } = (await perennial.call<{ reportDigest: string }>('GET', base)).body;
  const answers = Object.fromEntries(SOUNDNESS_KEYS.map((key) => [key, 'as it is to be recorded']));
  expect((await perennial.call('POST', `${base}/decision`, { decision: 'approve', reportDigest, reason: 'to be recorded', answers }, vera)).status).toBe(200);
  await approve(2);
  const workflowId = validationWorkflowId('examined', 1);
  expect(await perennial.temporal.workflow.getHandle(workflowId).result()).toMatchObject({ outcome: 'promoted' });
  await ended(retrained.workflowId);
  await keep('validation-promoted', workflowId);
  await keep('retrain-validating', retrained.workflowId);
});

it('records a validated version that is held until a spec brings its runbook', async () => {
  const [dan, vito] = (await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, [{ name: 'dan', roles: ['approver'] }, { name: 'vito', roles: ['validator'] }])).map((key) => ({ authorization: `Bearer ${key}` }));
  const approve = async (number: number): Promise<void> => {
    const { digest } = (await perennial.call<{ digest: string }>('GET', `/v1/models/unprepared/approvals/${number}`)).body;
    await perennial.call('POST', `/v1/models/unprepared/approvals/${number}/votes`, { choice: 'approve', digest, reason: 'to be recorded' }, dan);
  };
  const { runbook: _runbook, ...useCase } = smallUseCase() as Record<string, unknown>;
  const spec = { tier: 'medium', parameters: { rounds: 10, max_depth: 2 } } as const;
  await register('unprepared', { ...spec, useCase });
  await approve(1);
  expect((await run('unprepared', 8)).outcome).toBe('validating');
  const base = '/v1/models/unprepared/versions/1/validation';
  const { reportDigest } = await eventually(async () => {
    const { body } = await perennial.call<{ waitsFor: string | null; reportDigest: string }>('GET', base);
    return body.waitsFor === 'validator' ? body : undefined;
  }, () => 'the validation to wait for a validator');
  const findings = [{ title: 'to be recorded', severity: 'low', owner: 'somebody', dueAt: '2199-01-01T00:00:00Z', evidenceNeeded: 'nothing' }];
  await perennial.call('POST', `${base}/decision`, { decision: 'conditional', reportDigest, reason: 'to be recorded', findings }, vito);
  const missing = (name: string) => eventually(async () => {
    const { body: { held } } = await perennial.call<{ held: { missing: { name: string }[] }[] }>('GET', '/v1/models/unprepared/go-lives');
    return held[0]?.missing[0]?.name === name ? true : undefined;
  }, () => `the version to be held by ${name}`);
  await missing('runbook');
  await perennial.apply(smallSpec({ model: 'unprepared', ...spec, useCase: smallUseCase() }));
  await missing('useCase');
  await approve(2);
  const workflowId = validationWorkflowId('unprepared', 1);
  expect(await perennial.temporal.workflow.getHandle(workflowId).result()).toMatchObject({ outcome: 'promoted' });
  await keep('validation-held', workflowId);
});

it('records a retrain that its data stops', async () => {
  await register('broken', {}, '* RENAME (age AS aged)');
  const failed = await run('broken', 8);
  expect(failed.failure?.type).toBe('DataInvalid');
  await ended(failed.workflowId);
  await keep('retrain-failed-data', failed.workflowId);
});

it('records a retrain that is cancelled, and one that is terminated', async () => {
  const cancelled = await midTraining('cancelled');
  await perennial.temporal.workflow.getHandle(cancelled.workflowId).cancel();
  expect((await perennial.awaitRetrain('cancelled', cancelled.number)).outcome).toBe('cancelled');
  await ended(cancelled.workflowId);
  await keep('retrain-cancelled', cancelled.workflowId);

  const stopped = await midTraining('stopped');
  await perennial.temporal.workflow.getHandle(stopped.workflowId).terminate('to be recorded');
  expect((await perennial.awaitRetrain('stopped', stopped.number)).outcome).toBe('terminated');
  await keep('model-lifecycle-child-terminated', 'model/stopped');
});

/** A better version in the shadow of its release. */
async function inShadow(model: string): Promise<void> {
  const rollout = { checkEvery: 'PT1S', canary: { steps: [50] } };
  await register(model, { ...WEAK, rollout });
  expect((await run(model, 6)).outcome).toBe('promoted');
  await perennial.apply(smallSpec({ model, ...STRONG, rollout }));
  expect((await run(model, 10)).outcome).toBe('releasing');
  await inStage(model, 'shadow');
}

async function inStage(model: string, stage: string): Promise<void> {
  await eventually(async () => ((await perennial.call('GET', `/v1/models/${model}/releases/1`)).body['stage'] === stage ? true : undefined), () => `${model} in ${stage}`);
}

async function steer(model: string, action: string, stage: string): Promise<void> {
  await perennial.call('POST', `/v1/models/${model}/releases/1/${action}`, { reason: 'to be recorded' });
  await inStage(model, stage);
}

/** The first run, and the last one. */
async function keepRuns(name: string, workflowId: string, first: string): Promise<void> {
  await keep(name, workflowId, first);
  await ended(workflowId);
  await keep(`${name}-last-run`, workflowId);
}

it('records a release that is promoted, one that goes back in its watch, and one that is cancelled', async () => {
  for (const model of ['released', 'returned', 'withdrawn']) await inShadow(model);
  const firstRun = async (model: string): Promise<string> => (await perennial.temporal.workflow.getHandle(`model/${model}/deployment/2`).describe()).raw.workflowExecutionInfo?.firstRunId ?? '';
  for (const model of ['released', 'returned']) {
    await steer(model, 'advance', 'canary');
    await steer(model, 'advance', 'watch');
  }
  await steer('released', 'advance', 'finished');
  await keepRuns('deployment-promoted', 'model/released/deployment/2', await firstRun('released'));
  await steer('returned', 'abort', 'finished');
  await keepRuns('deployment-rolled-back', 'model/returned/deployment/2', await firstRun('returned'));
  await perennial.temporal.workflow.getHandle('model/withdrawn/deployment/2').cancel();
  await inStage('withdrawn', 'finished');
  await ended('model/withdrawn/deployment/2');
  await keep('deployment-cancelled', 'model/withdrawn/deployment/2');
  await keep('retrain-releasing', 'retrain/released/2');
});

it('records the ingestion of labels', async () => {
  await perennial.apply(smallSpec({ model: 'labelled' }));
  await perennial.call('POST', '/v1/models/labelled/labels', 'prediction_id,label\na,1\n', { 'content-type': 'text/csv' });
  const workflowId = ingestionWorkflowId('labelled');
  await eventually(() => perennial.temporal.workflow.getHandle(workflowId).result().then(() => true, () => undefined), () => workflowId);
  await keep('ingestion-labels', workflowId);
});

it('records a replay that compares, and one that finds nothing to compare', async () => {
  const model = 'replayed';
  await register(model, WEAK);
  await run(model, 6);
  await eventually(async () => {
    const response = await fetch(`${perennial.instance.gatewayUrl}/v2/models/${model}/infer`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ parameters: { event_time: '2024-04-01T00:00:00Z' }, inputs: [{ name: 'features', shape: [2, 3], datatype: 'FP32', data: [0.1, 0.2, 0, 0.9, 0.8, 2] }] }),
    });
    return response.status === 200 ? true : undefined;
  }, () => 'the gateway');
  await eventually(async () => ((await perennial.registry.query('SELECT FROM observation_file WHERE model = $1', [model])).length > 0 ? true : undefined), () => 'what was observed');
  await perennial.apply(smallSpec({ model, ...STRONG }));
  expect((await run(model, 10)).version).toBe(2);
  for (const [version, name] of [[2, 'replay-done'], [1, 'replay-failed']] as const) {
    const { body } = await perennial.call('POST', `/v1/models/${model}/replays`, { version, from: '2024-04-01', until: '2024-04-02', reason: 'to be recorded' });
    await eventually(async () => ((await perennial.call('GET', body['status'] as string)).body['outcome'] ? true : undefined), () => name);
    await ended(body['workflowId'] as string);
    await keep(name, body['workflowId'] as string);
  }
});

/** A request in the middle of a day. */
async function ask(model: string, day: number, rows: number): Promise<void> {
  const data = Array.from({ length: rows }, (_, row) => [row / rows, 0.5, row % 3]).flat();
  const body = JSON.stringify({ parameters: { prediction_id: `day-${day}`, event_time: new Date(Date.UTC(2024, 3, 1 + day, 12)).toISOString() }, inputs: [{ name: 'features', shape: [rows, 3], datatype: 'FP32', data }] });
  await eventually(async () => {
    const response = await fetch(`${perennial.instance.gatewayUrl}/v2/models/${model}/infer`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    return response.status === 200 ? true : undefined;
  }, () => 'the gateway');
}

/** Of one workflow's id, the oldest first. */
async function runsOf(workflowId: string): Promise<string[]> {
  const runs = [];
  for await (const { runId, startTime } of perennial.temporal.workflow.list({ query: `WorkflowId = "${workflowId}"` })) runs.push({ runId, startTime });
  return runs.sort((one, other) => one.startTime.getTime() - other.startTime.getTime()).map(({ runId }) => runId);
}

it('records windows that are assessed when they close and when their labels are there', async () => {
  const model = 'watched';
  await register(model, { monitoring: { checkEvery: 'PT2S' } });
  await run(model, 8);
  await ask(model, 0, PART_ROWS);
  await perennial.call('POST', `/v1/models/${model}/labels`, `prediction_id,label\n${Array.from({ length: 100 }, (_, row) => `day-0/${row},${row % 2}\n`).join('')}`, { 'content-type': 'text/csv' });
  await ask(model, 3, PART_ROWS);
  const assessed = await eventually(async () => {
    const { items } = (await perennial.call<{ items: { occasion: string }[] }>('GET', `/v1/models/${model}/windows/assessments?revisions=all`)).body;
    return items.length >= 2 ? items : undefined;
  }, () => 'both assessments');
  expect(assessed.map(({ occasion }) => occasion)).toEqual(['matured', 'closed']);
  const workflowId = monitorWindowWorkflowId(model, 'default', Date.UTC(2024, 3, 1));
  await ended(workflowId);
  const runs = await runsOf(workflowId);
  await keep('monitor-window-closed', workflowId, runs[0]);
  await keep('monitor-window-matured', workflowId, runs[1]);
  const due = await eventually(async () => {
    for await (const { workflowId: one } of perennial.temporal.workflow.list({ query: `WorkflowType = "monitorDue" AND PerennialModel = "${model}" AND ExecutionStatus = "Completed"` })) {
      if (((await perennial.temporal.workflow.getHandle(one).result()) as { assessed: number }).assessed > 0) return one;
    }
    return undefined;
  }, () => 'a run that assessed a window');
  await keep('monitor-due', due);
});

it('records a window that is compared in parts', async () => {
  const model = 'large';
  await register(model, { monitoring: { checkEvery: 'PT2S' } });
  await run(model, 8);
  await ask(model, 0, 3 * PART_ROWS);
  await ask(model, 3, PART_ROWS);
  const workflowId = monitorWindowWorkflowId(model, 'default', Date.UTC(2024, 3, 1));
  await eventually(() => perennial.temporal.workflow.getHandle(workflowId).result().then(() => true, () => undefined), () => workflowId);
  await keep('monitor-window-parts', workflowId, (await runsOf(workflowId))[0]);
});

it('records a life that went on in a new run, with commands that are joined and refused', async () => {
  const model = 'joined';
  await register(model, { parameters: { rounds: 400 } });
  const handle = perennial.temporal.workflow.getHandle(`model/${model}`);
  const number = await perennial.requestRetrain(model, { asOf: asOfWeek(8) });
  const first = (await handle.describe()).runId;
  expect((await perennial.call('POST', `/v1/models/${model}/retrains`, { asOf: asOfWeek(8) })).body['joined']).toBe(true);
  expect((await perennial.call('POST', `/v1/models/${model}/retrains`, { asOf: asOfWeek(10) })).status).toBe(409);
  await perennial.awaitRetrain(model, number);
  await eventually(async () => {
    await perennial.call('POST', `/v1/models/${model}/rollbacks`, { reason: 'there is nothing to go back to' });
    return (await handle.describe()).runId === first ? undefined : true;
  }, () => 'a new run');
  expect((await run(model, 10)).outcome).not.toBeNull();
  await keep('model-lifecycle-continued', `model/${model}`, first);
  await keep('model-lifecycle-open', `model/${model}`);
});

it('records a reconciliation', async () => {
  const workflowId = await eventually(async () => {
    for await (const execution of perennial.temporal.workflow.list({ query: "WorkflowType = 'reconcile' AND ExecutionStatus = 'Completed'" })) return execution.workflowId;
    return undefined;
  }, () => 'a reconciliation to end');
  await keep('reconcile', workflowId);
});

it('records a sweep of the inventory that opens a finding', async () => {
  await perennial.apply(smallSpec({ model: 'unsupplied' }));
  await eventually(() => perennial.temporal.schedule.getHandle(INVENTORY_SWEEP_ID).trigger(ScheduleOverlapPolicy.BUFFER_ONE).then(() => true, () => undefined), () => 'the schedule of the sweep');
  const workflowId = await eventually(async () => {
    for await (const execution of perennial.temporal.workflow.list({ query: "WorkflowType = 'inventorySweep' AND ExecutionStatus = 'Completed'" })) return execution.workflowId;
    return undefined;
  }, () => 'a sweep to end');
  expect(((await perennial.temporal.workflow.getHandle(workflowId).result()) as { opened: number }).opened).toBeGreaterThan(0);
  await keep('inventory-sweep', workflowId);
});

it('records a comparison of the ledger with Temporal', async () => {
  await perennial.apply(smallSpec({ model: 'compared' }));
  await eventually(() => perennial.temporal.schedule.getHandle(AUDIT_RECONCILIATION_ID).trigger(ScheduleOverlapPolicy.BUFFER_ONE).then(() => true, () => undefined), () => 'the schedule of the comparison');
  const workflowId = await eventually(async () => {
    for await (const execution of perennial.temporal.workflow.list({ query: "WorkflowType = 'auditReconciliation' AND ExecutionStatus = 'Completed'" })) return execution.workflowId;
    return undefined;
  }, () => 'a comparison to end');
  await keep('audit-reconciliation', workflowId);
});
