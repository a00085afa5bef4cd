import { copyFile, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { sensitivityOf } from '../src/contracts/masking.js';
import { durationMs } from '../src/contracts/time.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { detectGpus } from '../src/training/gpu.js';
import { trainerCommand, trainerEnvironment } from '../src/training/trainer-command.js';
import { buildTrainerJob, type TrainerJob } from '../src/training/trainer-job.js';
import { runTrainer, type RunTrainerOptions, type TrainerResult } from '../src/training/trainer-process.js';
import { ActivitySettings } from './activity-settings.js';
import { StoreProvider } from './store-provider.js';

/** What is to be trained, and where. */
export interface TrainerRunRequest {
  readonly spec: ModelSpec;
  readonly snapshotDigest: string;
  /** To go on from; null: from the beginning. */
  readonly checkpointDigest: string | null;
  readonly run: TrainerJob['run'];
  /** Of this attempt alone. */
  readonly folder: string;
}

/** The spec's trainer on a snapshot, in the environment and on the devices of this worker. */
@Injectable()
export class TrainerRuns {
  constructor(
    private readonly retrains: RetrainsRepository,
    private readonly settings: ActivitySettings,
    private readonly stores: StoreProvider,
  ) {}

  async prepare({ spec, snapshotDigest, checkpointDigest, run, folder }: TrainerRunRequest): Promise<TrainerJob> {
    const { manifest } = await this.retrains.snapshot(snapshotDigest);
    const { store } = this.stores;
    const [trainPath, evaluationPath, checkpoint] = await Promise.all([
      store.localPath(manifest.train.artifact.digest), store.localPath(manifest.evaluation.artifact.digest), checkpointDigest ? store.localPath(checkpointDigest) : null,
    ]);
    // A trainer gets a copy: what it does to the file must not reach the store.
    const resumeFrom = checkpoint && join(folder, 'resume.checkpoint');
    if (checkpoint && resumeFrom) await copyFile(checkpoint, resumeFrom);
    return buildTrainerJob({ spec, manifest, trainPath, evaluationPath, resumeFrom, workDirectory: folder, run });
  }

  /** @throws PerennialError as `runTrainer` */
  async run(job: TrainerJob, spec: ModelSpec, hooks: Pick<RunTrainerOptions, 'signal' | 'onProgress' | 'onCheckpoint'>): Promise<TrainerResult> {
    const { training } = spec;
    const command = await trainerCommand(this.settings.trainerPython, this.settings.trainersDir, training.trainer);
    const path = this.settings.searchPath;
    const gpus = this.settings.gpuDevices ?? (await detectGpus(path)).map((gpu) => gpu.uuid);
    return runTrainer(job, {
      ...hooks, command, environment: trainerEnvironment({ path, home: homedir(), threads: training.threads, gpus }),
      silenceMs: durationMs(training.silence) as number, timeoutMs: durationMs(training.timeout) as number, discreet: sensitivityOf(spec).columns.size > 0,
    });
  }

  /** Set-up leaves the requirements that it installed inside the environment; one made by hand is taken for the default. */
  async lockedRequirements(): Promise<Buffer> {
    const installed = join(dirname(dirname(this.settings.trainerPython)), 'requirements.lock');
    return readFile(installed).catch(() => readFile(join(this.settings.trainersDir, 'requirements.lock')));
  }
}
