import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AlarmAction, AlarmKind, Severity } from '../../contracts/alarms.js';
import type { WindowFinding } from '../../contracts/window-summary.js';

/** Something that a person had to know. Alarms are only ever added; triggers see to that. */
@Entity('alarm')
export class Alarm {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'alarm_pkey' })
  id!: string;

  @Column('text', { name: 'dedup_key' })
  dedupKey!: string;

  /** Counts the alarms under one key, from 1. */
  @Column('integer')
  occurrence!: number;

  @Column('text')
  kind!: AlarmKind;

  @Column('text')
  severity!: Severity;

  @Column('text', { nullable: true })
  model!: string | null;

  @Column('text', { nullable: true })
  deployment!: string | null;

  @Column('text')
  subject!: string;

  @Column('text')
  summary!: string;

  @Column('jsonb')
  details!: Readonly<Record<string, unknown>>;

  @Column('boolean')
  test!: boolean;

  @Column('timestamptz', { name: 'raised_at' })
  raisedAt!: Date;
}

/** That an alarm is over. One without an end is open. */
@Entity('alarm_end')
export class AlarmEnd {
  @PrimaryColumn('uuid', { name: 'alarm_id', primaryKeyConstraintName: 'alarm_end_pkey' })
  alarmId!: string;

  @Column('text')
  reason!: string;

  @Column('text', { name: 'ended_by' })
  endedBy!: string;

  @Column('timestamptz', { name: 'ended_at' })
  endedAt!: Date;
}

/** What a person did about an alarm. Rows are only ever added. */
@Entity('alarm_action')
export class AlarmActionRecord {
  @PrimaryColumn('uuid', { name: 'alarm_id', primaryKeyConstraintName: 'alarm_action_pkey' })
  alarmId!: string;

  /** Counts the actions on one alarm, from 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'alarm_action_pkey' })
  number!: number;

  @Column('text')
  action!: AlarmAction;

  /** Wall time; of a snooze alone. */
  @Column('timestamptz', { nullable: true })
  until!: Date | null;

  @Column('text')
  reason!: string;

  @Column('text')
  actor!: string;

  @Column('uuid', { name: 'command_id' })
  commandId!: string;

  @Column('timestamptz')
  at!: Date;
}

/** How an alarm got to its receiver. */
@Entity('alarm_delivery')
export class AlarmDelivery {
  @PrimaryColumn('uuid', { name: 'alarm_id', primaryKeyConstraintName: 'alarm_delivery_pkey' })
  alarmId!: string;

  @Column('integer')
  attempts!: number;

  @Column('timestamptz', { name: 'last_attempt_at', nullable: true })
  lastAttemptAt!: Date | null;

  /** HTTP status; null where there was no answer. */
  @Column('integer', { name: 'last_status', nullable: true })
  lastStatus!: number | null;

  /** Why the last attempt failed. */
  @Column('text', { name: 'last_reason', nullable: true })
  lastReason!: string | null;

  @Column('timestamptz', { name: 'delivered_at', nullable: true })
  deliveredAt!: Date | null;
}

/** A signed alarm that came to the API as its receiver. */
@Entity('alarm_receipt')
export class AlarmReceipt {
  @PrimaryColumn('text', { name: 'message_id', primaryKeyConstraintName: 'alarm_receipt_pkey' })
  messageId!: string;

  @Column('text')
  source!: string;

  @Column('text')
  subject!: string;

  @Column('boolean')
  test!: boolean;

  @Column('text', { name: 'body_digest' })
  bodyDigest!: string;

  @Column('timestamptz', { name: 'sent_at' })
  sentAt!: Date;

  @Column('timestamptz', { name: 'received_at' })
  receivedAt!: Date;
}

/** That a bad window raised an alarm and the alarm arrived, before a step of a release began. */
@Entity('monitoring_proof')
export class MonitoringProofRecord {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'monitoring_proof_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'monitoring_proof_pkey' })
  deployment!: string;

  @PrimaryColumn('text', { name: 'proof_key', primaryKeyConstraintName: 'monitoring_proof_pkey' })
  proofKey!: string;

  @Column('integer', { nullable: true })
  release!: number | null;

  @Column('text', { nullable: true })
  step!: string | null;

  @Column('uuid', { name: 'alarm_id' })
  alarmId!: string;

  @Column('text', { name: 'window_digest' })
  windowDigest!: string;

  @Column('jsonb')
  findings!: readonly WindowFinding[];

  @Column('timestamptz', { name: 'sent_at' })
  sentAt!: Date;

  @Column('timestamptz', { name: 'arrived_at' })
  arrivedAt!: Date;
}
