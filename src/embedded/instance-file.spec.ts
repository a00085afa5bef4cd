import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readInstance, removeInstance, writeInstance } from './instance-file.js';

const INSTANCE = { apiUrl: 'http://127.0.0.1:3000', gatewayUrl: 'http://127.0.0.1:3001', temporalAddress: '127.0.0.1:7233', temporalNamespace: 'default' };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-instance-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('is found while its process lives', () => {
  expect(readInstance(folder)).toBeUndefined();
  writeInstance(folder, INSTANCE, '2013-01-01T00:00:00.000Z');
  expect(readInstance(folder)).toEqual({ ...INSTANCE, pid: process.pid, startedAt: '2013-01-01T00:00:00.000Z' });
  removeInstance(folder);
  expect(readInstance(folder)).toBeUndefined();
});

it.each([
  ['its process has ended', { pid: 2 ** 22 + 1 }],
  ['its id belongs to another process now', { command: 'node elsewhere.js' }],
])('is not found when %s', (_case, change) => {
  writeInstance(folder, INSTANCE, '2013-01-01T00:00:00.000Z');
  const path = join(folder, 'instance.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
  expect(readInstance(folder)).toBeUndefined();
});
