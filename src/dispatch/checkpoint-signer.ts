import { createPublicKey, type KeyObject } from 'node:crypto';
import { PerennialError } from '../contracts/failures.js';
import { type Checkpoint, openCheckpoint, signedCheckpoint } from '../ledger/checkpoint.js';
import { isConsistent, type TreeHead } from '../ledger/merkle-tree.js';
import { keyId } from '../ledger/signed-note.js';
import type { AuditTreeRepository, TreeTurn } from '../registry/audit-tree.repository.js';
import type { CheckpointFolder } from './checkpoint-folder.js';

/** Who signs: the ledger's name, and a private key of Ed25519 that PostgreSQL never sees. */
export interface LedgerIdentity {
  readonly origin: string;
  readonly key: KeyObject;
}

/** `current`: there was nothing new. `busy`: another sequencer is at the tree. */
export type Signing = { readonly outcome: 'signed' | 'current' | 'busy' } | { readonly outcome: 'refused'; readonly reason: string };

/**
 * Signs the tree as it stands, after having seen that it continues the last checkpoint outside the database: one that was set back or
 * rewritten must not get a new signature.
 */
export class CheckpointSigner {
  private readonly publicKey: KeyObject;
  private keyPublished = false;
  private refused: string | null = null;

  constructor(
    private readonly tree: AuditTreeRepository,
    private readonly folder: CheckpointFolder,
    private readonly identity: LedgerIdentity,
  ) {
    this.publicKey = createPublicKey(identity.key);
  }

  /** @throws when the folder or PostgreSQL cannot be used; nothing is signed then, or what was signed is recorded next time */
  async sign(at: Date): Promise<Signing> {
    return (await this.tree.exclusively((turn) => this.signWithin(turn, at))) ?? { outcome: 'busy' };
  }

  private async signWithin(turn: TreeTurn, at: Date): Promise<Signing> {
    const head = await turn.head();
    const known = await this.knownCheckpoints();
    const reason = typeof known === 'string' ? known : await this.refusalOf(turn, head, known);
    if (reason !== null || typeof known === 'string') return this.refuse(turn, head.size, reason ?? '', at);
    this.refused = null;
    const same = known.find(({ checkpoint }) => checkpoint.size === head.size);
    if (head.size === 0) return { outcome: 'current' };
    const note = same?.note ?? (await this.publish({ ...head, origin: this.identity.origin, at }));
    // The file comes first: what is in the database alone binds nobody.
    await turn.addCheckpoint({ size: head.size, root: head.root, note, at: same?.checkpoint.at ?? at });
    return same ? { outcome: 'current' } : { outcome: 'signed' };
  }

  private async publish(checkpoint: Checkpoint): Promise<string> {
    if (!this.keyPublished) await this.folder.publishKey(keyId(this.identity.origin, this.publicKey).toString('hex'), this.publicKey);
    this.keyPublished = true;
    const note = signedCheckpoint(checkpoint, this.identity.key);
    await this.folder.publish(checkpoint.size, note);
    return note;
  }

  /** What the folder holds, or why it cannot be relied on. */
  private async knownCheckpoints(): Promise<{ note: string; checkpoint: Checkpoint }[] | string> {
    const notes = await this.folder.newest();
    if (notes.length === 0) return [];
    const keys = [this.publicKey, ...(await this.folder.publicKeys())];
    const known: { note: string; checkpoint: Checkpoint }[] = [];
    for (const note of notes) {
      const checkpoint = firstOpened(note, keys, this.identity.origin);
      if (typeof checkpoint === 'string') return `The last checkpoint in the folder is not genuine. ${checkpoint}`;
      known.push({ note, checkpoint });
    }
    return known;
  }

  private async refusalOf(turn: TreeTurn, head: TreeHead, known: readonly { checkpoint: Checkpoint }[]): Promise<string | null> {
    if (known.length === 0) {
      const stored = await turn.newestCheckpoint();
      return stored && `The folder of checkpoints is empty, but ${stored.size} entries were signed before; bring the earlier checkpoints back into it`;
    }
    for (const { checkpoint } of known) {
      const { size, at } = checkpoint;
      if (size > head.size) return `The tree has ${head.size} entries, but ${size} were signed at ${at.toISOString()}: the database was set back`;
      const continues = await turn.consistency(size, head.size).then((path) => isConsistent(checkpoint, head, path), (error: unknown) => {
        if (error instanceof PerennialError) return false;
        throw error;
      });
      if (!continues) return `The tree does not continue the ${size} entries that were signed at ${at.toISOString()}: the database was rewritten`;
    }
    return null;
  }

  /** Recorded when it begins and when its reason changes, not at every look. */
  private async refuse(turn: TreeTurn, size: number, reason: string, at: Date): Promise<Signing> {
    if (reason !== this.refused) await turn.addRefusal(size, reason, at);
    this.refused = reason;
    return { outcome: 'refused', reason };
  }
}

/** By the first key that opens it; otherwise why ours does not. */
function firstOpened(note: string, keys: readonly KeyObject[], origin: string): Checkpoint | string {
  let why = '';
  for (const key of keys) {
    try {
      return openCheckpoint(note, key, origin);
    } catch (error) {
      if (!(error instanceof PerennialError)) throw error;
      why ||= error.message;
    }
  }
  return why;
}
