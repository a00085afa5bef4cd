import { createHash } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { canonicalJson } from '../../src/contracts/canonical.js';
import { AuditLedger, type AuditRecord } from '../../src/registry/audit-ledger.js';

/** Where a transaction puts what it did. */
export type Ledger = Pick<AuditLedger, 'append'>;

export const LEDGERS = ['plain table', 'Perennial', 'hash chain'] as const;
export type LedgerName = (typeof LEDGERS)[number];

/** Tables of the floor and of the peer; the entries' columns are the same. */
export const TABLES = `
CREATE TABLE plain_entry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, actor text NOT NULL, action text NOT NULL, model text, subject text NOT NULL, details bytea NOT NULL, command_id uuid);
CREATE TABLE chain_entry (number bigint PRIMARY KEY, at timestamptz NOT NULL, actor text NOT NULL, action text NOT NULL, model text, subject text NOT NULL, details bytea NOT NULL, command_id uuid, hash bytea NOT NULL);
CREATE TABLE chain_head (single boolean PRIMARY KEY CHECK (single), number bigint NOT NULL, hash bytea NOT NULL);
INSERT INTO chain_head VALUES (true, 0, '\\x00');
GRANT SELECT, INSERT ON plain_entry, chain_entry TO perennial_app;
GRANT SELECT, UPDATE ON chain_head TO perennial_app;
`;

export const ledgerOf = (name: LedgerName, dataSource: DataSource): Ledger => ({ 'plain table': plain, 'hash chain': chained, Perennial: new AuditLedger(dataSource) })[name];

const valuesOf = ({ at, actor, action, model, subject, details, texts, commandId }: AuditRecord): unknown[] =>
  [at, actor, action, model, subject, Buffer.from(canonicalJson({ ...details, ...texts })), commandId ?? null];

/** What any record costs: a row in a table. */
const plain: Ledger = {
  async append(manager: EntityManager, record: AuditRecord): Promise<void> {
    await manager.query('INSERT INTO plain_entry (at, actor, action, model, subject, details, command_id) VALUES ($1, $2, $3, $4, $5, $6, $7)', valuesOf(record));
  },
};

/** As audit tables are commonly made tamper-evident: each row holds the hash of the one before, and who adds one holds the head until the transaction ends. */
const chained: Ledger = {
  async append(manager: EntityManager, record: AuditRecord): Promise<void> {
    const [{ number, hash }] = await manager.query<[{ number: string; hash: Buffer }]>('SELECT number, hash FROM chain_head FOR UPDATE');
    const [next, values] = [Number(number) + 1, valuesOf(record)];
    const linked = createHash('sha256').update(hash).update(canonicalJson({ next, values: values.map(String) })).digest();
    await manager.query('INSERT INTO chain_entry (number, at, actor, action, model, subject, details, command_id, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)', [next, ...values, linked]);
    await manager.query('UPDATE chain_head SET number = $1, hash = $2', [next, linked]);
  },
};
