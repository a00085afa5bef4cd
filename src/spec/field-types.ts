import { z } from 'zod';
import { durationMs } from '../contracts/time.js';

export const NAME = /^[a-z][a-z0-9-]{0,62}$/;
const COLUMN = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

export const column = z.string().regex(COLUMN, 'must be a letter or underscore, then letters, digits and underscores, 63 at most');
export const sourceFiles = z.strictObject({
  /** A path or glob, relative to the data folder of the installation (`DATA_DIR`). */
  path: z.string().min(1).max(1_000),
  format: z.enum(['parquet', 'csv']).default('parquet'),
});
export const duration = z.string().refine((text) => durationMs(text) !== undefined, {
  message: 'must be an ISO 8601 duration of weeks, days, hours, minutes or seconds, such as P8W or PT24H',
});
export const positiveDuration = duration.refine((text) => (durationMs(text) ?? 1) > 0, { message: 'must be longer than zero' });
export const share = z.number().min(0).max(1);
