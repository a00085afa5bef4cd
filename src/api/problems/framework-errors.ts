import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PerennialError } from '../../contracts/failures.js';
import { failureOf, PROBLEM_MEDIA_TYPE, problemOf } from './problem-details.js';
import { pathOf } from './problem.filter.js';

/** Errors of the router, which come before any hook and filter. */
export function answerRouterError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(failureOf(error), pathOf(request.raw.url ?? '/'));
  void reply.status(problem.status).header('content-type', PROBLEM_MEDIA_TYPE).send(Buffer.from(JSON.stringify(problem)));
}

const PARSER_REASONS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'The headers are larger than 16 KiB',
  ERR_HTTP_REQUEST_TIMEOUT: 'The request did not arrive in time',
};

/** What is not HTTP at all is answered on the bare socket, then the connection is closed. */
export function answerParserError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy(error);
    return;
  }
  const reason = PARSER_REASONS[error.code ?? ''] ?? 'The request is not valid HTTP';
  const body = JSON.stringify(problemOf(new PerennialError('InvalidRequest', reason), '/'));
  socket.end(`HTTP/1.1 400 Bad Request\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
}
