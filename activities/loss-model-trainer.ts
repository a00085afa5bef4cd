import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { type LossLabel, lossModelSpec, MOST_TRAINING_ROWS, trainLossModel } from '../src/drift/loss-model.js';
import { writeLossRows } from '../src/drift/loss-rows.js';
import { predictEveryRow } from '../src/evaluation/scoring.js';
import { trainLocally } from '../src/training/local-training.js';
import { ActivitySettings } from './activity-settings.js';
import type { JudgedVersion } from './judged-versions.js';
import { StoreProvider } from './store-provider.js';

export interface LossLesson {
  readonly judged: JudgedVersion;
  readonly label: LossLabel;
  /** Of the rows that judged the version, those to learn from. */
  readonly from: (row: number) => boolean;
  /** For the trainer's log. */
  readonly id: string;
  readonly signal: AbortSignal;
}

/** Trains the models that predict a version's errors (drift/loss-model.ts), on this machine and in the activity that asks. */
@Injectable()
export class LossModelTrainer {
  constructor(
    private readonly settings: ActivitySettings,
    private readonly stores: StoreProvider,
  ) {}

  /** @returns the digest of the model, and how many rows taught it @throws PerennialError as the trainer, the admission and the scoring do */
  train({ judged: { spec, rows, parquetPath, asOf }, label, from, id, signal }: LossLesson): Promise<{ readonly digest: string; readonly rows: number }> {
    return this.within(async (scratch) => {
      const { path, places } = await writeLossRows({ file: { spec, parquetPath, asOf, signal }, judged: rows, wanted: from, most: MOST_TRAINING_ROWS, scratch });
      const { trainerPython: python, trainersDir: folder, searchPath } = this.settings;
      // Small trees need no GPU, and those of this machine are leased to trainings.
      const train: Parameters<typeof trainLossModel>[0]['train'] = (training) => trainLocally({ python, folder, searchPath, gpus: [] }, training);
      const model = await trainLossModel({ spec, label, parquetPath: path, rows: places.length, asOf, workDir: join(scratch, 'training'), id, train, signal });
      return { digest: (await this.stores.store.putFile(model)).digest, rows: places.length };
    });
  }

  /** What a model predicts of every row that judged the version; NaN where it has no output. */
  predict({ spec, rows, parquetPath, asOf }: JudgedVersion, label: LossLabel, modelDigest: string, signal: AbortSignal): Promise<Float64Array> {
    return this.within(async (scratch) => {
      const { path, places } = await writeLossRows({ file: { spec, parquetPath, asOf, signal }, judged: rows, wanted: () => true, most: Infinity, scratch });
      const modelPath = await this.stores.store.localPath(modelDigest);
      const predicted = await predictEveryRow({ modelPath, modelDigest, spec: lossModelSpec(spec, label), workDir: scratch, signal, parquetPath: path });
      const losses = new Float64Array(rows.labels.length).fill(NaN);
      places.forEach((row, place) => {
        losses[row] = predicted[place]!;
      });
      return losses;
    });
  }

  private async within<T>(work: (scratch: string) => Promise<T>): Promise<T> {
    const scratch = await mkdtemp(join(this.settings.workDir, 'losses-'));
    try {
      return await work(scratch);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
}
