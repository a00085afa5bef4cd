import { describe, expect, it } from 'vitest';
import type { FeatureDrift } from '../../../contracts/feature-drift.js';
import type { WindowDriftReport } from '../../../contracts/window-drift.js';
import { categoryDrift } from '../../../drift/category-drift.js';
import { numericDrift } from '../../../drift/numeric-drift.js';
import { uniformDraws } from '../../../drift/testing/uniform-draws.js';
import { DRAWN_FEATURES, driftPage } from './drift-page.js';

const draw = uniformDraws(7);
const numbers = (rows: number, shift = 0): Float64Array => Float64Array.from({ length: rows }, () => draw() + shift);
const counts = (...rows: (readonly [string, number])[]) => ({ counts: new Map(rows), missing: 3 });

const calm = numericDrift('calm', numbers(500), numbers(400));
const moved = numericDrift('moved', numbers(500), numbers(400, 0.5));
const gone = numericDrift('gone', numbers(500), Float64Array.from({ length: 400 }, () => NaN));
const colour = categoryDrift('colour', counts(['red', 100], ['', 20]), counts(['red', 50], ['<b>blue</b>', 60], ['x'.repeat(500), 1]));

const report = (features: readonly FeatureDrift[], drifted: readonly string[] = []): WindowDriftReport => ({
  model: 'flights', deployment: 'default', from: '2013-06-24T00:00:00.000Z', until: '2013-07-01T00:00:00.000Z', rows: 400, features, drifted, level: drifted.length > 0 ? 0.0001 : null,
  baseline: { version: 7, snapshot: `sha256:${'a'.repeat(64)}`, rows: 500, from: '2013-04-01T00:00:00.000Z', until: '2013-06-01T00:00:00.000Z' },
});

const VOID = new Set(['meta', 'br', 'link', 'hr', 'col', '!doctype']);

/** The tags that are still open at the end, or were closed out of turn. */
function unbalanced(html: string): string[] {
  const open: string[] = [];
  for (const [, closing, name, rest] of html.matchAll(/<(\/?)([a-zA-Z!][\w-]*)([^>]*)>/g)) {
    const tag = name!.toLowerCase();
    if (VOID.has(tag) || rest!.endsWith('/')) continue;
    if (closing === '') open.push(tag);
    else if (open.pop() !== tag) return [...open, `/${tag}`];
  }
  return open;
}

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
    expect(/id="feature-4"|gone/.test(page)).toBe(true);
    expect(page).toContain('–');
    expect(page).toMatch(/observation/);
    expect(page).not.toMatch(/NaN|undefined|null/);
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
    expect(page).toContain(String(DRAWN_FEATURES));
  });
});
