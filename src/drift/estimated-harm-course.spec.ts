import { describe, expect, it } from 'vitest';
import { seededRandom } from '../observations/testing/random-observations.js';
import { fitConfidenceBased } from './confidence-based-estimate.js';
import { baselineParts, type EstimatedErrors, estimatedErrors, type EstimatedWindow, followEstimatedHarm } from './estimated-harm-course.js';
import { expectedErrors, trueErrors } from './expected-errors.js';
import type { HarmCourse, HarmMemory } from './harm-course.js';
import type { MonitoringPlan } from './monitoring-plan.js';

const DAY = 86_400_000;
const START = Date.parse('2024-01-01T00:00:00Z');
const PLAN: MonitoringPlan = { metric: 'brier', bound: 1, dependence: 'blocks', blockMs: DAY, threshold: 0.5 };

describe('parts of a baseline', () => {
  it('are whole blocks in turn, of which two weeks of days leave eight for the limit', () => {
    const days = Float64Array.from({ length: 28 }, (_, row) => 19_700 + Math.floor(row / 2));
    const parts = baselineParts(days);
    const ofDay = Array.from({ length: 14 }, (_, day) => parts[2 * day]);
    expect(ofDay.filter((part) => part === 'limit')).toHaveLength(8);
    expect([ofDay[1], ofDay[3], ofDay[6], ofDay[8]]).toEqual(['estimator', 'threshold', 'estimator', 'threshold']);
    expect(parts.filter((_, row) => row % 2 === 1)).toEqual(ofDay);
  });

  it('do not depend on the order of rows, nor on blocks without any', () => {
    expect(baselineParts(Float64Array.of(90, 5, 5, 7, 90))).toEqual(['limit', 'limit', 'limit', 'estimator', 'limit']);
  });
});

describe('errors of a classifier', () => {
  it('are the expectation of its loss under calibrated chances', () => {
    const outputs = Float32Array.of(0.5, 0.25, 1, NaN, 2);
    expect([...expectedErrors(PLAN, null, outputs)]).toEqual([0.25, 0.25 * 0.75 ** 2 + 0.75 * 0.25 ** 2, 0, NaN, NaN]);
    const sure = { scores: [0, 1], values: [1, 1] };
    expect([...expectedErrors(PLAN, sure, outputs)].slice(0, 3)).toEqual([0.25, 0.75 ** 2, 0]);
    expect(expectedErrors({ metric: 'clippedLogLoss', bound: 0.5 }, null, Float32Array.of(0.5))[0]).toBe(0.5);
  });

  it('are as large as those that labels show on average', () => {
    const random = seededRandom(20_240_801);
    const outputs = Float32Array.from({ length: 20_000 }, random);
    const labels = Float64Array.from(outputs, (chance) => (random() < chance ? 1 : 0));
    const [estimated, shown] = [expectedErrors(PLAN, null, outputs), trueErrors(PLAN, outputs, labels)];
    expect(Math.abs(mean(estimated) - mean(shown))).toBeLessThan(0.005);
    expect([...trueErrors({ metric: 'absoluteError', bound: 1 }, Float32Array.of(1, NaN, 5), Float64Array.of(4, 1, NaN))]).toEqual([3, NaN, NaN]);
  });
});

/** A stream of a calibrated classifier: `hard` of the rows lie near one half, the others near 0 and 1. Days vary by a twentieth. */
class Stream {
  private readonly random: () => number;

  constructor(seed: number, private readonly perDay = 60) {
    this.random = seededRandom(seed);
  }

  days(first: number, count: number, hard: number): { outputs: Float32Array; labels: Float64Array; eventTimesMs: Float64Array } {
    const [outputs, labels, times]: [number[], number[], number[]] = [[], [], []];
    for (let day = first; day < first + count; day++) {
      const ofDay = hard + 0.05 * (this.random() - 0.5);
      for (let row = 0; row < this.perDay; row++) {
        const easy = this.random() < 0.5 ? 0.05 * this.random() : 1 - 0.05 * this.random();
        const chance = Math.fround(this.random() < ofDay ? 0.4 + 0.2 * this.random() : easy);
        outputs.push(chance);
        labels.push(this.random() < chance ? 1 : 0);
        times.push(START + day * DAY + Math.floor((row * DAY) / this.perDay));
      }
    }
    return { outputs: Float32Array.from(outputs), labels: Float64Array.from(labels), eventTimesMs: Float64Array.from(times) };
  }
}

/** As activities/label-free-baselines.ts makes it of a classifier. */
function baselineOf({ outputs, labels, eventTimesMs }: ReturnType<Stream['days']>, plan: MonitoringPlan): { baseline: EstimatedErrors; estimatesOf: (outputs: Float32Array) => Float64Array } {
  const blocks = Float64Array.from(eventTimesMs, (time) => Math.floor(time / DAY));
  const parts = baselineParts(blocks);
  const taught = parts.flatMap((part, row) => (part === 'estimator' ? [row] : []));
  const { calibration } = fitConfidenceBased({ probabilities: Float32Array.from(taught, (row) => outputs[row]!), labels: Float64Array.from(taught, (row) => labels[row]!), chunks: Float64Array.from(taught, (row) => blocks[row]!) }, 0.5);
  const estimatesOf = (of: Float32Array): Float64Array => expectedErrors(plan, calibration, of);
  const baseline = estimatedErrors({ errors: trueErrors(plan, outputs, labels), estimates: estimatesOf(outputs), parts, blocks });
  if (typeof baseline === 'string') throw new Error(baseline);
  return { baseline, estimatesOf };
}

interface Simulated {
  readonly seed: number;
  readonly plan?: MonitoringPlan;
  readonly days: number;
  /** The share of hard rows on a day of production; 0.2 on the baseline. */
  readonly hard: (day: number) => number;
}

const TERMS = { falseAlarms: 0.05, share: 1, tolerance: 0.1 };

/** Day by day, from sixty days of baseline. @returns the last course */
function simulate({ seed, plan = PLAN, days, hard }: Simulated): HarmCourse {
  const stream = new Stream(seed);
  const { baseline, estimatesOf } = baselineOf(stream.days(-60, 60, 0.2), plan);
  let [memory, course]: [HarmMemory | null, HarmCourse | null] = [null, null];
  for (let day = 0; day < days; day++) {
    const { outputs, eventTimesMs } = stream.days(day, 1, hard(day));
    course = followEstimatedHarm(memory, { ...windowOf(day, baseline, plan), estimates: estimatesOf(outputs), eventTimesMs });
    memory = course!.memory;
  }
  return course!;
}

const windowOf = (day: number, baseline: EstimatedErrors, plan: MonitoringPlan): Omit<EstimatedWindow, 'estimates' | 'eventTimesMs'> =>
  ({ version: 1, snapshot: 'sha256:0', plan, baseline, terms: TERMS, fromMs: START + day * DAY, untilMs: START + (day + 1) * DAY, resolved: false });

describe.each(['rows', 'blocks'] as const)('simulated production without labels, %s (seeds from 500)', (dependence) => {
  const plan = { ...PLAN, dependence };

  it('raises hardly a false alarm in years without a change', () => {
    const found = Array.from({ length: 40 }, (_, run) => simulate({ seed: 500 + run, plan, days: 180, hard: () => 0.2 }).standing.alarm !== null);
    // The first sequence has half of the budget: 0.025 a year, so that 40 half years have 0.5 in expectation at most.
    expect(found.filter(Boolean).length).toBeLessThanOrEqual(2);
  });

  it('finds a shift towards rows of high error, and when it began', () => {
    for (let seed = 600; seed < 610; seed++) {
      const { standing: { alarm, mean: share, limit }, began, allowance } = simulate({ seed, plan, days: 40, hard: (day) => (day < 10 ? 0.2 : 0.7) });
      expect(alarm, `seed ${seed}`).not.toBeNull();
      expect(Math.abs(alarm!.sinceMs - (START + 10 * DAY)), `seed ${seed}`).toBeLessThanOrEqual(3 * DAY);
      expect([began, allowance, share! > limit]).toEqual([null, 0.025, true]);
    }
  });

  it('finds none where rows become easier', () => {
    expect(simulate({ seed: 620, plan, days: 60, hard: () => 0.05 }).standing.alarm).toBeNull();
  });
});

describe('without a threshold or a limit', () => {
  it('says so where no estimate tells rows of high error', () => {
    const random = seededRandom(20_240_802);
    const blocks = Float64Array.from({ length: 1_000 }, (_, row) => Math.floor(row / 50));
    const noise = { errors: Float64Array.from(blocks, random), estimates: Float64Array.from(blocks, random), blocks, parts: baselineParts(blocks) };
    expect(estimatedErrors(noise)).toBe('No threshold of estimated errors tells rows of high error precisely enough on the 200 rows of the baseline that it is chosen on.');
  });

  it('has no evidence where the baseline has too few blocks for a limit', () => {
    const stream = new Stream(700);
    const { baseline, estimatesOf } = baselineOf(stream.days(-12, 12, 0.2), PLAN);
    const { outputs, eventTimesMs } = stream.days(0, 1, 0.2);
    const window = { estimates: estimatesOf(outputs), eventTimesMs };
    expect(followEstimatedHarm(null, { ...windowOf(0, baseline, PLAN), ...window })).toBeNull();
    expect(followEstimatedHarm(null, { ...windowOf(0, baseline, { ...PLAN, dependence: 'rows' }), ...window })).not.toBeNull();
  });

  it('counts rows without an estimate apart', () => {
    const stream = new Stream(701);
    const { baseline, estimatesOf } = baselineOf(stream.days(-60, 60, 0.2), PLAN);
    const { outputs, eventTimesMs } = stream.days(0, 1, 0.2);
    const estimates = estimatesOf(outputs).map((estimate, row) => (row < 7 ? NaN : estimate));
    expect(followEstimatedHarm(null, { ...windowOf(0, baseline, PLAN), estimates, eventTimesMs })!.standing).toMatchObject({ rows: 53, missing: 7 });
  });
});

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
