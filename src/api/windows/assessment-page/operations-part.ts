import type { OperationFigures } from '../../../contracts/window-assessment.js';
import { countText, figure, NO_FIGURE } from '../page/figures.js';
import { type Markup, markup, userText } from '../page/markup.js';
import { dataTable, factList, figures, texts } from './data-table.js';
import { NAME, timeOf } from './words.js';

/** How the window was served. */
export function operationsPart({ repeated, stale, guards, latencyMs, firstEvent, lastEvent, newestReceived, errors }: OperationFigures): Markup {
  const latency = latencyMs === null
    ? markup`<p>No answer has a latency.</p>`
    : dataTable('Latency', [...texts('Latency'), ...figures('p50', 'p95', 'p99', 'greatest')],
      [['ms', ...(['p50', 'p95', 'p99', 'greatest'] as const).map((name) => figure(latencyMs[name]))]]);
  const time = (iso: string | null): Markup | string => (iso === null ? NO_FIGURE : markup`${timeOf(iso)} UTC`);
  return markup`${latency}
${factList([
    ['Stale answers', markup`${countText(stale)}, given on routing older than the spec allows`],
    ['Asked again', markup`${countText(repeated)} predictions, under an id that had been asked before`],
    ['First and last row', markup`${time(firstEvent)}, ${time(lastEvent)} (event time)`],
    ['Newest receipt', markup`${time(newestReceived)} (wall time)`],
  ])}
<div class="beside">${counted('Guard rail', guards, 'No guard rail was used.')}${counted('Failed requests', errors, 'No request failed.')}</div>
<p class="note">Failed requests are of the whole deployment since its gateways started, up to when the window was assessed: not of the window alone.</p>`;
}

function counted(name: string, counts: Readonly<Record<string, number>>, none: string): Markup {
  const rows = Object.entries(counts).toSorted(([, one], [, other]) => other - one).map(([kind, count]) => [userText(kind, NAME), countText(count)]);
  return rows.length === 0 ? markup`<p>${none}</p>` : dataTable(name, [...texts(name), ...figures('Count')], rows);
}
