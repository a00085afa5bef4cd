/** `continueWithFindings`: it goes on while what was found is mended. `retire`: it should not go on. */
export const REVIEW_OUTCOMES = ['continue', 'continueWithFindings', 'retire'] as const;
export type ReviewOutcome = (typeof REVIEW_OUTCOMES)[number];

/** The key of the alarm that tells of a review that is overdue. */
export const reviewAlarmKey = (model: string): string => `review/${model}`;

/** The key of the finding that a review is long overdue: one is open at most. */
export const OVERDUE_REVIEW_KEY = 'review/overdue';
