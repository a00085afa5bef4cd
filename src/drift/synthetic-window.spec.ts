import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JUDGING_LOOKS, type WindowVerdict } from '../contracts/window-summary.js';
import { specWith } from '../data/data-fixture.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { writeSyntheticWindow } from './synthetic-files.js';
import { brokenLimits, type Quality } from './synthetic-window.js';
import { joinVerdicts } from './window-check.js';
import { type LookResult, lookAtWindow } from './window-look.js';

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

let made = 0;
async function look(spec: ModelSpec, quality: Quality): Promise<{ looks: LookResult[]; verdict: WindowVerdict }> {
  const window = await writeSyntheticWindow({ spec, specDigest: 'sha256:0', deployment: 'default', quality, folder: join(folder, String((made += 1))) });
  const looks = await Promise.all(JUDGING_LOOKS.map((one) => lookAtWindow(spec, one, { ...window, scratch: folder })));
  return { looks, verdict: joinVerdicts(looks.map(({ verdict }) => verdict)) };
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
    const { looks: [inputs, loss] } = await look(withLoss(MANY, 0.25), 'bad');
    expect(inputs?.summary).toEqual({
      rows: 1_000, inputRows: 1_000, loss: null,
      features: [
        { name: 'speed', missing: 500, unknown: 0, outOfRange: 500 }, { name: 'height', missing: 500, unknown: 0, outOfRange: 500 },
        { name: 'depth', missing: 500, unknown: 0, outOfRange: 500 }, { name: 'label', missing: 500, unknown: 0, outOfRange: 0 },
        { name: 'row', missing: 0, unknown: 0, outOfRange: 0 }, { name: 'side', missing: 0, unknown: 1_000, outOfRange: 0 },
        { name: 'open', missing: 0, unknown: 1_000, outOfRange: 0 },
      ],
    });
    expect(loss?.summary).toEqual({ rows: 1_000, inputRows: 0, features: [], loss: { rows: 1_000, mean: 1, variance: 0 } });
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
