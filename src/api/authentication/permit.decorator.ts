import { applyDecorators } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiExtension, ApiSecurity } from '@nestjs/swagger';
import type { Permission } from '../../contracts/permissions.js';
import { Problems } from '../documentation/answers.js';

/** What a route declares of itself to the router. */
export interface RouteAccess {
  readonly permission?: Permission;
}

/** Where OpenAPI shows a route's permission. */
export const PERMISSION_EXTENSION = 'x-permission';

/**
 * Says what a caller needs for a route, for the model that its path names. A route whose model stands elsewhere, in the body or on the record, asks
 * {@link Access} for that model once it is known.
 */
export const Permit = (permission: Permission): MethodDecorator =>
  applyDecorators(
    RouteConfig({ permission } satisfies RouteAccess), ApiExtension(PERMISSION_EXTENSION, permission), ApiSecurity('bearer'), ApiSecurity('apiKey'), Problems('Forbidden'),
  );
