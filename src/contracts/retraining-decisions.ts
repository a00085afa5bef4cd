/** What may start a retrain by itself, the strongest first. A person's request is stronger than all. */
export const AUTOMATIC_TRIGGERS = ['performance', 'harmfulDrift', 'trial', 'newLabelledRows', 'schedule', 'dataDrift'] as const;
export type AutomaticTrigger = (typeof AUTOMATIC_TRIGGERS)[number];

/** `quarantine`: the window is kept from training and from being judged. */
export type DecisionOutcome = 'quarantine' | 'wait' | 'retrain';

/** What was decided over retraining after a window was assessed. */
export interface DecisionSummary {
  readonly outcome: DecisionOutcome;
  /** Why it waits: the rule that held it. */
  readonly reason: string | null;
  readonly trigger: AutomaticTrigger | 'request' | null;
  readonly because: string;
  /** The simpler policies that would have retrained now. */
  readonly wouldHaveRetrained: readonly string[];
  /** Whether an alarm was raised. */
  readonly raised: boolean;
}
