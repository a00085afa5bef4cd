import { describe, expect, it } from 'vitest';
import type { FeatureDrift } from '../../../contracts/feature-drift.js';
import type { WindowDriftReport } from '../../../contracts/window-drift.js';
import { categoryDrift } from '../../../drift/category-drift.js';
import { driftThresholds } from '../../../drift/drift-thresholds.js';
import { numericDrift } from '../../../drift/numeric-drift.js';
import { seededRandom } from '../../../observations/testing/random-observations.js';
import { DRAWN_FEATURES, driftPage } from './drift-page.js';
import { unbalanced } from '../page/unbalanced-fixture.js';

const draw = seededRandom(7);
const numbers = (rows: number, shift = 0): Float64Array => Float64Array.from({ length: rows }, () => draw() + shift);
const counts = (...rows: (readonly [string, number])[]) => ({ counts: new Map(rows), missing: 3 });

const calm = numericDrift('calm', numbers(500), numbers(400));
const moved = numericDrift('moved', numbers(500), numbers(400, 0.5));
const gone = numericDrift('gone', numbers(500), Float64Array.from({ length: 400 }, () => NaN));
const colour = categoryDrift('colour', counts(['red', 100], ['', 20]), counts(['red', 50], ['<b>blue</b>', 60], ['x'.repeat(500), 1]));

const report = (features: readonly FeatureDrift[], drifted: readonly string[] = []): WindowDriftReport => ({
  model: 'flights', deployment: 'default', from: '2013-06-24T00:00:00.000Z', until: '2013-07-01T00:00:00.000Z', rows: 400, features, drifted, level: drifted.length > 0 ? 0.0001 : null,
  baseline: { version: 7, snapshot: `sha256:${'a'.repeat(64)}`, rows: 500, from: '2013-04-01T00:00:00.000Z', until: '2013-06-01T00:00:00.000Z' }, faults: [], before: null,
});

/** Names in the rows of the table of features, in order. */
const rowsOf = (html: string): string[] => [.../<tbody>([^]*?)<\/tbody>/.exec(html)![1]!.matchAll(/<th scope="row">([^]*?)<\/th>/g)].map(([, name]) => name!.replaceAll(/<[^>]*>/g, ''));

describe('a page of a window\'s drift', () => {
  it('holds well-formed markup, with nothing from elsewhere and no script', () => {
    const page = driftPage(report([calm, moved, gone, colour], ['moved']));
    expect(unbalanced(page)).toEqual([]);
    expect(page).not.toMatch(/<script|<link|<img|src=|@import|url\(|https?:\/\/(?!www\.w3\.org\/)/);
    expect(page).toMatch(/<html lang="en">/);
    expect(driftPage(report([calm, moved, gone, colour], ['moved']))).toBe(page);
  });

  it('shows what was found first, then by PSI, and what is not defined as a dash', () => {
    const page = driftPage(report([gone, calm, colour, moved], ['calm']));
    expect(rowsOf(page)).toEqual(['calm', ...(moved.psi! > colour.psi! ? ['moved', 'colour'] : ['colour', 'moved']), 'gone']);
    const cells = [.../<tr><th scope="row"><a href="#feature-4">[^]*?<\/tr>/.exec(page)![0].matchAll(/<td class="figure">([^<]*)/g)].map(([, text]) => text);
    expect(cells).toEqual(['–', '–', '–', '–', '–', '100 %', '0 %', '–']);
    expect(page).toMatch(/observation/);
    expect(page).not.toMatch(/NaN|undefined|null/);
  });

  it('says which blocks the baseline is of, where its other blocks trained', () => {
    const whole = report([calm]);
    expect(driftPage(whole)).not.toContain('held out');
    const page = driftPage({ ...whole, baseline: { ...whole.baseline, heldOut: { every: 3, block: 'P1D' } } });
    expect(page).toContain('of which the blocks held out (one in 3 of P1D)');
    expect(unbalanced(page)).toEqual([]);
  });

  it('says below a figure where chance ends, and which are beyond', () => {
    const judged = [calm, moved, colour].map((feature) => ({ ...feature, thresholds: driftThresholds(feature, 0.05) }));
    const page = driftPage(report(judged, ['moved']));
    expect(unbalanced(page)).toEqual([]);
    const cellsOf = (place: number): string[] => [...new RegExp(`<tr[^>]*><th scope="row"><a href="#feature-${place}">[^]*?</tr>`).exec(page)![0].matchAll(/<td class="figure">([^]*?)<\/td>/g)]
      .map(([, cell]) => cell!.replaceAll(/<[^>]*>/g, ''));
    const { psi, thresholds } = judged[1]!;
    expect(cellsOf(1)[0]).toBe(`${psi!.toPrecision(4)} beyond ${thresholds.psi!.limit.toPrecision(4)}`);
    expect(cellsOf(2).at(-1)).toMatch(/^2 \(53.51 % of rows\) beyond \d/);
    expect(cellsOf(3)[0]).toMatch(/^0\.0\d+ 0\.0\d+$/);
    expect(cellsOf(3)[4]).toMatch(/^\d\.\d+$/);
  });

  it('escapes names and categories, and shortens long ones', () => {
    const page = driftPage({ ...report([{ ...calm, name: '<script>alert(1)</script>' }, colour]), model: '"><img src=x>' });
    expect(page).not.toContain('<script>');
    expect(page).not.toContain('<img');
    expect(page).not.toContain('<b>blue');
    expect(page).toContain('&lt;script&gt;');
    expect(page).not.toContain('x'.repeat(400));
    expect(unbalanced(page)).toEqual([]);
  });

  it('stays below 10 MB for 2,000 features, and says how many are drawn', () => {
    const page = driftPage(report(Array.from({ length: 2_000 }, (_, index) => ({ ...moved, name: `feature number ${index}` }))));
    expect(page.length).toBeLessThan(10 * 2 ** 20);
    expect(page.match(/role="img"/g)).toHaveLength(DRAWN_FEATURES);
    expect(page).toContain('the other 1,800 stand in it alone');
  });

  it('stays below 10 MB where every text is long and has to be escaped', () => {
    const long = '&'.repeat(20_000);
    const wide = categoryDrift('c', counts(['red', 100]), counts(...Array.from({ length: 30 }, (_, index) => [`${long}${index}`, 30 - index] as const)));
    const page = driftPage(report(Array.from({ length: 2_000 }, (_, index) => ({ ...wide, name: `${long}${index}` }))));
    expect(Buffer.byteLength(page)).toBeLessThan(10 * 2 ** 20);
  });

  it('draws the most frequent categories apart, marks new ones, and the others together', () => {
    const many = categoryDrift('many', counts(...Array.from({ length: 14 }, (_, index) => [`c${index}`, 100 - index] as const)), counts(['c13', 400], ['fresh', 100]));
    const labels = [...driftPage(report([many])).matchAll(/<text x="0"[^>]*>(.*?)<\/text>/g)].map(([, label]) => label!.replaceAll(/<[^>]*>/g, ''));
    expect(labels).toEqual(['c13', 'new fresh', ...Array.from({ length: 10 }, (_, index) => `c${index}`), '3 others']);
  });

  it('has headings in order, and ids that are there once', () => {
    const page = driftPage(report([calm, moved, gone, colour], ['moved']));
    const levels = [...page.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
    expect(levels.filter((level, index) => level > (levels[index - 1] ?? 0) + 1)).toEqual([]);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of page.matchAll(/(?:href="#|aria-labelledby=")([\w-]+)/g)) expect(ids).toContain(target);
  });

  it('writes small p-values in scientific form, one that underflows as a bound, and four digits', () => {
    const page = driftPage(report([0, 1.23456e-7, 0.0123456].map((pValue, index) => ({ ...moved, name: `f${index}`, psi: 1.23456 - index, ks: { statistic: 0.123456, error: 0.00012, pValue } }))));
    for (const text of ['>&lt; 1e-300<', '>1.235e-7<', '>0.01235<', '>1.235<', '>KS 0.1235 ± 0.00012<']) expect(page).toContain(text);
  });
});
