import { describe, expect, it } from 'vitest';
import { type ClassifiedSpec, MASK, masked, maskedRow, roundingOf, sensitivityOf, valueNames } from './masking.js';
import { jsonFault } from './json-fault.js';

const spec = (sensitive?: string[], categories = ['red', 'green']): ClassifiedSpec =>
  ({ data: { sensitive, key: ['id'], label: 'late', features: [{ name: 'size' }, { name: 'colour', categories }] } });

describe('what is sensitive', () => {
  it('is nothing where the spec classifies nothing', () => {
    expect(sensitivityOf(spec())).toEqual({ columns: new Set(), categories: new Map(), key: false, label: false });
    expect(maskedRow({ id: 1, colour: 'red' }, sensitivityOf(spec()))).toEqual({ id: 1, colour: 'red' });
  });

  it('is what any of several specs classifies, with the places of categories in the first that lists them', () => {
    const both = sensitivityOf(spec(['colour'], ['green', 'red']), spec(['late', 'colour']), spec(['id']));
    expect(both).toEqual({ columns: new Set(['colour', 'late', 'id']), categories: new Map([['colour', ['green', 'red']]]), key: true, label: true });
  });
});

describe('a value of a sensitive column', () => {
  it('is masked whatever it is, but where there is none', () => {
    for (const value of ['red', '', 0, 731.4242, true, false]) expect(masked(value)).toBe(MASK);
    expect([masked(null), masked(undefined)]).toEqual([null, undefined]);
    expect(maskedRow({ id: 7, size: null, colour: 'red' }, sensitivityOf(spec(['colour', 'size'])))).toEqual({ id: 7, size: null, colour: MASK });
  });

  it('has a pseudonym where figures stand beside it: its place in the spec, else its place in the report', () => {
    const nameOf = valueNames('colour', sensitivityOf(spec(['colour'])));
    expect(['red', 'blue', 'green', 'pink', 'blue'].map(nameOf)).toEqual(['colour:1', 'colour:?1', 'colour:2', 'colour:?2', 'colour:?1']);
    expect(['colour:1', 'colour:?2'].map(nameOf)).toEqual(['colour:1', 'colour:?2']);
    expect(['colour:0', 'colour:red', 'size:1'].map(nameOf)).toEqual(['colour:?3', 'colour:?4', 'colour:?5']);
    expect(valueNames('size', sensitivityOf(spec(['colour'])))('0.5')).toBe('0.5');
  });
});

describe('figures of a sensitive number', () => {
  it.each([
    [[731.4242, 999.7373, -12.5, null], [700, 1000, 0, null]], [[0.034567, 0.01, 0], [0.035, 0.01, 0]], [[5_731_424, 731.4], [5_700_000, 0]], [[0, null], [0, null]], [[1.25e-300], [0]], [[], []],
  ])('%o are rounded to %o', (figures, rounded) => {
    const round = roundingOf(figures);
    figures.forEach((figure, place) => {
      const wanted = rounded[place]!;
      if (wanted === null) expect(round(figure)).toBeNull();
      else expect(Math.abs(round(figure)! - wanted)).toBeLessThanOrEqual(1e-9 * Math.abs(wanted));
    });
    const once = figures.map((figure) => round(figure));
    expect(once.map((figure) => roundingOf(once)(figure))).toEqual(once);
  });
});

it('what is wrong with JSON is told without a piece of it', () => {
  for (const text of ['secret', '{"a": secret}', `{"a": "${'x'.repeat(100)}", secret "}`, '["secret", "se"cret"]', '{"secret": 1']) {
    let said = '';
    try {
      JSON.parse(text);
    } catch (error) {
      said = jsonFault(error as Error);
    }
    expect(said, text).toMatch(/JSON/);
    expect(said, text).not.toMatch(/secret|xxx/);
  }
});
