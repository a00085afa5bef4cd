import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { LegalHold, LegalHoldLift } from './entities/retirement.entity.js';

/** A legal hold, and what ended it. */
export interface HoldStory {
  readonly hold: LegalHold;
  /** Null while it is in force. */
  readonly lift: LegalHoldLift | null;
}

/** Legal holds of models. Their changes are commands, which the ledger tells of. */
@Injectable()
export class LegalHoldsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Newest first. */
  async list(model: string, manager: EntityManager = this.dataSource.manager): Promise<HoldStory[]> {
    const [holds, lifts] = [await manager.find(LegalHold, { where: { model }, order: { number: 'DESC' } }), await manager.findBy(LegalHoldLift, { model })];
    return holds.map((hold) => ({ hold, lift: lifts.find((lift) => lift.hold === hold.number) ?? null }));
  }

  /** Numbers of those in force. */
  async inForce(model: string, manager: EntityManager = this.dataSource.manager): Promise<number[]> {
    return (await this.list(model, manager)).flatMap(({ hold, lift }) => (lift ? [] : [hold.number]));
  }

  /** The caller has locked the model's row. */
  async set(manager: EntityManager, hold: Omit<LegalHold, 'number'>): Promise<number> {
    const number = ((await manager.maximum(LegalHold, 'number', { model: hold.model })) ?? 0) + 1;
    await manager.insert(LegalHold, { ...hold, number });
    return number;
  }

  /** The caller has locked the model's row and seen that it is in force. */
  async lift(manager: EntityManager, lift: LegalHoldLift): Promise<void> {
    await manager.insert(LegalHoldLift, lift);
  }
}
