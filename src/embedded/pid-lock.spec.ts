import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { commandLine, isAlive, takeLock } from '#embedded/pid-lock.mjs';

const folder = mkdtempSync(join(tmpdir(), 'perennial-lock-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('is held by one, and named to the others, until it is given back', () => {
  const path = join(folder, 'held');
  const first = takeLock(path);
  expect(takeLock(path)).toEqual({ holder: process.pid });
  first.release?.();
  const second = takeLock(path);
  expect(second.release).toBeTypeOf('function');
  second.release?.();
  expect(readdirSync(folder)).toEqual([]);
});

it('is free once its holder was killed', async () => {
  const path = join(folder, 'killed');
  const holder = spawn(process.execPath, ['--input-type=module', '-e', `
    import { takeLock } from '#embedded/pid-lock.mjs';
    takeLock(${JSON.stringify(path)});
    console.log('taken');
    setInterval(() => {}, 1000);`], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  expect(takeLock(path)).toEqual({ holder: holder.pid });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const lock = takeLock(path);
  expect(lock.release).toBeTypeOf('function');
  lock.release?.();
});

it('is free when another process was given the id of its holder', () => {
  const path = join(folder, 'reused');
  writeFileSync(path, JSON.stringify({ pid: process.pid, command: 'postgres -D elsewhere' }));
  expect(takeLock(path).release).toBeTypeOf('function');
});

it('is free when a crash left the file empty', () => {
  const path = join(folder, 'empty');
  writeFileSync(path, '');
  expect(takeLock(path).release).toBeTypeOf('function');
});

it('goes to one of many that find it stale at once', async () => {
  const path = join(folder, 'contended');
  writeFileSync(path, JSON.stringify({ pid: 2 ** 22 + 1, command: 'gone' }));
  const contender = `
    import { takeLock } from '#embedded/pid-lock.mjs';
    process.stdin.once('data', () => {
      console.log(takeLock(${JSON.stringify(path)}).release ? 'won' : 'lost');
      process.stdin.once('data', () => process.exit(0));
    });
    console.log('ready');`;
  const contenders = Array.from({ length: 6 }, () => spawn(process.execPath, ['--input-type=module', '-e', contender], { stdio: ['pipe', 'pipe', 'inherit'] }));
  await Promise.all(contenders.map(({ stdout }) => once(stdout, 'data')));
  for (const { stdin } of contenders) stdin.write('go\n');
  const answers = await Promise.all(contenders.map(async ({ stdout }) => String((await once(stdout, 'data'))[0]).trim()));
  for (const { stdin } of contenders) stdin.write('end\n');
  await Promise.all(contenders.map((process) => once(process, 'exit')));
  expect(answers.sort()).toEqual(['lost', 'lost', 'lost', 'lost', 'lost', 'won']);
});

it('tells the living from the ended', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'a-marker']);
  await once(child, 'spawn');
  expect(isAlive(child.pid as number)).toBe(true);
  expect(commandLine(child.pid as number)).toContain('a-marker');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isAlive(child.pid as number)).toBe(false);
  expect(commandLine(child.pid as number)).toBe('');
});
