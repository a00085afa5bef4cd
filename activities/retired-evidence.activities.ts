import { Injectable } from '@nestjs/common';
import { canonicalJson } from '../src/contracts/canonical.js';
import { type DrillOutcome, EVIDENCE_CLASSES, type EvidenceClass, type RetirementId } from '../src/contracts/retirements.js';
import { certificatePage, evidenceLines, type RetirementCertificate } from '../src/lifecycle/retirement-certificate.js';
import { ApprovalsRepository } from '../src/registry/approvals.repository.js';
import type { RetirementStep } from '../src/registry/entities/retirement.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { type RetirementStory, RetirementsRepository } from '../src/registry/retirements.repository.js';
import { heartbeating, origin } from './activity-context.js';
import { ArchiveDrill } from './archive-drill.js';
import { EvidenceDeletion } from './evidence-deletion.js';
import { type MadeArchive, ModelArchive } from './model-archive.js';
import { StoreProvider } from './store-provider.js';

/** What is kept of a retired model, for how long, and the certificate over it. */
@Injectable()
export class RetiredEvidenceActivities {
  constructor(
    private readonly retirements: RetirementsRepository,
    private readonly approvals: ApprovalsRepository,
    private readonly models: ModelsRepository,
    private readonly archive: ModelArchive,
    private readonly drill: ArchiveDrill,
    private readonly deletion: EvidenceDeletion,
    private readonly stores: StoreProvider,
  ) {}

  /** Makes the archive, once: a second call changes nothing. @returns what cannot be read and belongs into it; then none is made */
  async archiveModel(id: RetirementId, nowMs: number): Promise<readonly string[]> {
    if (stepOf(await this.retirements.get(id), 'archived')) return [];
    const at = new Date(nowMs);
    const made = await heartbeating((signal, beat) => this.archive.make(id, at, signal, beat));
    if ('digest' in made) await this.retirements.inTurn(id.model, (manager) => this.retirements.take(manager, id, { step: 'archived', at, details: { ...made } }, origin()));
    return made.missing;
  }

  /** Restores the archive into an empty folder and looks at all of it; the outcome goes on record where it passes. */
  async drillArchive(id: RetirementId, nowMs: number): Promise<DrillOutcome> {
    const story = await this.retirements.get(id);
    const before = stepOf(story, 'drilled');
    if (before) return before.details as unknown as DrillOutcome;
    const made = stepOf(story, 'archived')?.details as unknown as MadeArchive;
    const outcome = await heartbeating((signal) => this.drill.run(id.model, made, signal));
    if (outcome.verdict === 'pass') await this.retirements.inTurn(id.model, (manager) => this.retirements.take(manager, id, { step: 'drilled', at: new Date(nowMs), details: { ...outcome } }, origin()));
    return outcome;
  }

  /** Deletes what is due of a class. @returns whether all of it was gone through; false where a legal hold came in between */
  async deleteEvidence(id: RetirementId, evidence: EvidenceClass, nowMs: number): Promise<boolean> {
    const at = new Date(nowMs);
    const gone = await heartbeating((signal) => this.deletion.run(id, evidence, at, signal));
    if (gone) await this.retirements.inTurn(id.model, (manager) => this.retirements.take(manager, id, { step: `deleted/${evidence}`, at, details: { ...gone } }, origin()));
    return gone !== null;
  }

  /** Issues the certificate anew, as JSON and as a page: the next edition. */
  async certifyRetirement(id: RetirementId, nowMs: number): Promise<void> {
    const story = await this.retirements.get(id);
    const gone = EVIDENCE_CLASSES.filter((evidence) => stepOf(story, `deleted/${evidence}`));
    const certificate = await this.certificate(story, gone, (story.certificates[0]?.edition ?? 0) + 1);
    const { store } = this.stores;
    const [json, html] = [await store.putBytes(canonicalJson(certificate)), await store.putBytes(certificatePage(certificate))];
    await this.retirements.certify({ ...id, edition: certificate.edition, evidence: gone, jsonDigest: json.digest, htmlDigest: html.digest, at: new Date(nowMs) }, origin());
  }

  private async certificate(story: RetirementStory, gone: readonly EvidenceClass[], edition: number): Promise<RetirementCertificate> {
    const { model, number, terms, trigger, replacement, specDigest, requestedBy, requestedAt, approval: asked } = story.retirement;
    const [{ owner, tier }, { approval, votes, end }, files] = await Promise.all([this.models.get(model), this.approvals.get({ model, number: asked }), this.retirements.deletions({ model, number })]);
    const [stopped, archived, drilled] = (['stopped', 'archived', 'drilled'] as const).map((step) => stepOf(story, step)) as [RetirementStep, RetirementStep, RetirementStep];
    const { digest, bytes, files: archivedFiles, missing } = archived.details as unknown as MadeArchive;
    return {
      format: 'perennial-retirement/1', model, number, edition, owner, tier, specDigest, trigger, replacement, requestedBy, requestedAt: requestedAt.toISOString(),
      approval: { number: asked, digest: approval.digest, outcome: end?.outcome ?? null, reason: end?.reason ?? null, votes: votes.map(({ actor, choice }) => ({ actor, choice })), decidedAt: end?.at.toISOString() ?? null },
      consumers: terms.consumers.map(({ name }) => ({ name, confirmedAt: story.confirmations.find(({ consumer }) => consumer === name)?.at.toISOString() ?? null })),
      waivedBy: stepOf(story, 'waived')?.actor ?? null, forcedBy: stepOf(story, 'forced')?.actor ?? null,
      lastTrafficAt: (stopped.details['lastTrafficAt'] as string | null | undefined) ?? null, stoppedAt: stopped.at.toISOString(),
      archive: { digest, bytes, files: archivedFiles, missing }, drill: { ...(drilled.details as unknown as DrillOutcome), at: drilled.at.toISOString() },
      evidence: evidenceLines(stopped.at.getTime(), terms.keepMs, gone, files),
    };
  }
}

const stepOf = ({ steps }: RetirementStory, step: RetirementStep['step']): RetirementStep | undefined => steps.find((one) => one.step === step);
