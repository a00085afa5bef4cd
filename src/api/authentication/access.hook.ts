import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CallerIdentification, credentialOf } from '../../access/caller-identification.js';
import type { TokenVerifier } from '../../access/token-verifier.js';
import type { Permission } from '../../contracts/permissions.js';
import type { CallersRepository } from '../../registry/callers.repository.js';
import { pathOf } from '../problems/problem.filter.js';
import { modelName } from '../requests/fields.js';
import { Access } from './access.js';
import type { RouteAccess } from './permit.decorator.js';
import { RefusalLog } from './refusal-log.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls, and what they may. Null where nobody has to say who they are. */
    access: Access | null;
  }
}

/** Asks for a signature instead. */
export const SIGNED_ROUTE = '/v1/alarms/receipts';

/**
 * Asks who calls on everything under /v1, routes that do not exist included, and whether they may, before a body is read. Routes are to be added
 * afterwards: one under /v1 that declares no permission stops the start.
 */
export function guardRoutes(server: FastifyInstance, callers: CallersRepository, tokens: TokenVerifier | null): void {
  const refusals = new RefusalLog(callers);
  const identification = new CallerIdentification(callers, tokens);
  server.decorateRequest('access', null);
  server.addHook('onRoute', ({ method, url, config }) => {
    if (!isProtected(url) || (config as RouteAccess)?.permission) return;
    throw new Error(`${String(method)} ${url} declares no permission: put @Permit(…) beside the route`);
  });
  server.addHook('onRequest', async (request) => {
    if (!isProtected(request.routeOptions.url ?? pathOf(request.url))) return;
    const caller = await identification.identify(credentialOf(request.headers));
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
