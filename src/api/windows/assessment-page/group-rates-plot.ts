import type { FairnessGroup } from '../../../contracts/window-assessment-report.js';
import { countText, figure } from '../page/figures.js';
import { type Markup, markup, NOTHING, shortened } from '../page/markup.js';
import { linearScale } from './plot-scales.js';
import { plotKey } from './time-plot.js';

/** Pixels. */
const WIDTH = 520;
const LABELS = 190;
const RIGHT = 24;
const TOP = 12;
const ROW = 22;
/** Characters of a group's name that its room has. */
const NAME = 28;
/** Groups that are drawn; a table has all. */
const DRAWN = 40;

export const groupName = (group: readonly string[]): string => group.map((value) => (value === '' ? 'empty' : value)).join(' × ');

/** The selection rate of each group with its interval. @param id unique in the page */
export function groupRatesPlot(id: string, by: string, groups: readonly FairnessGroup[]): Markup {
  const rated = groups.flatMap(({ selectionRate, ...group }) => (selectionRate ? [{ ...group, rate: selectionRate }] : [])).slice(0, DRAWN);
  if (rated.length === 0) return markup`<p>No group has a selection rate.</p>`;
  const base = TOP + rated.length * ROW;
  const x = linearScale(rated.flatMap(({ rate: { value, low, high } }) => [value, low ?? value, high ?? value]), LABELS + 8, WIDTH - RIGHT);
  const axis = x.ticks.map(({ at, label }) =>
    markup`<line class="grid" x1="${at}" x2="${at}" y1="${TOP - 4}" y2="${base}"/><text class="tick" x="${at}" y="${base + 15}">${label}</text>`);
  const described = rated.map(({ group, rate, tooSmall }) => `${shortened(groupName(group), NAME)}: ${figure(rate.value)}${tooSmall ? ', too small' : ''}`).join('; ');
  const names = rated.map(({ group }, row) => markup`<text class="user" x="0" y="${TOP + row * ROW + ROW / 2 + 4}">${shortened(groupName(group), NAME)}</text>`);
  const left = groups.length - rated.length;
  const more = left > 0 ? markup`<p class="note">${countText(left)} more in the table.</p>` : NOTHING;
  // The inner drawing cuts names that are wider than their room.
  return markup`<svg class="groups" viewBox="0 0 ${WIDTH} ${base + 22}" role="img" aria-labelledby="${id}-title ${id}-text">
<title id="${id}-title">Selection rate by ${by}</title><desc id="${id}-text">${described}</desc>
${axis}<svg width="${LABELS}" height="${base}">${names}</svg>${rated.map(({ rate, tooSmall }, row) => rateMark(rate, tooSmall, TOP + row * ROW + ROW / 2, x.at))}
</svg>${plotKey([[rateSign(false), 'selection rate with its interval'], [rateSign(true), 'too small to be compared']])}${more}`;
}

function rateMark({ value, low, high }: NonNullable<FairnessGroup['selectionRate']>, tooSmall: boolean, y: number, at: (value: number) => number): Markup {
  const whisker = low === null || high === null ? NOTHING : markup`<path class="whisker" d="M${at(low)} ${y - 4}v8M${at(low)} ${y}H${at(high)}M${at(high)} ${y - 4}v8"/>`;
  return markup`${whisker}<circle class="rate${tooSmall ? ' small' : ''}" cx="${at(value)}" cy="${y}" r="4"/>`;
}

const rateSign = (tooSmall: boolean): Markup => markup`<path class="whisker" d="M3 3v8M3 7H25M25 3v8"/><circle class="rate${tooSmall ? ' small' : ''}" cx="14" cy="7" r="4"/>`;
