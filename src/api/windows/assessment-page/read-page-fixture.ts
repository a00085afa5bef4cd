import { expect } from 'vitest';
import { unbalanced } from '../page/unbalanced-fixture.js';

/** What holds of every page. */
export function expectSound(page: string): void {
  expect(unbalanced(page)).toEqual([]);
  expect(page).not.toMatch(/<script|<link|<img|src=|@import|url\(/);
  expect(page.replace(/<style>[^]*?<\/style>/, '')).not.toMatch(/NaN|undefined|null|Infinity/);
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [, targets] of page.matchAll(/aria-labelledby="([^"]+)"/g)) for (const target of targets!.split(' ')) expect(ids).toContain(target);
  const levels = [...page.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
  expect(levels.filter((level, index) => level > (levels[index - 1] ?? 0) + 1)).toEqual([]);
}

/** Of every drawing: coordinates that lie within it, up to the reach of a shape. */
export function expectWithin(page: string): void {
  for (const [drawing, width, height] of page.matchAll(/<svg viewBox="0 0 ([\d.]+) ([\d.]+)" role="img"[^]*?\n<\/svg>/g)) {
    const of = (pattern: RegExp): number[] => [...drawing.matchAll(pattern)].map(([, value]) => Number(value));
    const [xs, ys] = [of(/ (?:x|x1|x2|cx)="([^"]*)"| d="M([-\d.e]+)/g), of(/ (?:y|y1|y2|cy)="([^"]*)"/g)];
    expect(xs.filter((x) => x < 0 || x > Number(width))).toEqual([]);
    expect(ys.filter((y) => y < 0 || y > Number(height))).toEqual([]);
  }
}

/** As it is read: blocks apart, what stands within a line together. */
export const plain = (markup: string): string => markup
  .replaceAll(/<(title|desc|style)\b[^]*?<\/\1>/g, '').replaceAll(/<\/?(?:bdi|time|strong|i|code|span)\b[^>]*>/g, '').replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ').trim();
export const section = (page: string, name: string): string => new RegExp(`<section aria-labelledby="part-${name}">[^]*?</section>`).exec(page)?.[0] ?? '';
export const drawn = (page: string, id: string): string => new RegExp(`<svg [^>]*aria-labelledby="${id}-title[^]*?\n</svg>`).exec(page)?.[0] ?? '';
export const count = (text: string, part: string): number => text.split(part).length - 1;
export const labels = (drawing: string, kind: string): string[] => [...drawing.matchAll(new RegExp(`<text class="${kind}"[^>]*>([^<]*)`, 'g'))].map(([, text]) => text!);
