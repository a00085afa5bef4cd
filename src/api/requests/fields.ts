import { z } from 'zod';
import { DEFAULT_DEPLOYMENT } from '../../contracts/motion.js';
import { isStorable } from '../../contracts/storable-text.js';
import { isoTime } from '../../contracts/time.js';
import { modelSpecSchema } from '../../spec/model-spec.js';

export const MAX_INTEGER = 2 ** 31 - 1;
const EARLIEST_MS = Date.UTC(1900, 0, 1);
const LATEST_MS = Date.UTC(2200, 0, 1);
const ISO_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** Text of a person, as PostgreSQL can keep it. */
export const text = (max: number) =>
  z.string().min(1, 'must not be empty').max(max, `must have at most ${max} characters`)
    .refine(isStorable, { message: 'holds a control character or half a surrogate pair' });

/** The one pattern of model names is the spec's. */
export const modelName = modelSpecSchema.shape.model.meta({ description: "The model's name, from its spec.", examples: ['flight-delay'] });

export const deploymentName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens, beginning with a letter, 63 at most')
  .meta({ description: `A place where the model answers; \`${DEFAULT_DEPLOYMENT}\` where none is named.`, examples: [DEFAULT_DEPLOYMENT] });

export const digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hexadecimal digits in lower case')
  .meta({ examples: [`sha256:${'0'.repeat(64)}`] });

/**
 * An ISO 8601 date with or without a time of day, 1900 to 2199; a date alone is its midnight in UTC.
 * Yields ISO 8601 in UTC with milliseconds.
 */
export const time = z
  .string()
  .meta({ format: 'date-time', examples: ['2013-04-01T00:00:00Z'] })
  .transform((value, context) => {
    const ms = ISO_TIME.test(value) && isCalendarDay(value) ? Date.parse(value) : Number.NaN;
    if (ms >= EARLIEST_MS && ms < LATEST_MS) return isoTime(ms);
    const hint = value.includes(' ') ? '; write the + of an offset as %2B in a URL' : '';
    context.addIssue({ code: 'custom', message: `must be an ISO 8601 time from 1900 to 2199, such as 2013-04-01 or 2013-04-01T00:00:00Z${hint}` });
    return z.NEVER;
  });

/** `Date.parse` lets 30 February pass as 2 March. */
function isCalendarDay(value: string): boolean {
  const [year, month, day] = value.slice(0, 10).split('-').map(Number) as [number, number, number];
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** What a whole number in a URL is written as; its documentation calls it an integer. */
export const NUMBER_TEXT = /^\d{1,16}$/;

const wholeNumber = (min: number, max: number) => `must be a whole number from ${min} to ${max}`;

/** A whole number in a path or a query, where everything is text. */
export const numberInUrl = (min: number, max: number) =>
  z.string().regex(NUMBER_TEXT, wholeNumber(min, max)).meta({ minimum: min, maximum: max }).transform(Number)
    .refine((value) => value >= min && value <= max, { message: wholeNumber(min, max) });

/** The same in a JSON body. */
export const integer = (min: number, max: number) =>
  z.int({ error: wholeNumber(min, max) }).min(min, wholeNumber(min, max)).max(max, wholeNumber(min, max));

export const limit = numberInUrl(1, 500).default(50).meta({ description: 'The most that are returned, 1 to 500; 50 where it is not given.' });

export const modelPath = z.strictObject({ model: modelName });
export const noQuery = z.strictObject({});
export const listQuery = z.strictObject({ limit });
