import type { FairnessFigures, FairnessGrouping } from '../../../contracts/window-assessment-report.js';
import { countText, figure, NO_FIGURE } from '../page/figures.js';
import { type Markup, markup, NOTHING, shortened, userText } from '../page/markup.js';
import { dataTable, figures, texts } from './data-table.js';
import { groupName, groupRatesPlot } from './group-rates-plot.js';
import { badge, estimateCell, inWords, NAME, sentence } from './words.js';

/** Groups of a grouping in the page; columns that are crossed may have thousands. */
const SHOWN_GROUPS = 200;

/** How decisions and their errors differ between protected groups, and what of it the spec limits. */
export function fairnessPart({ groupings, checks }: FairnessFigures): Markup {
  const judged = checks.length === 0 ? markup`<p>The spec sets no limit on a disparity.</p>`
    : dataTable('Checks', texts('Check', 'Verdict', 'In words'), checks.map(({ name, verdict, explanation }) => [checkName(name), badge(verdict), sentence(explanation)]));
  return markup`${judged}${groupings.map(groupingPart)}
<p class="note">Each group's interval is its own; a disparity's holds for all pairs of groups together. A group marked “too small” is measured, and compared with no other.</p>`;
}

/** `fairness:sex:demographicParityRatio`: what comes last is ours, what stands before it names columns of the data. */
function checkName(name: string): Markup {
  const end = name.lastIndexOf(':') + 1;
  return markup`${userText(name.slice(0, end).replace(/^fairness:/, ''), 2 * NAME)} ${inWords(name.slice(end))}`;
}

function groupingPart(grouping: FairnessGrouping, place: number): Markup {
  const { columns, groups, rows, unknownRows } = grouping;
  const by = shortened(columns.join(' × '), 2 * NAME);
  const cut = groups.length > SHOWN_GROUPS ? markup` The first ${SHOWN_GROUPS} of ${countText(groups.length)} groups; all stand in the JSON.` : NOTHING;
  return markup`<h3>By <bdi>${by}</bdi></h3>
<p>${countText(rows)} rows; the group of ${countText(unknownRows)} is not known.${cut}</p>
${groupRatesPlot(`groups-${place + 1}`, by, groups)}
${groupTable(by, groups.slice(0, SHOWN_GROUPS))}
${disparityTable(by, grouping)}`;
}

const RATES = ['selectionRate', 'adverseActionRate', 'truePositiveRate', 'falsePositiveRate', 'accuracy'] as const;

const GROUP_COLUMNS = [
  ...texts('Group'), ...figures('Rows', 'Labelled', 'Selection rate', 'Adverse action rate', 'True positive rate', 'False positive rate', 'Accuracy'),
];

const groupTable = (by: string, groups: FairnessGrouping['groups']): Markup =>
  dataTable(`Groups by ${by}`, GROUP_COLUMNS, groups.map((group) => [
    markup`${userText(groupName(group.group), NAME)}${group.tooSmall ? markup` <i>too small</i>` : NOTHING}`, countText(group.rows), countText(group.labelledRows),
    ...RATES.map((rate) => estimateCell(group[rate])),
  ]));

function disparityTable(by: string, { disparities, undefinedBecause }: FairnessGrouping): Markup {
  const rows = Object.entries(disparities).map(([name, disparity]) => {
    if (!disparity) return [inWords(name), NO_FIGURE, NO_FIGURE, NO_FIGURE, NO_FIGURE, sentence(undefinedBecause[name] ?? 'not measured')];
    const { value, low, high, highest, lowest, pairs, rate } = disparity;
    return [inWords(name), figure(value), `${figure(low)} to ${figure(high)}`, userText(groupName(highest), NAME), userText(groupName(lowest), NAME),
      markup`${inWords(rate)}, ${countText(pairs)} ${pairs === 1 ? 'pair' : 'pairs'} of groups`];
  });
  return dataTable(`Disparities by ${by}`, [...texts('Disparity'), ...figures('Value', 'Interval'), ...texts('Highest', 'Lowest', 'Of')], rows);
}
