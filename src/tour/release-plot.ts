import { axisTitle, escaped, FONT, INK, padded, path, type Point, QUIET, round, signed, timeTick, valueLine, valueTicks } from '../cli/svg-plot.js';
import { DAY_MS, eventDay } from './event-days.js';
import type { BlockEntry, ReleaseEntry } from './release-result.js';

/** Pixels. */
const WIDTH = 960;
const PANEL = { height: 250, left: 78, right: 24, top: 54, bottom: 46 } as const;
const TICKS = 4;
const LABELLED_DAYS = 7;

const PHASE = { rollout: { line: '#2563a8', band: '#bcd6f0', name: 'before promotion' }, watch: { line: '#a8572a', band: '#f3d3be', name: 'watch' } } as const;

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
  const { values, digits } = valueTicks(least, most, TICKS);
  const [left, right] = [PANEL.left, WIDTH - PANEL.right];
  return values.map((value) => valueLine(y(value), signed(value, Math.max(2, digits)), { left, right, isZero: value === 0 })).join('') +
    axisTitle(16, (PANEL.height - PANEL.bottom + PANEL.top) / 2, 'gain in Brier score');
}

function timeAxis(fromMs: number, untilMs: number, x: (ms: number) => number): string {
  const every = Math.max(1, Math.round((untilMs - fromMs) / DAY_MS / LABELLED_DAYS));
  const base = PANEL.height - PANEL.bottom;
  let ticks = '';
  for (let ms = Math.ceil(fromMs / DAY_MS) * DAY_MS; ms < untilMs; ms += every * DAY_MS) {
    ticks += timeTick(x(ms), base, eventDay(ms));
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
