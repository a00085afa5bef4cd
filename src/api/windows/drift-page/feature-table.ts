import type { DriftThreshold, FeatureDrift } from '../../../contracts/feature-drift.js';
import { countText, figure, figureWithin, NO_FIGURE, percentOf, pValueText } from '../page/figures.js';
import { type Markup, markup, NOTHING, userText } from '../page/markup.js';

/** Characters of a feature's name. */
export const NAME = 40;

/** A feature in the order of the page. */
export interface RankedFeature {
  readonly feature: FeatureDrift;
  /** Found to drift in this window. */
  readonly found: boolean;
  /** Unique in the page. */
  readonly id: string;
}

const COLUMNS = [
  'Feature', 'Drift', 'Type', 'PSI', 'Jensen–Shannon', 'KS or χ²', 'p-value', 'Wasserstein', 'Missing now', 'Missing before', 'New categories',
] as const;

/** All figures of all features. @param drawn how many of them have a plot in the page, to which their names lead */
export function featureTable(features: readonly RankedFeature[], drawn: number): Markup {
  return markup`<p>Found features first, then by PSI. Missing: share of the rows without a value, in the window (now) and in the baseline (before).
Below a figure stands where chance ends: what a window drawn as the baseline was would stay within, rows being independent. “Beyond” is an observation of this one figure.</p>
<div class="wide drift-figures" role="region" aria-labelledby="features" tabindex="0"><table aria-labelledby="features">
<thead><tr>${COLUMNS.map((title) => markup`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${features.map((ranked, place) => row(ranked, place < drawn))}</tbody>
</table></div>`;
}

function row({ feature, found, id }: RankedFeature, isDrawn: boolean): Markup {
  const { name, type, psi, jensenShannon, wasserstein, window, baseline, thresholds } = feature;
  const shown = userText(name, NAME);
  const figures = [
    markup`${figure(psi)}${chanceOf(thresholds?.psi, figure)}`, markup`${figure(jensenShannon)}${chanceOf(thresholds?.jensenShannon, figure)}`,
    markup`${statisticOf(feature)}${chanceOf(thresholds?.ks, figure)}`, markup`${pValueText(pValueOf(feature))}`,
    markup`${wasserstein ? figureWithin(wasserstein.distance, wasserstein.error) : NO_FIGURE}${chanceOf(thresholds?.wasserstein, figure)}`,
    markup`${percentOf(window.missing, window.rows)}${chanceOf(thresholds?.missing, percent)}`, markup`${percentOf(baseline.missing, baseline.rows)}`,
    markup`${newCategories(feature)}${chanceOf(thresholds?.newCategories, percent)}`,
  ];
  const start = markup`<th scope="row">${isDrawn ? markup`<a href="#${id}">${shown}</a>` : shown}</th><td>${verdict(feature, found)}</td><td>${type}</td>`;
  return markup`<tr${found ? markup` class="found"` : ''}>${start}${figures.map((text) => markup`<td class="figure">${text}</td>`)}</tr>\n`;
}

const percent = (share: number): string => percentOf(share, 1);

/** Where chance ends, below a figure: nothing where that is not known. */
export function chanceOf(threshold: DriftThreshold | null | undefined, written: (limit: number) => string): Markup {
  if (!threshold) return NOTHING;
  const beyond = threshold.verdict === 'fail' ? markup`<strong class="drifts">beyond</strong> ` : NOTHING;
  return markup` <small>${beyond}${written(threshold.limit)}</small>`;
}

/** Said in words: colour is not for everyone. */
export function verdict(feature: FeatureDrift, found: boolean): Markup {
  if (found) return markup`<strong class="drifts">drifts</strong>`;
  return pValueOf(feature) === null ? markup`not tested` : markup`not found`;
}

/** KS of a number, chi-squared of a category; null where neither is defined. */
const pValueOf = ({ ks, chiSquared }: FeatureDrift): number | null => ks?.pValue ?? chiSquared?.pValue ?? null;

function statisticOf({ ks, chiSquared }: FeatureDrift): string {
  if (ks) return `KS ${figureWithin(ks.statistic, ks.error)}`;
  return chiSquared ? `χ² ${figure(chiSquared.statistic)}, ${chiSquared.degreesOfFreedom} df` : NO_FIGURE;
}

function newCategories({ type, window, newCategoryCount, newCategoryRows }: FeatureDrift): string {
  if (type === 'number') return NO_FIGURE;
  return newCategoryCount === 0 ? '0' : `${countText(newCategoryCount)} (${percentOf(newCategoryRows, window.rows)} of rows)`;
}
