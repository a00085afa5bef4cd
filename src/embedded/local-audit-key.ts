import { generateKeyPairSync } from 'node:crypto';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The key that signs the audit ledger of this installation: made at the first start, readable by its owner alone. @returns its file */
export function ensureAuditKey(stateDir: string): string {
  const path = join(stateDir, 'audit-key.pem');
  if (existsSync(path)) return path;
  const { privateKey } = generateKeyPairSync('ed25519', { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } });
  writeFileSync(`${path}.new`, privateKey, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return path;
}
