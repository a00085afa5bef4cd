/** How people are told of what is overdue, and the ledger is compared with Temporal's histories. */
export class GovernanceSettings {
  /** After which they are told again. */
  readonly remindEveryMs!: number;
  /** After which a review that is overdue becomes a finding. */
  readonly reviewGraceMs!: number;
  /** So young entries and closed runs are not compared with each other yet. */
  readonly reconcileGraceMs!: number;
}
