import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { Context } from '@temporalio/activity';
import { Injectable } from '@nestjs/common';
import type { ArtifactStore } from '../src/artifacts/artifact-store.js';
import { sha256 } from '../src/contracts/canonical.js';
import { PerennialError } from '../src/contracts/failures.js';
import { retrainWorkflowId } from '../src/contracts/motion.js';
import type { RetrainId, TrainingSummary } from '../src/contracts/retrains.js';
import { sensitivityOf } from '../src/contracts/masking.js';
import { durationMs } from '../src/contracts/time.js';
import type { TrainingProgress } from '../src/contracts/training.js';
import type { Retrain } from '../src/registry/entities/retrain.entity.js';
import type { TrainingRun } from '../src/registry/entities/training-run.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { type HeldLease, TrainingRepository } from '../src/registry/training.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { detectGpus } from '../src/training/gpu.js';
import { trainerCommand, trainerEnvironment } from '../src/training/trainer-command.js';
import { buildTrainerJob, type TrainerJob } from '../src/training/trainer-job.js';
import { runTrainer, type TrainerResult } from '../src/training/trainer-process.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { StoreProvider } from './store-provider.js';

/** A trainer that fails on its own is tried this often; more would only hide a fault. */
const TRAINER_ATTEMPTS = 3;
const PROGRESS_EVERY_MS = 500;

/** Training under a lease with a fencing token: of two attempts at once only the later one can write. */
@Injectable()
export class TrainingActivities {
  private readonly store: ArtifactStore;

  constructor(
    private readonly models: ModelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly training: TrainingRepository,
    private readonly settings: ActivitySettings,
    stores: StoreProvider,
  ) {
    this.store = stores.store;
  }

  /** Trains, going on from the last checkpoint that an earlier attempt put on the record. */
  async train(id: RetrainId): Promise<TrainingSummary> {
    const finished = await this.training.find(id);
    if (finished?.modelDigest) return summaryOf(finished);
    await this.retrains.enterStage(id, 'train');
    const retrain = await this.retrains.get(id);
    const spec = await this.models.spec(id.model, retrain.specDigest);
    const { lease, run } = await this.begin(id, retrain, spec);
    await mkdir(this.settings.workDir, { recursive: true });
    const folder = await mkdtemp(join(this.settings.workDir, `train-${id.model}-${id.number}-${lease.token}-`));
    try {
      const job = await this.prepareJob(retrain, spec, run, folder);
      const result = await this.runAttempt(job, spec, lease);
      await this.publish(lease, result);
      return summaryOf((await this.training.find(id)) as TrainingRun);
    } catch (error) {
      throw withAttempts(error);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  private async begin(id: RetrainId, retrain: Retrain, spec: ModelSpec): Promise<{ lease: HeldLease; run: TrainingRun }> {
    const { trainer, parameters, seed } = spec.training;
    const codeDigest = await folderDigest(this.settings.trainersDir, [trainer, 'perennial_trainer']);
    const start = { trainer, parameters, seed, specDigest: retrain.specDigest, snapshotDigest: retrain.snapshotDigest as string, codeDigest };
    const holder = `${this.settings.identity} attempt ${Context.current().info.attempt}`;
    return this.training.begin(id, start, holder, new Date());
  }

  private async prepareJob(retrain: Retrain, spec: ModelSpec, run: TrainingRun, folder: string): Promise<TrainerJob> {
    const { manifest } = await this.retrains.snapshot(run.snapshotDigest);
    const [trainPath, evaluationPath, checkpoint] = await Promise.all([
      this.store.localPath(manifest.train.artifact.digest),
      this.store.localPath(manifest.evaluation.artifact.digest),
      run.checkpointDigest ? this.store.localPath(run.checkpointDigest) : null,
    ]);
    // A trainer gets a copy: what it does to the file must not reach the store.
    const resumeFrom = checkpoint && join(folder, 'resume.checkpoint');
    if (checkpoint && resumeFrom) await copyFile(checkpoint, resumeFrom);
    return buildTrainerJob({
      spec, manifest, trainPath, evaluationPath, resumeFrom, workDirectory: folder,
      run: { id: retrainWorkflowId(retrain.model, retrain.number), attempt: run.attempts },
    });
  }

  private async runAttempt(job: TrainerJob, spec: ModelSpec, lease: HeldLease): Promise<TrainerResult> {
    const command = await trainerCommand(this.settings.trainerPython, this.settings.trainersDir, spec.training.trainer);
    const path = this.settings.searchPath;
    const gpus = this.settings.gpuDevices ?? (await detectGpus(path)).map((gpu) => gpu.uuid);
    return heartbeating(async (signal, beat) => {
      const fenced = new AbortController();
      const progress = new ProgressRecorder((latest) => this.training.recordProgress(lease, latest), (error) => fenced.abort(error));
      const result = await runTrainer(job, {
        command,
        environment: trainerEnvironment({ path, home: homedir(), threads: spec.training.threads, gpus }),
        silenceMs: durationMs(spec.training.silence) as number,
        timeoutMs: durationMs(spec.training.timeout) as number,
        discreet: sensitivityOf(spec).columns.size > 0,
        signal: AbortSignal.any([signal, fenced.signal]),
        onProgress: (latest) => {
          beat(latest);
          progress.take(latest);
        },
        onCheckpoint: async ({ path: file, done }) => this.training.recordCheckpoint(lease, await this.store.putFile(file), done),
      });
      await progress.settle();
      return result;
    });
  }

  private async publish(lease: HeldLease, result: TrainerResult): Promise<void> {
    const [model, parity, requirements] = await Promise.all([
      this.store.putFile(result.modelPath),
      this.store.putFile(result.parityPath),
      this.lockedRequirements(),
    ]);
    const environment = { requirementsDigest: sha256(requirements), device: result.device, libraries: result.versions, host: hostname() };
    await this.training.publish(lease, { model, parity, metrics: { ...result.metrics, durationMs: result.durationMs }, environment }, new Date(), origin());
  }

  /** Set-up leaves the requirements that it installed inside the environment; one made by hand is taken for the default. */
  private async lockedRequirements(): Promise<Buffer> {
    const installed = join(dirname(dirname(this.settings.trainerPython)), 'requirements.lock');
    return readFile(installed).catch(() => readFile(join(this.settings.trainersDir, 'requirements.lock')));
  }
}

/** Writes the newest progress now and then; a lost lease ends the trainer, a database that is away does not. */
class ProgressRecorder {
  private writing: Promise<void> = Promise.resolve();
  private lastMs = 0;

  constructor(
    private readonly write: (progress: TrainingProgress) => Promise<void>,
    private readonly fence: (error: PerennialError) => void,
  ) {}

  take(progress: TrainingProgress): void {
    const now = Date.now();
    if (now - this.lastMs < PROGRESS_EVERY_MS && progress.done < progress.total) return;
    this.lastMs = now;
    this.writing = this.writing
      .then(() => this.write(progress))
      .catch((error: unknown) => {
        if (error instanceof PerennialError && error.type === 'LeaseLost') this.fence(error);
      });
  }

  async settle(): Promise<void> {
    await this.writing;
  }
}

const summaryOf = (run: TrainingRun): TrainingSummary => ({
  modelDigest: run.modelDigest as string,
  device: run.environment?.device ?? 'unknown',
  attempts: run.attempts,
});

/** A trainer that fails again and again is not tried for ever. */
function withAttempts(error: unknown): unknown {
  const { attempt } = Context.current().info;
  if (!(error instanceof PerennialError) || attempt < TRAINER_ATTEMPTS) return error;
  if (error.type !== 'TrainerFailed' && error.type !== 'TrainerHung') return error;
  return new PerennialError(error.type, `${error.message} (${attempt} attempts)`, { ...error.details, attempts: attempt, final: true });
}

/** Digest over names and bytes of the trainer's sources. */
async function folderDigest(root: string, folders: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of folders) {
    const names = await readdir(join(root, folder), { recursive: true }).catch(() => []);
    for (const name of names.filter((file) => file.endsWith('.py')).sort()) {
      const file = join(root, folder, name);
      hash.update(`${relative(root, file)}\0`).update(await readFile(file)).update('\0');
    }
  }
  return `sha256:${hash.digest('hex')}`;
}
