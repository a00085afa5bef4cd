import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { SnapshotManifest } from '../../contracts/artifacts.js';

/** A frozen data set; its rows are in the artifact store. */
@Entity('snapshot')
export class Snapshot {
  /** Digest of the manifest's canonical JSON, which is an artifact too. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'snapshot_pkey' })
  digest!: string;

  @Column('text')
  model!: string;

  @Column('jsonb')
  manifest!: SnapshotManifest;

  @Column('timestamptz', { name: 'taken_at' })
  takenAt!: Date;
}
