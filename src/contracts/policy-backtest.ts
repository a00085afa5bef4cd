import type { HeldOut } from './artifacts.js';
import type { AutomaticTrigger, DecisionOutcome } from './retraining-decisions.js';
import type { EventWindow } from './time.js';

/**
 * Who decides in a backtest. `spec`: what a deployment under this spec would do by itself. The others are what is done where nothing better is at hand:
 * `monthly` retrains at the end of the first window that ends in a later calendar month, `psi` where the PSI of a feature against the baseline of the
 * version in service is above 0.2, `cusum` where Page's test of the windows' mean losses finds a rise.
 */
export const BACKTEST_POLICIES = ['never', 'monthly', 'psi', 'cusum', 'spec'] as const;
export type BacktestPolicy = (typeof BACKTEST_POLICIES)[number];

/** What a retrain in a backtest came to: `promoted` by the gate, or not, or `failed` on its data. */
export type BacktestOutcome = 'promoted' | 'rejected' | 'inconclusive' | 'failed';

/** What the policies would have done with a model's own history: the content of `backtest.json`. The same data, spec and trainer give the same bytes. */
export interface PolicyBacktest {
  readonly model: string;
  readonly specDigest: string;
  /** `data.source.path`. */
  readonly source: string;
  /** Event time that was played, ISO 8601: the beginning of the first window and the end of the last one. */
  readonly from: string;
  readonly until: string;
  /** ISO 8601 durations of the spec: `monitoring.window`, `data.labelHorizon`. */
  readonly window: string;
  readonly labelHorizon: string;
  /** How the loss of a row is counted (`rollout.comparison`): its metric, and the largest one that is counted. */
  readonly loss: { readonly metric: string; readonly bound: number };
  /** What might start a retrain of `spec`, and whether the spec says so or whoever asked for the backtest. */
  readonly triggers: { readonly listed: readonly AutomaticTrigger[]; readonly by: 'spec' | 'option' };
  /** `retraining.costs` of the spec; null where it gives none: retrains have no price then. */
  readonly costs: BacktestCosts | null;
  /** What keeps a policy from showing what it can do, and how to mend it. */
  readonly warnings: readonly string[];
  /** Everything that was trained, in its order; version 1 answers at the beginning, whoever decides. */
  readonly versions: readonly BacktestVersion[];
  /** In the order of {@link BACKTEST_POLICIES}. */
  readonly policies: readonly PolicyFigures[];
}

/** In the currency of the spec. */
export interface BacktestCosts {
  /** What a loss of 1 in one row costs. */
  readonly perLossUnit: number;
  readonly training: number;
  readonly release: number;
}

/** One training; policies that retrain at the same time on the same rows share it. */
export interface BacktestVersion {
  readonly number: number;
  /** Event time up to which data was looked at. */
  readonly asOf: string;
  readonly trained: EventWindow & { readonly labelledRows: number };
  /** The rows on which it was judged, and which it is held against in service. */
  readonly judged: EventWindow & { readonly labelledRows: number };
  /** The blocks of the time of `judged` that judged it, while its others trained; left out where all of them did. */
  readonly heldOut?: HeldOut;
}

export interface PolicyFigures {
  readonly policy: BacktestPolicy;
  readonly retrains: number;
  readonly promoted: number;
  /** Rows that were answered, and those of them whose label is known: losses are of these. */
  readonly rows: number;
  readonly labelled: number;
  /** Summed and averaged over the labelled rows; null without any. */
  readonly totalLoss: number;
  readonly meanLoss: number | null;
  /** The total loss of `never` less this one, and the same per 1,000 labelled rows; below 0 where retraining did damage. */
  readonly lossAvoided: number;
  readonly lossAvoidedPer1000Rows: number | null;
  /** A training for each candidate that was trained, a release for each that was promoted; null where the spec gives no costs. */
  readonly cost: number | null;
  /** What the avoided loss is worth, less the cost. */
  readonly net: number | null;
  readonly steps: readonly BacktestStep[];
  /** What was decided, but for "nothing asks for a retrain". */
  readonly decisions: readonly BacktestDecision[];
}

/** One window. */
export interface BacktestStep extends EventWindow {
  /** That answered. */
  readonly version: number;
  readonly rows: number;
  readonly labelled: number;
  /** Null without a label. */
  readonly meanLoss: number | null;
}

export interface BacktestDecision {
  /** Event time at which it was made, and the window after which it was. */
  readonly at: string;
  readonly window: EventWindow;
  readonly outcome: DecisionOutcome;
  /** Why it waits: the rule that held it. */
  readonly reason: string | null;
  /** What asked for the retrain: a trigger of the spec, or the policy's own name. */
  readonly trigger: string | null;
  readonly because: string;
  /** Null where there was no retrain. */
  readonly retrain: { readonly outcome: BacktestOutcome; readonly version: number | null; readonly because: string } | null;
}
