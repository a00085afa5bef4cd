import { Injectable } from '@nestjs/common';
import type { ApprovalId, ApprovalStanding } from '../src/contracts/approvals.js';
import { ApprovalsRepository, type ApprovalStory } from '../src/registry/approvals.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { origin } from './activity-context.js';

/** Where approvals stand, and the end of those whose time is over. */
@Injectable()
export class ApprovalsActivities {
  constructor(
    private readonly approvals: ApprovalsRepository,
    private readonly models: ModelsRepository,
  ) {}

  /** The newest approval of a model's use case; null where it never had one. */
  async readApproval(model: string): Promise<ApprovalStanding | null> {
    const newest = await this.approvals.newest({ kind: 'useCase', model, version: null });
    return newest && standingOf(newest, (await this.models.get(model)).owner);
  }

  /** Ends an approval that nobody decided in time. @param atMs by the workflow's clock, which may be ahead of this machine's */
  async expireApproval(id: ApprovalId, atMs: number): Promise<void> {
    await this.approvals.expire(id, new Date(atMs), origin());
  }
}

/** What a workflow needs to know of an approval. */
export const standingOf = ({ approval, votes, end, term }: ApprovalStory, owner: string): ApprovalStanding => ({
  kind: approval.kind, model: approval.model, version: approval.version, number: approval.number, digest: approval.digest, tier: approval.tier, owner, barred: approval.barred, rule: approval.rule,
  votes: votes.map(({ actor, choice }) => ({ actor, choice })), openedAtMs: term.openedAt.getTime(), expiresAtMs: term.expiresAt.getTime(), remindEveryMs: approval.remindEveryMs, paused: term.paused,
  outcome: end?.outcome ?? null, reason: end?.reason ?? null,
});
