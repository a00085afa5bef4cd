import { describe, expect, it } from 'vitest';
import { durationMs } from '../contracts/time.js';
import { parseSpec } from '../spec/parse-spec.js';
import { LEGS, LONGEST_LEG_MS, requireExpected, specOfLeg, SWAPPED_COLUMNS } from './release-scenario.js';

describe('the specs of the release tour', () => {
  it('differ in what is sabotaged alone', async () => {
    const [good, swapped, cold] = await Promise.all((['good', 'swapped', 'cold'] as const).map(async (leg) => parseSpec(await specOfLeg(leg)).spec));
    expect(good?.rollout.strategy).toBe('progressive');
    expect(good?.training.trainer).toBe('xgboost');
    expect({ ...swapped, data: good?.data }).toEqual(good);
    expect(swapped?.data.features.filter((feature) => feature.type === 'number' && feature.min === undefined).map(({ name }) => name).sort()).toEqual([...SWAPPED_COLUMNS].sort());
    expect({ ...cold, training: good?.training }).toEqual(good);
    expect(cold?.training.parameters).toEqual({ ...good?.training.parameters, fault_feature: 'temperature_f', fault_below: 40 });
  });

  it('leave each release the event time that its stages take, before the next retrain', async () => {
    const { rollout, data } = parseSpec(await specOfLeg('good')).spec;
    const ms = (text: string): number => durationMs(text) as number;
    const least = ms(rollout.shadow.minimumTime) + rollout.canary.steps.length * ms(rollout.canary.minimumTime) + ms(rollout.watch.time) + ms(data.labelHorizon);
    expect(least).toBeLessThan(LONGEST_LEG_MS);
    const live = LEGS.filter(({ liveWeek }) => liveWeek !== null);
    for (const { retrainWeek, liveWeek } of live) expect(liveWeek).toBeGreaterThan(retrainWeek + ms(data.labelHorizon) / ms('P7D'));
  });
});

describe('a release that ended otherwise than it should', () => {
  it('ends the tour with the reason', () => {
    const leg = LEGS.find(({ name }) => name === 'swapped')!;
    expect(() => requireExpected(leg, 'rejected', null)).not.toThrow();
    expect(() => requireExpected(leg, 'promoted', 'it was better')).toThrow(/should end as rejected but ended as promoted: it was better/);
  });
});
