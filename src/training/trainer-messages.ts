import { z } from 'zod';

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const metrics = z.record(z.string().max(200), z.number().nullable());

const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), done: count, total: count.min(1), metrics: metrics.optional() }),
  /** `file`: a name in the job's checkpoint folder; never a path. */
  z.object({ type: z.literal('checkpoint'), file: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/), done: count }),
  z.object({ type: z.literal('log'), level: z.enum(['info', 'warning', 'error']), message: z.string() }),
  z.object({ type: z.literal('result'), device: z.string().min(1).max(100), versions: z.record(z.string().max(100), z.string().max(100)) }),
]);

/** One line of a trainer's stdout. */
export type TrainerMessage = z.output<typeof message>;

/** @returns undefined when the line is none that the contract knows. */
export function parseTrainerLine(line: string): TrainerMessage | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return message.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
