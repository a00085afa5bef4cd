import { heldOutText } from '../../../contracts/artifacts.js';
import type { WindowDriftReport } from '../../../contracts/window-drift.js';
import { DRAWN_CATEGORIES } from '../page/distribution-bars.js';
import { countText, instantText, pValueText } from '../page/figures.js';
import { htmlPage } from '../page/html-page.js';
import { type Markup, markup, NOTHING, userText } from '../page/markup.js';
import { PAGE_STYLE } from '../page/page-style.js';
import { DRIFT_STYLE } from './drift-style.js';
import { featureFigure } from './feature-figure.js';
import { featureTable, NAME, type RankedFeature } from './feature-table.js';

/** Features whose distributions are drawn: the page of a wide model stays below 10 MB. */
export const DRAWN_FEATURES = 200;
/** Found features that are named above the table. */
const NAMED_FOUND = 20;
const TITLE = 80;

/**
 * A window's drift report as one HTML page that needs nothing else: what was compared with what, which features are found to drift, all
 * figures, and the distributions of the first {@link DRAWN_FEATURES} features. Texts of the report are escaped, long ones shortened; a figure
 * that is not defined is a dash, and a feature without a value on either side has no plot.
 * @returns an HTML document, the same for the same report
 */
export function driftPage(report: WindowDriftReport): string {
  const features = ranked(report);
  const title = markup`Drift of ${userText(report.model, TITLE)}`;
  return htmlPage(`Drift of ${report.model}, ${report.deployment}, ${instantText(report.from)}`, PAGE_STYLE + DRIFT_STYLE, markup`<h1>${title}</h1>
${compared(report)}
<h2>Found to drift</h2>
${foundList(report)}
<h2 id="features">Features</h2>
${featureTable(features, DRAWN_FEATURES)}
<h2>Distributions</h2>
${distributions(features, DRAWN_FEATURES)}
${NOTES}`);
}

/**
 * The same as a part of another page: which features are found to drift, all figures, and the distributions of the first features.
 * @param most of the features whose distributions are drawn
 */
export function driftPart(report: WindowDriftReport, most: number): Markup {
  const features = ranked(report);
  return markup`${foundList(report)}
<h3 id="features">Features</h3>
${featureTable(features, most)}
<h3>Distributions</h3>
${distributions(features, most)}`;
}

/** Features that were found first, then by PSI, those without one last; else in the order of the report. */
function ranked({ features, drifted }: WindowDriftReport): RankedFeature[] {
  const found = new Set(drifted);
  return features
    .map((feature) => ({ feature, found: found.has(feature.name) }))
    .sort((one, other) => Number(other.found) - Number(one.found) || (other.feature.psi ?? -1) - (one.feature.psi ?? -1))
    .map((entry, place) => ({ ...entry, id: `feature-${place + 1}` }));
}

function compared({ model, deployment, from, until, rows, parts, baseline, features }: WindowDriftReport): Markup {
  const facts: readonly (readonly [string, Markup])[] = [
    ['Model', userText(model, TITLE)],
    ['Deployment', userText(deployment, TITLE)],
    ['Window', stretch(from, until)],
    ['Rows of the window', markup`${countText(rows)} whose inputs were kept`],
    ...(parts === undefined ? [] : [['Counted in', markup`${countText(parts)} parts, those of the window before included`] as const]),
    ['Features', markup`${countText(features.length)}`],
    ['Champion', markup`version ${baseline.version}`],
    ['Baseline', markup`${countText(baseline.rows)} rows on which the champion was judged before it came into service`],
    ['Window of the baseline', markup`${stretch(baseline.from, baseline.until)}${baseline.heldOut ? `, of which the blocks held out (${heldOutText(baseline.heldOut)})` : NOTHING}`],
    ['Snapshot of the baseline', markup`<code>${baseline.snapshot}</code>`],
  ];
  return markup`<dl class="facts">${facts.map(([name, fact]) => markup`<dt>${name}</dt><dd>${fact}</dd>`)}</dl>`;
}

const stretch = (from: string, until: string): Markup => markup`from ${instant(from)} up to, without, ${instant(until)}`;
const instant = (iso: string): Markup => markup`<time datetime="${iso}">${instantText(iso)}</time>`;

function foundList({ drifted, level }: WindowDriftReport): Markup {
  const under = level === null
    ? markup`No feature could be tested in this window.`
    : markup`Level of this window: a p-value of at most ${pValueText(level)}, which keeps the spec's rate of false discoveries in a year.`;
  return markup`<div class="found-list"><p>${foundNames(drifted)}</p><p>${under}</p>
<p>Drift alone is an observation, not harm: inputs may change while the answers stay as good. What raises an alarm is a loss or a share of faulty values beyond the limits of the spec.</p></div>`;
}

function foundNames(drifted: readonly string[]): Markup {
  if (drifted.length === 0) return markup`No feature is found to drift.`;
  const names = drifted.slice(0, NAMED_FOUND).map((name, index) => markup`${index === 0 ? '' : ', '}<strong>${userText(name, NAME)}</strong>`);
  const left = drifted.length - names.length;
  const more = left > 0 ? markup` and ${countText(left)} more, first in the table` : NOTHING;
  return markup`${countText(drifted.length)} ${drifted.length === 1 ? 'feature' : 'features'}: ${names}${more}.`;
}

function distributions(features: readonly RankedFeature[], most: number): Markup {
  const drawn = features.slice(0, most);
  const left = features.length - drawn.length;
  const cut = left === 0 ? NOTHING : markup`<p>Drawn are the first ${most} features of the table; the other ${countText(left)} stand in it alone.</p>`;
  return markup`<p>Shares of the rows that have a value: the upper bar is the baseline's, the lower one the window's. The bins of a number are the deciles of its
baseline, so the baseline has about 10 % in each, or another share where many rows have the same value. Of categories the ${DRAWN_CATEGORIES} with the
largest share on either side are drawn, and the others together; “new” ones are not in the baseline.</p>${cut}
<div class="features">${drawn.map(featureFigure)}</div>`;
}

const NOTES = markup`<h2>What the figures mean</h2>
<dl class="notes">
<dt>PSI</dt><dd>Population stability index over the bins or over all categories: 0 where both distributions are the same, without an upper bound.</dd>
<dt>Jensen–Shannon</dt><dd>Distance over the same bins or categories, base 2: from 0 (the same) to 1 (nothing in common).</dd>
<dt>KS</dt><dd>Kolmogorov–Smirnov, numbers: the greatest difference of both cumulative shares, from 0 to 1, with the p-value of the two-sample test.</dd>
<dt>χ²</dt><dd>Pearson's test of homogeneity, categories, with its degrees of freedom (df).</dd>
<dt>p-value</dt><dd>The chance of a difference at least as large if both sides had the same distribution. Features are found by it, not by PSI.</dd>
<dt>Wasserstein</dt><dd>Numbers: how far the values moved on average, in the feature's unit.</dd>
<dt>Where chance ends</dt><dd>Below a figure: what it stays within in all but a share alpha (evaluation.alpha) of windows that are drawn as the baseline was, each row by itself. “Beyond” says that it did not.
Of many figures some are beyond by chance, and rows of one day are no independent ones. The Wasserstein distance has no such limit.</dd>
<dt>±</dt><dd>How far a figure may be off where it was computed from buckets of values.</dd>
<dt>–</dt><dd>The figure is not defined, such as the test of a feature without a value.</dd>
</dl>`;
