import { describe, expect, it } from 'vitest';
import type { GatewaySample } from '../contracts/gateway-samples.js';
import { PerennialError } from '../contracts/failures.js';
import { GatewaySampler } from './gateway-sampler.js';
import type { ServedDeployment } from './routing-table.js';
import { ServingCounters } from './serving-counters.js';
import { ServingTallies } from './serving-tallies.js';

const PLACE = { model: 'm', deployment: 'default' };
const served = [{ ...PLACE, champion: { rowsPerSecond: 5_000 } }, { model: 'idle', deployment: 'default', champion: null }] as unknown as ServedDeployment[];
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function sampled(times: ConstructorParameters<typeof GatewaySampler>[1]) {
  const [tallies, counters] = [new ServingTallies(), new ServingCounters()];
  return { tallies, counters, sampler: new GatewaySampler({ table: { deployments: () => served }, tallies, counters }, times) };
}

/** A record that may be away. */
class Written {
  away = false;
  readonly samples = new Map<number, GatewaySample>();
  readonly write = async (samples: readonly GatewaySample[]): Promise<void> => {
    await Promise.resolve();
    if (this.away) throw new Error('away');
    for (const sample of samples) this.samples.set(sample.fromMs, sample);
  };

  get all(): GatewaySample[] {
    return [...this.samples.values()].sort((one, other) => one.fromMs - other.fromMs);
  }
}

describe('samples of a gateway', () => {
  it('have the counts, the memory and the processor time of their stretch, and the capacity of champions', async () => {
    const { sampler, tallies, counters } = sampled({ lengthMs: 400 });
    tallies.of('m', 'default', 1).answered(1, 1);
    const record = new Written();
    sampler.start();
    tallies.of('m', 'default', 1).answered(3, 1);
    tallies.of('m', 'default', 2).answered(4, 1);
    counters.refused(new PerennialError('InferenceInvalid', 'x'), PLACE);
    counters.refused(new PerennialError('ModelNotFound', 'x'));
    await sleep(850);
    tallies.of('m', 'default', 1).answered(5, 1);
    sampler.end();
    await sampler.flush(record.write);
    const all = record.all;
    expect(all.length).toBeGreaterThanOrEqual(2);
    const sum = (value: (sample: GatewaySample) => number): number => all.reduce((total, sample) => total + value(sample), 0);
    // Counted since it was made: what was before belongs to no sample.
    expect([sum(({ requests }) => requests), sum(({ rows }) => rows), sum(({ errors }) => errors['ModelNotFound'] ?? 0)]).toEqual([4, 13, 1]);
    expect(all[0]).toMatchObject({ errors: { InferenceInvalid: 1, ModelNotFound: 1 }, lost: 0, deployments: [{ ...PLACE, requests: 3, rows: 8, errors: { InferenceInvalid: 1 }, rowsPerSecond: 5_000 }] });
    expect(all.at(-1)).toMatchObject({ requests: 1, rows: 5, errors: {} });
    all.forEach(({ fromMs, untilMs, memoryBytes, cpuSeconds, cores }, place) => {
      expect(untilMs).toBeGreaterThan(fromMs);
      if (place > 0) expect(Math.abs(fromMs - all[place - 1]!.untilMs)).toBeLessThan(50);
      expect(memoryBytes).toBeGreaterThan(10e6);
      expect(cpuSeconds).toBeGreaterThanOrEqual(0);
      expect(cores).toBeGreaterThanOrEqual(1);
    });
    expect(sum(({ cpuSeconds }) => cpuSeconds)).toBeGreaterThan(0);
    // Aligned to the clock: those in the middle begin where the length says, within a look of the timer.
    for (const { fromMs } of all.slice(1)) expect(fromMs % 400).toBeLessThan(250);
  });

  it('are told of a minute that runs as it grows, seldom while nothing happens', async () => {
    const { sampler, tallies } = sampled({ lengthMs: 3_600_000 });
    let writes = 0;
    const record = new Written();
    const flush = (): Promise<void> => sampler.flush((samples) => {
      writes += 1;
      return record.write(samples);
    });
    await flush();
    await flush();
    expect(writes).toBe(1);
    tallies.of('m', 'default', 1).answered(2, 1);
    await sleep(5);
    await flush();
    expect([writes, record.all.length, record.all[0]!.rows]).toEqual([2, 1, 2]);
  });

  it('are kept while they cannot be written, and come when they can', async () => {
    const { sampler, tallies } = sampled({ lengthMs: 200 });
    const record = new Written();
    record.away = true;
    sampler.start();
    for (let request = 0; request < 10; request++) {
      tallies.of('m', 'default', 1).answered(1, 1);
      await sleep(70);
      await expect(sampler.flush(record.write)).rejects.toThrow('away');
    }
    record.away = false;
    await sampler.flush(record.write);
    sampler.end();
    let written = 0;
    await sampler.flush((samples) => {
      written += samples.length;
      return record.write(samples);
    });
    // What was taken is not brought again.
    expect(written).toBe(1);
    await sampler.flush(() => Promise.reject(new Error('nothing is left')));
    expect(record.all.length).toBeGreaterThanOrEqual(2);
    expect(record.all.reduce((sum, { requests }) => sum + requests, 0)).toBe(10);
    expect(record.all.every(({ lost }) => lost === 0)).toBe(true);
  });

  it('are counted as lost beyond what is kept, the oldest first', async () => {
    const { sampler, tallies } = sampled({ lengthMs: 100, mostKept: 2 });
    const record = new Written();
    sampler.start();
    tallies.of('m', 'default', 1).answered(1, 1);
    await sleep(750);
    sampler.end();
    await sampler.flush(record.write);
    const [first, second] = record.all;
    expect(record.all).toHaveLength(2);
    expect(first!.lost).toBeGreaterThanOrEqual(1);
    expect([first!.requests, second!.requests, second!.lost]).toEqual([0, 0, 0]);
  });
});
