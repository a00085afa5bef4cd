import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readEnvironment } from '../config/environment.js';
import { ensureWebhookSecret } from './local-webhook-secret.js';

let folder: string;
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'perennial-secret-')); });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('is made once, is valid as a setting, and is closed to others', () => {
  const secret = ensureWebhookSecret(folder);
  expect(readEnvironment({ ALARM_WEBHOOK_SECRET: secret }).ALARM_WEBHOOK_SECRET).toBe(secret);
  expect(ensureWebhookSecret(folder)).toBe(secret);
  expect(readdirSync(folder)).toEqual(['alarm-webhook-secret']);
  expect(statSync(join(folder, 'alarm-webhook-secret')).mode & 0o777).toBe(0o600);
});
