import type { MigrationInterface, QueryRunner } from 'typeorm';

const CHANGEABLE = 'until_at, requests, rows, errors, memory_bytes, cpu_seconds, cores, lost, deployments';

/** What each gateway did and used, minute by minute of wall time. */
export class GatewaySamples1763812000000 implements MigrationInterface {
  readonly name = 'GatewaySamples1763812000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query('GRANT SELECT, INSERT ON gateway_sample TO perennial_app');
    await runner.query(`GRANT UPDATE (${CHANGEABLE}) ON gateway_sample TO perennial_app`);
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

// The owner may delete old ones: no figure of the record rests on them once their window is assessed.
const TABLES = `
CREATE TABLE gateway_sample (
  gateway text NOT NULL,
  boot uuid NOT NULL,
  from_at timestamptz NOT NULL,
  until_at timestamptz NOT NULL,
  requests bigint NOT NULL,
  rows bigint NOT NULL,
  errors jsonb NOT NULL,
  memory_bytes bigint NOT NULL,
  cpu_seconds double precision NOT NULL,
  cores integer NOT NULL,
  lost integer NOT NULL,
  deployments jsonb NOT NULL,
  CONSTRAINT gateway_sample_pkey PRIMARY KEY (gateway, boot, from_at),
  CONSTRAINT gateway_sample_stretch CHECK (from_at < until_at)
);
CREATE INDEX gateway_sample_from ON gateway_sample (from_at);
`;
