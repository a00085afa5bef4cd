import { describe, expect, it } from 'vitest';
import { windowAt } from './window-grid.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const at = (text: string): number => Date.parse(text);

describe('the window that holds a moment', () => {
  it.each([
    ['2013-03-01T00:00:00Z', '2013-03-01', '2013-03-02'], ['2013-03-01T23:59:59.999Z', '2013-03-01', '2013-03-02'], ['1969-12-31T12:00:00Z', '1969-12-31', '1970-01-01'],
  ])('of days is the day of %s', (moment, from, until) => {
    expect(windowAt(at(moment), DAY, null)).toEqual({ fromMs: at(from), untilMs: at(until) });
  });

  it('begins where the one before ended, whatever its length was', () => {
    const ended = at('2013-03-01T18:00:00Z');
    expect(windowAt(at('2013-03-01T20:00:00Z'), DAY, ended)).toEqual({ fromMs: ended, untilMs: at('2013-03-02') });
    expect(windowAt(at('2013-03-01T20:30:00Z'), HOUR, ended)).toEqual({ fromMs: at('2013-03-01T20:00:00Z'), untilMs: at('2013-03-01T21:00:00Z') });
  });
});
