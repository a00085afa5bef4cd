import { describe, expect, it } from 'vitest';
import type { ReplayPlan } from '../contracts/replays.js';
import { comparisonPlan } from './comparison-plan.js';
import { blocksOf, type LoggedRows, replayedBlock } from './replay-blocks.js';
import { startReplay } from './replay-comparison.js';

const plan: ReplayPlan = {
  planVersion: 1, model: 'shop', number: 1, deployment: 'default', version: 7, specDigest: 'sha256:spec', task: 'binary-classification', fromMs: 1_000, untilMs: 1_250, labelRevision: 3,
  labelHorizonMs: 500, labelledUntilMs: 1_100, comparison: comparisonPlan({ metric: 'brier', blockMs: 100 }),
  guards: { maximumErrorRate: 0.01, slowAfterMs: 250, maximumSlowShare: 0.01, maximumOutputShift: 0.3 },
  trainingWindow: { start: '1970-01-01T00:00:00.000Z', end: '1970-01-01T00:00:01.001Z' },
};
const rows: LoggedRows = {
  eventTimeMs: Float64Array.of(1_000, 1_000, 1_099, 1_100), champion: Float32Array.of(0.5, 0.5, 0.25, 0.75), championVersion: Float64Array.of(1, 1, 2, 2),
  label: Float64Array.of(1, NaN, 0, 1), championLatencyMs: new Float32Array(4).fill(2), left: { eventTimeMs: Float64Array.of(1_050, 1_199), standing: Float64Array.of(1, 2) },
};
const at = (number: number, outputs: Float32Array, asked = plan) => replayedBlock(asked, startReplay(asked), blocksOf(asked, { firstBlock: 1, fromMs: 1_000, untilMs: 1_250 })[number - 1]!, rows, outputs);

describe('blocks of a replay', () => {
  it('lie one after the other from the beginning of the period, the last one as long as is left', () => {
    expect(blocksOf(plan, { firstBlock: 2, fromMs: 1_100, untilMs: 1_250 })).toEqual([{ number: 2, fromMs: 1_100, untilMs: 1_200 }, { number: 3, fromMs: 1_200, untilMs: 1_250 }]);
  });

  it('count their own rows by what became of them, and the champions of then', () => {
    const first = at(1, Float32Array.of(0.75, 0.5, NaN, 0.5));
    expect(first).toMatchObject({ rows: { observed: 4, pairs: 2, failed: 1, withoutInputs: 1, lackingFeatures: 0, seenInTraining: 2 }, champions: { 1: 2 }, samples: 1, missingLabels: 1 });
    expect(first?.standing.labelled).toMatchObject({ rows: 2, n: 1, gain: 0.25 - 0.0625 });
  });

  it('count no pair as seen that lies in a block held out of the training', () => {
    // Of blocks of a second every other one judged, from the second on: the first row beyond that was learnt, had blocks been held out earlier.
    const learnt = { ...plan, trainingWindow: { start: '1970-01-01T00:00:00.000Z', end: '1970-01-01T00:00:09.000Z' } };
    const seenWith = (from: string) => at(1, new Float32Array(4).fill(0.5), { ...learnt, heldOut: { every: 2, block: 'PT1S', from: `1970-01-01T00:00:0${from}Z` } })?.rows;
    expect([at(1, new Float32Array(4).fill(0.5), learnt)?.rows, seenWith('1.000'), seenWith('1.050'), seenWith('2.000')].map((counted) => counted?.seenInTraining)).toEqual([3, 0, 2, 3]);
  });

  it('have no labels where those may still come, and are none where nothing was observed', () => {
    const second = at(2, new Float32Array(4).fill(0.5));
    expect(second).toMatchObject({ rows: { observed: 2, pairs: 1, lackingFeatures: 1 }, champions: { 2: 1 }, samples: 0, missingLabels: 0, standing: { labelled: null, unlabelled: { rows: 1 } } });
    expect(at(3, new Float32Array(4))).toBeNull();
  });
});
