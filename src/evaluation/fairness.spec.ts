import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { normalQuantile } from './distributions.js';
import { decisionsAt, measureFairness, type Disparity, type DisparityName, type FairnessOptions, type FairnessRate, type FairnessRows } from './fairness.js';
import { errorCorrelation, groupShares, wilsonInterval } from './group-shares.js';
import { differenceInterval, ratioInterval } from './share-disparities.js';

type Triple = [number, number | null, number | null];

interface Expected {
  readonly columns: string[];
  readonly unknownRows: number;
  readonly groups: ({ group: string[]; rows: number; labelledRows: number; tooSmall: boolean } & Record<FairnessRate, Triple | null>)[];
  readonly disparities: Record<DisparityName, Disparity | null>;
  readonly fairlearn: Partial<Record<DisparityName, number>>;
}

interface Case extends Required<FairnessOptions> {
  readonly name: string;
  readonly decisions: string;
  readonly labels: string | null;
  readonly blocks: string | null;
  readonly columns: { column: string; groups: string[]; codes: string }[];
  readonly expected: Expected[];
}

interface Pair {
  readonly first: [number, number, number];
  readonly second: [number, number, number];
  readonly correlation: number;
  readonly difference: [number, number];
  readonly ratio: [number, number | 'Infinity'];
}

const reference = JSON.parse(readFileSync(new URL('./reference/fairness.json', import.meta.url), 'utf8')) as {
  wilson: [number, number, number, number, number][]; pairs: Pair[]; cases: Case[];
};
const RATES: readonly FairnessRate[] = ['selectionRate', 'adverseActionRate', 'truePositiveRate', 'falsePositiveRate', 'accuracy'];

/** The letter a is 0, b 1 …; - is −1. */
const codesOf = (letters: string): Int32Array => Int32Array.from(letters, (letter) => (letter === '-' ? -1 : letter.charCodeAt(0) - 97));

const rowsOf = ({ decisions, labels, blocks, columns }: Case): FairnessRows => ({
  decisions: Uint8Array.from(decisions, Number),
  labels: labels === null ? null : Float64Array.from(labels, (label) => (label === '?' ? NaN : Number(label))),
  columns: columns.map(({ column, groups, codes }) => ({ column, groups, codes: codesOf(codes) })),
  ...(blocks === null ? {} : { blocks: codesOf(blocks) }),
});

function expectClose(found: number | null | undefined, expected: number | null, what: string): void {
  if (expected === null || !Number.isFinite(expected)) expect(found, what).toBe(expected);
  else expect(Math.abs(found! - expected), `${what}: ${found} for ${expected}`).toBeLessThanOrEqual(1e-9 * Math.abs(expected) + 1e-15);
}

function expectTriple(found: { value: number; low: number | null; high: number | null } | null, expected: Triple | null, what: string): void {
  if (expected === null) return expect(found, what).toBeNull();
  for (const [at, part] of (['value', 'low', 'high'] as const).entries()) expectClose(found?.[part], expected[at]!, `${what} ${part}`);
}

const caseNamed = (name: string): Case => reference.cases.find((known) => known.name === name)!;

describe('rates, disparities and their intervals equal fairlearn, scikit-learn and statsmodels', () => {
  it.each(reference.cases.map((known) => [known.name, known] as const))('%s', (_, known) => {
    const measured = measureFairness(rowsOf(known), known);
    expect(measured.map(({ columns }) => columns)).toEqual(known.expected.map(({ columns }) => columns));
    for (const [at, expected] of known.expected.entries()) {
      const { unknownRows, rows, groups, disparities, undefinedBecause } = measured[at]!;
      expect([unknownRows, rows]).toEqual([expected.unknownRows, known.decisions.length]);
      const plain = ({ group, rows: size, labelledRows, tooSmall }: Pick<Expected['groups'][number], 'group' | 'rows' | 'labelledRows' | 'tooSmall'>): object =>
        ({ group, rows: size, labelledRows, tooSmall });
      expect(groups.map((group) => plain({ ...group, group: [...group.group] }))).toEqual(expected.groups.map(plain));
      for (const [index, group] of expected.groups.entries()) {
        for (const rate of RATES) expectTriple(groups[index]![rate], group[rate], `${group.group.join(' × ')} ${rate}`);
      }
      for (const [name, disparity] of Object.entries(expected.disparities) as [DisparityName, Disparity | null][]) {
        const found = disparities[name];
        expectTriple(found, disparity && [disparity.value, disparity.low, disparity.high], name);
        expect(found && { ...found, value: 0, low: 0, high: 0 }).toEqual(disparity && { ...disparity, value: 0, low: 0, high: 0 });
        expect(undefinedBecause[name] === undefined, name).toBe(disparity !== null);
      }
      for (const [name, value] of Object.entries(expected.fairlearn)) expectClose(disparities[name as DisparityName]?.value, value, `fairlearn's ${name}`);
    }
  });

  it('holds cases of what it claims', () => {
    const every = reference.cases.flatMap(({ expected }) => expected);
    expect(every.filter(({ fairlearn }) => fairlearn.equalizedOddsDifference !== undefined).length).toBeGreaterThan(15);
    expect(every.filter(({ disparities }) => disparities.demographicParityRatio === null).length).toBeGreaterThan(3);
    expect(every.flatMap(({ groups }) => groups).filter(({ tooSmall }) => tooSmall).length).toBeGreaterThan(10);
  });

  it('is plain JSON without NaN', () => {
    for (const known of reference.cases) {
      const measured = measureFairness(rowsOf(known), known);
      expect(JSON.parse(JSON.stringify(measured))).toEqual(measured);
    }
  });
});

describe('intervals', () => {
  it("Wilson's equals statsmodels", () => {
    for (const [count, trials, alpha, low, high] of reference.wilson) {
      const found = wilsonInterval(count / trials, trials, normalQuantile(1 - alpha / 2));
      expectClose(found[0], low, `${count} of ${trials} at ${alpha}, low`);
      expectClose(found[1], high, `${count} of ${trials} at ${alpha}, high`);
    }
  });

  it('of a difference and of a ratio equal those of their definitions, with correlated errors too', () => {
    for (const pair of reference.pairs) {
      const [first, second] = [pair.first, pair.second].map(([value, low, high]) => ({ value, low, high }));
      const [difference, ratio] = [differenceInterval(first!, second!, pair.correlation), ratioInterval(first!, second!, pair.correlation)];
      for (const at of [0, 1] as const) {
        expectClose(difference[at], pair.difference[at], `difference ${at}`);
        expectClose(ratio[at], Number(pair.ratio[at]), `ratio ${at}`);
      }
    }
  });

  it('of two groups in the other order are the mirror image', () => {
    const [first, second] = [{ value: 0.1, low: 0.07, high: 0.2 }, { value: 0.3, low: 0.25, high: 0.4 }];
    expectClose(ratioInterval(first, second, 0.3)[0], 1 / ratioInterval(second, first, 0.3)[1], 'ratio');
    expectClose(differenceInterval(first, second, 0.3)[0], -differenceInterval(second, first, 0.3)[1], 'difference');
  });
});

describe('errors of two groups', () => {
  const sharesOf = (blocks: number, successes: number[], trials: number[]): ReturnType<typeof groupShares> =>
    groupShares({ groups: 2, blocks, clustered: true, successes: Float64Array.from(successes), trials: Float64Array.from(trials) });

  it('go together, apart, or not', () => {
    const ten = Array.from({ length: 6 }, () => 10);
    expect(errorCorrelation(sharesOf(3, [1, 5, 9, 1, 5, 9], ten), 0, 1)).toBeCloseTo(1, 12);
    expect(errorCorrelation(sharesOf(3, [1, 5, 9, 9, 5, 1], ten), 0, 1)).toBeCloseTo(-1, 12);
    expect(errorCorrelation(sharesOf(3, [1, 5, 9, 4, 7, 4], ten), 0, 1)).toBeCloseTo(0, 12);
  });

  it('say nothing of a single block and of a share without deviation', () => {
    expect(errorCorrelation(sharesOf(1, [3, 4], [10, 10]), 0, 1)).toBe(0);
    expect(errorCorrelation(sharesOf(2, [10, 10, 4, 6], [10, 10, 10, 10]), 0, 1)).toBe(0);
  });
});

describe('properties', () => {
  const known = caseNamed('five groups');
  const disparitiesOf = (rows: FairnessRows, options: FairnessOptions = known): Record<DisparityName, Disparity | null> =>
    measureFairness(rows, options)[0]!.disparities;

  it('do not depend on the order of rows', () => {
    const rows = rowsOf(known);
    const order = [...rows.decisions.keys()].sort((a, b) => ((a * 7919) % 450) - ((b * 7919) % 450));
    const shuffled = {
      decisions: rows.decisions.map((_, at) => rows.decisions[order[at]!]!),
      labels: rows.labels!.map((_, at) => rows.labels![order[at]!]!),
      columns: [{ ...rows.columns[0]!, codes: rows.columns[0]!.codes.map((_, at) => rows.columns[0]!.codes[order[at]!]!) }],
    };
    expect(disparitiesOf(shuffled)).toEqual(disparitiesOf(rows));
  });

  it('equalized odds do not depend on which decision is favourable, and what is chosen less is refused more', () => {
    const [one, zero] = ([1, 0] as const).map((favourable) => disparitiesOf(rowsOf(known), { ...known, favourable }));
    expect(zero!.equalizedOddsDifference).toEqual(one!.equalizedOddsDifference);
    expect(zero!.demographicParityRatio).toEqual({ ...one!.adverseActionRatio, rate: 'selectionRate' });
    const { demographicParityDifference: chosen, adverseActionDifference: refused } = one!;
    expect(refused!.value).toBeCloseTo(chosen!.value, 14);
    expect([refused!.highest, refused!.lowest]).toEqual([chosen!.lowest, chosen!.highest]);
  });

  it('leave groups of fewer than 100 rows out unless told', () => {
    const { leastGroupRows: _, ...options } = known;
    const sizes = measureFairness(rowsOf(known), options)[0]!.groups;
    expect(sizes.map(({ tooSmall }) => tooSmall)).toEqual(sizes.map(({ rows }) => rows < 100));
    expect(new Set(sizes.map(({ tooSmall }) => tooSmall)).size).toBe(2);
  });

  it('a block of its own for each row changes a share without deviation from the binomial only by the quantile', () => {
    const rows = rowsOf(caseNamed('two groups'));
    const apart = measureFairness({ ...rows, blocks: Int32Array.from(rows.decisions.keys()) }, caseNamed('two groups'))[0]!;
    const independent = measureFairness(rows, caseNamed('two groups'))[0]!;
    for (const [at, { selectionRate }] of apart.groups.entries()) {
      expect(selectionRate!.low).toBeCloseTo(independent.groups[at]!.selectionRate!.low!, 2);
      expect(selectionRate!.low).toBeLessThan(independent.groups[at]!.selectionRate!.low!);
    }
  });

  it('say why a disparity is not defined', () => {
    const because = (name: string): object => measureFairness(rowsOf(caseNamed(name)), caseNamed(name))[0]!.undefinedBecause;
    expect(because('every decision is 0')).toEqual({ demographicParityRatio: 'the selectionRate is 0 in every group' });
    expect(because('positives in one group only')).toEqual({
      equalizedOddsDifference: 'only 1 of 5 groups are large enough and have rows for the truePositiveRate',
    });
    expect(because('no rows')).toMatchObject({ accuracyDifference: 'only 0 of 0 groups are large enough and have rows for the accuracy' });
  });
});

describe('decisions', () => {
  it('are 1 from the threshold on', () => {
    expect([...decisionsAt(Float64Array.of(0, 0.5, 0.49999, 1, Infinity, -Infinity), 0.5)]).toEqual([0, 1, 0, 1, 1, 0]);
    expect(() => decisionsAt(Float64Array.of(0.1, NaN), 0.5)).toThrow(/row 1 has no probability/);
  });
});

describe('refusals', () => {
  const rows: FairnessRows = {
    decisions: Uint8Array.of(0, 1, 1), labels: Float64Array.of(0, NaN, 1),
    columns: [{ column: 'sex', groups: ['F', 'M'], codes: Int32Array.of(0, 1, -1) }],
  };
  const options: FairnessOptions = { alpha: 0.05, favourable: 1 };

  it.each<[string, Partial<FairnessRows>, Partial<FairnessOptions>, RegExp]>([
    ['alpha', {}, { alpha: 0 }, /alpha must lie between 0 and 1/],
    ['alpha that is NaN', {}, { alpha: NaN }, /alpha must lie/],
    ['least size', {}, { leastGroupRows: 0 }, /least size of a group/],
    ['decision', { decisions: Uint8Array.of(0, 2, 1) }, {}, /decision of row 1 is 2/],
    ['label', { labels: Float64Array.of(0, Infinity, 1) }, {}, /label of row 1 is Infinity/],
    ['length', { labels: Float64Array.of(0) }, {}, /3 decisions, and 1/],
    ['length of codes', { columns: [{ ...rows.columns[0]!, codes: Int32Array.of(0) }] }, {}, /3 decisions, and 1/],
    ['block', { blocks: Int32Array.of(0, 1, -1) }, {}, /row 2 lies in block -1/],
    ['crossing', {}, { crossings: [['sex', 'race']] }, /no protected column is named race/],
    ['crossing with itself', {}, { crossings: [['sex', 'sex']] }, /sex cannot be crossed with itself/],
    ['empty crossing', {}, { crossings: [[]] }, /at least one protected column/],
  ])('%s', (_, changed, other, message) => {
    const attempt = (): unknown => measureFairness({ ...rows, ...changed }, { ...options, ...other });
    expect(attempt).toThrow(RangeError);
    expect(attempt).toThrow(message);
  });

  it('are not for rows that are right', () => {
    expect(measureFairness(rows, options)).toHaveLength(1);
  });
});
