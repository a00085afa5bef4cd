import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { CommandBodies, CommandKind } from '../../src/contracts/commands.js';
import { useCaseApprovalWorkflowId } from '../../src/contracts/motion.js';
import { CommandDispatcher } from '../../src/dispatch/command-dispatcher.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { CommandsRepository } from '../../src/registry/commands.repository.js';
import { eventually } from '../installation.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { smallSpec, smallUseCase } from '../small-model.js';
import { startTimeSkipping, whyNoTimeSkipping } from './server.js';

const PROGRAM = join(import.meta.dirname, '../../dist/src/main.js');
const MODEL = 'patient';
const HOUR_MS = 60 * 60 * 1_000;
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

function startWorker({ databaseUrl, folder }: RegistryServer, { address }: TestWorkflowEnvironment): void {
  worker = spawn(process.execPath, [PROGRAM, 'worker', '--queues', 'lifecycle'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...process.env, DATABASE_URL: databaseUrl, TEMPORAL_ADDRESS: address, WORK_DIR: join(folder, 'work'), ARTIFACT_URL: join(folder, 'artifacts'), PERENNIAL_PARENT: 'watch' },
  });
}

/** This server never hands out again what a worker held that was killed, as Temporal's own does: here workers are not replaced. */
async function stopWorker(): Promise<void> {
  if (!worker || worker.exitCode !== null || worker.signalCode !== null) return;
  const ended = once(worker, 'exit');
  worker.kill('SIGTERM');
  await ended;
}

describe.skipIf(reason !== null)('an approval that takes weeks', () => {
  // The Java server now and then loses a task on a busy machine.
  it('keeps its reminders and its end, with a vote that is not enough', { retry: 2 }, async () => {
    registry = await startRegistryServer();
    temporal = await startTimeSkipping();
    const { dataSource } = registry;
    await registry.apiKey('ada', ['owner']);
    await registry.apiKey('ben', ['approver']);
    const commands = new CommandsRepository(dataSource, new AuditLedger(dataSource));
    const dispatcher = new CommandDispatcher(temporal.client, commands);
    const send = async <K extends CommandKind>(actor: string, kind: K, body: CommandBodies[K]): Promise<void> => {
      const { command } = await commands.accept({ actor, idempotencyKey: `${actor}-${kind}`, kind, model: MODEL, body }, new Date());
      await eventually(async () => {
        if ((await commands.find(command.id))?.outcome) return true;
        // A worker that is still starting answers too late for the first.
        await dispatcher.sendWaiting(new Date(Date.now() + HOUR_MS)).catch(() => undefined);
        return undefined;
      }, () => `the ${kind} of ${actor}`);
    };
    const words = async (): Promise<number> => Number((await dataSource.query<{ n: string }[]>("SELECT count(*) AS n FROM alarm WHERE kind = 'approvalWaiting'"))[0]!.n);
    const untilTold = (times: number): Promise<true> => eventually(async () => ((await words()) === times ? true : undefined), () => `word ${times} to the voters`);

    startWorker(registry, temporal);
    await send('ada', 'apply', { source: smallSpec({ model: MODEL, tier: 'high', useCase: smallUseCase({ within: 'P28D', remindEvery: 'P7D' }) }) });
    await untilTold(1);
    const { digest } = (await dataSource.query<{ digest: string }[]>('SELECT digest FROM approval'))[0]!;
    await send('ben', 'vote', { approval: 1, choice: 'approve', digest, reason: 'sound' });
    await temporal.sleep('8 days');
    await untilTold(2);

    await temporal.sleep('8 days');
    await untilTold(3);
    expect(await dataSource.query('SELECT outcome FROM approval_end')).toEqual([]);
    const result = await temporal.client.workflow.getHandle(useCaseApprovalWorkflowId(MODEL)).result() as unknown;
    expect(result).toMatchObject({ number: 1, outcome: 'expired', reason: expect.stringMatching(/^Not decided by .*Z\. ben: approve\.$/) as string });
    expect(await words()).toBe(4);
    expect(await dataSource.query('SELECT outcome FROM approval_end')).toEqual([{ outcome: 'expired' }]);
    expect(await dataSource.query('SELECT count(*)::int AS open FROM alarm LEFT JOIN alarm_end over ON over.alarm_id = alarm.id WHERE over.alarm_id IS NULL')).toEqual([{ open: 0 }]);
  });
});
