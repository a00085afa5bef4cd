import { describe, expect, it } from 'vitest';
import { sensitivityOf } from '../contracts/masking.js';
import { specWith } from '../data/data-fixture.js';
import { measureFairness } from '../evaluation/fairness.js';
import type { ProtectedColumn } from '../evaluation/fairness-groups.js';
import { judgeFairness } from '../evaluation/fairness-verdict.js';
import { timeBlocks } from '../evaluation/time-blocks.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { fairnessSection } from '../spec/fairness-section.js';
import { type FairnessTerms, protectedFeatures, unjudgedFairness, windowFairness, type WindowFairness } from './window-fairness.js';

const SEED = 20240703;
const START = Date.parse('2024-01-01T00:00:00Z');
const MINUTE = 60_000;

interface Drawn {
  readonly outputs: Float32Array;
  readonly labels: Float64Array;
  readonly eventTimesMs: Float64Array;
  readonly protectedColumns: readonly ProtectedColumn[];
}

/** Rows of two sexes, chosen with the given chances, and of three regions, of which the last row of ten is unknown; every seventh has no output. */
function draw(rows: number, chances: readonly [number, number], seed = SEED): Drawn {
  const random = seededRandom(seed);
  const sexes = Int32Array.from({ length: rows }, () => Math.floor(random() * 2));
  const regions = Int32Array.from({ length: rows }, (_, row) => (row % 10 === 9 ? -1 : Math.floor(random() * 3)));
  return {
    outputs: Float32Array.from(sexes, (sex, row) => (row % 7 === 6 ? NaN : random() < chances[sex]! ? 0.9 : 0.1)),
    labels: Float64Array.from(sexes, (_, row) => (row % 5 === 4 ? NaN : random() < 0.4 ? 1 : 0)),
    eventTimesMs: Float64Array.from(sexes, (_, row) => START + row * MINUTE),
    protectedColumns: [{ column: 'sex', groups: ['F', 'M'], codes: sexes }, { column: 'region', groups: ['north', 'south', 'west'], codes: regions }],
  };
}

const terms = (section: object, more: Partial<FairnessTerms> = {}): FairnessTerms =>
  ({ section: fairnessSection.parse({ groups: ['sex', 'region'], ...section }), threshold: 0.5, alpha: 0.05, lengthMs: 86_400_000, labelsDue: true, sensitivity: sensitivityOf(), ...more });
const found = (rows: Drawn, section: object, more: Partial<FairnessTerms> = {}): WindowFairness => windowFairness(rows, terms(section, more))!;
const rate = (outputs: Float32Array, of: (row: number) => boolean): number => {
  const rows = [...outputs.keys()].filter((row) => !Number.isNaN(outputs[row]!) && of(row));
  return rows.filter((row) => outputs[row]! >= 0.5).length / rows.length;
};

describe('how decisions differ between the groups of a window', () => {
  const rows = draw(4_000, [0.3, 0.6]);
  const [sexes, regions] = rows.protectedColumns.map(({ codes }) => codes) as [Int32Array, Int32Array];

  it('is no finding of a window whose inputs broke on their way', () => {
    const judged = found(rows, { limits: { demographicParityRatio: 0.8 } });
    expect(judged.findings).toMatchObject([{ check: 'fairness' }]);
    const { figures, findings } = unjudgedFairness(judged);
    expect(findings).toEqual([]);
    expect(figures.groupings).toEqual(judged.figures.groupings);
    expect(figures.checks.map(({ name, verdict }) => [name, verdict])).toEqual(judged.figures.checks.map(({ name }) => [name, 'inconclusive']));
  });

  it('is told by column and by crossing, of the rows that have an output', () => {
    const { figures: { groupings, checks }, findings } = found(rows, { crossings: [['sex', 'region']] });
    expect(groupings.map(({ columns }) => columns)).toEqual([['sex'], ['region'], ['sex', 'region']]);
    expect([checks, findings]).toEqual([[], []]);
    const answered = rows.outputs.filter((output) => !Number.isNaN(output)).length;
    expect(groupings.map((grouping) => grouping.rows)).toEqual([answered, answered, answered]);
    expect(groupings[1]!.unknownRows).toBe([...regions.keys()].filter((row) => regions[row] === -1 && !Number.isNaN(rows.outputs[row]!)).length);
    const [women, men] = [0, 1].map((sex) => rate(rows.outputs, (row) => sexes[row] === sex)) as [number, number];
    expect(groupings[0]!.groups.map(({ group, selectionRate }) => [group, selectionRate!.value])).toEqual([[['F'], women], [['M'], men]]);
    expect(groupings[0]!.disparities['demographicParityRatio']).toMatchObject({ value: women / men, highest: ['M'], lowest: ['F'], pairs: 1 });
    expect(groupings[2]!.groups[4]).toMatchObject({ group: ['M', 'south'], selectionRate: { value: rate(rows.outputs, (row) => sexes[row] === 1 && regions[row] === 1) } });
  });

  it('is what the measure of fairness says of the answered rows, with their labels and blocks, at the error rate that its checks share', () => {
    const limits = { demographicParityRatio: 0.8, equalizedOddsDifference: 0.1 };
    const answered = Int32Array.from(rows.outputs.keys()).filter((row) => !Number.isNaN(rows.outputs[row]!));
    const of = (values: Float64Array): Float64Array => Float64Array.from(answered, (row) => values[row]!);
    const measured = measureFairness({
      decisions: Uint8Array.from(answered, (row) => (rows.outputs[row]! >= 0.5 ? 1 : 0)), labels: of(rows.labels), blocks: timeBlocks(of(rows.eventTimesMs)),
      columns: rows.protectedColumns.map((column) => ({ ...column, codes: answered.map((row) => column.codes[row]!) })),
    }, { alpha: 0.04 / 6, favourable: 1, leastGroupRows: 100, crossings: [['sex', 'region']] });
    const { figures } = found(rows, { crossings: [['sex', 'region']], limits, alpha: 0.04 });
    expect(figures.groupings).toEqual(measured.map(({ alpha: _, ...grouping }) => grouping));
    expect(figures.checks).toEqual(measured.flatMap((grouping) => judgeFairness(grouping, limits)).map(({ name, verdict, explanation }) => ({ name, verdict, explanation })));
    expect(found(rows, { crossings: [['sex', 'region']], limits }, { alpha: 0.04 }).figures).toEqual(figures);
  });

  it('knows no rate that rests on labels before they are due', () => {
    const limits = { demographicParityRatio: 0.1, equalizedOddsDifference: 0.5, accuracyDifference: 0.5 };
    const { figures } = found(rows, { groups: ['sex'], limits }, { labelsDue: false });
    expect(figures.groupings[0]!.groups[0]).toMatchObject({ labelledRows: 0, truePositiveRate: null, falsePositiveRate: null, accuracy: null, selectionRate: expect.anything() });
    expect(figures.checks.map(({ verdict }) => verdict)).toEqual(['pass', 'inconclusive', 'inconclusive']);
    expect(found(rows, { groups: ['sex'], limits }).figures.checks.map(({ verdict }) => verdict)).toEqual(['pass', 'pass', 'pass']);
  });

  it('takes the decision that people want from the spec, and the threshold from the plan', () => {
    const one = found(rows, { groups: ['sex'] }).figures.groupings[0]!.groups[0]!;
    const other = found(rows, { groups: ['sex'], favourable: 0 }).figures.groupings[0]!.groups[0]!;
    expect(other.adverseActionRate!.value).toBe(one.selectionRate!.value);
    expect(other.selectionRate!.value).toBeCloseTo(1 - one.selectionRate!.value, 12);
    expect(found(rows, { groups: ['sex'] }, { threshold: 0.95 }).figures.groupings[0]!.groups[0]!.selectionRate!.value).toBe(0);
  });
});

describe('a limit', () => {
  it('that all of an interval breaks is a finding with its numbers', () => {
    const { figures, findings } = found(draw(4_000, [0.3, 0.6]), { limits: { demographicParityRatio: 0.8, adverseActionDifference: 0.15 } });
    const [bySex, byRegion] = figures.groupings;
    expect(figures.checks.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['fairness:sex:demographicParityRatio', 'fail'], ['fairness:sex:adverseActionDifference', 'fail'],
      ['fairness:region:demographicParityRatio', expect.not.stringMatching('fail')],
      ['fairness:region:adverseActionDifference', expect.not.stringMatching('fail')],
    ]);
    const [ratio, difference] = ['demographicParityRatio', 'adverseActionDifference'].map((name) => bySex!.disparities[name]!);
    expect(findings).toEqual([
      { check: 'fairness', feature: null, measured: ratio!.value, low: ratio!.low, limit: 0.8, rows: bySex!.rows, message: figures.checks[0]!.explanation, alarms: true },
      { check: 'fairness', feature: null, measured: difference!.value, low: difference!.low, limit: 0.15, rows: bySex!.rows, message: figures.checks[1]!.explanation, alarms: true },
    ]);
    expect(ratio!.high).toBeLessThan(0.8);
    expect(difference!.low).toBeGreaterThan(0.15);
    expect(byRegion!.unknownRows).toBeGreaterThan(0);
  });

  it('that is broken at the error rate of one look, but not at its share of a year, fails the window and alarms nobody', () => {
    const [close, far] = [[0.44, 0.6], [0.3, 0.6]].map((chances) => found(draw(4_000, chances as [number, number]), { groups: ['sex'], limits: { demographicParityRatio: 0.8 } }).findings);
    expect([close, far]).toMatchObject([[{ alarms: false }], [{ alarms: true }]]);
    const [yearLong] = found(draw(4_000, [0.44, 0.6]), { groups: ['sex'], limits: { demographicParityRatio: 0.8 } }, { lengthMs: 365 * 86_400_000 }).findings;
    expect(yearLong).toMatchObject({ alarms: true });
  });

  it('alarms in at most the error rate of years of days, where it is just kept', () => {
    const [years, days] = [4, 365];
    let alarms = 0;
    for (let day = 0; day < years * days; day += 1) {
      const rows = draw(600, [0.4, 0.5], SEED + day);
      alarms += found({ ...rows, protectedColumns: rows.protectedColumns.slice(0, 1) }, { groups: ['sex'], limits: { demographicParityRatio: 0.8 } }).findings.filter(({ alarms: told }) => told).length;
    }
    // Years with an alarm: a share of 0.025 is expected.
    expect(alarms).toBeLessThanOrEqual(1);
  });

  it('counts the rows whose group is known', () => {
    const rows = draw(4_000, [0.3, 0.6]);
    const unknown = rows.protectedColumns[0]!.codes.map((code, row) => (row % 4 === 0 ? -1 : code));
    const protectedColumns = [{ column: 'sex', groups: ['F', 'M'], codes: unknown }];
    const { findings, figures: { groupings } } = found({ ...rows, protectedColumns }, { groups: ['sex'], limits: { demographicParityRatio: 0.8 } });
    expect(findings[0]!.rows).toBe(groupings[0]!.groups[0]!.rows + groupings[0]!.groups[1]!.rows);
  });

  it('is inconclusive on few rows and on a column whose inputs were not kept', () => {
    const limits = { demographicParityRatio: 0.8 };
    expect(found(draw(150, [0.3, 0.6]), { groups: ['sex'], limits }).figures.checks)
      .toMatchObject([{ verdict: 'inconclusive', explanation: expect.stringContaining('only 0 of 2 groups are large enough') }]);
    expect(found(draw(150, [0.3, 0.6]), { groups: ['sex'], limits, leastGroupRows: 10 }).figures.groupings[0]!.disparities['demographicParityRatio']).not.toBeNull();
    const rows = draw(4_000, [0.3, 0.6]);
    const kept = { ...rows, protectedColumns: rows.protectedColumns.slice(0, 1) };
    const { figures, findings } = found(kept, { crossings: [['sex', 'region']], limits });
    expect(figures.checks.map(({ verdict }) => verdict)).toEqual(['fail', 'inconclusive', 'inconclusive']);
    expect(figures.groupings.map(({ unknownRows, groups }) => [unknownRows > 0, groups.length])).toEqual([[false, 2], [true, 0], [true, 0]]);
    expect(findings).toHaveLength(1);
  });
});

describe('a window', () => {
  it('that kept no protected column has no fairness', () => {
    expect(windowFairness({ ...draw(10, [0, 1]), protectedColumns: [] }, terms({}))).toBeNull();
  });

  it('without an answer, and one of a single row, finds nothing', () => {
    const limits = { demographicParityRatio: 0.8, accuracyDifference: 0.1 };
    const unanswered = { ...draw(50, [0.5, 0.5]), outputs: new Float32Array(50).fill(NaN) };
    expect(found(unanswered, { limits })).toMatchObject({ findings: [], figures: { groupings: [{ rows: 0, groups: [] }, { rows: 0, groups: [] }] } });
    const single = found(draw(1, [1, 1]), { limits });
    expect(single.figures.groupings[0]).toMatchObject({ rows: 1, groups: [{ rows: 1, tooSmall: true, selectionRate: { value: 1 } }] });
    expect(single.findings).toEqual([]);
    expect(JSON.parse(JSON.stringify(single))).toEqual(single);
  });

  it('can hold as many groups as a spec may name', () => {
    const codes = Int32Array.from({ length: 1_000 }, (_, row) => row % 500);
    const rows = { ...draw(1_000, [0.5, 0.5]), protectedColumns: [{ column: 'region', groups: Array.from({ length: 500 }, (_, index) => `r${index}`), codes }] };
    expect(found(rows, { groups: ['region'] }).figures.groupings[0]!.groups).toHaveLength(500);
  });
});

it('names the features that tell groups apart, and limits for every disparity that is measured', () => {
  const spec = specWith();
  expect(protectedFeatures(spec)).toEqual([]);
  expect(protectedFeatures({ ...spec, fairness: fairnessSection.parse({ groups: ['side'] }) })).toEqual([spec.data.features[1]]);
  expect(Object.keys(fairnessSection.shape.limits.unwrap().shape).sort()).toEqual(Object.keys(found(draw(10, [0, 1]), {}).figures.groupings[0]!.disparities).sort());
});
