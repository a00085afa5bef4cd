import type { Estimate } from '../../../contracts/verdict.js';
import type { WindowAssessment } from '../../../registry/entities/window-assessment.entity.js';
import { figure, NO_FIGURE } from '../page/figures.js';
import { type Markup, markup, NOTHING, userText } from '../page/markup.js';

/** Characters of a name or a value of the data. */
export const NAME = 40;
/** Characters of a sentence that carries texts of the data. */
const SENTENCE = 600;

const METRIC_NAMES: Readonly<Record<string, string>> = {
  auc: 'AUC', logLoss: 'Log loss', brier: 'Brier score', calibrationError: 'Calibration error', f1: 'F1', rmse: 'RMSE', mae: 'MAE', r2: 'R²',
  absoluteError: 'Absolute error', squaredError: 'Squared error',
};

export const metricName = (metric: string): string => (Object.hasOwn(METRIC_NAMES, metric) ? (METRIC_NAMES[metric] as string) : metric);

/** `demographicParityRatio` is read as demographic parity ratio. */
export const inWords = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

export const sentence = (text: string): Markup => userText(text, SENTENCE);

/** A figure with its interval below it. */
export function estimateCell(estimate: Estimate | null | undefined): Markup {
  if (!estimate) return markup`${NO_FIGURE}`;
  return markup`${figure(estimate.value)}${intervalOf(estimate)}`;
}

export const intervalOf = ({ low, high }: Pick<Estimate, 'low' | 'high'>): Markup =>
  low === null || high === null ? NOTHING : markup` <small>${figure(low)} to ${figure(high)}</small>`;

/** UTC, as short as it can be: the day alone where it begins. */
export function shortTime(time: string | number | Date): string {
  const iso = new Date(time).toISOString();
  const [day = '', clock = ''] = iso.split('T');
  return clock === '00:00:00.000Z' ? day : `${day} ${clock.replace(/(:00)?\.000Z$/, '').replace('Z', '')}`;
}

export const timeOf = (time: string | number | Date): Markup => markup`<time datetime="${new Date(time).toISOString()}">${shortTime(time)}</time>`;

const SIGNS = { pass: '✓', fail: '✕', inconclusive: '?', error: '!' } as const;

/** Said by a sign and a word: colour is not for everyone. */
export const badge = (verdict: keyof typeof SIGNS): Markup => markup`<strong class="badge ${verdict}"><span aria-hidden="true">${SIGNS[verdict]}</span> ${verdict}</strong>`;

type Place = Pick<WindowAssessment, 'model' | 'deployment' | 'fromEvent'>;

/** A path below the window on this API. */
export function windowPath({ model, deployment, fromEvent }: Place, what: string, revision?: number): string {
  const query = `deployment=${encodeURIComponent(deployment)}${revision === undefined ? '' : `&revision=${revision}`}`;
  return `/v1/models/${encodeURIComponent(model)}/windows/${fromEvent.toISOString()}/${what}?${query}`;
}
