import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull } from 'typeorm';
import { RETIREMENT_CALLED_OFF } from '../contracts/retirements.js';
import type { PausedStage, StageId, StagePause } from '../contracts/stages.js';
import { pausesOf } from '../contracts/stage-terms.js';
import { StageMove } from './entities/stage-move.entity.js';

/** How stages were moved: rows are only ever added. */
@Injectable()
export class StagesRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Newest first. */
  async list(model: string, limit: number): Promise<StageMove[]> {
    return this.dataSource.manager.find(StageMove, { where: { model }, order: { number: 'DESC' }, take: limit });
  }

  /** What of a model is paused and not over. */
  async paused(model: string): Promise<PausedStage[]> {
    const rows: { stage: PausedStage['stage']; subject: number | null; actor: string; reason: string; at: Date }[] = await this.dataSource.query(PAUSED, [model, [...RETIREMENT_CALLED_OFF, 'deleted']]);
    return rows.map(({ stage, subject, actor, reason, at }) => ({ stage, subject, by: actor, sinceMs: at.getTime(), reason }));
  }

  /** Those of one stage, in their order. */
  async moves(id: StageId, manager: EntityManager = this.dataSource.manager): Promise<StageMove[]> {
    return movesOf(manager, id);
  }

  /** Null while it goes on. */
  async pause(id: StageId, manager: EntityManager = this.dataSource.manager): Promise<StagePause | null> {
    return pausesOf(await movesOf(manager, id), 0).paused;
  }

  /** Adds a move. The caller has locked the model's row and seen that it may be made. */
  async add(manager: EntityManager, move: Omit<StageMove, 'number'>): Promise<void> {
    await manager.insert(StageMove, { ...move, number: ((await manager.maximum(StageMove, 'number', { model: move.model })) ?? 0) + 1 });
  }
}

/** The moves of one stage, in their order. */
export const movesOf = (manager: EntityManager, { model, stage, subject }: StageId): Promise<StageMove[]> =>
  manager.find(StageMove, { where: { model, stage, subject: subject ?? IsNull() }, order: { number: 'ASC' } });

const PAUSED = `
SELECT stage, subject, actor, reason, at FROM (SELECT DISTINCT ON (stage, subject) * FROM stage_move WHERE model = $1 ORDER BY stage, subject, number DESC) move
WHERE action = 'pause' AND stage <> 'deployment'
  AND NOT (stage = 'useCaseApproval' AND EXISTS (SELECT FROM approval_end over WHERE over.model = $1 AND over.approval = move.subject))
  AND NOT (stage = 'validation' AND EXISTS (SELECT FROM validation_end over WHERE over.model = $1 AND over.version = move.subject))
  AND NOT (stage = 'retirement' AND EXISTS (SELECT FROM retirement_step step WHERE step.model = $1 AND step.number = move.subject AND step.step = ANY ($2)))
ORDER BY at`;
