import { isStorable } from '../contracts/storable-text.js';
import type { RowIdentities } from '../observations/segment-format.js';
import { type InputTensor, invalid, isJsonObject, type JsonObject, quoted, readInputTensor } from './input-tensor.js';

/** What a caller says about a request beside its values: whose prediction it is, and of when. */
export interface RequestIdentity {
  /** null: one is made. */
  readonly predictionId: string | null;
  /** What sticks to a version during a canary. */
  readonly entityKey: string | null;
  /** Milliseconds since 1970; null: the time of receipt. */
  readonly eventTimeMs: number | null;
}

/** Inputs that are no features: one value for each row of a batch instead of one parameter for all of them. */
const ROW_INPUTS = { predictionIds: 'perennial_prediction_id', entityKeys: 'perennial_entity_key', eventTimes: 'perennial_event_time' } as const;
const RESERVED: ReadonlySet<string> = new Set(Object.values(ROW_INPUTS));
const RESERVED_START = 'perennial_';

const MAX_TEXT = 200;
/** How far an event time may lie ahead of its receipt, in milliseconds: room for a clock or a time zone that is wrong. Behind it may lie any time: past years are replayed. */
const MAX_AHEAD_MS = 24 * 3_600_000;
/** The largest distance from 1970 that a date can have. */
const MAX_TIME_MS = 8.64e15;
const ISO_WITH_ZONE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})$/;

const NOTHING: RequestIdentity = { predictionId: null, entityKey: null, eventTimeMs: null };

/** The parameters `prediction_id`, `entity_key` and `event_time`. @throws PerennialError `InferenceInvalid` */
export function readIdentity(parameters: JsonObject | null): RequestIdentity {
  if (parameters === null) return NOTHING;
  const value = (name: string): unknown => (Object.hasOwn(parameters, name) ? parameters[name] : undefined);
  const [predictionId, entityKey, eventTime] = [value('prediction_id'), value('entity_key'), value('event_time')];
  return {
    predictionId: predictionId === undefined ? null : readText(predictionId, 'parameters.prediction_id'),
    entityKey: entityKey === undefined || entityKey === null ? null : readText(entityKey, 'parameters.entity_key'),
    eventTimeMs: eventTime === undefined ? null : readTime(eventTime, 'parameters.event_time'),
  };
}

/** Whether an input gives rows their ids, keys or times, and is no feature. */
export const isRowInput = (input: unknown): boolean =>
  isJsonObject(input) && typeof input.name === 'string' && input.name.startsWith(RESERVED_START) && RESERVED.has(input.name);

/**
 * Ids, keys and times that came as one value for each row.
 * @param inputs those that `isRowInput` picks
 * @param rows of the features
 * @returns null where there is none
 * @throws PerennialError `InferenceInvalid`
 */
export function readRowIdentities(inputs: readonly unknown[], rows: number): RowIdentities | null {
  if (inputs.length === 0) return null;
  const tensors = new Map<string, InputTensor>();
  inputs.forEach((input, index) => {
    const tensor = readInputTensor(input, index, rows, true);
    const what = `Input ${quoted(tensor.name)}`;
    if (tensors.has(tensor.name)) throw invalid(`${what} came twice`);
    if (tensor.columns !== 1 || tensor.rows !== rows) throw invalid(`${what} must have one value for each of the ${rows} rows, and has the shape [${tensor.shape.join(', ')}]`);
    tensors.set(tensor.name, tensor);
  });
  return {
    predictionIds: readPredictionIds(tensors.get(ROW_INPUTS.predictionIds)),
    entityKeys: readEntityKeys(tensors.get(ROW_INPUTS.entityKeys)),
    eventTimesMs: readEventTimes(tensors.get(ROW_INPUTS.eventTimes)),
  };
}

/**
 * Nobody is asked for a prediction of the days to come: such a time is a fault of the caller, and its labels would be waited for in vain.
 * @throws PerennialError `InferenceInvalid`
 */
export function checkEventTimes({ eventTimeMs }: RequestIdentity, perRow: RowIdentities | null, receivedAtMs: number): void {
  const latestMs = receivedAtMs + MAX_AHEAD_MS;
  if (eventTimeMs !== null && eventTimeMs > latestMs) throw ahead('parameters.event_time', eventTimeMs, receivedAtMs);
  const row = perRow?.eventTimesMs?.findIndex((time) => time > latestMs) ?? -1;
  if (row >= 0) throw ahead(`Input ${quoted(ROW_INPUTS.eventTimes)}, row ${row},`, perRow!.eventTimesMs![row]!, receivedAtMs);
}

const ahead = (what: string, timeMs: number, receivedAtMs: number): Error =>
  invalid(`${what} is ${new Date(timeMs).toISOString()}, more than a day ahead of the gateway's clock (${new Date(receivedAtMs).toISOString()}); an event time says when the prediction was asked for`);

function readPredictionIds(tensor: InputTensor | undefined): string[] | null {
  if (!tensor) return null;
  const ids = texts(tensor).map((value, row) => readText(value, place(tensor, row)));
  const seen = new Set<string>();
  const twice = ids.find((id) => seen.has(id) || !seen.add(id));
  if (twice !== undefined) throw invalid(`Input ${quoted(tensor.name)} names ${quoted(twice)} twice; a prediction id names one row`);
  return ids;
}

const readEntityKeys = (tensor: InputTensor | undefined): (string | null)[] | null =>
  tensor ? texts(tensor).map((value, row) => (value === null ? null : readText(value, place(tensor, row)))) : null;

function readEventTimes(tensor: InputTensor | undefined): Float64Array | null {
  if (!tensor) return null;
  if (tensor.datatype !== 'BYTES' && tensor.datatype !== 'INT64') throw invalid(`Input ${quoted(tensor.name)} must be BYTES (ISO 8601 with a zone) or INT64 (milliseconds since 1970), not ${tensor.datatype}`);
  return Float64Array.from(tensor.values, (value, row) => readTime(value, place(tensor, row)));
}

function texts(tensor: InputTensor): readonly unknown[] {
  if (tensor.datatype !== 'BYTES') throw invalid(`Input ${quoted(tensor.name)} must be BYTES, not ${tensor.datatype}`);
  return tensor.values;
}

const place = (tensor: InputTensor, row: number): string => `Input ${quoted(tensor.name)}, row ${row},`;

function readText(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT) throw invalid(`${what} must be a text of 1 to ${MAX_TEXT} characters`);
  if (!isStorable(value)) throw invalid(`${what} holds a control character or half a surrogate pair`);
  return value;
}

function readTime(value: unknown, what: string): number {
  const ms = typeof value === 'string' && ISO_WITH_ZONE.test(value) && isCalendarDay(value) ? Date.parse(value) : value;
  if (typeof ms === 'number' && Number.isFinite(ms) && Math.abs(ms) <= MAX_TIME_MS) return ms;
  throw invalid(`${what} must be a time in ISO 8601 with its zone, such as 2026-03-01T12:00:00Z, or milliseconds since 1970`);
}

/** Date.parse takes the 30th of February for the 2nd of March. */
const isCalendarDay = (iso: string): boolean => Number(iso.slice(8, 10)) <= new Date(Date.UTC(Number(iso.slice(0, 4)), Number(iso.slice(5, 7)), 0)).getUTCDate();
