import type { HarmStanding } from '../../../contracts/window-assessment.js';
import type { HarmFiguresOfWindow } from '../../../contracts/window-assessment-report.js';
import { countText, figure, valueText } from '../page/figures.js';
import { type Markup, markup } from '../page/markup.js';
import type { AssessmentFacts } from './assessment-facts.js';
import { dataTable, figures, texts } from './data-table.js';
import { linearScale, logScale, type PlotScale } from './plot-scales.js';
import {
  dotPath, keyLine, linePath, MARKS_ROOM, plotKey, type Point, stepPath, type Stretch, timeAxis, type TimeMark, timeMarks, timePlot, type TimeScale, timeScale, valueAxis,
} from './time-plot.js';
import { shortTime, timeOf } from './words.js';

/** Pixels. */
const LOSS = { top: MARKS_ROOM + 30, bottom: 262 } as const;
const EVIDENCE = { top: 326, bottom: 446 } as const;

const BEGINNINGS = { first: 'begins', version: 'new version', plan: 'new terms', resolved: 'alarm resolved' } as const;

interface HarmWindow extends Stretch, HarmFiguresOfWindow {}

/** A block with the times between which its rows lie. */
type Block = Stretch & HarmFiguresOfWindow['course'][number];

/** The evidence of harm over all windows shown, block by block. */
export function harmPart({ windows }: AssessmentFacts): Markup {
  const harmed = windows.flatMap(({ report, assessment: { fromEvent, untilEvent } }): HarmWindow[] =>
    (report?.harm ? [{ fromMs: fromEvent.getTime(), untilMs: untilEvent.getTime(), ...report.harm }] : []));
  const [first, last] = [harmed[0], harmed.at(-1)];
  if (!first || !last) return markup`<p>No window shown has evidence of harm for or against: it needs labels, and a baseline that bounds the loss.</p>`;
  const x = timeScale({ fromMs: first.fromMs, untilMs: last.untilMs });
  const runs = sequencesOf(harmed);
  const blocks = runs.map((run) => run.flatMap(blocksOf));
  const base = EVIDENCE.bottom;
  return markup`${timePlot('harm', 'Confidence sequence of the loss, and evidence of harm', described(last.standing), base + 26, [
    lossPanel(harmed, blocks, x), evidencePanel(harmed, blocks, x), timeAxis(harmed, x, LOSS.bottom), timeAxis(harmed, x, base), timeMarks(marksOf(harmed), x, [LOSS, EVIDENCE]),
  ])}
${KEY}
${sequenceTable(runs)}`;
}

/** Windows that go on from each other: a new sequence breaks them, and a window of which nothing is known. */
function sequencesOf(harmed: readonly HarmWindow[]): HarmWindow[][] {
  const runs: HarmWindow[][] = [];
  harmed.forEach((window, place) => {
    const run = runs.at(-1);
    if (run && window.began === null && harmed[place - 1]?.untilMs === window.fromMs) run.push(window);
    else runs.push([window]);
  });
  return runs;
}

const blocksOf = ({ course, untilMs }: HarmWindow): Block[] =>
  course.map((point, place) => ({ ...point, fromMs: Date.parse(point.from), untilMs: course[place + 1] ? Date.parse(course[place + 1]!.from) : untilMs }));

function lossPanel(harmed: readonly HarmWindow[], sequences: readonly (readonly Block[])[], x: TimeScale): Markup {
  const limits = harmed.map(({ fromMs, untilMs, standing }) => ({ fromMs, untilMs, value: standing.limit }));
  const values = [...limits.map(({ value }) => value), ...sequences.flat().flatMap(({ mean, lower }) => [mean, lower])].filter((value) => value !== null);
  const y = linearScale(values, LOSS.bottom, LOSS.top);
  const dots = sequences.flat().flatMap(({ mean, fromMs, untilMs }): Point[] => (mean === null ? [] : [{ x: x((fromMs + untilMs) / 2), y: y.at(mean) }]));
  return markup`${valueAxis('Loss', y, LOSS.top)}<path class="dots" d="${dotPath(dots)}"/><path class="limit" d="${stepPath(limits, x, y)}"/>
${sequences.map((blocks) => markup`<path class="lower" d="${linePath(lineOf(blocks, ({ lower }) => lower, x, y))}"/>`)}`;
}

function evidencePanel(harmed: readonly HarmWindow[], sequences: readonly (readonly Block[])[], x: TimeScale): Markup {
  const thresholds = harmed.map(({ fromMs, untilMs, standing }) => ({ fromMs, untilMs, value: standing.threshold }));
  const y = logScale([...thresholds.map(({ value }) => value), ...sequences.flat().map(({ evidence }) => evidence)], EVIDENCE.bottom, EVIDENCE.top);
  return markup`${valueAxis('Evidence of harm, logarithmic, and the threshold where it is an alarm', y, EVIDENCE.top)}<path class="limit" d="${stepPath(thresholds, x, y)}"/>
${sequences.map((blocks) => markup`<path class="evidence" d="${linePath(lineOf(blocks, ({ evidence }) => evidence, x, y))}"/>`)}`;
}

/** What is known after a block stands at its end. */
const lineOf = (blocks: readonly Block[], valueOf: (block: Block) => number | null, x: TimeScale, y: PlotScale): Point[] => blocks.flatMap((block) => {
  const value = valueOf(block);
  return value === null ? [] : [{ x: x(block.untilMs), y: y.at(value) }];
});

function marksOf(harmed: readonly HarmWindow[]): TimeMark[] {
  const began = harmed.flatMap(({ began: why, fromMs }): TimeMark[] => (why === null ? [] : [{ ms: fromMs, label: BEGINNINGS[why], kind: 'began' }]));
  const alarms = new Set(harmed.flatMap(({ standing: { alarm } }) => (alarm ? [alarm.atMs] : [])));
  const [first, last] = [harmed[0]?.fromMs ?? 0, harmed.at(-1)?.untilMs ?? 0];
  return [...began, ...[...alarms].filter((ms) => ms >= first && ms <= last).map((ms): TimeMark => ({ ms, label: `alarm ${shortTime(ms)}`, kind: 'alarm' }))];
}

const described = ({ rows, mean, lower, limit, evidence, threshold }: HarmStanding): string =>
  `After the last window: ${countText(rows)} rows with a label, mean loss ${figure(mean)}, at least ${figure(lower)}, limit ${valueText(limit)}; ` +
  `evidence ${figure(evidence)} of ${valueText(threshold)}. The sequences stand in the table below.`;

const KEY = markup`${plotKey([
  [markup`<path class="dots" d="M6 5h0M14 9h0M22 6h0"/>`, 'mean loss of a block'], [keyLine('lower'), 'lower confidence sequence of the mean since the beginning'],
  [keyLine('evidence'), 'evidence'], [keyLine('limit'), 'limit, threshold'], [markup`<path class="mark began" d="M14 0V14"/>`, 'a sequence begins'],
  [markup`<path class="alarm-head" d="M9 3h10l-5 8z"/>`, 'alarm'],
])}<p class="note">Harm is found where the lower sequence exceeds its limit or the evidence reaches its threshold, at any time.</p>`;

/** Of each sequence where it stood after its last window shown. */
function sequenceTable(runs: readonly (readonly HarmWindow[])[]): Markup {
  const rows = runs.flatMap((run) => {
    const [first, last] = [run[0], run.at(-1)];
    if (!first || !last) return [];
    const { rows: count, missing, mean, lower, limit, evidence, threshold, alarm } = last.standing;
    const told = alarm ? markup`${timeOf(alarm.atMs)}, by ${alarm.by === 'change' ? 'evidence of a change' : 'the running mean'}; harm since ${timeOf(alarm.sinceMs)}`
      : markup`none`;
    const from = markup`${timeOf(first.fromMs)}${first.began === null ? ' (goes on)' : ` (${BEGINNINGS[first.began]})`}`;
    const counted = [countText(count), countText(missing), figure(mean), figure(lower), valueText(limit), figure(evidence), valueText(threshold), valueText(last.allowance)];
    return [[from, timeOf(last.untilMs), ...counted, told]];
  });
  const columns = figures('Labelled', 'Unlabelled', 'Mean', 'At least', 'Limit', 'Evidence', 'Threshold', 'False alarms a year');
  return dataTable('Sequences', [...texts('From', 'Until'), ...columns, ...texts('Alarm')], rows);
}
