import { availableParallelism } from 'node:os';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { findTemporal } from '#embedded/find-temporal.mjs';
import { inheritedVariables } from '../config/environment.js';
import { PerennialError } from '../contracts/failures.js';
import { SEARCH_ATTRIBUTES } from '../contracts/motion.js';
import { endOrphan, KeptServer, type ServerCommand } from './kept-server.js';
import { anyFreePort, type ReservedPort, reservePort } from './ports.js';

const STOP_GRACE_MS = 15_000;
const READY_TIMEOUT_MS = 60_000;
const PORT_ATTEMPTS = 5;
const RETRY_MS = 500;
const NAMESPACE = 'default';
const RETENTION_SECONDS = 30 * 24 * 3_600;

/** The server's defaults move every task on a 50 ms grid; these let a remote activity take about 8 ms. */
const TASK_RATES = ['transferProcessor', 'timerProcessor', 'visibilityProcessor', 'outboundProcessor'];
const DYNAMIC_CONFIG: Readonly<Record<string, string>> = {
  ...Object.fromEntries(TASK_RATES.map((processor) => [`history.${processor}MaxPollRPS`, '2000'])),
  'system.enableActivityEagerExecution': 'true',
  // Fairness counts within a partition, so there is one; switched on over a backlog it would strand it.
  'matching.enableFairness': 'true',
  'matching.numTaskqueueReadPartitions': '1',
  'matching.numTaskqueueWritePartitions': '1',
};

/**
 * Half of the cores, for the server shares the machine with workers and trainers: on two cores a step costs a tenth less
 * with one of them than with both. GOMAXPROCS in our own environment stands above it.
 */
const SERVER_CORES = Math.max(1, Math.floor(availableParallelism() / 2));

/** The command line spells the types otherwise than the SDK. */
const ATTRIBUTE_TYPES = { KEYWORD: 'Keyword', INT: 'Int' } as const;

export interface TemporalOptions {
  readonly stateDir: string;
  readonly preferredPort: number;
  readonly preferredUiPort: number;
  /** The ports of a server that ended and is started again: these or none. */
  readonly heldPorts?: HeldPorts;
  readonly log: (line: string) => void;
  /** The server's program; found or fetched where it isn't given. */
  readonly program?: string;
}

export interface HeldPorts {
  readonly grpc: ReservedPort;
  readonly ui: ReservedPort;
}

export interface TemporalServer {
  /** Stay reserved until `stop`, also while the server is down; none where somebody else runs the server. */
  readonly heldPorts?: HeldPorts;
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string;
  readonly ended: Promise<number>;
  /** Ends it and gives its ports back. */
  stop(): Promise<void>;
  /** Ends it, to be started again on its ports. */
  pause(): Promise<void>;
  /** Ends it as a crash would, to be started again on its ports. */
  kill(): Promise<void>;
}

/**
 * Starts Temporal's development server with its UI for one state folder: durable in SQLite, on 127.0.0.1 only, tuned for
 * one machine, with our search attributes and 30 days of retention. It ends with this process.
 * @throws PerennialError `DependencyUnavailable` with the end of the server's log, or why there is no program.
 */
export async function startTemporal(options: TemporalOptions): Promise<TemporalServer> {
  const program = options.program ?? (await obtainProgram());
  mkdirSync(options.stateDir, { recursive: true });
  await endOrphan(pidFileOf(options.stateDir), databaseOf(options.stateDir), 'SIGTERM');
  const { kept, heldPorts } = await launchOnFreePorts(options, program);
  return {
    heldPorts,
    address: `127.0.0.1:${heldPorts.grpc.port}`,
    namespace: NAMESPACE,
    uiUrl: `http://127.0.0.1:${heldPorts.ui.port}`,
    ended: kept.ended,
    stop: () => kept.stop().finally(() => release(heldPorts)),
    pause: () => kept.stop(),
    kill: () => kept.kill(),
  };
}

/** Removes everything that Temporal remembers; its server must have been stopped. */
export function removeTemporalData(stateDir: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${databaseOf(stateDir)}${suffix}`, { force: true });
}

const databaseOf = (stateDir: string): string => join(stateDir, 'temporal.db');
const pidFileOf = (stateDir: string): string => join(stateDir, 'temporal.pid');
const logFileOf = (stateDir: string): string => join(stateDir, 'logs', 'temporal.log');

async function obtainProgram(): Promise<string> {
  return findTemporal().catch((error: unknown) => {
    throw new PerennialError('DependencyUnavailable', error instanceof Error ? error.message : String(error), {}, { cause: error });
  });
}

async function launchOnFreePorts(options: TemporalOptions, program: string): Promise<{ kept: KeptServer; heldPorts: HeldPorts }> {
  for (let attempt = 1; ; attempt += 1) {
    const ports = options.heldPorts ?? { grpc: await reservePort(options.preferredPort), ui: await reservePort(options.preferredUiPort) };
    const kept = KeptServer.start(await commandFor(options.stateDir, program, ports));
    if (await becomesReady(kept, `127.0.0.1:${ports.grpc.port}`)) {
      announce(options, ports);
      return { kept, heldPorts: ports };
    }
    if (!options.heldPorts) release(ports);
    if (attempt === PORT_ATTEMPTS || !kept.loggedLately(/address already in use/i)) {
      throw new PerennialError('DependencyUnavailable', `The Temporal server did not start; its log (${logFileOf(options.stateDir)}) ends with:\n${kept.logTail()}`);
    }
    await sleep(RETRY_MS);
  }
}

function release({ grpc, ui }: HeldPorts): void {
  grpc.release();
  ui.release();
}

async function commandFor(stateDir: string, program: string, { grpc, ui }: HeldPorts): Promise<ServerCommand> {
  const pairs = (flag: string, values: Readonly<Record<string, string>>): string[] =>
    Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
  return {
    command: program,
    args: [
      'server', 'start-dev', '--ip', '127.0.0.1', '--port', String(grpc.port), '--ui-port', String(ui.port),
      '--metrics-port', String(await anyFreePort()), '--log-level', 'warn', '--db-filename', databaseOf(stateDir),
      ...pairs('--sqlite-pragma', { journal_mode: 'wal', synchronous: 'normal' }),
      ...pairs('--dynamic-config-value', DYNAMIC_CONFIG),
      ...Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => ['--search-attribute', `${name}=${ATTRIBUTE_TYPES[type]}`]),
    ],
    environment: { GOMAXPROCS: String(SERVER_CORES), ...inheritedVariables() },
    stopSignal: 'SIGTERM',
    graceMs: STOP_GRACE_MS,
    logFile: logFileOf(stateDir),
    pidFile: pidFileOf(stateDir),
  };
}

/** True once the server answers and keeps histories as long as we want; false when it ended instead. */
async function becomesReady(kept: KeptServer, address: string): Promise<boolean> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (kept.running && Date.now() < deadline) {
    if (await prepareNamespace(address)) return kept.running;
    await sleep(50);
  }
  await kept.stop();
  return false;
}

async function prepareNamespace(address: string): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: 1_000 }).catch(() => undefined);
  if (!connection) return false;
  try {
    await connection.workflowService.updateNamespace({
      namespace: NAMESPACE,
      config: { workflowExecutionRetentionTtl: { seconds: RETENTION_SECONDS as never } },
    });
    return true;
  } catch {
    return false;
  } finally {
    await connection.close();
  }
}

function announce({ preferredPort, preferredUiPort, log }: TemporalOptions, { grpc, ui }: HeldPorts): void {
  if (grpc.port !== preferredPort) log(`Port ${preferredPort} is taken; Temporal listens on ${grpc.port}`);
  if (ui.port !== preferredUiPort) log(`Port ${preferredUiPort} is taken; the Temporal UI is on ${ui.port}`);
}
