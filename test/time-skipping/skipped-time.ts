import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { CommandBodies, CommandKind, CommandOutcome } from '../../src/contracts/commands.js';
import { CommandDispatcher } from '../../src/dispatch/command-dispatcher.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { CommandsRepository } from '../../src/registry/commands.repository.js';
import { eventually } from '../installation.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { startTimeSkipping } from './server.js';

const PROGRAM = join(import.meta.dirname, '../../dist/src/main.js');
const HOUR_MS = 60 * 60 * 1_000;

/** A registry, a worker, and a Temporal whose time can be skipped; commands of one model go to them past the API. */
export class SkippedTime {
  private worker: ChildProcess | undefined;

  private constructor(
    private readonly model: string,
    readonly registry: RegistryServer,
    readonly temporal: TestWorkflowEnvironment,
  ) {}

  static async start(model: string): Promise<SkippedTime> {
    const registry = await startRegistryServer();
    try {
      return new SkippedTime(model, registry, await startTimeSkipping());
    } catch (error) {
      await registry.stop();
      throw error;
    }
  }

  startWorker(queues: string): void {
    const { databaseUrl, folder } = this.registry;
    this.worker = spawn(process.execPath, [PROGRAM, 'worker', '--queues', queues], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...process.env, DATABASE_URL: databaseUrl, TEMPORAL_ADDRESS: this.temporal.address, WORK_DIR: join(folder, 'work'), ARTIFACT_URL: join(folder, 'artifacts'), PERENNIAL_PARENT: 'watch' },
    });
  }

  /** @param key tells commands of one kind by one person apart */
  async send<K extends CommandKind>(actor: string, kind: K, body: CommandBodies[K], key: string = kind): Promise<CommandOutcome> {
    const commands = new CommandsRepository(this.registry.dataSource, new AuditLedger(this.registry.dataSource));
    const dispatcher = new CommandDispatcher(this.temporal.client, commands);
    const { command } = await commands.accept({ actor, idempotencyKey: `${actor}-${key}`, kind, model: this.model, body }, new Date());
    return eventually(async () => {
      const outcome = (await commands.find(command.id))?.outcome;
      if (outcome) return outcome;
      // A worker that is still starting answers too late for the first.
      await dispatcher.sendWaiting(new Date(Date.now() + HOUR_MS)).catch(() => undefined);
      return undefined;
    }, () => `the ${key} of ${actor}`);
  }

  /** How many alarms were raised for voters so far. */
  async words(): Promise<number> {
    const [row] = await this.registry.dataSource.query<{ n: number }[]>("SELECT count(*)::int AS n FROM alarm WHERE kind = 'approvalWaiting'");
    return row!.n;
  }

  untilTold(times: number): Promise<true> {
    return eventually(async () => ((await this.words()) === times ? true : undefined), () => `word ${times} to the voters`);
  }

  /** How many alarms of any kind are open. */
  async open(): Promise<number> {
    const [row] = await this.registry.dataSource.query<{ n: number }[]>('SELECT count(*)::int AS n FROM alarm LEFT JOIN alarm_end over ON over.alarm_id = alarm.id WHERE over.alarm_id IS NULL');
    return row!.n;
  }

  /** This server never hands out again what a worker held that was killed, as Temporal's own does: here workers are not replaced. */
  async stop(): Promise<void> {
    const { worker } = this;
    if (worker && worker.exitCode === null && worker.signalCode === null) {
      const ended = once(worker, 'exit');
      worker.kill('SIGTERM');
      await ended;
    }
    await this.temporal.teardown();
    await this.registry.stop();
  }
}
