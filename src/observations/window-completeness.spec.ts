import { describe, expect, it } from 'vitest';
import { completenessOf, type GatewayStanding } from './window-completeness.js';

const HOUR_MS = 3_600_000;
const received = { fromMs: 1_000 * HOUR_MS, untilMs: 1_024 * HOUR_MS };
const [early, within, end, later] = [received.fromMs - HOUR_MS, received.fromMs + HOUR_MS, received.untilMs, received.untilMs + HOUR_MS];
const standing = (change: Partial<GatewayStanding>): GatewayStanding => ({ gateway: 'north', renewedAtMs: later, ended: false, keptUntilMs: later, ...change });

describe('a window is complete', () => {
  it.each<[string, Partial<GatewayStanding>]>([
    ['once a running gateway has sent all until its end', { keptUntilMs: end }],
    ['with a gateway that ended in it and left nothing', { ended: true, renewedAtMs: within, keptUntilMs: within }],
  ])('%s', (_, change) => {
    expect(completenessOf([standing(change)], received, 0)).toEqual({ complete: true, gateways: 1, behind: [], unconverted: 0 });
  });

  it.each<[string, Partial<GatewayStanding>]>([
    ['that ended before it began', { ended: true, renewedAtMs: early, keptUntilMs: null }],
    ['of which nobody has heard for more than a day before', { renewedAtMs: received.fromMs - 25 * HOUR_MS, keptUntilMs: null }],
  ])('whatever a gateway may hold %s', (_, change) => {
    expect(completenessOf([standing(change)], received, 0)).toEqual({ complete: true, gateways: 0, behind: [], unconverted: 0 });
  });

  it('without any gateway', () => {
    expect(completenessOf([], received, 0).complete).toBe(true);
  });
});

describe('a window is not complete', () => {
  it.each<[string, Partial<GatewayStanding>]>([
    ['that runs and holds what it received just before its end', { keptUntilMs: end - 1 }],
    ['that cannot tell what an earlier start left', { keptUntilMs: null }],
    ['that was killed within it, all sent as it last said', { renewedAtMs: within, keptUntilMs: within }],
    ['that fell silent before it and may answer on', { renewedAtMs: early, keptUntilMs: early }],
    ['that ended within it and could not send all', { ended: true, renewedAtMs: within, keptUntilMs: within - 1 }],
  ])('beside a gateway %s', (_, change) => {
    const other = standing({ gateway: 'south' });
    expect(completenessOf([standing(change), other], received, 0)).toEqual({ complete: false, gateways: 2, behind: ['north'], unconverted: 0 });
  });

  it('while segments of it are not converted', () => {
    expect(completenessOf([standing({})], received, 2)).toMatchObject({ complete: false, behind: [], unconverted: 2 });
  });
});
