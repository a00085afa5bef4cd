import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { claimWorkFolder } from './work-folder.js';

it('removes what dead processes of this machine left, and nothing else', () => {
  const root = mkdtempSync(join(tmpdir(), 'perennial-work-'));
  const { pid: dead } = spawnSync('true');
  const kept = [`${hostname()}@${process.ppid}`, `another-host@${dead}`, 'somebody-elses'];
  for (const name of [...kept, `${hostname()}@${dead}`, `${hostname()}@${process.pid}`]) {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, 'checkpoint'), 'x');
  }
  const own = claimWorkFolder(root);
  expect(readdirSync(own)).toEqual([]);
  expect(existsSync(join(root, `${hostname()}@${dead}`))).toBe(false);
  for (const name of kept) expect(readdirSync(join(root, name))).toEqual(['checkpoint']);
  rmSync(root, { recursive: true });
});
