import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PerennialError } from '../../contracts/failures.js';
import type { ApiKeysRepository } from '../../registry/api-keys.repository.js';
import { pathOf } from '../problems/problem.filter.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls: the actor of the API key. Null where no key is asked for. */
    actor: string | null;
  }
}

const BEARER = /^Bearer +([^\s]+) *$/i;

/**
 * Asks for an API key on everything under /v1, routes that do not exist included, before a body is read.
 * Keys are looked up by their hash, so that no comparison runs over the key itself.
 */
export function requireApiKeys(server: FastifyInstance, keys: ApiKeysRepository): void {
  server.decorateRequest('actor', null);
  server.addHook('onRequest', async (request) => {
    if (isProtected(request)) request.actor = await actorOf(request, keys);
  });
}

/** Asks for a signature instead. */
export const SIGNED_ROUTE = '/v1/alarms/receipts';

/** By the router's own reading of the path where there is a route, so that no spelling of a URL slips by. */
function isProtected(request: FastifyRequest): boolean {
  const path = request.routeOptions.url ?? pathOf(request.url);
  if (request.routeOptions.url === SIGNED_ROUTE) return false;
  return path === '/v1' || path.startsWith('/v1/');
}

async function actorOf(request: FastifyRequest, keys: ApiKeysRepository): Promise<string> {
  const key = keyOf(request);
  if (!key) throw new PerennialError('Unauthenticated', 'Send an API key as `Authorization: Bearer <key>` or `X-API-Key: <key>`');
  const actor = await keys.actorOf(key);
  if (actor === null) throw new PerennialError('Unauthenticated', 'The API key is not known or was revoked');
  return actor;
}

function keyOf(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) return BEARER.exec(authorization)?.[1];
  const key = request.headers['x-api-key'];
  return typeof key === 'string' && key !== '' ? key : undefined;
}
