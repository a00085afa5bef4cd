import type { OutcomeFigures } from '../../../contracts/window-assessment-report.js';
import { countText, figure, NO_FIGURE } from '../page/figures.js';
import { type Markup, markup, NOTHING, userText } from '../page/markup.js';
import { dataTable, factList, figures, texts } from './data-table.js';
import { badge, estimateCell, NAME } from './words.js';

/** How outputs go with the business outcome that came with labels. */
export function outcomePart({ name, unit, rows, mean, pearson, spearman, threshold, decisions }: OutcomeFigures): Markup {
  const inUnit = unit === null ? NOTHING : markup` ${userText(unit, NAME)}`;
  return markup`${factList([
    ['Outcome', userText(name, NAME)],
    ['Rows', markup`${countText(rows)} with an output and an outcome`],
    ['Mean', mean ? markup`${estimateCell(mean)}${inUnit}` : NO_FIGURE],
    ['Correlation with the output', markup`${estimateCell(pearson)} (Pearson)`],
    ['Correlation of ranks', markup`${estimateCell(spearman)} (Spearman)`],
    ['Least of the spec', threshold.limit === null ? markup`none` : markup`${figure(threshold.limit)} ${badge(threshold.verdict)}`],
  ])}
${decisions ? decided(decisions, inUnit) : NOTHING}
<p class="note">An outcome counts as it is known now; it may come after the label. Intervals take rows as independent. That outputs go with outcomes is an observation, and no cause.</p>`;
}

const decided = ({ positive, negative, difference }: NonNullable<OutcomeFigures['decisions']>, inUnit: Markup): Markup => markup`${dataTable('Decisions',
  [...texts('Decided'), ...figures('Rows', 'Mean outcome')], ([['positive', positive], ['negative', negative]] as const).map(([side, { rows, mean }]) => [side, countText(rows), figure(mean)]))}
<p>Positive less negative: ${estimateCell(difference)}${difference ? inUnit : NOTHING}</p>`;
