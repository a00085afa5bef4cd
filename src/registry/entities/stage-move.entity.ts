import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Stage, StageAction } from '../../contracts/stages.js';

/** That somebody paused, resumed, abandoned or sent back a stage; never changed. */
@Entity('stage_move')
export class StageMove {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'stage_move_pkey' })
  model!: string;

  /** Of the model, from 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'stage_move_pkey' })
  number!: number;

  @Column('text')
  stage!: Stage;

  /** The number of what was moved; null: of the model's development or production. */
  @Column('integer', { nullable: true })
  subject!: number | null;

  @Column('text')
  action!: StageAction;

  @Column('text')
  actor!: string;

  @Column('text')
  reason!: string;

  @Column('uuid', { name: 'command_id' })
  commandId!: string;

  /** By Temporal's clock, by which the stage's time runs. */
  @Column('timestamptz')
  at!: Date;
}
