import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine, isAlive } from '#embedded/pid-lock.mjs';
import { startEmbedded } from './embedded.js';

const require = createRequire(import.meta.url);
const PROJECT = dirname(require.resolve('../../package.json'));
// Below the project, so that the compiled copy finds the packages; a process to be killed can't run TypeScript.
const build = join(PROJECT, 'var', `orphans-${process.pid}`);
const stateDir = mkdtempSync(join(tmpdir(), 'perennial-orphans-'));

const PARENT = `
  import { startEmbedded } from './src/embedded/embedded.js';
  import { Supervisor } from './src/embedded/supervisor.js';
  const stateDir = process.argv[2];
  await startEmbedded({ stateDir });
  const role = await new Supervisor(() => {}).startRole({
    name: 'role', args: [${JSON.stringify(join(build, 'role.mjs'))}, stateDir], environment: process.env, logFile: stateDir + '/logs/role.log' });
  console.log('up');`;
const ROLE = `
  import { watchParent } from './src/embedded/parent-watch.js';
  watchParent(() => process.exit(0));
  setInterval(() => {}, 1000);`;

beforeAll(() => {
  mkdirSync(build, { recursive: true });
  execFileSync(join(PROJECT, 'node_modules', '.bin', 'swc'), ['src/embedded', 'src/config', 'src/contracts', '-d', build, '--config-file', '.swcrc', '-q'], { cwd: PROJECT });
  writeFileSync(join(build, 'parent.mjs'), PARENT);
  writeFileSync(join(build, 'role.mjs'), ROLE);
}, 60_000);
afterAll(() => {
  rmSync(build, { recursive: true, force: true });
  rmSync(stateDir, { recursive: true, force: true });
});

/** Every process whose command line names the folder, but for us; the spec runs on Linux. */
const processesOf = (folder: string): number[] =>
  readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number)
    .filter((pid) => pid !== process.pid && isAlive(pid) && commandLine(pid).includes(folder));

async function startParent(folder: string): Promise<ChildProcess> {
  const parent = spawn(process.execPath, [join(build, 'parent.mjs'), folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(parent.stdout as NodeJS.ReadableStream, 'data');
  return parent;
}

const hasProc = existsSync('/proc/self/cmdline');
const onLinux = it.skipIf(!hasProc);
if (!hasProc) console.info('Skipped: what a killed start leaves behind is found by /proc, which this machine does not have.');

onLinux('leaves no process when it is killed: not PostgreSQL, not Temporal, no keeper, no role', async () => {
  const parent = await startParent(stateDir);
  const names = processesOf(stateDir).map(commandLine).join('\n');
  for (const part of ['parent.mjs', 'role.mjs', 'keeper.mjs', 'bin/postgres', 'server start-dev']) expect(names).toContain(part);
  parent.kill('SIGKILL');
  await expect.poll(() => processesOf(stateDir), { timeout: 20_000, interval: 100 }).toEqual([]);
}, 60_000);

onLinux('ends the servers of a start whose keepers were killed as well, and goes on with their data', async () => {
  const parent = await startParent(stateDir);
  for (const pid of processesOf(stateDir).filter((pid) => commandLine(pid).includes('keeper.mjs'))) process.kill(pid, 'SIGKILL');
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  const orphans = ['postgres', 'temporal'].map((name) => Number(readFileSync(join(stateDir, `${name}.pid`), 'utf8')));
  expect(orphans.map(isAlive)).toEqual([true, true]);
  const servers = await startEmbedded({ stateDir });
  expect(orphans.map(isAlive)).toEqual([false, false]);
  await servers.stop();
  expect(processesOf(stateDir)).toEqual([]);
}, 60_000);

onLinux('starts although the pid file of PostgreSQL names a living process that is another', async () => {
  const closed = await startEmbedded({ stateDir });
  await closed.stop();
  const stranger = spawn('sleep', ['60']);
  writeFileSync(join(stateDir, 'postgres', 'data', 'postmaster.pid'), `${stranger.pid}\n`);
  const servers = await startEmbedded({ stateDir });
  await servers.stop();
  expect(isAlive(stranger.pid as number)).toBe(true);
  stranger.kill();
}, 60_000);

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.info('Skipped: PostgreSQL moves out of a closed folder for root alone, and these tests do not run as root.');
describe.runIf(isRoot)('where root keeps its state and nobody else may pass', () => {
  const closed = mkdtempSync(join(tmpdir(), 'perennial-closed-'));
  const state = join(closed, 'state');
  chmodSync(closed, 0o700);
  afterAll(() => rmSync(closed, { recursive: true, force: true }));
  const startAndStop = async (): Promise<string> => {
    const said: string[] = [];
    const servers = await startEmbedded({ stateDir: state, log: (line) => said.push(line) });
    await servers.stop();
    return said.join('\n');
  };
  const movedTo = (said: string): string => /its data is in (\S+)/.exec(said)?.[1] ?? '';

  it('moves PostgreSQL, and says where to', async () => {
    const moved = movedTo(await startAndStop());
    expect(moved).toMatch(/^\/var\/lib\/perennial\/[0-9a-f]{16}$/);
    expect(existsSync(join(moved, 'data', 'PG_VERSION'))).toBe(true);
    expect(await startAndStop()).not.toContain('aside');
  }, 60_000);

  it('puts the data of a state folder that was deleted aside', async () => {
    rmSync(state, { recursive: true });
    const aside = /put aside in (\S+);/.exec(await startAndStop())?.[1] ?? '';
    expect(existsSync(join(aside, 'data', 'PG_VERSION'))).toBe(true);
  }, 60_000);

  it('removes moved data when its state lay in the temporary folder and is gone', async () => {
    const moved = join('/var/lib/perennial', createHash('sha256').update(state).digest('hex').slice(0, 16));
    rmSync(closed, { recursive: true });
    const other = mkdtempSync(join(tmpdir(), 'perennial-closed-'));
    const server = await startEmbedded({ stateDir: join(other, 'state') });
    await server.stop();
    expect(existsSync(moved)).toBe(false);
    rmSync(other, { recursive: true });
  }, 60_000);
});
