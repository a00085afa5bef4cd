import { expect, it } from 'vitest';
import { PerennialError } from '../contracts/failures.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { RoutingTable } from './routing-table.js';
import { ServingCounters } from './serving-counters.js';
import { servingMetrics } from './serving-metrics.js';
import { ServingTallies } from './serving-tallies.js';
import { histogramQuantile, parsePrometheusText } from './testing/prometheus-text.js';

const FIGURES = { bytesOnDisk: 30, openBytes: 10, sealedWaiting: 2, shedObservations: 3, shedMirrored: 4, shedding: false, lastError: null, oldestUnsentMs: Infinity };
const LABELS = new Set(['model', 'deployment', 'version', 'type', 'source', 'outcome', 'kind', 'guard', 'state', 'le']);
const UNITS = /_(seconds|bytes|ratio|rows|requests|rows_per_second|revision|epoch|failures|ready|waiting|shedding|utilization)$/;

function sources() {
  const [tallies, counters] = [new ServingTallies(), new ServingCounters()];
  return { table: new RoutingTable(10_000), tallies, counters, log: { figures: () => FIGURES }, waiting: () => 5 };
}

it('are text that Prometheus reads, named by its conventions', async () => {
  const from = sources();
  from.tallies.of('m', 'default', 1).answered(2, 1.5);
  from.tallies.of('m', 'default', 1).failed('InferenceFailed');
  from.counters.refused(new PerennialError('InferenceInvalid', 'x'));
  from.counters.refused(new PerennialError('RoutingStale', 'x'));
  from.counters.refused(new TypeError('x'));
  from.counters.guarded({ model: 'm', deployment: 'default' }, Uint8Array.of(0, 1, 2));
  const families = parsePrometheusText(await servingMetrics(from).metrics());
  expect(families.size).toBeGreaterThan(20);
  for (const [name, { help, type, samples }] of families) {
    expect(name).toMatch(/^(perennial_gateway|process|nodejs)_[a-z_]+$/);
    expect(help.length).toBeGreaterThan(10);
    expect(['counter', 'gauge', 'histogram']).toContain(type);
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    if (type === 'gauge') expect(name).toMatch(UNITS);
    for (const sample of samples) expect(Object.keys(sample.labels).filter((label) => !LABELS.has(label))).toEqual([]);
  }
  const of = (name: string) => families.get(`perennial_gateway_${name}`)?.samples.map(({ labels, value }) => [...Object.values(labels), value]);
  expect(of('errors_total')).toEqual([['InferenceInvalid', 'caller', 1], ['RoutingStale', 'record', 1], ['Internal', 'gateway', 1]]);
  expect(of('waiting_requests')).toEqual([[5]]);
  expect(of('log_bytes')).toEqual([['open', 10], ['sealed', 20]]);
  expect(of('log_shed_total')).toEqual([['observation', 3], ['mirrored', 4]]);
  expect(of('guarded_rows_total')).toEqual([['m', 'default', 'clamped', 1], ['m', 'default', 'abstained', 1], ['m', 'default', 'fallback', 0]]);
  expect(families.get('process_cpu_seconds_total')?.samples).toHaveLength(1);
});

it('give p50, p95 and p99 of the latency within the width of a bucket, a quarter of the value', async () => {
  const from = sources();
  const random = seededRandom(5);
  const latencies = Array.from({ length: 20_000 }, () => 0.2 * Math.exp(1.2 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())));
  const counter = from.tallies.of('m', 'default', 1);
  for (const ms of latencies) counter.answered(1, ms);
  const { samples } = parsePrometheusText(await servingMetrics(from).metrics()).get('perennial_gateway_request_duration_seconds')!;
  const buckets = samples.filter(({ name }) => name.endsWith('_bucket')).map(({ labels, value }) => ({ upTo: labels['le'] === '+Inf' ? Infinity : Number(labels['le']), count: value }));
  expect(buckets.map(({ upTo }) => upTo)).toEqual(buckets.map(({ upTo }) => upTo).sort((a, b) => a - b));
  expect(buckets.map(({ count }) => count)).toEqual(buckets.map(({ count }) => count).sort((a, b) => a - b));
  expect(buckets.at(-1)).toEqual({ upTo: Infinity, count: latencies.length });
  const sum = samples.find(({ name }) => name.endsWith('_sum'))!.value;
  expect(sum).toBeCloseTo(latencies.reduce((total, ms) => total + ms, 0) / 1_000, 6);
  const sorted = latencies.sort((a, b) => a - b);
  for (const quantile of [0.5, 0.95, 0.99]) {
    const exact = sorted[Math.ceil(quantile * sorted.length) - 1]! / 1_000;
    expect(Math.abs(histogramQuantile(buckets, quantile) / exact - 1)).toBeLessThan(0.25);
  }
});
