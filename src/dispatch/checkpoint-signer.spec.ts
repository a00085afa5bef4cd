import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource, EntityManager } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import { openCheckpoint } from '../ledger/checkpoint.js';
import { AuditLedger } from '../registry/audit-ledger.js';
import { AuditTreeRepository } from '../registry/audit-tree.repository.js';
import { registryDataSource } from '../registry/data-source.js';
import { AuditSequencer, type SequencerLine } from './audit-sequencer.js';
import { CheckpointFolder } from './checkpoint-folder.js';
import { CheckpointSigner } from './checkpoint-signer.js';

const origin = 'example.com/audit';
const keys = generateKeyPairSync('ed25519');
const AT = new Date('2026-05-01T00:00:00.000Z');

let server: RegistryServer;
let admin: DataSource;
let tree: AuditTreeRepository;
let folder: string;

beforeAll(async () => {
  server = await startRegistryServer();
  admin = await registryDataSource({ url: server.superuserUrl, poolSize: 1 }).initialize();
  tree = new AuditTreeRepository(server.dataSource);
}, 120_000);

afterAll(async () => {
  await admin?.destroy();
  await server?.stop();
});

beforeEach(async () => {
  await asSuperuser((manager) => manager.query('TRUNCATE audit_entry, audit_leaf, audit_node, audit_checkpoint, audit_pending, audit_refusal, audit_text'));
  folder = mkdtempSync(join(tmpdir(), 'perennial-checkpoints-'));
  return () => rmSync(folder, { recursive: true });
});

const signer = (key = keys.privateKey): CheckpointSigner => new CheckpointSigner(tree, new CheckpointFolder(folder), { origin, key });
const latest = (): string => readFileSync(join(folder, 'latest'), 'utf8');
const stored = (): Promise<{ size: string; note: string }[]> => server.dataSource.query('SELECT size, note FROM audit_checkpoint ORDER BY size');
const refusals = (): Promise<{ reason: string }[]> => server.dataSource.query('SELECT reason FROM audit_refusal ORDER BY id');

async function add(count: number): Promise<void> {
  const ledger = new AuditLedger(server.dataSource);
  for (let index = 0; index < count; index += 1) await ledger.append(server.dataSource.manager, { at: AT, actor: 'ann', action: 'tested', model: null, subject: 'x', details: { index } });
  await tree.sequence(1_000);
}

/** Puts off every trigger and key, does its work, and puts them on again. */
async function asSuperuser(work: (manager: EntityManager) => Promise<unknown>): Promise<void> {
  const tables = ['audit_entry', 'audit_leaf', 'audit_node', 'audit_checkpoint', 'audit_refusal', 'audit_text'];
  await admin.transaction(async (manager) => {
    for (const table of tables) await manager.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
    await work(manager);
    for (const table of tables) await manager.query(`ALTER TABLE ${table} ENABLE TRIGGER ALL`);
  });
}

describe('signing', () => {
  it('writes a file for each size, the newest as latest, and the public key', async () => {
    expect(await signer().sign(AT)).toEqual({ outcome: 'current' });
    await add(3);
    expect(await signer().sign(AT)).toEqual({ outcome: 'signed' });
    await add(2);
    const again = signer();
    expect(await again.sign(AT)).toEqual({ outcome: 'signed' });
    expect(await again.sign(AT)).toEqual({ outcome: 'current' });
    expect(readdirSync(folder).sort()).toEqual(['0000000000000003.checkpoint', '0000000000000005.checkpoint', 'latest', expect.stringMatching(/^public-key-[0-9a-f]{8}\.pem$/)]);
    const head = await tree.exclusively((turn) => turn.head());
    expect(openCheckpoint(latest(), keys.publicKey)).toEqual({ ...head, origin, at: AT });
    expect((await stored()).map(({ size, note }) => [size, note === latest()])).toEqual([['3', false], ['5', true]]);
  });

  it('goes on where a process was killed between the file, `latest` and the database', async () => {
    await add(3);
    await signer().sign(AT);
    const first = latest();
    await add(2);
    await signer().sign(AT);
    await asSuperuser((manager) => manager.query('DELETE FROM audit_checkpoint WHERE size = 5'));
    expect(await signer().sign(AT)).toEqual({ outcome: 'current' });
    expect((await stored()).map(({ size }) => size)).toEqual(['3', '5']);
    writeFileSync(join(folder, 'latest'), first);
    await add(1);
    expect(await signer().sign(AT)).toEqual({ outcome: 'signed' });
    expect(openCheckpoint(latest(), keys.publicKey).size).toBe(6);
  });

  it('goes on under a new key from what the old one signed', async () => {
    await add(3);
    await signer().sign(AT);
    const next = generateKeyPairSync('ed25519');
    await add(1);
    expect(await signer(next.privateKey).sign(AT)).toEqual({ outcome: 'signed' });
    expect(openCheckpoint(latest(), next.publicKey).size).toBe(4);
  });

  it('leaves it to the one who is at the tree', async () => {
    await add(3);
    expect(await tree.exclusively(() => signer().sign(AT))).toEqual({ outcome: 'busy' });
  });
});

describe('no signature is given', () => {
  it.each<[string, () => Promise<void>, RegExp]>([
    ['after the tail was dropped', () => asSuperuser((manager) => manager.query('DELETE FROM audit_leaf WHERE position >= 3').then(() => manager.query('DELETE FROM audit_node WHERE (place + 1) * (1 << level) > 3'))), /has 3 entries, but 5 were signed.*set back/],
    ['after it was dropped and others came', async () => {
      await asSuperuser((manager) => manager.query('DELETE FROM audit_leaf WHERE position >= 3').then(() => manager.query('DELETE FROM audit_node WHERE (place + 1) * (1 << level) > 3')));
      await add(4);
    }, /does not continue the 5 entries.*rewritten/],
    ['after a leaf and its nodes were made anew', async () => {
      await asSuperuser((manager) => manager.query("UPDATE audit_node SET hash = decode(repeat('ab', 32), 'hex') WHERE level = 2 AND place = 0"));
      await add(1);
    }, /rewritten/],
    ['after a node was taken away', async () => {
      await add(3);
      await asSuperuser((manager) => manager.query('DELETE FROM audit_node WHERE level = 2 AND place = 0'));
    }, /rewritten/],
    ['after everything was', () => asSuperuser((manager) => manager.query('TRUNCATE audit_entry, audit_leaf, audit_node, audit_checkpoint, audit_pending, audit_refusal, audit_text')), /set back/],
    ['where the folder was emptied', async () => { rmSync(folder, { recursive: true }); mkdirSync(folder); await Promise.resolve(); }, /folder of checkpoints is empty, but 5 entries were signed/],
    ['where the last checkpoint was edited', async () => { writeFileSync(join(folder, 'latest'), latest().replace('\n5\n', '\n4\n')); await Promise.resolve(); }, /not genuine\. Its signature is not genuine/],
    ['where it is of somebody else', async () => { writeFileSync(join(folder, 'latest'), 'nonsense'); await Promise.resolve(); }, /not genuine\. It has no signature/],
  ])('%s', async (_, tamper, reason) => {
    await add(5);
    await signer().sign(AT);
    await tamper();
    const before = readdirSync(folder);
    const stubborn = signer();
    expect(await stubborn.sign(AT)).toEqual({ outcome: 'refused', reason: expect.stringMatching(reason) as string });
    expect(await stubborn.sign(AT)).toMatchObject({ outcome: 'refused' });
    expect(readdirSync(folder)).toEqual(before);
    expect(await refusals()).toEqual([{ reason: expect.stringMatching(reason) as string }]);
  });
});

describe('the sequencer', () => {
  it('sequences and signs what waits, and fails at each look for as long as the signature is refused', async () => {
    await add(2);
    await signer().sign(AT);
    const kept = latest();
    await new AuditLedger(server.dataSource).append(server.dataSource.manager, { at: AT, actor: 'ann', action: 'tested', model: null, subject: 'x', details: {} });
    writeFileSync(join(folder, 'latest'), 'nonsense');
    const sequencer = new AuditSequencer(tree, signer(), () => undefined);
    for (let look = 0; look < 2; look += 1) await expect(sequencer.pass()).rejects.toThrow(/no checkpoint is signed/);
    expect(await tree.size()).toBe(3);
    writeFileSync(join(folder, 'latest'), kept);
    await new AuditSequencer(tree, signer(), () => undefined).pass();
    expect(openCheckpoint(latest(), keys.publicKey).size).toBe(3);
    expect(await refusals()).toHaveLength(1);
  });

  it('runs by itself, and says once that nothing is signed where there is no key', async () => {
    const told: SequencerLine[] = [];
    const sequencer = new AuditSequencer(tree, null, (line) => { told.push(line); });
    sequencer.start();
    await new AuditLedger(server.dataSource).append(server.dataSource.manager, { at: AT, actor: 'ann', action: 'tested', model: null, subject: 'x', details: {} });
    while ((await tree.size()) < 1) await new Promise((resolve) => setTimeout(resolve, 20));
    await sequencer.stop();
    expect(told).toEqual([{ level: 'warn', message: expect.stringContaining('AUDIT_KEY_FILE') as string }]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
