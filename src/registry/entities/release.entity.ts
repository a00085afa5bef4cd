import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { ReleaseMeasurement, ReleaseOutcome, ReleaseStage } from '../../contracts/releases.js';
import type { StoredFailure } from '../../contracts/retrains.js';
import type { VersionTally } from '../../contracts/serving-tallies.js';
import { bigintAsNumber } from '../columns.js';

/** One version on its way into a deployment, from its request to its outcome. */
@Entity('release')
@Index('release_one_active', ['model'], { unique: true, where: `stage IN ('shadow', 'canary', 'watch')` })
@Index('release_once_a_retrain', ['model', 'retrain'], { unique: true })
export class Release {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'release_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'release_pkey' })
  number!: number;

  @Column('text')
  deployment!: string;

  @Column('integer')
  version!: number;

  /** The retrain whose gate passed the version; null where a person asked. */
  @Column('integer', { nullable: true })
  retrain!: number | null;

  @Column('uuid', { name: 'command_id', nullable: true })
  commandId!: string | null;

  /** The spec in force when it was asked for: its rollout section makes the plan. */
  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  @Column('text', { name: 'requested_by' })
  requestedBy!: string;

  @Column('timestamptz', { name: 'requested_at' })
  requestedAt!: Date;

  @Column('text', { name: 'request_reason' })
  requestReason!: string;

  @Column('text')
  stage!: ReleaseStage;

  /** Index into the plan's canary steps; null outside the canary. */
  @Column('integer', { nullable: true })
  step!: number | null;

  /** Rises with each step that was recorded. */
  @Column('integer')
  transitions!: number;

  @Column('boolean')
  paused!: boolean;

  /** What a person asked for that is not done yet. */
  @Column('text', { nullable: true })
  wanted!: 'advance' | 'abort' | null;

  @Column('uuid', { name: 'wanted_command', nullable: true })
  wantedCommand!: string | null;

  @Column('text', { name: 'wanted_reason', nullable: true })
  wantedReason!: string | null;

  /** What it is bound to; null until it leaves the queue. */
  @Column('integer', { nullable: true })
  champion!: number | null;

  @Column('bigint', { nullable: true, transformer: bigintAsNumber })
  epoch!: number | null;

  /** Canonical JSON (`ReleasePlan`), as bytes, because its digest is on record before the first mirrored request. */
  @Column('bytea', { nullable: true })
  plan!: Buffer | null;

  @Column('text', { name: 'plan_digest', nullable: true })
  planDigest!: string | null;

  /** Event time at which the stage or step began; null while nothing was observed. */
  @Column('timestamptz', { name: 'since_event', nullable: true })
  sinceEvent!: Date | null;

  @Column('timestamptz', { nullable: true })
  since!: Date | null;

  /** When it left the queue. */
  @Column('timestamptz', { name: 'began_at', nullable: true })
  beganAt!: Date | null;

  @Column('bigint', { name: 'promoted_epoch', nullable: true, transformer: bigintAsNumber })
  promotedEpoch!: number | null;

  /** What versions had done when the stage or step began. */
  @Column('jsonb', { name: 'tallies_before', nullable: true })
  talliesBefore!: readonly VersionTally[] | null;

  /** The newest look, and what followed from it. */
  @Column('jsonb', { nullable: true })
  latest!: { readonly measurement: ReleaseMeasurement | null; readonly action: string; readonly reason: string; readonly at: string } | null;

  /** Null while it is open. */
  @Column('text', { nullable: true })
  outcome!: ReleaseOutcome | null;

  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('jsonb', { nullable: true })
  failure!: StoredFailure | null;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt!: Date | null;

  /** The workflow's history, exported before Temporal forgets it: gzipped JSON in the artifact store. */
  @Column('text', { name: 'history_digest', nullable: true })
  historyDigest!: string | null;
}

/** A transition of a release, with the measurement that it was decided on. */
@Entity('release_step')
export class ReleaseStep {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'release_step_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'release_step_pkey' })
  release!: number;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'release_step_pkey' })
  number!: number;

  /** Where it stood afterwards. */
  @Column('text')
  stage!: ReleaseStage;

  @Column('integer', { nullable: true })
  step!: number | null;

  /** `request`, `begin`, `advance`, `promote`, `roll-back`, `finish`, `pause`, `resume`; `ask-advance`, `ask-abort`. */
  @Column('text')
  action!: string;

  @Column('text')
  reason!: string;

  @Column('text')
  actor!: string;

  /** Canonical JSON (`ReleaseMeasurement`), as bytes that the digest is of. */
  @Column('bytea', { nullable: true })
  measurement!: Buffer | null;

  @Column('text', { name: 'measurement_digest', nullable: true })
  measurementDigest!: string | null;

  /** Of the routing, after it. */
  @Column('bigint', { transformer: bigintAsNumber })
  revision!: number;

  @Column('timestamptz', { name: 'event_time', nullable: true })
  eventTime!: Date | null;

  @Column('timestamptz', { name: 'taken_at' })
  takenAt!: Date;
}
