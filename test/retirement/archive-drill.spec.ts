import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { ArchiveDrill } from '../../activities/archive-drill.js';
import { ArchivedVersions } from '../../activities/archived-versions.js';
import { type ArchiveManifest, MANIFEST, ModelArchive } from '../../activities/model-archive.js';
import { StoreProvider } from '../../activities/store-provider.js';
import { FolderStore } from '../../src/artifacts/folder-store.js';
import { tarOf } from '../../src/artifacts/tar-file.js';
import { canonicalJson, sha256 } from '../../src/contracts/canonical.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { AuditTreeRepository } from '../../src/registry/audit-tree.repository.js';
import { ModelEvidenceRepository } from '../../src/registry/model-evidence.repository.js';
import { ModelsRepository } from '../../src/registry/models.repository.js';
import { RetrainsRepository } from '../../src/registry/retrains.repository.js';
import { RoutingRepository } from '../../src/registry/routing.repository.js';
import { TrainingRepository } from '../../src/registry/training.repository.js';
import { VersionsRepository } from '../../src/registry/versions.repository.js';
import { ModelCourse } from '../../src/registry/testing/model-course.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';

const FILES = { 'record/model.jsonl': '{"name":"m"}\n', 'artifacts/0a': 'the bytes of a model' };

let registry: RegistryServer;
let workDir: string;
let store: FolderStore;
let drill: ArchiveDrill;
let archive: ModelArchive;

beforeAll(async () => {
  registry = await startRegistryServer();
});

afterAll(() => registry?.stop());

beforeEach(() => {
  workDir = mkdtempSync(join(tmpdir(), 'perennial-drill-'));
  store = new FolderStore(join(workDir, 'store'));
  const { dataSource } = registry;
  const audit = new AuditLedger(dataSource);
  const record = new ArchivedVersions(new ModelsRepository(dataSource), new VersionsRepository(dataSource, audit), new TrainingRepository(dataSource, audit), new RetrainsRepository(dataSource, audit), new RoutingRepository(dataSource, audit));
  const settings = {
    dataDir: workDir, workDir, trainersDir: workDir, trainerPython: 'python', gpuDevices: undefined, searchPath: '', heartbeatTimeoutMs: 1, driftPartRows: 1, sweepLimits: { unmonitoredMs: 1, idleMs: 1 }, identity: 'drill',
  };
  drill = new ArchiveDrill(record, settings, new StoreProvider(store));
  archive = new ModelArchive(new ModelEvidenceRepository(dataSource), audit, new AuditTreeRepository(dataSource), settings, record, new StoreProvider(store));
});

afterEach(() => rmSync(workDir, { recursive: true, force: true }));

/** @param stored what the archive really holds, where that is not what its manifest names @param missing what its manifest says it lacks */
async function archived(stored: Readonly<Record<string, string>> = FILES, missing: readonly string[] = []): Promise<{ digest: string; manifest: string }> {
  const files = Object.entries(FILES).map(([name, text]) => ({ name, digest: sha256(text), bytes: Buffer.byteLength(text) }));
  const manifest = Buffer.from(canonicalJson({ format: 'perennial-archive/1', model: 'm', number: 1, madeAt: '2026-01-01T00:00:00.000Z', files, missing } satisfies ArchiveManifest));
  const entries = [[MANIFEST, manifest] as const, ...Object.entries(stored).map(([name, text]) => [name, Buffer.from(text)] as const)];
  const { digest } = await store.putStream(tarOf(entries.map(([name, from]) => ({ name, from, bytes: from.length }))));
  return { digest, manifest: sha256(manifest) };
}

const NEVER = new AbortController().signal;
const run = (made: { digest: string; manifest: string }, model = 'm') => drill.run(model, made, NEVER);

it('passes an archive that fits its manifest, and leaves nothing behind', async () => {
  expect(await run(await archived())).toMatchObject({ verdict: 'pass', files: 2, bytes: 33, scored: [], reason: '2 files fit their digests' });
  expect(readdirSync(workDir)).toEqual(['store']);
});

it.each<[string, Record<string, string>, string]>([
  ['other bytes', { ...FILES, 'artifacts/0a': 'the bytes of a MODEL' }, 'artifacts/0a has the digest sha256:'],
  ['fewer bytes', { ...FILES, 'artifacts/0a': 'the bytes' }, 'artifacts/0a has 9 bytes in the archive instead of 20'],
  ['a file too few', { 'artifacts/0a': FILES['artifacts/0a'] }, 'record/model.jsonl has no bytes'],
  ['a file too many', { ...FILES, 'artifacts/0b': 'x' }, 'holds artifacts/0b, which its manifest does not name'],
])('fails one with %s, and says what', async (_, stored, reason) => {
  expect(await run(await archived(stored))).toMatchObject({ verdict: 'fail', reason: expect.stringContaining(reason) as string });
  expect(readdirSync(workDir)).toEqual(['store']);
});

it('fails one with another manifest, and one that is gone', async () => {
  const { digest, manifest } = await archived();
  expect(await run({ digest, manifest: sha256('another') })).toMatchObject({ verdict: 'fail', reason: expect.stringContaining('is not the one that was recorded') as string });
  expect(await run({ digest: sha256('gone'), manifest })).toMatchObject({ verdict: 'fail', reason: expect.stringContaining('is not in the artifact store') as string });
});

it('fails one whose manifest names what it lacks', async () => {
  expect(await run(await archived(FILES, [sha256('damaged')]))).toMatchObject({ verdict: 'fail', reason: expect.stringContaining(`lacks ${sha256('damaged')}`) as string });
});

it('fails one without the model or the parity file of what answered last; none is made before these are there', async () => {
  await registry.apiKey('ann');
  const course = new ModelCourse(registry.dataSource, 'answered');
  await course.register('ann');
  await course.promote(await course.trained('ann', 'the first one'), 'ann');
  expect(await run(await archived(), 'answered')).toMatchObject({ verdict: 'fail', reason: expect.stringContaining(`lacks ${sha256('model 1')}, ${sha256('parity')}`) as string });

  const make = () => archive.make({ model: 'answered', number: 1 }, new Date(), NEVER, () => undefined);
  const before = readdirSync(workDir);
  expect(((await make()).missing as string[]).toSorted()).toEqual([sha256('model 1'), sha256('parity')].toSorted());
  expect(readdirSync(workDir)).toEqual(before);
  await store.putBytes('model 1');
  await store.putBytes('parity');
  const made = await make();
  expect(made).toMatchObject({ missing: [], digest: expect.stringMatching(/^sha256:/) as string });
  expect(await run(made as Awaited<ReturnType<typeof archived>>, 'answered')).toMatchObject({ verdict: 'pass', scored: [], unscored: [{ version: 1, reason: 'its rows are not kept any more' }] });
});
