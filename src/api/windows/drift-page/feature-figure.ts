import type { FeatureDrift } from '../../../contracts/feature-drift.js';
import { distributionBars } from '../page/distribution-bars.js';
import { distributionPlot } from '../page/distribution-plot.js';
import { countText } from '../page/figures.js';
import { type Markup, markup, NOTHING, userText } from '../page/markup.js';
import { valuesTable } from '../page/values-table.js';
import { NAME, type RankedFeature, verdict } from './feature-table.js';

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

function addedCategories({ newCategories, newCategoryCount }: FeatureDrift): Markup {
  if (newCategoryCount === 0) return NOTHING;
  const named = newCategories.slice(0, NAMED);
  const more = newCategoryCount - named.length;
  const list = named.map(({ value, rows }) => markup`<li>${userText(value, CATEGORY)}: ${countText(rows)} ${rows === 1 ? 'row' : 'rows'}</li>`);
  return markup`<p>New categories:</p><ul>${list}${more > 0 ? markup`<li><i>${countText(more)} more</i></li>` : NOTHING}</ul>`;
}
