import type { BacktestPolicy, BacktestStep, PolicyBacktest, PolicyFigures } from '../contracts/policy-backtest.js';
import { isoTime } from '../contracts/time.js';
import { axisTitle, escaped, FONT, INK, padded, path, type Point, QUIET, round, signOf, timeTick, valueLine, valueTicks } from './svg-plot.js';

/** Pixels. */
const WIDTH = 960;
const [LEFT, RIGHT] = [92, 936];
const LOSS = { top: 70, bottom: 308 } as const;
const LANES = { top: 326, height: 18 } as const;
const AVOIDED_HEIGHT = 190;
const TICKS = 5;
const MOST_TIMES = 10;
/** Of more windows the lines are drawn finer. */
const MANY_WINDOWS = 120;

const [HOUR_MS, DAY_MS] = [3_600_000, 86_400_000];

/** Broad lines are drawn first, so that those on top of them leave both to be seen. */
const LINES: Readonly<Record<BacktestPolicy, { readonly colour: string; readonly width: number; readonly name: string }>> = {
  never: { colour: '#b4bec9', width: 5, name: 'never' },
  monthly: { colour: '#c07a1c', width: 1.6, name: 'monthly' },
  psi: { colour: '#8a4fa3', width: 1.6, name: 'PSI > 0.2' },
  cusum: { colour: '#2f8a66', width: 1.6, name: 'CUSUM' },
  spec: { colour: '#2563a8', width: 2.2, name: 'spec' },
};

type Scale = (value: number) => number;

/** The mean loss of each window under each policy, when each retrained, and the loss that it avoided so far. @returns an SVG document */
export function backtestPlot(result: PolicyBacktest): string {
  const [fromMs, untilMs] = [Date.parse(result.from), Date.parse(result.until)];
  const x: Scale = (ms) => LEFT + ((ms - fromMs) / (untilMs - fromMs)) * (RIGHT - LEFT);
  const laned = result.policies.filter(({ policy }) => policy !== 'never');
  const lanesEnd = LANES.top + laned.length * LANES.height;
  const avoided = { top: lanesEnd + 50, bottom: lanesEnd + 50 + AVOIDED_HEIGHT };
  const height = avoided.bottom + 52;
  const times = timeTicks(fromMs, untilMs);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Mean loss, retrains and loss avoided of each policy" ${FONT}>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<text x="${LEFT}" y="24" font-size="14" font-weight="600" fill="${INK}">${escaped(`${result.model}: retraining policies over ${result.from.slice(0, 10)} to ${result.until.slice(0, 10)}`)}</text>
${legend(result.policies)}
<g>${lossPanel(result, x)}</g>
<g>${laned.map((figures, lane) => retrainLane(figures, LANES.top + (lane + 0.5) * LANES.height, x)).join('')}${timeAxis(times, x, lanesEnd)}</g>
<g>${avoidedPanel(result, x, avoided)}${timeAxis(times, x, avoided.bottom)}</g>
${markLegend(height - 12)}
</svg>
`;
}

function legend(policies: readonly PolicyFigures[]): string {
  let x = LEFT;
  return policies.map(({ policy }) => {
    const { colour, width, name } = LINES[policy];
    const at = x;
    x += 52 + name.length * 6.8;
    return `<line x1="${round(at)}" x2="${round(at + 22)}" y1="46" y2="46" stroke="${colour}" stroke-width="${width}"/><text x="${round(at + 28)}" y="50" font-size="12" fill="${INK}">${escaped(name)}</text>`;
  }).join('');
}

function lossPanel({ policies, loss }: PolicyBacktest, x: Scale): string {
  const known = policies.map(({ policy, steps }) => ({ policy, steps: steps.filter(hasLoss) }));
  const values = known.flatMap(({ steps }) => steps.map(({ meanLoss }) => meanLoss));
  const [least, most] = padded(Math.min(...values), Math.max(...values));
  const y: Scale = (value) => LOSS.top + ((most - value) / (most - least)) * (LOSS.bottom - LOSS.top);
  const middle = ({ start, end }: BacktestStep): number => (Date.parse(start) + Date.parse(end)) / 2;
  const lines = known.map(({ policy, steps }) => line(policy, steps.map((step) => ({ x: x(middle(step)), y: y(step.meanLoss) })))).join('');
  return `${valueAxis(least, most, y, (value, digits) => value.toFixed(digits))}${axisTitle(20, (LOSS.top + LOSS.bottom) / 2, escaped(`mean loss of a window (${loss.metric})`))}${lines}`;
}

const hasLoss = (step: BacktestStep): step is BacktestStep & { readonly meanLoss: number } => step.meanLoss !== null;

/** What a policy avoided until the end of each window: that of never less its own. */
function avoidedPanel({ policies, loss }: PolicyBacktest, x: Scale, { top, bottom }: { readonly top: number; readonly bottom: number }): string {
  const never = policies.find(({ policy }) => policy === 'never')!.steps;
  const courses = policies.map(({ policy, steps }) => {
    let sum = 0;
    return { policy, points: steps.map((step, place) => ({ ms: Date.parse(step.end), value: (sum += totalOf(never[place]!) - totalOf(step)) })) };
  });
  const values = courses.flatMap(({ points }) => points.map(({ value }) => value));
  const [least, most] = padded(Math.min(0, ...values), Math.max(0, ...values));
  const y: Scale = (value) => top + ((most - value) / (most - least)) * (bottom - top);
  const lines = courses.map(({ policy, points }) => line(policy, points.map(({ ms, value }) => ({ x: x(ms), y: y(value) })))).join('');
  return `${valueAxis(least, most, y, avoidedText)}${axisTitle(20, (top + bottom) / 2, escaped(`loss avoided so far (${loss.metric})`))}${lines}`;
}

const avoidedText = (value: number, digits: number): string => `${signOf(value)}${Math.abs(value).toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;

const totalOf = ({ meanLoss, labelled }: BacktestStep): number => (meanLoss ?? 0) * labelled;

/** One window alone is a dot, where its line has round ends. */
function line(policy: BacktestPolicy, points: readonly Point[]): string {
  const { colour, width } = LINES[policy];
  const fine = points.length > MANY_WINDOWS ? round(width * 0.6) : width;
  return `<path d="${path(points)}${points.length === 1 ? 'h0' : ''}" fill="none" stroke="${colour}" stroke-width="${fine}" stroke-linejoin="round" stroke-linecap="round"/>`;
}

/** When a policy retrained, and the windows that it put into quarantine. */
function retrainLane({ policy, decisions }: PolicyFigures, y: number, x: Scale): string {
  const { colour, name } = LINES[policy];
  const windows = decisions.filter(({ outcome }) => outcome === 'quarantine').map(({ window: { start, end } }) => quarantineMark(x(Date.parse(start)), x(Date.parse(end)), y));
  const marks = decisions.flatMap(({ at, retrain }) => (retrain ? [retrainMark(x(Date.parse(at)), y, colour, retrain.outcome)] : []));
  return `<line x1="${LEFT}" x2="${RIGHT}" y1="${round(y)}" y2="${round(y)}" stroke="#eef1f4"/>` +
    `<text x="${LEFT - 8}" y="${round(y + 4)}" font-size="11" text-anchor="end" fill="${colour}">${escaped(name)}</text>${windows.join('')}${marks.join('')}`;
}

const quarantineMark = (from: number, until: number, y: number): string =>
  `<rect x="${round(from)}" y="${round(y - 5)}" width="${round(Math.max(3, until - from))}" height="10" fill="#d5dbe1"/>`;

function retrainMark(x: number, y: number, colour: string, outcome: string): string {
  if (outcome === 'failed') return `<path d="M${round(x - 4)} ${round(y - 4)}l8 8m0 -8l-8 8" stroke="${colour}" stroke-width="1.6" fill="none"/>`;
  return `<circle cx="${round(x)}" cy="${round(y)}" r="4.2" fill="${outcome === 'promoted' ? colour : '#ffffff'}" stroke="${colour}" stroke-width="1.6"/>`;
}

function markLegend(y: number): string {
  const entries: readonly (readonly [sign: string, text: string, width: number])[] = [
    [retrainMark(0, y - 4, INK, 'promoted'), 'retrain, promoted', 150], [retrainMark(0, y - 4, INK, 'rejected'), 'retrain, not promoted', 176],
    [retrainMark(0, y - 4, INK, 'failed'), 'retrain, failed on its data', 202], [quarantineMark(-8, 8, y - 4), 'window in quarantine', 0],
  ];
  let x = LEFT;
  return entries.map(([sign, text, width]) => {
    const at = x;
    x += width;
    return `<g transform="translate(${at + 8} 0)">${sign}<text x="14" y="${y}" font-size="12" fill="${INK}">${text}</text></g>`;
  }).join('');
}

function valueAxis(least: number, most: number, y: Scale, written: (value: number, digits: number) => string): string {
  const { values, digits } = valueTicks(least, most, TICKS);
  return values.map((value) => valueLine(y(value), written(value, digits), { left: LEFT, right: RIGHT, isZero: value === 0 })).join('');
}

interface TimeLabel {
  readonly ms: number;
  readonly label: string;
}

const timeAxis = (times: readonly TimeLabel[], x: Scale, base: number): string =>
  `<line x1="${LEFT}" x2="${RIGHT}" y1="${base}" y2="${base}" stroke="${QUIET}"/>${times.map(({ ms, label }) => timeTick(x(ms), base, label)).join('')}`;

/** The beginnings of months where there are some, else days, else hours. */
function timeTicks(fromMs: number, untilMs: number): TimeLabel[] {
  const months = monthsWithin(fromMs, untilMs);
  if (months.length >= 4) return thinned(months).map((ms) => ({ ms, label: isoTime(ms).slice(0, 7) }));
  const days = multiplesWithin(fromMs, untilMs, DAY_MS);
  if (days.length >= 4) return thinned(days).map((ms) => ({ ms, label: isoTime(ms).slice(0, 10) }));
  return thinned(multiplesWithin(fromMs, untilMs, HOUR_MS)).map((ms) => ({ ms, label: isoTime(ms).slice(5, 16).replace('T', ' ') }));
}

function monthsWithin(fromMs: number, untilMs: number): number[] {
  const months: number[] = [];
  const first = new Date(fromMs);
  for (let month = first.getUTCMonth(); ; month++) {
    const ms = Date.UTC(first.getUTCFullYear(), month, 1);
    if (ms > untilMs) return months;
    if (ms >= fromMs) months.push(ms);
  }
}

const multiplesWithin = (fromMs: number, untilMs: number, stepMs: number): number[] =>
  Array.from({ length: Math.max(0, Math.floor(untilMs / stepMs) - Math.ceil(fromMs / stepMs) + 1) }, (_, place) => (Math.ceil(fromMs / stepMs) + place) * stepMs);

const thinned = (times: readonly number[]): number[] => times.filter((_, place) => place % Math.ceil(times.length / MOST_TIMES) === 0);
