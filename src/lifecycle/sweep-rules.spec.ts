import { describe, expect, it } from 'vitest';
import { ZOMBIE_REASONS, type ZombieReason } from '../contracts/inventory.js';
import { dueAfterMs, judgeZombie, type ServedFacts, severityOf, type SweepFacts, type SweepJudgement } from './sweep-rules.js';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-06-01T00:00:00.000Z');
const LIMITS = { unmonitoredMs: 7 * DAY_MS, idleMs: 30 * DAY_MS };
const ago = (days: number): number => NOW - days * DAY_MS;

const WATCHED: ServedFacts = { deployment: 'default', sinceMs: ago(400), assessedMs: ago(1), predictedMs: ago(0.1) };
/** One deployment, or those that are given. */
const serving = (...changes: readonly Partial<ServedFacts>[]): Partial<SweepFacts> => ({ served: changes.map((change) => ({ ...WATCHED, ...change })) });

/** Well looked after: nothing holds. */
const WELL: SweepFacts = {
  stage: 'production', owner: 'flight-operations', ownerKnown: false, ownerActs: false, activeOwners: ['ann'], served: [WATCHED], windowMs: DAY_MS, sourcePaths: ['flights/*.parquet', 'weather/*.csv'], missingPaths: [],
  reviewDueMs: NOW + DAY_MS, imported: null,
};
const judged = (changes: Partial<SweepFacts>, reason: ZombieReason): SweepJudgement => judgeZombie({ ...WELL, ...changes }, LIMITS, NOW).find((one) => one.reason === reason)!;
const holding = (changes: Partial<SweepFacts>): string[] => judgeZombie({ ...WELL, ...changes }, LIMITS, NOW).filter(({ holds }) => holds).map(({ reason }) => reason);

describe('a model', () => {
  it('that is looked after is no zombie, and each reason says why not', () => {
    expect(holding({})).toEqual([]);
    expect(judgeZombie(WELL, LIMITS, NOW).map(({ reason, says }) => [reason, says.length > 10])).toEqual(ZOMBIE_REASONS.map((reason) => [reason, true]));
  });

  it.each<[ZombieReason, Partial<SweepFacts>, Partial<SweepFacts>]>([
    ['noActiveOwner', { activeOwners: [] }, { activeOwners: [], ownerKnown: true, ownerActs: true }],
    ['noActiveOwner', { activeOwners: [], owner: null }, { activeOwners: ['ben'], owner: null }],
    ['noMonitoring', serving({ assessedMs: ago(8.01) }), serving({ assessedMs: ago(8) })],
    ['noMonitoring', serving({ assessedMs: null, sinceMs: ago(9) }), serving({ assessedMs: null, sinceMs: ago(7) })],
    ['noMonitoring', { ...serving({ assessedMs: ago(30) }), windowMs: 14 * DAY_MS }, { ...serving({ assessedMs: ago(30) }), windowMs: 28 * DAY_MS }],
    ['noMonitoring', serving({}, { deployment: 'plant-7', assessedMs: ago(30) }), serving({}, { deployment: 'plant-7', assessedMs: ago(2) })],
    ['noMonitoring', serving({ assessedMs: null }), serving()],
    ['noTraffic', serving({ predictedMs: ago(31) }), serving({ predictedMs: ago(30) })],
    ['noTraffic', serving({ predictedMs: null, sinceMs: ago(31) }), serving({ predictedMs: null, sinceMs: ago(29) })],
    ['noTraffic', serving({ predictedMs: ago(31) }, {}), serving({ predictedMs: ago(29) }, {})],
    ['noTraffic', serving({ predictedMs: null }), serving()],
    ['dataSourceGone', { missingPaths: ['weather/*.csv'] }, { missingPaths: [] }],
    ['reviewOverdue', { reviewDueMs: NOW - 1 }, { reviewDueMs: NOW }],
    ['reviewOverdue', { reviewDueMs: NOW - 1 }, { reviewDueMs: null }],
    ['unregistered', { stage: 'unregistered', imported: { endpoint: null, state: 'active' } }, { stage: 'unregistered', imported: { endpoint: null, state: 'decommissioned' } }],
    ['unregistered', { stage: 'unregistered', imported: { endpoint: null, state: 'active' } }, { stage: 'development', imported: { endpoint: null, state: 'active' } }],
  ])('%s: %o, and not %o', (reason, holds, holdsNot) => {
    expect(holding(holds)).toEqual([reason]);
    expect(holding(holdsNot)).toEqual([]);
  });

  it('of which no worker sees the data is neither accused nor acquitted', () => {
    expect(judged({ missingPaths: null }, 'dataSourceGone').holds).toBeNull();
  });

  it('that is being retired needs nobody any more, and what nobody registered lacks nothing else', () => {
    const nothing: Partial<SweepFacts> = { activeOwners: [], ...serving({ assessedMs: null, predictedMs: null }), missingPaths: ['flights/*.parquet'], reviewDueMs: ago(1) };
    expect(holding(nothing)).toEqual(['noActiveOwner', 'noMonitoring', 'noTraffic', 'dataSourceGone', 'reviewOverdue']);
    expect(holding({ ...nothing, stage: 'retirement' })).toEqual([]);
    expect(holding({ ...nothing, stage: 'unregistered', imported: { endpoint: 'https://a', state: 'active' } })).toEqual(['unregistered']);
  });

  it('is told of with its figures', () => {
    expect(judged({ activeOwners: [] }, 'noActiveOwner').says).toBe('No active person has the role owner of it or of all models, and flight-operations, its owner by the spec, is not registered.');
    expect(judged({ activeOwners: [], ownerKnown: true }, 'noActiveOwner').says).toMatch(/^flight-operations, its owner, is deactivated or no person, and no active person has the role owner of it;/);
    expect(judged(serving({ predictedMs: ago(31) }), 'noTraffic').says).toBe('In default its last answer was counted at 2026-05-01T00:00:00.000Z; 30 days are allowed.');
    expect(judged(serving({}, { deployment: 'plant-7', assessedMs: ago(31) }, { deployment: 'plant-8', assessedMs: null, sinceMs: ago(31) }), 'noMonitoring').says)
      .toBe('In plant-7 the newest of its windows was assessed at 2026-05-01T00:00:00.000Z; in plant-8 no window of it was ever assessed, though it serves since 2026-05-01T00:00:00.000Z; 8 days are allowed.');
    expect(judged(serving(...Array.from({ length: 7 }, (_, index) => ({ deployment: `plant-${index}`, predictedMs: null }))), 'noTraffic').says).toMatch(/^In plant-0 .* in plant-4 .*; and so on in 2 more; 30 days/);
    expect(judged({ missingPaths: ['flights/*.parquet', 'weather/*.csv'] }, 'dataSourceGone').says).toBe('No file matches flights/*.parquet or weather/*.csv below the data folder any more.');
    expect(judged({}, 'dataSourceGone').says).toBe('Files match flights/*.parquet and weather/*.csv.');
    expect(judged({ sourcePaths: [1, 2, 3, 4, 5, 6].map((number) => `${number}/*.csv`) }, 'dataSourceGone').says).toBe('Files match 1/*.csv, 2/*.csv, 3/*.csv, 4/*.csv, 5/*.csv and others.');
    expect(judged({ stage: 'unregistered', imported: { endpoint: 'https://scores.example.com', state: 'active' } }, 'unregistered').says).toContain('answers at https://scores.example.com');
  });
});

describe('a finding', () => {
  it('weighs by its reason, and stops no model of a low or medium tier', () => {
    expect(ZOMBIE_REASONS.map((reason) => severityOf(reason, 'critical'))).toEqual(['high', 'high', 'low', 'medium', 'high', 'medium']);
    for (const tier of ['low', 'medium', null] as const) expect(ZOMBIE_REASONS.map((reason) => severityOf(reason, tier))).not.toContain('high');
  });

  it('is due sooner the higher the tier', () => {
    expect((['low', 'medium', 'high', 'critical', null] as const).map((tier) => dueAfterMs(tier) / DAY_MS)).toEqual([90, 60, 30, 14, 60]);
  });
});
