import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { GoLiveWay, SetUpCriterion } from '../../contracts/go-live.js';
import { bigintAsNumber } from '../columns.js';

/** What a version had and lacked to go live, at one look; a further one where something has changed. Rows are only ever added. */
@Entity('set_up_look')
export class SetUpLookRecord {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'set_up_look_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'set_up_look_pkey' })
  version!: number;

  /** Of the version, from 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'set_up_look_pkey' })
  number!: number;

  @Column('text')
  deployment!: string;

  /** In force at the time. */
  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  @Column('jsonb')
  criteria!: readonly SetUpCriterion[];

  @Column('boolean')
  ready!: boolean;

  @Column('timestamptz')
  at!: Date;
}

/** A version of a governed model that became champion, other than by a rollback. */
@Entity('go_live')
export class GoLive {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'go_live_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'go_live_pkey' })
  deployment!: string;

  @PrimaryColumn('bigint', { transformer: bigintAsNumber, primaryKeyConstraintName: 'go_live_pkey' })
  epoch!: number;

  @Column('integer')
  version!: number;

  /** In force when it went live. */
  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  @Column('text')
  way!: GoLiveWay;

  /** Whether the owner has to confirm it. */
  @Column('boolean')
  asks!: boolean;

  /** That the spec names. */
  @Column('text')
  owner!: string;

  @Column('timestamptz')
  at!: Date;
}

/** That the owner has confirmed it, once. */
@Entity('go_live_confirmation')
export class GoLiveConfirmation {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'go_live_confirmation_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'go_live_confirmation_pkey' })
  deployment!: string;

  @PrimaryColumn('bigint', { transformer: bigintAsNumber, primaryKeyConstraintName: 'go_live_confirmation_pkey' })
  epoch!: number;

  @Column('text')
  reason!: string;

  @Column('text', { name: 'confirmed_by' })
  confirmedBy!: string;

  @Column('uuid', { name: 'command_id' })
  commandId!: string;

  @Column('timestamptz')
  at!: Date;
}
