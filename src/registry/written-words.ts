/** What stands in the place of words that were erased. */
export const ERASED = '(erased)';

/** Where rows that a command made hold what its person wrote, beside the ledger. PostgreSQL lets these columns be changed to {@link ERASED}, and to nothing else. */
export const WRITTEN_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  alarm_action: ['reason'],
  approval_vote: ['reason'],
  finding: ['title', 'evidence_needed'],
  finding_end: ['evidence'],
  go_live_confirmation: ['reason'],
  legal_hold: ['reason'],
  legal_hold_lift: ['reason'],
  quarantine_release: ['reason'],
  replay: ['request_reason'],
  retirement: ['reason'],
  retirement_confirmation: ['said'],
  review: ['reason'],
  stage_move: ['reason'],
  validation_decision: ['reason'],
};
