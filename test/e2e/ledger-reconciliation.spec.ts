import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ReconciliationAnswer, SinkListAnswer } from '../../src/api/audit/audit.dto.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { AUDIT_RECONCILIATION_ID, COMMAND_UPDATE, modelWorkflowId, retrainWorkflowId } from '../../src/contracts/motion.js';
import { eventually, Installation } from '../installation.js';
import { S3Server } from '../s3-server.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

const MODEL = 'shop';
const DAY_MS = 86_400_000;
const GRACE_MS = 1_000;
const CREDENTIALS = { region: 'eu-west-1', keyId: 'AKIDE2E', secret: 'a secret of the test' };

let perennial: Installation;
let retrainRun: string;
let store: S3Server;
let receiver: Server;
/** Sizes of the checkpoints that the webhook was told of. */
const received: number[] = [];

beforeAll(async () => {
  store = await S3Server.start(CREDENTIALS);
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => { body += chunk.toString('utf8'); }).on('end', () => {
      received.push((JSON.parse(body) as { data: { size: number } }).data.size);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((settle) => { receiver.listen(0, '127.0.0.1', settle); });
  perennial = await Installation.start({
    AUDIT_RECONCILE_GRACE: 'PT1S', CHECKPOINT_S3: `${store.url}/bucket/ledger`, CHECKPOINT_S3_REGION: CREDENTIALS.region, CHECKPOINT_S3_KEY_ID: CREDENTIALS.keyId, CHECKPOINT_S3_SECRET: CREDENTIALS.secret,
    CHECKPOINT_WEBHOOK_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`, CHECKPOINT_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 5).toString('base64')}`,
  });
  await writeEvents(perennial.dataDir, MODEL);
  await perennial.apply(smallSpec({ model: MODEL, parameters: { rounds: 5, max_depth: 2 } }));
  expect((await perennial.awaitRetrain(MODEL, await perennial.requestRetrain(MODEL, { asOf: asOfWeek(8) }))).outcome).toBe('promoted');
  ({ runId: retrainRun } = await perennial.temporal.workflow.getHandle(retrainWorkflowId(MODEL, 1)).describe());
}, 240_000);

afterAll(async () => {
  await perennial?.stop();
  await store?.stop();
  receiver?.close();
});

async function cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = new RecordedTerminal({ columns: 200 });
  const code = await runCli(args, readEnvironment({ STATE_DIR: perennial.environment.STATE_DIR }), 'main.js', terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

const newest = async (): Promise<ReconciliationAnswer | undefined> => {
  const { status, body } = await perennial.call<ReconciliationAnswer>('GET', '/v1/audit/reconciliation');
  return status === 200 ? body : undefined;
};

/** As the Temporal UI does it, once everything that was done so far is old enough. @returns what it came to */
async function reconciled(): Promise<ReconciliationAnswer> {
  const doneMs = Date.now();
  await pause(GRACE_MS + 200);
  await eventually(() => perennial.temporal.schedule.getHandle(AUDIT_RECONCILIATION_ID).trigger(ScheduleOverlapPolicy.BUFFER_ONE).then(() => true, () => undefined), () => 'the schedule of the comparison');
  return eventually(async () => {
    const found = await newest();
    return found && Date.parse(found.until) > doneMs ? found : undefined;
  }, () => 'a comparison to end');
}

const addEntry = (workflowId: string, runId: string, at: Date): Promise<unknown> => perennial.registry.query(
  `INSERT INTO audit_entry (at, actor, action, subject, details, details_digest, workflow_id, run_id) VALUES ($1, 'perennial', 'made.up', 'x', '{}', 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', $2, $3)`,
  [at, workflowId, runId]);
const alarms = (): Promise<{ summary: string; over: boolean }[]> => perennial.registry.query(
  "SELECT summary, alarm_id IS NOT NULL AS over FROM alarm LEFT JOIN alarm_end ON alarm_id = id WHERE kind = 'ledgerDiffers' ORDER BY occurrence");

it('brings checkpoints to the bucket and the webhook that are set', async () => {
  const note = await eventually(async () => (received.length > 0 ? store.objects.get('/bucket/ledger/latest') : undefined), () => 'a checkpoint outside');
  expect(note).toMatch(/^perennial\/audit\n\d+\n/);
  const { items } = (await perennial.call<SinkListAnswer>('GET', '/v1/audit/sinks')).body;
  expect(items).toMatchObject([{ sink: 's3', failingSince: null, reason: null }, { sink: 'webhook', failingSince: null, reason: null }]);
});

it('finds no difference where everything went its way, run after run', async () => {
  const first = await reconciled();
  expect(first).toMatchObject({ differences: 0, fresh: 0, listed: [] });
  expect(first.entries).toBeGreaterThanOrEqual(2);
  expect(first.runs).toBeGreaterThanOrEqual(1);
  expect(first.commands).toBeGreaterThanOrEqual(2);
  expect(await cli('audit', 'reconcile')).toMatchObject({ code: 0, stdout: expect.stringContaining('know the same') as string });
  // The comparisons themselves are runs that leave an entry each.
  expect(await reconciled()).toMatchObject({ differences: 0 });
  expect(await alarms()).toEqual([]);
});

it('tells of an entry whose run Temporal never had, of a run whose entries are gone, and of a command that nobody accepted', async () => {
  const [made, command] = [randomUUID(), randomUUID()];
  await addEntry('retrain/shop/7', made, new Date());
  await addEntry(modelWorkflowId(MODEL), 'no id of a run', new Date());
  await addEntry(modelWorkflowId('other'), retrainRun, new Date());
  // Of a time that Temporal need not know any more.
  await addEntry('retrain/shop/1', randomUUID(), new Date(Date.now() - 31 * DAY_MS));
  await expect(perennial.temporal.workflow.getHandle(modelWorkflowId(MODEL)).executeUpdate(COMMAND_UPDATE, { args: [command] })).rejects.toThrow();
  await perennial.temporal.workflow.getHandle(modelWorkflowId(MODEL)).signal(COMMAND_UPDATE, 'odd\u0000id');
  await withoutTriggers("UPDATE audit_entry SET run_id = NULL WHERE run_id = $1 AND action <> 'made.up'", [retrainRun]);

  const found = await reconciled();
  expect(found.listed.map(({ kind, runId, commandId, firstSeen }) => ({ kind, id: commandId ?? runId, firstSeen })).sort((a, b) => a.id.localeCompare(b.id))).toEqual([
    { kind: 'runUnknown', id: made, firstSeen: found.number },
    { kind: 'runUnknown', id: 'no id of a run', firstSeen: found.number },
    { kind: 'runUnknown', id: retrainRun, firstSeen: found.number },
    { kind: 'commandUnknown', id: command, firstSeen: found.number },
    { kind: 'commandUnknown', id: 'odd id', firstSeen: found.number },
  ].sort((a, b) => a.id.localeCompare(b.id)));
  expect(found).toMatchObject({ differences: 5, fresh: 5 });
  expect(found.listed.find(({ commandId }) => commandId === command)).toMatchObject({ workflowId: modelWorkflowId(MODEL), entry: expect.any(Number) as number, says: expect.stringMatching(/past the API; entry \d+ says that it was refused/) as string });

  const [entry] = await perennial.registry.query<{ details: Buffer }[]>("SELECT details FROM audit_entry WHERE action = 'ledger.reconciled' AND subject = $1", [`reconciliation/${found.number}`]);
  expect(JSON.parse(entry?.details.toString('utf8') ?? '')).toMatchObject({ differences: 5, fresh: 5 });
  expect(await alarms()).toEqual([{ summary: expect.stringContaining('5 new differences, 5 in all') as string, over: false }]);
});

it('misses the entries of a run that has done what leaves some, tells again, and raises one alarm for what is new', async () => {
  await withoutTriggers('UPDATE audit_entry SET run_id = NULL WHERE run_id = $1', [retrainRun]);
  const again = await reconciled();
  expect(again.listed.find(({ kind }) => kind === 'entryMissing')).toMatchObject({ workflowId: retrainWorkflowId(MODEL, 1), runId: retrainRun, says: expect.stringContaining('(retrain) has done endRetrain') as string });
  expect(again).toMatchObject({ differences: 5, fresh: 1 });
  expect(await alarms()).toMatchObject([{ over: true }, { summary: expect.stringContaining('1 new difference, 5 in all') as string, over: false }]);
  const shown = await cli('audit', 'reconcile');
  expect(shown.code).toBe(1);
  expect(shown.stdout).toContain('5 differences');
  expect(shown.stdout).toMatch(/✗ Run .* has done endRetrain/);
  expect(shown.stdout).toMatch(/\(known since reconciliation \d+\)/);
  expect(JSON.parse((await cli('audit', 'reconcile', '--json')).stdout)).toMatchObject({ number: expect.any(Number) as number, differences: 5 });
});

it('tells no more of what was put right, while what a workflow was sent stays in its history; compares every hour where nothing else is set', async () => {
  await withoutTriggers("UPDATE audit_entry SET at = at - interval '40 days' WHERE action = 'made.up'", []);
  await withoutTriggers("UPDATE audit_entry SET run_id = $1 WHERE action = 'retrain.promoted'", [retrainRun]);
  const found = await reconciled();
  expect(found.listed.map(({ kind }) => kind)).toEqual(['commandUnknown', 'commandUnknown']);
  expect(found).toMatchObject({ differences: 2, fresh: 0 });
  expect(await alarms()).toMatchObject([{ over: true }, { over: false }]);
  expect((await perennial.temporal.schedule.getHandle(AUDIT_RECONCILIATION_ID).describe()).spec.intervals).toMatchObject([{ every: DAY_MS / 24 }]);
});

/** As a superuser who puts off the triggers. */
async function withoutTriggers(statement: string, values: readonly string[]): Promise<void> {
  const admin = await new DataSource({ type: 'postgres', url: perennial.instance.servers.adminDatabaseUrl.replace(/[^/]+$/, 'perennial') }).initialize();
  try {
    await admin.query('ALTER TABLE audit_entry DISABLE TRIGGER ALL');
    await admin.query(statement, [...values]);
    await admin.query('ALTER TABLE audit_entry ENABLE TRIGGER ALL');
  } finally {
    await admin.destroy();
  }
}
