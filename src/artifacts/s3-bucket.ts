import { createHash } from 'node:crypto';
import { AwsClient } from 'aws4fetch';

/** Who writes to a bucket. The secret is never logged, recorded or sent. */
export interface S3Credentials {
  readonly region: string;
  readonly keyId: string;
  readonly secret: string;
}

/** What became of a call. `code`: S3's word for what is wrong, or the network's; never an address or a body. */
export type S3Answer = { readonly status: number; readonly body: string; readonly code: string | null } | { readonly status: null; readonly code: string };

export const S3_TIMEOUT_MS = 10_000;
const CODE = /<Code>([A-Za-z]{1,60})<\/Code>/;
const NETWORK_CODE = /^[A-Z0-9_]{2,60}$/;
/** Small texts are kept here; a longer answer is of something else. */
const MAX_BODY = 65_536;

/** A folder of small texts in an S3-compatible store, addressed by path: `https://<endpoint>/<bucket>/<prefix>`. */
export class S3Bucket {
  private readonly signer: AwsClient;

  constructor(
    private readonly base: string,
    { region, keyId: accessKeyId, secret: secretAccessKey }: S3Credentials,
    private readonly timeoutMs: number = S3_TIMEOUT_MS,
  ) {
    this.signer = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3' });
  }

  /** @param once whether it is to be written only where nothing has the name; 412 says that something has */
  put(name: string, body: string, once: boolean): Promise<S3Answer> {
    return this.send('PUT', name, body, { 'content-type': 'text/plain; charset=utf-8', ...(once && { 'if-none-match': '*' }) });
  }

  get(name: string): Promise<S3Answer> {
    return this.send('GET', name, '', {});
  }

  /** Once; redirects are not followed, since credentials would go where nobody configured. */
  private async send(method: 'GET' | 'PUT', name: string, body: string, headers: Readonly<Record<string, string>>): Promise<S3Answer> {
    try {
      // The body's digest is signed as well, which the library leaves out unless it is told.
      const digest = createHash('sha256').update(body).digest('hex');
      const request = await this.signer.sign(`${this.base.replace(/\/+$/, '')}/${name}`, { method, headers: { ...headers, 'x-amz-content-sha256': digest }, ...(method === 'PUT' && { body }) });
      const response = await fetch(request, { redirect: 'manual', signal: AbortSignal.timeout(this.timeoutMs) });
      const text = (await response.text()).slice(0, MAX_BODY);
      return { status: response.status, body: text, code: response.ok ? null : (CODE.exec(text)?.[1] ?? null) };
    } catch (error) {
      const { name: kind, cause } = error as { name?: string; cause?: { code?: unknown } };
      if (kind === 'TimeoutError') return { status: null, code: `no answer within ${this.timeoutMs} ms` };
      return { status: null, code: typeof cause?.code === 'string' && NETWORK_CODE.test(cause.code) ? cause.code : 'unreachable' };
    }
  }
}
