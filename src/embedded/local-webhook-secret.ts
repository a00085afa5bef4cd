import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The secret that alarms of this installation are signed with: made at the first start, readable by its owner alone. */
export function ensureWebhookSecret(stateDir: string): string {
  const path = join(stateDir, 'alarm-webhook-secret');
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  writeFileSync(`${path}.new`, `${secret}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return secret;
}
