import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { EvaluationResult } from '../../contracts/evaluations.js';
import type { GateDecision, Verdict } from '../../contracts/verdict.js';
import { bigintAsNumber } from '../columns.js';

/** A candidate's figures beside the champion's, on rows that neither has seen. */
@Entity('evaluation')
export class Evaluation {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'evaluation_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'evaluation_pkey' })
  version!: number;

  @Column('text')
  deployment!: string;

  /** The champion that it was compared with, and the epoch at that moment; a promotion is bound to both. */
  @Column('integer', { name: 'champion_version', nullable: true })
  championVersion!: number | null;

  @Column('bigint', { transformer: bigintAsNumber })
  epoch!: number;

  @Column('text', { name: 'snapshot_digest' })
  snapshotDigest!: string;

  @Column('jsonb')
  result!: EvaluationResult;

  @Column('jsonb')
  gate!: GateDecision;

  @Column('text')
  verdict!: Verdict;

  @Column('timestamptz', { name: 'evaluated_at' })
  evaluatedAt!: Date;
}
