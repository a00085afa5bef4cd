import { championFigures } from '../../src/drift/champion-figures.js';
import { followHarm, type HarmFigures, type HarmMemory } from '../../src/drift/harm-course.js';
import type { MonitoringPlan } from '../../src/drift/monitoring-plan.js';
import { rateOf, type Rate } from './rates.js';
import { ARENA_DEFAULTS, type JudgedRows, retrainingOutcomes, type RetrainingPolicy, type WindowFacts } from './retraining-arena.js';
import { HARMLESS_YEARS } from './world-years.js';

/** The false alarms of harm that a deployment may have in a year, in expectation. */
export const YEARLY_BUDGET = 0.05;
const DAY_MS = 24 * 3_600_000;
const WEEK_MS = 7 * DAY_MS;

/** How rows depend on each other, and how long windows are. */
export interface HarmWatch {
  readonly dependence: MonitoringPlan['dependence'];
  /** Of a week of rows; more than seven cut the blocks, which are days. */
  readonly windowsPerWeek: number;
}

/** As a spec has it where it says nothing: days whose rows share their fate, and windows of a week. */
const AS_SHIPPED: HarmWatch = { dependence: 'blocks', windowsPerWeek: 1 };

/**
 * Our alarm as a policy: retrains where the losses of the deployed model are surely above those on rows held out from its training, by the code that follows
 * them in service (src/drift/harm-course.ts), without the tolerance that a spec allows. Its models share one budget, as versions do.
 */
export const retrainOnHarm = (yearly = YEARLY_BUDGET, watch = AS_SHIPPED): RetrainingPolicy => ({
  name: 'harm sequence',
  start: () => {
    let memory: HarmMemory | null = null;
    let figures: HarmFigures | null = null;
    return ({ window, deployment, heldOut, labelled }: WindowFacts) => {
      if (figures?.version !== deployment) figures = figuresOf(heldOut, deployment, window * WEEK_MS, watch.dependence);
      let alarmed = false;
      for (const part of labelled ? partsOf(labelled.losses, window * WEEK_MS, watch.windowsPerWeek) : []) {
        const course = followHarm(memory, { ...part, figures, terms: { falseAlarms: yearly, share: 1, tolerance: 0 }, resolved: false });
        memory = course?.memory ?? memory;
        alarmed ||= course !== null && course.standing.alarm !== null;
      }
      return alarmed;
    };
  },
});

/** Rows of a stretch come one after the other, evenly. */
const timesOf = (rows: number, fromMs: number, lengthMs: number): Float64Array => Float64Array.from({ length: rows }, (_, row) => fromMs + Math.floor((row * lengthMs) / rows));

function figuresOf({ scores, labels }: JudgedRows, version: number, untilMs: number, dependence: HarmWatch['dependence']): HarmFigures {
  const lengthMs = ARENA_DEFAULTS.trainingWindows * WEEK_MS;
  const rows = { task: 'binary-classification' as const, predictions: Float32Array.from(scores), labels, eventTimesMs: timesOf(labels.length, untilMs - lengthMs, lengthMs) };
  return { version, snapshot: `sha256:${version}`, ...championFigures(rows, { metric: 'brier', bound: 1, dependence, blockMs: DAY_MS, threshold: 0.5 }, { alpha: 0.05 }) };
}

function partsOf(losses: Float64Array, fromMs: number, parts: number) {
  const eventTimesMs = timesOf(losses.length, fromMs, WEEK_MS);
  return Array.from({ length: parts }, (_, part) => {
    const [startMs, endMs] = [fromMs + (part * WEEK_MS) / parts, fromMs + ((part + 1) * WEEK_MS) / parts];
    const [first, end] = [eventTimesMs.findIndex((time) => time >= startMs), eventTimesMs.findLastIndex((time) => time < endMs) + 1];
    return { fromMs: startMs, untilMs: endMs, losses: losses.subarray(first, end), eventTimesMs: eventTimesMs.subarray(first, end) };
  });
}

/** The share of a year's streams without harm in which the policy raised an alarm. */
export function harmlessAlarms(policy: RetrainingPolicy, { runs, seed }: { readonly runs: number; readonly seed: number }): Rate {
  let alarms = 0;
  for (let run = 0; run < runs; run++) {
    const [outcome] = retrainingOutcomes(HARMLESS_YEARS[run % HARMLESS_YEARS.length]!.streamOf(seed + run), [policy]);
    if (outcome!.falseAlarms > 0) alarms += 1;
  }
  return rateOf(alarms, runs);
}
