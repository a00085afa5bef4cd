import { type BlockSums, limitOfBlocks, limitOfShare, type LossLimit } from './baseline-limit.js';
import { type BaselineLosses, sampleOf } from './champion-figures.js';
import { calibrateThreshold, type ErrorThreshold, flagRows } from './estimated-harm.js';
import { followHarm, type HarmCourse, type HarmMemory, type HarmTerms } from './harm-course.js';
import type { MonitoringPlan } from './monitoring-plan.js';
import type { EventStretch } from './window-grid.js';

/** What the baseline says of estimated errors (estimated-harm.ts); JSON. */
export interface EstimatedErrors {
  readonly threshold: ErrorThreshold;
  /** Of the rows that the limit is of: 1 where the estimated error exceeds the threshold, else 0. */
  readonly flags: BaselineLosses;
}

/** What a row of the baseline is for: rows that a threshold is chosen on must be new to the estimator, and those of the limit to both. */
export type BaselinePart = 'estimator' | 'threshold' | 'limit';

/** In turn, so that each part has rows of the whole stretch. A limit of blocks needs eight of them (baseline-limit.ts), which two weeks of days have so. */
const TURN: readonly BaselinePart[] = ['limit', 'estimator', 'limit', 'threshold', 'limit'];

/** @param blocks of each row, any numbers that rise with event time @returns the part of each row, block by block */
export function baselineParts(blocks: Float64Array): BaselinePart[] {
  const places = new Map([...new Set(blocks)].sort((a, b) => a - b).map((block, place) => [block, place]));
  return Array.from(blocks, (block) => TURN[places.get(block)! % TURN.length]!);
}

/** One a row, all of one length; NaN where there is none. */
export interface EstimatedBaseline {
  readonly errors: Float64Array;
  readonly estimates: Float64Array;
  readonly parts: readonly BaselinePart[];
  readonly blocks: Float64Array;
}

/** @returns why not, for people, where no threshold is precise enough */
export function estimatedErrors({ errors, estimates, parts, blocks }: EstimatedBaseline): EstimatedErrors | string {
  const rowsOf = (part: BaselinePart): number[] => parts.flatMap((one, row) => (one === part && !Number.isNaN(estimates[row]!) ? [row] : []));
  const [chosenOn, held] = [rowsOf('threshold'), rowsOf('limit')];
  const of = (values: Float64Array, rows: readonly number[]): Float64Array => Float64Array.from(rows, (row) => values[row]!);
  const threshold = calibrateThreshold({ errors: of(errors, chosenOn), estimates: of(estimates, chosenOn) });
  if (!threshold) return `No threshold of estimated errors tells rows of high error precisely enough on the ${chosenOn.length} rows of the baseline that it is chosen on.`;
  const flags = flagRows(of(estimates, held), threshold);
  const sums = new Map<number, { rows: number; sum: number }>();
  held.forEach((row, place) => {
    const { rows, sum } = sums.get(blocks[row]!) ?? { rows: 0, sum: 0 };
    sums.set(blocks[row]!, { rows: rows + 1, sum: sum + flags[place]! });
  });
  const filled = [...sums.values()];
  return { threshold, flags: { sample: sampleOf(flags), blocks: { rows: filled.map(({ rows }) => rows), sums: filled.map(({ sum }) => sum) } } };
}

export interface EstimatedWindow extends EventStretch {
  readonly version: number;
  readonly snapshot: string;
  readonly plan: MonitoringPlan;
  readonly baseline: EstimatedErrors;
  readonly terms: HarmTerms;
  /** Estimated errors of the version's rows by event time, NaN where there is none; one for each time. */
  readonly estimates: Float64Array;
  readonly eventTimesMs: Float64Array;
  /** The alarm of the sequence so far was ended by a person. */
  readonly resolved: boolean;
}

/**
 * Goes on with the evidence of harm from estimated errors by one window, as harm-course.ts does by labels: the loss of a row is 1 where its estimated error exceeds the
 * threshold.
 * @returns null where the baseline has too few rows or blocks to bound the share of such rows
 */
export function followEstimatedHarm(before: HarmMemory | null, { plan, baseline, estimates, version, snapshot, ...window }: EstimatedWindow): HarmCourse | null {
  const figures = { version, snapshot, plan: { ...plan, bound: 1 }, losses: baseline.flags };
  return followHarm(before, { ...window, figures, losses: flagRows(estimates, baseline.threshold), limitAt: (delta) => limitOf(baseline.flags, plan, delta) });
}

/** An upper bound of the share of flagged rows while all is well. */
function limitOf({ sample, blocks }: BaselineLosses, { dependence }: MonitoringPlan, delta: number): LossLimit | null {
  if (dependence === 'rows') return limitOfShare(Math.round(sample.rows * sample.mean), sample.rows, delta);
  const sums: BlockSums = { rows: Float64Array.from(blocks.rows), sums: Float64Array.from(blocks.sums) };
  return limitOfBlocks(sums, Math.sqrt(sample.variance), delta);
}
