import { PerennialError } from '../contracts/failures.js';
import type { TokenIssuer } from '../contracts/token-issuer.js';
import type { Environment } from './environment.js';

/**
 * Where tokens come from; null where API keys alone are taken.
 * @throws PerennialError `ConfigurationInvalid` for an issuer without an audience: tokens that were made for any other service would open this one.
 */
export function tokenIssuer({ OIDC_ISSUER: url, OIDC_AUDIENCE: audience, OIDC_ALGORITHMS: algorithms }: Environment): TokenIssuer | null {
  if (url === undefined) return null;
  if (audience !== undefined) return { url, audience, algorithms };
  throw new PerennialError('ConfigurationInvalid', 'OIDC_ISSUER is set without OIDC_AUDIENCE; set it to what the issuer writes as the audience of tokens for this API', { settings: ['OIDC_AUDIENCE'] });
}
