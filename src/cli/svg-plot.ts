/** What pictures of ours have in common: colours, letters, and scales that people can read. */
export const INK = '#1f2933';
export const QUIET = '#6b7785';
export const GRID = '#e4e8ec';
export const FONT = "font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\"";

/** Pixels. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export const path = (points: readonly Point[]): string => points.map((point, index) => `${index === 0 ? 'M' : 'L'}${round(point.x)} ${round(point.y)}`).join('');
export const round = (value: number): number => Math.round(value * 10) / 10;
export const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A little room below and above. */
export function padded(least: number, most: number): [number, number] {
  const room = Math.max(1e-6, (most - least) * 0.06);
  return [least - room, most + room];
}

/** 1, 2 or 5 times a power of ten, not below what is asked for. */
export function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
}

/** Values to be labelled, about so many, and how many digits behind the point tell them apart. */
export function valueTicks(least: number, most: number, count: number): { readonly values: readonly number[]; readonly digits: number } {
  const step = niceStep((most - least) / count);
  const values: number[] = [];
  for (let value = Math.ceil(least / step) * step; value <= most + step / 1e6; value += step) values.push(Math.abs(value) < step / 1e6 ? 0 : value);
  return { values, digits: Math.max(0, -Math.floor(Math.log10(step))) };
}

/** A line across, with its value before it. */
export const valueLine = (y: number, label: string, { left, right, isZero }: { readonly left: number; readonly right: number; readonly isZero: boolean }): string =>
  `<line x1="${left}" x2="${right}" y1="${round(y)}" y2="${round(y)}" stroke="${isZero ? QUIET : GRID}" stroke-width="1"/>` +
  `<text x="${left - 8}" y="${round(y + 4)}" font-size="11" text-anchor="end" fill="${QUIET}">${label}</text>`;

/** A time below the line at `base`. */
export const timeTick = (x: number, base: number, label: string): string =>
  `<line x1="${round(x)}" x2="${round(x)}" y1="${base}" y2="${base + 4}" stroke="${QUIET}"/><text x="${round(x)}" y="${base + 17}" font-size="11" text-anchor="middle" fill="${QUIET}">${label}</text>`;

/** What a value axis is of, beside it. */
export const axisTitle = (x: number, middle: number, text: string): string =>
  `<text x="${x}" y="${middle}" font-size="11" fill="${QUIET}" text-anchor="middle" transform="rotate(-90 ${x} ${middle})">${text}</text>`;

export const signOf = (value: number): string => (value > 0 ? '+' : value < 0 ? '−' : '');
export const signed = (value: number, digits: number): string => `${signOf(value)}${Math.abs(value).toFixed(digits)}`;
