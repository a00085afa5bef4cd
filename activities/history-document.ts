import proto from '@temporalio/proto';

export type History = proto.temporal.api.history.v1.IHistory;
const { History: HistoryMessage } = proto.temporal.api.history.v1;

/** Temporal's `History` with its field names; enums by name, 64-bit numbers as text, bytes in base64. */
export interface HistoryDocument {
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

/** A history as JSON can hold it. (The SDK's `historyToJSON` fails where npm gives its packages a protobufjs of their own each.) */
export const historyDocument = (history: History): HistoryDocument =>
  HistoryMessage.toObject(HistoryMessage.fromObject(history), { enums: String, longs: String, bytes: String }) as HistoryDocument;

/** The history that a document holds, to be replayed. */
export const historyOf = (document: HistoryDocument): History => HistoryMessage.fromObject(document);
