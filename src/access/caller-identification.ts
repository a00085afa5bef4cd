import { PerennialError } from '../contracts/failures.js';
import type { Caller, CallersRepository } from '../registry/callers.repository.js';
import { looksLikeToken, type TokenVerifier } from './token-verifier.js';

const BEARER = /^Bearer +([^\s]+) *$/i;

/** What a caller shows: an API key, or an access token of the issuer. */
export interface Credential {
  readonly value: string;
  readonly bearer: boolean;
}

/** Headers of a request, with names in lower case. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Undefined where nothing is shown. */
export function credentialOf(headers: RequestHeaders): Credential | undefined {
  const { authorization } = headers;
  const value = authorization === undefined ? headers['x-api-key'] : BEARER.exec(String(authorization))?.[1];
  return typeof value === 'string' && value !== '' ? { value, bearer: authorization !== undefined } : undefined;
}

/** Finds out who calls, by what they show. */
export class CallerIdentification {
  constructor(
    private readonly callers: Pick<CallersRepository, 'byKey' | 'byIdentity'>,
    /** Null where API keys alone are taken. */
    private readonly tokens: TokenVerifier | null,
  ) {}

  /** @throws PerennialError `Unauthenticated`, `Forbidden` for whom nobody registered or who is deactivated, `DependencyUnavailable` when the issuer is away */
  async identify(shown: Credential | undefined): Promise<Caller> {
    if (!shown) throw new PerennialError('Unauthenticated', 'Send an API key or an access token as `Authorization: Bearer …`, or a key as `X-API-Key`');
    const caller = shown.bearer && looksLikeToken(shown.value) ? await this.byToken(shown.value) : await this.callers.byKey(shown.value);
    if (caller === null) throw new PerennialError('Unauthenticated', 'The API key is not known or was revoked');
    if (!caller.active) throw new PerennialError('Forbidden', `${caller.name} is deactivated; an administrator can activate them (perennial people activate)`, { deactivated: caller.name });
    return caller;
  }

  private async byToken(token: string): Promise<Caller> {
    if (!this.tokens) throw new PerennialError('Unauthenticated', 'Access tokens are not taken here, because OIDC_ISSUER is not set; send an API key');
    const identity = await this.tokens.verify(token);
    const caller = await this.callers.byIdentity(identity);
    if (caller) return caller;
    throw new PerennialError('Forbidden', `The token is valid, but nobody is registered here as the subject ${JSON.stringify(identity.subject)} of ${identity.issuer}; an administrator must register them (perennial people add)`, { ...identity });
  }
}
