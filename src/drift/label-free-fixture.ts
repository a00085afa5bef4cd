import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { MetricEstimate } from './metric-estimate.js';

/** A number, or the name of one that JSON has not. */
type Written = number | 'NaN' | 'Infinity' | '-Infinity';

/** What reference/make_label_free.py expects of one metric on a window; the estimate is null where the metric is not defined. */
export interface ExpectedMetric {
  readonly value: number | null;
  readonly samplingError?: number | null;
  readonly low?: number | null;
  readonly high?: number | null;
  readonly alert: boolean;
  readonly realised: number | null;
}

type Thresholds = Readonly<Record<string, readonly [number | null, number | null]>>;

interface LabelFreeReference {
  readonly permutations: readonly { seed: number; drawn: number[][]; skipped?: number; first?: number[] }[];
  readonly isotonic: readonly { name: string; scores: Written[]; labels: Written[]; at: Written[]; points: number[]; values: number[]; calibrated: number[] }[];
  readonly need: readonly {
    name: string; probabilities: Written[]; labels: number[]; errorBefore: number | null; errorAfter: number | null; nannyml: boolean | null;
  }[];
  readonly confidenceBased: readonly {
    name: string; threshold: number; chunkSize: number; probabilities: Written[]; labels: number[]; thresholds: Thresholds;
    calibration: { points: number[]; values: number[] } | null;
    windows: readonly { name: string; probabilities: Written[]; labels: number[]; rowsLeftOut: number; metrics: Readonly<Record<string, ExpectedMetric>> }[];
  }[];
  readonly directLoss: readonly {
    name: string; chunkSize: number; predictions: Written[]; labels: Written[]; thresholds: Thresholds;
    windows: readonly {
      name: string; predictions: Written[]; labels: Written[]; losses: Readonly<Record<'absolute-error' | 'squared-error', Written[]>>;
      metrics: Readonly<Record<string, ExpectedMetric>>;
    }[];
  }[];
}

export const readLabelFreeReference = (): LabelFreeReference =>
  JSON.parse(readFileSync(new URL('./reference/label-free.json', import.meta.url), 'utf8')) as LabelFreeReference;

export const numbers = (written: readonly Written[]): Float64Array => Float64Array.from(written, Number);

/** The chunks of rows that come in chunks of one size. */
export const chunksOf = (rows: number, size: number): Int32Array => Int32Array.from({ length: rows }, (_, row) => Math.floor(row / size));

/** To 1e-9, relative above 1. */
export function expectClose(found: number | null | undefined, expected: number | null, what: string): void {
  if (expected === null) expect(found, what).toBeNull();
  else expect(Math.abs(found! - expected) / Math.max(1, Math.abs(expected)), `${what}: ${found} for ${expected}`).toBeLessThan(1e-9);
}

export function expectEstimate(found: MetricEstimate | null | undefined, expected: ExpectedMetric, what: string): void {
  if (expected.value === null) {
    expect(found, what).toBeNull();
    return;
  }
  expectClose(found?.value, expected.value, `${what} value`);
  for (const part of ['samplingError', 'low', 'high'] as const) expectClose(found?.[part], expected[part] ?? null, `${what} ${part}`);
  expect(found?.alert, `${what} alert`).toBe(expected.alert);
}
