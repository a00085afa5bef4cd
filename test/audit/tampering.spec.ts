import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/contracts/canonical.js';
import { type Checkpoint, openCheckpoint, signedCheckpoint } from '../../src/ledger/checkpoint.js';
import { entryHash } from '../../src/ledger/ledger-leaf.js';
import { type LedgerFaultKind, type LedgerReport, LedgerVerifier } from '../../src/ledger/ledger-verifier.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { AuditTreeRepository, exportLines } from '../../src/registry/audit-tree.repository.js';
import { registryDataSource } from '../../src/registry/data-source.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { rewriteTree, withoutTriggers } from './rewritten-tree.js';

/** The first checkpoint stands over 5 entries, the second over 12; then come 2 that none stands over. */
const FIRST = 5;
const SIGNED = 12;
const ALL = 14;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');

let server: RegistryServer;
let admin: DataSource;
let checkpoints: Checkpoint[];

beforeAll(async () => {
  server = await startRegistryServer();
  admin = await registryDataSource({ url: server.superuserUrl, poolSize: 1 }).initialize();
  const ledger = new AuditLedger(server.dataSource);
  const tree = new AuditTreeRepository(server.dataSource);
  checkpoints = [];
  for (let index = 0; index < ALL; index += 1) {
    await server.dataSource.transaction((manager) => ledger.append(manager, {
      at: new Date(Date.UTC(2026, 2, 1, index)), actor: `person ${index}`, action: 'tested', model: 'flight-delay', subject: `version/${index}`, details: { number: index },
      commandId: randomUUID(), origin: { workflowId: `workflow ${index}`, runId: `run ${index}` }, texts: { reason: `because of ${index}` },
    }));
    await tree.sequence(10);
    if (![FIRST, SIGNED].includes(index + 1)) continue;
    const head = await tree.exclusively((turn) => turn.head());
    const note = signedCheckpoint({ ...(head as NonNullable<typeof head>), origin: 'example.com/audit', at: new Date(Date.UTC(2026, 3, index)) }, privateKey);
    checkpoints.push(openCheckpoint(note, publicKey));
  }
}, 120_000);

afterAll(async () => {
  await admin?.destroy();
  await server?.stop();
});

type Tampering = (manager: EntityManager, position: number) => Promise<unknown>;

/** What the verifier says of an export that is taken after a superuser's work; the work is undone then. */
async function verdictAfter(tamper: Tampering, position: number, held = checkpoints): Promise<LedgerReport> {
  const verifier = new LedgerVerifier(held);
  const undone = new Error('undone');
  await admin.transaction(async (manager) => {
    await withoutTriggers(manager);
    await tamper(manager, position);
    for await (const line of exportLines(manager, 1_000)) verifier.take(JSON.stringify(line));
    throw undone;
  }).catch((error: unknown) => { if (error !== undone) throw error; });
  return verifier.finish();
}

const AT = 'id = (SELECT entry_id FROM audit_leaf WHERE position = $1)';
const edit = (assignment: string): Tampering => (manager, position) => manager.query(`UPDATE audit_entry SET ${assignment} WHERE ${AT}`, [position]);

const OTHER_DETAILS = '{"number":99}';
const ADDED = `INSERT INTO audit_entry (at, actor, action, subject, details, details_digest) VALUES (now(), 'nobody', 'made up', 'x', '{}', '${sha256('{}')}') RETURNING id`;

/** Each tampering with what the verifier says of it; `precise` names the position itself. */
const TAMPERINGS: readonly (readonly [string, Tampering, LedgerFaultKind, 'precise' | 'between'])[] = [
  ['edit of at, by a microsecond', edit("at = at + interval '1 microsecond'"), 'edited', 'precise'],
  ['edit of at, to the same date before Christ', edit("at = (at::text || ' BC')::timestamptz"), 'edited', 'precise'],
  ['edit of actor', edit("actor = 'somebody else'"), 'edited', 'precise'],
  ['edit of action', edit("action = 'other'"), 'edited', 'precise'],
  ['edit of model', edit("model = 'other'"), 'edited', 'precise'],
  ['model taken away', edit('model = NULL'), 'edited', 'precise'],
  ['edit of subject', edit("subject = subject || ' '"), 'edited', 'precise'],
  ['edit of details', edit(`details = '${OTHER_DETAILS}'`), 'edited', 'precise'],
  ['white space in details', edit("details = details || ' '::bytea"), 'edited', 'precise'],
  ['bytes in details that are no text', edit("details = '\\xff'::bytea"), 'edited', 'precise'],
  ['edit of details_digest', edit(`details_digest = '${sha256('x')}'`), 'edited', 'precise'],
  ['edit of details with its digest', edit(`details = '${OTHER_DETAILS}', details_digest = '${sha256(OTHER_DETAILS)}'`), 'edited', 'precise'],
  ['edit of command_id', edit("command_id = '00000000-0000-4000-8000-000000000000'"), 'edited', 'precise'],
  ['edit of workflow_id', edit("workflow_id = 'other'"), 'edited', 'precise'],
  ['run_id taken away', edit('run_id = NULL'), 'edited', 'precise'],
  ['edit of id', async (manager, position) => {
    await manager.query('ALTER TABLE audit_entry ALTER id DROP IDENTITY');
    await manager.query(`UPDATE audit_entry SET id = id + 1000 WHERE ${AT}`, [position]);
    await manager.query('UPDATE audit_leaf SET entry_id = entry_id + 1000 WHERE position = $1', [position]);
  }, 'edited', 'precise'],
  ['edit of the leaf', (manager, position) => manager.query("UPDATE audit_leaf SET leaf_hash = decode(repeat('ab', 32), 'hex') WHERE position = $1", [position]), 'leaf-edited', 'precise'],
  ['edit of entry and leaf', async (manager, position) => {
    await manager.query(`UPDATE audit_entry SET actor = 'somebody else' WHERE ${AT}`, [position]);
    for await (const { position: at, entry } of exportLines(manager, ALL)) if (at === position) await manager.query('UPDATE audit_leaf SET leaf_hash = $2 WHERE position = $1', [position, entryHash(entry as NonNullable<typeof entry>)]);
  }, 'departs', 'between'],
  ['two entries in each other’s place', swapInSteps, 'moved', 'precise'],
  ['deletion of the entry', (manager, position) => manager.query(`DELETE FROM audit_entry WHERE ${AT}`, [position]), 'missing', 'precise'],
  ['deletion of entry and leaf', async (manager, position) => {
    await manager.query(`DELETE FROM audit_entry WHERE ${AT}`, [position]);
    await manager.query('DELETE FROM audit_leaf WHERE position = $1', [position]);
  }, 'missing', 'precise'],
  ['a tail dropped from it on', async (manager, position) => {
    await manager.query('DELETE FROM audit_entry WHERE id IN (SELECT entry_id FROM audit_leaf WHERE position >= $1)', [position]);
    await rewriteTree(manager);
  }, 'missing', 'precise'],
  ['an edit in a chain made anew', async (manager, position) => edit("actor = 'somebody else'")(manager, position).then(() => rewriteTree(manager)), 'departs', 'between'],
  ['a deletion in a chain made anew', async (manager, position) => manager.query(`DELETE FROM audit_entry WHERE ${AT}`, [position]).then(() => rewriteTree(manager)), 'departs', 'between'],
  ['an addition in a chain made anew', async (manager, position) => {
    const [{ id }] = await manager.query<[{ id: string }]>(ADDED);
    await rewriteTree(manager, (ids) => ids.filter((one) => one !== id).toSpliced(position, 0, id));
  }, 'departs', 'between'],
  ['another order in a chain made anew', (manager, position) => rewriteTree(manager, (ids) => ids.with(position, ids[position + 1] as string).with(position + 1, ids[position] as string)), 'departs', 'between'],
];

/** The unique key is looked at row by row. */
async function swapInSteps(manager: EntityManager, position: number): Promise<void> {
  const [a, b] = await manager.query<[{ id: string }, { id: string }]>('SELECT entry_id AS id FROM audit_leaf WHERE position IN ($1::bigint, $1::bigint + 1) ORDER BY position', [position]);
  for (const [at, id] of [[position, -1], [position + 1, a.id], [position, b.id]]) await manager.query('UPDATE audit_leaf SET entry_id = $2 WHERE position = $1', [at, id]);
}

it('an untouched ledger is genuine, with two entries that no checkpoint stands over yet', async () => {
  expect(await verdictAfter(() => Promise.resolve(), 0)).toEqual({
    genuine: true, entries: ALL, covered: SIGNED, erasedTexts: 0, faults: [], moreFaults: 0,
    checkpoints: [{ size: FIRST, at: expect.any(String), root: 'fits' }, { size: SIGNED, at: expect.any(String), root: 'fits' }],
  });
});

describe.each(TAMPERINGS)('%s', (_, tamper, kind, where) => {
  it('is found for every entry under a checkpoint', async () => {
    for (let position = 0; position < SIGNED; position += 1) {
      const report = await verdictAfter(tamper, position);
      const fault = report.faults.find((one) => one.kind === kind);
      expect(report.genuine, `position ${position}`).toBe(false);
      expect(fault, `position ${position}: ${JSON.stringify(report)}`).toBeDefined();
      // Between checkpoints it is told where the stretch begins that departs.
      expect(fault?.position, `position ${position}`).toBe(where === 'precise' ? position : position < FIRST ? 0 : FIRST);
    }
  });
});

describe('what lies beyond the last checkpoint', () => {
  it('is found where entry and leaf no longer fit, and is not where the chain was made anew', async () => {
    const edited = await verdictAfter(edit("actor = 'somebody else'"), SIGNED);
    expect(edited).toMatchObject({ genuine: false, covered: SIGNED, faults: [{ kind: 'differs', position: SIGNED }] });
    const remade = await verdictAfter(async (manager, position) => edit("actor = 'somebody else'")(manager, position).then(() => rewriteTree(manager)), SIGNED);
    expect(remade).toMatchObject({ genuine: true, entries: ALL, covered: SIGNED });
  });
});

describe('texts of people', () => {
  const text = (change: string): Tampering => (manager, position) => manager.query(`${change} WHERE entry_id = (SELECT entry_id FROM audit_leaf WHERE position = $1)`, [position]);

  it.each([
    ['edited', text("UPDATE audit_text SET text = 'another reason'")],
    ['given another salt', text("UPDATE audit_text SET salt = '\\x00'")],
    ['taken away without being erased', text('DELETE FROM audit_text')],
    ['put under another field', text("UPDATE audit_text SET field = 'motive'")],
  ])('are found when %s', async (_, tamper) => {
    const { genuine, faults } = await verdictAfter(tamper, 3);
    expect(genuine).toBe(false);
    expect(new Set(faults.map(({ kind, position }) => `${kind} ${position}`))).toEqual(new Set(['text 3']));
  });

  it('may be erased', async () => {
    expect(await verdictAfter(text('UPDATE audit_text SET text = NULL, salt = NULL, erased_at = now()'), 3)).toMatchObject({ genuine: true, erasedTexts: 1 });
  });
});

describe('an export that was changed on its way', () => {
  const lines: string[] = [];
  beforeAll(async () => {
    for await (const line of exportLines(server.dataSource.manager, ALL)) lines.push(JSON.stringify(line));
  });
  const verdict = (changed: readonly string[], held = checkpoints): LedgerReport => {
    const verifier = new LedgerVerifier(held);
    for (const line of changed) verifier.take(line);
    return verifier.finish();
  };

  it.each<[string, () => readonly string[], object[]]>([
    ['a line is missing', () => lines.toSpliced(4, 1), [{ kind: 'missing', position: 4 }]],
    ['the end is missing', () => lines.slice(0, 9), [{ kind: 'missing', position: 9, message: 'Positions 9 to 11 are missing: 3 entries were taken out of the ledger' }]],
    ['two lines changed places', () => lines.with(4, lines[5] as string).with(5, lines[4] as string), [{ kind: 'missing', position: 4 }, { kind: 'added', position: 4 }]],
    ['a line is there twice', () => lines.toSpliced(4, 0, lines[3] as string), [{ kind: 'added', position: 3 }]],
    ['a line is no JSON', () => lines.with(4, '{'), [{ kind: 'unreadable', message: 'Line 5 is no line of an export' }, { kind: 'missing', position: 4 }]],
    ['a line has another form', () => lines.with(4, '{"position":4}'), [{ kind: 'unreadable' }, { kind: 'missing', position: 4 }]],
    ['it is empty', () => [], [{ kind: 'missing', position: 0 }]],
  ])('is found when %s', (_, changed, faults) => {
    expect(verdict(changed())).toMatchObject({ genuine: false, faults });
  });

  it('is told of checkpoints that contradict each other', () => {
    const [first, second] = checkpoints as [Checkpoint, Checkpoint];
    expect(verdict(lines, [first, second, { ...second, root: first.root }])).toMatchObject({ genuine: false, faults: [{ kind: 'departs' }, { kind: 'checkpoint', message: expect.stringContaining('two versions') as string }] });
    expect(verdict(lines, [{ ...first, at: new Date(second.at.getTime() + 1) }, second])).toMatchObject({ genuine: false, faults: [{ kind: 'checkpoint', message: expect.stringContaining('set back') as string }] });
    expect(verdict(lines, [first, { ...second, origin: 'example.com/other' }])).toMatchObject({ genuine: false, faults: [{ kind: 'checkpoint', message: expect.stringContaining('two ledgers') as string }] });
  });
});
