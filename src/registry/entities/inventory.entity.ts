import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { InventoryState } from '../../contracts/inventory.js';
import type { Tier } from '../../spec/risk-tier.js';

/** A file of models that was brought, once for each actor and `Idempotency-Key`. Rows are only ever added. */
@Entity('inventory_import')
export class InventoryImport {
  /** From 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'inventory_import_pkey' })
  number!: number;

  @Column('text')
  actor!: string;

  @Column('text', { name: 'idempotency_key' })
  idempotencyKey!: string;

  /** Of the entries that it held. */
  @Column('text')
  digest!: string;

  /** Models that were not known. */
  @Column('integer')
  added!: number;

  /** Models of which it says something else than the import before. */
  @Column('integer')
  changed!: number;

  @Column('integer')
  unchanged!: number;

  @Column('timestamptz')
  at!: Date;
}

/** What was said of a model that was found elsewhere. The last revision counts; rows are only ever added. */
@Entity('inventory_entry')
export class InventoryEntry {
  /** That it has, or would have, when it is registered. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'inventory_entry_pkey' })
  name!: string;

  /** From 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'inventory_entry_pkey' })
  revision!: number;

  @Column('text', { nullable: true })
  owner!: string | null;

  @Column('text', { nullable: true })
  tier!: Tier | null;

  @Column('text', { nullable: true })
  environment!: string | null;

  /** Where it answers. */
  @Column('text', { nullable: true })
  endpoint!: string | null;

  /** Where it was found. */
  @Column('text', { nullable: true })
  source!: string | null;

  /** Where it is watched: a URL. */
  @Column('text', { nullable: true })
  monitoring!: string | null;

  @Column('text', { nullable: true })
  description!: string | null;

  @Column('text')
  state!: InventoryState;

  @Column('integer')
  import!: number;

  /** Of the file, from 1: where its entry begins. */
  @Column('integer')
  line!: number;
}
