import { distributionBars } from '../page/distribution-bars.js';
import { distributionPlot } from '../page/distribution-plot.js';
import { countText, figure, figureWithin, NO_FIGURE, percentOf, pValueText } from '../page/figures.js';
import { type Markup, markup } from '../page/markup.js';
import { valuesTable } from '../page/values-table.js';
import type { AssessmentFacts } from './assessment-facts.js';
import { factList } from './data-table.js';

/** What the version answered, beside its answers on the baseline. */
export function outputsPart({ report }: AssessmentFacts): Markup {
  if (!report?.outputs) return markup`<p>No figures of outputs.</p>`;
  const { rows, withoutOutput, drift, positiveShare } = report.outputs;
  const { psi, jensenShannon, ks, wasserstein } = drift;
  const bars = distributionBars(drift);
  const plot = bars.length === 0 ? markup`<p>Neither side has an output.</p>` : distributionPlot('outputs', 'outputs', bars);
  return markup`<div class="beside"><div>${plot}${drift.type === 'number' ? valuesTable(drift) : ''}</div>
<div>${factList([
    ['Rows', countText(rows)],
    ['Without an output', markup`${countText(withoutOutput)} (${percentOf(withoutOutput, rows)}), left so by a guard rail`],
    ['Share of positives', positiveShare ? markup`${percentOf(positiveShare.window, 1)}, on the baseline ${percentOf(positiveShare.baseline, 1)}` : NO_FIGURE],
    ['PSI', figure(psi)],
    ['Jensen–Shannon', figure(jensenShannon)],
    ['KS', ks ? markup`${figureWithin(ks.statistic, ks.error)}, p-value ${pValueText(ks.pValue)}` : NO_FIGURE],
    ['Wasserstein', wasserstein ? figureWithin(wasserstein.distance, wasserstein.error) : NO_FIGURE],
  ])}<p class="note">Positive is a row at or above the threshold of the spec. Outputs that move are an observation, not harm.</p></div></div>`;
}
