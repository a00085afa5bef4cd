import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify, type RemoteJWKSet } from 'jose';
import { PerennialError } from '../contracts/failures.js';
import type { Identity } from '../contracts/roles.js';
import type { TokenIssuer } from '../contracts/token-issuer.js';

const DISCOVERY_PATH = '/.well-known/openid-configuration';
const TIMEOUT_MS = 5_000;
/** Keys that are not known are looked for no sooner, whoever sends tokens that name such. */
const KEYS_COOLDOWN_MS = 30_000;
/** A key that the issuer has withdrawn opens nothing for longer than this. */
const KEYS_MAX_AGE_MS = 600_000;
/** An issuer that has just failed is asked again no sooner. */
const AWAY_MS = 2_000;
/** Clocks of issuer and API may differ by so much. */
const CLOCK_TOLERANCE_S = 5;
const LONGEST_SUBJECT = 255;

/** Three parts with points between; keys of ours have none. */
export const looksLikeToken = (value: string): boolean => /^[^.]+\.[^.]+\.[^.]*$/.test(value);

/** Verifies access tokens by the keys that their issuer publishes. No message holds anything of a token that was not verified. */
export class TokenVerifier {
  private discovery: Promise<RemoteJWKSet> | undefined;
  private keys: RemoteJWKSet | undefined;
  private away: { readonly untilMs: number; readonly reason: string } | undefined;

  constructor(private readonly issuer: TokenIssuer) {}

  /**
   * @returns whom the token speaks of
   * @throws PerennialError `Unauthenticated`, saying what is wrong; `DependencyUnavailable` when the issuer does not answer and its keys are not known
   */
  async verify(token: string): Promise<Identity> {
    this.refuseAlgorithm(token);
    // Keys that are known and fresh need no issuer.
    if (this.away && Date.now() < this.away.untilMs && !this.keys?.fresh) throw this.unavailable(this.away.reason);
    const { audience, url, algorithms } = this.issuer;
    const options = { issuer: url, audience, algorithms: [...algorithms], clockTolerance: CLOCK_TOLERANCE_S, requiredClaims: ['exp', 'sub'] };
    const { payload: { sub } } = await this.discovered().then((keys) => jwtVerify(token, keys, options)).catch((error: unknown) => { throw this.failure(error); });
    if (typeof sub !== 'string' || sub === '' || sub.length > LONGEST_SUBJECT) throw refused(`has no subject (sub) of 1 to ${LONGEST_SUBJECT} characters`);
    return { issuer: url, subject: sub };
  }

  /** Before the issuer is asked for anything. */
  private refuseAlgorithm(token: string): void {
    let algorithm: unknown;
    try {
      algorithm = decodeProtectedHeader(token).alg;
    } catch {
      throw refused('is no JWT');
    }
    if (!this.issuer.algorithms.some((name) => name === algorithm)) throw refused(`is not signed by an algorithm that is taken here: these are ${this.issuer.algorithms.join(', ')}`);
  }

  /** Tells an issuer that is away, which is left alone for a moment, from a token that is wrong. */
  private failure(error: unknown): PerennialError {
    const fault = faultOf(error);
    if (fault !== undefined) return refused(fault);
    const reason = error instanceof IssuerFault ? error.message : 'its keys cannot be fetched';
    this.away = { untilMs: Date.now() + AWAY_MS, reason };
    return this.unavailable(reason, error);
  }

  private unavailable(reason: string, cause?: unknown): PerennialError {
    return new PerennialError('DependencyUnavailable', `The token cannot be verified: ${reason} (OIDC_ISSUER ${this.issuer.url}); try again shortly, or send an API key`, { dependency: 'oidc' }, { cause });
  }

  /** What failed is tried anew by the next token. */
  private discovered(): Promise<RemoteJWKSet> {
    this.discovery ??= keysOf(this.issuer.url).then(
      (keys) => (this.keys = keys),
      (error: unknown) => {
        this.discovery = undefined;
        throw error;
      },
    );
    return this.discovery;
  }
}

/** What is wrong with an issuer itself. */
class IssuerFault extends Error {
  override readonly name = 'IssuerFault';
}

async function keysOf(issuer: string): Promise<RemoteJWKSet> {
  const answer = await fetch(issuer.replace(/\/+$/, '') + DISCOVERY_PATH, { redirect: 'error', headers: { accept: 'application/json' }, signal: AbortSignal.timeout(TIMEOUT_MS) })
    .catch((cause: unknown) => { throw new IssuerFault('the issuer does not answer', { cause }); });
  if (!answer.ok) throw new IssuerFault(`the issuer answers ${answer.status} for its discovery document`);
  const document = (await answer.json().catch(() => null)) as { readonly issuer?: unknown; readonly jwks_uri?: unknown } | null;
  if (document?.issuer !== issuer) throw new IssuerFault('the discovery document names another issuer');
  const { jwks_uri: keys } = document;
  if (typeof keys !== 'string' || !URL.canParse(keys) || (new URL(keys).protocol !== 'https:' && new URL(keys).protocol !== new URL(issuer).protocol)) {
    throw new IssuerFault('the discovery document names no place of keys (jwks_uri)');
  }
  return createRemoteJWKSet(new URL(keys), { timeoutDuration: TIMEOUT_MS, cooldownDuration: KEYS_COOLDOWN_MS, cacheMaxAge: KEYS_MAX_AGE_MS });
}

const CLAIM_FAULTS: Readonly<Record<string, string>> = {
  aud: 'is for another audience than this API', iss: 'comes from another issuer', nbf: 'is not valid yet', exp: 'does not say when it expires', sub: 'has no subject (sub)',
};

/** What is wrong with a token; undefined where something else is. */
function faultOf(error: unknown): string | undefined {
  if (error instanceof errors.JWTExpired) return 'has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_FAULTS[error.claim] ?? 'has a claim that is not valid';
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey) return "is not signed by one of the issuer's keys";
  if (error instanceof errors.JWKSMultipleMatchingKeys) return "does not say by which of the issuer's keys it is signed (kid)";
  if (error instanceof errors.JOSEAlgNotAllowed) return 'is not signed by an algorithm that is taken here';
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid || error instanceof errors.JOSENotSupported) return 'is no valid JWT';
  return undefined;
}

const refused = (fault: string): PerennialError => new PerennialError('Unauthenticated', `The access token ${fault}`);
