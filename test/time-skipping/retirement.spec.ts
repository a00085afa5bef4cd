import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { CommandBodies, CommandKind } from '../../src/contracts/commands.js';
import { retirementWorkflowId } from '../../src/contracts/motion.js';
import { CommandDispatcher } from '../../src/dispatch/command-dispatcher.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { CommandsRepository } from '../../src/registry/commands.repository.js';
import { eventually } from '../installation.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { smallSpec } from '../small-model.js';
import { startTimeSkipping, whyNoTimeSkipping } from './server.js';

const PROGRAM = join(import.meta.dirname, '../../dist/src/main.js');
const MODEL = 'forgone';
const HOUR_MS = 60 * 60 * 1_000;
const DAY_MS = 24 * HOUR_MS;
const reason = whyNoTimeSkipping();
if (reason) console.log(reason);

let registry: RegistryServer | undefined;
let temporal: TestWorkflowEnvironment | undefined;
let worker: ChildProcess | undefined;

afterEach(async () => {
  await stopWorker();
  await temporal?.teardown();
  await registry?.stop();
});

async function stopWorker(): Promise<void> {
  if (!worker || worker.exitCode !== null || worker.signalCode !== null) return;
  const ended = once(worker, 'exit');
  worker.kill('SIGTERM');
  await ended;
}

describe.skipIf(reason !== null)('retention over years', () => {
  // The Java server now and then loses a task on a busy machine.
  it('keeps each class until its day, longer under a legal hold, and ends when the last is gone', { retry: 2 }, async () => {
    registry = await startRegistryServer();
    temporal = await startTimeSkipping();
    const { dataSource, databaseUrl, folder } = registry;
    await registry.apiKey('ada', ['owner']);
    await registry.apiKey('vera', ['validator']);
    const commands = new CommandsRepository(dataSource, new AuditLedger(dataSource));
    const dispatcher = new CommandDispatcher(temporal.client, commands);
    const send = async <K extends CommandKind>(actor: string, kind: K, body: CommandBodies[K]): Promise<void> => {
      const { command } = await commands.accept({ actor, idempotencyKey: `${actor}-${kind}`, kind, model: MODEL, body }, new Date());
      await eventually(async () => {
        const outcome = (await commands.find(command.id))?.outcome;
        if (outcome) return outcome.kind === kind ? true : Promise.reject(new Error(JSON.stringify(outcome)));
        // A worker that is still starting answers too late for the first.
        await dispatcher.sendWaiting(new Date(Date.now() + HOUR_MS)).catch(() => undefined);
        return undefined;
      }, () => `the ${kind} of ${actor}`);
    };
    /** Days after gateways stopped, by step. */
    const days = async (): Promise<Record<string, number>> => {
      const steps = await dataSource.query<{ step: string; at: Date }[]>('SELECT step, at FROM retirement_step');
      const stopped = steps.find(({ step }) => step === 'stopped')?.at.getTime() ?? NaN;
      return Object.fromEntries(steps.map(({ step, at }) => [step, Math.floor((at.getTime() - stopped) / DAY_MS)]));
    };

    worker = spawn(process.execPath, [PROGRAM, 'worker', '--queues', 'lifecycle,data'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...process.env, DATABASE_URL: databaseUrl, TEMPORAL_ADDRESS: temporal.address, WORK_DIR: join(folder, 'work'), ARTIFACT_URL: join(folder, 'artifacts'), PERENNIAL_PARENT: 'watch' },
    });
    await send('ada', 'apply', { source: smallSpec({ model: MODEL, retention: { predictions: 'P60D', labels: 'P90D', snapshots: 'P90D', artifacts: 'P400D', reports: 'P800D' } }) });
    await send('vera', 'setLegalHold', { reason: 'a case' });
    await send('ada', 'retire', { trigger: 'unused', replacement: null, answers: null, reason: 'nobody asks it' });
    await temporal.sleep('75 days');
    await eventually(async () => ((await dataSource.query('SELECT FROM retirement_certificate')).length === 1 ? true : undefined), () => 'the certificate');
    expect(Object.keys(await days()).filter((step) => step.startsWith('deleted'))).toEqual([]);
    await send('vera', 'liftLegalHold', { hold: 1, reason: 'closed' });
    await eventually(async () => ('deleted/predictions' in (await days()) ? true : undefined), () => 'what was due to be deleted');

    expect(await temporal.client.workflow.getHandle(retirementWorkflowId(MODEL)).result()).toEqual({ number: 1, outcome: 'retired' });
    const found = await days();
    expect(found['deleted/predictions']).toBeGreaterThanOrEqual(60);
    expect(found).toMatchObject({ 'deleted/labels': 90, 'deleted/snapshots': 90, 'deleted/artifacts': 400, 'deleted/reports': 800 });
    expect((await dataSource.query<{ evidence: string[] }[]>('SELECT evidence FROM retirement_certificate ORDER BY edition')).map(({ evidence }) => evidence.length)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
