import { Injectable } from '@nestjs/common';
import type { ArtifactEraser } from '../src/artifacts/artifact-eraser.js';
import { canonicalJson, sha256 } from '../src/contracts/canonical.js';
import type { EvidenceClass, RetirementId } from '../src/contracts/retirements.js';
import type { RetirementDeletion } from '../src/registry/entities/retirement.entity.js';
import { LegalHoldsRepository } from '../src/registry/legal-holds.repository.js';
import { ModelEvidenceRepository } from '../src/registry/model-evidence.repository.js';
import { RetirementsRepository } from '../src/registry/retirements.repository.js';

/** Carries the eraser to the one who may use it. */
export class EraserProvider {
  constructor(readonly eraser: ArtifactEraser) {}
}

/** What became of the files of a class, once all were gone through: how many, and the digest of both lists. */
export interface DeletedEvidence {
  readonly deleted: number;
  readonly kept: number;
  readonly files: string;
}

/** Deletes the files of a class of evidence: what becomes of each is on record first. */
@Injectable()
export class EvidenceDeletion {
  private readonly eraser: ArtifactEraser;

  constructor(
    private readonly retirements: RetirementsRepository,
    private readonly holds: LegalHoldsRepository,
    private readonly evidence: ModelEvidenceRepository,
    provider: EraserProvider,
  ) {
    this.eraser = provider.eraser;
  }

  /**
   * Goes through the files of a class, whose time has come, but for those that a class names which is kept for longer. Called again it goes on, with what was on record to be deleted first.
   * @returns null where a legal hold came in between: files that are still there stay until it is lifted, also those on record
   */
  async run(id: RetirementId, evidence: EvidenceClass, at: Date, signal: AbortSignal): Promise<DeletedEvidence | null> {
    const { retirement: { terms: { keepMs, quietMs, graceMs = quietMs } } } = await this.retirements.get(id);
    const due = (await this.evidence.files(id.model)).filter(({ classes }) => lastOf(classes, keepMs) === evidence).map(({ digest }) => digest);
    const others = await this.evidence.filesOfOthers(id.model);
    const known = await this.retirements.deletions(id);
    for (const { digest } of known.filter((one) => one.evidence === evidence && one.outcome === 'deleted')) if (!others.has(digest) && !(await this.erase(id.model, digest))) return null;
    for (const digest of due) {
      signal.throwIfAborted();
      if (known.some((one) => one.digest === digest)) continue;
      const verdict = await this.verdict(digest, others, at.getTime() - graceMs);
      // The record names digests of other things than files too; of those nothing has to be said.
      if (!verdict) continue;
      if (!(await this.record({ ...id, digest, evidence, ...verdict, at }))) return null;
      if (verdict.outcome === 'deleted' && !(await this.erase(id.model, digest))) return null;
    }
    return this.deletedEvidence(id, evidence);
  }

  private async verdict(digest: string, others: ReadonlySet<string>, putBeforeMs: number): Promise<Pick<RetirementDeletion, 'outcome' | 'reason'> | null> {
    const putAt = await this.eraser.putAt(digest);
    if (putAt === null) return null;
    if (others.has(digest)) return { outcome: 'kept', reason: 'Something else on record names the same bytes.' };
    if (putAt.getTime() > putBeforeMs) return { outcome: 'kept', reason: 'The same bytes were just put again; who needs them may not have said so yet.' };
    return { outcome: 'deleted', reason: 'Its time was over.' };
  }

  /** @returns false under a legal hold: nothing is recorded then */
  private async record(deletion: RetirementDeletion): Promise<boolean> {
    return this.retirements.inTurn(deletion.model, async (manager) => {
      if ((await this.holds.inForce(deletion.model, manager)).length > 0) return false;
      await this.retirements.addDeletion(manager, deletion);
      return true;
    });
  }

  /** Under the model's lock: a hold is set before, and seen, or when the file is gone. @returns false under a legal hold: the file stays */
  private async erase(model: string, digest: string): Promise<boolean> {
    return this.retirements.inTurn(model, async (manager) => {
      if ((await this.holds.inForce(model, manager)).length > 0) return false;
      await this.eraser.erase(digest);
      return true;
    });
  }

  private async deletedEvidence(id: RetirementId, evidence: EvidenceClass): Promise<DeletedEvidence> {
    const files = (await this.retirements.deletions(id)).filter((one) => one.evidence === evidence);
    const digests = (outcome: string): string[] => files.filter((one) => one.outcome === outcome).map(({ digest }) => digest);
    return { deleted: digests('deleted').length, kept: digests('kept').length, files: sha256(canonicalJson({ deleted: digests('deleted'), kept: digests('kept') })) };
  }
}

/** The class that is kept longest. */
const lastOf = (classes: readonly EvidenceClass[], keepMs: Readonly<Record<EvidenceClass, number>>): EvidenceClass =>
  classes.reduce((last, one) => (keepMs[one] > keepMs[last] ? one : last));
