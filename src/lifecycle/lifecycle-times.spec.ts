import { describe, expect, it } from 'vitest';
import { lifecycleTimes } from './lifecycle-times.js';

const production = (took: number) => ({ appliedMs: 1_000, servedMs: 1_000 + took });
const alarm = (beganMs: number | null, raisedMs: number, restoredMs: number | null) => ({ beganMs, raisedMs, restoredMs });

describe('the times of a portfolio', () => {
  it('are medians: of an odd number that in the middle, of an even one the mean of both', () => {
    expect(lifecycleTimes({ productions: [production(9), production(1), production(5)], alarms: [] }).toProduction).toEqual({ medianMs: 5, of: 3 });
    expect(lifecycleTimes({ productions: [production(9), production(1), production(5), production(2)], alarms: [] }).toProduction).toEqual({ medianMs: 3.5, of: 4 });
  });

  it('are unknown of nothing', () => {
    const none = { medianMs: null, of: 0 };
    expect(lifecycleTimes({ productions: [], alarms: [] })).toEqual({ toProduction: none, toDetect: none, toRestore: none });
  });

  it('count from the beginning of harm to its alarm, and from the alarm to the change after it', () => {
    const { toDetect, toRestore } = lifecycleTimes({ productions: [], alarms: [alarm(100, 160, 200), alarm(100, 110, 210)] });
    expect(toDetect).toEqual({ medianMs: 35, of: 2 });
    expect(toRestore).toEqual({ medianMs: 70, of: 2 });
  });

  it('leave out what has no beginning, or one after its alarm, and what nothing changed after', () => {
    const { toDetect, toRestore } = lifecycleTimes({ productions: [], alarms: [alarm(null, 160, 200), alarm(170, 160, null), alarm(100, 130, null)] });
    expect(toDetect).toEqual({ medianMs: 30, of: 1 });
    expect(toRestore).toEqual({ medianMs: 40, of: 1 });
  });
});
