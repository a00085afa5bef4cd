import { createServer, type Server } from 'node:http';
import { exportJWK, exportSPKI, generateKeyPair, type GenerateKeyPairResult, type JWTPayload, SignJWT } from 'jose';
import Provider from 'oidc-provider';
import { anyFreePort } from '../src/embedded/ports.js';

export const AUDIENCE = 'urn:perennial:api';

export type SigningAlgorithm = 'RS256' | 'ES256';

/** A real OpenID Connect issuer in this process, whose services get access tokens by their credentials. */
export class TokenIssuer {
  private server: Server | undefined;

  private constructor(
    private readonly port: number,
    private readonly provider: Provider,
    private readonly keys: Readonly<Record<SigningAlgorithm, GenerateKeyPairResult>>,
  ) {}

  /** @param clients services by their name at the issuer, and how their tokens are signed */
  static async start(clients: Readonly<Record<string, SigningAlgorithm>>): Promise<TokenIssuer> {
    const port = await anyFreePort();
    const keys = { RS256: await generateKeyPair('RS256', { extractable: true }), ES256: await generateKeyPair('ES256', { extractable: true }) };
    const jwks = await Promise.all(Object.entries(keys).map(async ([alg, { privateKey }]) => ({ ...(await exportJWK(privateKey)), alg, use: 'sig', kid: alg })));
    const provider = new Provider(`http://127.0.0.1:${port}`, {
      jwks: { keys: jwks },
      clients: Object.keys(clients).map((name) => ({ client_id: name, client_secret: `secret of ${name}`, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], token_endpoint_auth_method: 'client_secret_post' })),
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_context: unknown, audience: string, { clientId }: { clientId: string }) =>
            ({ scope: '', audience, accessTokenTTL: 300, accessTokenFormat: 'jwt', jwt: { sign: { alg: clients[clientId] } } }),
        },
      },
    });
    const issuer = new TokenIssuer(port, provider, keys);
    await issuer.open();
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Answers again after {@link stop}, under the same address and with the same keys. */
  open(): Promise<void> {
    const server = createServer(this.provider.callback());
    this.server = server;
    return new Promise((resolve) => { server.listen(this.port, '127.0.0.1', resolve); });
  }

  stop(): Promise<void> {
    this.server?.closeAllConnections();
    return new Promise((resolve) => { this.server?.close(() => { resolve(); }); });
  }

  /** What the issuer gives a service that shows its credentials. */
  async tokenOf(client: string, resource = AUDIENCE): Promise<string> {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: client, client_secret: `secret of ${client}`, resource });
    const answer = await fetch(`${this.url}/token`, { method: 'POST', body });
    const { access_token: token } = (await answer.json()) as { access_token?: string };
    if (token === undefined) throw new Error(`The issuer answered ${answer.status} to ${client}`);
    return token;
  }

  /** A token of other claims, signed as the issuer signs; a claim that is undefined is left out. */
  sign(claims: JWTPayload, key: GenerateKeyPairResult['privateKey'] = this.keys.RS256.privateKey): Promise<string> {
    const nowS = Math.floor(Date.now() / 1_000);
    return new SignJWT({ iss: this.url, aud: AUDIENCE, sub: 'pipeline', iat: nowS, exp: nowS + 300, ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'RS256' }).sign(key);
  }

  /** The old trick: the key that everybody can read, taken as a secret that both sides know. */
  async signByPublicKey(): Promise<string> {
    const secret = new TextEncoder().encode(await exportSPKI(this.keys.RS256.publicKey));
    const nowS = Math.floor(Date.now() / 1_000);
    return new SignJWT({ iss: this.url, aud: AUDIENCE, sub: 'pipeline', iat: nowS, exp: nowS + 300 }).setProtectedHeader({ alg: 'HS256', kid: 'RS256' }).sign(secret);
  }
}
