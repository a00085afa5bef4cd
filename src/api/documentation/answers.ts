import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import { FAILURES, type FailureType } from '../../contracts/failures.js';
import { PROBLEM_MEDIA_TYPE } from '../problems/problem-details.js';

export const NDJSON = 'application/x-ndjson';
const PROBLEM_REFERENCE = { $ref: '#/components/schemas/Problem' };

/** Documents what a route answers when all is well. */
export const Answer = (status: number, description: string, schema: z.ZodType) =>
  ApiResponse({ status, description, standardSchema: schema });

/** Documents that a route answers with an HTML page. */
export const Page = (description: string): MethodDecorator => ApiResponse({ status: 200, description, content: { 'text/html': { schema: { type: 'string' } } } });

/** Documents that a route answers with one JSON document a line. */
export const Lines = (description: string): MethodDecorator => ApiResponse({ status: 200, description, content: { [NDJSON]: { schema: { type: 'string' } } } });

/** Documents the kinds of problems of a route, those of one status together. */
export function Problems(...types: FailureType[]): MethodDecorator & ClassDecorator {
  const byStatus = new Map<number, FailureType[]>();
  for (const type of types) byStatus.set(FAILURES[type].status, [...(byStatus.get(FAILURES[type].status) ?? []), type]);
  return applyDecorators(...[...byStatus].map(([status, group]) => ApiResponse({ status, description: describe(group), content: { [PROBLEM_MEDIA_TYPE]: { schema: PROBLEM_REFERENCE } } })));
}

const describe = (types: readonly FailureType[]): string => types.map((type) => `\`${type}\`: ${FAILURES[type].title}.`).join(' ');

/** What every route under /v1 can answer. */
export const CommonProblems = (): ClassDecorator => Problems('InvalidRequest', 'Unauthenticated', 'Internal', 'DependencyUnavailable');

export const Operation = (summary: string, description?: string): MethodDecorator =>
  ApiOperation(description === undefined ? { summary } : { summary, description });

/** The header and the problems of every command. */
export const CommandOperation = (summary: string, description: string): MethodDecorator =>
  applyDecorators(
    ApiOperation({ summary, description }),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'Names this command, so that sending it again has no second effect: 1 to 200 visible ASCII characters. Without one the server makes one; the answer carries it.',
      schema: { type: 'string', minLength: 1, maxLength: 200, pattern: '^[\\x21-\\x7e]+$' },
    }),
    Problems('BodyTooLarge', 'UnsupportedMediaType', 'IdempotencyKeyReused'),
  );
