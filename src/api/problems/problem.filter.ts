import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FAILURES } from '../../contracts/failures.js';
import { failureOf, PROBLEM_MEDIA_TYPE, problemOf } from './problem-details.js';

/** Answers every error with a problem detail; logs what we did wrong, without headers, bodies and queries. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Api');

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (reply.sent || reply.raw.headersSent) return;
    const failure = failureOf(error);
    const problem = problemOf(failure, pathOf(request.url));
    if (failure.type === 'Internal') this.logger.error(`${request.method} ${pathOf(request.url)}: ${describe(error)}`);
    if (failure.type === 'Unauthenticated') void reply.header('www-authenticate', 'Bearer realm="perennial"');
    if (FAILURES[failure.type].status === 503) void reply.header('retry-after', '1');
    // Fastify would end the connection under a caller who still sends, and the answer would be lost with it: he is heard out, within the request's timeout.
    if (!request.raw.complete) {
      reply.removeHeader('connection');
      request.raw.resume();
    }
    void reply.status(problem.status).header('content-type', PROBLEM_MEDIA_TYPE).send(Buffer.from(JSON.stringify(problem)));
  }
}

/** A URL without its query. */
export const pathOf = (url: string): string => url.split('?', 1)[0] ?? url;

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
