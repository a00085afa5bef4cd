import { describe, expect, it } from 'vitest';
import { editDistance, nearestName } from './near-miss.js';

describe('nearestName', () => {
  it.each([
    ['departure_minute', ['dest', 'departureMinute', 'day'], 'departureMinute'],
    ['late', ['laet', 'plate_count'], 'laet'],
    ['predicted_at', ['Predicted At', 'at'], 'Predicted At'],
    ['größe', ['Grösse', 'groesse', 'GRÖßE'], 'GRÖßE'],
  ])('takes %s for one of %j', (wanted, candidates, meant) => {
    expect(nearestName(wanted, candidates)).toBe(meant);
  });

  it('offers nothing that is not near', () => {
    expect(nearestName('carrier', ['temperature', 'wind_speed', ''])).toBeUndefined();
    expect(nearestName('carrier', [])).toBeUndefined();
  });
});

describe('editDistance', () => {
  it.each([['', '', 0], ['a', '', 1], ['kitten', 'sitting', 3], ['ca', 'ac', 1], ['abcd', 'acbd', 1]])('between %s and %s is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });

  it('stops at the limit', () => {
    expect(editDistance('abcdefgh', 'zzzzzzzz', 3)).toBe(3);
  });
});
