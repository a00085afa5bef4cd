import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { PerennialError } from '../../contracts/failures.js';
import { LABEL_FIELDS, type LabelFormat } from '../../contracts/labels.js';
import { INVENTORY_IMPORT_ROUTE, InventoryUpload } from '../inventory/inventory-upload.js';

/** Media types that are streamed to the store as they come. */
export const LABEL_MEDIA_TYPES: Readonly<Record<string, LabelFormat>> = {
  'application/x-ndjson': 'ndjson', 'application/jsonl': 'ndjson', 'text/csv': 'csv', 'application/vnd.apache.parquet': 'parquet',
};
export const MAX_LABEL_BYTES = 256 * 1024 * 1024;
const ROUTE = '/v1/models/:model/labels';
const HEAD_BYTES = 64 * 1024;

const COMPRESSED = 'Labels are not taken compressed; send them as they are, or as Parquet, which is compressed within';
const GZIP = Buffer.from([0x1f, 0x8b]);

/** A body that was not read yet. */
export class LabelUpload {
  constructor(
    readonly format: LabelFormat,
    private readonly payload: Readable,
  ) {}

  /**
   * Its bytes. What is wrong at the beginning or the end of it is thrown; a caller who still sends is heard out by the server.
   * @throws PerennialError `InvalidRequest`, naming row and column; `BodyTooLarge`
   */
  async *bytes(): AsyncGenerator<Buffer> {
    const check = new BodyCheck(this.format);
    for await (const chunk of this.payload.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      check.take(chunk);
      yield chunk;
    }
    check.end();
  }
}

/** Gives the label route its bodies unread, and that of the inventory its table; every other route refuses these media types. */
export function useLabelUploads(server: FastifyInstance): void {
  server.addContentTypeParser(Object.keys(LABEL_MEDIA_TYPES), (request, payload, done) => {
    const mediaType = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
    const format = LABEL_MEDIA_TYPES[mediaType];
    if (request.routeOptions.url === INVENTORY_IMPORT_ROUTE && format === 'csv') return void InventoryUpload.read(payload).then((upload) => done(null, upload), done);
    if (request.routeOptions.url !== ROUTE || format === undefined) return done(new PerennialError('UnsupportedMediaType', 'This route takes application/json'));
    if (request.headers['content-encoding'] !== undefined && request.headers['content-encoding'] !== 'identity') return done(new PerennialError('UnsupportedMediaType', COMPRESSED));
    if (Number(request.headers['content-length'] ?? 0) > MAX_LABEL_BYTES) return done(tooLarge());
    return done(null, new LabelUpload(format, payload));
  });
}

const tooLarge = (): PerennialError => new PerennialError('BodyTooLarge', `The labels are larger than ${MAX_LABEL_BYTES / 1024 ** 2} MiB; send them in several batches`);

/** Looks at a body as it passes. Whatever needs all of it is left to the ingestion. */
class BodyCheck {
  private bytes = 0;
  private head: Buffer | null = Buffer.alloc(0);
  private tail = Buffer.alloc(0);

  constructor(private readonly format: LabelFormat) {}

  take(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.bytes > MAX_LABEL_BYTES) throw tooLarge();
    this.tail = Buffer.concat([this.tail, chunk.subarray(-4)]).subarray(-4);
    if (this.head === null) return;
    this.head = Buffer.concat([this.head, chunk]);
    if (this.head.length >= HEAD_BYTES) this.judgeHead(false);
  }

  end(): void {
    if (this.bytes === 0) throw fault('body', 'holds no labels');
    if (this.head !== null) this.judgeHead(true);
    if (this.format === 'parquet' && (this.bytes < 12 || this.tail.toString('latin1') !== 'PAR1')) throw fault('body', 'is cut off: a Parquet file ends with PAR1');
  }

  private judgeHead(whole: boolean): void {
    const head = this.head as Buffer;
    this.head = null;
    if (head.subarray(0, GZIP.length).equals(GZIP)) throw new PerennialError('UnsupportedMediaType', COMPRESSED);
    if (this.format === 'parquet') {
      if (head.subarray(0, 4).toString('latin1') !== 'PAR1') throw fault('body', 'is no Parquet file: it does not begin with PAR1');
      return;
    }
    const line = firstLine(head.toString('utf8'), whole);
    if (line === undefined) throw fault('row 1', `is longer than ${HEAD_BYTES / 1024} KiB`);
    if (this.format === 'csv') judgeHeader(line);
    else judgeObject(line);
  }
}

/** The first line that says something; undefined where it does not end within the head. */
function firstLine(text: string, whole: boolean): string | undefined {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  if (!whole) lines.pop();
  return lines.find((line) => line.trim() !== '') ?? (whole ? '' : undefined);
}

const KNOWN = new Set<string>(LABEL_FIELDS);

function judgeHeader(line: string): void {
  const names = line.split(',').map((name) => name.replace(/^"(.*)"$/, '$1'));
  const strange = names.findIndex((name) => !KNOWN.has(name));
  if (strange >= 0) throw fault(`header, column ${strange + 1}`, `${JSON.stringify(names[strange]?.slice(0, 100))} is no column of labels: these are ${LABEL_FIELDS.join(', ')}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw fault('header', `names the column ${twice} twice`);
  requireNamed(new Set(names), 'header');
}

function judgeObject(line: string): void {
  let document: unknown;
  try {
    document = JSON.parse(line);
  } catch {
    document = undefined;
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) throw fault('row 1', 'is no JSON object; write one label a line');
  const names = Object.keys(document);
  const strange = names.find((name) => !KNOWN.has(name));
  if (strange !== undefined) throw fault(`row 1, ${JSON.stringify(strange.slice(0, 100))}`, `is no member of a label: these are ${LABEL_FIELDS.join(', ')}`);
  requireNamed(new Set(names), 'row 1');
}

function requireNamed(names: ReadonlySet<string>, where: string): void {
  if (!names.has('label') && !names.has('outcome')) throw fault(where, 'has no label, and no outcome');
  if (!names.has('prediction_id') && !(names.has('entity_key') && names.has('event_time'))) throw fault(where, 'names no prediction: give prediction_id, or entity_key and event_time');
}

function fault(path: string, message: string): PerennialError {
  return new PerennialError('InvalidRequest', `${path}: ${message}`, { faults: [{ path, message }] });
}
