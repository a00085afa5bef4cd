import { describe, expect, it } from 'vitest';
import { specWith } from '../data/data-fixture.js';

describe('column names of a spec', () => {
  it('may be used in several places, but not in two spellings', () => {
    expect(specWith({ evaluation: { slices: ['side', 'id'] } }).evaluation.slices).toEqual(['side', 'id']);
    expect(() => specWith({ evaluation: { slices: ['Side'] } })).toThrow('names both side and Side');
    expect(() => specWith({ data: { features: [{ name: 'Late', type: 'number' }] } })).toThrow('names both late and Late');
  });
});
