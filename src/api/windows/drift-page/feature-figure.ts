import type { ColumnCounts, FeatureDrift } from '../../../contracts/feature-drift.js';
import { distributionBars } from './distribution-bars.js';
import { distributionPlot } from './distribution-plot.js';
import { NAME, type RankedFeature, verdict } from './feature-table.js';
import { countText, digitsWithin, valueText } from './figures.js';
import { type Markup, markup, NOTHING, userText } from './markup.js';

/** New categories that are named below a plot; the report has up to twenty. */
const NAMED = 8;
const CATEGORY = 40;

/** One feature with its plot, and what of its values the plot does not show. */
export function featureFigure({ feature, found, id }: RankedFeature): Markup {
  const bars = distributionBars(feature);
  const plot = bars.length > 0 ? distributionPlot(id, feature.name, bars) : markup`<p>Neither side has a value.</p>`;
  return markup`<section class="feature" id="${id}"><h3>${userText(feature.name, NAME)}</h3><p>${verdict(feature, found)}, ${feature.type}</p>
${plot}${feature.type === 'number' ? valuesTable(feature) : addedCategories(feature)}</section>
`;
}

const FACTS = ['mean', 'median', 'least', 'greatest'] as const;

/** A fact a line: numbers of many digits stay within the plot's width. */
function valuesTable({ baseline, window }: FeatureDrift): Markup {
  const finite = [baseline, window].flatMap(({ least, greatest }) => (least === null || greatest === null ? [] : [least, greatest]));
  const digits = finite.length > 0 ? digitsWithin(Math.min(...finite), Math.max(...finite)) : undefined;
  const line = (title: string, text: (counts: ColumnCounts) => string): Markup =>
    markup`<tr><th scope="row">${title}</th><td>${text(baseline)}</td><td>${text(window)}</td></tr>`;
  const lines = [...FACTS.map((fact) => line(fact, (counts) => valueText(counts[fact], digits))), line('infinite', ({ infinite }) => countText(infinite))];
  return markup`<table class="values"><thead><tr><td></td><th scope="col">baseline</th><th scope="col">window</th></tr></thead><tbody>${lines}</tbody></table>`;
}

function addedCategories({ newCategories, newCategoryCount }: FeatureDrift): Markup {
  if (newCategoryCount === 0) return NOTHING;
  const named = newCategories.slice(0, NAMED);
  const more = newCategoryCount - named.length;
  const list = named.map(({ value, rows }) => markup`<li>${userText(value, CATEGORY)}: ${countText(rows)} ${rows === 1 ? 'row' : 'rows'}</li>`);
  return markup`<p>New categories:</p><ul>${list}${more > 0 ? markup`<li><i>${countText(more)} more</i></li>` : NOTHING}</ul>`;
}
