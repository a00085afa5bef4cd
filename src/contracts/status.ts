import type { ApprovalOutcome } from './approvals.js';
import type { GoLiveStanding, HeldSetUp } from './go-live.js';
import type { ReleaseStage } from './releases.js';
import type { RetirementState } from './retirements.js';
import type { RetrainOutcome } from './retrains.js';
import type { PausedStage } from './stages.js';

/** Where a model stands, in short: what its workflow shows to operators. */
export interface ModelStatus {
  readonly model: string;
  readonly owner: string | null;
  readonly tier: string | null;
  readonly champion: number | null;
  readonly epoch: number;
  readonly activeRetrain: { readonly number: number; readonly workflowId: string } | null;
  readonly lastRetrain: { readonly number: number; readonly outcome: RetrainOutcome; readonly reason: string } | null;
  /** The one under way, or the one whose turn it is. */
  readonly release: { readonly number: number; readonly version: number; readonly deployment: string; readonly stage: ReleaseStage; readonly workflowId: string } | null;
  /** The retirement that is under way or done; null where it serves. Statuses of earlier releases lack it. */
  readonly retirement?: { readonly number: number; readonly state: RetirementState; readonly workflowId: string } | null;
  /** Open ones, the oldest first; statuses of earlier releases lack it. */
  readonly validations?: readonly { readonly version: number; readonly workflowId: string }[];
  /** The newest approval of its use case; null where its spec never stated one. Statuses of earlier releases lack it. */
  readonly useCase?: { readonly number: number; readonly outcome: ApprovalOutcome | null; readonly workflowId: string } | null;
  /** Stages that are paused now; statuses of earlier releases lack it. */
  readonly paused?: readonly PausedStage[];
  /** Statuses of earlier releases lack it. */
  readonly openFindings?: number;
  /** ISO 8601; null where no review is due ever. Statuses of earlier releases lack it. */
  readonly nextReviewDueAt?: string | null;
  /** Versions that are approved and lack something to go live; statuses of earlier releases lack it. */
  readonly heldSetUps?: readonly HeldSetUp[];
  /** Of the champions of a governed model; statuses of earlier releases lack it. */
  readonly goLives?: readonly GoLiveStanding[];
}

/** What a look for overdue findings and reviews did. */
export interface GovernanceReport {
  /** Overdue findings of which people were told. */
  readonly findingsTold: number;
  /** Overdue reviews of which people were told. */
  readonly reviewsTold: number;
  /** Versions that went live of which their owner was told; reports of earlier releases lack it. */
  readonly goLivesTold?: number;
  /** Findings that a review is long overdue. */
  readonly findingsOpened: number;
  readonly alarmsEnded: number;
  /** Registered models of which something changed. */
  readonly models: readonly string[];
}

/** What reconciliation found and did. */
export interface ReconcileReport {
  readonly commandsSent: number;
  readonly lifecyclesStarted: number;
  readonly retrainsRestarted: number;
  readonly retrainsEnded: number;
  readonly rollbacksRestarted: number;
  readonly rollbacksEnded: number;
  readonly releasesRestarted: number;
  readonly releasesEnded: number;
  readonly replaysRestarted: number;
  readonly replaysEnded: number;
  readonly approvalsRestarted: number;
  readonly retirementsRestarted: number;
  readonly validationsRestarted: number;
  readonly historiesExported: number;
}
