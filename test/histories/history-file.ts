import { type History, historyDocument, type HistoryDocument, historyOf } from '../../activities/history-document.js';

export interface RecordedHistory {
  readonly workflowId: string;
  readonly history: HistoryDocument;
}

/** A history as it is committed: without the names of machines and folders. */
export const toRecorded = (workflowId: string, history: History): RecordedHistory =>
  ({ workflowId, history: withoutPlace(historyDocument(history)) as HistoryDocument });

export const fromRecorded = ({ history }: RecordedHistory): History => historyOf(history);

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
