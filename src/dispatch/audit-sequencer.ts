import type { AuditTreeRepository } from '../registry/audit-tree.repository.js';
import type { CheckpointSigner, Signing } from './checkpoint-signer.js';

const PERIOD_MS = 500;
const BATCH = 1_000;
/** Half of what a checkpoint may be behind: a look may come late. */
const CHECKPOINT_EVERY_MS = 30_000;

export interface SequencerLine {
  readonly level: 'error' | 'warn';
  readonly message: string;
  readonly cause?: string;
}

/**
 * Takes what was added to the ledger into its tree, twice a second, and has the tree signed when it grew. Several may run; one of them
 * works at a time, and what a killed one left undone the next one does.
 */
export class AuditSequencer {
  private timer: NodeJS.Timeout | undefined;
  private passing: Promise<void> | undefined;
  private stopped = false;
  private grown = true;
  private lookedAt = -Infinity;
  private signedAt = -Infinity;
  private refusal: string | null = null;
  private told: string | null = null;

  /** @param signer null where no key is set: nothing is signed then */
  constructor(
    private readonly tree: AuditTreeRepository,
    private readonly signer: Pick<CheckpointSigner, 'sign'> | null,
    private readonly log: (line: SequencerLine) => void,
  ) {}

  start(): void {
    if (!this.signer) this.log({ level: 'warn', message: 'The audit ledger is not signed: set AUDIT_KEY_FILE and AUDIT_CHECKPOINTS on a worker of the queue lifecycle' });
    this.timer = setInterval(() => {
      this.passing ??= this.pass().then(() => this.tell(null), (error: unknown) => this.tell(error instanceof Error ? error.message : 'unknown')).finally(() => { this.passing = undefined; });
    }, PERIOD_MS);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.passing;
  }

  /** One look. @throws when PostgreSQL or the folder cannot be used, or the tree is not signed any more; the next look comes all the same */
  async pass(): Promise<void> {
    for (let taken = BATCH; taken === BATCH && !this.stopped;) {
      taken = await this.tree.sequence(BATCH);
      this.grown ||= taken > 0;
    }
    const now = performance.now();
    const due = this.grown ? now - this.signedAt >= CHECKPOINT_EVERY_MS : now - this.lookedAt >= CHECKPOINT_EVERY_MS;
    if (this.signer && due) this.settle(await this.signer.sign(new Date()), now);
    if (this.refusal !== null) throw new Error(`no checkpoint is signed. ${this.refusal}`);
  }

  private settle(signing: Signing, now: number): void {
    if (signing.outcome === 'busy') return;
    this.lookedAt = now;
    // After a refusal it is tried again when the next is due: the database may have been restored.
    if (signing.outcome !== 'current') this.signedAt = now;
    this.grown &&= signing.outcome === 'refused';
    this.refusal = signing.outcome === 'refused' ? signing.reason : null;
  }

  /** A state is logged when it changes, not at every look. */
  private tell(cause: string | null): void {
    if (cause === this.told) return;
    this.told = cause;
    if (cause === null) this.log({ level: 'warn', message: 'The audit ledger is seen to again' });
    else this.log({ level: 'error', message: 'The audit ledger cannot be seen to', cause });
  }
}
