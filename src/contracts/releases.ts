import type { StoredFailure } from './retrains.js';
import type { VersionTally } from './serving-tallies.js';

/** Where a release stands; `canary` has steps of its own. The promotion lies between the last of them and `watch`. */
export const RELEASE_STAGES = ['queued', 'shadow', 'canary', 'watch', 'finished'] as const;
export type ReleaseStage = (typeof RELEASE_STAGES)[number];

/**
 * `promoted`: it answers, and its watch is over. `rejected`: worse than the champion, or a guard was breached before the
 * promotion. `inconclusive`: samples or time were used up. `rolled-back`: taken back in its watch. `aborted`: by a person,
 * or because the champion moved. `superseded`: a newer candidate took its place.
 */
export const RELEASE_OUTCOMES = ['promoted', 'rejected', 'inconclusive', 'rolled-back', 'aborted', 'superseded', 'failed', 'cancelled', 'terminated'] as const;
export type ReleaseOutcome = (typeof RELEASE_OUTCOMES)[number];

/** What a person may do to a release; `abort` takes the version back where it answers already. */
export const RELEASE_ACTIONS = ['pause', 'resume', 'advance', 'abort'] as const;
export type ReleaseAction = (typeof RELEASE_ACTIONS)[number];

/** What names a release everywhere. */
export interface ReleaseId {
  readonly model: string;
  readonly number: number;
}

export type LossMetric = 'brier' | 'clippedLogLoss' | 'absoluteError';

/** How champion and challenger are compared on the same rows; fixed before the first mirrored request. */
export interface ComparisonTerms {
  readonly metric: LossMetric;
  /** Largest loss of a row that is counted, in the units of the metric. */
  readonly bound: number;
  readonly alpha: number;
  /** Smallest difference of the mean loss that matters. */
  readonly margin: number;
  readonly minimumSamples: number;
  readonly maximumSamples: number;
  readonly method: 'empirical-bernstein' | 'asymptotic';
  /** Event time. */
  readonly blockMs: number;
  /** Whether what rows of one block share counts as noise. */
  readonly dependence: 'rows' | 'blocks';
  readonly minimumBlocks: number;
  /** Pairs at which the interval is nearly narrowest, and a guess of a gain's deviation; wrong ones cost rows, never correctness. */
  readonly tunedFor: number;
  readonly assumedDeviation: number;
}

export interface ReleaseGuards {
  readonly maximumErrorRate: number;
  readonly slowAfterMs: number;
  readonly maximumSlowShare: number;
  readonly maximumOutputShift: number;
}

/** The spec's rollout section with what the release is bound to. Durations are event time, but for `checkEveryMs`. */
export interface ReleasePlan {
  readonly planVersion: 1;
  readonly model: string;
  readonly number: number;
  readonly deployment: string;
  readonly version: number;
  /** The release is aborted when another champion or epoch is current, its own promotion apart. */
  readonly champion: number;
  readonly epoch: number;
  readonly specDigest: string;
  readonly task: 'binary-classification' | 'regression';
  /** Wall time between two looks. */
  readonly checkEveryMs: number;
  readonly labelHorizonMs: number;
  readonly shadow: { readonly minimumTimeMs: number; readonly maximumTimeMs: number; readonly minimumSamples: number };
  /** `steps`: percent of the entities. */
  readonly canary: { readonly steps: readonly number[]; readonly minimumTimeMs: number; readonly minimumSamples: number };
  readonly watch: { readonly timeMs: number };
  readonly comparison: ComparisonTerms;
  readonly outcomes: {
    readonly better: 'promote' | 'hold';
    readonly notWorse: 'promote' | 'hold' | 'abort';
    readonly worse: 'abort' | 'hold';
    readonly inconclusive: 'hold' | 'abort';
  };
  readonly guards: ReleaseGuards;
}

/** `inconclusive`: nothing can be said yet, or nothing could be said within the samples. */
export type ComparisonOutcome = 'better' | 'not-worse' | 'worse' | 'inconclusive';

/**
 * How a comparison on matured labels stands. The gain is loss(version before) − loss(version released), so that more is
 * better for the version released, on both sides of the promotion.
 */
export interface ComparisonStanding {
  /** Which analysis of the release; 1 is the planned one. */
  readonly analysis: number;
  /** Pairs with a mature label, and pairs whose label is missing though its horizon has passed. */
  readonly samples: number;
  readonly missingLabels: number;
  readonly gain: number | null;
  /** The confidence sequence at level 1 − alpha, valid at every look. */
  readonly low: number | null;
  readonly high: number | null;
  readonly outcome: ComparisonOutcome;
  /** Whether the samples of the plan are used up. */
  readonly exhausted: boolean;
  readonly blocks: number;
  /** Event time up to which pairs have entered; null before the first block. */
  readonly untilMs: number | null;
}

/** How much a version answered since its present step began, over all gateways. */
export interface TrafficFigures {
  readonly requests: number;
  readonly rows: number;
  readonly errors: number;
  readonly slow: number;
  /** Of the version that is mirrored. */
  readonly mirrored: { readonly executed: number; readonly dropped: number; readonly failed: number };
}

/** What must not go on: a measured value beyond a guard of the plan, or a loss that grew. */
export interface Breach {
  readonly guard: 'errorRate' | 'slowShare' | 'outputShift' | 'loss';
  readonly measured: number | null;
  readonly limit: number;
  /** One sentence with the numbers. */
  readonly explanation: string;
}

/** What is known before labels arrive, each bound valid at every look. */
export interface UnlabelledFigures {
  readonly pairs: number;
  /** Share of rows on which both versions decide alike. */
  readonly agreement: number | null;
  /** Kolmogorov–Smirnov distance of the outputs, with the low end of its confidence sequence. */
  readonly outputShift: number | null;
  readonly outputShiftLow: number | null;
  readonly slowShare: number | null;
  readonly slowShareLow: number | null;
}

/** What one look at a release measured; a decision is a function of it, of the plan and of where the release stands. */
export interface ReleaseMeasurement {
  /** Wall time, ISO 8601. */
  readonly measuredAt: string;
  /** Transitions that the release had made when it was measured; with others since, the measurement decides nothing. */
  readonly transitions: number;
  /** How far event time has come; null where nothing was observed yet. */
  readonly streamTimeMs: number | null;
  /** Event time of the first observation of this stage's traffic, for a stage that began before anything was observed. */
  readonly firstEventMs: number | null;
  readonly comparison: ComparisonStanding | null;
  /** False where closed blocks still wait to be read: the next look comes at once, and nothing goes forward before. */
  readonly complete: boolean;
  /** The newest analysis with labels that came or changed after their block was closed; it may demote, never promote. */
  readonly revised: ComparisonStanding | null;
  readonly unlabelled: UnlabelledFigures | null;
  /** Of the version released, since its present step began. */
  readonly traffic: TrafficFigures | null;
  /** Of every version, since each was first asked: what the next step's figures begin from. */
  readonly tallies: readonly VersionTally[];
  /** The stretch of requests that the guards look at beside the whole step, so that a sudden fault is seen soon. */
  readonly stretch: { readonly number: number; readonly from: readonly VersionTally[] };
  readonly breaches: readonly Breach[];
}

/** Whether monitoring was proven to work for the step that is to begin. */
export interface MonitoringState {
  readonly proven: boolean;
  /** One sentence. */
  readonly explanation: string;
}

export type ReleaseMove =
  | { readonly action: 'hold' }
  /** Nothing goes on until a person says so. */
  | { readonly action: 'wait-for-person' }
  /** `step`: index into the plan's canary steps; −1 begins the shadow. */
  | { readonly action: 'advance'; readonly step: number }
  | { readonly action: 'promote' }
  | { readonly action: 'finish'; readonly outcome: ReleaseOutcome; readonly unfit: boolean }
  | { readonly action: 'roll-back'; readonly outcome: ReleaseOutcome; readonly unfit: boolean };

/** What follows from a look, and one sentence with the numbers that say why. */
export type ReleaseDecision = ReleaseMove & { readonly reason: string };

/** Where a release stands, as its workflow needs to know it. */
export interface ReleaseState {
  readonly id: ReleaseId;
  readonly deployment: string;
  readonly version: number;
  readonly stage: ReleaseStage;
  /** Index into the plan's canary steps; null outside the canary. */
  readonly step: number | null;
  readonly paused: boolean;
  /** What a person asked for that has not been done yet. */
  readonly requested: 'advance' | 'abort' | null;
  /** When the stage or step began: event time (null while nothing was observed) and wall time, ISO 8601. */
  readonly sinceMs: number | null;
  readonly since: string | null;
  readonly transitions: number;
  /** Null until it leaves the queue. */
  readonly plan: ReleasePlan | null;
  readonly planDigest: string | null;
  /** The epoch that its promotion made. */
  readonly promotedEpoch: number | null;
  readonly outcome: ReleaseOutcome | null;
  readonly reason: string | null;
  readonly tier: string;
}

/** What the record did with a look. */
export interface ReleaseTurn {
  readonly state: ReleaseState;
  readonly decision: ReleaseDecision;
  /** The step may only begin when monitoring is proven to work: prove it and decide again. */
  readonly needsProof: boolean;
  /** The routing's revision, which gateways must come to serve. */
  readonly revision: number;
  /** Set when a rollback from this epoch was recorded, to be started. */
  readonly rollbackFromEpoch: number | null;
}

export interface ReleaseEnd {
  readonly outcome: ReleaseOutcome;
  readonly reason: string;
  readonly failure: StoredFailure | null;
}
