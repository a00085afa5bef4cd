import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { PerennialError } from '../contracts/failures.js';
import type { Environment } from './environment.js';

/** What a worker signs the audit ledger with, and where the checkpoints go. */
export interface AuditSigning {
  readonly origin: string;
  readonly key: KeyObject;
  readonly folder: string;
}

/**
 * Null where neither key nor folder is set: the ledger is kept then, and not signed.
 * @throws PerennialError `ConfigurationInvalid` for one without the other, or a file that holds no private key of Ed25519
 */
export function auditSigning({ AUDIT_KEY_FILE: file, AUDIT_CHECKPOINTS: folder, AUDIT_ORIGIN: origin }: Environment): AuditSigning | null {
  if (file === undefined && folder === undefined) return null;
  if (file === undefined || folder === undefined) throw invalid('AUDIT_KEY_FILE and AUDIT_CHECKPOINTS belong together: set both, or neither');
  return { origin, key: privateKey(file), folder };
}

function privateKey(file: string): KeyObject {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    throw invalid(`AUDIT_KEY_FILE names ${file}, which cannot be read (${(error as { code?: string }).code ?? 'unknown'}); make a key with \`openssl genpkey -algorithm ed25519 -out ${file}\``);
  }
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // What the parser says may quote the file.
  }
  throw invalid(`AUDIT_KEY_FILE names ${file}, which holds no private key of Ed25519 in PEM (PKCS#8) without a password; make one with \`openssl genpkey -algorithm ed25519\``);
}

const invalid = (message: string): PerennialError => new PerennialError('ConfigurationInvalid', message, { settings: ['AUDIT_KEY_FILE', 'AUDIT_CHECKPOINTS'] });
