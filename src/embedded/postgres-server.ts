import { spawn } from 'node:child_process';
import { chownSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLine, isAlive } from '#embedded/pid-lock.mjs';
import { PerennialError } from '../contracts/failures.js';
import { endOrphan, KeptServer } from './kept-server.js';
import { type ReservedPort, reservePort } from './ports.js';
import { type Account, isMarkedFor, markFor, ownFolder, type Placement, placePostgres } from './postgres-placement.js';
import { createDatabaseAndRoles, DATABASE, LOGIN_ROLE, OWNER_ROLE, withClient } from './postgres-roles.js';
import { loadSecrets, type Secrets } from './state-folder.js';

const SUPERUSER = 'postgres';
const STOP_GRACE_MS = 15_000;
/** Recovery after a crash replays the write-ahead log, which takes its time on a slow disk. */
const READY_TIMEOUT_MS = 120_000;
const ATTEMPTS = 5;
const RETRY_MS = 500;
/** A port taken at the last moment, or backends of a crashed server that are just ending. */
const MENDS_ITSELF = /could not bind|Address already in use|shared memory block .* in use/;
const WRONG_PASSWORD = '28P01';

export interface PostgresOptions {
  readonly stateDir: string;
  /** Taken if nobody listens there, else the next free one. */
  readonly preferredPort: number;
  /** The port of a server that ended and is started again: this one or none. */
  readonly heldPort?: ReservedPort;
  readonly log: (line: string) => void;
}

export interface PostgresServer {
  readonly port: number;
  /** Stays reserved until `stop`, also while the server is down. */
  readonly heldPort: ReservedPort;
  /** As `perennial`, the application's role. */
  readonly databaseUrl: string;
  /** As `perennial_owner`, which runs the migrations. */
  readonly ownerDatabaseUrl: string;
  /** As the superuser, on the database `postgres`: for set-up and for tests that want databases of their own. */
  readonly adminDatabaseUrl: string;
  /** Resolves when the server has ended, asked to or not. */
  readonly ended: Promise<number>;
  /** Ends it and gives its port back. */
  stop(): Promise<void>;
  /** Ends it, to be started again on its port. */
  pause(): Promise<void>;
  /** Ends it as a crash would, to be started again on its port. */
  kill(): Promise<void>;
}

/**
 * Starts PostgreSQL for one state folder, made on the first start with SCRAM passwords, UTF-8 and data checksums. It
 * listens on 127.0.0.1 only and ends with this process.
 * @throws PerennialError `DependencyUnavailable` with the end of the server's log.
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { stateDir, log } = options;
  const { secrets, fresh } = loadSecrets(stateDir);
  const place = await placePostgres(stateDir, secrets.instance);
  if (place.moved && fresh) log(`PostgreSQL runs as ${place.account?.name} and cannot reach ${stateDir}; its data is in ${place.base}`);
  if (place.setAside) log(`The database of a state folder that is gone was put aside in ${place.setAside}; remove it when you don't need it`);
  const data = join(place.base, 'data');
  await clearLeftovers(stateDir, data);
  if (existsSync(data)) checkOwner(stateDir, place, secrets);
  else await initialise(stateDir, place, data, secrets);
  const { kept, heldPort } = await launchOnFreePort(options, place, data, secrets);
  const url = (user: string, password: string, database: string): string => `postgres://${user}:${password}@127.0.0.1:${heldPort.port}/${database}`;
  const adminDatabaseUrl = url(SUPERUSER, secrets.superuser, 'postgres');
  const stop = (): Promise<void> => kept.stop().finally(() => heldPort.release());
  await createDatabaseAndRoles(adminDatabaseUrl, secrets).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    port: heldPort.port,
    heldPort,
    adminDatabaseUrl,
    databaseUrl: url(LOGIN_ROLE, secrets.application, DATABASE),
    ownerDatabaseUrl: url(OWNER_ROLE, secrets.owner, DATABASE),
    ended: kept.ended,
    stop,
    pause: () => kept.stop(),
    kill: () => kept.kill(),
  };
}

const pidFileOf = (stateDir: string): string => join(stateDir, 'postgres.pid');
const logFileOf = (stateDir: string): string => join(stateDir, 'logs', 'postgres.log');

/** Ends a server that lost its keeper, and removes a pid file whose id meanwhile belongs to somebody else. */
async function clearLeftovers(stateDir: string, data: string): Promise<void> {
  await endOrphan(pidFileOf(stateDir), data, 'SIGINT');
  const postmaster = join(data, 'postmaster.pid');
  await endOrphan(postmaster, data, 'SIGINT');
  if (!existsSync(postmaster)) return;
  const pid = Number.parseInt(readFileSync(postmaster, 'utf8'), 10);
  if (!isAlive(pid) || !commandLine(pid).includes(data)) rmSync(postmaster);
}

function checkOwner(stateDir: string, place: Placement, secrets: Secrets): void {
  if (isMarkedFor(place.base, secrets.instance)) return;
  throw new PerennialError('ConfigurationInvalid', `${place.base} holds a database whose passwords are not those of ${join(stateDir, 'secrets.json')}; restore that file, or remove ${place.base} to begin anew`);
}

/** Makes the data folder under another name and renames it, so that a killed start leaves no half database. */
async function initialise(stateDir: string, place: Placement, data: string, secrets: Secrets): Promise<void> {
  const incoming = `${data}.new`;
  ownFolder(dirname(data), place.account);
  rmSync(incoming, { recursive: true, force: true });
  const passwordFile = join(place.base, 'password');
  writeFileSync(passwordFile, `${secrets.superuser}\n`, { mode: 0o600 });
  if (place.account) chownSync(passwordFile, place.account.uid, place.account.gid);
  try {
    await runInitdb(place, [
      `--pgdata=${incoming}`, `--username=${SUPERUSER}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256',
      '--encoding=UTF8', '--locale=C', '--data-checksums', '--no-instructions',
    ]);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  markFor(place.base, secrets.instance, stateDir);
  renameSync(incoming, data);
}

async function runInitdb(place: Placement, args: string[]): Promise<void> {
  const child = spawn(join(place.binaries, 'bin', 'initdb'), args, {
    stdio: ['ignore', 'pipe', 'pipe'], env: serverEnvironment(), cwd: place.base, ...identity(place.account),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { output += chunk.toString('utf8'); });
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject).once('close', (exitCode) => resolve(exitCode ?? 1));
  });
  if (code !== 0) throw new PerennialError('DependencyUnavailable', `PostgreSQL's data folder could not be made in ${place.base} (initdb ended with ${code}):\n${output.trim()}`);
}

async function launchOnFreePort(options: PostgresOptions, place: Placement, data: string, secrets: Secrets): Promise<{ kept: KeptServer; heldPort: ReservedPort }> {
  for (let attempt = 1; ; attempt += 1) {
    const reserved = options.heldPort ?? (await reservePort(options.preferredPort));
    const kept = launch(options.stateDir, place, data, reserved.port);
    if (await becomesReady(kept, reserved.port, secrets)) {
      if (reserved.port !== options.preferredPort) options.log(`Port ${options.preferredPort} is taken; PostgreSQL listens on ${reserved.port}`);
      return { kept, heldPort: reserved };
    }
    if (!options.heldPort) reserved.release();
    const tail = kept.logTail();
    if (attempt === ATTEMPTS || !MENDS_ITSELF.test(tail)) {
      throw new PerennialError('DependencyUnavailable', `PostgreSQL did not start; its log (${logFileOf(options.stateDir)}) ends with:\n${tail}`);
    }
    await sleep(RETRY_MS);
  }
}

function launch(stateDir: string, place: Placement, data: string, port: number): KeptServer {
  const settings = {
    listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '', max_connections: '200',
    timezone: 'UTC', log_timezone: 'UTC', log_line_prefix: '%m [%p] ', cluster_name: 'perennial',
  };
  return KeptServer.start({
    command: join(place.binaries, 'bin', 'postgres'),
    args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    environment: serverEnvironment(),
    stopSignal: 'SIGINT',
    graceMs: STOP_GRACE_MS,
    logFile: logFileOf(stateDir),
    pidFile: pidFileOf(stateDir),
    ...(place.account ? { account: place.account } : {}),
  });
}

/** True once the server answers our password; false when it ended instead. */
async function becomesReady(kept: KeptServer, port: number, secrets: Secrets): Promise<boolean> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  const url = `postgres://${SUPERUSER}:${secrets.superuser}@127.0.0.1:${port}/postgres`;
  while (kept.running && Date.now() < deadline) {
    const refusal = await withClient(url, (client) => client.query('SELECT 1')).then(() => undefined, (error: unknown) => error as { code?: string });
    if (!refusal) return true;
    if (refusal.code === WRONG_PASSWORD) break;
    await sleep(20);
  }
  await kept.stop();
  return false;
}

/** The server must not take its settings from a PostgreSQL client's environment. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', LC_MESSAGES: 'C', TZ: 'UTC' };
}

const identity = (account: Account | undefined): { uid?: number; gid?: number } =>
  account ? { uid: account.uid, gid: account.gid } : {};
