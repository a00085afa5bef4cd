import type { Estimate } from '../../../contracts/verdict.js';
import type { OutputFigures } from '../../../contracts/window-assessment-report.js';
import { countText, figure, valueText } from '../page/figures.js';
import { type Markup, markup, NOTHING } from '../page/markup.js';
import type { AssessedWindow, AssessmentFacts, ShownAssessment } from './assessment-facts.js';
import { dataTable, figures, texts } from './data-table.js';
import { linearScale, type PlotScale } from './plot-scales.js';
import {
  dotPath, keyLine, linePath, type Panel, plotKey, type Point, stepPath, type Stretch, timeAxis, timePlot, type TimeScale, timeScale, valueAxis, VERDICT_SHAPES,
} from './time-plot.js';
import { estimateCell, metricName, shortTime, windowPath } from './words.js';

/** Pixels. */
const STRIP = 14;
const FIRST_TOP = 50;
const METRIC_HEIGHT = 178;
const LOSS_HEIGHT = 140;
const BETWEEN = 72;
const FOOT = 26;
const WHISKER = 3;

type Shown = ShownAssessment & Stretch & { readonly outputs: OutputFigures | null };

const shownOf = ({ assessment, report }: AssessedWindow): Shown => ({ ...assessment, outputs: report?.outputs ?? null, fromMs: assessment.fromEvent.getTime(), untilMs: assessment.untilEvent.getTime() });

/** The last windows: quality measured and estimated beside the baseline, the mean loss beside where harm begins, and how far outputs moved beside where chance ends. */
export function trendsPart({ windows }: AssessmentFacts): Markup {
  const shown = windows.map(shownOf);
  const [first, last] = [shown[0], shown.at(-1)];
  if (!first || !last) return markup`<p>No window.</p>`;
  const metric = shown.findLast(({ headline }) => headline.metric !== null)?.headline.metric ?? null;
  const x = timeScale({ fromMs: first.fromMs, untilMs: last.untilMs });
  const title = `Quality of the last ${shown.length === 1 ? 'window' : `${countText(shown.length)} windows`}`;
  const above = metricPanel(shown, metric, x, { top: FIRST_TOP, bottom: FIRST_TOP + METRIC_HEIGHT });
  const top = above ? FIRST_TOP + METRIC_HEIGHT + BETWEEN : FIRST_TOP;
  const below = lossPanel(shown, x, { top, bottom: top + LOSS_HEIGHT });
  const lowestTop = below ? top + LOSS_HEIGHT + BETWEEN : top;
  const lowest = outputsPanel(shown, x, { top: lowestTop, bottom: lowestTop + LOSS_HEIGHT });
  const bottom = lowest ? lowestTop + LOSS_HEIGHT : below ? top + LOSS_HEIGHT : above ? FIRST_TOP + METRIC_HEIGHT : 2 * STRIP;
  const unknown = [above ? '' : 'metric', below ? '' : 'loss'].filter((what) => what !== '').map((what) => markup`<p class="note">No ${what} is known of these windows.</p>`);
  return markup`${timePlot('trends', title, described(shown, metric), bottom + FOOT, [verdictStrip(shown, x), above ?? NOTHING, below ?? NOTHING, below && lowest ? timeAxis(shown, x, top + LOSS_HEIGHT) : NOTHING, lowest ?? NOTHING, timeAxis(shown, x, bottom)])}
${key(metric)}${unknown}
${windowTable(shown, metric)}`;
}

const middleOf = ({ fromMs, untilMs }: Stretch): number => (fromMs + untilMs) / 2;

const verdictStrip = (shown: readonly Shown[], x: TimeScale): Markup => markup`<text class="axis" x="0" y="${STRIP + 4}">Verdict</text>${shown.map((window) =>
  markup`<a href="${windowPath(window, 'assessment.html', window.revision)}"><title>${shortTime(window.fromMs)}: ${window.verdict}</title>
${VERDICT_SHAPES[window.verdict](x(middleOf(window)), STRIP)}</a>`)}`;

/** @returns null where none of the windows has the metric */
function metricPanel(shown: readonly Shown[], metric: string | null, x: TimeScale, { top, bottom }: Panel): Markup | null {
  const of = shown.filter(({ headline }) => headline.metric === metric && metric !== null);
  const thresholds = of.flatMap(({ headline: { threshold }, fromMs, untilMs }) => (typeof threshold === 'number' ? [{ fromMs, untilMs, value: threshold }] : []));
  const values = of.flatMap(({ headline: { measured, baseline, estimated } }) => [...ends(measured), ...ends(baseline), ...(estimated ? [estimated.value] : [])]);
  if (metric === null || values.length === 0) return null;
  const y = linearScale([...values, ...thresholds.map(({ value }) => value)], bottom, top);
  const estimates = of.flatMap((window): Point[] => (window.headline.estimated ? [{ x: x(middleOf(window)), y: y.at(window.headline.estimated.value) }] : []));
  return markup`${valueAxis(metricName(metric), y, top)}${baselineBand(of, x, y)}<path class="threshold" d="${stepPath(thresholds, x, y)}"/>
<path class="estimated" d="${linePath(estimates)}"/><path class="estimated-dots" d="${dotPath(estimates)}"/>
${of.map((window) => measuredMark(window, x, y))}
${timeAxis(shown, x, bottom)}`;
}

const ends = (estimate: Estimate | null): number[] => (estimate ? [estimate.value, estimate.low ?? estimate.value, estimate.high ?? estimate.value] : []);

/** Of each window the interval of its own baseline: another version has another. */
function baselineBand(shown: readonly Shown[], x: TimeScale, y: PlotScale): Markup {
  const bands = shown.map(({ headline: { baseline }, fromMs, untilMs }) => {
    if (!baseline || baseline.low === null || baseline.high === null) return NOTHING;
    const [top, height] = [y.at(baseline.high), Math.max(0.5, y.at(baseline.low) - y.at(baseline.high))];
    return markup`<rect class="band" x="${x(fromMs)}" y="${top}" width="${Math.max(0, x(untilMs) - x(fromMs))}" height="${height}"/>`;
  });
  const middles = shown.flatMap(({ headline: { baseline }, fromMs, untilMs }) => (baseline ? [{ fromMs, untilMs, value: baseline.value }] : []));
  return markup`${bands}<path class="baseline-line" d="${stepPath(middles, x, y)}"/>`;
}

function measuredMark(window: Shown, x: TimeScale, y: PlotScale): Markup {
  const { measured } = window.headline;
  if (!measured) return NOTHING;
  const [at, { value, low, high }] = [x(middleOf(window)), measured];
  const whisker = low === null || high === null ? NOTHING
    : markup`<path class="whisker" d="M${at - WHISKER} ${y.at(high)}h${2 * WHISKER}M${at} ${y.at(high)}V${y.at(low)}M${at - WHISKER} ${y.at(low)}h${2 * WHISKER}"/>`;
  return markup`<g><title>${shortTime(window.fromMs)}: ${figure(value)}, ${window.verdict}</title>${whisker}${VERDICT_SHAPES[window.verdict](at, y.at(value))}</g>`;
}

/** @returns null where none of the windows has a loss */
function lossPanel(shown: readonly Shown[], x: TimeScale, { top, bottom }: Panel): Markup | null {
  const limits = shown.flatMap(({ headline: { harm }, fromMs, untilMs }) => (harm ? [{ fromMs, untilMs, value: harm.limit }] : []));
  const losses = shown.flatMap((window) => (window.headline.meanLoss === null ? [] : [{ window, value: window.headline.meanLoss }]));
  const values = [...limits, ...losses].map(({ value }) => value);
  if (values.length === 0) return null;
  const y = linearScale(values, bottom, top);
  const points = losses.map(({ window, value }) => ({ x: x(middleOf(window)), y: y.at(value), window, value }));
  return markup`${valueAxis('Mean loss, and the limit where harm begins', y, top)}<path class="limit" d="${stepPath(limits, x, y)}"/>
<path class="measured" d="${linePath(points)}"/>${points.map(({ window, value, ...point }) =>
  markup`<g><title>${shortTime(window.fromMs)}: ${figure(value)}, ${window.verdict}</title>${VERDICT_SHAPES[window.verdict](point.x, point.y)}</g>`)}`;
}

/** @returns null where the outputs of none of the windows were compared */
function outputsPanel(shown: readonly Shown[], x: TimeScale, { top, bottom }: Panel): Markup | null {
  const moved = shown.flatMap((window) => (typeof window.outputs?.drift.psi === 'number' ? [{ window, value: window.outputs.drift.psi }] : []));
  if (moved.length === 0) return null;
  const limits = moved.flatMap(({ window: { outputs, fromMs, untilMs } }) => (outputs?.drift.thresholds?.psi ? [{ fromMs, untilMs, value: outputs.drift.thresholds.psi.limit }] : []));
  const y = linearScale([0, ...moved.map(({ value }) => value), ...limits.map(({ value }) => value)], bottom, top);
  const points = moved.map(({ window, value }) => ({ x: x(middleOf(window)), y: y.at(value) }));
  return markup`${valueAxis('PSI of outputs, and where chance ends', y, top)}<path class="threshold" d="${stepPath(limits, x, y)}"/>
<path class="measured" d="${linePath(points)}"/><path class="dots" d="${dotPath(points)}"/>`;
}

function described(shown: readonly Shown[], metric: string | null): string {
  const counts = (['pass', 'fail', 'inconclusive'] as const).map((verdict) => `${shown.filter((window) => window.verdict === verdict).length} ${verdict}`).join(', ');
  return `${counts}. Every figure stands in the table of windows below. ${metric === null ? '' : `The upper panel shows ${metricName(metric)}, the one below it the mean loss.`} The lowest panel shows how far outputs moved.`;
}

const key = (metric: string | null): Markup => plotKey([
  [VERDICT_SHAPES.pass(14, 7), 'pass'], [VERDICT_SHAPES.fail(14, 7), 'fail'], [VERDICT_SHAPES.inconclusive(14, 7), 'inconclusive'],
  ...(metric === null ? [] : [
    [markup`<path class="whisker" d="M11 1h6M14 1V13M11 13h6"/>`, 'interval of what was measured'] as const,
    [markup`${keyLine('estimated')}<path class="estimated-dots" d="M14 7h0"/>`, 'estimated before labels'] as const,
    [markup`<rect class="band" x="1" y="1" width="26" height="12"/>${keyLine('baseline-line')}`, 'baseline with its interval'] as const,
    [keyLine('threshold'), 'worse than chance beyond'] as const,
  ]),
  [keyLine('limit'), 'harm begins above'],
]);

function windowTable(shown: readonly Shown[], metric: string | null): Markup {
  const name = metric === null ? 'metric' : metricName(metric);
  const rows = shown.toReversed().map((window) => {
    const { headline: { version, measured, threshold, estimated, baseline, meanLoss, harm, metric: own }, verdict, occasion, revision, rows: count, outputs } = window;
    const cells = own === metric ? [measured, estimated, baseline].map(estimateCell) : [null, null, null].map(estimateCell);
    return [markup`<a href="${windowPath(window, 'assessment.html', revision)}">${shortTime(window.fromMs)}</a>`, verdict, `${occasion}, ${revision}`, `${version ?? '–'}`,
      countText(count), ...cells, figure(own === metric ? (threshold ?? null) : null), figure(meanLoss), valueText(harm?.limit ?? null),
      figure(outputs?.drift.psi ?? null), figure(outputs?.drift.thresholds?.psi?.limit ?? null), positivesCell(outputs)];
  });
  const columns = [...texts('Window from', 'Verdict', 'Occasion, revision'), ...figures('Version', 'Rows', `${name} measured`, 'Estimated', 'Baseline', 'Chance ends at', 'Mean loss', 'Limit', 'PSI of outputs', 'Chance ends at', 'Share of positives')];
  return markup`<details><summary>The windows as a table</summary>${dataTable('Windows', columns, rows)}</details>`;
}

/** The share, and between which limits chance leaves it. */
const positivesCell = (outputs: OutputFigures | null): Markup =>
  estimateCell(outputs?.positiveShare && { value: outputs.positiveShare.window, low: outputs.thresholds?.positiveShare?.low ?? null, high: outputs.thresholds?.positiveShare?.high ?? null });
