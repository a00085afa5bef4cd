import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type RunningApi } from '../../src/api/api.js';
import { checkpointSchema, proofSchema } from '../../src/api/audit/audit.dto.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { CheckpointFolder } from '../../src/dispatch/checkpoint-folder.js';
import { CheckpointSigner } from '../../src/dispatch/checkpoint-signer.js';
import { anyFreePort } from '../../src/embedded/ports.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { CheckpointSinksRepository } from '../../src/registry/checkpoint-sinks.repository.js';
import { AuditTreeRepository } from '../../src/registry/audit-tree.repository.js';
import { parseSpec } from '../../src/spec/parse-spec.js';
import { ModelsRepository } from '../../src/registry/models.repository.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';

const YAML = readFileSync('models/flight-delay/model.yaml', 'utf8');
const ENTRIES = 1_201;
const keys = generateKeyPairSync('ed25519');

let server: RegistryServer;
let api: RunningApi;
let apiKey: string;
let folder: string;
let tree: AuditTreeRepository;

beforeAll(async () => {
  server = await startRegistryServer();
  apiKey = await server.apiKey('auditor', ['auditor']);
  folder = mkdtempSync(join(tmpdir(), 'perennial-audit-'));
  tree = new AuditTreeRepository(server.dataSource);
  api = await startApi(readEnvironment({ DATABASE_URL: server.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: join(folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'error' }));
  await server.dataSource.transaction((manager) => new ModelsRepository(server.dataSource).apply(manager, YAML, parseSpec(YAML), 'auditor', new Date()));
}, 120_000);

afterAll(async () => {
  await api?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const get = (path: string) => fetch(`${api.url}${path}`, { headers: { authorization: `Bearer ${apiKey}` } });
const inFolder = (name: string): string => join(folder, name);

async function cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = new RecordedTerminal({ columns: 160 });
  const code = await runCli(args, readEnvironment({ API_URL: api.url, PERENNIAL_API_KEY: apiKey, STATE_DIR: folder }), 'main.js', terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

/** As an auditor would: nothing of the service or its database is known. */
async function verifyAlone(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = new RecordedTerminal({ columns: 160 });
  const code = await runCli(['audit', 'verify', ...args], readEnvironment({ API_URL: 'http://127.0.0.1:1', STATE_DIR: folder }), 'main.js', terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

describe('before anything was signed', () => {
  it('says that there is no checkpoint and no proof yet', async () => {
    for (const path of ['/v1/audit/checkpoint', '/v1/audit/entries/1/proof']) {
      const answer = await get(path);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ type: 'urn:perennial:NotFound' });
    }
    expect(await (await get('/v1/audit/export')).text()).toBe('');
    expect((await fetch(`${api.url}/v1/audit/export`)).status).toBe(401);
  });
});

describe('a ledger that is signed', () => {
  let checkpoint: string;
  let publicKey: string;
  let exported: string;
  /** Entries of who the auditor is, before those of this test. */
  let before: number;
  let size: number;

  beforeAll(async () => {
    before = (await server.dataSource.query<{ n: number }[]>('SELECT count(*)::int AS n FROM audit_entry'))[0]!.n;
    size = before + ENTRIES;
    const ledger = new AuditLedger(server.dataSource);
    await server.dataSource.transaction(async (manager) => {
      for (let index = 0; index < ENTRIES; index += 1) {
        // A line separator of Unicode is no end of a line.
        await ledger.append(manager, { at: new Date(), actor: 'ann', action: 'tested', model: 'flight-delay', subject: `version/${index}`, details: { index, of: 'a\u2028b' }, texts: { reason: index === 7 ? 'the autumn\u2028schedule' : null } });
      }
    });
    while ((await tree.sequence(500)) > 0);
    await new CheckpointSigner(tree, new CheckpointFolder(inFolder('checkpoints')), { origin: 'example.com/audit', key: keys.privateKey }).sign(new Date());
    [checkpoint, publicKey, exported] = [inFolder('checkpoints/latest'), inFolder('public.pem'), inFolder('ledger.ndjson')];
    writeFileSync(publicKey, keys.publicKey.export({ type: 'spki', format: 'pem' }));
  });

  it('is listed with what people wrote', async () => {
    const { code, stdout } = await cli('audit', 'list', 'flight-delay', '--after', String(before + 6), '--limit', '3');
    expect(code).toBe(0);
    expect(stdout).toContain('the autumn');
    const list = JSON.parse((await cli('audit', 'list', 'flight-delay', '--limit', '500', '--json')).stdout);
    const spoken = list.items.filter(({ texts }: { texts: unknown[] }) => texts.length > 0);
    expect(spoken).toMatchObject([{ subject: 'version/7', texts: [{ field: 'reason', text: 'the autumn\u2028schedule', erasedAt: null }], details: { texts: { reason: expect.stringMatching(/^sha256:/) } } }]);
  });

  it('gives its checkpoint as the folder has it', async () => {
    const answer = checkpointSchema.parse(await (await get('/v1/audit/checkpoint')).json());
    expect(answer).toMatchObject({ size, note: readFileSync(checkpoint, 'utf8') });
    expect((await cli('audit', 'checkpoint')).stdout).toBe(answer.note);
    expect((await cli('audit', 'checkpoint', '--out', inFolder('mine'))).code).toBe(0);
    expect(readFileSync(inFolder('mine'), 'utf8')).toBe(answer.note);
  });

  it('proves an entry, to the service and to others', async () => {
    const proof = proofSchema.parse(await (await get('/v1/audit/entries/700/proof')).json());
    expect(proof).toMatchObject({ entry: 700, size, checkpoint: readFileSync(checkpoint, 'utf8') });
    expect(await cli('audit', 'proof', '700', '--key', publicKey)).toMatchObject({ code: 0, stdout: expect.stringContaining('holds, under a genuine checkpoint') });
    expect(await cli('audit', 'proof', '700', '--size', '800', '--json')).toMatchObject({ code: 0, stdout: expect.stringContaining('"holds": true') });
    expect(await cli('audit', 'proof', '700', '--size', '800', '--key', publicKey)).toMatchObject({ code: 1, stdout: expect.stringContaining('No checkpoint was signed over 800 entries') });
    expect(await cli('audit', 'proof', '999999')).toMatchObject({ code: 1, stderr: expect.stringContaining('no entry 999999') });
  });

  it('is exported whole, and verified without the service', async () => {
    expect((await cli('audit', 'export', '--out', exported)).code).toBe(0);
    const first = JSON.parse(readFileSync(exported, 'utf8').split('\n')[before] ?? '');
    expect(first).toMatchObject({ position: before, entry: { actor: 'ann', details: '{"index":0,"of":"a\u2028b"}' }, texts: [] });
    const verdict = await verifyAlone('--export', exported, '--checkpoint', checkpoint, inFolder('mine'), '--key', publicKey);
    expect(verdict).toMatchObject({ code: 0, stderr: '' });
    expect(verdict.stdout).toContain('is what was signed');
    const part = inFolder('part.ndjson');
    expect((await cli('audit', 'export', '--out', part, '--size', '600')).code).toBe(0);
    expect(readFileSync(part, 'utf8').trimEnd().split('\n')).toHaveLength(600);
  });

  it('tells which entry of an export was edited, and ends with 1', async () => {
    const edited = inFolder('edited.ndjson');
    writeFileSync(edited, readFileSync(exported, 'utf8').replace('"subject":"version/33"', '"subject":"version/34"'));
    const verdict = await verifyAlone('--export', edited, '--checkpoint', checkpoint, '--key', publicKey);
    expect(verdict.code).toBe(1);
    expect(verdict.stdout).toContain(`✗ Entry ${before + 34} at position ${before + 33} is not what was signed there`);
    const json = await verifyAlone('--export', edited, '--checkpoint', checkpoint, '--key', publicKey, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ genuine: false, faults: [{ kind: 'edited', position: before + 33, entry: before + 34 }] });
  });

  it.each<[string, () => string[], RegExp]>([
    ['the export', () => ['--export', inFolder('none'), '--checkpoint', checkpoint, '--key', publicKey], /none cannot be read; name an export with --export \(ENOENT\)/],
    ['a checkpoint', () => ['--export', exported, '--checkpoint', inFolder('none'), '--key', publicKey], /none cannot be read; name a checkpoint/],
    ['the key', () => ['--export', exported, '--checkpoint', checkpoint, '--key', inFolder('none')], /none cannot be read; name the public key/],
    ['another file for the key', () => ['--export', exported, '--checkpoint', checkpoint, '--key', exported], /holds no public key of Ed25519/],
    ['another file for a checkpoint', () => ['--export', exported, '--checkpoint', publicKey, '--key', publicKey], /public\.pem: It has no signature/],
  ])('is told by name where %s is not there or is none', async (_, args, says) => {
    expect(await verifyAlone(...args())).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(says) });
  });

  it('keeps no half export where the service cannot be reached', async () => {
    const terminal = new RecordedTerminal({ columns: 160 });
    const out = inFolder('half.ndjson');
    const code = await runCli(['audit', 'export', '--out', out], readEnvironment({ API_URL: `http://127.0.0.1:${await anyFreePort()}`, PERENNIAL_API_KEY: 'x' }), 'main.js', terminal);
    expect(code).toBe(1);
    expect(terminal.stderr).toContain('does not answer');
    expect(() => readFileSync(out)).toThrow();
  });

  it('is counted for operators', async () => {
    const metrics = await (await fetch(`${api.url}/metrics`)).text();
    expect(metrics).toMatch(/^perennial_audit_entries_waiting 0$/m);
    expect(metrics).toMatch(/^perennial_audit_entries_unsigned 0$/m);
    expect(metrics).toMatch(/^perennial_audit_refusals 0$/m);
  });

  it('shows how far its copies outside are, without failing where none are set', async () => {
    expect(await cli('audit', 'sinks')).toMatchObject({ code: 0, stdout: expect.stringContaining('go to the folder alone') });
    const sinks = new CheckpointSinksRepository(server.dataSource);
    await sinks.configure(['s3', 'webhook']);
    await sinks.recordDelivery('webhook', size, new Date());
    await sinks.recordFailure('s3', 'the store answered 503; see its log', new Date());
    const { code, stdout } = await cli('audit', 'sinks');
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`s3 +0 +never +${size} .*503`));
    expect(JSON.parse((await cli('audit', 'sinks', '--json')).stdout)).toMatchObject({ items: [{ sink: 's3', size: 0, behind: size, failingSince: expect.any(String), attempts: 1 }, { sink: 'webhook', size, behind: 0, behindSince: null, reason: null }] });
    expect(await (await fetch(`${api.url}/metrics`)).text()).toMatch(/^perennial_audit_sink_lag_seconds [\d.e-]+$/m);
    await sinks.configure([]);
  });

  it('has a text erased by an administrator alone, and is what was signed all the same', async () => {
    const entry = before + 8;
    const administrator = await server.apiKey('dpo', ['administrator']);
    const eraseAs = (key: string, id = entry) => fetch(`${api.url}/v1/audit/entries/${id}/erase`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify({ reason: 'he asked for it' }) });
    expect((await eraseAs(apiKey)).status).toBe(403);
    expect((await eraseAs(administrator, entry + 1)).status).toBe(404);
    expect(await (await eraseAs(administrator)).json()).toEqual({ entry, erased: [{ entry, field: 'reason' }], copies: 0 });
    const terminal = new RecordedTerminal({ columns: 160 });
    expect(await runCli(['audit', 'erase', String(entry), '--reason', 'again'], readEnvironment({ API_URL: api.url, PERENNIAL_API_KEY: administrator, STATE_DIR: folder }), 'main.js', terminal)).toBe(0);
    expect(terminal.stdout).toBe(`What was written beside entry ${entry} had been erased before\n`);
    expect((await cli('audit', 'list', 'flight-delay', '--after', String(entry - 1), '--limit', '1')).stdout).toContain('(erased ');
    const after = inFolder('erased.ndjson');
    expect((await cli('audit', 'export', '--out', after)).code).toBe(0);
    expect(readFileSync(after, 'utf8')).not.toContain('the autumn');
    const verdict = await verifyAlone('--export', after, '--checkpoint', checkpoint, '--key', publicKey, '--json');
    expect(JSON.parse(verdict.stdout)).toMatchObject({ genuine: true, erasedTexts: 1 });
  });

  it('says that it was not compared with Temporal yet', async () => {
    expect(await cli('audit', 'reconcile')).toMatchObject({ code: 1, stderr: expect.stringContaining('not compared with Temporal yet') });
  });
});
