import { FAILURES, type FailureType } from '../../../contracts/failures.js';
import { FAILURE_SOURCES, sourceOf } from '../../../contracts/failure-sources.js';
import type { OperationFigures } from '../../../contracts/window-assessment-report.js';
import { FEWEST_EARLIER, type GatewayFigures, LIMITED_OPERATIONS, type OperationCheck, type OperationChecks } from '../../../contracts/window-operations.js';
import { countText, figure, NO_FIGURE, percentOf } from '../page/figures.js';
import { type Markup, markup, NOTHING, userText } from '../page/markup.js';
import type { AssessedWindow } from './assessment-facts.js';
import { dataTable, factList, figures, texts } from './data-table.js';
import { operationName, operationText } from './operation-words.js';
import { operationsTrend } from './operations-trend.js';
import { badge, NAME, sentence, timeOf } from './words.js';

/** How the window was served. @param windows in their order, the shown one last */
export function operationsPart(operations: OperationFigures, windows: readonly AssessedWindow[]): Markup {
  const { repeated, stale, guards, latencyMs, firstEvent, lastEvent, newestReceived, arrivalLagMs, gateways, checks } = operations;
  const time = (iso: string | null): Markup | string => (iso === null ? NO_FIGURE : markup`${timeOf(iso)} UTC`);
  return markup`${latencyTable(latencyMs)}
${checks ? checkTable(checks) : NOTHING}
${operationsTrend(windows)}
${factList([
    ...(gateways ? gatewayFacts(gateways) : []),
    ['Stale answers', markup`${countText(stale)}, given on routing older than the spec allows`],
    ['Asked again', markup`${countText(repeated)} predictions, under an id that had been asked before`],
    ['First and last row', markup`${time(firstEvent)}, ${time(lastEvent)} (event time)`],
    ['Newest receipt', markup`${time(newestReceived)} (wall time)`],
    ...(arrivalLagMs ? [['Arrival after the event', markup`${figure(arrivalLagMs.p50 / 1_000)} s p50, ${figure(arrivalLagMs.p95 / 1_000)} s p95, ${figure(arrivalLagMs.greatest / 1_000)} s at most`] as const] : []),
  ])}
${gateways ? kindTable(gateways) : NOTHING}
<div class="beside">${gateways ? sourceTables(gateways) : counted('Failed requests', operations.errors, 'No request failed.')}${counted('Guard rail', guards, 'No guard rail was used.')}</div>
${gateways ? GATEWAY_NOTE : OLD_NOTE}`;
}

const GATEWAY_NOTE = markup`<p class="note">Requests, errors and rows are of this deployment, in the whole minutes of wall time in which its predictions were received; where a replay brings several
windows in a minute, each has the minute's figures. Memory and processor time are of a gateway's process, which serves all its models. The limit is the spec's, or what the deployment's earlier windows vary by:
an observation, on which neither the verdict nor an alarm rests.</p>`;

/** Of reports that were made before gateways had samples. */
const OLD_NOTE = markup`<p class="note">Failed requests are of the whole deployment since its gateways started, up to when the window was assessed: not of the window alone.</p>`;

function latencyTable(latencyMs: OperationFigures['latencyMs']): Markup {
  if (latencyMs === null) return markup`<p>No answer has a latency.</p>`;
  return dataTable('Latency', [...texts('Latency'), ...figures('p50', 'p95', 'p99', 'greatest')], [['ms', ...(['p50', 'p95', 'p99', 'greatest'] as const).map((name) => figure(latencyMs[name]))]]);
}

function checkTable(checks: OperationChecks): Markup {
  const rows = LIMITED_OPERATIONS.flatMap((name) => {
    const check = checks[name];
    return check ? [[operationName(name), operationText(name, check.value), operationText(name, check.limit), groundOf(check), badge(check.verdict)]] : [];
  });
  return dataTable('Limits', [...texts('Figure'), ...figures('This window', 'Limit'), ...texts('The limit is from', 'Verdict')], rows);
}

function groundOf({ by, limit, windows }: OperationCheck): string {
  if (by === 'spec') return 'the spec';
  const known = `${countText(windows)} earlier ${windows === 1 ? 'window' : 'windows'}`;
  if (limit !== null) return known;
  return windows < FEWEST_EARLIER ? `${known}, too few` : `${known}, all alike`;
}

function gatewayFacts({ from, until, gateways, minutes, lostMinutes, requests, rows, errors, throughput, memoryBytes, cpu, undefinedBecause }: GatewayFigures): (readonly [string, Markup | string])[] {
  const because = (name: string): Markup => (undefinedBecause[name] === undefined ? NOTHING : sentence(`: ${undefinedBecause[name]}`));
  const sampled = markup`${countText(minutes)} ${minutes === 1 ? 'minute' : 'minutes'} of ${countText(gateways)} ${gateways === 1 ? 'gateway' : 'gateways'}`;
  const lost = lostMinutes === 0 ? NOTHING : markup`; ${countText(lostMinutes)} minutes are lost`;
  const head: readonly (readonly [string, Markup | string])[] = [
    ['Sampled', markup`${sampled}${lost}, ${timeOf(from)} to ${timeOf(until)} UTC (wall time)${because('samples')}`],
    ['Graphics processors', markup`none${because('gpu')}`],
  ];
  if (minutes === 0) return [...head];
  return [
    ...head,
    ['Requests', markup`${countText(requests)} answered, ${countText(rows)} rows; ${countText(errors.count)} failed (${shareText(errors.share)})`],
    ['Throughput', markup`${figure(throughput.mean)} rows a second, ${figure(throughput.busiest)} in the busiest minute`],
    ['Capacity', markup`${figure(throughput.capacity)} rows a second${because('capacity')}; used ${shareText(throughput.meanShare)}, ${shareText(throughput.busiestShare)} in the busiest minute, ${shareText(throughput.busiestShareOfAll)} with the other models`],
    ['Memory', markup`${operationText('memoryBytes', memoryBytes)} at most`],
    ['Processor', markup`${figure(cpu.meanCores)} cores of ${cpu.cores === null ? NO_FIGURE : countText(cpu.cores)}, ${figure(cpu.busiestCores)} in the busiest minute`],
  ];
}

const shareText = (share: number | null): string => (share === null ? NO_FIGURE : percentOf(share, 1));

function kindTable({ errors: { byKind } }: GatewayFigures): Markup {
  const rows = Object.entries(byKind).toSorted(([, one], [, other]) => other.count - one.count).map(([kind, { count, share }]) =>
    [userText(kind, NAME), Object.hasOwn(FAILURES, kind) ? sourceOf(kind as FailureType) : NO_FIGURE, countText(count), shareText(share)]);
  return rows.length === 0 ? markup`<p>No request failed.</p>` : dataTable('Errors by kind', [...texts('Error', 'By whose fault'), ...figures('Count', 'Share of requests')], rows);
}

function sourceTables({ errors: { bySource, unplaced } }: GatewayFigures): Markup {
  const rows = FAILURE_SOURCES.filter((source) => bySource[source].count > 0).map((source) => [source, countText(bySource[source].count), shareText(bySource[source].share)]);
  return markup`${rows.length === 0 ? NOTHING : dataTable('Errors by source', [...texts('By whose fault'), ...figures('Count', 'Share of requests')], rows)}
${Object.keys(unplaced).length === 0 ? NOTHING : counted('Errors of no deployment', unplaced, '')}`;
}

function counted(name: string, counts: Readonly<Record<string, number>>, none: string): Markup {
  const rows = Object.entries(counts).toSorted(([, one], [, other]) => other - one).map(([kind, count]) => [userText(kind, NAME), countText(count)]);
  return rows.length === 0 ? markup`<p>${none}</p>` : dataTable(name, [...texts(name), ...figures('Count')], rows);
}
