import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SampledStretch } from '../contracts/gateway-samples.js';
import type { OperationFigures } from '../contracts/window-assessment-report.js';
import type { LimitedOperation, OperationCheck, OperationChecks } from '../contracts/window-operations.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { gatewayFigures } from './gateway-figures.js';
import { operationChecks, predictionLimit } from './operation-limits.js';

const reference = JSON.parse(readFileSync(new URL('./reference/operation-limits.json', import.meta.url), 'utf8')) as {
  readonly limits: readonly { readonly values: readonly number[]; readonly alpha: number; readonly limit: number }[];
};
const TERMS = { guards: { maximumErrorRate: 0.01, maximumSlowShare: 0.02 }, alpha: 0.05 };

describe('the limit that earlier windows give', () => {
  it.each(reference.limits)('of $values.length values at $alpha is that of statsmodels', ({ values, alpha, limit }) => {
    expect(Math.abs(predictionLimit(values, alpha)! / limit - 1)).toBeLessThan(1e-9);
  });

  it('is not known of one value, nor of values that are all the same', () => {
    expect(predictionLimit([], 0.05)).toBeNull();
    expect(predictionLimit([3], 0.05)).toBeNull();
    expect(predictionLimit([0.1, 0.1, 0.1], 0.05)).toBeNull();
  });

  it('is passed by one normal window in forty (seed 20261124)', () => {
    const random = seededRandom(20_261_124);
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const trials = 20_000;
    let beyond = 0;
    for (let trial = 0; trial < trials; trial++) if (normal() > predictionLimit(Array.from({ length: 8 }, normal), 0.05)!) beyond += 1;
    // Five standard errors around 0.025.
    expect(Math.abs(beyond / trials - 0.025)).toBeLessThan(5 * Math.sqrt((0.025 * 0.975) / trials));
  });
});

interface Served {
  readonly p99: number;
  readonly requests: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly slow: number;
  readonly rows: number;
  readonly lag: number;
}

function figuresOf({ p99 = 10, requests = 1_000, errors = {}, slow = 0, rows = 6_000, lag = 0 }: Partial<Served> = {}): Omit<OperationFigures, 'checks'> {
  const minute = { minuteMs: 0, seconds: 60, wallSeconds: 60, requests, rows, capacityRows: 60_000, busySeconds: 6, cpuSeconds: 12, busiestCores: 0.2, memoryBytes: 2 ** 28 };
  const stretch: SampledStretch = { fromMs: 0, untilMs: 60_000, gateways: 1, cores: 4, lostMinutes: 0, minutes: [minute], errors, unplacedErrors: {} };
  return {
    repeated: 0, stale: 0, guards: {}, latencyMs: { p50: 1, p95: 5, p99, greatest: 99 }, firstEvent: null, lastEvent: null, newestReceived: null, errors: {},
    gateways: gatewayFigures(stretch), slow: { afterMs: 250, requests, count: slow }, arrivalLagMs: { p50: lag / 2, p95: lag, greatest: 9 * lag },
  };
}

/** Checks of windows one after another, the newest first. */
function course(windows: readonly Partial<Served>[]): OperationChecks[] {
  return windows.reduce<OperationChecks[]>((earlier, window) => [operationChecks(figuresOf(window), earlier, TERMS), ...earlier], []);
}

const WINDOWS = Array.from({ length: 30 }, (_, place) => ({ lag: 60_000 + 1_000 * (place % 4), p99: 10 + (place % 3), rows: 6_000 + 100 * (place % 5), errors: { InferenceInvalid: 5 + (place % 4) } }));
const of = (window: Partial<Served>, earlier: readonly OperationChecks[] = []) => operationChecks(figuresOf(window), earlier, TERMS);

describe('figures of operations', () => {
  it('have no limit before eight windows, and then that of the newest twenty-six', () => {
    expect(of({}, course(WINDOWS.slice(0, 7))).latencyP99Ms).toEqual({ value: 10, limit: null, by: 'windows', windows: 7, verdict: 'inconclusive' });
    const eight = of({}, course(WINDOWS.slice(0, 8))).latencyP99Ms;
    expect(eight).toEqual({ value: 10, limit: predictionLimit([11, 10, 12, 11, 10, 12, 11, 10], 0.05), by: 'windows', windows: 8, verdict: 'pass' });
    const old = course([...Array.from({ length: 4 }, () => ({ p99: 500 })), ...WINDOWS.slice(0, 26)]);
    expect(of({ p99: 100 }, old).latencyP99Ms).toMatchObject({ windows: 26, verdict: 'fail', limit: expect.closeTo(12.8, 0) as number });
  });

  it('beyond what windows vary by fail, and none below', () => {
    const earlier = course(WINDOWS);
    const verdicts = (window: Partial<Served>): LimitedOperation[] =>
      (Object.entries(of(window, earlier)) as [LimitedOperation, OperationCheck][]).filter(([, { verdict }]) => verdict === 'fail').map(([name]) => name);
    expect(verdicts({ errors: { InferenceInvalid: 6 } })).toEqual([]);
    expect(verdicts({ p99: 1, rows: 10, errors: {} })).toEqual([]);
    expect(verdicts({ p99: 30 })).toEqual(['latencyP99Ms']);
    expect(verdicts({ rows: 12_000 })).toEqual(['busiestShare']);
    expect(verdicts({ errors: { InferenceInvalid: 40 } })).toEqual(['refusedShare']);
    // Rows that came three hours after their events, and rows of a clock that is ahead.
    expect(verdicts({ lag: 10_800_000 })).toEqual(['arrivalLagP95Ms']);
    expect(verdicts({ lag: -5_000 })).toEqual([]);
    // Their sizes never varied: how far they may is not known.
    expect(of({}, earlier).memoryBytes).toEqual({ value: 2 ** 28, limit: null, by: 'windows', windows: 26, verdict: 'inconclusive' });
  });

  it("are held against the spec's limits where it has them, callers' faults aside, and fail once that is sure", () => {
    expect(of({ requests: 990, errors: { InferenceFailed: 9, ModelNotReady: 1, InferenceInvalid: 500 } }).failedShare).toEqual({ value: 0.01, limit: 0.01, by: 'spec', windows: 0, verdict: 'pass' });
    expect(of({ requests: 98, errors: { InferenceFailed: 2 } }).failedShare).toEqual({ value: 0.02, limit: 0.01, by: 'spec', windows: 0, verdict: 'inconclusive' });
    expect(of({ requests: 9_800, errors: { Overloaded: 200 } }).failedShare).toMatchObject({ value: 0.02, verdict: 'fail' });
    expect(of({ requests: 100, slow: 2 }).slowShare.verdict).toBe('pass');
    expect(of({ requests: 100, slow: 3 }).slowShare).toEqual({ value: 0.03, limit: 0.02, by: 'spec', windows: 0, verdict: 'inconclusive' });
    expect(of({ requests: 10_000, slow: 300 }).slowShare.verdict).toBe('fail');
  });

  it('that windows before were not measured in have their limit from those that were', () => {
    const older = course(WINDOWS).map(({ arrivalLagP95Ms: _, ...checks }): OperationChecks => checks);
    expect(of({ lag: 1 }, older).arrivalLagP95Ms).toEqual({ value: 1, limit: null, by: 'windows', windows: 0, verdict: 'inconclusive' });
    expect(of({ lag: 61_000 }, [...course(WINDOWS.slice(0, 9)), ...older]).arrivalLagP95Ms).toMatchObject({ windows: 9, verdict: 'pass' });
  });

  it('that were not measured are inconclusive', () => {
    const { gateways: _, slow: __, arrivalLagMs: ___, ...bare } = figuresOf();
    const checks = operationChecks({ ...bare, latencyMs: null }, course(WINDOWS), TERMS);
    for (const [name, { value, verdict }] of Object.entries(checks)) expect([name, value, verdict]).toEqual([name, null, 'inconclusive']);
    expect(checks.failedShare.limit).toBe(0.01);
    expect(of({ requests: 0 }).slowShare.value).toBeNull();
  });
});
