import { z } from 'zod';
import { durationMs } from '../contracts/time.js';

export const duration = z.string().refine((text) => durationMs(text) !== undefined, {
  message: 'must be an ISO 8601 duration of weeks, days, hours, minutes or seconds, such as P8W or PT24H',
});
export const positiveDuration = duration.refine((text) => (durationMs(text) ?? 1) > 0, { message: 'must be longer than zero' });
export const share = z.number().min(0).max(1);
