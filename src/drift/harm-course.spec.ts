import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../contracts/canonical.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { YEAR_MS } from './alarm-budget.js';
import { championFigures, type ChampionFigures, lossLimit } from './champion-figures.js';
import { followHarm, type HarmCourse, type HarmMemory, type HarmWindow, isHarmful } from './harm-course.js';
import { addBatch, harmFigures, harmOver, splitHarmDelta, startHarm } from './harm-sequence.js';
import type { MonitoringPlan } from './monitoring-plan.js';

const SEED = 20240707;
const DAY = 86_400_000;
const START = Date.parse('2024-01-01T00:00:00Z');
const PLAN: MonitoringPlan = { metric: 'brier', bound: 1, dependence: 'blocks', blockMs: DAY, threshold: 0.5 };
const TERMS = { falseAlarms: 0.12, share: 1, tolerance: 0.1 };
const PER_DAY = 40;

interface Judged {
  readonly days?: number;
  readonly plan?: MonitoringPlan;
  readonly snapshot?: string;
}

/** A version judged on days of forty calibrated rows, whose mean Brier score is a sixth in expectation. */
function version(number: number, { days = 30, plan = PLAN, snapshot = `sha256:${number}` }: Judged = {}): ChampionFigures {
  const random = seededRandom(SEED + number);
  const predictions = Float32Array.from({ length: days * PER_DAY }, random);
  const rows = {
    task: 'binary-classification' as const, predictions, labels: Float64Array.from(predictions, (chance) => (random() < chance ? 1 : 0)),
    eventTimesMs: Float64Array.from(predictions, (_, row) => START - days * DAY + Math.floor((row * DAY) / PER_DAY)),
  };
  return { version: number, snapshot, from: '', until: '', outputsDigest: 'sha256:1', ...championFigures(rows, plan, { alpha: 0.05 }) };
}

/** @param fromDay of the window @param loss of each day's rows, spread by ±0.1 */
function window(fromDay: number, days: number, { loss = () => 0.16, ...more }: Partial<Omit<HarmWindow, 'losses'>> & { readonly loss?: (day: number) => number } = {}): HarmWindow {
  const random = seededRandom(SEED + 1_000);
  const all = Array.from({ length: 80 * PER_DAY }, (_, row) => ({
    time: START + Math.floor((row * DAY) / PER_DAY), loss: loss(Math.floor(row / PER_DAY)) + 0.2 * (random() - 0.5),
  }));
  const rows = all.slice(fromDay * PER_DAY, (fromDay + days) * PER_DAY);
  return {
    fromMs: START + fromDay * DAY, untilMs: START + (fromDay + days) * DAY, figures: version(1), terms: TERMS, resolved: false,
    losses: Float64Array.from(rows, (row) => row.loss), eventTimesMs: Float64Array.from(rows, (row) => row.time), ...more,
  };
}

const follow = (before: HarmMemory | null, next: HarmWindow): HarmCourse => followHarm(before, next)!;

describe('a sequence', () => {
  it('begins with the first window, under half of the yearly budget, and goes on with the next ones', () => {
    const first = follow(null, window(0, 1));
    expect(first).toMatchObject({ began: 'first', allowance: 0.06 });
    expect(first.memory.sequence).toMatchObject({ id: 'v1@2024-01-01T00:00:00.000Z', version: 1 });
    expect(first.memory.state.plan.deltas).toEqual(splitHarmDelta(0.06));
    const second = follow(first.memory, window(1, 1));
    expect(second).toMatchObject({ began: null, allowance: 0.06, standing: { rows: 2 * PER_DAY } });
    expect(second.memory).toMatchObject({ sequence: first.memory.sequence, budget: first.memory.budget });
  });

  it('is held against the baseline\'s bound, at its half of the allowance, and what of a rise is no harm', () => {
    const limit = lossLimit(version(1), 0.03)!;
    expect(follow(null, window(0, 1)).standing).toMatchObject({ limit: limit.upper + 0.1 * limit.mean, threshold: 1 / 0.015 });
  });

  it('begins anew with another version, another way to count and after a person has resolved its alarm: 1/2, 1/6, 1/12, 1/20, 1/30 of the budget', () => {
    const steps: [Partial<HarmWindow>, HarmCourse['began'], share: number][] = [
      [{}, 'first', 1 / 2], [{ figures: version(2) }, 'version', 1 / 6], [{ figures: version(2), resolved: true }, 'resolved', 1 / 12],
      [{ figures: version(2), terms: { ...TERMS, tolerance: 0.2 } }, 'plan', 1 / 20],
      [{ figures: version(2, { plan: { ...PLAN, bound: 0.5 } }), terms: { ...TERMS, tolerance: 0.2 } }, 'plan', 1 / 30],
      [{ figures: version(2, { plan: { ...PLAN, bound: 0.5 }, snapshot: 'sha256:other' }), terms: { ...TERMS, tolerance: 0.2 } }, 'plan', 1 / 42],
    ];
    let memory: HarmMemory | null = null;
    for (const [day, [more, began, share]] of steps.entries()) {
      const course = follow(memory, window(day, 1, more));
      expect([course.began, course.standing.rows]).toEqual([began, PER_DAY]);
      expect(course.allowance).toBeCloseTo(TERMS.falseAlarms * share, 12);
      expect(Object.keys(course.memory.budget.running)).toEqual([course.memory.sequence.id]);
      memory = course.memory;
    }
  });

  it('names another version before all else', () => {
    const { memory } = follow(null, window(0, 1));
    expect(follow(memory, window(1, 1, { figures: version(2), resolved: true, terms: { ...TERMS, tolerance: 0.3 } })).began).toBe('version');
  });

  it('goes on with the year when the spec asks for other false alarms: what was given stays spent as a share', () => {
    const { memory } = follow(null, window(0, 1));
    const course = follow(memory, window(1, 1, { terms: { ...TERMS, falseAlarms: 0.4 } }));
    expect(course).toMatchObject({ began: 'plan', memory: { budget: { yearly: 0.4, yearFromMs: START, started: 2 } } });
    expect(course.allowance).toBeCloseTo(0.4 / 6, 12);
    expect(follow(memory, window(1, 1, { figures: version(2), terms: { ...TERMS, falseAlarms: 0.04 } })).allowance).toBeCloseTo(0.04 / 6, 12);
  });

  it('is allowed no more by budgets that are changed to and fro', () => {
    let { memory, allowance: given } = follow(null, window(0, 1));
    for (let day = 1; day < 20; day++) {
      const course = follow(memory, window(day, 1, { terms: { ...TERMS, falseAlarms: day % 2 === 0 ? 0.12 : 0.1 } }));
      expect(course).toMatchObject({ began: 'plan' });
      [memory, given] = [course.memory, given + course.allowance];
    }
    expect(given).toBeLessThan(0.12);
  });

  it('of a deployment has its share of the budget, from the year\'s first to the last', () => {
    const terms = { ...TERMS, share: 1 / 8 };
    const first = follow(null, window(0, 1, { terms }));
    expect(first).toMatchObject({ began: 'first', memory: { budget: { yearly: TERMS.falseAlarms / 8 } } });
    expect(first.allowance).toBeCloseTo(TERMS.falseAlarms / 8 / 2, 12);
    expect(first.memory.state.plan.deltas).toEqual(splitHarmDelta(first.allowance));
    expect(follow(first.memory, window(1, 1, { terms, figures: version(2) })).allowance).toBeCloseTo(TERMS.falseAlarms / 8 / 6, 12);
  });

  it('that began before deployments shared a budget goes on under what it was given, and the next one has the share', () => {
    const terms = { ...TERMS, share: 1 / 8 };
    const { memory } = follow(null, window(0, 1));
    const { plan, snapshot } = version(1);
    expect(memory.sequence.terms).toBe(canonicalJson({ plan, snapshot, tolerance: TERMS.tolerance, falseAlarms: TERMS.falseAlarms }));
    const second = follow(memory, window(1, 1, { terms }));
    expect(second).toMatchObject({ began: null, allowance: 0.06, memory: { sequence: memory.sequence } });
    expect(follow(second.memory, window(2, 1, { terms, figures: version(2) })).allowance).toBeCloseTo(TERMS.falseAlarms / 8 / 6, 12);
  });

  it('that began in an earlier year keeps its allowance, and a new one in this year shares what it leaves', () => {
    const { memory } = follow(null, window(0, 1));
    const shift = Math.ceil(YEAR_MS / DAY) * DAY;
    const next = window(1, 1);
    const later = { ...next, fromMs: next.fromMs + shift, untilMs: next.untilMs + shift, eventTimesMs: next.eventTimesMs.map((time) => time + shift) };
    expect(follow(memory, later)).toMatchObject({ began: null, allowance: 0.06 });
    expect(follow(memory, { ...later, figures: version(2) }).allowance).toBeCloseTo((TERMS.falseAlarms - 0.06) / 2, 12);
  });

  it('cannot be where the baseline has fewer than eight blocks, or losses have no bound', () => {
    expect(followHarm(null, window(0, 1, { figures: version(1, { days: 7 }) }))).toBeNull();
    expect(followHarm(null, window(0, 1, { figures: version(1, { days: 8 }) }))).not.toBeNull();
    expect(followHarm(null, window(0, 1, { figures: version(1, { days: 7, plan: { ...PLAN, dependence: 'rows' } }) }))).not.toBeNull();
    const { memory } = follow(null, window(0, 1));
    expect(followHarm(memory, window(1, 1, { figures: version(2, { days: 7 }) }))).toBeNull();
    expect(followHarm(null, window(0, 1, { figures: { ...version(1), plan: { ...PLAN, bound: null } } }))).toBeNull();
  });
});

describe('the course of a window', () => {
  it('has a point for each block with rows: its labelled rows, their mean, and where the evidence stands after it', () => {
    const whole = window(0, 12);
    // The fifth day has no label, every third row of the others none, and the third day no rows.
    const labelled = whole.losses.map((loss, row) => (Math.floor(row / PER_DAY) === 4 || row % 3 === 0 ? NaN : loss));
    const kept = [...labelled.keys()].filter((row) => Math.floor(row / PER_DAY) !== 2);
    const next = { ...whole, losses: Float64Array.from(kept, (row) => labelled[row]!), eventTimesMs: Float64Array.from(kept, (row) => whole.eventTimesMs[row]!) };
    const { course, memory, standing } = follow(null, next);
    expect(course.map(({ from }) => from.slice(8, 10))).toEqual(['01', '02', '04', '05', '06', '07', '08', '09', '10', '11', '12']);
    let state = startHarm(memory.state.plan, START);
    for (const [at, day] of [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11].entries()) {
      const losses = labelled.subarray(day * PER_DAY, (day + 1) * PER_DAY);
      const known = losses.filter((loss) => !Number.isNaN(loss));
      state = addBatch(state, { fromMs: START + day * DAY, untilMs: START + (day + 1) * DAY, losses });
      const { lower, evidence } = harmFigures(state);
      const mean = known.length === 0 ? null : expect.closeTo(known.reduce((sum, loss) => sum + loss, 0) / known.length, 12);
      expect(course[at]).toEqual({ from: new Date(START + day * DAY).toISOString(), rows: known.length, mean, lower, evidence });
    }
    expect(memory.state).toEqual(state);
    expect(standing).toEqual(harmFigures(state));
    expect(standing.missing).toBe(next.losses.filter((loss) => Number.isNaN(loss)).length);
    expect(course[3]).toMatchObject({ rows: 0, mean: null, evidence: course[2]!.evidence });
  });

  it('without rows stays where it was', () => {
    const { memory, standing } = follow(null, window(0, 3));
    const none = follow(memory, { ...window(3, 1), losses: new Float64Array(0), eventTimesMs: new Float64Array(0) });
    expect(none).toMatchObject({ began: null, course: [], standing });
    expect(none.memory).toEqual(memory);
  });

  it.each([1, 5, 19])('is the same over %d days and those after them as over all twenty at once', (cut) => {
    const whole = follow(null, window(0, 20));
    const first = follow(null, window(0, cut));
    const second = follow(JSON.parse(canonicalJson(first.memory)) as HarmMemory, window(cut, 20 - cut));
    expect(second.memory).toEqual(whole.memory);
    expect([...first.course, ...second.course]).toEqual(whole.course);
    expect(second.standing).toEqual(whole.standing);
  });

  it('ends its blocks where the window does', () => {
    const halves = window(0, 2, { figures: version(1, { plan: { ...PLAN, blockMs: 4 * DAY }, days: 40 }) });
    const { memory, course } = follow(null, halves);
    // 2024-01-01 is day 19723 since 1970, the last one of its block of four days.
    expect(course.map(({ from, rows }) => [from.slice(8, 10), rows])).toEqual([['01', PER_DAY], ['02', PER_DAY]]);
    expect(memory.state.untilMs).toBe(START + 2 * DAY);
  });
});

describe('harm', () => {
  const risen = (day: number): number => (day < 20 ? 0.16 : 0.6);

  it('is found after losses have risen, tells since when, and is none before', () => {
    const before = follow(null, window(0, 20, { loss: risen }));
    expect([before.standing.alarm, isHarmful(before.standing)]).toEqual([null, false]);
    const after = follow(before.memory, window(20, 20, { loss: risen }));
    expect(after.standing.alarm).toMatchObject({ by: 'change', sinceMs: START + 20 * DAY });
    expect(isHarmful(after.standing)).toBe(true);
    expect(after.standing.alarm!.atMs).toBeLessThan(START + 40 * DAY);
    expect(harmOver(after.memory.state.plan, START, [])).toMatchObject({ alarm: null, running: null });
  });

  it('is looked for anew once a person has resolved it', () => {
    const { memory } = follow(null, window(0, 40, { loss: risen }));
    expect(memory.state.alarm).not.toBeNull();
    const anew = follow(memory, window(40, 1, { resolved: true }));
    expect([anew.began, anew.standing.alarm, isHarmful(anew.standing)]).toEqual(['resolved', null, false]);
  });

  it('is enough evidence, or a running mean that surely lies above the limit', () => {
    const standing = { rows: 9, missing: 0, mean: 0.3, lower: 0.2, limit: 0.2, evidence: 9, threshold: 10, alarm: null };
    expect([standing, { ...standing, evidence: 10 }, { ...standing, lower: 0.21 }, { ...standing, lower: null }].map(isHarmful)).toEqual([false, true, true, false]);
  });
});

describe('windows shorter than a block, or that cut one', () => {
  const HOUR = 3_600_000;
  const DAYS = 40;
  /** The first twenty days well, then worse by half. */
  const whole = window(0, DAYS, { loss: (day) => (day < 20 ? 0.16 : 0.24) });

  function inWindowsOf(hours: () => number): HarmCourse {
    let course: HarmCourse | null = null;
    for (let fromMs = whole.fromMs; fromMs < whole.untilMs;) {
      const untilMs = Math.min(whole.untilMs, fromMs + hours() * HOUR);
      const rows = [...whole.eventTimesMs.keys()].filter((row) => whole.eventTimesMs[row]! >= fromMs && whole.eventTimesMs[row]! < untilMs);
      const before: HarmMemory | null = course && (JSON.parse(JSON.stringify(course.memory)) as HarmMemory);
      course = follow(before, { ...whole, fromMs, untilMs, losses: Float64Array.from(rows, (row) => whole.losses[row]!), eventTimesMs: Float64Array.from(rows, (row) => whole.eventTimesMs[row]!) });
      fromMs = untilMs;
    }
    return course!;
  }

  const random = seededRandom(SEED + 2_000);
  it.each<[string, () => number]>([['of an hour', () => 1], ['of seven hours', () => 7], ['of 31 hours', () => 31], ['of any length', () => 1 + Math.floor(random() * 60)]])('%s give the evidence that whole blocks give', (_, hours) => {
    const expected = follow(null, whole).memory;
    expect(expected.state.alarm).not.toBeNull();
    expect(inWindowsOf(hours).memory).toEqual(expected);
  });

  it('a day of bad luck is one observation, in however many windows it is looked at', () => {
    const day = window(0, 1, { loss: () => 0.6 });
    let course: HarmCourse | null = null;
    for (let hour = 0; hour < 23; hour += 1) {
      const [fromMs, untilMs] = [day.fromMs + hour * HOUR, day.fromMs + (hour + 1) * HOUR];
      const rows = [...day.eventTimesMs.keys()].filter((row) => day.eventTimesMs[row]! >= fromMs && day.eventTimesMs[row]! < untilMs);
      course = follow(course?.memory ?? null, { ...day, fromMs, untilMs, losses: Float64Array.from(rows, (row) => day.losses[row]!), eventTimesMs: Float64Array.from(rows, (row) => day.eventTimesMs[row]!) });
      expect(course.standing).toMatchObject({ rows: 0, evidence: 0, lower: null, alarm: null });
    }
  });
});
