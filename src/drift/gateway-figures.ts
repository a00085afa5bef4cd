import { FAILURES, type FailureType } from '../contracts/failures.js';
import { FAILURE_SOURCES, type FailureSource, sourceOf } from '../contracts/failure-sources.js';
import type { FailureCounts, SampledMinute, SampledStretch } from '../contracts/gateway-samples.js';
import { isoTime } from '../contracts/time.js';
import type { CountedShare, CpuFigures, ErrorFigures, GatewayFigures, ThroughputFigures } from '../contracts/window-operations.js';

/** Of a shorter part of a minute a rate says little. */
const SHORTEST_SECONDS = 5;
const NO_GPU = 'gateways score on processors, with ONNX Runtime; graphics processors train';
const NO_SAMPLE = 'no gateway that serves the deployment has a sample of this time';
const NO_CAPACITY = 'what the champion can answer could not be measured when it was loaded';

/** What samples of gateways say of the wall time in which a window's predictions were received. */
export function gatewayFigures({ fromMs, untilMs, gateways, cores, lostMinutes, minutes, errors, unplacedErrors }: SampledStretch): GatewayFigures {
  const requests = sumOf(minutes, (minute) => minute.requests);
  const throughput = throughputOf(minutes);
  const because: Readonly<Record<string, string>> = minutes.length === 0 ? { samples: NO_SAMPLE } : throughput.meanShare === null ? { capacity: NO_CAPACITY } : {};
  return {
    from: isoTime(fromMs), until: isoTime(untilMs), gateways, minutes: minutes.length, lostMinutes, requests, rows: sumOf(minutes, ({ rows }) => rows),
    errors: errorsOf(requests, errors, unplacedErrors), throughput, memoryBytes: greatest(minutes.map(({ memoryBytes }) => memoryBytes)),
    cpu: cpuOf(minutes, cores), gpu: null, undefinedBecause: { ...because, gpu: NO_GPU },
  };
}

/** Kinds of before that are no more count as the gateway's own. */
const sourceOfKind = (kind: string): FailureSource => (Object.hasOwn(FAILURES, kind) ? sourceOf(kind as FailureType) : 'gateway');

function errorsOf(answered: number, errors: FailureCounts, unplaced: FailureCounts): ErrorFigures {
  const kinds = Object.entries(errors);
  const count = sumOf(kinds, ([, failed]) => failed);
  const shareOf = (failed: number): CountedShare => ({ count: failed, share: ratio(failed, answered + count) });
  const ofSource = (source: FailureSource): CountedShare => shareOf(sumOf(kinds.filter(([kind]) => sourceOfKind(kind) === source), ([, failed]) => failed));
  return {
    ...shareOf(count), byKind: Object.fromEntries(kinds.map(([kind, failed]) => [kind, shareOf(failed)])),
    bySource: Object.fromEntries(FAILURE_SOURCES.map((source) => [source, ofSource(source)])) as ErrorFigures['bySource'], unplaced,
  };
}

function throughputOf(minutes: readonly SampledMinute[]): ThroughputFigures {
  const [rows, wallSeconds] = [sumOf(minutes, (minute) => minute.rows), sumOf(minutes, (minute) => minute.wallSeconds)];
  const capacityRows = minutes.some((minute) => minute.capacityRows === null) ? null : sumOf(minutes, (minute) => minute.capacityRows!);
  const lasting = lastingOf(minutes);
  return {
    mean: ratio(rows, wallSeconds), busiest: greatest(lasting.map((minute) => ratio(minute.rows, minute.wallSeconds))), capacity: ratio(capacityRows, wallSeconds),
    meanShare: ratio(rows, capacityRows), busiestShare: greatest(lasting.map((minute) => ratio(minute.rows, minute.capacityRows))),
    busiestShareOfAll: greatest(lasting.map(({ busySeconds, seconds }) => ratio(busySeconds, seconds))),
  };
}

const cpuOf = (minutes: readonly SampledMinute[], cores: number | null): CpuFigures => ({
  meanCores: ratio(sumOf(minutes, ({ cpuSeconds }) => cpuSeconds), sumOf(minutes, ({ seconds }) => seconds)), busiestCores: greatest(lastingOf(minutes).map(({ busiestCores }) => busiestCores)), cores,
});

const lastingOf = (minutes: readonly SampledMinute[]): SampledMinute[] => minutes.filter(({ wallSeconds }) => wallSeconds >= SHORTEST_SECONDS);

/** Null where either is not known, and of nothing. */
const ratio = (part: number | null, whole: number | null): number | null => (part === null || whole === null || whole === 0 ? null : part / whole);

const sumOf = <T>(items: readonly T[], value: (item: T) => number): number => items.reduce((sum, item) => sum + value(item), 0);

/** Of those that are known; spread arguments would overflow the stack of many. */
const greatest = (values: readonly (number | null)[]): number | null =>
  values.reduce<number | null>((most, value) => (value === null || (most !== null && most >= value) ? most : value), null);
