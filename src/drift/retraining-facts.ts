import { AUTOMATIC_TRIGGERS } from '../contracts/retraining-decisions.js';
import type { HarmStanding } from '../contracts/window-assessment.js';
import type { UpstreamFault } from '../contracts/window-drift.js';
import type { ExpectedGain } from '../evaluation/expected-gain.js';
import type { RetrainingCost } from '../evaluation/retraining-value.js';

/** What may lead to a retrain, the strongest first: each asks for no more than those after it, but for a trial, which asks for the least and shows the least. */
export const RETRAINING_TRIGGERS = ['request', ...AUTOMATIC_TRIGGERS] as const;
export type RetrainingTrigger = (typeof RETRAINING_TRIGGERS)[number];

export interface SeenTrigger {
  readonly trigger: Exclude<RetrainingTrigger, 'request'>;
  /** One sentence with its numbers. */
  readonly because: string;
}

export interface RetrainingRequest {
  readonly by: string;
  /** Goes on against upstream faults and a used up budget too; on the record. */
  readonly forced: boolean;
}

/** A change that did harm: a retrain is to make up for it. */
export interface HarmfulChange {
  /** Event time: when it most likely happened. */
  readonly sinceMs: number;
  /** The mean loss above which harm began. */
  readonly limit: number;
  /** Of the version that the change did harm to; null where it is not known. */
  readonly baselineMeanLoss: number | null;
}

export interface RetrainingData {
  /** Labelled rows in the training window, and how many the spec asks for. */
  readonly trainingRows: number;
  readonly minimumRows: number;
  /** Labelled rows since the change that is thought to have happened; null where none is. */
  readonly sinceChange: number | null;
  readonly minimumSinceChange: number;
}

export interface RetrainingBudget {
  /** Used in this month; null is no limit. */
  readonly retrains: number;
  readonly maximumRetrains: number | null;
  readonly trainingHours: number;
  readonly maximumTrainingHours: number | null;
  /** Training hours that one more is expected to take. */
  readonly expectedHours: number;
}

/** All that a decision rests on, as it was measured or recorded. */
export interface RetrainingFacts {
  readonly atMs: number;
  /** The window that was looked at; event time. */
  readonly window: { readonly fromMs: number; readonly untilMs: number };
  readonly triggers: readonly SeenTrigger[];
  readonly request: RetrainingRequest | null;
  readonly faults: readonly UpstreamFault[];
  /** Null where no label has come yet. It carries nothing by itself: an alarm is a trigger. */
  readonly harm: HarmStanding | null;
  /** Null where none is known, or it has been made up for. */
  readonly change: HarmfulChange | null;
  readonly data: RetrainingData;
  /** Null where it is not known. */
  readonly gain: ExpectedGain | null;
  /** Null where the spec gives no costs. */
  readonly cost: RetrainingCost | null;
  readonly cooldown: { readonly lastEndedMs: number | null; readonly lengthMs: number };
  /** The retrain that runs, or that is about to begin. */
  readonly active: number | null;
  readonly budget: RetrainingBudget;
}
