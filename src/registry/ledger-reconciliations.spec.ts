import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import { type LedgerDifference, LISTED_DIFFERENCES, type ReconciliationPlan } from '../contracts/reconciliations.js';
import { AuditLedger } from './audit-ledger.js';
import { LedgerReconciliationsRepository } from './ledger-reconciliations.repository.js';

const [SINCE, UNTIL] = [Date.parse('2026-03-01T00:00:00.000Z'), Date.parse('2026-03-31T00:00:00.000Z')];
const PLAN: ReconciliationPlan = { number: 1, since: new Date(SINCE).toISOString(), until: new Date(UNTIL).toISOString() };
const COUNTS = { entries: 1, runs: 2, commands: 3, differences: 0 };

let server: RegistryServer;
let ledger: AuditLedger;
let record: LedgerReconciliationsRepository;

beforeAll(async () => {
  server = await startRegistryServer();
  ledger = new AuditLedger(server.dataSource);
  record = new LedgerReconciliationsRepository(server.dataSource, ledger);
}, 120_000);

afterAll(() => server?.stop());

const begin = (run: string): Promise<ReconciliationPlan> => record.begin({ sinceMs: SINCE, untilMs: UNTIL, at: new Date(UNTIL) }, { workflowId: 'audit-reconciliation', runId: run });
const difference = (runId: string): LedgerDifference => ({ kind: 'runUnknown', workflowId: 'retrain/a/1', runId, entry: 5, commandId: null, says: 'it is made up' });

/** Entries of runs, some of the same, a few to a microsecond; at the edges too. */
async function addEntries(runs: number): Promise<void> {
  await server.dataSource.query(
    `INSERT INTO audit_entry (at, actor, action, subject, details, details_digest, workflow_id, run_id)
     SELECT $1::timestamptz + (number / 3) * interval '1 microsecond', 'perennial', 'tested', 'x', '{}', 'x', 'w', 'run ' || number % $2 FROM generate_series(0, $2 * 2 - 1) number`,
    [PLAN.since, runs],
  );
}

it('names each run once, page after page, within its times', async () => {
  await addEntries(2_500);
  const entry = (at: number, run: string) => ledger.append(server.dataSource.manager, { at: new Date(at), actor: 'perennial', action: 'tested', model: null, subject: 'x', details: {}, origin: { workflowId: 'w', runId: run } });
  for (const [at, run] of [[SINCE - 1, 'too old'], [SINCE, 'first moment'], [UNTIL - 1, 'last moment'], [UNTIL, 'too young']] as const) await entry(at, run);
  const found: string[] = [];
  let [cursor, pages] = ['' as string | null, 0];
  for (; cursor !== null; pages += 1) {
    const page = await record.namedRuns(PLAN, cursor);
    found.push(...page.runs.map(({ runId }) => runId));
    cursor = page.cursor;
  }
  expect(pages).toBe(3);
  expect(found).toHaveLength(2_502);
  expect(new Set(found)).toEqual(new Set([...Array.from({ length: 2_500 }, (_, index) => `run ${index}`), 'first moment', 'last moment']));
  expect(await record.runsWithEntries(['run 7', 'too old', 'nobody'])).toEqual(new Set(['run 7', 'too old']));
});

it('begins once for each run of its workflow, and ends once', async () => {
  const plan = await begin('a');
  expect(plan).toEqual(PLAN);
  expect(await begin('a')).toEqual(plan);
  expect(await record.newest()).toBeNull();
  for (let attempt = 0; attempt < 2; attempt += 1) expect(await record.end(plan, COUNTS, new Date(UNTIL), { workflowId: 'audit-reconciliation', runId: 'a' })).toEqual({ number: 1, ...COUNTS, fresh: 0 });
  expect(await server.dataSource.query("SELECT subject, run_id FROM audit_entry WHERE action = 'ledger.reconciled'")).toEqual([{ subject: 'reconciliation/1', run_id: 'a' }]);
  expect(await record.newest()).toMatchObject({ number: 1, ...COUNTS, fresh: 0, listed: [], since: new Date(SINCE), until: new Date(UNTIL) });
});

it('lists the first thousand differences, counts all, and says which are new', async () => {
  const plan = await begin('b');
  const many = Array.from({ length: LISTED_DIFFERENCES + 5 }, (_, index) => difference(`made up ${index}`));
  await record.addDifferences(plan.number, many);
  await record.addDifferences(plan.number, many);
  expect(await record.end(plan, { ...COUNTS, differences: many.length }, new Date(UNTIL), { workflowId: 'w', runId: 'b' })).toMatchObject({ number: 2, differences: many.length, fresh: LISTED_DIFFERENCES });
  expect((await record.newest())?.listed).toHaveLength(LISTED_DIFFERENCES);

  const next = await begin('c');
  await record.addDifferences(next.number, [many[3] as LedgerDifference, difference('another')]);
  await record.end(next, { ...COUNTS, differences: 2 }, new Date(UNTIL), { workflowId: 'w', runId: 'c' });
  expect(await record.newest()).toMatchObject({ fresh: 1, listed: [{ runId: 'another', firstSeen: 3, entry: 5 }, { runId: 'made up 3', firstSeen: 2 }] });
});

it('tells people of what is new, and no more when nothing differs', async () => {
  const told = (): Promise<{ kind: string; reason: string | null }[]> => server.dataSource.query('SELECT kind, reason FROM alarm LEFT JOIN alarm_end ON alarm_id = id ORDER BY occurrence');
  expect(await told()).toEqual([{ kind: 'ledgerDiffers', reason: 'Reconciliation 3 found more' }, { kind: 'ledgerDiffers', reason: null }]);
  const known = await begin('d');
  await record.addDifferences(known.number, [difference('another')]);
  await record.end(known, { ...COUNTS, differences: 1 }, new Date(UNTIL), { workflowId: 'w', runId: 'd' });
  expect((await told()).at(-1)).toEqual({ kind: 'ledgerDiffers', reason: null });
  await record.end(await begin('e'), COUNTS, new Date(UNTIL), { workflowId: 'w', runId: 'e' });
  expect((await told()).at(-1)).toEqual({ kind: 'ledgerDiffers', reason: 'Reconciliation 5 found no difference' });
});

it('knows which commands were accepted, and which were refused as unknown', async () => {
  const [accepted, unknown] = [randomUUID(), randomUUID()];
  await server.dataSource.query("INSERT INTO command (id, actor, idempotency_key, kind, model, body, body_digest, state, accepted_at) VALUES ($1, 'ann', 'x', 'retrain', 'a', '{}', 'x', 'accepted', now())", [accepted]);
  expect(await record.acceptedCommands([accepted, unknown, "no id'--"])).toEqual(new Set([accepted]));
  await ledger.append(server.dataSource.manager, { at: new Date(), actor: 'unknown', action: 'command.unknown', model: null, subject: 'command', details: { id: unknown }, origin: { workflowId: 'model/a', runId: 'r' } });
  expect([...(await record.unknownCommandEntries('r')).keys()]).toEqual([unknown]);
});

it('keeps what was found: nobody changes it', async () => {
  await server.asOwner(async (owner) => {
    for (const table of ['ledger_reconciliation', 'ledger_difference', 'ledger_reconciliation_end']) await expect(owner.query(`DELETE FROM ${table}`), table).rejects.toThrow(/append-only/);
  });
});
