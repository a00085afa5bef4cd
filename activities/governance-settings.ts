/** How people are told of what is overdue. */
export class GovernanceSettings {
  /** After which they are told again. */
  readonly remindEveryMs!: number;
  /** After which a review that is overdue becomes a finding. */
  readonly reviewGraceMs!: number;
}
