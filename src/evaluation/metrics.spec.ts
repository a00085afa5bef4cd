import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Estimate, MetricName } from '../contracts/verdict.js';
import { criticalValue } from './distributions.js';
import type { JudgedRows } from './judged-rows.js';
import { measure } from './metrics.js';
import { compareOnSameRows } from './paired-comparison.js';
import { measureSlices } from './slices.js';

interface Case {
  readonly name: string;
  readonly task: JudgedRows['task'];
  readonly predictions: number[];
  readonly labels: number[];
  readonly blocks: number[] | null;
  readonly metrics: Partial<Record<MetricName, Estimate>>;
  readonly undefined: MetricName[];
  readonly champion?: number[];
  readonly gains?: Partial<Record<MetricName, Estimate>>;
}

const reference = JSON.parse(readFileSync(new URL('./reference/reference.json', import.meta.url), 'utf8')) as {
  alpha: number; threshold: number; normal: [number, number][]; student: [number, number, number][]; cases: Case[];
};
const options = { alpha: reference.alpha, threshold: reference.threshold };

const rowsOf = (known: Case, predictions = known.predictions): JudgedRows => ({
  task: known.task,
  predictions: Float64Array.from(predictions),
  labels: Float64Array.from(known.labels),
  ...(known.blocks ? { blocks: Int32Array.from(known.blocks) } : {}),
});

function expectClose(found: number | null | undefined, expected: number | null, what: string): void {
  if (expected === null) expect(found, what).toBeNull();
  else expect(Math.abs(found! - expected) / Math.max(1, Math.abs(expected)), `${what}: ${found} for ${expected}`).toBeLessThan(1e-9);
}

function expectEstimate(found: Estimate | undefined, expected: Estimate, what: string): void {
  for (const part of ['value', 'low', 'high'] as const) expectClose(found?.[part], expected[part], `${what} ${part}`);
}

describe('metrics equal scikit-learn and the intervals of the reference', () => {
  it.each(reference.cases.map((known) => [known.name, known] as const))('%s', (_, known) => {
    const { metrics, undefinedBecause } = measure(rowsOf(known), options);
    expect(Object.keys(metrics).sort()).toEqual(Object.keys(known.metrics).sort());
    expect(Object.keys(undefinedBecause).sort()).toEqual([...known.undefined].sort());
    for (const [metric, expected] of Object.entries(known.metrics)) expectEstimate(metrics[metric as MetricName], expected, metric);
  });

  it('says why a metric does not exist', () => {
    const none = { task: 'binary-classification', predictions: new Float64Array(0), labels: new Float64Array(0) } as const;
    expect(measure(none, options)).toEqual({
      metrics: {},
      undefinedBecause: { auc: 'there are no rows', logLoss: 'there are no rows', brier: 'there are no rows', calibrationError: 'there are no rows', f1: 'there are no rows' },
    });
  });
});

describe('paired comparison equals the reference', () => {
  const paired = reference.cases.filter((known) => known.champion);
  it.each(paired.map((known) => [known.name, known] as const))('%s', (_, known) => {
    for (const [metric, expected] of Object.entries(known.gains!)) {
      const found = compareOnSameRows(metric as MetricName, rowsOf(known), rowsOf(known, known.champion), options);
      if ('undefinedBecause' in found) throw new Error(found.undefinedBecause);
      expectEstimate(found.gain, expected, metric);
    }
  });

  it('finds no gain of a model over itself, with certainty', () => {
    const rows = rowsOf(paired[0]!);
    for (const metric of ['auc', 'logLoss', 'brier', 'f1', 'calibrationError'] as const) {
      expect(compareOnSameRows(metric, rows, rows, options)).toMatchObject({ gain: { value: 0, low: 0, high: 0 } });
    }
  });

  it('refuses models that were scored on other rows', () => {
    const [known] = paired;
    const other = { ...known!, labels: known!.labels.map((label) => 1 - label) };
    expect(() => compareOnSameRows('auc', rowsOf(known!), rowsOf(other), options)).toThrow(/Row 0 has label/);
    const fewer = { ...known!, labels: known!.labels.slice(1), predictions: known!.predictions.slice(1) };
    expect(() => compareOnSameRows('auc', rowsOf(known!), rowsOf(fewer), options)).toThrow(/200 rows and the champion on 199/);
  });

  it('draws no interval from one block', () => {
    const rows = { ...rowsOf(paired[0]!), blocks: new Int32Array(200) };
    const rival = { ...rowsOf(paired[0]!, paired[0]!.champion), blocks: rows.blocks };
    expect(compareOnSameRows('logLoss', rows, rival, options)).toMatchObject({ gain: { low: null, high: null }, blocks: 1 });
    expect(compareOnSameRows('auc', rows, rival, options)).toMatchObject({ gain: { low: null, high: null }, blocks: 1 });
  });
});

describe('quantiles equal SciPy', () => {
  it('normal', () => {
    for (const [alpha, expected] of reference.normal) expectClose(criticalValue(alpha), expected, `alpha ${alpha}`);
  });
  it("Student's t", () => {
    for (const [alpha, nu, expected] of reference.student) expectClose(criticalValue(alpha, nu), expected, `alpha ${alpha}, ${nu} degrees`);
  });
});

describe('slices', () => {
  it('measures each value as if its rows were alone, and leaves out values without rows', () => {
    const known = reference.cases.find(({ name }) => name === 'rows in blocks')!;
    const rows = rowsOf(known);
    const codes = Int32Array.from(rows.labels, (_, row) => (row % 3 === 0 ? 0 : 2));
    const measured = measureSlices(rows, [{ column: 'origin', values: ['JFK', 'LGA', null], codes }], options);
    expect(measured.map(({ value, rows: count }) => [value, count])).toEqual([['JFK', 60], [null, 120]]);
    const alone = {
      task: rows.task,
      predictions: rows.predictions.filter((_, row) => row % 3 === 0),
      labels: Float64Array.from(rows.labels).filter((_, row) => row % 3 === 0),
      blocks: rows.blocks!.filter((_, row) => row % 3 === 0),
    };
    expect(measured[0]).toMatchObject({ ...measure(alone, options) });
  });
});
