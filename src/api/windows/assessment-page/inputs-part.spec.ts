import { describe, expect, it } from 'vitest';
import type { WindowDriftReport } from '../../../contracts/window-drift.js';
import { numericDrift } from '../../../drift/numeric-drift.js';
import { assessedWindows, factsOf } from './assessment-facts-fixture.js';
import { assessmentPage } from './assessment-page.js';
import { expectSound } from './read-page-fixture.js';

const windows = assessedWindows(26);
const numbers = (rows: number, shift: number): Float64Array => Float64Array.from({ length: rows }, (_, row) => (row * 0.618034) % 1 + shift);
const driftOf = (count: number): WindowDriftReport => ({
  model: 'flights', deployment: 'default', from: '2026-01-25T00:00:00.000Z', until: '2026-02-01T00:00:00.000Z', rows: 400, drifted: ['feature 1'], level: 0.0001, faults: [], before: null,
  features: Array.from({ length: count }, (_, index) => numericDrift(`feature ${index}`, numbers(500, 0), numbers(400, index === 1 ? 0.5 : 0))),
  baseline: { version: 7, snapshot: `sha256:${'a'.repeat(64)}`, rows: 500, from: '2025-10-01T00:00:00.000Z', until: '2025-12-01T00:00:00.000Z' },
});

describe('the inputs on the page of a window', () => {
  it('stand beside the baseline, those that drift first, and of many the first thirty', () => {
    const page = assessmentPage(factsOf(windows, { drift: driftOf(40) }));
    expectSound(page);
    const inputs = page.slice(page.indexOf('aria-labelledby="part-inputs"'), page.indexOf('aria-labelledby="part-outputs"'));
    expect(inputs).toContain('1 feature: <strong><bdi>feature 1</bdi></strong>');
    expect(new Set([...inputs.matchAll(/<bdi>(feature \d+)<\/bdi><\/?[a]?/g)].map(([, name]) => name)).size).toBe(40);
    expect([...inputs.matchAll(/<svg[^>]*role="img"/g)]).toHaveLength(30);
    expect(inputs.indexOf('id="feature-1"')).toBeLessThan(inputs.indexOf('id="feature-2"'));
    expect(inputs).toContain('Drawn are the first 30 features of the table; the other 10 stand in it alone.');
    expect(assessmentPage(factsOf(windows))).not.toContain('part-inputs');
  });
});
