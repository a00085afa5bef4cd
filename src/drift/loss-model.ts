import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FolderStore } from '../artifacts/folder-store.js';
import type { TrainingParts } from '../contracts/artifacts.js';
import type { TrainingProgress } from '../contracts/training.js';
import { admitModel } from '../evaluation/onnx-admission.js';
import { requireParity } from '../evaluation/parity.js';
import { predictFirstRows } from '../evaluation/scoring.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import type { TrainOnce } from './backtest-trainings.js';

/**
 * The second model of direct loss estimation (direct-loss-estimate.ts): from a row's inputs, as the model takes them, and its output it predicts the row's loss. It is
 * made like any model, by the reference trainer, and admitted like one.
 */
export type LossLabel = 'absolute error' | 'squared error';

/** No column of a spec has a space in its name. */
export const LOSS_LABELS: readonly LossLabel[] = ['absolute error', 'squared error'];
export const MODEL_OUTPUT = 'model output';
export const LOSS_TIME = 'event time';
export const LOSS_PLACE = 'row place';

/** Few shallow trees: they find where errors are larger, and hardly learn single rows. Squared error, for it is the mean that is estimated. */
const PARAMETERS = { rounds: 60, max_depth: 3, learning_rate: 0.1, min_child_weight: 20, objective: 'reg:squarederror', device: 'cpu' };
/** Of the baseline, one in some so that no more train; the estimate's own error is far smaller by then. */
export const MOST_TRAINING_ROWS = 200_000;

/** Inputs enter as the numbers that the model gets: of a category the place in its list. */
export function lossModelSpec(spec: ModelSpec, label: LossLabel): ModelSpec {
  const number = (name: string): FeatureSpec => ({ name, type: 'number', maxMissing: 1 });
  return {
    ...spec, task: 'regression',
    data: { ...spec.data, label, eventTime: LOSS_TIME, key: [LOSS_PLACE], labelHorizon: 'PT0S', features: [...spec.data.features.map(({ name }) => number(name)), number(MODEL_OUTPUT)] },
    training: { ...spec.training, trainer: 'xgboost', parameters: PARAMETERS, threads: 1, timeout: 'PT5M', silence: 'PT1M' },
    evaluation: { ...spec.evaluation, slices: [] },
  };
}

export interface LossTraining {
  readonly spec: ModelSpec;
  readonly label: LossLabel;
  /** Parquet as loss-rows.ts writes it. */
  readonly parquetPath: string;
  readonly rows: number;
  /** ISO 8601, after all rows. */
  readonly asOf: string;
  /** A folder of this training alone; what is made in it is left there. */
  readonly workDir: string;
  readonly id: string;
  readonly train: TrainOnce;
  readonly signal: AbortSignal;
}

/** @returns an admitted ONNX file in `workDir` @throws PerennialError as the trainer, the admission and the scoring do */
export async function trainLossModel({ spec: modelSpec, label, parquetPath, rows, asOf, workDir, id, train, signal }: LossTraining): Promise<string> {
  const spec = lossModelSpec(modelSpec, label);
  await mkdir(workDir, { recursive: true });
  const store = new FolderStore(join(workDir, 'artifacts'));
  const part = { artifact: await store.putFile(parquetPath), rows, labelledRows: rows, window: { start: asOf, end: asOf } };
  const manifest: TrainingParts = { asOf, train: part, evaluation: part };
  const { modelPath, parity } = await train({ spec, manifest, store, workDir, id, signal, onProgress: (_: TrainingProgress) => undefined });
  const { digest: modelDigest } = await admitModel(modelPath, spec);
  requireParity(await predictFirstRows({ modelPath, modelDigest, spec, workDir, signal, parquetPath, rows: parity.values.length }), parity.values);
  return modelPath;
}
