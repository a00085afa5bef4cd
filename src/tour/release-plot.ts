import { DAY_MS, eventDay } from './event-days.js';
import type { BlockEntry, ReleaseEntry } from './release-result.js';

/** Pixels. */
const WIDTH = 960;
const PANEL = { height: 250, left: 78, right: 24, top: 54, bottom: 46 } as const;
const TICKS = 4;
const LABELLED_DAYS = 7;

const INK = '#1f2933';
const QUIET = '#6b7785';
const GRID = '#e4e8ec';
const PHASE = { rollout: { line: '#2563a8', band: '#bcd6f0', name: 'before promotion' }, watch: { line: '#a8572a', band: '#f3d3be', name: 'watch' } } as const;
const FONT = "font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\"";

interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * The comparisons of releases as a picture, one panel a release: the mean gain over event time with its confidence sequence, and a mark
 * where a step was taken. @returns an SVG document
 */
export function comparisonPlot(releases: readonly ReleaseEntry[]): string {
  const compared = releases.filter(({ blocks }) => blocks.length > 0);
  const height = compared.length * PANEL.height + 30;
  const panels = compared.map((entry, index) => `<g transform="translate(0 ${index * PANEL.height})">${panel(entry)}</g>`).join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Mean gain and its confidence sequence for each release" ${FONT}>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${panels}
${legend(height - 14, compared[0]?.alpha ?? 0.05)}
</svg>
`;
}

function panel(entry: ReleaseEntry): string {
  const shown = entry.blocks.filter((block) => block.gain !== null);
  const steps = entry.steps.filter((step) => step.eventTime !== null).map((step) => ({ ...step, ms: Date.parse(step.eventTime as string) }));
  const times = [...shown.map(({ until }) => Date.parse(until)), ...steps.map(({ ms }) => ms)];
  const [fromMs, untilMs] = [Math.min(...times) - DAY_MS / 2, Math.max(...times) + DAY_MS / 2];
  const values = [0, ...shown.flatMap(({ gain, low, high }) => [gain ?? 0, low ?? 0, high ?? 0])];
  const [least, most] = padded(Math.min(...values), Math.max(...values));
  const x = (ms: number): number => PANEL.left + ((ms - fromMs) / (untilMs - fromMs)) * (WIDTH - PANEL.left - PANEL.right);
  const y = (value: number): number => PANEL.top + ((most - value) / (most - least)) * (PANEL.height - PANEL.top - PANEL.bottom);
  const phases = (['rollout', 'watch'] as const).map((phase) => sequence(phase, shown.filter((block) => block.phase === phase), x, y)).join('');
  return `${title(entry)}${valueAxis(least, most, y)}${timeAxis(fromMs, untilMs, x)}${phases}${marks(steps, entry, x)}`;
}

const title = ({ title: text, version, champion, outcome }: ReleaseEntry): string =>
  `<text x="${PANEL.left}" y="20" font-size="14" font-weight="600" fill="${INK}">${escaped(`Version ${version} against ${champion ?? '–'}: ${outcome.replace('-', ' ')}`)}</text>` +
  `<text x="${WIDTH - PANEL.right}" y="20" font-size="12" text-anchor="end" fill="${QUIET}">${escaped(text)}</text>`;

function sequence(phase: BlockEntry['phase'], blocks: readonly BlockEntry[], x: (ms: number) => number, y: (value: number) => number): string {
  const { line, band } = PHASE[phase];
  const at = (block: BlockEntry, value: number): Point => ({ x: x(Date.parse(block.until)), y: y(value) });
  const bounded = blocks.filter(({ low, high }) => low !== null && high !== null);
  const around = [...bounded.map((block) => at(block, block.high as number)), ...bounded.toReversed().map((block) => at(block, block.low as number))];
  const middle = blocks.map((block) => at(block, block.gain as number));
  const dots = middle.map((point) => `<circle cx="${round(point.x)}" cy="${round(point.y)}" r="2.2" fill="${line}"/>`).join('');
  // One interval alone makes no area.
  const shape = around.length > 2 ? `<path d="${path(around)}Z" fill="${band}" fill-opacity="0.75"/>` : `<path d="${path(around)}" stroke="${band}" stroke-width="6"/>`;
  return `${around.length > 0 ? shape : ''}<path d="${path(middle)}" fill="none" stroke="${line}" stroke-width="1.8"/>${dots}`;
}

function valueAxis(least: number, most: number, y: (value: number) => number): string {
  const step = niceStep((most - least) / TICKS);
  const ticks: number[] = [];
  for (let value = Math.ceil(least / step) * step; value <= most + step / 1e6; value += step) ticks.push(Math.abs(value) < step / 1e6 ? 0 : value);
  const digits = Math.max(2, -Math.floor(Math.log10(step)));
  return ticks.map((value) => `<line x1="${PANEL.left}" x2="${WIDTH - PANEL.right}" y1="${round(y(value))}" y2="${round(y(value))}" stroke="${value === 0 ? QUIET : GRID}" stroke-width="1"/>` +
    `<text x="${PANEL.left - 8}" y="${round(y(value) + 4)}" font-size="11" text-anchor="end" fill="${QUIET}">${signed(value, digits)}</text>`).join('') +
    `<text x="16" y="${(PANEL.height - PANEL.bottom + PANEL.top) / 2}" font-size="11" fill="${QUIET}" text-anchor="middle" transform="rotate(-90 16 ${(PANEL.height - PANEL.bottom + PANEL.top) / 2})">gain in Brier score</text>`;
}

function timeAxis(fromMs: number, untilMs: number, x: (ms: number) => number): string {
  const every = Math.max(1, Math.round((untilMs - fromMs) / DAY_MS / LABELLED_DAYS));
  const base = PANEL.height - PANEL.bottom;
  let ticks = '';
  for (let ms = Math.ceil(fromMs / DAY_MS) * DAY_MS; ms < untilMs; ms += every * DAY_MS) {
    ticks += `<line x1="${round(x(ms))}" x2="${round(x(ms))}" y1="${base}" y2="${base + 4}" stroke="${QUIET}"/><text x="${round(x(ms))}" y="${base + 17}" font-size="11" text-anchor="middle" fill="${QUIET}">${eventDay(ms)}</text>`;
  }
  return `<line x1="${PANEL.left}" x2="${WIDTH - PANEL.right}" y1="${base}" y2="${base}" stroke="${QUIET}"/>${ticks}`;
}

/** A line where a step was taken, named above; names that would touch stand on two levels. */
function marks(steps: readonly (ReleaseEntry['steps'][number] & { readonly ms: number })[], entry: ReleaseEntry, x: (ms: number) => number): string {
  const ends = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return steps.map((step) => {
    const name = nameOf(step, entry);
    const [at, half] = [x(step.ms), name.length * 3.1];
    const level = at - half > (ends[0] as number) ? 0 : 1;
    ends[level] = at + half + 6;
    const top = level === 0 ? 48 : 36;
    return `<line x1="${round(at)}" x2="${round(at)}" y1="${top + 4}" y2="${PANEL.height - PANEL.bottom}" stroke="${INK}" stroke-width="1" stroke-dasharray="3 3"/>` +
      `<text x="${round(Math.min(at, WIDTH - PANEL.right - half))}" y="${top}" font-size="11" text-anchor="middle" fill="${INK}">${escaped(name)}</text>`;
  }).join('');
}

function nameOf({ stage, percent }: ReleaseEntry['steps'][number], { outcome }: ReleaseEntry): string {
  if (stage === 'finished') return outcome === 'promoted' ? 'watch over' : outcome.replace('-', ' ');
  return stage === 'watch' ? 'promoted' : percent === null ? stage : `${percent} %`;
}

function legend(y: number, alpha: number): string {
  const entries = Object.values(PHASE).map(({ line, band, name }, index) => {
    const x = PANEL.left + index * 150;
    return `<rect x="${x}" y="${y - 9}" width="22" height="10" fill="${band}"/><line x1="${x}" x2="${x + 22}" y1="${y - 4}" y2="${y - 4}" stroke="${line}" stroke-width="1.8"/><text x="${x + 30}" y="${y}" font-size="12" fill="${INK}">${name}</text>`;
  });
  return `${entries.join('')}<text x="${WIDTH - PANEL.right}" y="${y}" font-size="12" text-anchor="end" fill="${QUIET}">mean gain so far with its ${Math.round(100 * (1 - alpha))} % confidence sequence; above 0 the released version is better</text>`;
}

const path = (points: readonly Point[]): string => points.map((point, index) => `${index === 0 ? 'M' : 'L'}${round(point.x)} ${round(point.y)}`).join('');
const round = (value: number): number => Math.round(value * 10) / 10;
const signed = (value: number, digits: number): string => `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(value).toFixed(digits)}`;
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function padded(least: number, most: number): [number, number] {
  const room = Math.max(1e-6, (most - least) * 0.06);
  return [least - room, most + room];
}

/** 1, 2 or 5 times a power of ten, not below what is asked for. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
}
