import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { PerennialError } from '../../contracts/failures.js';
import type { Access } from './access.js';

/** What the caller may do. */
export const CallerAccess = createParamDecorator((_options: unknown, context: ExecutionContext): Access => accessOf(context));

/** The caller's name on the record: that of the principal. */
export const Actor = createParamDecorator((_options: unknown, context: ExecutionContext): string => accessOf(context).caller.name);

function accessOf(context: ExecutionContext): Access {
  const { access } = context.switchToHttp().getRequest<FastifyRequest>();
  if (access === null) throw new PerennialError('Unauthenticated', 'This route needs an API key or an access token');
  return access;
}
