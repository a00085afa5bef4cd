import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CallerIdentification, credentialOf } from '../../access/caller-identification.js';
import type { TokenVerifier } from '../../access/token-verifier.js';
import { PerennialError } from '../../contracts/failures.js';
import type { Permission } from '../../contracts/permissions.js';
import type { CallersRepository } from '../../registry/callers.repository.js';
import { pathOf } from '../problems/problem.filter.js';
import { modelName } from '../requests/fields.js';
import { Access } from './access.js';
import type { RouteAccess } from './permit.decorator.js';
import { type Attempt, RefusalLog } from './refusal-log.js';

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
  refusals.start();
  server.addHook('onClose', () => refusals.stop());
  const identification = new CallerIdentification(callers, tokens);
  server.decorateRequest('access', null);
  server.addHook('onRoute', ({ method, url, config }) => {
    if (!isProtected(url) || (config as RouteAccess)?.permission) return;
    throw new Error(`${String(method)} ${url} declares no permission: put @Permit(…) beside the route`);
  });
  server.addHook('onRequest', async (request) => {
    if (!isProtected(request.routeOptions.url ?? pathOf(request.url))) return;
    const { permission } = request.routeOptions.config as RouteAccess;
    const path = pathOf(request.url);
    const caller = await identification.identify(credentialOf(request.headers)).catch(async (error: unknown) => {
      const stranger = changesSomething(request) && strangerOf(error);
      if (stranger) await refusals.add({ ...stranger, permission: permission ?? null, model: namedModel(request), path });
      throw error;
    });
    request.access = new Access(caller, changesSomething(request) ? (asked, model) => refusals.add({ actor: caller.name, permission: asked, model, path, because: 'permission' }) : null);
    if (permission) await authorize(request, request.access, permission);
  });
}

/** By the router's own reading of the path where there is a route, so that no spelling of a URL slips by. */
const isProtected = (path: string): boolean => path !== SIGNED_ROUTE && (path === '/v1' || path.startsWith('/v1/'));

/** A name that cannot be one is nobody's model: only who may everywhere learns what is wrong with it. */
async function authorize(request: FastifyRequest, access: Access, permission: Permission): Promise<void> {
  if ((request.params as { readonly model?: string }).model === undefined) return access.requireSomewhere(permission);
  return access.require(permission, namedModel(request));
}

/** Null where the path names none, or what cannot be one. */
function namedModel({ params }: FastifyRequest): string | null {
  const { model } = (params ?? {}) as { readonly model?: string };
  return model !== undefined && modelName.safeParse(model).success ? model : null;
}

const changesSomething = ({ method }: FastifyRequest): boolean => method !== 'GET' && method !== 'HEAD';

/** Who showed what is genuine, and is let in nowhere. */
function strangerOf(error: unknown): Pick<Attempt, 'actor' | 'because' | 'identity'> | undefined {
  if (!(error instanceof PerennialError) || error.type !== 'Forbidden') return undefined;
  const { deactivated, issuer, subject } = error.details;
  if (typeof deactivated === 'string') return { actor: deactivated, because: 'deactivated' };
  return { actor: 'unknown', because: 'unregistered', identity: { issuer: String(issuer), subject: Buffer.from(String(subject).slice(0, 300)).toString('utf8') } };
}
