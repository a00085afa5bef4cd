import { Injectable } from '@nestjs/common';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactStore } from '../src/artifacts/artifact-store.js';
import { fileDigest } from '../src/artifacts/file-digest.js';
import { unpackTar } from '../src/artifacts/tar-file.js';
import { sha256 } from '../src/contracts/canonical.js';
import { PerennialError } from '../src/contracts/failures.js';
import type { DrillOutcome } from '../src/contracts/retirements.js';
import { requireParity } from '../src/evaluation/parity.js';
import { predictFirstRows } from '../src/evaluation/scoring.js';
import type { ModelVersion } from '../src/registry/entities/model-version.entity.js';
import type { TrainerParity } from '../src/training/trainer-output.js';
import { ActivitySettings } from './activity-settings.js';
import { ArchivedVersions } from './archived-versions.js';
import { type ArchiveManifest, MANIFEST, type MadeArchive } from './model-archive.js';
import { StoreProvider } from './store-provider.js';

/** Proves that an archive can be restored: into an empty folder, held against its manifest digest by digest, and its champions answer as their trainers did. */
@Injectable()
export class ArchiveDrill {
  private readonly store: ArtifactStore;

  constructor(
    private readonly record: ArchivedVersions,
    private readonly settings: ActivitySettings,
    stores: StoreProvider,
  ) {
    this.store = stores.store;
  }

  async run(model: string, archive: Pick<MadeArchive, 'digest' | 'manifest'>, signal: AbortSignal): Promise<DrillOutcome> {
    const folder = await mkdtemp(join(this.settings.workDir, 'drill-'));
    try {
      return await this.restored(model, archive, folder, signal);
    } catch (error) {
      // Whatever is wrong with the archive itself is what the drill is to find.
      if (!(error instanceof PerennialError)) throw error;
      return { verdict: 'fail', files: 0, bytes: 0, scored: [], unscored: [], reason: error.message };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  private async restored(model: string, { digest, manifest: expected }: Pick<MadeArchive, 'digest' | 'manifest'>, folder: string, signal: AbortSignal): Promise<DrillOutcome> {
    const names = await unpackTar(await this.store.localPath(digest), folder);
    const bytes = await readFile(join(folder, MANIFEST));
    if (sha256(bytes) !== expected) throw new PerennialError('ArtifactCorrupt', `The manifest of ${digest} is not the one that was recorded (${expected})`);
    const { files, missing } = JSON.parse(bytes.toString('utf8')) as ArchiveManifest;
    if (missing.length > 0) throw new PerennialError('ArtifactMissing', `The archive lacks ${missing.join(', ')}, which could not be read when it was made`);
    const unnamed = names.filter((name) => name !== MANIFEST && !files.some((file) => file.name === name));
    if (unnamed.length > 0) throw new PerennialError('ArtifactCorrupt', `The archive holds ${unnamed.join(', ')}, which its manifest does not name`);
    for (const file of files) await requireSame(join(folder, file.name), file);
    const lacking = (await this.record.required(model)).filter((one) => !files.some(({ name }) => name === restoredName(one)));
    if (lacking.length > 0) throw new PerennialError('ArtifactMissing', `The archive lacks ${lacking.join(', ')}, of what answered last`);
    const [scored, unscored]: [DrillOutcome['scored'][number][], DrillOutcome['unscored'][number][]] = [[], []];
    for (const version of await this.record.champions(model)) {
      const result = await this.score(version, folder, signal);
      if ('reason' in result) unscored.push({ version: version.number, reason: result.reason });
      else scored.push({ version: version.number, ...result });
    }
    const answers = scored.map(({ version, rows }) => `version ${version} answers ${rows} rows as its trainer did`);
    const reason = [`${files.length} files fit their digests`, ...answers, ...unscored.map(({ version, reason: why }) => `version ${version} was not scored: ${why}`)].join('; ');
    return { verdict: 'pass', files: files.length, bytes: files.reduce((sum, file) => sum + file.bytes, 0), scored, unscored, reason };
  }

  /** The restored file, on the rows that its trainer had answered, where they are kept. @throws PerennialError `ParityFailed` */
  private async score({ model, retrain, specDigest, artifactDigest, snapshotDigest }: ModelVersion, folder: string, signal: AbortSignal): Promise<{ rows: number; worstDifference: number } | { reason: string }> {
    const run = await this.record.training.find({ model, number: retrain });
    if (!run?.parityDigest) return { reason: 'its trainer left no predictions' };
    const { manifest } = (await this.record.retrains.snapshot(snapshotDigest));
    const parquetPath = await this.store.localPath(manifest.evaluation.artifact.digest).catch(() => null);
    if (parquetPath === null) return { reason: 'its rows are not kept any more' };
    const parity = JSON.parse(await readFile(join(folder, restoredName(run.parityDigest)), 'utf8')) as TrainerParity;
    const spec = await this.record.models.spec(model, specDigest);
    const ours = await predictFirstRows({
      modelPath: join(folder, restoredName(artifactDigest)), modelDigest: artifactDigest, spec, signal, workDir: this.settings.workDir, parquetPath, rows: parity.values.length,
    });
    return requireParity(ours, parity.values);
  }
}

const restoredName = (digest: string): string => `artifacts/${digest.slice('sha256:'.length)}`;

async function requireSame(path: string, { name, digest, bytes }: ArchiveManifest['files'][number]): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found?.size !== bytes) throw new PerennialError('ArtifactCorrupt', `${name} has ${found?.size ?? 'no'} bytes in the archive instead of ${bytes}`);
  const actual = await fileDigest(path);
  if (actual !== digest) throw new PerennialError('ArtifactCorrupt', `${name} has the digest ${actual} in the archive instead of ${digest}`);
}
