import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Signatures by Standard Webhooks 1.0: HMAC-SHA256 over `<id>.<timestamp>.<body>`, in Base64 behind `v1,`; several,
 * separated by spaces, where keys are being changed. The secret is `whsec_` and 24 to 64 bytes in Base64.
 */
export interface SignedHeaders {
  readonly 'webhook-id': string;
  /** Seconds since 1970 of this attempt. */
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

const PREFIX = 'whsec_';
/** How far the clocks of sender and receiver may differ; an older message may be a replayed one. */
export const TOLERANCE_SECONDS = 300;

/** Signs the exact bytes of a message. */
export function sign(secret: string, id: string, at: Date, body: string): SignedHeaders {
  const timestamp = String(Math.floor(at.getTime() / 1_000));
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${digest(secret, id, timestamp, body).toString('base64')}` };
}

/** Header values as they came; undefined where one is missing. */
export type ReceivedHeaders = { readonly [name in keyof SignedHeaders]: string | undefined };

/**
 * Whether a message is what its sender signed. Digests are compared in constant time.
 * @returns why it is refused, or undefined when it is genuine
 */
export function refusalOf(secret: string, headers: ReceivedHeaders, body: string | Uint8Array, now: Date): string | undefined {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (!id || !timestamp || !signatures) return 'webhook-id, webhook-timestamp and webhook-signature must all be sent';
  const seconds = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN;
  if (Number.isNaN(seconds)) return 'webhook-timestamp must be seconds since 1970';
  const expected = digest(secret, id, timestamp, body);
  const genuine = signatures.split(' ').some((entry) => isEqual(entry, expected));
  if (!genuine) return 'no signature of webhook-signature is of this message under the secret that sender and receiver share';
  const apart = Math.abs(now.getTime() / 1_000 - seconds);
  return apart > TOLERANCE_SECONDS ? `webhook-timestamp is ${Math.round(apart)} s away from the receiver's clock, and ${TOLERANCE_SECONDS} s are allowed; set both clocks` : undefined;
}

function digest(secret: string, id: string, timestamp: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', Buffer.from(secret.slice(PREFIX.length), 'base64')).update(`${id}.${timestamp}.`).update(body).digest();
}

function isEqual(entry: string, expected: Buffer): boolean {
  const [version, encoded = ''] = entry.split(',', 2);
  const given = Buffer.from(encoded, 'base64');
  return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
}
