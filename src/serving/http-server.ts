import { createServer } from 'node:http';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { PerennialError } from '../contracts/failures.js';
import { type FailureListeners, sendFailure, sendNotFound } from './http-failures.js';
import { parseJsonBody } from './json-body.js';
import type { RequestTaker } from './plain-inference.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** When the body was whole, on a clock that never jumps; 0 without a body. */
    startedMs: number;
  }
}

export interface HttpLimits {
  /** Bytes of a request's body. */
  readonly maxBodyBytes: number;
  /** Rows of a request. */
  readonly maxRows: number;
}

const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than load balancers keep a connection that is idle: one that they would still use must not end here. */
const KEEP_ALIVE_MS = 72_000;
const NEXT_PORTS = 200;

/**
 * The gateway's HTTP server, without routes. It is Fastify by itself, not Nest on Fastify: a request has no guards,
 * pipes or interceptors to pass, and their cost would be a good part of a row's.
 * @param take is asked first for each request; what it takes, Fastify never sees
 */
export function httpServer(limits: HttpLimits, listeners: FailureListeners, take: RequestTaker = () => false): FastifyInstance {
  const app = fastify({
    serverFactory: (handler) => createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      if (!take(request, response)) handler(request, response);
    }),
    bodyLimit: limits.maxBodyBytes,
    // A request that comes on an open connection while the server closes is still answered.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => sendFailure(listeners, error, request, reply),
  });
  app.setErrorHandler<Error>((error, request, reply) => sendFailure(listeners, error, request, reply));
  app.setNotFoundHandler((request, reply) => sendNotFound(listeners, request, reply));
  app.decorateRequest('startedMs', 0);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      request.startedMs = performance.now();
      checkMediaType(request);
      done(null, parseJsonBody(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  return app;
}

/** A body without a media type is taken for JSON: clients of the protocol leave it out. */
function checkMediaType(request: FastifyRequest): void {
  const { headers } = request;
  const mediaType = headers['content-type'] ?? '';
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') throw unsupported('Compressed bodies are not supported; send the JSON as it is');
  if (headers['inference-header-content-length'] !== undefined) throw unsupported("The protocol's binary tensors are not supported; send the data as JSON");
  if (mediaType === 'application/json') return;
  const [type = '', ...parameters] = mediaType.toLowerCase().split(';').map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length).replaceAll('"', '');
  if (type !== '' && type !== 'application/json') throw unsupported(`The media type ${JSON.stringify(type.slice(0, 100))} is not supported; send application/json`);
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') throw unsupported('JSON is sent in UTF-8');
}

const unsupported = (message: string): PerennialError => new PerennialError('UnsupportedMediaType', message);

/**
 * Listens on the port, or on the next free one where it is taken; 0 takes any.
 * @returns the port
 * @throws PerennialError `DependencyUnavailable` when no port is free, `ConfigurationInvalid` for an address that is not ours
 */
export async function listen(app: FastifyInstance, host: string, preferred: number): Promise<number> {
  for (let port = preferred; port <= Math.min(preferred + NEXT_PORTS, 65_535); port += 1) {
    try {
      await app.listen({ host, port });
      return (app.server.address() as { port: number }).port;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === 'EADDRINUSE') continue;
      throw new PerennialError('ConfigurationInvalid', `The gateway cannot listen on ${host}:${port} (${code ?? String(error)}); change GATEWAY_HOST or GATEWAY_PORT`, {}, { cause: error });
    }
  }
  throw new PerennialError('DependencyUnavailable', `No free port was found on ${host} from ${preferred} on; end a program that listens there`);
}
