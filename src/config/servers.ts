import { PerennialError } from '../contracts/failures.js';
import type { Environment } from './environment.js';

/** An environment in which the servers are known. */
export type ServerEnvironment = Environment & { readonly DATABASE_URL: string; readonly TEMPORAL_ADDRESS: string };

/** A role of its own needs to be told where the servers are. @throws PerennialError `ConfigurationInvalid` */
export function requireServers(environment: Environment): ServerEnvironment {
  const missing = (['DATABASE_URL', 'TEMPORAL_ADDRESS'] as const).filter((name) => environment[name] === undefined);
  if (missing.length > 0) {
    throw new PerennialError('ConfigurationInvalid', `${missing.join(' and ')} must be set for this role; \`perennial up\` runs everything on one machine and needs neither`, { settings: missing });
  }
  return environment as ServerEnvironment;
}
