import { describe, expect, it } from 'vitest';
import type { BacktestPolicy } from '../contracts/policy-backtest.js';
import { policyFigures } from './backtest-figures.js';
import { DAY, madeSpec, MadeWorld } from './made-world-fixture.js';
import type { AnsweredRows, PolicyCourse, ReplayedDecision, ReplayVersion, ReplayWorld } from './policy-replay.js';

const ZERO = Date.parse('2024-01-04T00:00:00Z');
const WINDOWS = [0, 1, 2].map((week) => ({ fromMs: ZERO + 7 * week * DAY, untilMs: ZERO + 7 * (week + 1) * DAY }));
const version = (number: number): ReplayVersion => ({ number } as ReplayVersion);

/** Two rows a window with the labels 1 and 0 and one without; version 1 says 0.5 of each, version 2 what comes true, version 3 no number. */
class ThreeVersions implements Pick<ReplayWorld, 'windows' | 'answer'> {
  readonly windows = WINDOWS;

  answer({ number }: ReplayVersion): Promise<AnsweredRows> {
    const outputs = [[0.5, 0.5, 0.5], [1, 0, 0.5], [NaN, NaN, NaN]][number - 1]!;
    return Promise.resolve({ outputs: Float32Array.from(outputs), labels: Float64Array.of(1, 0, NaN), eventTimesMs: Float64Array.of(1, 2, 3) });
  }
}

const retrain = (outcome: 'promoted' | 'rejected' | 'failed', of: number | null): ReplayedDecision => ({
  atMs: ZERO + 8 * DAY, occasion: 'matured', window: WINDOWS[0]!, outcome: 'retrain', reason: null, trigger: 'cusum', because: 'It rose.', without: [],
  retrain: { outcome, because: 'so it is', version: of === null ? null : version(of) },
});
const course = (policy: BacktestPolicy, answered: readonly number[], decisions: readonly ReplayedDecision[] = []): PolicyCourse<BacktestPolicy> => ({ policy, answered: answered.map(version), decisions });
const LOSS = { metric: 'brier', bound: 1 } as const;
const world = new ThreeVersions();

describe('what a policy came to', () => {
  it('is its loss over the rows whose label is known, beside that of never', async () => {
    const courses = [course('never', [1, 1, 1]), course('cusum', [1, 2, 2], [retrain('rejected', 3), retrain('promoted', 2), retrain('failed', null)])];
    const [never, cusum] = await policyFigures(world, courses, LOSS, null);
    // A quarter for each of six rows; version 2 loses nothing.
    expect(never).toMatchObject({ retrains: 0, promoted: 0, rows: 9, labelled: 6, totalLoss: 1.5, meanLoss: 0.25, lossAvoided: 0, lossAvoidedPer1000Rows: 0, cost: null, net: null });
    expect(cusum).toMatchObject({ retrains: 3, promoted: 1, totalLoss: 0.5, lossAvoided: 1 });
    expect(cusum!.lossAvoidedPer1000Rows).toBeCloseTo(1_000 / 6, 10);
    expect(cusum!.steps).toEqual([
      { start: '2024-01-04T00:00:00.000Z', end: '2024-01-11T00:00:00.000Z', version: 1, rows: 3, labelled: 2, meanLoss: 0.25 },
      { start: '2024-01-11T00:00:00.000Z', end: '2024-01-18T00:00:00.000Z', version: 2, rows: 3, labelled: 2, meanLoss: 0 },
      { start: '2024-01-18T00:00:00.000Z', end: '2024-01-25T00:00:00.000Z', version: 2, rows: 3, labelled: 2, meanLoss: 0 },
    ]);
    expect(cusum!.decisions[1]).toEqual({
      at: '2024-01-12T00:00:00.000Z', window: { start: '2024-01-04T00:00:00.000Z', end: '2024-01-11T00:00:00.000Z' }, outcome: 'retrain', reason: null, trigger: 'cusum', because: 'It rose.',
      retrain: { outcome: 'promoted', version: 2, because: 'so it is' },
    });
  });

  it('is priced by trainings that were made and releases of what was promoted', async () => {
    const courses = [course('never', [1, 1, 1]), course('cusum', [1, 2, 2], [retrain('rejected', 3), retrain('promoted', 2), retrain('failed', null)])];
    const [never, cusum] = await policyFigures(world, courses, LOSS, { perLossUnit: 100, training: 3, release: 20 });
    expect(never).toMatchObject({ cost: 0, net: 0 });
    expect(cusum).toMatchObject({ cost: 26, net: 74 });
  });

  it('counts the bound for what is no number, on the same rows', async () => {
    const [, cusum] = await policyFigures(world, [course('never', [1, 1, 1]), course('cusum', [3, 1, 1])], LOSS, null);
    expect(cusum).toMatchObject({ labelled: 6, totalLoss: 3, lossAvoided: -1.5 });
  });

  it('has no mean without a label', async () => {
    const rows = Array.from({ length: 60 * 10 }, (_, row) => ({ ms: ZERO - 50 * DAY + row * (DAY / 10), x: row % 7, label: row < 500 ? row % 2 : NaN }));
    const unlabelled = new MadeWorld({ rows, spec: madeSpec(), beginMs: ZERO, windows: 1 });
    const [never] = await policyFigures(unlabelled, [{ policy: 'never', answered: [unlabelled.first], decisions: [] }], LOSS, null);
    expect(never).toMatchObject({ rows: 70, labelled: 0, totalLoss: 0, meanLoss: null, lossAvoidedPer1000Rows: null });
  });
});
