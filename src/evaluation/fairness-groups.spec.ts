import { describe, expect, it } from 'vitest';
import { countOutcomes, groupingOf, OUTCOMES, type ProtectedColumn } from './fairness-groups.js';

const column = (name: string, groups: readonly string[], ...codes: number[]): ProtectedColumn => ({ column: name, groups, codes: Int32Array.from(codes) });
const sex = column('sex', ['F', 'M'], 0, 1, 1, -1, 0, 1);
const race = column('race', ['A', 'B', 'C'], 2, 0, 2, 1, -1, 0);

describe('a grouping', () => {
  it('of one column is its groups, without those that have no rows', () => {
    expect(groupingOf([column('sex', ['F', 'M', 'X'], 2, 0, -1, 2)])).toEqual({
      columns: ['sex'], groups: [['F'], ['X']], codes: Int32Array.of(1, 0, -1, 1), unknownRows: 1,
    });
  });

  it('of crossed columns has a group for each combination with rows, in the order of the codes', () => {
    expect(groupingOf([sex, race])).toEqual({
      columns: ['sex', 'race'], groups: [['F', 'C'], ['M', 'A'], ['M', 'C']], codes: Int32Array.of(0, 1, 2, -1, -1, 1), unknownRows: 2,
    });
    expect(groupingOf([race, sex]).groups).toEqual([['A', 'M'], ['C', 'F'], ['C', 'M']]);
  });

  it('of no rows has no groups', () => {
    expect(groupingOf([column('sex', ['F', 'M'])])).toEqual({ columns: ['sex'], groups: [], codes: new Int32Array(0), unknownRows: 0 });
  });

  it('leaves the codes that it was given as they are', () => {
    const given = column('sex', ['F', 'M', 'X'], 2, 0);
    groupingOf([given]);
    expect([...given.codes]).toEqual([2, 0]);
  });

  it('refuses codes without a name and too many groups', () => {
    expect(() => groupingOf([column('sex', ['F', 'M'], 0, 2)])).toThrow(/row 1 has the code 2 in sex, which has 2 groups/);
    expect(() => groupingOf([column('sex', ['F', 'M'], -2)])).toThrow(RangeError);
    expect(() => groupingOf([sex, column('race', ['A'], 0)])).toThrow(/race has 1 rows and sex has 6/);
    const many = Array.from({ length: 251 }, (_, index) => String(index));
    expect(() => groupingOf([sex, column('postcode', many, 0, 0, 0, 0, 0, 0)])).toThrow(/502 possible groups/);
  });
});

describe('outcomes', () => {
  const grouping = groupingOf([sex]);
  const rows = { decisions: Uint8Array.of(1, 0, 0, 1, 1, 1), labels: Float64Array.of(1, 0, NaN, 1, 0, 1) };

  it('are counted by group, decision and label', () => {
    const { counts, blocks, clustered } = countOutcomes(rows, grouping);
    expect([blocks, clustered]).toEqual([1, false]);
    // Decision 0 with label ?, 0, 1; decision 1 with label ?, 0, 1: first of F, then of M.
    expect([...counts]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1]);
  });

  it('are counted by block too', () => {
    const { counts, blocks, clustered } = countOutcomes({ ...rows, blocks: Int32Array.of(0, 2, 2, 1, 2, 0) }, grouping);
    expect([blocks, clustered]).toEqual([3, true]);
    const rowsByBlock = Array.from({ length: 6 }, (_, cell) => counts.slice(cell * OUTCOMES, (cell + 1) * OUTCOMES).reduce((sum, of) => sum + of));
    expect(rowsByBlock).toEqual([1, 0, 1, 1, 0, 2]);
    expect(counts[5 * OUTCOMES]).toBe(1);
  });

  it('without labels are those of rows whose label is not known', () => {
    expect([...countOutcomes({ ...rows, labels: null }, grouping).counts]).toEqual([0, 0, 0, 2, 0, 0, 2, 0, 0, 1, 0, 0]);
  });
});
