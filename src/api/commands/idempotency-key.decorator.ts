import { randomUUID } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { invalid } from '../requests/validation.pipe.js';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,200}$/;

/** The caller's `Idempotency-Key`, or one of ours; the answer's header names it either way. */
export const IdempotencyKey = createParamDecorator((_options: unknown, context: ExecutionContext): string => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const given = request.headers['idempotency-key'];
  const key = given === undefined ? randomUUID() : String(given);
  if (!VISIBLE_ASCII.test(key)) {
    throw invalid([{ path: 'header.Idempotency-Key', message: 'must be 1 to 200 visible ASCII characters, without spaces' }]);
  }
  void context.switchToHttp().getResponse<FastifyReply>().header('idempotency-key', key);
  return key;
});
