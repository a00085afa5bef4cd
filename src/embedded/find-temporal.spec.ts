import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findTemporal, locateTemporal, TEMPORAL_VERSION, TemporalNotFound } from '#embedded/find-temporal.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-find-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const program = (path: string, script: string): string => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
};
const FLAGS = '--db-filename --sqlite-pragma --search-attribute --dynamic-config-value --ui-port --metrics-port';
const environment = (bin: string): NodeJS.ProcessEnv => ({ PATH: `${bin}:/bin`, XDG_CACHE_HOME: join(folder, 'cache'), HOME: folder });

it('prefers the program on PATH to the cached one', async () => {
  const onPath = program(join(folder, 'bin', 'temporal'), `echo ${FLAGS}`);
  program(join(folder, 'cache', 'perennial', `temporal-${TEMPORAL_VERSION}`, 'temporal'), `echo ${FLAGS}`);
  expect(await locateTemporal(environment(join(folder, 'bin')))).toEqual({ path: onPath, tried: [] });
});

it('passes over a program that is too old or does not run, and says why', async () => {
  const old = program(join(folder, 'old', 'temporal'), 'echo --db-filename --ui-port');
  const broken = program(join(folder, 'broken', 'temporal'), 'echo no such library >&2; exit 1');
  const cached = program(join(folder, 'cache', 'perennial', `temporal-${TEMPORAL_VERSION}`, 'temporal'), `echo ${FLAGS}`);
  const { path, tried } = await locateTemporal(environment(`${dirname(old)}:${dirname(broken)}`));
  expect(path).toBe(cached);
  expect(tried.map(({ way }) => way)).toEqual([old, broken]);
  expect(tried[0]?.reason).toMatch(/too old.*--sqlite-pragma, --search-attribute/);
  expect(tried[1]?.reason).toMatch(/no such library/);
});

it('takes what Go builds into the cache', async () => {
  program(join(folder, 'bin', 'go'), `printf '#!/bin/sh\\necho ${FLAGS}\\n' > "$GOBIN/temporal"; /bin/chmod 755 "$GOBIN/temporal"`);
  const steps: string[] = [];
  const step = (what: string, work: () => Promise<string>): Promise<string> => {
    steps.push(what);
    return work();
  };
  const cached = join(folder, 'cache', 'perennial', `temporal-${TEMPORAL_VERSION}`, 'temporal');
  expect(await findTemporal({ environment: environment(join(folder, 'bin')), step })).toBe(cached);
  expect(await findTemporal({ environment: environment(join(folder, 'bin')), step })).toBe(cached);
  expect(steps).toEqual([expect.stringContaining('with Go')]);
});

it('names every way that failed when none works', async () => {
  program(join(folder, 'bin', 'go'), 'echo dial tcp: no route to host >&2; exit 1');
  const notInstalled = Promise.reject(new Error('npm ci failed'));
  notInstalled.catch(() => undefined);
  const failure = await findTemporal({ environment: environment(join(folder, 'bin')), packagesInstalled: notInstalled }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(TemporalNotFound);
  const { tried, message } = failure as TemporalNotFound;
  expect(tried.map(({ reason }) => reason)).toEqual(['there is none', expect.stringContaining('no route to host'), 'npm ci failed']);
  expect(message).toContain('set TEMPORAL_ADDRESS');
});
