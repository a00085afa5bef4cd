import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { sourceOf } from '../contracts/failure-sources.js';
import { LATENCY_BOUNDS_MS } from '../contracts/latency-buckets.js';
import { GUARD, GUARD_NAMES } from './guard-rails.js';
import type { ObservationLog } from './observation-log.js';
import { processMetrics } from './process-metrics.js';
import type { RoutingTable } from './routing-table.js';
import type { ServingCounters } from './serving-counters.js';
import type { GatewayTally, ServingTallies } from './serving-tallies.js';
import { throughputRatio } from './throughput-ratio.js';

/** Where the figures come from; each is read when somebody asks for the metrics, so that counting costs a request nothing more. */
export interface MetricSources {
  readonly table: RoutingTable;
  readonly tallies: ServingTallies;
  readonly counters: ServingCounters;
  readonly log: Pick<ObservationLog, 'figures'>;
  /** Requests that were read and not yet answered. */
  readonly waiting: () => number;
}

/** Labels and the value that stands under them. */
type Sample = readonly [labels: Readonly<Record<string, string | number>>, value: number];

/** Metrics of a gateway in a registry of their own, in Prometheus' format. Labels are names of the record, never words of callers. */
export function servingMetrics(sources: MetricSources): Registry {
  const registry = new Registry();
  const gauge = (name: string, help: string, labelNames: string[], samples: () => Iterable<Sample>): void => {
    registry.registerMetric(new Gauge({
      name, help, labelNames, registers: [],
      collect() {
        this.reset();
        for (const [labels, value] of samples()) this.set(labels, value);
      },
    }));
  };
  const counter = (name: string, help: string, labelNames: string[], samples: () => Iterable<Sample>): void => {
    registry.registerMetric(new Counter({
      name, help, labelNames, registers: [],
      collect() {
        this.reset();
        for (const [labels, value] of samples()) this.inc(labels, value);
      },
    }));
  };
  versionMetrics(sources, registry, counter);
  requestMetrics(sources, counter, gauge);
  routingMetrics(sources, gauge);
  challengerMetrics(sources, counter, gauge);
  logMetrics(sources, counter, gauge);
  processMetrics(counter, gauge);
  return registry;
}

export type AddMetric = (name: string, help: string, labelNames: string[], samples: () => Iterable<Sample>) => void;

const OF_VERSION = ['model', 'deployment', 'version'];
const versionOf = ({ model, deployment, version }: Pick<GatewayTally, 'model' | 'deployment' | 'version'>) => ({ model, deployment, version });

function versionMetrics({ tallies }: MetricSources, registry: Registry, counter: AddMetric): void {
  registry.registerMetric(new TalliedLatency(tallies));
  const each = (value: (tally: GatewayTally) => number) => () => tallies.all().map((tally): Sample => [versionOf(tally), value(tally)]);
  counter('perennial_gateway_requests_total', 'Requests that a version answered', OF_VERSION, each(({ requests }) => requests));
  counter('perennial_gateway_rows_total', 'Rows that a version answered', OF_VERSION, each(({ rows }) => rows));
  counter('perennial_gateway_version_errors_total', 'Requests to a version that failed; a canary that the champion answered instead is among them', [...OF_VERSION, 'type'], () =>
    tallies.all().flatMap((tally) => Object.entries(tally.errors).map(([type, count]): Sample => [{ ...versionOf(tally), type }, count])));
  counter('perennial_gateway_mirrored_total', 'Requests that a version was given without answering them', [...OF_VERSION, 'outcome'], () =>
    tallies.all().flatMap((tally) => (['executed', 'dropped', 'failed'] as const).map((outcome): Sample => [{ ...versionOf(tally), outcome }, tally.mirrored[outcome]])));
}

function requestMetrics({ table, tallies, counters, waiting }: MetricSources, counter: AddMetric, gauge: AddMetric): void {
  counter('perennial_gateway_errors_total', 'Requests that were answered with an error, by kind and by whose fault it was', ['type', 'source'], () =>
    [...counters.refusals].map(([type, count]): Sample => [{ type, source: sourceOf(type) }, count]));
  counter('perennial_gateway_runs_total', "Runs of champions' models", [], () => [[{}, counters.runs]]);
  counter('perennial_gateway_run_requests_total', 'Requests that those runs scored; by the number of runs: how many a run takes', [], () => [[{}, counters.runRequests]]);
  counter('perennial_gateway_run_rows_total', 'Rows that those runs scored', [], () => [[{}, counters.runRows]]);
  counter('perennial_gateway_guarded_rows_total', 'Rows whose answer a guard rail changed or withheld', ['model', 'deployment', 'guard'], () =>
    [...counters.guardUses.values()].flatMap(({ model, deployment, rows }) =>
      rows.flatMap((count, code): Sample[] => (code === GUARD.none ? [] : [[{ model, deployment, guard: GUARD_NAMES[code]! }, count]]))));
  gauge('perennial_gateway_waiting_requests', 'Requests that were read and not yet answered', [], () => [[{}, waiting()]]);
  gauge('perennial_gateway_capacity_rows_per_second', 'Rows a second that one thread scored when the champion was loaded', OF_VERSION, () =>
    table.deployments().flatMap(({ model, deployment, champion }): Sample[] => (champion?.rowsPerSecond ? [[{ model, deployment, version: champion.version }, champion.rowsPerSecond]] : [])));
  const ratio = throughputRatio(table, tallies);
  gauge('perennial_gateway_capacity_used_ratio', "Rows answered since the last look, at least five seconds, over the rows that the champions' capacity allows", [], () => [[{}, ratio()]]);
}

function routingMetrics({ table }: MetricSources, gauge: AddMetric): void {
  const of = (value: 'revision' | 'epoch') => () => table.deployments().map((served): Sample => [{ model: served.model, deployment: served.deployment }, served[value]]);
  gauge('perennial_gateway_routing_revision', 'Revision that is served', ['model', 'deployment'], of('revision'));
  gauge('perennial_gateway_routing_epoch', 'Epoch that is served', ['model', 'deployment'], of('epoch'));
  gauge('perennial_gateway_routing_age_seconds', 'How long ago the record confirmed the routing', [], () => [[{}, table.age().ageMs / 1_000]]);
  gauge('perennial_gateway_routing_failures', 'Deployments whose newest routing could not be put into service', [], () => [[{}, table.failures().length]]);
  gauge('perennial_gateway_ready', '1 once every champion was loaded', [], () => [[{}, Number(table.ready())]]);
}

function challengerMetrics({ table }: MetricSources, counter: AddMetric, gauge: AddMetric): void {
  const each = (value: (figures: ReturnType<(ReturnType<RoutingTable['deployments']>)[number]['challengers'][number]['figures']>) => number | null) => () =>
    table.deployments().flatMap(({ model, deployment, challengers }) => challengers.flatMap((challenger): Sample[] => {
      const figure = value(challenger.figures());
      return figure === null ? [] : [[{ model, deployment, version: challenger.version }, figure]];
    }));
  gauge('perennial_gateway_challenger_queued_rows', 'Rows that wait for a challenger', OF_VERSION, each(({ queuedRows }) => queuedRows));
  gauge('perennial_gateway_challenger_memory_bytes', "Resident memory of a challenger's process", OF_VERSION, each(({ memoryBytes }) => memoryBytes));
  gauge('perennial_gateway_challenger_ready', "1 while a challenger's process answers", OF_VERSION, each(({ state }) => Number(state === 'ready')));
  counter('perennial_gateway_challenger_restarts_total', "Times that a challenger's process was started again", OF_VERSION, each(({ restarts }) => restarts));
}

function logMetrics({ log }: MetricSources, counter: AddMetric, gauge: AddMetric): void {
  gauge('perennial_gateway_log_bytes', 'Bytes of the observation log on this disk', ['state'], () => {
    const { bytesOnDisk, openBytes } = log.figures();
    return [[{ state: 'open' }, openBytes], [{ state: 'sealed' }, Math.max(0, bytesOnDisk - openBytes)]];
  });
  gauge('perennial_gateway_log_sealed_waiting', 'Sealed segments that wait for their upload', [], () => [[{}, log.figures().sealedWaiting]]);
  gauge('perennial_gateway_log_shedding', '1 while the log keeps nothing, for want of disk', [], () => [[{}, Number(log.figures().shedding)]]);
  counter('perennial_gateway_log_shed_total', 'Answers that the log could not keep', ['kind'], () => {
    const { shedObservations, shedMirrored } = log.figures();
    return [[{ kind: 'observation' }, shedObservations], [{ kind: 'mirrored' }, shedMirrored]];
  });
}

const LATENCY = { name: 'perennial_gateway_request_duration_seconds', help: 'From the body read to the reply written, by the version that answered' };

/** The latencies that the tallies have counted already. */
class TalliedLatency extends Histogram {
  constructor(private readonly tallies: ServingTallies) {
    super({ ...LATENCY, labelNames: OF_VERSION, buckets: LATENCY_BOUNDS_MS.map((ms) => ms / 1_000), registers: [] });
  }

  /** What the registry asks for where it writes text. */
  getForPromString(): ReturnType<Histogram['get']> {
    return this.get();
  }

  override get(): ReturnType<Histogram['get']> {
    const values = this.tallies.all().filter(({ requests }) => requests > 0).flatMap((tally) => histogramSamples(versionOf(tally), tally.latency, tally.latencySumMs));
    return Promise.resolve({ ...LATENCY, type: 'histogram', values, aggregator: 'sum' } as unknown as Awaited<ReturnType<Histogram['get']>>);
  }
}

function histogramSamples(labels: Readonly<Record<string, string | number>>, buckets: readonly number[], sumMs: number): object[] {
  let upTo = 0;
  const counts = buckets.map((count) => (upTo += count));
  return [
    ...counts.map((value, at) => ({ labels: { le: at < LATENCY_BOUNDS_MS.length ? LATENCY_BOUNDS_MS[at]! / 1_000 : '+Inf', ...labels }, value, metricName: `${LATENCY.name}_bucket` })),
    { labels, value: sumMs / 1_000, metricName: `${LATENCY.name}_sum` },
    { labels, value: upTo, metricName: `${LATENCY.name}_count` },
  ];
}
