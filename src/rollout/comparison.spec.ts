import { describe, expect, it } from 'vitest';
import { PerennialError } from '../contracts/failures.js';
import { addBlock, combine, judge, startComparison, type ComparisonState, type PairBlock } from './comparison.js';
import { comparisonPlan, type ComparisonPlan } from './comparison-plan.js';
import { GainSequence } from './gain-sequence.js';

const small = (more: Partial<ComparisonPlan> = {}): ComparisonPlan =>
  comparisonPlan({ metric: 'brier', minimumSamples: 200, tunedFor: 400, minimumBlocks: 4, ...more });

/** Row r of a block: what happens alternates, and so do the champion's and challenger's outputs for it, with a little scatter. */
function block(at: number, rows: number, champion: (label: number, row: number) => number, challenger: (label: number, row: number) => number, labelOf = (row: number): number => row % 2): PairBlock {
  const label = Float64Array.from({ length: rows }, (_, row) => labelOf(row));
  const outputs = (of: (label: number, row: number) => number): Float64Array => Float64Array.from({ length: rows }, (_, row) => of(row % 2, row));
  return { fromMs: at * 10, untilMs: (at + 1) * 10, champion: outputs(champion), challenger: outputs(challenger), label };
}

const scatter = (row: number): number => ((row * 7919) % 101) / 1000;
const vague = (label: number, row: number): number => 0.3 + 0.4 * label + scatter(row);
const sharp = (label: number, row: number): number => 0.1 + 0.7 * label + scatter(row);

function run(plan: ComparisonPlan, blocks: readonly PairBlock[]): ComparisonState {
  return blocks.reduce((state, next) => addBlock(state, next), startComparison(plan));
}

const blocksOf = (count: number, make: (at: number) => PairBlock): PairBlock[] => Array.from({ length: count }, (_, at) => make(at));

function expectInvalid(act: () => unknown, words: RegExp): void {
  let thrown: unknown;
  try { act(); } catch (error) { thrown = error; }
  expect(thrown).toBeInstanceOf(PerennialError);
  expect((thrown as PerennialError).type).toBe('InvalidRequest');
  expect((thrown as PerennialError).message).toMatch(words);
}

describe.each(['asymptotic', 'empirical-bernstein'] as const)('%s', (method) => {
  const plan = small({ method });

  it('says better, and mirrored worse', () => {
    const better = judge(run(plan, blocksOf(6, (at) => block(at, 60, vague, sharp))));
    expect(better.outcome).toBe('better');
    expect(better.low).toBeGreaterThan(0);
    expect(better.gain).toBeCloseTo(better.championLoss! - better.challengerLoss!, 12);
    const worse = judge(run(plan, blocksOf(6, (at) => block(at, 60, sharp, vague))));
    expect(worse.outcome).toBe('worse');
    expect(worse.high).toBeCloseTo(-better.low!, 12);
    expect(worse.low).toBeCloseTo(-better.high!, 12);
  });

  it('says nothing before the minimum of samples', () => {
    expect(judge(run(plan, blocksOf(3, (at) => block(at, 60, vague, sharp)))).outcome).toBeNull();
    expect(judge(run(plan, blocksOf(4, (at) => block(at, 60, vague, sharp)))).outcome).toBe('better');
  });

  it('says nothing before the minimum of blocks, however many rows they have', () => {
    const { outcome, low } = judge(run(plan, blocksOf(3, (at) => block(at, 500, vague, sharp))));
    expect({ outcome, low }).toEqual({ outcome: null, low: null });
    expect(judge(run(small({ method, dependence: 'rows' }), blocksOf(3, (at) => block(at, 500, vague, sharp)))).outcome).toBe('better');
  });

  it('says not worse where what may be lost is less than matters, and worse where it is not', () => {
    const hardlyWorse = (label: number, row: number): number => vague(label, row) + (label === 1 ? -0.01 : 0.01);
    const blocks = blocksOf(10, (at) => block(at, 200, vague, hardlyWorse));
    const of = (margin: number): ReturnType<typeof judge> => judge(run(small({ method, margin }), blocks));
    expect(of(0).outcome).toBe('worse');
    expect(of(0.001).outcome).toBe('worse');
    expect(of(0.05).outcome).toBe('not-worse');
    expect(of(0.05).high).toBeLessThan(0);
  });

  it('is inconclusive at the maximum of samples, and never before', () => {
    const twisted = (label: number, row: number): number => vague(label, row) + (row % 4 < 2 ? 0.1 : -0.1) * (label === 1 ? 1 : -1);
    const even = small({ method, maximumSamples: 300 });
    const blocks = blocksOf(6, (at) => block(at, 60, vague, twisted));
    expect(judge(run(even, blocks.slice(0, 4))).outcome).toBeNull();
    expect(judge(run(even, blocks)).outcome).toBe('inconclusive');
  });

  it('carries over as JSON with nothing lost, at one size', () => {
    const blocks = blocksOf(30, (at) => block(at, 40, vague, (label, row) => sharp(label, row + at)));
    let carried = startComparison(plan);
    const sizes = blocks.map((next) => {
      const text = JSON.stringify(addBlock(carried, next));
      carried = JSON.parse(text) as ComparisonState;
      return text.length;
    });
    expect(carried).toEqual(run(plan, blocks));
    expect(sizes.at(-1)).toBeLessThan(sizes[5]! * 1.2);
  });

  it('does not depend on where the blocks are cut, where rows are independent', () => {
    const rows = small({ method, dependence: 'rows' });
    const one = judge(run(rows, [block(0, 1200, vague, sharp)]));
    const many = judge(run(rows, blocksOf(12, (at) => {
      const whole = block(0, 1200, vague, sharp);
      const part = <T extends Float32Array | Float64Array>(values: T): T => values.slice(at * 100, at * 100 + 100) as T;
      return { fromMs: at, untilMs: at + 1, champion: part(whole.champion), challenger: part(whole.challenger), label: part(whole.label) };
    })));
    for (const figure of ['gain', 'low', 'high'] as const) expect(many[figure]).toBeCloseTo(one[figure]!, 12);
  });

  it('finds the moment of better as its interval does', () => {
    for (const dependence of ['rows', 'blocks'] as const) {
      const sequence = new GainSequence(small({ method, dependence, minimumSamples: 20 }));
      for (let row = 0; row < 400; row++) {
        sequence.add(0.06 + 0.2 * Math.sin(row * row), -0.3, 0.3);
        sequence.closeBlock();
        expect(sequence.isBetter()).toBe((sequence.interval()?.low ?? 0) > 0);
      }
      expect(sequence.isBetter()).toBe(true);
    }
  });
});

it('is wider where the blocks scatter more than their rows would', () => {
  const lucky = (at: number) => (label: number, row: number): number => vague(label, row) + (at % 2 === 0 ? 0.1 : -0.1) * (label === 1 ? 1 : -1);
  const blocks = blocksOf(20, (at) => block(at, 100, vague, lucky(at)));
  const width = (dependence: 'rows' | 'blocks'): number => {
    const { low, high } = judge(run(small({ dependence }), blocks));
    return high! - low!;
  };
  // Twenty blocks of ±: the rows' own scatter says far too little.
  expect(width('blocks') / width('rows')).toBeGreaterThan(4);
});

it('counts missing labels and tells their share', () => {
  const judged = judge(run(small(), blocksOf(6, (at) => block(at, 100, vague, sharp, (row) => (row % 4 === 3 ? NaN : row % 2)))));
  expect(judged).toMatchObject({ rows: 600, n: 450, missing: 150, missingShare: 0.25 });
  expect(judged.explanation).toMatch(/^better: .*over 450 pairs in 6 blocks; 25 % of rows have no label$/);
});

it('takes an output that is no answer for the worst there is', () => {
  const broken = judge(run(small(), blocksOf(6, (at) => block(at, 60, vague, (label, row) => (row % 3 === 0 ? NaN : row % 3 === 1 ? 1.5 : vague(label, row))))));
  expect(broken.invalid).toEqual({ champion: 0, challenger: 240 });
  expect(broken.challengerLoss).toBeGreaterThan(0.66);
  expect(broken.outcome).toBe('worse');
});

it('counts no loss above the bound', () => {
  const plan = comparisonPlan({ metric: 'absoluteError', bound: 2, minimumSamples: 4, minimumBlocks: 2 });
  const values = { champion: Float32Array.of(0, 0, 9), challenger: Float32Array.of(1, 50, 9), label: Float64Array.of(0, 0, 10) };
  const judged = judge(run(plan, [{ fromMs: 0, untilMs: 1, ...values }, { fromMs: 1, untilMs: 2, ...values }]));
  expect(judged).toMatchObject({ championLoss: 1 / 3, challengerLoss: 4 / 3, gain: -1 });
  expect(judged.low).toBeGreaterThanOrEqual(-2);
});

it('has no interval without a pair', () => {
  const judged = judge(addBlock(startComparison(small()), block(0, 0, vague, sharp)));
  expect(judged).toMatchObject({ n: 0, rows: 0, missingShare: null, gain: null, low: null, outcome: null, explanation: 'no labelled pair yet in 1 block' });
});

it('refuses what is not the next block', () => {
  const state = addBlock(startComparison(small()), block(3, 10, vague, sharp));
  expectInvalid(() => addBlock(state, block(3, 10, vague, sharp)), /begins before .* add each block once, in order/);
  expectInvalid(() => addBlock(state, { ...block(5, 10, vague, sharp), untilMs: 50 }), /must end after it begins/);
  expectInvalid(() => addBlock(state, { ...block(5, 10, vague, sharp), champion: new Float32Array(9) }), /it has 9, 10 and 10/);
  expectInvalid(() => addBlock(state, block(5, 10, vague, sharp, () => 2)), /has the label 2; brier needs 0 or 1/);
});

it('lets a revised analysis demote, never promote', () => {
  const outcomes = ['worse', 'inconclusive', null, 'not-worse', 'better'] as const;
  for (const [rank, primary] of outcomes.entries()) {
    for (const [other, revised] of outcomes.entries()) expect(combine(primary, revised)).toBe(outcomes[Math.min(rank, other)]);
  }
});
