import type { EstimatedMetric, MetricThreshold } from '../../../contracts/window-assessment-report.js';
import { HIGHER_IS_BETTER, type MetricName, type SliceMetrics } from '../../../contracts/verdict.js';
import { countText, figure, NO_FIGURE } from '../page/figures.js';
import { type Markup, markup, NOTHING, userText } from '../page/markup.js';
import type { AssessmentFacts } from './assessment-facts.js';
import { dataTable, figures, texts } from './data-table.js';
import { estimateCell, intervalOf, metricName, NAME, sentence } from './words.js';

/** Slices that are shown, those with the most rows of each column first. */
const SHOWN_SLICES = 100;

const ESTIMATED_BY = { cbpe: "by the model's own confidence (CBPE)", dle: 'by a second model that predicts the error of each row (DLE)' } as const;

/** The metrics of the window: on the baseline, estimated before labels, and measured on them. */
export function qualityPart({ report }: AssessmentFacts): Markup {
  if (!report) return markup`<p>No figures of quality.</p>`;
  const { baseline, estimate, withoutEstimate: without, quality } = report;
  const groups = [baseline?.measurement.metrics, estimate?.metrics, quality?.measurement.metrics, baseline?.measurement.undefinedBecause, quality?.measurement.undefinedBecause];
  const metrics = [...new Set(groups.flatMap((group) => Object.keys(group ?? {})))] as MetricName[];
  const rows = metrics.map((metric) => {
    const estimated = estimate?.metrics[metric] ?? null;
    return [
      markup`${metricName(metric)}${direction(metric)}`, measuredCell(baseline?.measurement, metric), estimatedCell(estimated), measuredCell(quality?.measurement, metric, estimated?.realised?.value), thresholdCell(quality?.thresholds?.[metric]),
      ...realisedCells(estimated),
    ];
  });
  const columns = [...texts('Metric'), ...figures('Baseline', 'Estimated before labels', 'Measured', 'Chance ends at', 'Estimate less truth'), ...texts('Truth within band')];
  return markup`${dataTable('Metrics', columns, [...rows, lossRow(report)])}
<p class="note">Below a figure stands its interval. Estimated: ${ESTIMATED_BY[estimate?.method ?? 'cbpe']}${estimate ? markup` on ${countText(estimate.rows)} rows` : ''},
with the band of its sampling error.${without ? markup` There is no estimate: ${sentence(without)}` : NOTHING} “Alert”: beyond what the baseline's own days reached. Chance ends where a window of so many rows is worse than sampling explains,
were all as on the baseline.${quality ? NOTHING : markup` Labels are not due yet, so that nothing is measured.`}</p>
${quality?.bias ? markup`<p>Bias, the mean of output less label: ${estimateCell(quality.bias)}</p>` : NOTHING}
${slices(quality?.slices ?? [])}`;
}

const direction = (metric: MetricName): Markup =>
  Object.hasOwn(HIGHER_IS_BETTER, metric) ? markup` <small>${HIGHER_IS_BETTER[metric] ? 'more' : 'less'} is better</small>` : NOTHING;

type Measured = Pick<SliceMetrics, 'metrics' | 'undefinedBecause'>;

/** @param realised of a metric that is estimated alone: what the labels showed it to be, which has no interval */
function measuredCell(measurement: Measured | undefined, metric: MetricName, realised?: number): Markup {
  const because = measurement?.undefinedBecause[metric];
  if (because === undefined && realised !== undefined && !measurement?.metrics[metric]) return markup`${figure(realised)}`;
  return because === undefined ? estimateCell(measurement?.metrics[metric]) : markup`${NO_FIGURE} <small class="because">${userText(because, NAME * 2)}</small>`;
}

const thresholdCell = (threshold: MetricThreshold | undefined): Markup =>
  threshold === undefined ? markup`${NO_FIGURE}` : markup`${threshold.verdict === 'fail' ? markup`<strong class="alert">beyond</strong> ` : NOTHING}${figure(threshold.limit)}`;

function estimatedCell(estimated: EstimatedMetric | null): Markup {
  if (estimated === null) return markup`${NO_FIGURE}`;
  return markup`${estimated.alert ? markup`<strong class="alert">alert</strong> ` : NOTHING}${figure(estimated.value)}${intervalOf(estimated)}`;
}

function realisedCells(estimated: EstimatedMetric | null): Markup[] {
  const realised = estimated?.realised;
  if (!realised) return [markup`${NO_FIGURE}`, markup`${NO_FIGURE}`];
  const { difference, withinBand } = realised;
  const within = withinBand === null ? markup`no band` : withinBand ? markup`yes` : markup`<strong class="alert">no</strong>`;
  return [markup`${difference > 0 ? '+' : ''}${figure(difference)}`, within];
}

/** The loss that harm is judged by. */
function lossRow({ baseline, quality, harm }: NonNullable<AssessmentFacts['report']>): Markup[] {
  const limit = harm ? markup` <small>harm begins above ${figure(harm.standing.limit)}</small>` : NOTHING;
  const dash = markup`${NO_FIGURE}`;
  return [markup`Mean loss${baseline ? markup` <small>${metricName(baseline.metric)}, bounded</small>` : NOTHING}`, markup`${figure(baseline?.meanLoss ?? null)}`, dash,
    markup`${figure(quality?.meanLoss ?? null)}${limit}`, dash, dash, dash];
}

function slices(all: readonly SliceMetrics[]): Markup {
  if (all.length === 0) return NOTHING;
  const shown = all.slice(0, SHOWN_SLICES);
  const metrics = [...new Set(shown.flatMap(({ metrics: defined, undefinedBecause }) => [...Object.keys(defined), ...Object.keys(undefinedBecause)]))] as MetricName[];
  const rows = shown.map((slice) => [
    userText(slice.column, NAME), slice.value === null ? markup`<i>missing</i>` : userText(slice.value, NAME), countText(slice.rows),
    ...metrics.map((metric) => measuredCell(slice, metric)),
  ]);
  const cut = all.length > shown.length ? markup`<p class="note">The first ${SHOWN_SLICES} of ${countText(all.length)} slices; all stand in the JSON.</p>` : NOTHING;
  return markup`<h3>Slices</h3>
${dataTable('Slices', [...texts('Column', 'Value'), ...figures('Labelled rows', ...metrics.map(metricName))], rows)}${cut}`;
}
