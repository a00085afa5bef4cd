import type { WebhookReceiver } from '../src/alarms/webhook.js';

/** Carries the receiver of alarms through Nest's injection by class; null where none is set. */
export class AlarmReceiver {
  constructor(
    readonly webhook: WebhookReceiver | null,
    /** How long it may take to answer, in milliseconds. */
    readonly timeoutMs?: number,
  ) {}
}
