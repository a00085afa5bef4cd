/** Where copies of checkpoints go, beside the folder. */
export const SINK_NAMES = ['s3', 'webhook'] as const;
export type SinkName = (typeof SINK_NAMES)[number];

/** A signed checkpoint, and the public key that it is verified with. */
export interface CheckpointCopy {
  readonly origin: string;
  readonly size: number;
  readonly at: Date;
  /** The signed note. */
  readonly note: string;
  /** Names the key; hexadecimal. */
  readonly keyId: string;
  /** PEM. */
  readonly publicKey: string;
}

/** `reason`: in words that may be logged and shown, without an address or a secret. */
export type SinkOutcome = { readonly delivered: true } | { readonly delivered: false; readonly reason: string };

/** Takes copies. The same copy may come again. */
export interface CheckpointSink {
  readonly name: SinkName;
  send(copy: CheckpointCopy): Promise<SinkOutcome>;
}

export const sinkAlarmKey = (sink: SinkName): string => `audit/sink/${sink}`;
