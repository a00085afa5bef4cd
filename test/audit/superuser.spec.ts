import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource, EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningApi, startApi } from '../../src/api/api.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { sha256 } from '../../src/contracts/canonical.js';
import { CheckpointFolder } from '../../src/dispatch/checkpoint-folder.js';
import { CheckpointSigner } from '../../src/dispatch/checkpoint-signer.js';
import { anyFreePort } from '../../src/embedded/ports.js';
import { signedCheckpoint } from '../../src/ledger/checkpoint.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { AuditTreeRepository } from '../../src/registry/audit-tree.repository.js';
import { registryDataSource } from '../../src/registry/data-source.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { LEDGER_TABLES, rewriteTree, withoutTriggers } from './rewritten-tree.js';

const ORIGIN = 'example.com/audit';
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const forger = generateKeyPairSync('ed25519');

let server: RegistryServer;
let admin: DataSource;
let api: RunningApi;
let folder: string;
let apiKey: string;
/** Entries under the checkpoint that was taken away. */
let signed: number;

beforeAll(async () => {
  server = await startRegistryServer();
  admin = await registryDataSource({ url: server.superuserUrl, poolSize: 1 }).initialize();
  apiKey = await server.apiKey('auditor', ['auditor']);
  folder = mkdtempSync(join(tmpdir(), 'perennial-superuser-'));
  api = await startApi(readEnvironment({ DATABASE_URL: server.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: join(folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'error' }));
  await add(6);
  await new CheckpointSigner(new AuditTreeRepository(server.dataSource), new CheckpointFolder(join(folder, 'checkpoints')), { origin: ORIGIN, key: privateKey }).sign(new Date());
  signed = await new AuditTreeRepository(server.dataSource).size();
  copyFileSync(join(folder, 'checkpoints', 'latest'), inFolder('checkpoint'));
  writePublicKey('public.pem', publicKey);
  await add(3);
  for (const table of LEDGER_TABLES) await admin.query(`CREATE TABLE kept_${table} AS TABLE ${table}`);
}, 120_000);

afterAll(async () => {
  await api?.close();
  await admin?.destroy();
  await server?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const inFolder = (name: string): string => join(folder, name);
const writePublicKey = (name: string, key: KeyObject): void => { writeFileSync(inFolder(name), key.export({ type: 'spki', format: 'pem' })); };

async function add(count: number): Promise<void> {
  const ledger = new AuditLedger(server.dataSource);
  for (let index = 0; index < count; index += 1) {
    await server.dataSource.transaction((manager) => ledger.append(manager, { at: new Date(), actor: `person ${index}`, action: 'tested', model: 'flight-delay', subject: `version/${index}`, details: { index }, texts: { reason: `because of ${index}` } }));
  }
  while ((await new AuditTreeRepository(server.dataSource).sequence(1_000)) > 0);
}

async function cli(args: readonly string[], settings: Readonly<Record<string, string>>): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = new RecordedTerminal({ columns: 200 });
  const code = await runCli(args, readEnvironment({ STATE_DIR: folder, ...settings }), 'main.js', terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

/** The service gives the export, and has no say in what becomes of it: what holds it against the checkpoint knows neither service nor database. */
async function verdict(checkpoint = 'checkpoint', key = 'public.pem'): Promise<{ code: number; stdout: string; stderr: string }> {
  expect((await cli(['audit', 'export', '--out', inFolder('ledger.ndjson')], { API_URL: api.url, PERENNIAL_API_KEY: apiKey })).code).toBe(0);
  return cli(['audit', 'verify', '--export', inFolder('ledger.ndjson'), '--checkpoint', inFolder(checkpoint), '--key', inFolder(key)], { API_URL: 'http://127.0.0.1:1' });
}

type Tampering = (manager: EntityManager, position: number) => Promise<unknown>;

/** Commits what a superuser does with triggers off, who puts them on again. @returns what is found, before everything is put back */
async function after(tamper: Tampering, position: number, find = verdict): ReturnType<typeof verdict> {
  await admin.transaction(async (manager) => {
    await withoutTriggers(manager);
    await tamper(manager, position);
    for (const table of LEDGER_TABLES) await manager.query(`ALTER TABLE ${table} ENABLE TRIGGER ALL`);
  });
  try {
    return await find();
  } finally {
    await admin.transaction(async (manager) => {
      await withoutTriggers(manager);
      await manager.query(`TRUNCATE ${LEDGER_TABLES.join(', ')}`);
      for (const table of LEDGER_TABLES) await manager.query(`INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT * FROM kept_${table}`);
    });
  }
}

const AT = 'id = (SELECT entry_id FROM audit_leaf WHERE position = $1)';
const FROM = 'id IN (SELECT entry_id FROM audit_leaf WHERE position >= $1)';
const MADE_UP = `INSERT INTO audit_entry (at, actor, action, subject, details, details_digest) SELECT now(), 'nobody', 'made.up', 'x', '{}', '${sha256('{}')}' FROM generate_series(1, $1)`;
const edited: Tampering = (manager, position) => manager.query(`UPDATE audit_entry SET actor = 'somebody else' WHERE ${AT}`, [position]);

const TAMPERINGS: readonly (readonly [string, Tampering, RegExp])[] = [
  ['an edited entry', edited, /is not what was signed there/],
  ['an edited entry and its leaf, and the nodes above', async (manager, position) => edited(manager, position).then(() => rewriteTree(manager)), /the ledger is not the one that was signed.*the tree was made anew/],
  ['a deleted entry', (manager, position) => manager.query(`DELETE FROM audit_entry WHERE ${AT}`, [position]), /is gone; the tree still has its leaf/],
  ['a deleted entry with its leaf', async (manager, position) => {
    await manager.query(`DELETE FROM audit_entry WHERE ${AT}`, [position]);
    await manager.query('DELETE FROM audit_leaf WHERE position = $1', [position]);
  }, /is missing: 1 entry was taken out of the ledger/],
  ['a deleted entry in a chain made anew', async (manager, position) => manager.query(`DELETE FROM audit_entry WHERE ${AT}`, [position]).then(() => rewriteTree(manager)), /the ledger is not the one that was signed/],
  ['a dropped tail', async (manager, position) => manager.query(`DELETE FROM audit_entry WHERE ${FROM}`, [position]).then(() => rewriteTree(manager)), /missing: \d+ entr(y was|ies were) taken out of the ledger/],
  ['a dropped tail, and as many entries made up in its place', async (manager, position) => {
    await manager.query(`DELETE FROM audit_entry WHERE ${FROM}`, [position]);
    await manager.query(MADE_UP, [signed]);
    await rewriteTree(manager);
  }, /the ledger is not the one that was signed/],
  ['a whole ledger made up', async (manager) => {
    await manager.query('DELETE FROM audit_text');
    await manager.query('DELETE FROM audit_entry');
    await manager.query(MADE_UP, [signed]);
    await rewriteTree(manager);
  }, /Between positions 0 and \d+ the ledger is not the one that was signed/],
  ['another order in a chain made anew', (manager, position) => rewriteTree(manager, (ids) => ids.toSpliced(position, 1).concat(ids[position] as string)), /the ledger is not the one that was signed/],
];

it('an untouched ledger is what was signed', async () => {
  expect(await verdict()).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining(`${signed} under a checkpoint that fits, 3 that no such checkpoint vouches for`) as string });
});

describe.each(TAMPERINGS)('what a superuser commits: %s', (_, tamper, says) => {
  it('is found from an export and a checkpoint alone, for every entry under it', async () => {
    for (let position = 0; position < signed; position += 1) {
      const { code, stdout } = await after(tamper, position);
      expect(code, `position ${position}: ${stdout}`).toBe(1);
      expect(stdout, `position ${position}`).toMatch(says);
    }
  });
});

describe('a superuser who signs as well', () => {
  /** The chain is made anew over an edit, and the copy of the checkpoint in the database too, by a key of their own. */
  const forged: Tampering = async (manager, position) => {
    await edited(manager, position);
    const { size, root } = await rewriteTree(manager);
    const note = signedCheckpoint({ origin: ORIGIN, size, root, at: new Date() }, forger.privateKey);
    await manager.query('DELETE FROM audit_checkpoint');
    await manager.query('INSERT INTO audit_checkpoint (size, root, note, at) VALUES ($1, $2, $3, now())', [size, root, note]);
    writeFileSync(inFolder('forged'), note);
  };

  it('has no signature of the ledger’s key, and does not change the checkpoint that was taken away', async () => {
    writePublicKey('forger.pem', forger.publicKey);
    expect(await after(forged, 2, () => verdict('forged'))).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('not signed by the key example.com/audit+') as string });
    expect(await after(forged, 2)).toMatchObject({ code: 1, stdout: expect.stringMatching(/the ledger is not the one that was signed/) as string });
    // Whoever takes the key from the forger sees a ledger in order: the key has to come from elsewhere.
    expect(await after(forged, 2, () => verdict('forged', 'forger.pem'))).toMatchObject({ code: 0 });
  });

  it('gets no new checkpoint for it from the worker', async () => {
    const outcome = await after(forged, 2, async () => {
      const signing = await new CheckpointSigner(new AuditTreeRepository(server.dataSource), new CheckpointFolder(inFolder('checkpoints')), { origin: ORIGIN, key: privateKey }).sign(new Date());
      return { code: signing.outcome === 'refused' ? 1 : 0, stdout: signing.outcome === 'refused' ? signing.reason : '', stderr: '' };
    });
    expect(outcome).toMatchObject({ code: 1, stdout: expect.stringContaining('the database was rewritten') as string });
  });
});
