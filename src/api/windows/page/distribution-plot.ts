import type { DistributionBar } from './distribution-bars.js';
import { percentOf } from './figures.js';
import { LONGEST_TITLE, type Markup, markup, NOTHING, shortened } from './markup.js';
import { niceStep, round } from './plot-steps.js';

/** Pixels. */
const WIDTH = 360;
const LABELS = 136;
const RIGHT = 18;
const TOP = 26;
const ROW = 22;
const BAR = 8;
const FOOT = 22;
const MOST_TICKS = 4;
/** Characters of a category that its room has. */
const LABEL = 22;
const SIDES = ['baseline', 'window'] as const;

/**
 * Shares of a window beside those of its baseline: for each bin or category two bars, the upper one the baseline's. What it shows stands in its
 * description as text. @param id of the feature, unique in the page @param bars at least one, and one that is not 0 @returns an SVG element;
 * colours come from the page's style
 */
export function distributionPlot(id: string, name: string, bars: readonly DistributionBar[]): Markup {
  const most = Math.max(...bars.flatMap(({ baseline, window }) => [baseline ?? 0, window ?? 0]));
  const step = niceStep(most / MOST_TICKS);
  const full = Math.ceil(most / step - 1e-9) * step;
  const x = (share: number): number => round(LABELS + (share / full) * (WIDTH - LABELS - RIGHT));
  const base = TOP + bars.length * ROW;
  const labels = bars.map((bar, row) => label(bar, TOP + row * ROW + ROW / 2 + 4));
  const pairs = bars.map((bar, row) => pair(bar, TOP + row * ROW + (ROW - 2 * BAR) / 2, x));
  // The inner drawing cuts labels that are wider than their room.
  return markup`<svg viewBox="0 0 ${WIDTH} ${base + FOOT}" role="img" aria-labelledby="${id}-title ${id}-text">
<title id="${id}-title">Distribution of ${shortened(name, LONGEST_TITLE)}, window beside baseline</title><desc id="${id}-text">${description(bars)}</desc>
${legend()}${axis(step, full, base, x)}<svg width="${LABELS - 6}" height="${base + 4}">${labels}</svg>${pairs}
</svg>`;
}

const description = (bars: readonly DistributionBar[]): string => `Share of the rows that have a value. ${bars.map(described).join('; ')}.`;
const described = (bar: DistributionBar): string => `${nameOf(bar)}: baseline ${shareText(bar.baseline)}, window ${shareText(bar.window)}`;

const nameOf = ({ label: text, isNew }: DistributionBar): string => `${isNew ? 'new ' : ''}${text === '' ? 'empty' : shortened(text, LABEL)}`;
const shareText = (share: number | null): string => (share === null ? 'none' : percentOf(share, 1));

function label({ label: text, kind, isNew }: DistributionBar, y: number): Markup {
  const short = shortened(text, isNew ? LABEL - 4 : LABEL);
  const whole = short === text ? NOTHING : markup`<title>${shortened(text, LONGEST_TITLE)}</title>`;
  const shown = markup`<tspan class="${text === '' ? 'rest' : kind}">${short || 'empty'}</tspan>`;
  return markup`<text x="0" y="${y}">${whole}${isNew ? markup`<tspan class="new">new </tspan>` : NOTHING}${shown}</text>`;
}

/** A hair is left where there are no rows, so that a share of nothing is not taken for a bar that is missing. */
function pair(bar: DistributionBar, top: number, x: (share: number) => number): Markup {
  const bars = SIDES.map((side, index) => {
    const share = bar[side];
    if (share === null) return NOTHING;
    return markup`<rect class="${side}" x="${LABELS}" y="${top + index * BAR}" width="${Math.max(0.5, round(x(share) - LABELS))}" height="${BAR - 1}"/>`;
  });
  return markup`<g><title>${described(bar)}</title>${bars}</g>`;
}

function axis(step: number, full: number, base: number, x: (share: number) => number): Markup {
  const ticks = Array.from({ length: Math.round(full / step) + 1 }, (_, index) => index * step);
  return markup`${ticks.map((tick) => markup`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP - 2}" y2="${base + 2}"/>
<text class="tick" x="${x(tick)}" y="${base + 15}">${percentOf(tick, 1)}</text>`)}`;
}

const legend = (): Markup => markup`${SIDES.map((side, index) => {
  const x = LABELS + index * 90;
  return markup`<rect class="${side}" x="${x}" y="5" width="14" height="8"/><text x="${x + 20}" y="13">${side}</text>`;
})}`;
