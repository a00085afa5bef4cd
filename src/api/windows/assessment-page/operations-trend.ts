import type { LimitedOperation, OperationCheck } from '../../../contracts/window-operations.js';
import { countText } from '../page/figures.js';
import { type Markup, markup, NOTHING } from '../page/markup.js';
import type { AssessedWindow } from './assessment-facts.js';
import { dataTable, figures, texts } from './data-table.js';
import { operationName, operationText, operationTitle, shownValue } from './operation-words.js';
import { linearScale } from './plot-scales.js';
import { keyLine, linePath, type Panel, plotKey, stepPath, type Stretch, timeAxis, timePlot, type TimeScale, timeScale, valueAxis, VERDICT_SHAPES } from './time-plot.js';
import { shortTime } from './words.js';

/** The ones that tell soonest of trouble; the others stand in the table. */
const DRAWN: readonly LimitedOperation[] = ['latencyP99Ms', 'failedShare', 'busiestShare', 'arrivalLagP95Ms'];
const TABLED: readonly LimitedOperation[] = [...DRAWN, 'refusedShare', 'slowShare', 'memoryBytes', 'cpuCores'];

/** Pixels. */
const FIRST_TOP = 24;
const HEIGHT = 96;
const BETWEEN = 56;
const FOOT = 26;

interface Shown extends Stretch {
  readonly checks: NonNullable<AssessedWindow['assessment']['headline']['operations']> | null;
}

interface ShownCheck extends Stretch {
  readonly check: OperationCheck;
}

/** How the last windows were served: figures beside their limits. Nothing where none has any. */
export function operationsTrend(windows: readonly AssessedWindow[]): Markup {
  const shown = windows.map(({ assessment: { fromEvent, untilEvent, headline } }): Shown => ({ fromMs: fromEvent.getTime(), untilMs: untilEvent.getTime(), checks: headline.operations ?? null }));
  const names = DRAWN.filter((name) => shown.some(({ checks }) => (checks?.[name]?.value ?? null) !== null));
  const [first, last] = [shown[0], shown.at(-1)];
  if (!first || !last || names.length === 0) return NOTHING;
  const x = timeScale({ fromMs: first.fromMs, untilMs: last.untilMs });
  const panels = names.map((name, place) => {
    const top = FIRST_TOP + place * (HEIGHT + BETWEEN);
    return markup`${panel(name, shown, x, { top, bottom: top + HEIGHT })}${timeAxis(shown, x, top + HEIGHT)}`;
  });
  const title = `Operations of the last ${shown.length === 1 ? 'window' : `${countText(shown.length)} windows`}`;
  const height = FIRST_TOP + names.length * (HEIGHT + BETWEEN) - BETWEEN + FOOT;
  return markup`<h3>${title}</h3>
${timePlot('operations-trend', title, `${names.map(operationName).join(', ')}. Every figure stands in the table of windows below.`, height, panels)}
${KEY}${table(shown)}`;
}

function panel(name: LimitedOperation, shown: readonly Shown[], x: TimeScale, { top, bottom }: Panel): Markup {
  const of = shown.flatMap(({ checks, fromMs, untilMs }): ShownCheck[] => {
    const check = checks?.[name];
    return check ? [{ fromMs, untilMs, check }] : [];
  });
  const limits = of.flatMap(({ check: { limit }, ...stretch }) => (limit === null ? [] : [{ ...stretch, value: shownValue(name, limit) }]));
  const points = of.flatMap(({ check: { value, verdict }, fromMs, untilMs }) => (value === null ? [] : [{ fromMs, x: x((fromMs + untilMs) / 2), value, verdict }]));
  const y = linearScale([...limits.map(({ value }) => value), ...points.map(({ value }) => shownValue(name, value))], bottom, top);
  const placed = points.map((point) => ({ ...point, y: y.at(shownValue(name, point.value)) }));
  return markup`${valueAxis(operationTitle(name), y, top)}<path class="threshold" d="${stepPath(limits, x, y)}"/><path class="measured" d="${linePath(placed)}"/>${placed.map((point) =>
    markup`<g><title>${shortTime(point.fromMs)}: ${operationText(name, point.value)}, ${point.verdict}</title>${VERDICT_SHAPES[point.verdict](point.x, point.y)}</g>`)}`;
}

const KEY = plotKey([
  [VERDICT_SHAPES.pass(14, 7), 'within its limit'], [VERDICT_SHAPES.fail(14, 7), 'beyond it'], [VERDICT_SHAPES.inconclusive(14, 7), 'no limit is known, or too few requests'], [keyLine('threshold'), 'limit'],
]);

function table(shown: readonly Shown[]): Markup {
  const rows = shown.toReversed().map(({ fromMs, checks }) => [shortTime(fromMs), ...TABLED.flatMap((name) => {
    const { value, limit } = checks?.[name] ?? { value: null, limit: null };
    return [operationText(name, value), operationText(name, limit)];
  })]);
  const columns = [...texts('Window from'), ...figures(...TABLED.flatMap((name) => [operationName(name), 'Limit']))];
  return markup`<details><summary>Operations of the windows as a table</summary>${dataTable('Operations of the windows', columns, rows)}</details>`;
}
