import { CLOUD_EVENT_MEDIA_TYPE } from './cloud-event.js';
import { sign } from './signature.js';

/** Who is told. Neither address nor secret is ever logged, recorded or sent: an address may be a secret too. */
export interface WebhookReceiver {
  readonly url: string;
  /** `whsec_` and Base64. */
  readonly secret: string;
  /** What the settings begin with that name both; alarms' where it is not given. */
  readonly setting?: 'ALARM_WEBHOOK' | 'CHECKPOINT_WEBHOOK';
}

export type DeliveryOutcome =
  | { readonly delivered: true; readonly status: number }
  /** `status` is null where there was no answer. */
  | { readonly delivered: false; readonly status: number | null; readonly reason: string };

export const WEBHOOK_TIMEOUT_MS = 10_000;

/**
 * Sends a CloudEvent once. Only a 2xx within the time counts: the receiver has it. Redirects are not followed, since the message
 * would go where nobody configured, and of an answer nothing but the status is read.
 */
export async function deliver(receiver: WebhookReceiver, event: { readonly id: string }, now: Date, timeoutMs: number = WEBHOOK_TIMEOUT_MS): Promise<DeliveryOutcome> {
  const body = JSON.stringify(event);
  const setting = receiver.setting ?? 'ALARM_WEBHOOK';
  try {
    const response = await fetch(receiver.url, {
      method: 'POST',
      headers: { ...sign(receiver.secret, event.id, now, body), 'content-type': `${CLOUD_EVENT_MEDIA_TYPE}; charset=utf-8`, 'user-agent': 'perennial' },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    void response.body?.cancel().catch(() => undefined);
    return response.ok ? { delivered: true, status: response.status } : { delivered: false, status: response.status, reason: refusal(response.status, setting) };
  } catch (error) {
    return { delivered: false, status: null, reason: failure(error, timeoutMs, setting) };
  }
}

function refusal(status: number, setting: string): string {
  if (status >= 300 && status < 400) return `the receiver answered ${status}, a redirect, which is not followed; set ${setting}_URL to the final address`;
  if (status === 401 || status === 403) return `the receiver answered ${status}; check that it has the same ${setting}_SECRET and the right time`;
  return `the receiver answered ${status}; see its log`;
}

/** Codes only: the messages of the network may hold the address. */
function failure(error: unknown, timeoutMs: number, setting: string): string {
  const { name, cause } = error as { name?: string; cause?: { code?: unknown } };
  if (name === 'TimeoutError') return `the receiver gave no answer within ${timeoutMs} ms`;
  const code = typeof cause?.code === 'string' && /^[A-Z0-9_]{2,60}$/.test(cause.code) ? ` (${cause.code})` : '';
  return `the receiver cannot be reached${code}; start it, or correct ${setting}_URL`;
}
