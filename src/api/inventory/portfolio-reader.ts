import type { SweepLimits } from '../../contracts/inventory.js';
import { maturityFactsOf } from '../../lifecycle/inventory-facts.js';
import { type LifecycleTimes, lifecycleTimes } from '../../lifecycle/lifecycle-times.js';
import { type Maturity, maturityOf } from '../../lifecycle/maturity.js';
import type { InventoryRecord, InventoryRepository } from '../../registry/inventory.repository.js';

/** How well models are looked after, and how fast things go. */
export interface Portfolio {
  readonly at: Date;
  readonly models: readonly { readonly record: InventoryRecord; readonly maturity: Maturity }[];
  readonly times: LifecycleTimes;
}

/** Reads a portfolio from the record. */
export class PortfolioReader {
  constructor(
    private readonly inventory: InventoryRepository,
    private readonly limits: SweepLimits,
  ) {}

  /** Those that are taken out of use elsewhere are left out. @param models by their names; null: all */
  async read(models: readonly string[] | null, at: Date): Promise<Portfolio> {
    const [records, alarms] = await Promise.all([this.inventory.list({ models }, at), this.inventory.alarmMoments(models)]);
    const inUse = records.filter(({ registered, imported }) => registered || imported?.state === 'active');
    const productions = inUse.flatMap(({ firstSpecAt, firstChampionAt }) => (firstSpecAt && firstChampionAt ? [{ appliedMs: firstSpecAt.getTime(), servedMs: firstChampionAt.getTime() }] : []));
    return {
      at, models: inUse.map((record) => ({ record, maturity: maturityOf(maturityFactsOf(record, this.limits, at.getTime())) })),
      times: lifecycleTimes({ productions, alarms: alarms.map(({ beganAt, raisedAt, restoredAt }) => ({ beganMs: beganAt?.getTime() ?? null, raisedMs: raisedAt.getTime(), restoredMs: restoredAt?.getTime() ?? null })) }),
    };
  }
}
