import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WindowSummary, WindowVerdict } from '../contracts/window-summary.js';
import { specWith } from '../data/data-fixture.js';
import { withDatabase } from '../data/duckdb.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { brokenLimits, writeSyntheticWindow } from './synthetic-window.js';
import { checkWindow } from './window-check.js';
import { summarizeWindow } from './window-summary.js';

let folder: string;
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'perennial-windows-')); });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MANY = specWith({
  data: {
    features: [
      { name: 'speed', type: 'number', min: 0, max: 0.1, maxMissing: 0.3 },
      { name: 'height', type: 'number', min: 5 },
      { name: 'depth', type: 'number', max: -5 },
      { name: 'label', type: 'number' },
      { name: 'row', type: 'number', maxMissing: 0.9, max: 3.4e38 },
      { name: 'side', type: 'category', categories: ['north', "o'clock"], maxUnknown: 0.1, maxMissing: 1 },
      { name: 'open', type: 'category', categories: ['a'], maxUnknown: 1, maxMissing: 1 },
    ],
  },
});
const withLoss = (spec: ModelSpec, maximumLoss: number, comparison: Partial<ModelSpec['rollout']['comparison']> = {}): ModelSpec =>
  ({ ...spec, monitoring: { ...spec.monitoring, maximumLoss }, rollout: { ...spec.rollout, comparison: { ...spec.rollout.comparison, ...comparison } } });
const blind = (spec: ModelSpec): ModelSpec => ({ ...spec, serving: { ...spec.serving, observe: { inputs: false } } });

async function look(spec: ModelSpec, quality: 'good' | 'bad'): Promise<{ summary: WindowSummary; verdict: WindowVerdict }> {
  return withDatabase({ files: [], scratch: folder }, async (database) => {
    const summary = await summarizeWindow(database, spec, await writeSyntheticWindow(database, spec, quality, join(folder, `${quality}.parquet`)));
    return { summary, verdict: checkWindow(spec, summary) };
  });
}

const SPECS: readonly (readonly [string, ModelSpec])[] = [
  ['features of every kind', MANY],
  ['a Brier score', withLoss(MANY, 0.25)],
  ['a clipped log loss', withLoss(MANY, 0.7, { metric: 'clippedLogLoss' })],
  ['a regression', withLoss(specWith({ task: 'regression' }), 12, { metric: 'absoluteError', bound: 100 })],
  ['inputs that may not be kept', blind(withLoss(MANY, 0.25))],
];

describe('a synthetic window', () => {
  it.each(SPECS)('of %s breaks each limit that can be broken when it is bad, and none when it is good', async (_, spec) => {
    const bad = await look(spec, 'bad');
    expect(brokenLimits(spec).length).toBeGreaterThan(0);
    expect(bad.verdict.findings.map(({ check, feature }) => ({ check, feature }))).toEqual(brokenLimits(spec));
    expect((await look(spec, 'good')).verdict).toMatchObject({ verdict: 'pass', findings: [] });
  });

  it('is counted row by row', async () => {
    const { summary } = await look(withLoss(MANY, 0.25), 'bad');
    expect(summary).toEqual({
      rows: 3_000, inputRows: 3_000,
      features: [
        { name: 'speed', missing: 1_500, unknown: 0, outOfRange: 1_500 }, { name: 'height', missing: 1_500, unknown: 0, outOfRange: 1_500 },
        { name: 'depth', missing: 1_500, unknown: 0, outOfRange: 1_500 }, { name: 'label', missing: 1_500, unknown: 0, outOfRange: 0 },
        { name: 'row', missing: 0, unknown: 0, outOfRange: 0 }, { name: 'side', missing: 0, unknown: 3_000, outOfRange: 0 },
        { name: 'open', missing: 0, unknown: 3_000, outOfRange: 0 },
      ],
      loss: { rows: 3_000, mean: 1, variance: 0 },
    });
  });

  it('names what it breaks, and nothing where the spec limits nothing', () => {
    expect(brokenLimits(blind(MANY))).toEqual([]);
    expect(brokenLimits(withLoss(blind(MANY), 0.99))).toEqual([]);
    expect(brokenLimits(MANY)).toEqual([
      { check: 'missing', feature: 'speed' }, { check: 'outOfRange', feature: 'speed' }, { check: 'missing', feature: 'height' }, { check: 'outOfRange', feature: 'height' },
      { check: 'missing', feature: 'depth' }, { check: 'outOfRange', feature: 'depth' }, { check: 'missing', feature: 'label' }, { check: 'unknown', feature: 'side' },
    ]);
  });

  it('of a thousand features is found bad too', async () => {
    const features = Array.from({ length: 1_000 }, (_, index) => ({ name: `f${index}`, type: 'number', min: 0, max: 1, maxMissing: 0.39 }));
    const spec = specWith({ data: { features } });
    expect((await look(spec, 'bad')).verdict.findings).toHaveLength(2_000);
  });
});
