import { describe, expect, it } from 'vitest';
import type { SampledMinute, SampledStretch } from '../contracts/gateway-samples.js';
import { gatewayFigures } from './gateway-figures.js';

const START = Date.parse('2026-01-01T10:00:00.000Z');
const minute = (place: number, changes: Partial<SampledMinute> = {}): SampledMinute => ({
  minuteMs: START + 60_000 * place, seconds: 120, wallSeconds: 60, requests: 30, rows: 600, capacityRows: 12_000, busySeconds: 12, cpuSeconds: 24, busiestCores: 0.3, memoryBytes: 1_000, ...changes,
});
const stretch = (minutes: readonly SampledMinute[], changes: Partial<SampledStretch> = {}): SampledStretch => ({
  fromMs: START, untilMs: START + 150_000, gateways: 2, cores: 8, lostMinutes: 0, minutes, errors: {}, unplacedErrors: {}, ...changes,
});

describe('what samples of gateways say', () => {
  it('of throughput: the mean and the busiest minute, in rows a second and of the capacity', () => {
    const figures = gatewayFigures(stretch([minute(0), minute(1, { rows: 3_000, busySeconds: 60 }), minute(2, { seconds: 60, wallSeconds: 30, rows: 0, capacityRows: 6_000, busySeconds: 0 })]));
    expect(figures).toMatchObject({ from: '2026-01-01T10:00:00.000Z', until: '2026-01-01T10:02:30.000Z', gateways: 2, minutes: 3, lostMinutes: 0, requests: 90, rows: 3_600 });
    expect(figures.throughput).toEqual({ mean: 3_600 / 150, busiest: 50, capacity: 200, meanShare: 3_600 / 30_000, busiestShare: 0.25, busiestShareOfAll: 0.5 });
  });

  it('of memory and processors: the greatest of a gateway, cores on average and of the busiest', () => {
    const figures = gatewayFigures(stretch([minute(0), minute(1, { memoryBytes: 7_000, busiestCores: 0.9, cpuSeconds: 96 })]));
    expect(figures).toMatchObject({ memoryBytes: 7_000, cpu: { meanCores: 0.5, busiestCores: 0.9, cores: 8 }, gpu: null, undefinedBecause: { gpu: expect.stringContaining('ONNX Runtime') as string } });
    expect(Object.keys(figures.undefinedBecause)).toEqual(['gpu']);
  });

  it('of a few seconds counts for means alone: a rate of so little says nothing', () => {
    const short = minute(1, { seconds: 4.9, wallSeconds: 4.9, rows: 490, capacityRows: 490, busySeconds: 4.9, busiestCores: 1 });
    const figures = gatewayFigures(stretch([minute(0), short]));
    expect(figures.throughput).toMatchObject({ mean: 1_090 / 64.9, busiest: 10, busiestShare: 0.05, busiestShareOfAll: 0.1 });
    expect(figures.cpu.busiestCores).toBe(0.3);
    expect(gatewayFigures(stretch([short])).throughput).toMatchObject({ mean: expect.closeTo(100, 9) as number, busiest: null, busiestShare: null });
  });

  it('of errors: by kind and by whose fault, as shares of all requests', () => {
    const errors = { InferenceInvalid: 10, VersionNotFound: 5, InferenceFailed: 3, ModelNotReady: 1, Internal: 1, RetiredKind: 1 };
    const { errors: figures } = gatewayFigures(stretch([minute(0, { requests: 79 })], { errors, unplacedErrors: { NotFound: 8 } }));
    expect(figures).toMatchObject({ count: 21, share: 0.21, unplaced: { NotFound: 8 } });
    expect(figures.byKind).toEqual(Object.fromEntries(Object.entries(errors).map(([kind, count]) => [kind, { count, share: count / 100 }])));
    expect(figures.bySource).toEqual({ caller: { count: 15, share: 0.15 }, model: { count: 3, share: 0.03 }, record: { count: 1, share: 0.01 }, gateway: { count: 2, share: 0.02 } });
  });

  it('where the capacity of one minute is not known there is no mean share, and the reason is told', () => {
    const figures = gatewayFigures(stretch([minute(0), minute(1, { capacityRows: null, busySeconds: null })]));
    expect(figures.throughput).toMatchObject({ mean: 10, capacity: null, meanShare: null, busiestShare: 0.05, busiestShareOfAll: 0.1 });
    expect(figures.undefinedBecause['capacity']).toContain('could not be measured');
  });

  it('is nothing without samples, and says so', () => {
    const figures = gatewayFigures(stretch([], { gateways: 0, cores: null }));
    expect(figures).toMatchObject({ minutes: 0, requests: 0, memoryBytes: null, errors: { count: 0, share: null, byKind: {}, bySource: { caller: { count: 0, share: null } } } });
    expect(Object.values(figures.throughput)).toEqual([null, null, null, null, null, null]);
    expect(figures.cpu).toEqual({ meanCores: null, busiestCores: null, cores: null });
    expect(figures.undefinedBecause['samples']).toContain('no gateway');
  });
});
