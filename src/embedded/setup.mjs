// `npm start` and `npm test` on a bare clone: makes ready what is missing, then hands over. Plain JavaScript without
// dependencies, because it runs before anything is installed.
//
//   node src/embedded/setup.mjs start [arguments of `up`]
//   node src/embedded/setup.mjs demo release [arguments of `up`]
//   node src/embedded/setup.mjs test [arguments of vitest]
//   node src/embedded/setup.mjs only
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { takeLock } from './pid-lock.mjs';
import { Progress } from './setup-progress.mjs';
import { build, checkNode, findPython, getTemporal, installPackages, makePythonEnvironment, makeTestEnvironments } from './setup-steps.mjs';
import { PROJECT, SetupFailure, STAMPS } from './setup-tools.mjs';

const MAIN = join(PROJECT, 'dist', 'src', 'main.js');
const DEMOS = ['release', 'monitor', 'life'];
const VITEST = join(PROJECT, 'node_modules', 'vitest', 'vitest.mjs');

/** Everything that has to be there, each only where it isn't yet; independent steps run side by side. */
async function setUp(progress, forTests) {
  checkNode();
  const python = await findPython();
  const release = await takeTurn(progress);
  const stop = new AbortController();
  const end = (signal) => {
    stop.abort();
    release();
    process.exit(128 + constants.signals[signal]);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, end);
  try {
    await runSteps({ progress, signal: stop.signal }, python, stop, forTests);
  } finally {
    release();
    for (const signal of signals) process.off(signal, end);
  }
}

async function runSteps(context, python, stop, forTests) {
  const packages = installPackages(context);
  const steps = [packages.then(() => build(context)), makePythonEnvironment(context, python), getTemporal(context, packages), ...(forTests ? makeTestEnvironments(context, python) : [])];
  let first;
  const outcomes = steps.map((step) => step.catch((error) => {
    first ??= error;
    // What the others would make is of no use any more.
    context.progress.giveUp();
    stop.abort();
  }));
  await Promise.all(outcomes);
  if (first) throw first;
}

/** Two set-ups of one clone take turns; the second then finds most of it done. */
async function takeTurn(progress) {
  mkdirSync(STAMPS, { recursive: true });
  for (let told = false; ; told = true) {
    const { release, holder } = takeLock(join(STAMPS, 'lock'));
    if (release) return release;
    if (!told) progress.say(`  Waiting for the set-up that process ${holder} is doing in this clone`);
    await sleep(500);
  }
}

/** In this very process: one fewer to forward signals to, and killing it kills what matters. */
async function start(args) {
  process.argv = [process.execPath, MAIN, 'up', '--tour', ...args];
  await import(pathToFileURL(MAIN).href);
}

/** The longer tours, on the instance of `npm start`. What gateways log is brought in sooner, for a replay's day takes seconds. */
async function demo([tour, ...args]) {
  process.env.OBSERVATION_SEAL_MS ??= '500';
  process.argv = [process.execPath, MAIN, 'up', '--tour', tour, ...args];
  await import(pathToFileURL(MAIN).href);
}

/** Ctrl-C reaches vitest from the terminal too; it ends once. */
function test(args) {
  const tests = spawn(process.execPath, [VITEST, 'run', ...args], { stdio: 'inherit', cwd: PROJECT });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => tests.kill(signal));
  process.on('SIGINT', () => { if (!process.stdin.isTTY) tests.kill('SIGINT'); });
  tests.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

async function main([verb, ...args]) {
  const next = { start, demo, test, only: () => undefined }[verb];
  if (!next) throw new SetupFailure(`setup.mjs knows start, demo, test and only, not ${verb ?? 'nothing'}.`);
  if (verb === 'demo' && !DEMOS.includes(args[0])) throw new SetupFailure(`There is no tour ${args[0] ?? 'without a name'}.`, { remedy: `\`npm run demo -- ${DEMOS.join('\`, \`npm run demo -- ')}\`` });
  await setUp(new Progress(process.stdout), verb === 'test');
  await next(args);
}

// npm takes the first `--` of `npm run demo -- release -- --exit` only.
await main(process.argv.slice(2).filter((argument) => argument !== '--')).catch((error) => {
  if (!(error instanceof SetupFailure)) throw error;
  console.error(`\n${error.message}`);
  process.exit(1);
});
