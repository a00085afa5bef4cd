import { PerennialError } from '../contracts/failures.js';
import { type Cell, type Database, type DatabaseLimits, type Row, withDatabase } from '../data/duckdb.js';
import { labelRelation, mirrorRelation, observationRelation, outcomeRelation, valuesIn } from './observation-rows.js';

/** Files on this machine, and the folder for what is on the way. */
export interface LookIn {
  readonly scratch: string;
  readonly limits?: DatabaseLimits;
  readonly signal?: AbortSignal;
}

/** A prediction as its gateway logged it. Times in milliseconds since 1970. */
export interface LoggedPrediction {
  readonly eventTimeMs: number;
  readonly receivedAtMs: number;
  readonly entityKey: string | null;
  readonly gateway: string;
  readonly boot: string;
  readonly segment: number;
  readonly sequence: number;
  readonly row: number;
  readonly version: number;
  readonly epoch: number;
  readonly revision: number;
  readonly role: 'champion' | 'challenger';
  readonly stale: boolean;
  /** `none`, `clamped`, `abstained` or `fallback`. */
  readonly guard: string | null;
  /** What was answered, and as the model gave it; null where it was no number. */
  readonly output: number | null;
  readonly rawOutput: number | null;
  readonly latencyMs: number | null;
  /** By feature; null where inputs were not kept. */
  readonly inputs: Readonly<Record<string, Cell>> | null;
}

/** What a version made of it that did not answer. */
export interface MirroredPrediction {
  readonly version: number;
  readonly outcome: string;
  readonly reason: string | null;
  readonly output: number | null;
  readonly latencyMs: number | null;
}

/** A label that names the prediction, by its id or by entity and event time. */
export interface GivenLabel {
  readonly batch: number;
  readonly row: number;
  readonly label: number | null;
  /** The business outcome. */
  readonly outcome: number | null;
  readonly knownAtMs: number;
}

export interface PredictionsFound {
  readonly predictions: readonly { readonly path: string; readonly logged: LoggedPrediction }[];
  /** Files that could not be read: one must not hide what the others hold. */
  readonly unreadable: readonly string[];
}

/** What files of observations hold under an id. @throws the signal's reason when it fired */
export const predictionsIn = (paths: readonly string[], id: string, look: LookIn): Promise<PredictionsFound> =>
  opened(paths, look, { predictions: [], unreadable: [] }, async (database) => {
    const predictions: { path: string; logged: LoggedPrediction }[] = [];
    const unreadable: string[] = [];
    for (const path of paths) {
      try {
        predictions.push(...(await rowsOf(database, path, id)).map((row) => ({ path, logged: loggedOf(row) })));
      } catch (error) {
        if (!(error instanceof PerennialError)) throw error;
        unreadable.push(path);
      }
    }
    return { predictions, unreadable };
  });

const rowsOf = (database: Database, path: string, id: string): Promise<Row[]> =>
  database.rows(`SELECT *, epoch_us(event_time)::DOUBLE / 1000 AS event_ms, epoch_us(received_at)::DOUBLE / 1000 AS received_ms FROM ${observationRelation([path])} WHERE prediction_id = $1`, [id]);

/** What files hold of one prediction. */
export interface HeldInFiles<T> {
  readonly rows: readonly T[];
  /** Files that could not be read: what they hold is not among the rows. */
  readonly unreadable: readonly string[];
}

/** What other versions made of the same row. @param paths of files of mirrored outputs @throws the signal's reason when it fired */
export const mirroredOf = ({ gateway, boot, sequence, row }: LoggedPrediction, paths: readonly string[], look: LookIn): Promise<HeldInFiles<MirroredPrediction>> =>
  heldIn(paths, look, async (database, readable) => (await database.rows(`SELECT version, outcome, reason, output, latency_ms FROM ${mirrorRelation(readable)}
    WHERE gateway = $1 AND boot = $2 AND sequence = $3 AND row = $4 ORDER BY version`, [gateway, boot, sequence, row])).map((found) => ({
    version: Number(found['version']), outcome: String(found['outcome']), reason: textOf(found['reason']), output: numberOf(found['output']), latencyMs: numberOf(found['latency_ms']),
  })));

/** Every label of a prediction, in the order in which they count: the last one does. @param paths of files of labels @throws the signal's reason when it fired */
export const labelsOf = (id: string, { entityKey, eventTimeMs }: Pick<LoggedPrediction, 'entityKey' | 'eventTimeMs'>, paths: readonly string[], look: LookIn): Promise<HeldInFiles<GivenLabel>> =>
  heldIn(paths, look, async (database, readable) => {
    const relation = (await valuesIn(database, readable)).includes('outcome') ? outcomeRelation(readable) : `(SELECT *, NULL::DOUBLE AS outcome FROM ${labelRelation(readable)})`;
    return (await database.rows(`SELECT batch, row, label, outcome, known_at_ms::DOUBLE AS known_ms FROM ${relation}
      WHERE prediction_id = $1 OR (prediction_id IS NULL AND entity_key = $2 AND event_time_ms = $3::BIGINT) ORDER BY known_at_ms, batch, row`, [id, entityKey, Math.floor(eventTimeMs)])).map((found) => ({
      batch: Number(found['batch']), row: Number(found['row']), label: numberOf(found['label']), outcome: numberOf(found['outcome']), knownAtMs: Number(found['known_ms']),
    }));
  });

/** Reads all files together; where one of them cannot be read, the others without it. */
const heldIn = <T>(paths: readonly string[], look: LookIn, read: (database: Database, paths: readonly string[]) => Promise<T[]>): Promise<HeldInFiles<T>> =>
  opened(paths, look, { rows: [], unreadable: [] }, async (database) => {
    const all = await read(database, paths).catch((error: unknown) => ifUnreadable(error, look));
    if (all) return { rows: all, unreadable: [] };
    const readable: string[] = [];
    for (const path of paths) if (await read(database, [path]).catch((error: unknown) => ifUnreadable(error, look))) readable.push(path);
    return { rows: readable.length === 0 ? [] : await read(database, readable), unreadable: paths.filter((path) => !readable.includes(path)) };
  });

function ifUnreadable(error: unknown, { signal }: LookIn): undefined {
  signal?.throwIfAborted();
  if (!(error instanceof PerennialError)) throw error;
}

async function opened<T>(files: readonly string[], { scratch, limits, signal }: LookIn, nothing: T, work: (database: Database) => Promise<T>): Promise<T> {
  return files.length === 0 ? nothing : withDatabase({ files, scratch, ...(limits ? { limits } : {}), ...(signal ? { signal } : {}) }, work);
}

const loggedOf = (found: Row): LoggedPrediction => ({
  eventTimeMs: Number(found['event_ms']), receivedAtMs: Number(found['received_ms']), entityKey: textOf(found['entity_key']), gateway: String(found['gateway']), boot: String(found['boot']),
  segment: Number(found['segment']), sequence: Number(found['sequence']), row: Number(found['row']), version: Number(found['version']), epoch: Number(found['epoch']), revision: Number(found['revision']),
  role: found['role'] === 'challenger' ? 'challenger' : 'champion', stale: found['stale'] === true, guard: textOf(found['guard']), output: numberOf(found['output']), rawOutput: numberOf(found['raw_output']),
  latencyMs: numberOf(found['latency_ms']), inputs: typeof found['inputs'] === 'string' ? (JSON.parse(found['inputs']) as Record<string, Cell>) : null,
});

const textOf = (cell: Cell | undefined): string | null => (typeof cell === 'string' ? cell : null);
const numberOf = (cell: Cell | undefined): number | null => (cell === null || cell === undefined ? null : Number(cell));
