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
const MODEL = 'halted';
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

describe.skipIf(reason !== null)('a pause of 40 days', () => {
  // The Java server now and then loses a task on a busy machine.
  it('leaves an approval the time that was left, and nobody is reminded meanwhile', { retry: 2 }, async () => {
    registry = await startRegistryServer();
    temporal = await startTimeSkipping();
    const { dataSource, databaseUrl, folder } = registry;
    await registry.apiKey('ada', ['owner']);
    await registry.apiKey('ben', ['approver']);
    const commands = new CommandsRepository(dataSource, new AuditLedger(dataSource));
    const dispatcher = new CommandDispatcher(temporal.client, commands);
    const send = async <K extends CommandKind>(actor: string, kind: K, body: CommandBodies[K], key: string = kind): Promise<unknown> => {
      const { command } = await commands.accept({ actor, idempotencyKey: `${actor}-${key}`, kind, model: MODEL, body }, new Date());
      return eventually(async () => {
        const outcome = (await commands.find(command.id))?.outcome;
        if (outcome) return outcome;
        // A worker that is still starting answers too late for the first.
        await dispatcher.sendWaiting(new Date(Date.now() + HOUR_MS)).catch(() => undefined);
        return undefined;
      }, () => `the ${key} of ${actor}`);
    };
    const words = async (): Promise<number> => Number((await dataSource.query<{ n: string }[]>("SELECT count(*) AS n FROM alarm WHERE kind = 'approvalWaiting'"))[0]!.n);
    const untilTold = (times: number): Promise<true> => eventually(async () => ((await words()) === times ? true : undefined), () => `word ${times} to the voters`);
    const told = async (): Promise<number> => Number((await dataSource.query<{ n: string }[]>("SELECT count(*) AS n FROM alarm LEFT JOIN alarm_end over ON over.alarm_id = alarm.id WHERE over.alarm_id IS NULL"))[0]!.n);
    const steer = (action: 'pause' | 'resume'): Promise<unknown> => send('ada', 'steerStage', { stage: 'useCaseApproval', action, version: null, reason: 'the board is away' }, action);

    worker = spawn(process.execPath, [PROGRAM, 'worker', '--queues', 'lifecycle'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...process.env, DATABASE_URL: databaseUrl, TEMPORAL_ADDRESS: temporal.address, WORK_DIR: join(folder, 'work'), ARTIFACT_URL: join(folder, 'artifacts'), PERENNIAL_PARENT: 'watch' },
    });
    await send('ada', 'apply', { source: smallSpec({ model: MODEL, tier: 'high', useCase: smallUseCase({ within: 'P28D', remindEvery: 'P7D' }) }) });
    await untilTold(1);
    await temporal.sleep('8 days');
    await untilTold(2);
    expect(await steer('pause')).toMatchObject({ kind: 'steerStage', action: 'pause', subject: 1 });
    await eventually(async () => ((await told()) === 0 ? true : undefined), () => 'nobody to be told any more');
    const { digest } = (await dataSource.query<{ digest: string }[]>('SELECT digest FROM approval'))[0]!;
    await temporal.sleep('40 days');
    expect(await send('ben', 'vote', { approval: 1, choice: 'approve', digest, reason: 'sound' }, 'while paused')).toMatchObject({ kind: 'refused', type: 'StagePaused' });
    expect(await words()).toBe(2);
    expect(await dataSource.query('SELECT outcome FROM approval_end')).toEqual([]);

    expect(await steer('resume')).toMatchObject({ kind: 'steerStage', action: 'resume' });
    await untilTold(3);
    expect(await send('ben', 'vote', { approval: 1, choice: 'approve', digest, reason: 'sound' }, 'afterwards')).toMatchObject({ kind: 'vote', outcome: null });
    expect(await temporal.client.workflow.getHandle(useCaseApprovalWorkflowId(MODEL)).result()).toMatchObject({ number: 1, outcome: 'expired' });
    const [times] = await dataSource.query<{ opened: Date; ended: Date }[]>('SELECT opened_at AS opened, at AS ended FROM approval JOIN approval_end ON approval_end.approval = number');
    const days = (times!.ended.getTime() - times!.opened.getTime()) / DAY_MS;
    expect(days).toBeGreaterThanOrEqual(68);
    expect(days).toBeLessThan(69);
    expect(await words()).toBe(5);
    expect(await told()).toBe(0);
  });
});
