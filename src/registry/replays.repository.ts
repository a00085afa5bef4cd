import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { PerennialError } from '../contracts/failures.js';
import type { ReplayEnd, ReplayId } from '../contracts/replays.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { Replay, ReplayBlock, ReplayEnding, ReplayHistory } from './entities/replay.entity.js';

/** A replay with how it ended, where it has. */
export interface StandingReplay {
  readonly replay: Replay;
  readonly end: ReplayEnding | null;
}

export type ReplayFigures = Omit<ReplayBlock, 'state'>;

const FIGURES = {
  model: true, replay: true, number: true, fromEvent: true, untilEvent: true, rows: true, champions: true, samples: true, missingLabels: true, standing: true, recordedAt: true,
} as const satisfies Record<keyof ReplayFigures, true>;

/** Replays of versions over what was logged: rows are only ever added. */
@Injectable()
export class ReplaysRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /** @throws PerennialError `NotFound` */
  async get({ model, number }: ReplayId): Promise<Replay> {
    const replay = await this.dataSource.manager.findOneBy(Replay, { model, number });
    if (!replay) throw new PerennialError('NotFound', `${model} has no replay ${number}; \`perennial replays ${model}\` lists them`, { model, number });
    return replay;
  }

  async end({ model, number }: ReplayId): Promise<ReplayEnding | null> {
    return this.dataSource.manager.findOneBy(ReplayEnding, { model, replay: number });
  }

  async history({ model, number }: ReplayId): Promise<ReplayHistory | null> {
    return this.dataSource.manager.findOneBy(ReplayHistory, { model, replay: number });
  }

  /** Newest first. */
  async list(model: string, limit: number): Promise<StandingReplay[]> {
    const replays = await this.dataSource.manager.find(Replay, { where: { model }, order: { number: 'DESC' }, take: limit });
    return Promise.all(replays.map(async (replay) => ({ replay, end: await this.end(replay) })));
  }

  /** Those of all models that have not ended. */
  async open(): Promise<Replay[]> {
    return this.dataSource.getRepository(Replay).createQueryBuilder('replay')
      .where('NOT EXISTS (SELECT FROM replay_end ending WHERE ending.model = replay.model AND ending.replay = replay.number)').orderBy('replay.requestedAt').getMany();
  }

  /** The next number of the model. The caller has locked the model's row. */
  async nextNumber(manager: EntityManager, model: string): Promise<number> {
    const last = await manager.findOne(Replay, { where: { model }, order: { number: 'DESC' } });
    return (last?.number ?? 0) + 1;
  }

  async add(manager: EntityManager, replay: Replay): Promise<void> {
    await manager.insert(Replay, replay);
  }

  /** By their numbers; without the sums that a next block would go on from. */
  async blocks({ model, number }: ReplayId): Promise<ReplayFigures[]> {
    return this.dataSource.manager.find(ReplayBlock, { where: { model, replay: number }, order: { number: 'ASC' }, select: FIGURES });
  }

  async lastBlock({ model, number }: ReplayId): Promise<ReplayBlock | null> {
    return this.dataSource.manager.findOne(ReplayBlock, { where: { model, replay: number }, order: { number: 'DESC' } });
  }

  /** Keeps a block, once: an attempt that comes later finds the same. */
  async addBlock(block: ReplayBlock): Promise<void> {
    await this.dataSource.createQueryBuilder().insert().into(ReplayBlock).values(block as object).orIgnore().execute();
  }

  /** Ends a replay, once: the first word stands. @returns false when it had ended before. */
  async finish({ model, number }: ReplayId, { outcome, reason, failure }: ReplayEnd, at: Date, origin: Origin): Promise<boolean> {
    return this.dataSource.transaction(async (manager) => {
      const inserted: unknown[] = await manager.query(
        'INSERT INTO replay_end (model, replay, outcome, reason, failure, finished_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (model, replay) DO NOTHING RETURNING replay',
        [model, number, outcome, reason, failure && JSON.stringify(failure), at],
      );
      if (inserted.length === 0) return false;
      await this.audit.append(manager, {
        at, actor: SYSTEM_ACTOR, action: `replay.${outcome}`, model, subject: `replay/${number}`, origin,
        details: { reason, failure: failure && { type: failure.type, message: failure.message } },
      });
      return true;
    });
  }

  /** Replays that ended after `since` and whose history is not exported yet, newest first. */
  async withoutHistory(since: Date, limit: number): Promise<ReplayId[]> {
    return this.dataSource.query(
      `SELECT model, replay AS number FROM replay_end ending WHERE finished_at > $1
         AND NOT EXISTS (SELECT FROM replay_history kept WHERE kept.model = ending.model AND kept.replay = ending.replay)
       ORDER BY finished_at DESC LIMIT $2`, [since, limit],
    );
  }

  async recordHistory({ model, number }: ReplayId, digest: string, at: Date): Promise<void> {
    await this.dataSource.query('INSERT INTO replay_history (model, replay, digest, exported_at) VALUES ($1, $2, $3, $4) ON CONFLICT (model, replay) DO NOTHING', [model, number, digest, at]);
  }
}
