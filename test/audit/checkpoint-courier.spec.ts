import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { S3Server } from '../s3-server.js';
import { CheckpointWebhook } from '../../src/alarms/checkpoint-webhook.js';
import { refusalOf } from '../../src/alarms/signature.js';
import { CheckpointBucket } from '../../src/artifacts/checkpoint-bucket.js';
import { S3Bucket } from '../../src/artifacts/s3-bucket.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import type { CheckpointSink } from '../../src/contracts/checkpoint-copies.js';
import { anyFreePort } from '../../src/embedded/ports.js';
import { AlarmsRepository } from '../../src/registry/alarms.repository.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { AuditTreeRepository } from '../../src/registry/audit-tree.repository.js';
import { CheckpointSinksRepository } from '../../src/registry/checkpoint-sinks.repository.js';
import { FiguresRepository } from '../../src/registry/figures.repository.js';
import type { SequencerLine } from '../../src/dispatch/audit-sequencer.js';
import { CheckpointCourier } from '../../src/dispatch/checkpoint-courier.js';
import { CheckpointFolder } from '../../src/dispatch/checkpoint-folder.js';
import { CheckpointSigner } from '../../src/dispatch/checkpoint-signer.js';

const origin = 'example.com/audit';
const keys = generateKeyPairSync('ed25519');
const CREDENTIALS = { region: 'eu-central-1', keyId: 'AKIDTEST', secret: 'very/secret+key' };
const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const PREFIX = '/bucket/the ledger';
const SECRETS = /AKIDTEST|very\/secret|whsec_|127\.0\.0\.1|localhost|token=/;

let server: RegistryServer;
let tree: AuditTreeRepository;
let sinks: CheckpointSinksRepository;
let alarms: AlarmsRepository;
let folder: string;
let store: S3Server;
let receiver: WebhookServer;
let told: SequencerLine[];

/** Keeps what it is sent, or answers otherwise. */
class WebhookServer {
  readonly events: { readonly headers: Record<string, unknown>; readonly body: string }[] = [];
  status = 200;
  private server!: Server;

  async start(port = 0): Promise<this> {
    this.server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => { body += chunk.toString('utf8'); }).on('end', () => {
        if (this.status < 300) this.events.push({ headers: request.headers, body });
        response.writeHead(this.status).end();
      });
    });
    await new Promise<void>((settle) => { this.server.listen(port, '127.0.0.1', settle); });
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/in?token=abc`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((settle) => { this.server.close(settle); });
  }
}

beforeAll(async () => {
  server = await startRegistryServer();
  tree = new AuditTreeRepository(server.dataSource);
  sinks = new CheckpointSinksRepository(server.dataSource);
  alarms = new AlarmsRepository(server.dataSource, new AuditLedger(server.dataSource));
}, 120_000);

afterAll(() => server?.stop());

beforeEach(async () => {
  await server.asOwner((owner) => owner.query('DELETE FROM audit_sink'));
  folder ??= mkdtempSync(join(tmpdir(), 'perennial-courier-'));
  told = [];
  store = await S3Server.start(CREDENTIALS);
  receiver = await new WebhookServer().start();
});

afterEach(async () => {
  await store.stop();
  await receiver.stop().catch(() => undefined);
});

afterAll(() => { if (folder) rmSync(folder, { recursive: true }); });

/** One ledger for all tests, signed into one folder. @returns its size */
async function sign(): Promise<number> {
  await new AuditLedger(server.dataSource).append(server.dataSource.manager, { at: new Date(), actor: 'ann', action: 'tested', model: null, subject: 'x', details: {} });
  while ((await tree.sequence(1_000)) > 0);
  await new CheckpointSigner(tree, new CheckpointFolder(folder), { origin, key: keys.privateKey }).sign(new Date());
  return tree.size();
}

const bucket = (url = store.url): CheckpointBucket => new CheckpointBucket(new S3Bucket(`${url}${PREFIX}`, CREDENTIALS, 500));
const webhook = (url = receiver.url): CheckpointWebhook => new CheckpointWebhook({ url, secret: WEBHOOK_SECRET, setting: 'CHECKPOINT_WEBHOOK' }, 500);
const courier = (to: readonly CheckpointSink[] = [bucket(), webhook()], key = keys.privateKey): CheckpointCourier =>
  new CheckpointCourier(new CheckpointFolder(folder), { origin, key }, to, { sinks, alarms }, (line) => { told.push(line); }, 0);
const object = (name: string): string | undefined => store.objects.get(`/bucket/the%20ledger/${name}`);
const checkpointName = (size: number): string => `${String(size).padStart(16, '0')}.checkpoint`;
const standing = async (sink: string) => (await sinks.list()).find((one) => one.sink === sink);

/** As an auditor who has an export and what one place outside holds, and nothing else. */
async function verifiedFrom(note: string, publicKey: string): Promise<number> {
  const [exported, checkpoint, key] = ['ledger.ndjson', 'checkpoint', 'key.pem'].map((name) => join(folder, name)) as [string, string, string];
  let lines = '';
  for await (const page of tree.exportText(await tree.size())) lines += page;
  for (const [file, content] of [[exported, lines], [checkpoint, note], [key, publicKey]] as const) writeFileSync(file, content);
  return runCli(['audit', 'verify', '--export', exported, '--checkpoint', checkpoint, '--key', key], readEnvironment({ API_URL: 'http://127.0.0.1:1' }), 'main.js', new RecordedTerminal({ columns: 160 }));
}

describe('a checkpoint', () => {
  it('goes to each place once, and the ledger is verified from either alone', async () => {
    const size = await sign();
    const couriers = courier();
    await couriers.pass();
    await couriers.pass();
    expect([...store.objects.keys()].map((name) => name.slice('/bucket/the%20ledger/'.length)).sort()).toEqual([checkpointName(size), 'latest', expect.stringMatching(/^public-key-[0-9a-f]{8}\.pem$/)]);
    const [publicKey] = [...store.objects].filter(([name]) => name.includes('public-key')).map(([, pem]) => pem) as [string];
    expect(await verifiedFrom(object('latest') as string, publicKey)).toBe(0);

    expect(receiver.events).toHaveLength(1);
    const { headers, body } = receiver.events[0]!;
    expect(refusalOf(WEBHOOK_SECRET, headers as never, body, new Date())).toBeUndefined();
    const event = JSON.parse(body);
    expect(event).toMatchObject({ specversion: '1.0', id: `${origin}/${size}`, type: 'perennial.audit.checkpoint', subject: `checkpoint/${size}`, data: { origin, size, note: readFileSync(join(folder, 'latest'), 'utf8') } });
    expect(await verifiedFrom(event.data.note, event.data.publicKey)).toBe(0);
    await server.asOwner(async (owner) => {
      await owner.query("ALTER TABLE audit_entry DISABLE TRIGGER USER; UPDATE audit_entry SET actor = 'bob' WHERE id = (SELECT min(entry_id) FROM audit_leaf)");
      for (const [note, key] of [[object('latest') as string, publicKey], [event.data.note, event.data.publicKey]]) expect(await verifiedFrom(note, key)).toBe(1);
      await owner.query("UPDATE audit_entry SET actor = 'ann' WHERE actor = 'bob'; ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_append_only; ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_queued");
    });
    expect(await verifiedFrom(event.data.note, event.data.publicKey)).toBe(0);
  });

  it('that is not of our key is not passed on', async () => {
    await sign();
    await courier(undefined, generateKeyPairSync('ed25519').privateKey).pass();
    expect([store.objects.size, receiver.events.length]).toEqual([0, 0]);
  });

  it('is brought again after a restart only where it is newer', async () => {
    await sign();
    await courier().pass();
    await courier().pass();
    expect(receiver.events).toHaveLength(1);
    const size = await sign();
    await courier().pass();
    expect(receiver.events.map(({ body }) => JSON.parse(body).data.size)).toEqual([size - 1, size]);
  });

  it('that was sent and not put down as such is sent again, and is the same', async () => {
    const size = await sign();
    await bucket().send({ origin, size, at: new Date(), note: readFileSync(join(folder, 'latest'), 'utf8'), keyId: '00000000', publicKey: 'x' });
    await courier([bucket()]).pass();
    expect(await standing('s3')).toMatchObject({ size, failingSince: null });
  });
});

describe('a place that is down', () => {
  it('holds up neither the other nor the ledger; it is told of, and gets the newest when it is back', async () => {
    await sign();
    store.answer = { status: 503, code: 'SlowDown' };
    const running = courier();
    await running.pass();
    const size = await sign();
    await running.pass();
    expect(receiver.events).toHaveLength(2);
    expect(JSON.parse(receiver.events[1]!.body).data.size).toBe(size);
    expect(await standing('webhook')).toMatchObject({ size, behind: 0, behindSince: null, reason: null });
    expect(await standing('s3')).toMatchObject({ size: 0, behind: size, behindSince: expect.any(Date), failingSince: expect.any(Date), reason: 'the store answered 503, SlowDown; see its log' });
    const open = await alarms.findOpen('audit/sink/s3');
    expect(open).toMatchObject({ kind: 'checkpointUndelivered', severity: 'warning', summary: expect.stringContaining('SlowDown') });
    const figures = await new FiguresRepository(server.dataSource).at(new Date(Date.now() + 120_000));
    expect(figures).toMatchObject({ auditSinksBehind: 1, auditUnsigned: expect.any(Number) });
    expect(figures.auditSinkLag).toBeGreaterThan(100);

    store.answer = null;
    while (((await standing('s3'))?.size ?? 0) < size) {
      await running.pass();
      await pause(50);
    }
    expect(object(checkpointName(size))).toBe(readFileSync(join(folder, 'latest'), 'utf8'));
    expect(await alarms.findOpen('audit/sink/s3')).toBeNull();
    expect(told.map(({ level, message }) => [level, message])).toEqual([['error', 'Checkpoints do not reach s3'], ['warn', 'Checkpoints reach s3 again']]);
    expect((await new FiguresRepository(server.dataSource).at(new Date(Date.now() + 120_000))).auditSinksBehind).toBe(0);
  });

  it('runs by itself, beside one that never answers', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((settle) => { silent.listen(0, '127.0.0.1', settle); });
    const size = await sign();
    const running = courier([bucket(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`), webhook()]);
    running.start();
    while ((await standing('webhook'))?.size !== size || ((await standing('s3'))?.reason ?? null) === null) await pause(20);
    await running.stop();
    expect(await standing('s3')).toMatchObject({ size: 0, reason: 'the store cannot be reached (no answer within 500 ms); start it, or correct CHECKPOINT_S3' });
    silent.closeAllConnections();
    silent.close();
  });

  it('is forgotten once it is no longer set', async () => {
    await sign();
    receiver.status = 500;
    await courier([webhook()]).pass();
    expect((await sinks.list()).map(({ sink }) => sink)).toEqual(['webhook']);
    await courier([]).pass();
    expect(await sinks.list()).toEqual([]);
  });
});

describe('why a place does not take a checkpoint', () => {
  it.each<[string, () => CheckpointSink, RegExp]>([
    ['S3: credentials are wrong', () => new CheckpointBucket(new S3Bucket(`${store.url}${PREFIX}`, { ...CREDENTIALS, secret: 'another' }, 500)), /answered 403, SignatureDoesNotMatch; check CHECKPOINT_S3_KEY_ID/],
    ['S3: there is no such bucket', () => { store.answer = { status: 404, code: 'NoSuchBucket' }; return bucket(); }, /404, NoSuchBucket; make the bucket/],
    ['S3: it is elsewhere', () => { store.answer = { status: 301, code: 'PermanentRedirect' }; return bucket(); }, /301, PermanentRedirect: the bucket is elsewhere; correct CHECKPOINT_S3 and CHECKPOINT_S3_REGION/],
    ['S3: another checkpoint is there', () => { store.objects.set(`/bucket/the%20ledger/${checkpointName(latestSize())}`, 'another'); return bucket(); }, /the bucket has another \d{16}\.checkpoint: two ledgers write there/],
    ['webhook: it refuses', () => { receiver.status = 401; return webhook(); }, /answered 401; check that it has the same CHECKPOINT_WEBHOOK_SECRET/],
    ['webhook: it redirects', () => { receiver.status = 302; return webhook(); }, /redirect.*set CHECKPOINT_WEBHOOK_URL/],
  ])('%s', async (_, sink, says) => {
    await sign();
    await courier([sink()]).pass();
    const [found] = await sinks.list();
    expect(found).toMatchObject({ size: 0, attempts: 1, reason: expect.stringMatching(says) as string });
    expect(JSON.stringify([found, told, await alarms.list(5)])).not.toMatch(SECRETS);
  });

  it.each<[string, (port: number) => CheckpointSink, RegExp]>([
    ['S3', (port) => bucket(`http://127.0.0.1:${port}`), /cannot be reached \(ECONNREFUSED\); start it, or correct CHECKPOINT_S3/],
    ['webhook', (port) => webhook(`http://127.0.0.1:${port}/?token=abc`), /cannot be reached \(ECONNREFUSED\); start it, or correct CHECKPOINT_WEBHOOK_URL/],
  ])('%s: nothing listens', async (_, sink, says) => {
    await sign();
    await courier([sink(await anyFreePort())]).pass();
    expect(await sinks.list()).toMatchObject([{ reason: expect.stringMatching(says) as string }]);
    expect(JSON.stringify([await sinks.list(), told])).not.toMatch(SECRETS);
  });

  const latestSize = (): number => Number(readFileSync(join(folder, 'latest'), 'utf8').split('\n')[1]);
});
