import { type Markup, markup, NOTHING } from '../page/markup.js';
import { round } from '../page/plot-steps.js';
import type { PlotScale } from './plot-scales.js';
import { shortTime } from './words.js';

/** Pixels. */
export const WIDTH = 760;
export const LEFT = 70;
const RIGHT = 38;
/** That the label of a time takes. */
const TIME_LABEL = 76;
const CHARACTER = 6.2;
/** The lowest first: the top stays empty where one level is enough. */
const LABEL_LEVELS = [36, 23, 10] as const;
/** Above the first panel, for the names of marks. */
export const MARKS_ROOM = 42;
const DAY_MS = 86_400_000;

export interface Stretch {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Pixels. */
export interface Panel {
  readonly top: number;
  readonly bottom: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export type TimeScale = (ms: number) => number;

export const timeScale = ({ fromMs, untilMs }: Stretch): TimeScale => (ms) => round(LEFT + ((ms - fromMs) / Math.max(1, untilMs - fromMs)) * (WIDTH - LEFT - RIGHT));

/** @param id unique in the page @param described what is drawn, for who cannot see it */
export const timePlot = (id: string, title: string, described: string, height: number, content: readonly Markup[]): Markup =>
  markup`<div class="plot" role="region" aria-label="${title}" tabindex="0">
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-title ${id}-text">
<title id="${id}-title">${title}</title><desc id="${id}-text">${described}</desc>
${content}
</svg></div>`;

/** The lines that values are read from, and above them what they are of. */
export function valueAxis(title: string, { ticks }: PlotScale, top: number): Markup {
  const lines = ticks.map(({ at, label }) =>
    markup`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text class="value" x="${LEFT - 7}" y="${at + 4}">${label}</text>`);
  return markup`<text class="axis" x="0" y="${top - 9}">${title}</text>${lines}`;
}

/** Where windows begin, as many as have room, and where the last one ends. */
export function timeAxis(windows: readonly Stretch[], x: TimeScale, base: number): Markup {
  const times = [...windows.map(({ fromMs }) => fromMs), windows.at(-1)?.untilMs ?? 0];
  const inDays = times.every((ms) => ms % DAY_MS === 0);
  let free = -Infinity;
  const labels = times.map((ms) => {
    if (x(ms) < free) return NOTHING;
    free = x(ms) + TIME_LABEL;
    const label = inDays ? shortTime(ms) : new Date(ms).toISOString().slice(5, 16).replace('T', ' ');
    return markup`<line class="edge" x1="${x(ms)}" x2="${x(ms)}" y1="${base}" y2="${base + 5}"/><text class="tick" x="${x(ms)}" y="${base + 18}">${label}</text>`;
  });
  return markup`<line class="edge" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${base}" y2="${base}"/>${labels}`;
}

export interface TimeMark {
  readonly ms: number;
  readonly label: string;
  readonly kind: 'began' | 'alarm';
}

/**
 * Vertical lines through panels, with their names above on up to three levels; where there is no room left, the line stands alone.
 * @param panels the first is the upper one
 */
export function timeMarks(marks: readonly TimeMark[], x: TimeScale, panels: readonly Panel[]): Markup {
  const ends = LABEL_LEVELS.map(() => -Infinity);
  const drawn = marks.toSorted((one, other) => one.ms - other.ms).map(({ ms, label, kind }) => {
    const half = (label.length * CHARACTER) / 2;
    const middle = Math.min(Math.max(x(ms), half), WIDTH - half);
    const level = ends.findIndex((end) => middle - half > end);
    if (level >= 0) ends[level] = middle + half + 8;
    const y = LABEL_LEVELS[level] ?? MARKS_ROOM;
    const text = level < 0 ? NOTHING : markup`<text class="mark-name ${kind}" x="${round(middle)}" y="${y}">${label}</text>`;
    const head = kind === 'alarm' ? markup`<path class="alarm-head" d="M${round(x(ms) - 5)} ${MARKS_ROOM + 2}h10l-5 8z"/>` : NOTHING;
    const line = panels.map(({ top, bottom }, place) => `M${x(ms)} ${place === 0 ? y + 3 : top}V${bottom}`).join('');
    return { line: markup`<path class="mark ${kind}" d="${line}"/>${head}`, text };
  });
  // Names stand above the lines of others.
  return markup`${drawn.map(({ line }) => line)}${drawn.map(({ text }) => text)}`;
}

/** One point alone is a dot, where its line has round ends. */
export const linePath = (points: readonly Point[]): string =>
  (points.length === 1 ? dotPath(points) : points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join(''));

/** Many dots in few characters: lines of no length with round ends. */
export const dotPath = (points: readonly Point[]): string => points.map(({ x, y }) => `M${x} ${y}h0`).join('');

/** Of each stretch a horizontal line, joined where they follow each other at the same height. */
export const stepPath = (steps: readonly (Stretch & { readonly value: number })[], x: TimeScale, { at }: PlotScale): string =>
  steps.map(({ fromMs, untilMs, value }) => `M${x(fromMs)} ${at(value)}H${x(untilMs)}`).join('');

/** One shape a verdict. */
export const VERDICT_SHAPES = {
  pass: (x: number, y: number): Markup => markup`<circle class="shape pass" cx="${x}" cy="${y}" r="4"/>`,
  fail: (x: number, y: number): Markup => markup`<path class="shape fail" d="M${round(x - 5.5)} ${round(y + 4.5)}h11l-5.5 -10z"/>`,
  inconclusive: (x: number, y: number): Markup => markup`<path class="shape inconclusive" d="M${x} ${round(y - 5.5)}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"/>`,
} as const;

/** What a plot's signs mean, below it. */
export const plotKey = (entries: readonly (readonly [Markup, string])[]): Markup => markup`<p class="key">${entries.map(([sign, text]) =>
  markup`<span><svg viewBox="0 0 28 14" aria-hidden="true">${sign}</svg>${text}</span> `)}</p>`;

/** A line of a plot in its key. */
export const keyLine = (kind: string): Markup => markup`<path class="${kind}" d="M1 7H27"/>`;
