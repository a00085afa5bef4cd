import type { SampledMinute } from '../../../contracts/gateway-samples.js';
import type { OperationFigures } from '../../../contracts/window-assessment-report.js';
import type { OperationChecks } from '../../../contracts/window-operations.js';
import { gatewayFigures } from '../../../drift/gateway-figures.js';
import { operationChecks } from '../../../drift/operation-limits.js';
import { seededRandom } from '../../../observations/testing/random-observations.js';

const TERMS = { guards: { maximumErrorRate: 0.01, maximumSlowShare: 0.01 }, alpha: 0.05 };

/** As reports were before gateways had samples. */
export const olderOperationsFixture: OperationFigures = {
  repeated: 14, stale: 3, guards: { clamped: 21, fallback: 2 }, latencyMs: { p50: 1.82, p95: 4.4, p99: 11.27, greatest: 214.9 },
  firstEvent: '2013-07-01T00:02:11.000Z', lastEvent: '2013-07-07T23:58:40.120Z', newestReceived: '2026-02-03T10:11:12.000Z', errors: { ModelNotReady: 4, InvalidRequest: 31 },
};

function figuresOf(uniform: () => number, slow: number): Omit<OperationFigures, 'checks'> {
  const minutes = Array.from({ length: 3 }, (_, place): SampledMinute => ({
    minuteMs: Date.parse('2026-02-03T10:09:00.000Z') + 60_000 * place, seconds: 120, wallSeconds: 60, requests: 400, rows: Math.round(40_000 + 8_000 * uniform()), capacityRows: 7_200_000, busySeconds: 2.1,
    cpuSeconds: 20 + 5 * uniform(), busiestCores: 0.24, memoryBytes: Math.round(300e6 + 20e6 * uniform()),
  }));
  const gateways = gatewayFigures({
    fromMs: Date.parse('2026-02-03T10:09:21.000Z'), untilMs: Date.parse('2026-02-03T10:11:12.001Z'), gateways: 2, cores: 8, lostMinutes: 0, minutes,
    errors: { InferenceInvalid: 12 + Math.round(4 * uniform()), ModelNotReady: Math.round(3 * slow * uniform()) }, unplacedErrors: { NotFound: 2 },
  });
  const p99 = 11 + 2 * uniform() + 20 * slow;
  return {
    ...olderOperationsFixture, latencyMs: { p50: 1.82, p95: 4.4, p99, greatest: 214.9 }, gateways, received: { first: '2026-02-03T10:09:21.000Z', last: '2026-02-03T10:11:12.000Z' },
    arrivalLagMs: { p50: 40 * p99, p95: 150 * p99, greatest: 900 * p99 }, slow: { afterMs: 250, requests: 1_200, count: Math.round(30 * slow) },
  };
}

/** Windows one after another, each beside those before; the last ones answer slowly. */
export function servedWindows(count: number): OperationFigures[] {
  const uniform = seededRandom(23);
  const earlier: OperationChecks[] = [];
  return Array.from({ length: count }, (_, place) => {
    const figures = figuresOf(uniform, place >= 22 ? 1 : 0);
    const checks = operationChecks(figures, earlier, TERMS);
    earlier.unshift(checks);
    return { ...figures, checks };
  });
}

export const operationsFixture: OperationFigures = servedWindows(26).at(-1)!;
