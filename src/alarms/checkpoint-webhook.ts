import type { CheckpointCopy, CheckpointSink, SinkOutcome } from '../contracts/checkpoint-copies.js';
import { deliver, type WebhookReceiver } from './webhook.js';

export const CHECKPOINT_EVENT_TYPE = 'perennial.audit.checkpoint';

/** A checkpoint as CloudEvents 1.0 has it, in structured mode. */
export interface CheckpointEvent {
  readonly specversion: '1.0';
  /** The ledger's name and size: the same in every attempt, so that a receiver can tell a repetition. */
  readonly id: string;
  readonly source: '/perennial/audit';
  readonly type: typeof CHECKPOINT_EVENT_TYPE;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** `note`: the signed checkpoint; `publicKey`: PEM. */
  readonly data: { readonly origin: string; readonly size: number; readonly note: string; readonly keyId: string; readonly publicKey: string };
}

/** Tells a receiver of each checkpoint, signed as alarms are. */
export class CheckpointWebhook implements CheckpointSink {
  readonly name = 'webhook';

  constructor(
    private readonly receiver: WebhookReceiver,
    private readonly timeoutMs?: number,
  ) {}

  async send({ at, ...data }: CheckpointCopy): Promise<SinkOutcome> {
    const event: CheckpointEvent = {
      specversion: '1.0', id: `${data.origin}/${data.size}`, source: '/perennial/audit', type: CHECKPOINT_EVENT_TYPE, subject: `checkpoint/${data.size}`, time: at.toISOString(), datacontenttype: 'application/json', data,
    };
    return deliver(this.receiver, event, new Date(), this.timeoutMs);
  }
}
