import type { DataSource, EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import { seededDraws } from '../drift/seeded-draws.js';
import { entryHash } from '../ledger/ledger-leaf.js';
import { GrowingTree, isConsistent, isIncluded } from '../ledger/merkle-tree.js';
import { AlarmsRepository } from './alarms.repository.js';
import { AuditLedger, type AuditRecord } from './audit-ledger.js';
import { AuditTreeRepository, exportLines } from './audit-tree.repository.js';
import { LegalHoldsRepository } from './legal-holds.repository.js';
import { TextErasures } from './text-erasures.repository.js';
import { CommandsRepository } from './commands.repository.js';
import { registryDataSource } from './data-source.js';

let server: RegistryServer;
let admin: DataSource;
let ledger: AuditLedger;
let tree: AuditTreeRepository;

beforeAll(async () => {
  server = await startRegistryServer();
  admin = await registryDataSource({ url: server.superuserUrl, poolSize: 2 }).initialize();
  ledger = new AuditLedger(server.dataSource);
  tree = new AuditTreeRepository(server.dataSource);
}, 120_000);

afterAll(async () => {
  await admin?.destroy();
  await server?.stop();
});

const record = (subject: string): AuditRecord => ({ at: new Date('2026-03-01T10:00:00.5Z'), actor: 'ann', action: 'tested', model: 'flight-delay', subject, details: { of: subject } });
const add = (count: number, name: string, manager: EntityManager = server.dataSource.manager): Promise<unknown> =>
  manager.query(
    `INSERT INTO audit_entry (at, actor, action, subject, details, details_digest)
     SELECT now(), 'ann', 'tested', $2 || number, convert_to('{}', 'UTF8'), 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' FROM generate_series(1, $1) number`,
    [count, name],
  );

async function sequenceAll(limit = 1_000, by = tree): Promise<number> {
  let all = 0;
  for (let taken = limit; taken === limit; all += taken) taken = await by.sequence(limit);
  return all;
}

/** Every entry has its leaf, positions have no gap, and the nodes are those of the leaves in their order. */
async function expectWhole(): Promise<void> {
  const [counts] = await server.dataSource.query('SELECT (SELECT count(*) FROM audit_entry)::int AS entries, (SELECT count(*) FROM audit_leaf)::int AS leaves, (SELECT count(*) FROM audit_pending)::int AS pending');
  expect(counts).toEqual({ entries: counts.leaves, leaves: counts.entries, pending: 0 });
  const again = new GrowingTree();
  const nodes = new Map<string, string>();
  for await (const { position, entry, leafHash } of exportLines(server.dataSource.manager, counts.leaves)) {
    expect(position).toBe(again.size);
    const hash = entryHash(entry as NonNullable<typeof entry>);
    expect(hash.toString('base64')).toBe(leafHash);
    for (const node of again.append(hash)) nodes.set(`${node.level}/${node.place}`, node.hash.toString('hex'));
  }
  const stored: { name: string; hash: string }[] = await server.dataSource.query("SELECT level || '/' || place AS name, encode(hash, 'hex') AS hash FROM audit_node");
  expect(new Map(stored.map(({ name, hash }) => [name, hash]))).toEqual(nodes);
  expect(await tree.exclusively((turn) => turn.head())).toEqual({ size: counts.entries, root: again.root });
}

it('an empty tree has the root of nothing, and takes nothing', async () => {
  expect(await tree.sequence(10)).toBe(0);
  expect(await tree.exclusively((turn) => turn.head())).toEqual({ size: 0, root: new GrowingTree().root });
});

it('takes entries whose transactions end in another order than they began, and only once they are committed', async () => {
  const [early, late] = [server.dataSource.createQueryRunner(), server.dataSource.createQueryRunner()];
  try {
    for (const runner of [early, late]) await runner.startTransaction();
    await ledger.append(early.manager, record('began first'));
    await ledger.append(late.manager, record('began second'));
    await late.commitTransaction();
    expect(await sequenceAll()).toBe(1);
    await early.commitTransaction();
    expect(await sequenceAll()).toBe(1);
  } finally {
    await Promise.all([early.release(), late.release()]);
  }
  const order = await server.dataSource.query('SELECT subject FROM audit_leaf JOIN audit_entry ON id = entry_id ORDER BY position');
  expect(order).toEqual([{ subject: 'began second' }, { subject: 'began first' }]);
  await expectWhole();
});

it('takes nothing of a transaction that was undone', async () => {
  await server.dataSource.transaction(async (manager) => {
    await ledger.append(manager, record('undone'));
    throw new Error('undone');
  }).catch(() => undefined);
  expect(await sequenceAll()).toBe(0);
});

it('takes 10,000 entries, while others are added and several sequencers are at it', async () => {
  const others = await Promise.all([1, 2, 3].map(() => registryDataSource({ url: server.databaseUrl, poolSize: 2 }).initialize()));
  let adding = true;
  const sequencers = others.map(async (dataSource, index) => {
    const mine = new AuditTreeRepository(dataSource);
    while (adding) await mine.sequence(100 + 61 * index);
  });
  for (let batch = 0; batch < 50; batch += 1) await add(200, `batch ${batch} `);
  adding = false;
  await Promise.all(sequencers);
  await sequenceAll();
  await expectWhole();
  await Promise.all(others.map((dataSource) => dataSource.destroy()));
});

describe('a sequencer whose connection ends', () => {
  /** Ends the session before the statement that comes after so many; the last is the commit. */
  async function sequenceCutAfter(statements: number, limit: number): Promise<boolean> {
    const dataSource = await registryDataSource({ url: server.databaseUrl, poolSize: 1 }).initialize();
    let left = statements;
    const cut = async (manager: EntityManager): Promise<void> => {
      if (left-- > 0) return;
      const [{ pid }] = await manager.query<[{ pid: number }]>('SELECT pg_backend_pid() AS pid');
      await admin.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
    };
    const watched = Object.assign(Object.create(dataSource) as DataSource, {
      transaction: (work: (manager: EntityManager) => Promise<unknown>) => dataSource.transaction(async (manager) => {
        const between = Object.assign(Object.create(manager) as EntityManager, { query: async (sql: string, values?: unknown[]) => cut(manager).then(() => manager.query(sql, values)) });
        const result = await work(between);
        await cut(manager);
        return result;
      }),
    });
    return new AuditTreeRepository(watched).sequence(limit).then(() => true, () => false).finally(() => dataSource.destroy().catch(() => undefined));
  }

  it('at any statement leaves all of a batch or nothing, and the next goes on', async () => {
    const draws = seededDraws(7);
    const outcomes = new Set<boolean>();
    for (let round = 0; round < 24; round += 1) {
      await add(20 + round, `round ${round} `);
      const before = await tree.size();
      const limit = 5 + (draws.permutation(30)[0] as number);
      const done = await sequenceCutAfter(round % 8, limit);
      outcomes.add(done);
      expect(await tree.size()).toBe(done ? before + limit : before);
      if (round % 3 === 0) await sequenceAll(7);
    }
    expect(outcomes).toEqual(new Set([true, false]));
    await sequenceAll();
    await expectWhole();
  });
});

describe('proofs', () => {
  it('of entries anywhere hold under every size, and tie each size to the next', async () => {
    const size = await tree.size();
    const heads = [1, 2, 3, 1_000, 1_024, 4_097, size];
    const rootOf = async (under: number) => (await tree.proofOf(await entryAt(0), under)).root;
    for (const under of heads) {
      for (const position of [0, Math.floor(under / 2), under - 1]) {
        const proof = await tree.proofOf(await entryAt(position), under);
        expect(proof).toMatchObject({ position, size: under });
        expect(isIncluded({ leaf: proof.leafHash, position, size: under, root: proof.root }, proof.path)).toBe(true);
      }
    }
    for (const [index, later] of heads.entries()) {
      for (const earlier of heads.slice(0, index)) {
        const path = await tree.exclusively((turn) => turn.consistency(earlier, later));
        expect(isConsistent({ size: earlier, root: await rootOf(earlier) }, { size: later, root: await rootOf(later) }, path ?? [])).toBe(true);
      }
    }
  });

  it('there is none of what is not there (yet)', async () => {
    const size = await tree.size();
    await expect(tree.proofOf(9_999_999)).rejects.toThrow(/no entry 9999999/);
    await expect(tree.proofOf(await entryAt(3), 3)).rejects.toThrow(/not yet in the tree of 3 entries/);
    await expect(tree.proofOf(await entryAt(3), size + 1)).rejects.toThrow(/does not have/);
  });

  const entryAt = async (position: number): Promise<number> => Number((await server.dataSource.query<{ id: string }[]>('SELECT entry_id AS id FROM audit_leaf WHERE position = $1', [position]))[0]?.id);
});

describe('what a person wrote', () => {
  const said = async (id: number) => (await ledger.textsOf([id])).map(({ field, text, erasedAt }) => ({ field, text, erasedAt }));

  it('is in no hashed byte, is read beside the entry, and can be erased once without the tree changing', async () => {
    await server.dataSource.transaction((manager) => ledger.append(manager, { ...record('spoken'), texts: { reason: 'Mr. Smith asked for it', other: null } }));
    const [entry] = await server.dataSource.query<{ id: string; details: Buffer }[]>("SELECT id, details FROM audit_entry WHERE subject = 'spoken'");
    const id = Number(entry?.id);
    expect(entry?.details.toString()).toMatch(/^\{"of":"spoken","texts":\{"reason":"sha256:[0-9a-f]{64}"\}\}$/);
    expect(await said(id)).toEqual([{ field: 'reason', text: 'Mr. Smith asked for it', erasedAt: null }]);
    await sequenceAll();
    const head = await tree.exclusively((turn) => turn.head());

    const at = new Date('2026-04-01T00:00:00Z');
    const erasures = new TextErasures(server.dataSource, ledger, new LegalHoldsRepository(server.dataSource));
    await erasures.erase({ entry: id, actor: 'dpo', reason: 'he asked for it' }, at);
    expect(await said(id)).toEqual([{ field: 'reason', text: null, erasedAt: at }]);
    expect(await tree.exclusively((turn) => turn.head())).toEqual(head);
    expect(await sequenceAll()).toBe(1);
    await expectWhole();
    const last = (await ledger.list('flight-delay', 0, 500)).at(-1);
    expect(last).toMatchObject({ action: 'text.erased', actor: 'dpo', subject: 'spoken' });
    expect(last?.details.toString()).not.toContain('Smith');
    expect(await erasures.erase({ entry: id, actor: 'dpo', reason: 'again' }, at)).toEqual({ entry: id, erased: [], copies: 0 });
    const [{ bytes }] = await server.dataSource.query<[{ bytes: string }]>('SELECT string_agg(row_to_json(audit_text)::text, \' \') AS bytes FROM audit_text');
    expect(bytes).not.toContain('Smith');
  });

  it.each([
    ['ann', undefined, ['for Mr. Smith']],
    ['perennial', 'for Mr. Smith', []],
  ])('as the reason of a command is kept apart where %s gave it', async (actor, inDetails, apart) => {
    const commands = new CommandsRepository(server.dataSource, ledger);
    const { command } = await commands.accept({ actor, idempotencyKey: actor, kind: 'retrain', model: 'flight-delay', body: { deployment: 'default', asOf: null, reason: 'for Mr. Smith' } }, new Date());
    await commands.settle(command.id, new Date(), { workflowId: null, runId: null }, () => Promise.resolve({ kind: 'refused', type: 'RetrainActive', message: 'one runs', details: {} }));
    const [entry] = await server.dataSource.query<{ id: string; details: Buffer }[]>('SELECT id, details FROM audit_entry WHERE command_id = $1', [command.id]);
    const { body } = JSON.parse(entry?.details.toString() ?? '');
    expect(body).toEqual({ deployment: 'default', asOf: null, ...(inDetails && { reason: inDetails }) });
    expect((await said(Number(entry?.id))).map(({ text }) => text)).toEqual(apart);
  });

  it('as the reason why an alarm has ended is kept apart, and that of a workflow is not', async () => {
    const alarms = new AlarmsRepository(server.dataSource, ledger);
    for (const actor of ['ann', 'perennial']) {
      const { id } = await alarms.raise({ kind: 'windowHarmful', severity: 'warning', model: null, deployment: null, subject: 'x', dedupKey: actor, summary: 'x', details: {}, test: false }, new Date(), { workflowId: null, runId: null });
      await alarms.end(id, 'it is over', new Date(), { workflowId: null, runId: null }, actor);
      const [entry] = await server.dataSource.query<{ id: string; details: Buffer }[]>("SELECT id, details FROM audit_entry WHERE action = 'alarm.ended' AND subject = $1", [`alarm/${id}`]);
      expect(JSON.parse(entry?.details.toString() ?? '').reason).toBe(actor === 'ann' ? undefined : 'it is over');
      expect((await said(Number(entry?.id))).map(({ text }) => text)).toEqual(actor === 'ann' ? ['it is over'] : []);
    }
  });

  it('is neither changed nor brought back', async () => {
    await server.dataSource.transaction((manager) => ledger.append(manager, { ...record('kept'), texts: { reason: 'as it was' } }));
    for (const change of ["SET text = 'other' WHERE text IS NOT NULL", "SET text = 'back', salt = '\\x00', erased_at = NULL WHERE text IS NULL"]) {
      await expect(server.dataSource.query(`UPDATE audit_text ${change}`), change).rejects.toThrow(/erased once/);
    }
    await expect(server.dataSource.query("UPDATE audit_text SET field = 'x'")).rejects.toThrow(/permission denied/);
  });
});

it('the application can neither empty the queue nor add to it past the ledger', async () => {
  await expect(server.dataSource.query('DELETE FROM audit_pending')).rejects.toThrow(/permission denied/);
  await expect(server.dataSource.query('INSERT INTO audit_pending VALUES (1)')).rejects.toThrow(/permission denied/);
});
