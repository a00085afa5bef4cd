import proto from '@temporalio/proto';

type History = proto.temporal.api.history.v1.IHistory;
const { History: HistoryMessage } = proto.temporal.api.history.v1;

export interface RecordedHistory {
  readonly workflowId: string;
  /** Temporal's `History` with its field names; enums by name, 64-bit numbers as text, bytes in base64. */
  readonly history: { readonly events: readonly Readonly<Record<string, unknown>>[] };
}

/**
 * A history as it is committed: without the names of machines and folders. The SDK's own `historyToJSON` fails wherever
 * its packages are installed with a protobufjs of their own each.
 */
export function toRecorded(workflowId: string, history: History): RecordedHistory {
  const plain = HistoryMessage.toObject(HistoryMessage.fromObject(history), { enums: String, longs: String, bytes: String });
  return { workflowId, history: withoutPlace(plain) as RecordedHistory['history'] };
}

export const fromRecorded = ({ history }: RecordedHistory): History => HistoryMessage.fromObject(history);

/** Where something ran; a replay needs none of it. */
const PLACES: Readonly<Record<string, string>> = { stackTrace: '', binaryChecksum: '', buildId: '' };
/** The process and host by which workers name themselves and their own queues. */
const WORKER = /\b\d+@[\w.-]+/g;

function withoutPlace(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return PLACES[name] ?? value.replace(WORKER, 'worker');
  if (Array.isArray(value)) return value.map((member) => withoutPlace(member));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutPlace(member, key)]));
}
