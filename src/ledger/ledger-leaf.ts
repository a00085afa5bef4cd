import { createHash } from 'node:crypto';
import { canonicalJson } from '../contracts/canonical.js';
import { type Hash, leafHash } from './merkle-tree.js';

/** An entry as the tree has it: everything that says who did what, and the digest of what explains it. */
export interface LedgerEntry {
  readonly id: number;
  /** ISO 8601 in UTC with as many digits of a second as PostgreSQL holds, at most six, ending in Z. */
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly model: string | null;
  readonly subject: string;
  /** `sha256:` and the digest of the details' bytes. */
  readonly detailsDigest: string;
  readonly commandId: string | null;
  readonly workflowId: string | null;
  readonly runId: string | null;
}

/**
 * The bytes that a leaf is hashed over: canonical JSON (RFC 8785) of the members of an entry, by these names, and `v`, the version of
 * this form. Documented in docs/AUDIT.md, so that others can recompute it.
 */
export const leafBytes = ({ id, at, actor, action, model, subject, detailsDigest, commandId, workflowId, runId }: LedgerEntry): Buffer =>
  Buffer.from(canonicalJson({ v: 1, id, at, actor, action, model, subject, detailsDigest, commandId, workflowId, runId }));

export const entryHash = (entry: LedgerEntry): Hash => leafHash(leafBytes(entry));

export const SALT_BYTES = 32;

/** What stands in an entry for the text of a person: without the salt nobody can tell it from that of any other text. */
export const textDigest = (salt: Uint8Array, text: string): string => `sha256:${createHash('sha256').update(salt).update(text).digest('hex')}`;
