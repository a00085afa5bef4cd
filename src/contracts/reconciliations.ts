/**
 * `runUnknown`: an entry names a run that Temporal never had, or has no more though its time is not over. `entryMissing`: a run did what always leaves an
 * entry, and the ledger has none of it. `commandUnknown`: a workflow was sent the id of a command that nobody accepted.
 */
export const DIFFERENCE_KINDS = ['runUnknown', 'entryMissing', 'commandUnknown'] as const;
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number];

/** Something that the ledger or Temporal knows, and the other does not. */
export interface LedgerDifference {
  readonly kind: DifferenceKind;
  readonly workflowId: string;
  readonly runId: string;
  /** The first entry that names the run; of a `commandUnknown`: the one that says that it was refused. */
  readonly entry: number | null;
  readonly commandId: string | null;
  readonly says: string;
}

/** What is compared; ISO 8601. Before `since` Temporal may have forgotten, after `until` work may still be under way. */
export interface ReconciliationPlan {
  readonly number: number;
  readonly since: string;
  readonly until: string;
}

/** In their order. `entries` against runs, `runs` against entries, and the `commands` that workflows were sent. */
export const RECONCILIATION_PARTS = ['entries', 'runs', 'commands'] as const;
export type ReconciliationPart = (typeof RECONCILIATION_PARTS)[number];

/** A page of a part. */
export interface ReconciledPage {
  /** Where the part goes on; null at its end. */
  readonly cursor: string | null;
  readonly looked: number;
  readonly differences: number;
}

/** How much was looked at: runs that entries name, runs that leave entries, commands that workflows were sent. */
export interface ReconciliationCounts {
  readonly entries: number;
  readonly runs: number;
  readonly commands: number;
  readonly differences: number;
}

/** A reconciliation that goes on in a new run. */
export interface BegunReconciliation {
  readonly plan: ReconciliationPlan;
  readonly part: ReconciliationPart;
  readonly cursor: string;
  readonly counts: ReconciliationCounts;
}

export interface ReconciliationResult extends ReconciliationCounts {
  readonly number: number;
  /** Differences that no reconciliation before had found. */
  readonly fresh: number;
}

/** Of one reconciliation so many are listed; more are counted. */
export const LISTED_DIFFERENCES = 1_000;
/** The alarm that tells of differences. */
export const LEDGER_ALARM_KEY = 'audit/reconciliation';
