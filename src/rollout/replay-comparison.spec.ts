import { describe, expect, it } from 'vitest';
import { NO_ROWS, type ReplayPlan, sumRows, trainingOverlap } from '../contracts/replays.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { addBlock, judge, startComparison } from './comparison.js';
import { comparisonPlan } from './comparison-plan.js';
import { addReplayBlock, isLabelled, judgeReplay, replayFigures, startReplay, whyNoPair } from './replay-comparison.js';
import { featuresLacking } from './replay-plan.js';

const BLOCK = 1_000;
const plan: ReplayPlan = {
  planVersion: 1, model: 'shop', number: 1, deployment: 'default', version: 7, specDigest: 'sha256:spec', task: 'binary-classification', fromMs: 10_000, untilMs: 20_000, labelRevision: 3,
  labelHorizonMs: 500, labelledUntilMs: 18_000, comparison: comparisonPlan({ metric: 'brier', blockMs: BLOCK, minimumSamples: 50, dependence: 'rows' }),
  guards: { maximumErrorRate: 0.01, slowAfterMs: 250, maximumSlowShare: 0.01, maximumOutputShift: 0.3 },
  trainingWindow: { start: '1970-01-01T00:00:00.000Z', end: '1970-01-01T00:00:05.000Z' },
};

/** Rows of which every second is positive, that the champion calls at 0.5 and the challenger nearly right. */
function block(number: number, rows = 100) {
  const label = Float64Array.from({ length: rows }, (_, row) => (row % 10 === 9 ? NaN : row % 2));
  return {
    fromMs: plan.fromMs + (number - 1) * BLOCK, untilMs: plan.fromMs + number * BLOCK, label,
    champion: new Float32Array(rows).fill(0.5), challenger: Float32Array.from({ length: rows }, (_, row) => (row % 2 ? 0.75 : 0.25)),
    championLatencyMs: new Float32Array(rows).fill(2), challengerLatencyMs: new Float32Array(rows).fill(NaN),
  };
}

describe('the comparison of a replay', () => {
  it('is the one of a release on the same blocks, and stays so when it is carried on as JSON', () => {
    let state = startReplay(plan);
    let live = startComparison(plan.comparison);
    for (const number of [1, 2, 5]) {
      state = JSON.parse(JSON.stringify(addReplayBlock(plan, state, block(number)))) as typeof state;
      live = addBlock(live, block(number));
    }
    const { labelled, unlabelled } = judgeReplay(state);
    expect(labelled).toEqual(judge(live));
    expect(labelled).toMatchObject({ outcome: 'better', n: 270, missing: 30 });
    expect(unlabelled).toMatchObject({ rows: 300, slow: { champion: { timed: 300 }, challenger: { timed: 0, share: null } } });
  });

  it('takes no label of a block that ends after those whose horizon has passed', () => {
    expect([8, 9].map((number) => isLabelled(plan, block(number)))).toEqual([true, false]);
    expect(isLabelled({ ...plan, labelledUntilMs: null }, block(1))).toBe(false);
    const { labelled, unlabelled } = judgeReplay(addReplayBlock(plan, addReplayBlock(plan, startReplay(plan), block(8)), block(9)));
    expect([labelled.blocks, labelled.rows, unlabelled.rows]).toEqual([1, 100, 200]);
  });

  it('says with its figures that nothing was changed, and whether the version was trained on the rows', () => {
    const standing = judgeReplay(addReplayBlock(plan, startReplay(plan), block(1)));
    const clean = replayFigures(plan, { ...NO_ROWS, observed: 100, pairs: 100 }, standing, 1);
    expect(clean).toMatchObject({ outcome: 'better', samples: 90, missingLabels: 10, seenInTraining: null });
    expect(clean.reason).toMatch(/^Version 7 on what was logged.*better: mean gain in brier 0\.1875.*Nothing in service was changed\.$/);
    const seen = { ...plan, trainingWindow: { start: '1970-01-01T00:00:00.000Z', end: '1970-01-01T00:00:10.400Z' } };
    const warned = replayFigures(seen, { ...NO_ROWS, observed: 100, pairs: 100, seenInTraining: 40 }, standing, 1);
    expect(warned.seenInTraining).toEqual({ start: '1970-01-01T00:00:10.000Z', end: '1970-01-01T00:00:10.400Z', pairs: 40 });
    expect(warned.reason).toMatch(/Beware: version 7 was trained on .*Z, where 40 of the 100 pairs lie/);
    const between = replayFigures({ ...seen, heldOut: { every: 2, block: 'PT1S', from: seen.trainingWindow.start } }, { ...NO_ROWS, observed: 100, pairs: 100, seenInTraining: 40 }, standing, 1);
    expect(between.reason).toMatch(/was trained on .*Z but for blocks held out \(one in 2 of PT1S\), where 40 of the 100 pairs lie/);
  });

  it('is inconclusive without labels, and says that they may still come', () => {
    const early = { ...plan, labelledUntilMs: 5_000 };
    const figures = replayFigures(early, { ...NO_ROWS, observed: 100, pairs: 100 }, judgeReplay(addReplayBlock(early, startReplay(early), block(1))), 1);
    expect(figures).toMatchObject({ outcome: 'inconclusive', samples: 0, gain: null, agreement: expect.any(Number) });
    expect(figures.reason).toMatch(/have not had their horizon yet/);
  });
});

describe('the rows of a replay', () => {
  it('are added up', () => {
    expect(sumRows([])).toEqual(NO_ROWS);
    expect(sumRows([{ ...NO_ROWS, observed: 3, failed: 1 }, { ...NO_ROWS, observed: 4, pairs: 2 }])).toEqual({ ...NO_ROWS, observed: 7, pairs: 2, failed: 1 });
  });

  it('of which none is a pair are told one reason after the other', () => {
    expect(whyNoPair(plan, NO_ROWS, [])).toMatch(/^Nothing was observed between 1970-01-01T00:00:10.000Z and/);
    expect(whyNoPair(plan, { ...NO_ROWS, observed: 10, withoutInputs: 3, lackingFeatures: 4, ownAnswers: 2, withoutChampion: 1 }, ['age']))
      .toMatch(/None of the 10 .* 2 were answered while version 7 was the champion itself; the inputs of 3 were not kept; 4 lack features that it takes \(age\); 1 have no output of the champion/);
  });

  it('overlap a training window, or do not', () => {
    const overlap = (start: string, end: string) => trainingOverlap({ ...plan, trainingWindow: { start: `1970-01-01T00:00:${start}.000Z`, end: `1970-01-01T00:00:${end}.000Z` } });
    expect(overlap('00', '10')).toBeNull();
    expect(overlap('20', '30')).toBeNull();
    expect(overlap('00', '30')).toEqual({ start: '1970-01-01T00:00:10.000Z', end: '1970-01-01T00:00:20.000Z' });
    expect(overlap('12', '13')).toEqual({ start: '1970-01-01T00:00:12.000Z', end: '1970-01-01T00:00:13.000Z' });
  });
});

it('features lack where they are not logged or of another type; other categories are no hindrance', () => {
  const number = (name: string): FeatureSpec => ({ name, type: 'number', maxMissing: 0 });
  const category = (name: string, ...categories: string[]): FeatureSpec => ({ name, type: 'category', categories, maxMissing: 0, maxUnknown: 0 });
  expect(featuresLacking([number('a'), category('b', 'x', 'z'), number('c'), category('d', 'x')], [category('b', 'y'), number('a'), number('d'), number('e')])).toEqual(['c', 'd']);
});
