import { join } from 'node:path';
import type { TrainingParts } from '../contracts/artifacts.js';
import { durationMs } from '../contracts/time.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';

export const TRAINER_CONTRACT = 'perennial.trainer/v1';

/** A chunk's seed and sums depend on where it begins: the number is part of what makes a model, and stays. */
const CHECKPOINT_EVERY_ROUNDS = 50;
const PARITY_ROWS = 1_000;

/** What a trainer reads from its job file; docs/TRAINERS.md documents each field. All paths are absolute. */
export interface TrainerJob {
  readonly contract: typeof TRAINER_CONTRACT;
  readonly run: { readonly id: string; readonly attempt: number };
  readonly model: string;
  readonly task: ModelSpec['task'];
  readonly data: {
    readonly train: string;
    readonly label: string;
    readonly eventTime: string;
    readonly key: readonly string[];
    /** Event time: a row trains when its label is there and its event time + horizon is not after this. */
    readonly asOf: string;
    readonly labelHorizonMs: number;
  };
  readonly features: readonly TrainerFeature[];
  readonly parameters: Readonly<Record<string, number | string | boolean>>;
  readonly seed: number;
  readonly threads: number;
  /** The trainer predicts the first `rows` rows of `data`; admission compares the ONNX file's predictions with these. */
  readonly parity: { readonly data: string; readonly rows: number };
  readonly checkpoint: { readonly directory: string; readonly resumeFrom: string | null; readonly everyRounds: number };
  readonly output: { readonly directory: string };
}

export interface TrainerFeature {
  readonly name: string;
  readonly type: FeatureSpec['type'];
  readonly categories?: readonly string[];
}

export interface TrainerJobInput {
  readonly spec: ModelSpec;
  readonly manifest: TrainingParts;
  readonly run: TrainerJob['run'];
  /** The snapshot's two parts on this machine. */
  readonly trainPath: string;
  readonly evaluationPath: string;
  /** A checkpoint of an earlier attempt on this machine. */
  readonly resumeFrom: string | null;
  /** A folder of this attempt alone; `checkpoints` and `output` are made in it. */
  readonly workDirectory: string;
}

export function buildTrainerJob(input: TrainerJobInput): TrainerJob {
  const { spec, manifest } = input;
  return {
    contract: TRAINER_CONTRACT,
    run: input.run,
    model: spec.model,
    task: spec.task,
    data: {
      train: input.trainPath,
      label: spec.data.label,
      eventTime: spec.data.eventTime,
      key: spec.data.key,
      asOf: manifest.asOf,
      labelHorizonMs: durationMs(spec.data.labelHorizon) ?? 0,
    },
    features: spec.data.features.map(trainerFeature),
    parameters: spec.training.parameters,
    seed: spec.training.seed,
    threads: spec.training.threads,
    parity: { data: input.evaluationPath, rows: Math.min(PARITY_ROWS, manifest.evaluation.rows) },
    checkpoint: {
      directory: join(input.workDirectory, 'checkpoints'),
      resumeFrom: input.resumeFrom,
      everyRounds: CHECKPOINT_EVERY_ROUNDS,
    },
    output: { directory: join(input.workDirectory, 'output') },
  };
}

const trainerFeature = (feature: FeatureSpec): TrainerFeature =>
  feature.type === 'category'
    ? { name: feature.name, type: feature.type, categories: feature.categories }
    : { name: feature.name, type: feature.type };
