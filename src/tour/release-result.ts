import type { ReleaseDetail } from '../api/releases/releases.dto.js';
import type { ComparisonStanding, ReleaseMeasurement, ReleasePlan } from '../contracts/releases.js';
import type { LegDone, ReleaseTourOutcome } from './release-tour.js';
import type { TourTimings, TourUrls } from './tour-result.js';

/** How a comparison stood when a block of event time had entered. */
export interface BlockEntry {
  readonly analysis: number;
  readonly phase: 'rollout' | 'watch';
  /** ISO 8601, event time: the end of the block. */
  readonly until: string;
  readonly samples: number;
  readonly missingLabels: number;
  readonly gain: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly outcome: string | null;
}

export interface StepEntry {
  readonly action: string;
  readonly stage: string;
  /** Share of the entities that the version answers from then on; null outside the canary. */
  readonly percent: number | null;
  /** ISO 8601; null before anything was observed. */
  readonly eventTime: string | null;
  readonly reason: string;
  /** The comparison that it was decided on; null where none was looked at. */
  readonly comparison: ComparisonStanding | null;
}

export interface ReleaseEntry {
  readonly title: string;
  readonly version: number;
  readonly trainedOn: { readonly start: string; readonly end: string; readonly rows: number };
  readonly gateVerdict: string | null;
  /** Null for the first version, which its gate alone promoted. */
  readonly release: number | null;
  readonly champion: number | null;
  readonly outcome: string;
  readonly reason: string | null;
  readonly promotedEpoch: number | null;
  readonly planDigest: string | null;
  readonly alpha: number | null;
  readonly steps: readonly StepEntry[];
  readonly blocks: readonly BlockEntry[];
  readonly workflowId: string;
}

export interface ReleaseResult {
  readonly releases: readonly ReleaseEntry[];
  readonly champion: { readonly version: number | null; readonly epoch: number };
  readonly answers: number;
  readonly labels: number;
  readonly timings: TourTimings;
  readonly urls: TourUrls;
}

/** The run as a document, for programs. */
export const releaseResult = ({ legs, champion, answers, labels }: ReleaseTourOutcome, timings: TourTimings, urls: TourUrls): ReleaseResult => ({
  releases: legs.map(releaseEntry), champion: { version: champion.version, epoch: champion.epoch }, answers, labels, timings, urls,
});

function releaseEntry({ leg, retrain, version, release }: LegDone): ReleaseEntry {
  const { train } = version.data;
  return {
    title: leg.title, version: version.version, trainedOn: { ...train.window, rows: train.labelledRows }, gateVerdict: retrain.evaluation?.verdict ?? null,
    release: release?.number ?? null, champion: release?.champion ?? null, outcome: release?.outcome ?? retrain.outcome ?? '',
    reason: release?.reason ?? retrain.reason, promotedEpoch: release?.promotedEpoch ?? retrain.promotedEpoch, planDigest: release?.planDigest ?? null,
    alpha: release ? (planOf(release)?.comparison.alpha ?? null) : null,
    steps: release?.steps.map((step) => stepEntry(release, step)) ?? [],
    blocks: release ? blocksOf(release) : [], workflowId: release?.workflowId ?? retrain.workflowId,
  };
}

/** What a block's standing says, after all blocks up to it. */
interface Judgement {
  readonly n: number;
  readonly missing: number;
  readonly gain: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly outcome: string | null;
}

const stepEntry = (release: ReleaseDetail, { action, stage, step, eventTime, reason, measurement }: ReleaseDetail['steps'][number]): StepEntry => ({
  action, stage, percent: percentOf(release, step), eventTime, reason, comparison: (measurement as ReleaseMeasurement | null)?.comparison ?? null,
});

const planOf = ({ plan }: ReleaseDetail): ReleasePlan | null => plan as ReleasePlan | null;

/** Share of the entities in a canary step. */
export const percentOf = (release: ReleaseDetail, step: number | null): number | null => (step === null ? null : (planOf(release)?.canary.steps[step] ?? null));

/** Of the planned comparisons; those made again with labels that came later are left out. */
const blocksOf = ({ analyses }: ReleaseDetail): BlockEntry[] =>
  analyses.filter(({ kind, revises }) => kind === 'labelled' && revises === null).flatMap(({ number, phase, blocks }) =>
    blocks.map(({ until, standing }) => {
      const { n: samples, missing: missingLabels, gain, low, high, outcome } = standing as unknown as Judgement;
      return { analysis: number, phase, until, samples, missingLabels, gain, low, high, outcome };
    }));
