import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { measureFairness } from '../evaluation/fairness.js';
import { fairnessSection } from '../spec/fairness-section.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { parseSpec } from '../spec/parse-spec.js';
import { candidateFairness, slicedByGroups } from './candidate-fairness.js';

const { spec } = parseSpec(readFileSync(join(import.meta.dirname, '../../models/acs-employment/model.yaml'), 'utf8'));
const ROWS = 1_200;
const DAY_MS = 86_400_000;

/** Slices as scoring makes them: the most frequent values, then missing, then the rest. */
const slices = [
  { column: 'sex', values: ['female', 'male', 'unlisted', null], codes: Int32Array.from({ length: ROWS }, (_, row) => (row % 100 === 99 ? 3 : row % 100 === 98 ? 2 : row % 2)) },
  { column: 'age', values: ['40', '30', null, '(70 other values)'], codes: Int32Array.from({ length: ROWS }, (_, row) => row % 4) },
];
/** Every second man is chosen, and every woman. */
const predictions = Float32Array.from({ length: ROWS }, (_, row) => (row % 2 === 0 || row % 4 === 1 ? 0.9 : 0.1));
const judged = { predictions, labels: Float64Array.from({ length: ROWS }, (_, row) => (row % 3 === 0 ? 1 : 0)), eventTimesMs: Float64Array.from({ length: ROWS }, (_, row) => Math.floor(row / 20) * DAY_MS), slices };

const withGroups = (section: Parameters<typeof fairnessSection.parse>[0]): ModelSpec => ({ ...spec, fairness: fairnessSection.parse(section) });

describe('the first test for bias', () => {
  it('is measured as in a window, the groups that the spec lists apart from what is missing or not listed', () => {
    const figures = candidateFairness(judged, withGroups({ groups: ['sex'], limits: { demographicParityRatio: 0.8 } }));
    const [grouping] = figures!.groupings;
    expect(grouping).toMatchObject({ columns: ['sex'], rows: ROWS, unknownRows: 24 });
    const rates = Object.fromEntries(grouping!.groups.map(({ group: [name], selectionRate }) => [name, selectionRate?.value]));
    expect(rates['female']).toBe(1);
    expect(rates['male']).toBeCloseTo(300 / 588, 12);
    expect(figures!.checks).toMatchObject([{ name: 'fairness:sex:demographicParityRatio', verdict: 'fail' }]);
    const direct = measureFairness({
      decisions: Uint8Array.from(predictions, (value) => (value >= 0.5 ? 1 : 0)), labels: judged.labels, blocks: Int32Array.from(judged.eventTimesMs, (ms) => ms / DAY_MS),
      columns: [{ column: 'sex', groups: ['male', 'female'], codes: Int32Array.from(slices[0]!.codes, (code) => [1, 0, -1, -1][code]!) }],
    }, { alpha: spec.evaluation.alpha, favourable: 1 });
    expect(grouping!.disparities).toEqual(direct[0]!.disparities);
  });

  it('takes the most frequent values of a number for groups', () => {
    const figures = candidateFairness(judged, withGroups({ groups: ['age'] }));
    expect(figures!.groupings[0]).toMatchObject({ unknownRows: ROWS / 2, groups: [{ group: ['40'] }, { group: ['30'] }] });
    expect(figures!.checks).toEqual([]);
  });

  it('is not made where the spec names no protected column', () => {
    const { fairness: _, ...without } = spec;
    expect(candidateFairness(judged, without)).toBeNull();
    expect(slicedByGroups({ ...without, evaluation: { ...spec.evaluation, slices: ['sex'] } }).evaluation.slices).toEqual(['sex']);
  });

  it('has rows scored by each protected column once', () => {
    expect(slicedByGroups({ ...spec, evaluation: { ...spec.evaluation, slices: ['sex', 'schooling'] } }).evaluation.slices).toEqual(['sex', 'schooling', 'race', 'age_band']);
  });
});
