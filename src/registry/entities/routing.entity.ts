import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ChampionChangeReason } from '../../contracts/retrains.js';
import type { RetirementService } from '../../contracts/retirements.js';
import { bigintAsNumber } from '../columns.js';

/** Which versions answer in a deployment; changed by compare-and-swap on the revision. */
@Entity('routing')
export class Routing {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'routing_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'routing_pkey' })
  deployment!: string;

  @Column('bigint', { transformer: bigintAsNumber })
  revision!: number;

  @Column('bigint', { transformer: bigintAsNumber })
  epoch!: number;

  @Column('integer', { nullable: true })
  champion!: number | null;

  @Column('integer', { array: true })
  challengers!: number[];

  /** Share of traffic of each challenger, by version number. */
  @Column('jsonb')
  weights!: Record<string, number>;

  /** Makes the assignment of entities to versions differ between deployments. */
  @Column('text')
  salt!: string;

  @Column('boolean')
  paused!: boolean;

  /** The snapshot that monitoring compares with; it belongs to the champion and changes with it. */
  @Column('text', { name: 'baseline_digest', nullable: true })
  baselineDigest!: string | null;

  @Column('timestamptz', { name: 'changed_at' })
  changedAt!: Date;

  /** What it does while its model retires; null: it serves. */
  @Column('jsonb', { nullable: true })
  retirement!: RetirementService | null;
}

/** Each champion that a deployment has had: the answer to "which version ran at that time". */
@Entity('champion_change')
export class ChampionChange {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'champion_change_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'champion_change_pkey' })
  deployment!: string;

  @PrimaryColumn('bigint', { transformer: bigintAsNumber, primaryKeyConstraintName: 'champion_change_pkey' })
  epoch!: number;

  @Column('bigint', { transformer: bigintAsNumber })
  revision!: number;

  @Column('integer')
  version!: number;

  @Column('integer', { name: 'previous_version', nullable: true })
  previousVersion!: number | null;

  @Column('text', { name: 'baseline_digest' })
  baselineDigest!: string;

  @Column('text')
  reason!: ChampionChangeReason;

  /** Who asked for the retrain or rollback that brought it. */
  @Column('text')
  actor!: string;

  @Column('text', { name: 'workflow_id' })
  workflowId!: string;

  @Column('timestamptz', { name: 'changed_at' })
  changedAt!: Date;
}

/** A change of champion back to a version that has served before; at most one begins from an epoch. */
@Entity('rollback')
export class Rollback {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'rollback_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'rollback_pkey' })
  deployment!: string;

  @PrimaryColumn('bigint', { name: 'from_epoch', transformer: bigintAsNumber, primaryKeyConstraintName: 'rollback_pkey' })
  fromEpoch!: number;

  /** Null where the watch of a release decided. */
  @Column('uuid', { name: 'command_id', nullable: true })
  commandId!: string | null;

  @Column('integer', { name: 'from_version' })
  fromVersion!: number;

  @Column('integer', { name: 'to_version' })
  toVersion!: number;

  @Column('text')
  reason!: string;

  @Column('text', { name: 'requested_by' })
  requestedBy!: string;

  @Column('timestamptz', { name: 'requested_at' })
  requestedAt!: Date;

  /** Null while it runs. */
  @Column('text', { nullable: true })
  outcome!: 'done' | 'aborted' | 'failed' | 'terminated' | null;

  @Column('text', { nullable: true })
  explanation!: string | null;

  @Column('bigint', { name: 'to_epoch', nullable: true, transformer: bigintAsNumber })
  toEpoch!: number | null;

  /** Gateways with a live lease that had not acknowledged the new revision when it ended. */
  @Column('text', { name: 'gateways_behind', array: true })
  gatewaysBehind!: string[];

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt!: Date | null;

  /** The workflow's history, exported before Temporal forgets it: gzipped JSON in the artifact store. */
  @Column('text', { name: 'history_digest', nullable: true })
  historyDigest!: string | null;
}
