import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { sha256 } from '../src/contracts/canonical.js';
import { SOURCE_GATEWAY } from '../src/contracts/observed-source.js';
import { type HashedFile, hashSourceFile, type SourceFile as ListedFile, stampOf } from '../src/data/source-files.js';
import { predictEveryRow } from '../src/evaluation/scoring.js';
import { type SourceSection, stageSource, type StagedSource } from '../src/observations/observed-source.js';
import { writeSourceLabels, writeSourceObservations } from '../src/observations/source-observations.js';
import { SYSTEM_ACTOR } from '../src/registry/audit-ledger.js';
import type { Routing } from '../src/registry/entities/routing.entity.js';
import type { SourceFile } from '../src/registry/entities/source-file.entity.js';
import { LabelsRepository } from '../src/registry/labels.repository.js';
import { ObservationsRepository } from '../src/registry/observations.repository.js';
import { SourceFilesRepository } from '../src/registry/source-files.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { StoreProvider } from './store-provider.js';

/** A deployment whose source is read, with its champion. */
export interface ObservedDeployment {
  readonly routing: Routing;
  readonly champion: number;
  readonly section: SourceSection;
  /** Of the champion: its features are read. */
  readonly spec: ModelSpec;
  /** The column of the business outcome. */
  readonly outcome: string | null;
  /** Whether the spec in force lets inputs be kept. */
  readonly observeInputs: boolean;
}

interface Reading extends ObservedDeployment {
  readonly staged: StagedSource;
  readonly boot: string;
  readonly readAt: Date;
  readonly scratch: string;
}

/** Brings a file of a source into the observation log, as if a gateway had answered its rows. */
@Injectable()
export class SourceObserver {
  constructor(
    private readonly files: SourceFilesRepository,
    private readonly observations: ObservationsRepository,
    private readonly labels: LabelsRepository,
    private readonly versions: VersionsRepository,
    private readonly settings: ActivitySettings,
    private readonly stores: StoreProvider,
  ) {}

  /**
   * Each step may be done again with the same result: the file is noted last.
   * @returns null where the file is known as it is @throws PerennialError `DataInvalid`, `DataUnreadable`, `ScoringFailed`
   */
  async observe(deployment: ObservedDeployment, listed: ListedFile, signal: AbortSignal): Promise<Pick<SourceFile, 'rows' | 'labelled'> | null> {
    const { routing: { model, deployment: name }, section } = deployment;
    const id = { model, deployment: name, name: listed.name };
    const newest = await this.files.newest(id);
    if (newest && newest.stamp === (await stampOf(listed.path).catch(() => ''))) return null;
    const file = await hashSourceFile(listed, section.format, signal, 'monitoring.source');
    const { digest, bytes, stamp } = file;
    const known = newest ?? (await this.files.findStanding(model, name, digest));
    const same = known?.digest === digest ? known : null;
    const found = same ? { boot: same.boot, rows: 0, labelled: 0 } : await this.read(deployment, file, signal);
    await this.files.add({ ...id, stamp, digest, bytes, readAt: new Date(), ...found }, origin());
    return same ? null : found;
  }

  private async read(deployment: ObservedDeployment, file: HashedFile, signal: AbortSignal): Promise<Pick<SourceFile, 'rows' | 'labelled' | 'boot'>> {
    const { routing: { model, deployment: served }, section, outcome, spec } = deployment;
    await mkdir(this.settings.workDir, { recursive: true });
    const scratch = await mkdtemp(join(this.settings.workDir, 'source-'));
    try {
      const earlier = await Promise.all((await this.files.observationsOf({ model, deployment: served, name: file.name, digest: file.digest })).map(({ digest }) => this.stores.store.localPath(digest)));
      const staged = await stageSource({ spec, section, outcome, file, earlier, scratch, dataDir: this.settings.dataDir, workDir: this.settings.workDir, signal });
      // The same when it is done again, and another where the file is what it was before something else.
      const readings = await this.files.readings(model, served, file.digest);
      const boot = sha256(`${model}/${served}/${file.digest}${readings > 0 ? `/${readings}` : ''}`).slice(-BOOT_CHARACTERS);
      const reading: Reading = { ...deployment, staged, boot, readAt: new Date(), scratch };
      return { boot, rows: await this.addObservations(reading, signal), labelled: await this.addLabels(reading, signal) };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  private async addObservations(reading: Reading, signal: AbortSignal): Promise<number> {
    const { staged, routing: { model, epoch, revision }, champion: version, boot, readAt, scratch } = reading;
    const { store } = this.stores;
    const outputs = reading.section.output === undefined ? await this.answers(reading, signal) : null;
    const written = await writeSourceObservations(staged.fresh, { ...reading, model, champion: { version, epoch, revision }, outputs, receivedAtMs: readAt.getTime(), scratch, signal });
    if (!written) return 0;
    const { path, ...file } = written;
    const [raw, observed] = [await store.putFile(staged.fresh), await store.putFile(path)];
    const segment = { gateway: SOURCE_GATEWAY, boot, segment: 1, observations: file.rows, mirrored: 0, firstEventMs: file.firstEventMs, lastEventMs: file.lastEventMs, sealedAt: readAt };
    await this.observations.addConverted({ ...segment, ...raw }, { ...file, ...observed });
    return file.rows;
  }

  private async answers({ routing: { model }, champion, spec, staged }: Reading, signal: AbortSignal): Promise<Float32Array> {
    const { artifactDigest } = await this.versions.get(model, champion);
    const modelPath = await this.stores.store.localPath(artifactDigest);
    return predictEveryRow({ modelPath, modelDigest: artifactDigest, spec, parquetPath: staged.fresh, workDir: this.settings.workDir, signal });
  }

  /** Of all rows: a file that comes again may have more labels, or corrected ones. */
  private async addLabels({ routing: { model, deployment }, boot, spec, outcome, staged, scratch }: Reading, signal: AbortSignal): Promise<number> {
    const path = join(scratch, 'labels.parquet');
    const labelled = await writeSourceLabels(staged.path, { spec, outcome, scratch, path, signal });
    if (labelled === 0) return 0;
    const artifact = await this.stores.store.putFile(path);
    await this.labels.receive({ actor: SYSTEM_ACTOR, idempotencyKey: `source/${model}/${deployment}/${boot}/${artifact.digest}`, model, deployment, format: 'parquet', artifact }, new Date());
    return labelled;
  }
}

const BOOT_CHARACTERS = 32;
