import { describe, expect, it } from 'vitest';
import { errorRateBreach, lossBreach, outputShiftBreach, slowShareBreach } from './breach.js';
import { judge, startComparison } from './comparison.js';
import { comparisonPlan } from './comparison-plan.js';
import { shareInterval } from './share-sequence.js';
import { addUnlabelled, judgeUnlabelled, startUnlabelled, type UnlabelledBlock, type UnlabelledState } from './unlabelled-comparison.js';

const plan = { threshold: 0.5, tolerance: 0, slowAfterMs: 250, alpha: 0.01, minimumSamples: 100 };

const outputs = (rows: number, of: (row: number) => number): Float32Array => Float32Array.from({ length: rows }, (_, row) => of(row));

function blockOf(rows: number, champion: (row: number) => number, challenger: (row: number) => number, slow: (row: number) => number = () => 3): UnlabelledBlock {
  return { champion: outputs(rows, champion), challenger: outputs(rows, challenger), championLatencyMs: outputs(rows, () => 3), challengerLatencyMs: outputs(rows, slow) };
}

const even = (row: number): number => ((row * 7919) % 1009) / 1009;

describe('a share', () => {
  it('is bounded on both sides, the closer the more is counted', () => {
    const widths = [10, 100, 10_000, 1_000_000, 100_000_000].map((trials) => {
      const { share, low, high } = shareInterval({ trials, successes: trials / 10 }, 0.05, 200);
      expect(share).toBe(0.1);
      expect(low).toBeLessThan(0.1);
      expect(high).toBeGreaterThan(0.1);
      return high - low;
    });
    for (let index = 1; index < widths.length; index++) expect(widths[index]).toBeLessThan(widths[index - 1]! / 2);
  });

  it('is the same seen from the other side', () => {
    const [ours, theirs] = [shareInterval({ trials: 500, successes: 30 }, 0.05, 200), shareInterval({ trials: 500, successes: 470 }, 0.05, 200)];
    expect(theirs.low).toBeCloseTo(1 - ours.high, 12);
    expect(theirs.high).toBeCloseTo(1 - ours.low, 12);
  });

  it('keeps its ends where all or none were counted', () => {
    expect(shareInterval({ trials: 0, successes: 0 }, 0.05, 200)).toEqual({ share: null, low: 0, high: 1 });
    const none = shareInterval({ trials: 1_000, successes: 0 }, 0.05, 200);
    expect(none.low).toBe(0);
    expect(none.high).toBeLessThan(0.01);
    expect(shareInterval({ trials: 1_000, successes: 1_000 }, 0.05, 200).high).toBe(1);
    expect(() => shareInterval({ trials: 5, successes: 6 }, 0.05, 200)).toThrow(/6 of 5/);
  });
});

describe('guards', () => {
  it('are not breached by a few unlucky requests, and are by a fault', () => {
    expect(errorRateBreach({ trials: 20, successes: 1 }, 0.01, 0.01)).toMatchObject({ breached: false, measured: 0.05, n: 20 });
    expect(errorRateBreach({ trials: 6, successes: 6 }, 0.01, 0.01)).toMatchObject({ guard: 'errorRate', breached: true });
    const breach = slowShareBreach({ trials: 1_000, successes: 60 }, 0.01, 0.01);
    expect(breach).toMatchObject({ guard: 'slowShare', breached: true, measured: 0.06, limit: 0.01 });
    expect(breach.bound).toBeGreaterThan(0.01);
    expect(breach.bound).toBeLessThan(0.06);
    expect(breach.explanation).toMatch(/^60 of 1000 answers were slow \(6 %, at least \d.*% at 99 % confidence\); the limit is 1 %$/);
  });

  it('say so where nothing was counted', () => {
    expect(errorRateBreach({ trials: 0, successes: 0 }, 0, 0.01)).toMatchObject({ breached: false, measured: null, bound: null, explanation: 'no request was counted yet' });
    expect(outputShiftBreach(judgeUnlabelled(startUnlabelled(plan)), 0.3)).toMatchObject({ breached: false, measured: null });
    expect(lossBreach(judge(startComparison(comparisonPlan({ metric: 'brier' }))))).toMatchObject({ breached: false, measured: null, explanation: 'no labelled pair yet in 0 blocks' });
  });

  it('see outputs that have shifted, and not what chance moves', () => {
    const judged = (challenger: (row: number) => number, rows = 3_000) => judgeUnlabelled(addUnlabelled(startUnlabelled(plan), blockOf(rows, even, challenger)));
    const shifted = outputShiftBreach(judged((row) => Math.min(1, even(row) + 0.6)), 0.3);
    expect(shifted.breached).toBe(true);
    expect(shifted.measured).toBeCloseTo(0.6, 2);
    expect(outputShiftBreach(judged((row) => even(row + 1)), 0.3)).toMatchObject({ breached: false });
    expect(outputShiftBreach(judged((row) => Math.min(1, even(row) + 0.6), 50), 0.3)).toMatchObject({ breached: false, bound: 0 });
  });
});

describe('before labels come', () => {
  it('agreement, slow answers and answers that are none are counted block by block, as JSON', () => {
    let state: UnlabelledState = startUnlabelled(plan);
    for (let at = 0; at < 10; at++) {
      const next = blockOf(400, even, (row) => (row === 7 ? NaN : row % 4 === 0 ? 1 - even(row) : even(row)), (row) => (row % 10 === 0 ? 900 : row % 10 === 1 ? NaN : 3));
      state = JSON.parse(JSON.stringify(addUnlabelled(state, next))) as UnlabelledState;
    }
    const { rows, agreement, slow, invalid } = judgeUnlabelled(state);
    expect({ rows, invalid }).toEqual({ rows: 4_000, invalid: { champion: 0, challenger: 10 } });
    expect(agreement.share).toBeCloseTo(0.75, 1);
    expect(slow.champion).toMatchObject({ share: 0, timed: 4_000, low: 0 });
    expect(slow.challenger).toMatchObject({ share: 1 / 9, timed: 3_600 });
    expect(slow.challenger.low).toBeGreaterThan(0.08);
  });

  it('numbers agree within the tolerance', () => {
    const state = addUnlabelled(startUnlabelled({ ...plan, threshold: null, tolerance: 0.5 }), blockOf(100, (row) => row, (row) => row + (row % 2 === 0 ? 0.25 : 0.75)));
    expect(judgeUnlabelled(state).agreement.share).toBe(0.5);
  });

  it('the distance of outputs is the exact one where there are few values', () => {
    const state = addUnlabelled(startUnlabelled(plan), blockOf(1_000, (row) => (row % 10) / 10, (row) => (row % 5) / 10));
    const found = judgeUnlabelled(state).outputs!;
    expect(found.distance).toBeCloseTo(0.5, 12);
    expect(found.high - found.distance).toBeCloseTo(found.distance - found.low, 12);
  });

  it('refuses rows without both outputs', () => {
    expect(() => addUnlabelled(startUnlabelled(plan), { ...blockOf(5, even, even), challenger: new Float32Array(4) })).toThrow(/it has 5, 4, 5 and 5/);
  });
});
