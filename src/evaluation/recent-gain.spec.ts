import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RecentGain } from '../contracts/evaluations.js';
import { canonicalJson } from '../contracts/canonical.js';
import { isoTime } from '../contracts/time.js';
import type { GateDecision } from '../contracts/verdict.js';
import { specWith } from '../data/data-fixture.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { evaluationResult } from './evaluation-result.js';
import { decideGate, type GateInput } from './gate.js';
import { recentGain } from './recent-gain.js';
import type { ScoredRows } from './scoring.js';
import { timeBlocks } from './time-blocks.js';

type Spec = Parameters<typeof evaluationResult>[0] & GateInput['spec'];
type Losses = Partial<ModelSpec['rollout']['comparison']>;

interface Known {
  readonly name: string;
  readonly loss: RecentGain['loss'];
  readonly bound: number;
  readonly blockHours: number;
  readonly holdOutEvery: number;
  readonly dependence: 'rows' | 'blocks';
  readonly alpha: number;
  readonly days: number;
  readonly timesMs: number[];
  readonly labels: number[];
  readonly champion: number[];
  readonly candidate: number[];
  readonly found: RecentGain;
}
const { judged } = JSON.parse(readFileSync(new URL('./reference/expected-gain.json', import.meta.url), 'utf8')) as { readonly judged: Known[] };

const DAY_MS = 86_400_000;
/** Noon: no beginning of a block of a day. */
const START_MS = Date.parse('2024-01-01T12:00:00.000Z');
const windowOf = (days: number) => ({ start: isoTime(START_MS), end: isoTime(START_MS + days * DAY_MS) });

const specOf = (task: ModelSpec['task'], losses: Losses, over: { alpha?: number; holdOutEvery?: number; by?: 'metric' | 'recentLoss'; costs?: ModelSpec['retraining']['costs'] } = {}): Spec => {
  const { alpha = 0.05, holdOutEvery = 1, by = 'recentLoss', costs } = over;
  return {
    task, data: specWith().data,
    evaluation: { window: 'P4W', holdOutEvery, minimumRows: 1, slices: [], threshold: 0.5, alpha },
    gates: { absolute: [], comparison: { metric: task === 'regression' ? 'mae' : 'auc', minimumGain: 0, by } },
    rollout: { comparison: { dependence: 'blocks', block: 'P1D', ...losses } } as ModelSpec['rollout'],
    retraining: { costs } as ModelSpec['retraining'],
  };
};
const scored = (task: ModelSpec['task'], predictions: ArrayLike<number>, labels: ArrayLike<number>, timesMs: ArrayLike<number>): ScoredRows => {
  const eventTimesMs = Float64Array.from(timesMs);
  return {
    task, predictions: Float32Array.from(predictions), labels: Float64Array.from(labels), eventTimesMs, blocks: timeBlocks(eventTimesMs),
    slices: [], counts: { inFile: labels.length, scored: labels.length, unlabelled: 0, immature: 0 }, peakRssBytes: 0,
  };
};
const gateOf = (spec: Spec, days: number, candidate: ScoredRows, champion: ScoredRows, requested = false): GateDecision => {
  const { candidate: measurement, comparison, recentGain: gain, rows } = evaluationResult(spec, windowOf(days), candidate, champion);
  return decideGate({ spec, measurement, comparison, recentGain: gain, rows, requested });
};

describe('the gain on the newest rows equals the reference', () => {
  it.each(judged.map((known) => [known.name, known] as const))('%s', (_, { loss, bound, blockHours, dependence, found: right, ...known }) => {
    const task = loss === 'absoluteError' ? 'regression' : 'binary-classification';
    const spec = specOf(task, { metric: loss, bound, block: `PT${blockHours}H`, dependence }, known);
    const found = recentGain(spec, windowOf(known.days), scored(task, known.candidate, known.labels, known.timesMs), scored(task, known.champion, known.labels, known.timesMs));
    const close = (value: number | null) => (value === null ? null : (expect.closeTo(value, 10) as number));
    expect(found).toEqual({
      ...right, candidate: close(right.candidate), champion: close(right.champion), rowsPerDay: close(right.rowsPerDay),
      gain: { value: close(right.gain.value), low: close(right.gain.low), high: close(right.gain.high) },
    });
  });
});

/** 28 days of rows from a noon on, labels 0, whose errors come from a shock of their day too: 29 of them, the first and the last cut. @param ahead what the candidate is better by, by the day */
function made(random: () => number, ahead: (day: number) => number, rows = 40): { candidate: ScoredRows; champion: ScoredRows } {
  const days = 28;
  const times = Array.from({ length: days * rows }, (_, row) => START_MS + (row * DAY_MS) / rows);
  const day = (row: number): number => Math.floor((row + rows / 2) / rows);
  const errors = (gain: (day: number) => number): number[] => {
    const shocks = Array.from({ length: days + 1 }, () => random() - 0.5);
    return times.map((_, row) => 4 + shocks[day(row)]! + random() - gain(day(row)));
  };
  const zeros = new Float64Array(times.length);
  const models = [errors(() => 0), errors(ahead)].map((predictions) => scored('regression', predictions, zeros, times));
  return { champion: models[0]!, candidate: models[1]! };
}
const ERRORS: Losses = { metric: 'absoluteError', bound: 10 };

describe('a change of the world a few days ago', () => {
  const { candidate, champion } = made(seededRandom(20240801), (day) => (day >= 26 ? 3 : -0.3));
  const costs = { perLossUnit: 1, training: 1_000_000, release: 500, horizon: 'P28D' };
  const by = (checks: GateDecision['checks'], name: string) => checks.find((check) => check.name === name);

  it('is not seen by a metric over all rows, and by the loss of the newest', () => {
    const [whole, newest] = [gateOf(specOf('regression', ERRORS, { by: 'metric' }), 28, candidate, champion), gateOf(specOf('regression', ERRORS), 28, candidate, champion)];
    expect([whole.verdict, newest.verdict]).toEqual(['inconclusive', 'pass']);
    expect(by(newest.checks, 'comparison:recentLoss')?.explanation).toMatch(/ on the same 60 rows of the newest 2 blocks, since 2024-01-28T00:00:00\.000Z: a gain of [23]\.\d+ \(interval .* to .*\); the whole interval is above 0\.$/);
  });

  it('is worth a release that it pays for, whatever the training cost', () => {
    const worth = (release: number, requested = false) => by(gateOf(specOf('regression', ERRORS, { costs: { ...costs, release } }), 28, candidate, champion, requested).checks, 'worth');
    // About 3 in each of 40 rows of 28 days.
    expect(worth(500)).toMatchObject({ verdict: 'pass', explanation: expect.stringMatching(/^Over P28D a release is expected to save 3\d\d0 \[.*\] and costs 500; it pays from a gain of 0\.446 a row on\.$/) as string });
    expect(worth(5_000)).toMatchObject({ verdict: 'fail', required: 'to save more than a release costs, 5000' });
    expect(worth(5_000, true)).toMatchObject({ verdict: 'pass', explanation: expect.stringMatching(/ costs 5000; .* The retrain was requested, and a request overrides the weighing\.$/) as string });
  });

  it('stands beside figures that are as before, and is left out where the metric decides', () => {
    const [whole, newest] = (['metric', 'recentLoss'] as const).map((way) => evaluationResult(specOf('regression', ERRORS, { by: way }), windowOf(28), candidate, champion));
    const { recentGain: gain, ...rest } = newest!;
    expect(gain?.blocks).toBe(2);
    expect(canonicalJson(rest)).toBe(canonicalJson(whole));
    expect(Object.keys(whole!)).not.toContain('recentGain');
    expect(Object.keys(evaluationResult(specOf('regression', ERRORS), windowOf(28), candidate, null))).not.toContain('recentGain');
  });
});

describe('losses', () => {
  const times = [0, 1, 2, 3].map((day) => START_MS + day * DAY_MS);
  const gain = (candidate: number[], champion: number[], losses: Losses = ERRORS) =>
    recentGain(specOf('regression', losses), windowOf(4), scored('regression', candidate, [0, 0, 0, 0], times), scored('regression', champion, [0, 0, 0, 0], times));

  it('of predictions that are no numbers are the largest, never left out', () => {
    expect(gain([1, NaN, 2, 2], [3, NaN, 4, NaN])).toMatchObject({ rows: 4, candidate: (1 + 10 + 2 + 2) / 4, champion: (3 + 10 + 4 + 10) / 4, gain: { value: 3 } });
    expect(gain([NaN, Infinity, -Infinity, NaN], [1, 1, 1, 1])?.gain).toEqual({ value: -9, low: -9, high: -9 });
  });

  it('need a bound where they have none, and rows', () => {
    expect(() => gain([1, 1, 1, 1], [2, 2, 2, 2], { metric: 'absoluteError' })).toThrow(/rollout\.comparison\.bound/);
    const none = scored('regression', [], [], []);
    expect(recentGain(specOf('regression', ERRORS), windowOf(4), none, none)).toBeNull();
  });

  it('come as often as they judged, with the blocks that were held out for training', () => {
    const rows = scored('regression', [1, 1, 1, 1], [0, 0, 0, 0], times);
    expect(recentGain(specOf('regression', ERRORS, { holdOutEvery: 3 }), windowOf(4), rows, rows)?.rowsPerDay).toBe(3);
  });
});

describe('two models without a difference', () => {
  const [SEED, DRAWS, ALPHA] = [20240802, 2_000, 0.1];

  it(`pass no more often than by half of alpha, though days have shocks of their own (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const share = (dependence: 'blocks' | 'rows', draws: number): number => {
      const spec = specOf('regression', { ...ERRORS, dependence }, { alpha: ALPHA });
      const verdicts = Array.from({ length: draws }, () => made(random, () => 0, 8)).map(({ candidate, champion }) => gateOf(spec, 28, candidate, champion).verdict);
      return verdicts.filter((verdict) => verdict === 'pass').length / draws;
    };
    // Three standard errors of the share; as if rows were on their own, days of one kind are taken for a gain.
    const most = ALPHA / 2 + 3 * Math.sqrt(((ALPHA / 2) * (1 - ALPHA / 2)) / DRAWS);
    expect(share('blocks', DRAWS), `seed ${SEED}`).toBeLessThan(most);
    expect(share('rows', DRAWS / 10), `seed ${SEED}`).toBeGreaterThan(2 * most);
  });
});
