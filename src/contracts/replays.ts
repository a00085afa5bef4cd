import type { HeldOut } from './artifacts.js';
import type { StoredFailure } from './retrains.js';
import type { ComparisonOutcome, ComparisonTerms, ReleaseGuards } from './releases.js';
import { type EventWindow, isoTime } from './time.js';

/** What names a replay everywhere. */
export interface ReplayId {
  readonly model: string;
  readonly number: number;
}

/** How the comparison came out, or why there is none. A replay changes nothing in service, whatever it says. */
export const REPLAY_OUTCOMES = ['better', 'not-worse', 'worse', 'inconclusive', 'failed', 'cancelled', 'terminated'] as const;
export type ReplayOutcome = (typeof REPLAY_OUTCOMES)[number];

/** All that the figures of a replay depend on beside the logged rows; on the record before a row is scored. Times are milliseconds since 1970. */
export interface ReplayPlan {
  readonly planVersion: 1;
  readonly model: string;
  readonly number: number;
  readonly deployment: string;
  /** The version that is scored, on inputs encoded by the spec that it was made under. */
  readonly version: number;
  /** The spec in force when it was asked for: its rollout section makes the comparison. */
  readonly specDigest: string;
  readonly task: 'binary-classification' | 'regression';
  /** Event time, from the first and before the second. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** Only labels of batches up to this one count. */
  readonly labelRevision: number;
  readonly labelHorizonMs: number;
  /** Event time whose labels have had their horizon; blocks that end later enter without labels. Null: all of them. */
  readonly labelledUntilMs: number | null;
  readonly comparison: ComparisonTerms;
  readonly guards: ReleaseGuards;
  /** The rows that the version learnt from. */
  readonly trainingWindow: EventWindow;
  /** The blocks of that window, from a time on, that it did not learn from; left out where there are none. */
  readonly heldOut?: HeldOut & { readonly from: string };
}

/** Predictions of a stretch of event time, each once, by what became of them. */
export interface ReplayRows {
  readonly observed: number;
  /** Scored by the version beside the output of the champion of then. */
  readonly pairs: number;
  /** Their inputs were not kept. */
  readonly withoutInputs: number;
  /** Logged for a version that did not take all of the features that this one takes. */
  readonly lackingFeatures: number;
  /** The version was the champion itself. */
  readonly ownAnswers: number;
  /** Answered by a challenger while the champion of then gave no output. */
  readonly withoutChampion: number;
  /** The version gave no number. */
  readonly failed: number;
  /** Pairs whose event time lies in the window that the version was trained on, and in no block held out of it. */
  readonly seenInTraining: number;
}

/** Why a logged prediction cannot be scored, in the order in which the reasons are looked for. */
export const LEFT_OUT = ['ownAnswers', 'withoutInputs', 'lackingFeatures', 'withoutChampion'] as const satisfies readonly (keyof ReplayRows)[];

/** Where event time that is replayed and the version's training window overlap: there it may look better than it is. */
export interface SeenInTraining extends EventWindow {
  readonly pairs: number;
}

/** How it ended on the record. */
export interface ReplayEnd {
  readonly outcome: ReplayOutcome;
  readonly reason: string;
  readonly failure: StoredFailure | null;
}

/** What the `replay` workflow needs to know before it begins. */
export interface ReplayBegin {
  readonly tier: string;
  readonly deployment: string;
  readonly version: number;
  readonly period: EventWindow;
  readonly planDigest: string;
  /** Set when it has ended already, so that a rebuilt workflow has nothing to do. */
  readonly outcome: ReplayOutcome | null;
}

/** What came out of the rows, as the workflow shows it; the record holds more. */
export interface ReplayResultFigures {
  readonly outcome: ComparisonOutcome;
  /** One sentence with the numbers. */
  readonly reason: string;
  readonly rows: ReplayRows;
  readonly samples: number;
  readonly missingLabels: number;
  readonly gain: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly agreement: number | null;
  readonly outputShift: number | null;
  readonly blocks: number;
  readonly seenInTraining: SeenInTraining | null;
}

export const NO_ROWS: Readonly<Record<keyof ReplayRows, number>> = { observed: 0, pairs: 0, withoutInputs: 0, lackingFeatures: 0, ownAnswers: 0, withoutChampion: 0, failed: 0, seenInTraining: 0 };

/** Of blocks together. */
export function sumRows(blocks: readonly ReplayRows[]): ReplayRows {
  const sum = { ...NO_ROWS };
  for (const rows of blocks) for (const name of Object.keys(NO_ROWS) as (keyof ReplayRows)[]) sum[name] += rows[name];
  return sum;
}

/** The stretch of a replay's period that lies in the version's training window, blocks held out of it included; null where they do not meet. */
export function trainingOverlap({ fromMs, untilMs, trainingWindow: { start, end } }: Pick<ReplayPlan, 'fromMs' | 'untilMs' | 'trainingWindow'>): EventWindow | null {
  const [startMs, endMs] = [Math.max(fromMs, Date.parse(start)), Math.min(untilMs, Date.parse(end))];
  return startMs < endMs ? { start: isoTime(startMs), end: isoTime(endMs) } : null;
}
