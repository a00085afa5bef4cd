import { describe, expect, it } from 'vitest';
import type { FeatureDrift } from './feature-drift.js';
import { maskedAssessment, maskedDrift, maskedFaults, maskedSlices } from './masked-reports.js';
import { sensitivityOf } from './masking.js';
import type { WindowAssessmentReport } from './window-assessment-report.js';
import type { UpstreamFault, WindowDriftReport } from './window-drift.js';

const SENSITIVITY = sensitivityOf({ data: { sensitive: ['colour', 'weight'], key: ['id'], label: 'late', features: [{ name: 'weight' }, { name: 'colour', categories: ['red', 'blue'] }] } });
const NOTHING = sensitivityOf();

describe('slices', () => {
  const slices = [['colour', 'blue'], ['colour', null], ['colour', 'pink'], ['colour', '(others)'], ['weight', '731.4'], ['size', '731.4']].map(([column, value], rows) => ({ column: column as string, value: value as string | null, rows }));
  it('of sensitive columns go by pseudonyms, and masking twice changes nothing more', () => {
    const once = maskedSlices(slices, SENSITIVITY);
    expect(once.map(({ value }) => value)).toEqual(['colour:2', null, 'colour:?1', '(others)', 'weight:?1', '731.4']);
    expect(maskedSlices(once, SENSITIVITY)).toEqual(once);
    expect(maskedSlices(slices, NOTHING)).toEqual(slices);
  });
});

const side = (mean: number | null) => ({ rows: 10, missing: 0, infinite: 0, least: mean, greatest: mean, mean, median: mean });
const number = { name: 'weight', type: 'number', baseline: side(731.4242), window: side(812.7), psi: 0.3, bins: { edges: [731.4242, 999.7373], categories: null, baseline: [1, 2, 3], window: [4, 5, 6] }, newCategories: [] } as unknown as FeatureDrift;
const category = { name: 'colour', type: 'category', baseline: side(null), window: side(null), psi: 0.3, bins: { edges: null, categories: ['blue', 'red', 'pink'], baseline: [1, 2, 0], window: [4, 5, 6] }, newCategories: [{ value: 'pink', rows: 6 }] } as unknown as FeatureDrift;
const fault = (kind: UpstreamFault['kind'], ...features: string[]): UpstreamFault => ({ kind, features, unit: kind === 'unitChange' ? 'kg to g' : null, because: 'it is 731.4242' });

describe('the inputs of a window', () => {
  const report = { features: [number, category, { ...number, name: 'size' }], faults: [fault('frozen', 'weight')] } as unknown as WindowDriftReport;
  it('keep their comparison, and lose single values, exact edges and the names of categories', () => {
    const [weight, colour, size] = maskedDrift(report, SENSITIVITY).features;
    expect(weight).toMatchObject({ psi: 0.3, baseline: { rows: 10, least: null, greatest: null, mean: 700, median: 700 }, window: { mean: 800 }, bins: { edges: [700, 1000], baseline: [1, 2, 3] } });
    expect(colour).toMatchObject({ psi: 0.3, bins: { edges: null, categories: ['colour:2', 'colour:1', 'colour:?1'], window: [4, 5, 6] }, newCategories: [{ value: 'colour:?1', rows: 6 }] });
    expect(size).toEqual(report.features[2]);
    expect(maskedDrift(maskedDrift(report, SENSITIVITY), SENSITIVITY)).toEqual(maskedDrift(report, SENSITIVITY));
    expect(maskedDrift(report, NOTHING)).toEqual(report);
  });

  it('have faults whose sentences tell no value', () => {
    const told = [fault('frozen', 'weight'), fault('unitChange', 'weight'), fault('frozen', 'size')];
    expect(maskedFaults(told, SENSITIVITY).map(({ because }) => because)).toEqual([
      'weight has one value in all rows, and many in the baseline; which one is not shown (data.sensitive).', 'weight is close to its baseline once the change kg to g is taken back; by how much it moved is not shown (data.sensitive).', 'it is 731.4242',
    ]);
  });
});

describe('an assessment', () => {
  const group = (...names: string[]) => ({ group: names, rows: 100 });
  const bin = (from: number | null, until: number | null, name: string | null) => ({ from, until, category: name, rows: 5 });
  const report = {
    quality: { slices: [{ column: 'colour', value: 'red' }] },
    attribution: { features: [{ name: 'weight', bins: [bin(null, 731.4242, null), bin(731.4242, 999.7373, null)] }, { name: 'colour', bins: [bin(null, null, 'red'), bin(null, null, null)] }, { name: 'size', bins: [bin(0.123456, null, null)] }] },
    fairness: {
      groupings: [{ columns: ['colour', 'size'], groups: [group('red', '1'), group('blue', '1')], disparities: { accuracyDifference: { value: 0.2, highest: ['red', '1'], lowest: ['blue', '1'] }, adverseActionRatio: null } }],
      checks: [{ name: 'accuracyDifference by colour', verdict: 'fail', explanation: 'highest for red' }],
    },
  } as unknown as WindowAssessmentReport;

  it('names slices, bins and groups by pseudonyms; what checks said of groups is left out', () => {
    expect(maskedAssessment(report, SENSITIVITY)).toMatchObject({
      quality: { slices: [{ value: 'colour:1' }] },
      attribution: { features: [{ bins: [{ from: null, until: 700 }, { from: 700, until: 1000 }] }, { bins: [{ category: 'colour:1' }, { category: null }] }, { bins: [{ from: 0.123456 }] }] },
      fairness: {
        groupings: [{ groups: [{ group: ['colour:1', '1'] }, { group: ['colour:2', '1'] }], disparities: { accuracyDifference: { value: 0.2, highest: ['colour:1', '1'], lowest: ['colour:2', '1'] }, adverseActionRatio: null } }],
        checks: [{ verdict: 'fail', explanation: 'accuracyDifference by colour: fail; its groups are not shown (data.sensitive)' }],
      },
    });
  });

  it('that was masked when it was written keeps its words', () => {
    const once = maskedAssessment(report, SENSITIVITY);
    const written = { ...once, fairness: { ...once.fairness!, checks: [{ name: 'a', verdict: 'fail' as const, explanation: 'highest for colour:1' }] } };
    expect(maskedAssessment(written, SENSITIVITY)).toEqual(written);
    expect(maskedAssessment(report, NOTHING)).toEqual(report);
  });
});
