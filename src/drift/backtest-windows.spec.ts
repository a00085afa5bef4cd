import { describe, expect, it } from 'vitest';
import { PerennialError } from '../contracts/failures.js';
import { firstAtLeast } from '../contracts/time.js';
import { backtestWindows, type TimedLabels } from './backtest-windows.js';
import { DAY, madeSpec } from './made-world-fixture.js';

/** A Thursday, on which a week begins as monitoring counts them. */
const ZERO = Date.parse('2024-01-04T00:00:00Z');
const at = (day: number): number => ZERO + day * DAY;
/** Two rows a day at noon from day 0 on. */
const rowsOf = (days: number, label: (day: number) => number = () => 1): TimedLabels => {
  const numbers = Array.from({ length: 2 * days }, (_, row) => Math.floor(row / 2));
  return { eventTimesMs: Float64Array.from(numbers, (day) => at(day) + DAY / 2), labels: Float64Array.from(numbers, label) };
};
const spec = (training: object, evaluation: object = {}) => ({ ...madeSpec({ training }), evaluation: { ...madeSpec().evaluation, ...evaluation } });
const ALL = { fromMs: null, untilMs: null };
const days = ({ beginMs, windows }: ReturnType<typeof backtestWindows>): [number, number[]] => [(beginMs - ZERO) / DAY, windows.map(({ fromMs }) => (fromMs - ZERO) / DAY)];
const refusal = (work: () => unknown): PerennialError => {
  try {
    work();
  } catch (error) {
    if (error instanceof PerennialError) return error;
  }
  return expect.unreachable('nothing was refused');
};

describe('the windows of a backtest', () => {
  it('begin where the training and evaluation windows and the label horizon fit', () => {
    // 28 days to train, 14 to judge and a day for labels after noon of day 0: a week begins on day 49. The newest row is of noon on day 79, so that the last week ends on day 77.
    expect(days(backtestWindows(spec({ window: 'P28D' }), rowsOf(80), ALL))).toEqual([49, [49, 56, 63, 70]]);
  });

  it('begin where there are enough labelled rows, whatever the training window is', () => {
    // 40 labelled rows to train are there after 20 days; they are followed by 14 days and one.
    expect(days(backtestWindows(spec({ minimumRows: 40 }), rowsOf(80), ALL))[0]).toBe(35);
    expect(days(backtestWindows(spec({ minimumRows: 40 }), rowsOf(80, (day) => (day < 7 ? NaN : 1)), ALL))[0]).toBe(42);
    expect(days(backtestWindows(spec({ minimumRows: 1 }, { minimumRows: 20 }), rowsOf(80, (day) => (day < 21 && day > 0 ? NaN : 1)), ALL))[0]).toBe(35);
  });

  it('begin where the blocks held out have enough rows to judge, and those of the others to train', () => {
    // Of 14 days before the labels' day seven judge, so that 14 rows do, and 7 train with those before.
    const held = (minimumRows: number, judging: number) => spec({ minimumRows }, { minimumRows: judging, holdOutEvery: 2 });
    expect(days(backtestWindows(held(1, 14), rowsOf(80), ALL))[0]).toBe(21);
    expect(days(backtestWindows(held(40, 14), rowsOf(80), ALL))[0]).toBe(28);
    expect(refusal(() => backtestWindows(held(1, 15), rowsOf(80), ALL)).message).toContain('15 to judge on in the blocks held out (evaluation.window P14D, evaluation.holdOutEvery 2)');
    const late = rowsOf(80, (day) => (day > 0 && day < 12 ? NaN : 1));
    expect(refusal(() => backtestWindows(held(1, 14), late, { fromMs: at(21), untilMs: null })).message).toMatch(/has [1-9]\d* labelled rows in the blocks held out \(one in 2 of P1D\), and evaluation\.minimumRows asks for 14/);
  });

  it('begin and end where it is asked for, and pass over windows without a row', () => {
    const asked = { fromMs: at(50), untilMs: at(73) };
    expect(days(backtestWindows(spec({ window: 'P28D' }), rowsOf(80), asked))).toEqual([56, [56, 63]]);
    const holed = rowsOf(100);
    const kept = [...holed.eventTimesMs.keys()].filter((row) => holed.eventTimesMs[row]! < at(56) || holed.eventTimesMs[row]! >= at(70));
    const gapped = { eventTimesMs: Float64Array.from(kept, (row) => holed.eventTimesMs[row]!), labels: Float64Array.from(kept, () => 1) };
    expect(days(backtestWindows(spec({ window: 'P28D' }), gapped, ALL))).toEqual([49, [49, 70, 77, 84, 91]]);
  });

  it('refuse data that is too short, and say from when on there is enough', () => {
    expect(refusal(() => backtestWindows(spec({ minimumRows: 1_000 }), rowsOf(80), ALL))).toMatchObject({ type: 'NotEnoughData', message: expect.stringContaining('2024-01-04') as string });
    expect(refusal(() => backtestWindows(spec({ window: 'P28D' }), rowsOf(59), ALL))).toMatchObject({ type: 'NotEnoughData', message: expect.stringMatching(/^1 window of P7D .* monitoring\.window/) as string });
    const early = refusal(() => backtestWindows(spec({ minimumRows: 40 }), rowsOf(80), { fromMs: at(20), untilMs: null }));
    expect(early).toMatchObject({ type: 'NotEnoughData', details: { first: new Date(at(35)).toISOString() } });
    expect(early.message).toContain('--from');
    expect(refusal(() => backtestWindows(spec({}), { eventTimesMs: new Float64Array(0), labels: new Float64Array(0) }, ALL)).type).toBe('NotEnoughData');
  });

  it('refuse windows without a label, and an end before the beginning', () => {
    const ended = rowsOf(80, (day) => (day < 49 ? 1 : NaN));
    expect(refusal(() => backtestWindows(spec({ window: 'P28D' }), ended, ALL)).message).toContain('has a label (y)');
    expect(refusal(() => backtestWindows(spec({}), rowsOf(80), { fromMs: at(60), untilMs: at(60) })).type).toBe('InvalidRequest');
  });
});

describe('the place of a time', () => {
  it('is that of the first row that is not before it', () => {
    const times = Float64Array.of(1, 3, 3, 7);
    expect([0, 1, 2, 3, 4, 7, 8].map((ms) => firstAtLeast(times, ms))).toEqual([0, 0, 1, 1, 3, 3, 4]);
  });
});
