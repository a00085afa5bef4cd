import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import type { CommandBodies } from '../contracts/commands.js';
import { type Checkpoint, openCheckpoint, signedCheckpoint } from '../ledger/checkpoint.js';
import { LedgerVerifier } from '../ledger/ledger-verifier.js';
import { AuditLedger } from './audit-ledger.js';
import { AuditTreeRepository, exportLines } from './audit-tree.repository.js';
import { CommandsRepository } from './commands.repository.js';
import { FindingsRepository } from './findings.repository.js';
import { LegalHoldsRepository } from './legal-holds.repository.js';
import { ModelCourse } from './testing/model-course.js';
import { TextErasures } from './text-erasures.repository.js';
import { WRITTEN_COLUMNS } from './written-words.js';

const NOBODY = { workflowId: null, runId: null };
const AT = new Date('2026-05-01T00:00:00.000Z');
const WORDS = 'Mr. Smith of the branch in Ulm asked for it';
/** Rows whose reasons are what a step says; docs/PRIVACY.md tells of them. */
const KEPT: readonly string[] = ['approval_end', 'validation_end', 'release', 'retrain', 'retraining_decision', 'rollback'];
const keys = generateKeyPairSync('ed25519');

let server: RegistryServer;
let ledger: AuditLedger;
let tree: AuditTreeRepository;
let commands: CommandsRepository;
let erasures: TextErasures;
let holds: LegalHoldsRepository;

beforeAll(async () => {
  server = await startRegistryServer();
  ledger = new AuditLedger(server.dataSource);
  tree = new AuditTreeRepository(server.dataSource);
  commands = new CommandsRepository(server.dataSource, ledger);
  holds = new LegalHoldsRepository(server.dataSource);
  erasures = new TextErasures(server.dataSource, ledger, holds);
  await server.apiKey('ann', ['owner', 'operator']);
  await server.apiKey('bob', ['owner', 'operator']);
  await server.apiKey('vera', ['validator']);
}, 120_000);

afterAll(() => server?.stop());

/** A command whose person gives a reason, refused as most are. @returns its entry */
async function said(actor: string, model: string, reason: string): Promise<number> {
  const { command } = await commands.accept({ actor, idempotencyKey: randomUUID(), kind: 'retrain', model, body: { deployment: 'default', asOf: null, reason } }, AT);
  await commands.settle(command.id, AT, NOBODY, () => Promise.resolve({ kind: 'refused', type: 'RetrainActive', message: 'one runs', details: {} }));
  return entryOf(command.id, 'retrain.refused');
}

async function entryOf(commandId: string, action: string): Promise<number> {
  const [{ id }] = await server.dataSource.query<[{ id: string }]>('SELECT id FROM audit_entry WHERE command_id = $1 AND action = $2', [commandId, action]);
  return Number(id);
}

const erase = (entry: number, field?: string) => erasures.erase({ entry, field, actor: 'dpo', reason: 'the person asked for it' }, AT);
async function command<K extends 'setLegalHold' | 'liftLegalHold'>(model: string, kind: K, body: CommandBodies[K]): Promise<string> {
  return (await commands.accept({ actor: 'vera', idempotencyKey: randomUUID(), kind, model, body }, AT)).command.id;
}

async function hold(model: string): Promise<void> {
  await holds.set(server.dataSource.manager, { model, reason: 'a case', setBy: 'vera', setAt: AT, commandId: await command(model, 'setLegalHold', { reason: 'a case' }) });
}

async function lift(model: string, number: number): Promise<void> {
  await holds.lift(server.dataSource.manager, { model, hold: number, reason: 'closed', liftedBy: 'vera', liftedAt: AT, commandId: await command(model, 'liftLegalHold', { hold: number, reason: 'closed' }) });
}

/** Until a statement waits for a lock that another transaction has. */
async function waiting(): Promise<void> {
  for (;;) {
    const found = await server.asOwner((owner) => owner.query<unknown[]>("SELECT FROM pg_locks WHERE NOT granted"));
    if (found.length > 0) return;
    await sleep(20);
  }
}

const textsOf = async (entry: number) => (await ledger.textsOf([entry])).map(({ text }) => text);

/** Everything that PostgreSQL has of the record, as text. */
async function everything(): Promise<string> {
  const tables: { name: string }[] = await server.dataSource.query("SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'migrations'");
  const rows = await Promise.all(tables.map(({ name }) => server.asOwner((owner) => owner.query<{ row: Record<string, unknown> }[]>(`SELECT to_jsonb(t) AS row FROM ${name} t`))));
  return rows.flat().map(({ row }) => JSON.stringify(row, (_, value: unknown) => (typeof value === 'string' && value.startsWith('\\x') ? Buffer.from(value.slice(2), 'hex').toString('utf8') : value))).join('\n');
}

async function signed(): Promise<Checkpoint> {
  while ((await tree.sequence(1_000)) > 0);
  const head = await tree.exclusively((turn) => turn.head());
  return openCheckpoint(signedCheckpoint({ ...head!, origin: 'example.com/audit', at: AT }, keys.privateKey), keys.publicKey);
}

async function verdict(checkpoints: readonly Checkpoint[]) {
  const verifier = new LedgerVerifier(checkpoints);
  for await (const line of exportLines(server.dataSource.manager, await tree.size())) verifier.take(JSON.stringify(line));
  return verifier.finish();
}

describe('what a person wrote', () => {
  it('is gone from the ledger and the command, and the ledger verifies as before', async () => {
    const entry = await said('ann', 'flight-delay', WORDS);
    const before = await signed();
    expect(await everything()).toContain('Smith');
    expect(await erase(entry)).toEqual({ entry, erased: [{ entry, field: 'reason' }], copies: 1 });
    expect(await everything()).not.toContain('Smith');
    expect(await verdict([before, await signed()])).toMatchObject({ genuine: true, erasedTexts: 1, faults: [] });
    const [told] = await server.dataSource.query<{ id: string; actor: string; subject: string; details: Buffer }[]>("SELECT id, actor, subject, details FROM audit_entry WHERE action = 'text.erased' ORDER BY id DESC LIMIT 1");
    expect(told).toMatchObject({ actor: 'dpo', subject: 'model/flight-delay' });
    expect(JSON.parse(told!.details.toString())).toMatchObject({ entry, field: 'reason', copies: 1, digest: expect.stringMatching(/^sha256:/) });
    expect(await textsOf(Number(told!.id))).toEqual(['the person asked for it']);
  });

  it('is erased once: asked again, nothing happens and nothing is added', async () => {
    const entry = await said('ann', 'flight-delay', `${WORDS}, twice`);
    const outcomes = await Promise.all([erase(entry), erase(entry)]);
    expect(outcomes.map(({ erased }) => erased.length).sort()).toEqual([0, 1]);
    const size = (await signed()).size;
    expect(await erase(entry)).toEqual({ entry, erased: [], copies: 0 });
    expect((await signed()).size).toBe(size);
  });

  it('stays with others, about other models, and in other words', async () => {
    const [mine, again, theirs, elsewhere, other] = [
      await said('ann', 'shop', 'because of Mr. Jones'), await said('ann', 'shop', 'because of Mr. Jones'), await said('bob', 'shop', 'because of Mr. Jones'), await said('ann', 'credit', 'because of Mr. Jones'), await said('ann', 'shop', 'because'),
    ];
    expect(await erase(mine)).toEqual({ entry: mine, erased: [{ entry: mine, field: 'reason' }, { entry: again, field: 'reason' }], copies: 2 });
    expect(await Promise.all([mine, again, theirs, elsewhere, other].map(textsOf))).toEqual([[null], [null], ['because of Mr. Jones'], ['because of Mr. Jones'], ['because']]);
  });

  it('is erased from the rows that the command made, field by field', async () => {
    const body = { severity: 'low', title: 'Mrs. Baker is named in a slice', evidenceNeeded: 'Mrs. Baker is asked', owner: 'ann', dueAt: '2199-01-01T00:00:00.000Z', version: null } as const;
    const { command } = await commands.accept({ actor: 'ann', idempotencyKey: randomUUID(), kind: 'openFinding', model: 'shop', body }, AT);
    const findings = new FindingsRepository(server.dataSource, ledger);
    await commands.settle(command.id, AT, NOBODY, async (manager) => {
      const number = await findings.open(manager, { ...body, model: 'shop', source: 'request', dueAt: new Date(body.dueAt), openedBy: 'ann', commandId: command.id, at: AT }, NOBODY);
      return { kind: 'openFinding', finding: number };
    });
    const entry = await entryOf(command.id, 'finding.reported');
    const title = await erase(entry, 'title');
    expect(title.erased.map(({ field }) => field)).toEqual(['title', 'title']);
    expect(await server.dataSource.query('SELECT title, evidence_needed FROM finding')).toEqual([{ title: '(erased)', evidence_needed: 'Mrs. Baker is asked' }]);
    await erase(entry);
    expect(await everything()).not.toContain('Baker');
    expect((await verdict([await signed()])).genuine).toBe(true);
  });

  it('is kept under a legal hold, by a refusal that says how to go on and is on record, until the last hold is lifted', async () => {
    const course = new ModelCourse(server.dataSource, 'claimed');
    await course.register('ann');
    const entry = await said('ann', 'claimed', 'because of Mrs. Miller');
    const elsewhere = await said('ann', 'shop', 'because of Mrs. Miller');
    await hold('claimed');
    await hold('claimed');
    for (let lifted = 1; lifted <= 2; lifted++) {
      const left = lifted === 1 ? [1, 2] : [2];
      await expect(erase(entry)).rejects.toMatchObject({ type: 'UnderLegalHold', message: expect.stringMatching(/^Nothing was erased: legal hold.* of claimed .*legal-hold lift claimed/) as string, details: { entry, models: ['claimed'], holds: expect.arrayContaining(left) as number[] } });
      expect(await textsOf(entry)).toEqual(['because of Mrs. Miller']);
      await lift('claimed', lifted);
    }
    const refusals = await server.dataSource.query<{ id: string; actor: string; details: Buffer }[]>("SELECT id, actor, details FROM audit_entry WHERE action = 'eraseText.refused' AND model = 'claimed' ORDER BY id");
    expect(refusals.map(({ actor, details }) => [actor, JSON.parse(details.toString())])).toMatchObject([1, 2].map(() => ['dpo', { outcome: { type: 'UnderLegalHold' }, body: { entry, field: null } }]));
    expect(await textsOf(Number(refusals[0]!.id))).toEqual(['the person asked for it']);
    expect((await erase(elsewhere)).erased).toHaveLength(1);
    expect((await erase(entry)).erased).toEqual([{ entry, field: 'reason' }]);
    // What is gone already is no reason to refuse: nothing would be erased.
    await hold('claimed');
    expect(await erase(entry)).toEqual({ entry, erased: [], copies: 0 });
  });

  it('is kept by a hold that is being set while it is erased', async () => {
    await new ModelCourse(server.dataSource, 'contended').register('ann');
    const entry = await said('ann', 'contended', 'because of Mr. Brown');
    const asked = await command('contended', 'setLegalHold', { reason: 'a case' });
    let erasing: Promise<unknown> = Promise.resolve();
    await server.dataSource.transaction(async (manager) => {
      await manager.query("SELECT FROM model WHERE name = 'contended' FOR UPDATE");
      erasing = erase(entry).catch((error: unknown) => error);
      await waiting();
      await holds.set(manager, { model: 'contended', reason: 'a case', setBy: 'vera', setAt: AT, commandId: asked });
    });
    expect(await erasing).toMatchObject({ type: 'UnderLegalHold' });
    expect(await textsOf(entry)).toEqual(['because of Mr. Brown']);
  });

  it('is known of every row that a command makes and that holds words', async () => {
    const found: { name: string; columns: string[] }[] = await server.dataSource.query(
      `SELECT c.table_name AS name, array_agg(c.column_name::text ORDER BY c.column_name DESC) AS columns FROM information_schema.columns c
       WHERE c.table_schema = 'public' AND c.data_type = 'text' AND c.column_name IN ('reason', 'said', 'title', 'evidence', 'evidence_needed', 'request_reason')
         AND EXISTS (SELECT FROM information_schema.columns k WHERE k.table_schema = 'public' AND k.table_name = c.table_name AND k.column_name = 'command_id')
       GROUP BY c.table_name ORDER BY c.table_name`);
    expect(Object.fromEntries(found.filter(({ name }) => !KEPT.includes(name)).map(({ name, columns }) => [name, columns]))).toEqual(WRITTEN_COLUMNS);
  });

  it.each<[string, () => Promise<number>, string | undefined, RegExp]>([
    ['there is no such entry', () => Promise.resolve(999_999), undefined, /no entry 999999/],
    ['nobody wrote anything there', async () => { await ledger.append(server.dataSource.manager, { at: AT, actor: 'ann', action: 'tested', model: null, subject: 'silent', details: {} }); return entryOfSubject('silent'); }, undefined, /no text of a person/],
    ['it is of another name', () => said('ann', 'shop', 'x'), 'motive', /no text "motive"; it has reason/],
  ])('is not found where %s', async (_, entry, field, says) => {
    await expect(erase(await entry(), field)).rejects.toThrow(says);
  });

  it('can be erased from a row, and nothing else of it changed', async () => {
    for (const connection of [server.dataSource, null]) {
      const query = (statement: string): Promise<unknown> => (connection ? connection.query(statement) : server.asOwner((owner) => owner.query(statement)));
      await expect(query("UPDATE finding SET title = 'other words'")).rejects.toThrow(/append-only: words can be erased/);
      await expect(query("UPDATE finding SET severity = 'high', title = '(erased)'")).rejects.toThrow(/append-only|permission denied/);
      await expect(query('DELETE FROM finding')).rejects.toThrow(/append-only|permission denied/);
      await query("UPDATE finding SET title = '(erased)'");
    }
  });

  const entryOfSubject = async (subject: string): Promise<number> => Number((await server.dataSource.query<[{ id: string }]>('SELECT id FROM audit_entry WHERE subject = $1', [subject]))[0].id);
});
