import type { HarmAlarm, HarmStanding } from '../contracts/window-assessment.js';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { YEAR_MS } from './alarm-budget.js';
import { type BlocksLimit, type LossLimit, limitOfBlocks, limitOfRows, limitOfShare, type RowsLimit, sumBlocks } from './baseline-limit.js';
import { addBets, changeStart, evidenceOf, startEvidence } from './change-evidence.js';
import {
  addBatch, harmFigures, harmOver, type HarmPlan, type HarmState, type LossBatch, splitHarmDelta, startHarm,
} from './harm-sequence.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { blockBets, rowBets } from './loss-bets.js';

interface Reference {
  readonly limits: {
    readonly rows: { name: string; sample: { rows: number; mean: number; variance: number }; bound: number; delta: number; limit: RowsLimit | null }[];
    readonly shares: { count: number; rows: number; delta: number; limit: RowsLimit | null }[];
    readonly blocks: { name: string; rows: number[]; sums: number[]; delta: number; limit: (BlocksLimit & { chiSquare: [number, number] }) | null }[];
  };
  readonly bets: {
    blockLimit: BlocksLimit; rows: { losses: number[]; limit: number; log: number[] }[];
    blocks: { mean: number; rows: number; limit: number; log: number[] }[];
  };
  readonly detector: { fromMs: number; untilMs: number; logFactors: number[]; evidence: number; since: number }[];
  readonly sequences: {
    name: string; plan: HarmPlan; yearFromMs: number; batches: { fromMs: number; untilMs: number; losses: (number | string)[] }[]; after: HarmStanding[];
  }[];
}

const reference = JSON.parse(readFileSync(new URL('./reference/harm.json', import.meta.url), 'utf8')) as Reference;
const DAY = 86_400_000;

/** To 1e-9 of the value. */
function expectClose(found: number | null | undefined, expected: number | null, what: string): void {
  if (expected === null || found == null) expect(found, what).toBe(expected);
  else expect(Math.abs(found - expected), `${what}: ${found} for ${expected}`).toBeLessThanOrEqual(1e-9 * Math.max(Math.abs(expected), 1e-6));
}

function expectLimit(found: LossLimit | null, expected: LossLimit | null, what: string): void {
  if (!expected || !found) return expect(found, what).toBe(expected);
  const figures = ['mean', 'upper', 'deviation', ...(expected.dependence === 'blocks' ? ['blockRows', 'blockDeviation'] : [])];
  for (const figure of figures) expectClose(found[figure as 'mean'], expected[figure as 'mean'], `${what} ${figure}`);
  expect(found.dependence).toBe(expected.dependence);
}

describe('limits of the baseline equal the reference', () => {
  it('of rows, by the empirical Bernstein bound', () => {
    for (const { name, sample, bound, delta, limit } of reference.limits.rows) expectLimit(limitOfRows(sample, bound, delta), limit, `${name} at ${delta}`);
  });

  it('of shares, by Chernoff\'s bound', () => {
    for (const { count, rows, delta, limit } of reference.limits.shares) {
      expectLimit(limitOfShare(count, rows, delta), limit, `${count} of ${rows} at ${delta}`);
    }
  });

  it.each(reference.limits.blocks.map((known) => [known.name, known.delta, known] as const))('of blocks: %s, %d', (name, delta, { rows, sums, limit }) => {
    expectLimit(limitOfBlocks({ rows: Float64Array.from(rows), sums: Float64Array.from(sums) }, 0.3, delta), limit, name);
    // The approximate quantile lies below the exact one, so that the bound of the deviation is on the safe side.
    if (limit) expect(limit.chiSquare[0]).toBeLessThan(limit.chiSquare[1]);
  });

  it('adds up blocks without the rows that have no label, and no loss above the bound', () => {
    const { rows, sums } = sumBlocks(Float64Array.of(0.1, NaN, 7, 0.2, NaN), Int32Array.of(2, 2, 0, 2, 3), 1);
    expect([[...rows], [...sums]]).toEqual([[1, 0, 2, 0], [1, 0, 0.1 + 0.2, 0]]);
  });
});

describe('evidence equals the reference', () => {
  it('bets on rows and on blocks', () => {
    for (const { losses, limit, log } of reference.bets.rows) {
      rowBets(Float64Array.from(losses), limit).forEach((found, k) => expectClose(found, log[k]!, `rate ${k}`));
    }
    for (const { mean, rows, limit, log } of reference.bets.blocks) {
      blockBets(mean, rows, limit, reference.bets.blockLimit).forEach((found, k) => expectClose(found, log[k]!, `mean ${mean}, rate ${k}`));
    }
  });

  it('sums over all starts, across turns of the year', () => {
    let change = startEvidence(4, 0);
    reference.detector.forEach(({ fromMs, untilMs, logFactors, evidence, since }, at) => {
      change = addBets(change, fromMs, untilMs, Float64Array.from(logFactors));
      expectClose(evidenceOf(change), evidence, `batch ${at}`);
      expect(changeStart(change), `since, batch ${at}`).toBe(since);
    });
  });

  it('gives the starts of a year a weight of 1 at most, however long its batches are', () => {
    let change = startEvidence(1, 0);
    for (const [from, until] of [[0, 0.4], [0.4, 0.9], [0.9, 2.5]] as const) change = addBets(change, from * YEAR_MS, until * YEAR_MS, Float64Array.of(0));
    expect(evidenceOf(change)).toBeCloseTo(1, 12);
    // What is carried over and the weight of the new year are 1 together again.
    expect(evidenceOf(addBets(change, 2.5 * YEAR_MS, 4 * YEAR_MS, Float64Array.of(0)))).toBeCloseTo(1, 12);
  });

  it('stays finite at any evidence', () => {
    let change = startEvidence(2, 0);
    for (let day = 0; day < 9; day++) change = addBets(change, day * DAY, (day + 1) * DAY, Float64Array.of(5_000, -5_000));
    expect(evidenceOf(change)).toBe(0.5e200);
  });
});

const batchesOf = (known: Reference['sequences'][number]): LossBatch[] =>
  known.batches.map((batch) => ({ ...batch, losses: Float64Array.from(batch.losses, Number) }));

describe('sequences equal the reference', () => {
  it.each(reference.sequences.map((known) => [known.name, known] as const))('%s', (_, known) => {
    let state = startHarm(known.plan, known.yearFromMs);
    batchesOf(known).forEach((batch, at) => {
      state = JSON.parse(JSON.stringify(addBatch(state, batch))) as HarmState;
      const { alarm, ...figures } = known.after[at]!;
      const found = harmFigures(state);
      for (const [figure, expected] of Object.entries(figures)) expectClose(found[figure as keyof typeof figures], expected, `${figure}, batch ${at}`);
      expect(found.alarm).toEqual(alarm);
    });
  });

  it('has alarms of both kinds and sequences without any', () => {
    const kinds = reference.sequences.map(({ after }) => after.at(-1)!.alarm?.by ?? 'none');
    expect(new Set(kinds)).toEqual(new Set(['change', 'runningMean', 'none']));
  });
});

describe('a sequence', () => {
  const limit: RowsLimit = { dependence: 'rows', mean: 0.1, upper: 0.12, deviation: 0.1 };
  const plan: HarmPlan = { limit, bound: 1, tolerance: 0.01, deltas: splitHarmDelta(0.1) };
  const draw = seededRandom(4);
  const batches = Array.from({ length: 12 }, (_, day): LossBatch => (
    { fromMs: day * DAY, untilMs: (day + 1) * DAY, losses: Float64Array.from({ length: 30 }, () => draw() ** 9) }));

  it('is the same when labels that came late are added and it is computed again', () => {
    const early = batches.map((batch, day) => (day === 4 ? { ...batch, losses: batch.losses.map((loss, row) => (row % 3 ? NaN : loss)) } : batch));
    const before = harmOver(plan, 0, early.slice(0, 4));
    expect(harmOver(plan, 0, early)).not.toEqual(harmOver(plan, 0, batches));
    expect(batches.slice(4).reduce<HarmState>(addBatch, JSON.parse(JSON.stringify(before)))).toEqual(harmOver(plan, 0, batches));
  });

  it('keeps one size and its first alarm', () => {
    const harmed = batches.map((batch) => ({ ...batch, losses: batch.losses.map((loss) => loss + 0.3) }));
    const states = harmed.map((_, day) => harmOver(plan, 0, harmed.slice(0, day + 1)));
    const sizes = states.map((state) => JSON.stringify(state).length);
    expect(Math.max(...sizes) / sizes[1]!).toBeLessThan(1.2);
    const alarms = states.flatMap(({ alarm }) => alarm ?? []);
    expect(alarms.length).toBeGreaterThan(3);
    expect(new Set(alarms.map((alarm) => JSON.stringify(alarm))).size).toBe(1);
  });

  it('refuses what is no next batch, no loss and no plan', () => {
    const state = harmOver(plan, 0, batches.slice(0, 3));
    expect(() => addBatch(state, batches[2]!)).toThrow(/does not follow/);
    expect(() => addBatch(state, { ...batches[3]!, untilMs: batches[3]!.fromMs })).toThrow(/does not follow/);
    expect(() => addBatch(state, { ...batches[3]!, losses: Float64Array.of(-0.1) })).toThrow(/below 0/);
    expect(() => startHarm({ ...plan, tolerance: NaN }, 0)).toThrow(/tolerance/);
    expect(() => startHarm({ ...plan, bound: 0 }, 0)).toThrow(/bound/);
    expect(() => startHarm({ ...plan, limit: { ...limit, upper: 0 } }, 0)).toThrow(/limit/);
    expect(() => startHarm({ ...plan, deltas: { source: 0.1, running: 0, change: 0.1 } }, 0)).toThrow(/delta/);
  });
});

/** Losses in [0, 1] whose mean is `mean`; `fate` is what the rows of a batch share, 1 on average. */
type Losses = (draw: () => number, mean: number, fate: number) => number;
const even: Losses = (draw, mean, fate) => Math.min(1, 2 * mean * fate * draw());
/** Three rows in ten have a loss, and a large one. */
const skewed: Losses = (draw, mean, fate) => (draw() < 0.3 ? Math.min(1, (mean * fate) / 0.3) : 0);

const SEED = 20260611;
const MEAN = 0.1;
/** What may be counted of `years` if each has a false alarm with the chance `share`: the mean and three standard deviations. */
const mostAlarms = (years: number, share: number): number => years * share + 3 * Math.sqrt(years * share * (1 - share));
/** What the rows of a batch share: a skewed factor of mean 1 and standard deviation 0.3. */
const sharedFate = (draw: () => number): number => 0.7 - 0.3 * Math.log(1 - draw());

/** Simulated streams of one kind; with `blocks` the rows of a batch share their fate. */
interface Streams {
  readonly dependence: 'rows' | 'blocks';
  readonly losses: Losses;
  /** Batches in a year, and rows in each. */
  readonly batches: number;
  readonly rows: number;
  readonly draw: () => number;
}

function batchLosses({ dependence, losses, rows, draw }: Streams, mean: number): Float64Array {
  const fate = dependence === 'blocks' ? sharedFate(draw) : 1;
  return Float64Array.from({ length: rows }, () => losses(draw, mean, fate));
}

const lengthOf = ({ batches }: Streams): number => Math.floor(YEAR_MS / batches);

/** The first alarm of a year whose mean rises to `raised` times from batch `from` on. */
function firstAlarm(streams: Streams, plan: HarmPlan, raised = 1, from = 0): HarmAlarm | null {
  let state = startHarm(plan, 0);
  const length = lengthOf(streams);
  for (let at = 0; at < streams.batches && !state.alarm; at++) {
    state = addBatch(state, { fromMs: at * length, untilMs: (at + 1) * length, losses: batchLosses(streams, at < from ? MEAN : MEAN * raised) });
  }
  return state.alarm;
}

function baseline(streams: Streams, batches: number, source: number): LossLimit {
  const drawn = Array.from({ length: batches }, () => batchLosses(streams, MEAN));
  const known = Float64Array.from(drawn.flatMap((losses) => [...losses]));
  const mean = known.reduce((sum, loss) => sum + loss, 0) / known.length;
  const variance = known.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / (known.length - 1);
  if (streams.dependence === 'rows') return limitOfRows({ rows: known.length, mean, variance }, 1, source)!;
  return limitOfBlocks(sumBlocks(known, Int32Array.from(known, (_, row) => Math.floor(row / streams.rows)), 1), Math.sqrt(variance), source)!;
}

describe(`simulated years (seed ${SEED})`, () => {
  const deltas = splitHarmDelta(0.2);
  const target = deltas.running + deltas.change;
  const kinds = [['rows', 'even', even], ['rows', 'skewed', skewed], ['blocks', 'even', even], ['blocks', 'skewed', skewed]] as const;

  it.each(kinds)('raise few false alarms where the mean lies at the limit itself: %s, %s', (dependence, name, losses) => {
    const streams = { dependence, losses, batches: 26, rows: 16, draw: seededRandom(SEED) };
    // Nothing is left to the baseline's bound: its mean is known, and how blocks differ is known from very many of them.
    const limit: LossLimit = { ...baseline(streams, 4_000, deltas.source), upper: MEAN };
    const years = 400;
    const alarms = Array.from({ length: years }, () => firstAlarm(streams, { limit, bound: 1, tolerance: 0, deltas })).filter((alarm) => alarm).length;
    console.log(`${dependence}, ${name}: ${alarms} false alarms in ${years} years at the limit; the budget is ${years * target}`);
    expect(alarms).toBeLessThanOrEqual(mostAlarms(years, target));
  });

  it.each(kinds)('raise few false alarms with a measured baseline, and find harm: %s, %s', (dependence, name, losses) => {
    // Fortnights of independent rows; days of rows that share their fate.
    const streams = { dependence, losses, ...(dependence === 'rows' ? { batches: 26, rows: 100 } : { batches: 365, rows: 20 }), draw: seededRandom(SEED + 1) };
    const planned = (): HarmPlan => ({ limit: baseline(streams, dependence === 'rows' ? 40 : 90, deltas.source), bound: 1, tolerance: 0.002, deltas });
    const years = 20;
    const alarms = Array.from({ length: years }, () => firstAlarm(streams, planned())).filter((alarm) => alarm).length;
    expect(alarms).toBeLessThanOrEqual(mostAlarms(years, 0.2));
    const from = Math.floor(streams.batches / 4);
    const delays = [1.25, 1.5, 2].map((raised) => {
      const found = Array.from({ length: 11 }, () => (firstAlarm(streams, planned(), raised, from)?.atMs ?? Infinity) / lengthOf(streams) - from);
      return found.sort((a, b) => a - b)[5]!;
    });
    const counted = `${alarms} false alarms in ${years} years of ${streams.batches} batches of ${streams.rows} rows`;
    console.log(`${dependence}, ${name}: ${counted}; median delay in batches at +25 %, +50 %, +100 %: ${delays.join(', ')}`);
    expect(delays[1]).toBeLessThan(streams.batches / 6);
    expect(delays[2]).toBeLessThan(streams.batches / 12);
  });
});
