import { describe, expect, it } from 'vitest';
import { comparisonPlot } from './release-plot.js';
import type { BlockEntry, ReleaseEntry } from './release-result.js';

const DAY_MS = 86_400_000;
const time = (day: number): string => new Date(Date.UTC(2013, 5, 25) + day * DAY_MS).toISOString();
const block = (day: number, gain: number, reach: number | null, phase: BlockEntry['phase'] = 'rollout'): BlockEntry => ({
  analysis: 1, phase, until: time(day), samples: day * 900, missingLabels: day, gain, low: reach === null ? null : gain - reach, high: reach === null ? null : gain + reach, outcome: null,
});
const entry = (changes: Partial<ReleaseEntry> = {}): ReleaseEntry => ({
  title: 'A version with a < b & c', version: 2, trainedOn: { start: time(-60), end: time(-30), rows: 40_000 }, gateVerdict: 'pass', release: 1, champion: 1, outcome: 'rolled-back',
  reason: 'worse', promotedEpoch: 2, planDigest: 'sha256:0', alpha: 0.1, workflowId: 'model/m/deployment/2',
  steps: [
    { action: 'request', stage: 'queued', percent: null, eventTime: null, reason: '', comparison: null },
    { action: 'advance', stage: 'canary', percent: 25, eventTime: time(4), reason: '', comparison: null },
    { action: 'roll-back', stage: 'finished', percent: null, eventTime: time(7), reason: '', comparison: null },
  ],
  blocks: [block(1, 0.05, null), block(2, 0.04, 0.02), block(3, 0.03, 0.01), block(6, -0.02, 0.005, 'watch')],
  ...changes,
});

describe('the picture of the comparisons', () => {
  it('has a point for each block, an area where there is an interval, and a mark for each step that event time knows', () => {
    const svg = comparisonPlot([entry()]);
    expect(svg.match(/<circle /g)).toHaveLength(4);
    expect(svg.match(/fill-opacity/g)).toHaveLength(1);
    expect(svg.match(/stroke-dasharray/g)).toHaveLength(2);
    expect(svg).toContain('>25 %</text>');
    expect(svg).toContain('>rolled back</text>');
    expect(svg).toContain('90 % confidence sequence');
    expect(svg).toContain('A version with a &lt; b &amp; c');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('draws what is better above what is worse, with nought between', () => {
    const heights = [...comparisonPlot([entry()]).matchAll(/<circle cx="[\d.]+" cy="([\d.]+)"/g)].map(([, y]) => Number(y));
    expect(heights).toEqual([...heights].sort((a, b) => a - b));
    const nought = /y="([\d.]+)"[^>]*>0\.00<\/text>/.exec(comparisonPlot([entry()]));
    expect(Number(nought?.[1])).toBeGreaterThan(heights[2] as number);
    expect(Number(nought?.[1])).toBeLessThan(heights[3] as number);
  });

  it('leaves out a version that was compared with none', () => {
    expect(comparisonPlot([entry({ blocks: [] })])).not.toContain('<circle');
  });
});
