// Finds the Temporal server's program, or gets it. Plain JavaScript without dependencies, because the set-up runs it
// before anything is installed.
import { execFile } from 'node:child_process';
import { accessSync, chmodSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The newest version that `go install` can build. */
export const TEMPORAL_VERSION = '1.5.1';
const GO_PACKAGE = `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_VERSION}`;
const NEEDED_FLAGS = ['--db-filename', '--sqlite-pragma', '--search-attribute', '--dynamic-config-value', '--ui-port', '--metrics-port'];
const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;
const BUILD_TIMEOUT_MS = 30 * 60_000;

/** Every way that was tried, and why it did not work. */
export class TemporalNotFound extends Error {
  /** @param {{way: string, reason: string}[]} tried */
  constructor(tried) {
    super(
      ['The Temporal server was not found and could not be had:', ...tried.map(({ way, reason }) => `  - ${way}: ${reason}`),
        'Install it (https://docs.temporal.io/cli, or Go from https://go.dev/dl so that it can be built), or set TEMPORAL_ADDRESS to a server that runs.'].join('\n'),
    );
    this.name = 'TemporalNotFound';
    this.tried = tried;
  }
}

/**
 * The program as it is on this machine already: on PATH, or cached by an earlier set-up.
 * @returns {Promise<{path?: string, tried: {way: string, reason: string}[]}>}
 */
export async function locateTemporal(environment = process.env) {
  const tried = [];
  for (const path of candidates(environment)) {
    const reason = await refusal(path);
    if (!reason) return { path, tried };
    tried.push({ way: path, reason });
  }
  if (tried.length === 0) tried.push({ way: '`temporal` on PATH or cached', reason: 'there is none' });
  return { tried };
}

/**
 * The program's path: located, or else built by Go or downloaded by Temporal's SDK into the cache.
 * @param {{environment?: NodeJS.ProcessEnv, step?: (what: string, work: () => Promise<string>) => Promise<string>,
 *   packagesInstalled?: Promise<void>, signal?: AbortSignal}} options
 *   `step` wraps what takes minutes, so that the caller can show it; the SDK is there once `packagesInstalled` resolves.
 * @returns {Promise<string>}
 * @throws {TemporalNotFound}
 */
export async function findTemporal({ environment = process.env, step = (_what, work) => work(), packagesInstalled, signal } = {}) {
  const { path, tried } = await locateTemporal(environment);
  if (path) return path;
  const ways = [
    { way: `go install ${GO_PACKAGE}`, what: `Building the Temporal server ${TEMPORAL_VERSION} with Go (2-3 minutes, once)`, get: buildWithGo },
    { way: "the download of Temporal's SDK", what: 'Downloading the Temporal server (about 100 MB, once)', get: downloadWithSdk, after: packagesInstalled },
  ];
  for (const { way, what, get, after } of ways) {
    signal?.throwIfAborted();
    try {
      await after;
      return await step(what, () => intoCache(environment, (folder) => get(folder, environment, signal)));
    } catch (error) {
      tried.push({ way, reason: lastLines(error.message) });
    }
  }
  throw new TemporalNotFound(tried);
}

function candidates(environment) {
  const onPath = (environment.PATH ?? '').split(delimiter).filter(Boolean).map((folder) => join(folder, 'temporal'));
  const cached = cacheFolders(environment).map((folder) => join(folder, 'temporal'));
  return [...onPath, ...cached].filter(isProgram);
}

function cacheFolders(environment) {
  const name = `temporal-${TEMPORAL_VERSION}`;
  const cache = environment.XDG_CACHE_HOME || join(environment.HOME || homedir(), '.cache');
  return [join(cache, 'perennial', name), join(PROJECT, 'var', 'cache', name)];
}

/** Why a program can't be used; undefined when it can. */
async function refusal(path) {
  const version = await output(path, ['--version'], 30_000).catch((error) => error);
  if (version instanceof Error) return `does not run (${lastLines(version.message)})`;
  const help = await output(path, ['server', 'start-dev', '--help'], 30_000).catch(() => '');
  const missing = NEEDED_FLAGS.filter((flag) => !help.includes(flag));
  return missing.length === 0 ? undefined : `is too old: \`temporal server start-dev\` lacks ${missing.join(', ')}`;
}

/** Lets `get` make the program in a folder of its own, checks it, and renames it into the first cache that can be written. */
async function intoCache(environment, get) {
  const cache = cacheFolders(environment).find(canWrite);
  if (!cache) throw new Error(`neither ${cacheFolders(environment).join(' nor ')} can be written`);
  const folder = mkdtempSync(join(cache, 'incoming-'));
  try {
    const made = await get(folder);
    chmodSync(made, 0o755);
    const reason = await refusal(made);
    if (reason) throw new Error(`the program that came ${reason}`);
    const target = join(cache, 'temporal');
    renameSync(made, target);
    return target;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function buildWithGo(folder, environment, signal) {
  await output('go', ['install', GO_PACKAGE], BUILD_TIMEOUT_MS, { ...environment, GOBIN: folder, GOFLAGS: '' }, signal).catch((error) => {
    throw error.code === 'ENOENT' ? new Error('`go` is not on PATH') : error;
  });
  return join(folder, 'temporal');
}

/** The SDK downloads when it is asked to start a server; that happens in a process of its own, which can be given up. */
async function downloadWithSdk(folder, environment, signal) {
  if (!existsSync(join(PROJECT, 'node_modules', '@temporalio', 'testing'))) throw new Error('the SDK is not installed (`npm ci` first)');
  await output(process.execPath, [fileURLToPath(import.meta.url), 'download', folder], DOWNLOAD_TIMEOUT_MS, environment, signal);
  const programs = readdirSync(folder).map((name) => join(folder, name)).filter(isProgram);
  if (programs.length === 0) throw new Error('it left no program behind');
  return programs[0];
}

async function startDownloaded(folder) {
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const server = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'cached-download', downloadDir: folder } } });
  await server.teardown();
}

function output(command, args, timeoutMs, env = process.env, signal = undefined) {
  return new Promise((resolvePromise, reject) => {
    execFile(command, args, { timeout: timeoutMs, env, signal, cwd: tmpdir(), maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (!error) return resolvePromise(stdout);
      const text = error.killed ? `gave no result in ${timeoutMs / 1000} s` : stderr.trim() || error.message;
      reject(Object.assign(new Error(text), { code: error.code }));
    });
  });
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function canWrite(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

const lastLines = (text) => text.trim().split('\n').slice(-4).join(' | ').slice(-600);

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv[2] === 'download') {
  await startDownloaded(process.argv[3]).then(() => process.exit(0), (error) => {
    console.error(error.message);
    process.exit(1);
  });
}
