import { createHash, createHmac } from 'node:crypto';
import type { S3Credentials } from '../src/artifacts/s3-bucket.js';

export interface S3Request {
  readonly method: 'GET' | 'PUT';
  readonly url: URL;
  /** Names in lower case; all of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/**
 * The headers of a request to S3, signed with AWS Signature Version 4 in one chunk, by which the test's store verifies what the client's library signed
 * (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). Of URLs without a query.
 */
export function signedHeaders({ method, url, headers, body }: S3Request, { region, keyId, secret }: S3Credentials, at: Date): Record<string, string> {
  const time = at.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const digest = sha256(body);
  const all: Record<string, string> = { ...headers, 'x-amz-content-sha256': digest, 'x-amz-date': time };
  const signed = Object.entries({ ...all, host: url.host }).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = signed.map(([name]) => name).join(';');
  const canonical = [method, canonicalPath(url), '', ...signed.map(([name, value]) => `${name}:${value.trim()}`), '', names, digest].join('\n');
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const key = [time.slice(0, 8), region, 's3', 'aws4_request'].reduce<string | Buffer>((secretOf, part) => hmac(secretOf, part), `AWS4${secret}`);
  const signature = hmac(key, [ALGORITHM, time, scope, sha256(canonical)].join('\n')).toString('hex');
  return { ...all, authorization: `${ALGORITHM} Credential=${keyId}/${scope},SignedHeaders=${names},Signature=${signature}` };
}

/** Everything is escaped but what RFC 3986 reserves for nothing, and the slash. */
export const canonicalPath = ({ pathname }: URL): string =>
  pathname.split('/').map((part) => encodeURIComponent(decodeURIComponent(part)).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)).join('/');

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
