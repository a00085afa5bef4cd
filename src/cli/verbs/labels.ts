import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { LabelBatchAnswer } from '../../api/labels/labels.dto.js';
import { followUntil } from '../follow.js';
import { ProblemError } from '../problem-error.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { facts, table } from '../table.js';
import { styled } from '../terminal.js';

export interface LabelsOptions {
  readonly deployment?: string;
  readonly follow: boolean;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.json': 'application/json', '.ndjson': 'application/x-ndjson', '.jsonl': 'application/x-ndjson', '.csv': 'text/csv', '.parquet': 'application/vnd.apache.parquet',
};
const SHOWN_FAULTS = 20;

/** `perennial labels <model> <file>`: done when the batch is ingested, also where some of its rows were not valid. */
export async function labels(session: Session, model: string, file: string, { deployment, follow }: LabelsOptions): Promise<ExitCode> {
  const mediaType = MEDIA_TYPES[extname(file).toLowerCase()];
  if (mediaType === undefined) throw ProblemError.of('InvalidRequest', `${file} is of no kind that holds labels; name a file that ends in ${Object.keys(MEDIA_TYPES).join(', ')}`, file);
  const query = deployment === undefined ? '' : `?deployment=${encodeURIComponent(deployment)}`;
  const batch = await session.api.command<LabelBatchAnswer>(`/v1/models/${encodeURIComponent(model)}/labels${query}`, { mediaType, content: read(file) });
  const shown = follow ? await followUntil<LabelBatchAnswer>(session, batch.status, ({ state }) => state !== 'waiting', () => undefined) : batch;
  session.show(shown, () => report(session, shown));
  return shown.state === 'failed' ? EXIT.failed : EXIT.done;
}

function report({ terminal }: Session, { model, deployment, batch, state, counts, faults, failure }: LabelBatchAnswer): string {
  const head = facts(terminal, [
    ['batch', `${batch} of ${model}/${deployment}`],
    ['state', styled(terminal, state === 'failed' ? 'red' : 'green', state)],
    ...Object.entries(counts ?? {}).map(([name, count]) => [name, String(count)] as const),
    ['why', failure === null ? null : String(failure['message'])],
  ]);
  if (faults.length === 0) return head;
  const columns = [{ title: 'row', align: 'right' }, { title: 'column' }, { title: 'what is wrong' }] as const;
  return `${head}\n${table(terminal, columns, faults.slice(0, SHOWN_FAULTS).map(({ row, column, message }) => [String(row), column ?? '', message]), '')}`;
}

function read(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as { code?: string };
    throw ProblemError.of('InvalidRequest', `${file} cannot be read (${code ?? 'unknown'}); name a file with labels`, file);
  }
}
