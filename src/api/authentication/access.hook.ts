import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PerennialError } from '../../contracts/failures.js';
import type { Permission } from '../../contracts/permissions.js';
import type { Caller, CallersRepository } from '../../registry/callers.repository.js';
import { pathOf } from '../problems/problem.filter.js';
import { modelName } from '../requests/fields.js';
import { Access } from './access.js';
import type { RouteAccess } from './permit.decorator.js';
import { RefusalLog } from './refusal-log.js';
import { looksLikeToken, type TokenVerifier } from './token-verifier.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls, and what they may. Null where nobody has to say who they are. */
    access: Access | null;
  }
}

const BEARER = /^Bearer +([^\s]+) *$/i;

/** Asks for a signature instead. */
export const SIGNED_ROUTE = '/v1/alarms/receipts';

/**
 * Asks who calls on everything under /v1, routes that do not exist included, and whether they may, before a body is read. Routes are to be added
 * afterwards: one under /v1 that declares no permission stops the start.
 */
export function guardRoutes(server: FastifyInstance, callers: CallersRepository, tokens: TokenVerifier | null): void {
  const refusals = new RefusalLog(callers);
  server.decorateRequest('access', null);
  server.addHook('onRoute', ({ method, url, config }) => {
    if (!isProtected(url) || (config as RouteAccess)?.permission) return;
    throw new Error(`${String(method)} ${url} declares no permission: put @Permit(…) beside the route`);
  });
  server.addHook('onRequest', async (request) => {
    if (!isProtected(request.routeOptions.url ?? pathOf(request.url))) return;
    const caller = await callerOf(request, callers, tokens);
    request.access = new Access(caller, request.method === 'GET' || request.method === 'HEAD' ? null : refusals);
    const { permission } = request.routeOptions.config as RouteAccess;
    if (permission) await authorize(request, request.access, permission);
  });
}

/** By the router's own reading of the path where there is a route, so that no spelling of a URL slips by. */
const isProtected = (path: string): boolean => path !== SIGNED_ROUTE && (path === '/v1' || path.startsWith('/v1/'));

/** A name that cannot be one is nobody's model: only who may everywhere learns what is wrong with it. */
async function authorize(request: FastifyRequest, access: Access, permission: Permission): Promise<void> {
  const { model } = request.params as { readonly model?: string };
  if (model === undefined) return access.requireSomewhere(permission);
  return access.require(permission, modelName.safeParse(model).success ? model : null);
}

async function callerOf(request: FastifyRequest, callers: CallersRepository, tokens: TokenVerifier | null): Promise<Caller> {
  const shown = shownBy(request);
  if (!shown) throw new PerennialError('Unauthenticated', 'Send an API key or an access token as `Authorization: Bearer …`, or a key as `X-API-Key`');
  const caller = shown.bearer && looksLikeToken(shown.value) ? await callerByToken(shown.value, callers, tokens) : await callers.byKey(shown.value);
  if (caller === null) throw new PerennialError('Unauthenticated', 'The API key is not known or was revoked');
  if (!caller.active) throw new PerennialError('Forbidden', `${caller.name} is deactivated; an administrator can activate them (perennial people activate)`);
  return caller;
}

async function callerByToken(token: string, callers: CallersRepository, tokens: TokenVerifier | null): Promise<Caller> {
  if (!tokens) throw new PerennialError('Unauthenticated', 'Access tokens are not taken here, because OIDC_ISSUER is not set; send an API key');
  const identity = await tokens.verify(token);
  const caller = await callers.byIdentity(identity);
  if (caller) return caller;
  throw new PerennialError('Forbidden', `The token is valid, but nobody is registered here as the subject ${JSON.stringify(identity.subject)} of ${identity.issuer}; an administrator must register them (perennial people add)`, { ...identity });
}

function shownBy(request: FastifyRequest): { readonly value: string; readonly bearer: boolean } | undefined {
  const { authorization } = request.headers;
  const value = authorization === undefined ? request.headers['x-api-key'] : BEARER.exec(authorization)?.[1];
  return typeof value === 'string' && value !== '' ? { value, bearer: authorization !== undefined } : undefined;
}
