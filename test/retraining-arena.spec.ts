import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loanConcepts } from '../bench/simulations/agrawal-loans.js';
import { type Change, driftStream, type DriftStream } from '../bench/simulations/drift-streams.js';
import { seaConcepts } from '../bench/simulations/drifting-concepts.js';
import { brierLoss, trainTree, treeScore } from '../bench/simulations/histogram-tree.js';
import { ARENA_DEFAULTS, type PolicyOutcome, retrainingOutcomes, type RetrainingPolicy, type WindowFacts } from '../bench/simulations/retraining-arena.js';
import { CLASSIC_POLICIES, neverRetrain, retrainMonthly } from '../bench/simulations/retraining-policies.js';

const reference = JSON.parse(readFileSync(new URL('../bench/simulations/reference/histogram-tree.json', import.meta.url), 'utf8')) as {
  cases: { name: string; width: number; depth: number; leafRows: number; features: number[]; labels: number[]; scores: number[] }[];
};
const seed = 19930601;
const allRows = (rows: number): Int32Array => Int32Array.from({ length: rows }, (_, row) => row);

describe('a tree', () => {
  it.each(reference.cases.map((known) => [known.name, known] as const))('scores its training rows as scikit-learn does: %s', (_, known) => {
    const data = { width: known.width, features: Float64Array.from(known.features), labels: Float64Array.from(known.labels) };
    const tree = trainTree(data, allRows(known.labels.length), { depth: known.depth, leafRows: known.leafRows, bins: 256 });
    known.scores.forEach((score, row) => expect(Math.abs(treeScore(tree, data.features, row * known.width) - score), `row ${row}`).toBeLessThan(1e-9));
  });

  it('says a half without a row, and sends missing values to the left and infinite ones to their sides', () => {
    const data = { width: 1, features: Float64Array.of(-Infinity, NaN, 1, 1, 2, 2, Infinity, Infinity), labels: Float64Array.of(0, 0, 0, 0, 1, 1, 1, 1) };
    expect(treeScore(trainTree(data, allRows(0)), data.features)).toBe(0.5);
    const tree = trainTree(data, allRows(8), { depth: 1, leafRows: 1, bins: 16 });
    expect([NaN, -Infinity, 1, 2, Infinity].map((value) => treeScore(tree, Float64Array.of(value)))).toEqual([1 / 6, 1 / 6, 1 / 6, 5 / 6, 5 / 6]);
  });

  it('learns only from the rows it is given', () => {
    const made = driftStream(() => seaConcepts({ thresholds: [8, 0], noise: 0 }), { rows: 4_000, change: { kind: 'abrupt', at: 2_000 }, seed });
    const tree = trainTree(made, allRows(2_000));
    expect(tree).toEqual(trainTree({ ...made, labels: made.labels.map((label, row) => (row < 2_000 ? label : 1 - label)) }, allRows(2_000)));
    const wrong = allRows(2_000).filter((row) => treeScore(tree, made.features, 3 * (2_000 + row)) >= 0.5 !== (made.formerTruth[2_000 + row] === 1));
    expect(wrong.length).toBeLessThan(0.05 * 2_000);
    expect(brierLoss(0.25, 1)).toBe(0.5625);
  });
});

const N = 200;
const plan = { ...ARENA_DEFAULTS, rowsPerWindow: N };
/** A month of history, and 23 weeks. */
const ROWS = (4 + 23) * N;
const AT = (4 + 8) * N;
const year = (change: Change, rows = ROWS): DriftStream => driftStream(() => loanConcepts({ rules: [1, 2] }), { rows, change, seed });
const byName = (outcomes: readonly PolicyOutcome[]): Record<string, PolicyOutcome> => Object.fromEntries(outcomes.map((outcome) => [outcome.policy, outcome]));
const asking = (windows: readonly number[], seen: WindowFacts[] = []): RetrainingPolicy => ({
  name: 'asking', start: () => (facts) => {
    seen.push(facts);
    return windows.includes(facts.window);
  },
});

describe(`an abrupt change, seed ${seed}`, () => {
  const outcomes = byName(retrainingOutcomes(year({ kind: 'abrupt', at: AT }), CLASSIC_POLICIES, plan));

  it('never retraining is the baseline', () => {
    expect(outcomes.never).toMatchObject({ retrains: 0, falseAlarms: 0, delayRows: null, delayWindows: null, lossAvoided: 0 });
    expect(outcomes.never!.meanLoss).toBeGreaterThan(0.25);
  });

  it.each(['monthly', 'CUSUM', 'ADWIN'])('%s avoids loss', (policy) => {
    const outcome = outcomes[policy]!;
    expect(outcome.lossAvoided).toBeGreaterThan(0.1);
    expect(outcome.lossAvoided).toBe(outcomes.never!.meanLoss! - outcome.meanLoss!);
    expect(outcome.delayWindows).toBe(outcome.delayRows! / N);
  });

  it('what looks at losses waits for labels, what looks at features alone does as if nothing had changed', () => {
    for (const policy of ['CUSUM', 'ADWIN']) expect(outcomes[policy]).toMatchObject({ falseAlarms: 0, delayRows: 2 * N });
    const unchanged = byName(retrainingOutcomes(year({ kind: 'none' }), CLASSIC_POLICIES, plan));
    expect(outcomes['PSI > 0.2']!.retrains).toBe(unchanged['PSI > 0.2']!.retrains);
    expect(unchanged['PSI > 0.2']!.falseAlarms).toBe(unchanged['PSI > 0.2']!.retrains);
  });

  it('a model that was trained mostly on rows from before is found to be worse than its training says, and replaced again', () => {
    for (const policy of ['CUSUM', 'ADWIN']) {
      expect(outcomes[policy]!.retrains).toBeGreaterThan(1);
      expect(outcomes[policy]!.meanLoss).toBeLessThan(outcomes.never!.meanLoss! / 2);
    }
  });

  it('the calendar retrains five times, two of them before harm, and once four windows after', () => {
    expect(outcomes.monthly).toMatchObject({ retrains: 5, falseAlarms: 2, delayRows: 4 * N, delayWindows: 4 });
  });
});

describe(`without harm, seed ${seed}`, () => {
  it('every retraining is a false alarm: PSI takes moved features for harm', () => {
    const outcomes = byName(retrainingOutcomes(year({ kind: 'covariate', at: AT }), CLASSIC_POLICIES, plan));
    expect(outcomes['PSI > 0.2']!.falseAlarms).toBeGreaterThan(0);
    expect(outcomes['PSI > 0.2']!.falseAlarms).toBe(outcomes['PSI > 0.2']!.retrains);
    expect(outcomes.monthly).toMatchObject({ retrains: 5, falseAlarms: 5, delayRows: null });
    for (const policy of ['never', 'CUSUM', 'ADWIN']) expect(outcomes[policy]).toMatchObject({ retrains: 0, falseAlarms: 0, lossAvoided: 0 });
    for (const { lossAvoided } of Object.values(outcomes)) expect(Math.abs(lossAvoided!)).toBeLessThan(0.01);
  });

  it('nothing happens where nothing changes', () => {
    const outcomes = byName(retrainingOutcomes(year({ kind: 'none' }), CLASSIC_POLICIES, plan));
    for (const policy of ['never', 'CUSUM', 'ADWIN']) expect(outcomes[policy]).toMatchObject({ retrains: 0, lossAvoided: 0 });
  });
});

describe('the terms', () => {
  const changed = year({ kind: 'abrupt', at: AT });

  it('labels come one window late, and not of rows that another model scored', () => {
    const seen: WindowFacts[] = [];
    retrainingOutcomes(changed, [asking([2], seen)], plan);
    expect(seen.map(({ window }) => window)).toEqual(Array.from({ length: 23 }, (_, window) => window));
    expect(seen.flatMap(({ labelled, window }) => (labelled ? [] : [window]))).toEqual([0, 3]);
    for (const { labelled, window } of seen.filter((facts) => facts.labelled)) {
      const from = (4 + window - 1) * N;
      expect(labelled!.labels).toEqual(changed.labels.slice(from, from + N));
      expect(labelled!.scores).toEqual(seen[window - 1]!.current.scores);
      expect(labelled!.losses).toEqual(labelled!.scores.map((score, row) => (score - labelled!.labels[row]!) ** 2));
    }
    expect(seen.map(({ deployment }) => deployment)).toEqual(seen.map(({ window }) => (window <= 2 ? 0 : 1)));
  });

  it('a model learns from the newest windows with labels, less every fifth row', () => {
    const seen: WindowFacts[] = [];
    retrainingOutcomes(changed, [asking([5], seen)], plan);
    for (const [window, from] of [[0, 0], [6, 5 * N]] as const) {
      const stretch = changed.features.subarray(from * 9, (from + 4 * N) * 9);
      expect(seen[window]!.trainingFeatures).toEqual(stretch.filter((_, place) => Math.floor(place / 9) % 5 !== 4));
      expect(seen[window]!.heldOut.features).toEqual(stretch.filter((_, place) => Math.floor(place / 9) % 5 === 4));
      expect(seen[window]!.heldOut.losses).toHaveLength((4 * N) / 5);
    }
  });

  it('a request in the cooldown is neither granted nor kept', () => {
    const retrains = (windows: number[], cooldownWindows: number): number =>
      retrainingOutcomes(changed, [asking(windows)], { ...plan, cooldownWindows })[0]!.retrains;
    expect([0, 1, 2, 3].map((cooldown) => retrains([0, 1, 2, 3], cooldown))).toEqual([4, 2, 2, 1]);
    expect(retrains([0, 1], 1)).toBe(1);
  });

  it('a policy begins anew with each stream', () => {
    const outcomes = [1, 2].map(() => retrainingOutcomes(changed, CLASSIC_POLICIES, plan));
    expect(outcomes[0]).toEqual(outcomes[1]);
  });

  it('a retraining is one of harm from the first window that harm reaches', () => {
    const decided = (windows: number[]): PolicyOutcome => retrainingOutcomes(changed, [asking(windows)], plan)[0]!;
    expect(decided([7])).toMatchObject({ falseAlarms: 1, delayRows: null });
    expect(decided([8])).toMatchObject({ falseAlarms: 0, delayRows: N });
    expect(decided([3, 10, 15])).toMatchObject({ retrains: 3, falseAlarms: 1, delayRows: 3 * N });
  });

  it('streams that end in history or in the midst of a window', () => {
    for (const rows of [0, 1, 4 * N, 5 * N - 1]) {
      const [outcome] = retrainingOutcomes(year({ kind: 'none' }, rows), [retrainMonthly()], plan);
      expect(outcome).toEqual({ policy: 'monthly', retrains: 0, falseAlarms: 0, delayRows: null, delayWindows: null, meanLoss: null, lossAvoided: null });
    }
    const whole = retrainingOutcomes(year({ kind: 'none' }, 6 * N), [neverRetrain], plan);
    expect(retrainingOutcomes(year({ kind: 'none' }, 7 * N - 1), [neverRetrain], plan)).toEqual(whole);
    expect(retrainingOutcomes(changed, [neverRetrain], { ...plan, rowsPerWindow: 1, trainingWindows: 1 })[0]!.meanLoss).toBeCloseTo(0.3, 0);
    expect(() => retrainingOutcomes(changed, [], { ...plan, rowsPerWindow: 0 })).toThrow(RangeError);
  });
});
