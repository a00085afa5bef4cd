import { PerennialError } from '../contracts/failures.js';
import type { Environment } from './environment.js';

type Server = 'DATABASE_URL' | 'TEMPORAL_ADDRESS';

/** An environment in which the servers are known. */
export type ServerEnvironment<S extends Server = Server> = Environment & { readonly [name in S]: string };

/** A role of its own needs to be told where the servers are. @throws PerennialError `ConfigurationInvalid` */
export function requireServers<S extends Server = Server>(environment: Environment, needed: readonly S[] = ['DATABASE_URL', 'TEMPORAL_ADDRESS'] as unknown as S[]): ServerEnvironment<S> {
  const missing = needed.filter((name) => environment[name] === undefined);
  if (missing.length > 0) {
    throw new PerennialError('ConfigurationInvalid', `${missing.join(' and ')} must be set for this role; \`perennial up\` runs everything on one machine and needs neither`, { settings: missing });
  }
  return environment as ServerEnvironment<S>;
}
