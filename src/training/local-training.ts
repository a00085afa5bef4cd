import { mkdtemp } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactStore } from '../artifacts/artifact-store.js';
import type { TrainingParts } from '../contracts/artifacts.js';
import { sensitivityOf } from '../contracts/masking.js';
import { durationMs } from '../contracts/time.js';
import type { TrainingProgress } from '../contracts/training.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { detectGpus } from './gpu.js';
import { trainerCommand, trainerEnvironment } from './trainer-command.js';
import { buildTrainerJob } from './trainer-job.js';
import { runTrainer, type TrainerResult } from './trainer-process.js';

/** Where trainers are on this machine. */
export interface LocalTrainers {
  readonly python: string;
  /** The folder in which specs name a trainer. */
  readonly folder: string;
  /** PATH that trainers get. */
  readonly searchPath: string;
  /** GPUs that trainers may use; undefined: all that are found. */
  readonly gpus: readonly string[] | undefined;
}

export interface LocalTraining {
  readonly spec: ModelSpec;
  readonly manifest: TrainingParts;
  /** Holds the parts of the snapshot. */
  readonly store: ArtifactStore;
  /** Scratch space: what the trainer leaves stays there for whoever removes the folder. */
  readonly workDir: string;
  /** Of the run, for the trainer's log. */
  readonly id: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: TrainingProgress) => void;
}

/** The trainer of a spec, ready to start. @throws PerennialError `TrainerMissing` where the trainer or its Python environment is not there */
export const requireTrainer = ({ python, folder }: LocalTrainers, { training }: Pick<ModelSpec, 'training'>): Promise<readonly string[]> => trainerCommand(python, folder, training.trainer);

/**
 * Trains once in this process's care, without a lease, a record and a second attempt; no trainer is left when it settles.
 * @returns what the trainer left in `workDir`
 * @throws PerennialError as {@link runTrainer}
 */
export async function trainLocally(trainers: LocalTrainers, { spec, manifest, store, workDir, id, signal, onProgress }: LocalTraining): Promise<TrainerResult> {
  const command = await requireTrainer(trainers, spec);
  const folder = await mkdtemp(join(workDir, 'train-'));
  const [trainPath, evaluationPath] = await Promise.all([store.localPath(manifest.train.artifact.digest), store.localPath(manifest.evaluation.artifact.digest)]);
  const job = buildTrainerJob({ spec, manifest, trainPath, evaluationPath, resumeFrom: null, workDirectory: folder, run: { id, attempt: 1 } });
  const gpus = trainers.gpus ?? (await detectGpus(trainers.searchPath)).map(({ uuid }) => uuid);
  return runTrainer(job, {
    command, environment: trainerEnvironment({ path: trainers.searchPath, home: homedir(), threads: spec.training.threads, gpus }),
    silenceMs: durationMs(spec.training.silence) as number, timeoutMs: durationMs(spec.training.timeout) as number, discreet: sensitivityOf(spec).columns.size > 0, signal, onProgress,
    onCheckpoint: () => Promise.resolve(),
  });
}
