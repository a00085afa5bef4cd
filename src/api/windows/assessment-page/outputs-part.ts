import { distributionBars } from '../page/distribution-bars.js';
import { distributionPlot } from '../page/distribution-plot.js';
import type { DriftThreshold } from '../../../contracts/feature-drift.js';
import type { ShareThreshold } from '../../../contracts/window-assessment-report.js';
import { countText, figure, figureWithin, NO_FIGURE, percentOf, pValueText } from '../page/figures.js';
import { type Markup, markup, NOTHING } from '../page/markup.js';
import { valuesTable } from '../page/values-table.js';
import type { AssessmentFacts } from './assessment-facts.js';
import { factList } from './data-table.js';

/** What the version answered, beside its answers on the baseline. */
export function outputsPart({ report }: AssessmentFacts): Markup {
  if (!report?.outputs) return markup`<p>No figures of outputs.</p>`;
  const { rows, withoutOutput, drift, positiveShare } = report.outputs;
  const { psi, jensenShannon, ks, wasserstein, thresholds } = drift;
  const shares = report.outputs.thresholds;
  const bars = distributionBars(drift);
  const plot = bars.length === 0 ? markup`<p>Neither side has an output.</p>` : distributionPlot('outputs', 'outputs', bars);
  return markup`<div class="beside"><div>${plot}${drift.type === 'number' ? valuesTable(drift) : ''}</div>
<div>${factList([
    ['Rows', countText(rows)],
    ['Without an output', markup`${countText(withoutOutput)} (${percentOf(withoutOutput, rows)}), left so by a guard rail${chanceEnds(shares?.withoutOutput, percent)}`],
    ['Share of positives', positiveShare ? markup`${percentOf(positiveShare.window, 1)}, on the baseline ${percentOf(positiveShare.baseline, 1)}${chanceBetween(shares?.positiveShare)}` : NO_FIGURE],
    ['PSI', markup`${figure(psi)}${chanceEnds(thresholds?.psi, figure)}`],
    ['Jensen–Shannon', markup`${figure(jensenShannon)}${chanceEnds(thresholds?.jensenShannon, figure)}`],
    ['KS', ks ? markup`${figureWithin(ks.statistic, ks.error)}, p-value ${pValueText(ks.pValue)}${chanceEnds(thresholds?.ks, figure)}` : NO_FIGURE],
    ['Wasserstein', wasserstein ? figureWithin(wasserstein.distance, wasserstein.error) : NO_FIGURE],
  ])}<p class="note">Positive is a row at or above the threshold of the spec. Chance ends where a window of so many rows
would stay, were all as on the baseline; of distances that takes rows as independent of each other. Outputs that move are an observation, not harm.</p></div></div>`;
}

const percent = (share: number): string => percentOf(share, 1);
const standing = (verdict: DriftThreshold['verdict']): Markup =>
  (verdict === 'fail' ? markup`, <strong class="alert">beyond</strong> chance, which ends at` : markup`; chance ends at`);

/** Nothing where it is not known. */
const chanceEnds = (threshold: DriftThreshold | null | undefined, written: (limit: number) => string): Markup =>
  (threshold ? markup`${standing(threshold.verdict)} ${written(threshold.limit)}` : NOTHING);

const chanceBetween = (threshold: ShareThreshold | null | undefined): Markup =>
  (threshold ? markup`${standing(threshold.verdict)} ${percent(threshold.low)} and ${percent(threshold.high)}` : NOTHING);
