import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { PerennialError } from '../../contracts/failures.js';

/** The caller's name on the record: that of the API key. */
export const Actor = createParamDecorator((_options: unknown, context: ExecutionContext): string => {
  const { actor } = context.switchToHttp().getRequest<FastifyRequest>();
  if (actor === null) throw new PerennialError('Unauthenticated', 'This route needs an API key');
  return actor;
});
