import { HttpException } from '@nestjs/common';
import { z } from 'zod';
import { FAILURES, type FailureType, PerennialError } from '../../contracts/failures.js';
import { isDatabaseAway } from '../../registry/database-errors.js';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** An error as RFC 9457 has it. Members beyond these explain the occurrence, such as `faults` or `violations`. */
export const problemSchema = z
  .looseObject({
    type: z.string().meta({ description: 'Names the kind of problem and never changes.', examples: ['urn:perennial:SpecInvalid'] }),
    title: z.string().meta({ description: 'A short headline of the kind.', examples: ['The model spec has faults'] }),
    status: z.int().meta({ description: 'The HTTP status.', examples: [422] }),
    detail: z.string().meta({ description: 'What is wrong this time and how to mend it.' }),
    instance: z.string().meta({ description: 'The path of the request.', examples: ['/v1/models'] }),
  })
  .meta({ id: 'Problem', description: 'An error (RFC 9457). Further members explain it, such as `faults` with the path of each.' });

export type Problem = z.output<typeof problemSchema>;

const TYPE_PREFIX = 'urn:perennial:';
const MAX_DETAIL = 4_000;
const RESERVED = new Set(['type', 'title', 'status', 'detail', 'instance']);

/** The problem detail of a failure. Details that would hide a member of the standard are left out. */
export function problemOf(failure: PerennialError, instance: string): Problem {
  const kind = FAILURES[failure.type];
  const details = Object.fromEntries(Object.entries(failure.details).filter(([name]) => !RESERVED.has(name)));
  return { type: TYPE_PREFIX + failure.type, title: kind.title, status: kind.status, detail: shortened(failure.message), instance, ...details };
}

const shortened = (text: string): string => (text.length <= MAX_DETAIL ? text : `${text.slice(0, MAX_DETAIL)}…`);

/** What the framework could not take, by its status or by the code of its router. */
const FRAMEWORK_FAILURES: Readonly<Record<string, readonly [FailureType, string]>> = {
  404: ['NotFound', 'There is no such route; /docs lists all of them'],
  413: ['BodyTooLarge', 'The body is larger than 1 MiB; send less at once'],
  415: ['UnsupportedMediaType', 'Send application/json with a Content-Type that says so; a spec may also come as application/yaml'],
  FST_ERR_BAD_URL: ['InvalidRequest', 'The URL has a percent escape that stands for nothing'],
  FST_ERR_MAX_PARAM_LENGTH: ['InvalidRequest', 'A part of the path is too long'],
};

/**
 * Any error as one of ours: what a caller did wrong keeps its reason, what we did wrong says nothing of the inside.
 */
export function failureOf(error: unknown): PerennialError {
  if (error instanceof PerennialError) return error;
  if (isDatabaseAway(error)) return new PerennialError('DependencyUnavailable', 'The registry (PostgreSQL) does not answer; try again shortly', { dependency: 'postgres' }, { cause: error });
  const status = statusOf(error);
  const known = FRAMEWORK_FAILURES[codeOf(error) ?? ''] ?? FRAMEWORK_FAILURES[String(status)];
  if (known) return new PerennialError(known[0], known[1]);
  if (status !== undefined && status >= 400 && status < 500) {
    return new PerennialError('InvalidRequest', error instanceof Error ? error.message : 'The request is not valid');
  }
  return new PerennialError('Internal', 'Something unexpected went wrong here; the log of the API says more', {}, { cause: error });
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  const status: unknown = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}
