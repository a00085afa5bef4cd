import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PerennialError } from '../contracts/failures.js';
import type { TrainerJob } from './trainer-job.js';

export const OUTPUT_FILES = { model: 'model.onnx', metrics: 'metrics.json', parity: 'parity.json' } as const;

const MIB = 1024 * 1024;
const MAX_METRICS_BYTES = MIB;
const MAX_PARITY_BYTES = 16 * MIB;

const metricsSchema = z.record(z.string(), z.unknown());
const paritySchema = z.object({ output: z.enum(['probabilities', 'predictions']), rows: z.number().int().min(0), values: z.array(z.number()) });

/** The trainer's own predictions of the job's parity rows, in order; of a binary classifier the positive probability. */
export type TrainerParity = z.output<typeof paritySchema>;

export interface TrainerOutput {
  readonly modelPath: string;
  readonly parityPath: string;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly parity: TrainerParity;
}

/**
 * What a trainer left that ended well. The model itself is judged by admission.
 * @throws PerennialError `TrainerOutputInvalid`, naming the file.
 */
export async function readTrainerOutput(job: TrainerJob): Promise<TrainerOutput> {
  const path = (name: string) => join(job.output.directory, name);
  await requireFile(path(OUTPUT_FILES.model), Number.MAX_SAFE_INTEGER);
  const metrics = await readJson(path(OUTPUT_FILES.metrics), MAX_METRICS_BYTES, metricsSchema);
  const parity = await readJson(path(OUTPUT_FILES.parity), MAX_PARITY_BYTES, paritySchema);
  const output = job.task === 'regression' ? 'predictions' : 'probabilities';
  if (parity.output !== output) refuse(path(OUTPUT_FILES.parity), `holds ${parity.output} where a ${job.task} model gives ${output}`);
  if (parity.rows !== job.parity.rows || parity.values.length !== job.parity.rows) {
    refuse(path(OUTPUT_FILES.parity), `holds ${parity.values.length} predictions where the job asks for ${job.parity.rows}`);
  }
  return { modelPath: path(OUTPUT_FILES.model), parityPath: path(OUTPUT_FILES.parity), metrics, parity };
}

async function readJson<T>(path: string, maxBytes: number, schema: z.ZodType<T>): Promise<T> {
  await requireFile(path, maxBytes);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    refuse(path, `is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) refuse(path, `is not what the contract asks: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

async function requireFile(path: string, maxBytes: number): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) refuse(path, 'is missing');
  if (!found.isFile()) refuse(path, 'is not a plain file');
  if (found.size === 0) refuse(path, 'is empty');
  if (found.size > maxBytes) refuse(path, `has ${found.size} bytes; ${maxBytes} are the most`);
}

function refuse(path: string, fault: string): never {
  const file = path.slice(path.lastIndexOf('/') + 1);
  throw new PerennialError('TrainerOutputInvalid', `The trainer ended well, but its ${file} ${fault}`, { file, path });
}
