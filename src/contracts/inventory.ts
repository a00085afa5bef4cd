import { OVERDUE_REVIEW_KEY } from './reviews.js';

/**
 * Where a model stands as a whole; its versions have stages of their own. `unregistered`: known by an import alone. `useCaseApproval`: its spec states a use
 * case that is not approved. `development`: nothing serves yet. `validation`: nothing serves yet, and a version is being validated: its checks are made, or it waits for its
 * validator or its approvers. `production`: a champion serves. `retirement`: its retirement was asked for and not called off: it waits for its approval, is under way, or is done.
 */
export const MODEL_STAGES = ['unregistered', 'useCaseApproval', 'development', 'validation', 'production', 'retirement'] as const;
export type ModelStage = (typeof MODEL_STAGES)[number];

/** What an import says of a model elsewhere: that it is in use, or was taken out of use. */
export const INVENTORY_STATES = ['active', 'decommissioned'] as const;
export type InventoryState = (typeof INVENTORY_STATES)[number];

/** Why nobody takes care of a model, or why it does nothing any more. */
export const ZOMBIE_REASONS = ['noActiveOwner', 'noMonitoring', 'noTraffic', 'dataSourceGone', 'reviewOverdue', 'unregistered'] as const;
export type ZombieReason = (typeof ZOMBIE_REASONS)[number];

/** While a finding of a model under it is open, a sweep opens no second one for the same reason. That of an overdue review is the one that reviews themselves open, and close. */
export const sweepKey = (reason: ZombieReason): string => (reason === 'reviewOverdue' ? OVERDUE_REVIEW_KEY : `sweep/${reason}`);

/** How long may pass before a model counts as a zombie, in milliseconds of wall time. */
export interface SweepLimits {
  /** Without an assessed window, beyond the length of one. */
  readonly unmonitoredMs: number;
  /** Without a prediction. */
  readonly idleMs: number;
}

/** A stretch of the models that a sweep looks at, by their names: those after `after`, up to and with `upTo`. */
export interface SweepPage {
  readonly after: string;
  /** Null: to the end. */
  readonly upTo: string | null;
}

/** What a worker beside the data saw of a stretch of models. */
export interface SweptSources extends SweepPage {
  /** Models that lack the files of a source. */
  readonly gone: readonly string[];
  /** Which paths of theirs no file matches, the first few; workers of earlier releases, which look at `data.source` alone, leave it out. */
  readonly missing?: readonly { readonly model: string; readonly paths: readonly string[] }[];
  /** Models of which that could not be seen. */
  readonly unknown: readonly string[];
}

export interface SweepCounts {
  readonly models: number;
  /** Reasons that hold, those included whose finding was open before. */
  readonly zombies: number;
  readonly opened: number;
  readonly closed: number;
}

/** What a sweep of the inventory came to. */
export interface SweepReport extends SweepCounts {
  /** Models of which the data source could not be seen. */
  readonly sourcesUnknown: number;
}

/** A sweep that goes on in a new run. */
export interface BegunSweep {
  readonly atMs: number;
  readonly after: string;
  readonly report: SweepReport;
}
