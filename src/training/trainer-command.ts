import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PerennialError } from '../contracts/failures.js';

/**
 * The command that starts a trainer of `trainers/`.
 * @param python - Path of the interpreter.
 * @param name - The trainer's folder, as the spec's `training.trainer` says.
 * @throws PerennialError `TrainerMissing`
 */
export async function trainerCommand(python: string, trainersFolder: string, name: string): Promise<readonly string[]> {
  const script = join(trainersFolder, name, 'train.py');
  // Python's own exit code for a script that is not there is 2, which would pass for a refused job.
  await requireFile(script, `There is no trainer ${name}: ${script} is missing; training.trainer must name a folder of trainers/ with a train.py`);
  await requireFile(python, `${python} is missing: the trainers' Python environment, which \`npm start\` makes; one that you make from trainers/requirements.lock is named by TRAINER_PYTHON`);
  return [python, script];
}

async function requireFile(path: string, message: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new PerennialError('TrainerMissing', message, { path });
}

export interface TrainerEnvironmentInput {
  readonly path: string;
  readonly home: string;
  readonly threads: number;
  /** Indices or UUIDs of the GPUs that it may use; none: it sees no GPU. */
  readonly gpus: readonly string[];
}

/** All that a trainer gets to see of our environment. */
export function trainerEnvironment(input: TrainerEnvironmentInput): Record<string, string> {
  const threads = String(input.threads);
  return {
    PATH: input.path,
    HOME: input.home,
    LANG: 'C.UTF-8',
    // Threads that wait actively slow each other down by multiples on busy cores.
    OMP_WAIT_POLICY: 'passive',
    OMP_NUM_THREADS: threads,
    OPENBLAS_NUM_THREADS: threads,
    MKL_NUM_THREADS: threads,
    CUDA_VISIBLE_DEVICES: input.gpus.join(','),
    PYTHONHASHSEED: '0',
    PYTHONNOUSERSITE: '1',
  };
}
