import { PerennialError } from '../contracts/failures.js';
import { MASK } from '../contracts/masking.js';
import { DATATYPES, type Datatype, isDatatype } from './datatypes.js';

/** One input of a request, its shape and data agreeing with each other. */
export interface InputTensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** [N] or [N, C] */
  readonly shape: readonly number[];
  readonly rows: number;
  /** C, 1 for rank 1. */
  readonly columns: number;
  /** N × C values in row-major order: of the datatype, or null where one is missing. */
  readonly values: readonly unknown[];
}

export type JsonObject = Readonly<Record<string, unknown>>;

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const invalid = (message: string): PerennialError => new PerennialError('InferenceInvalid', message);

/** A name of the caller's, fit for a message. */
export const quoted = (name: string): string => JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);

/**
 * Reads an input as the protocol describes it: data flat or nested by rows.
 * @param discreet whether refusals quote no value
 * @throws PerennialError `InferenceInvalid`, or `BodyTooLarge` for more than `maxRows` rows
 */
export function readInputTensor(raw: unknown, index: number, maxRows: number, discreet = false): InputTensor {
  if (!isJsonObject(raw)) throw invalid(`inputs[${index}] is not an object with name, shape, datatype and data`);
  const { name, datatype, parameters, data } = raw;
  if (typeof name !== 'string' || name === '') throw invalid(`inputs[${index}].name is missing; it names a feature of the model, or \`features\``);
  const what = `Input ${quoted(name)}`;
  if (!isDatatype(datatype)) throw invalid(`${what} has no known datatype; use one of ${Object.keys(DATATYPES).join(', ')}`);
  if (isJsonObject(parameters) && Object.hasOwn(parameters, 'binary_data_size')) {
    throw invalid(`${what} announces binary data, which this server does not take; send its values as JSON in \`data\``);
  }
  const [rows, columns] = readShape(raw.shape, what);
  if (rows > maxRows) {
    throw new PerennialError('BodyTooLarge', `${what} has ${rows} rows and a request at most ${maxRows}; send it in parts`, { rows, maxRows });
  }
  const values = flatten(data, rows, columns, what);
  checkValues(values, datatype, columns, { what, discreet });
  return { name, datatype, shape: raw.shape as number[], rows, columns, values };
}

/** Whole rows of a request, encoded as the model takes them. */
export interface EncodedTensor {
  readonly shape: readonly number[];
  readonly rows: number;
  readonly columns: number;
  /** float32 [rows, columns], missing values NaN */
  readonly features: Float32Array;
}

/**
 * Reads an FP32 tensor straight into float32: the values are checked while they are copied, which is most of what a
 * large request costs beside its parsing and the model.
 * @throws as {@link readInputTensor}
 */
export function readEncodedTensor(raw: unknown, largest: number, maxRows: number, discreet = false): EncodedTensor {
  const { data, shape, datatype, parameters } = raw as JsonObject;
  const known = datatype === 'FP32' && parameters === undefined && Array.isArray(shape) && shape.length === 2 && (data instanceof Float32Array || (Array.isArray(data) && !Array.isArray(data[0])));
  const [rows, columns] = known ? (shape as number[]) as [number, number] : [0, 0];
  if (known && rows > 0 && columns > 0 && rows <= maxRows && data.length === rows * columns) {
    const features = data instanceof Float32Array ? data : copyOf(data, largest);
    if (features && Number.isSafeInteger(rows)) return { shape: shape as number[], rows, columns, features };
  }
  return encodedSlowly(raw, maxRows, discreet);
}

/** @returns undefined when a value is not what FP32 holds */
function copyOf(data: readonly unknown[], largest: number): Float32Array | undefined {
  const features = new Float32Array(data.length);
  for (let at = 0; at < features.length; at++) {
    const value = data[at];
    if (typeof value === 'number' && value <= largest && value >= -largest) features[at] = value;
    else if (value === null) features[at] = NaN;
    else return undefined;
  }
  return features;
}

/** Nested data, and everything that has a fault to be named. */
function encodedSlowly(raw: unknown, maxRows: number, discreet: boolean): EncodedTensor {
  const { name, datatype, shape, rows, columns, values } = readInputTensor(raw, 0, maxRows, discreet);
  if (datatype !== 'FP32') throw invalid(`Input ${quoted(name)} must be FP32, not ${datatype}`);
  return { shape, rows, columns, features: Float32Array.from(values, (value) => (value ?? NaN) as number) };
}

function readShape(shape: unknown, what: string): [rows: number, columns: number] {
  if (!Array.isArray(shape) || shape.length === 0 || shape.length > 2) {
    throw invalid(`${what} needs a shape of one or two dimensions, [rows] or [rows, columns]`);
  }
  if (!shape.every((length) => Number.isSafeInteger(length) && (length as number) >= 0)) {
    throw invalid(`${what} has a shape that is not made of counts: ${JSON.stringify(shape).slice(0, 100)}`);
  }
  const [rows, columns] = [shape[0] as number, (shape[1] ?? 1) as number];
  if (rows === 0 || columns === 0) throw invalid(`${what} is empty: its shape is [${shape.join(', ')}]; send at least one row`);
  return [rows, columns];
}

function flatten(given: unknown, rows: number, columns: number, what: string): readonly unknown[] {
  if (given instanceof Float32Array && given.length !== rows * columns) throw unfilled(given.length, rows, columns, what);
  // Numbers of a large body come as float32; NaN was null.
  const data: unknown = given instanceof Float32Array ? Array.from(given, (value) => (Number.isNaN(value) ? null : value)) : given;
  if (!Array.isArray(data)) throw invalid(`${what} has no \`data\` array`);
  if (!Array.isArray(data[0])) {
    if (data.length !== rows * columns) throw unfilled(data.length, rows, columns, what);
    return data;
  }
  if (data.length !== rows) throw invalid(`${what} has ${data.length} rows of data, but its shape asks for ${rows}`);
  const flat: unknown[] = [];
  for (let row = 0; row < rows; row++) {
    const cells: unknown = data[row];
    if (!Array.isArray(cells) || cells.length !== columns) throw invalid(`${what} has a row ${row} that is not an array of ${columns} value${columns === 1 ? '' : 's'}`);
    for (let column = 0; column < columns; column++) flat.push(cells[column]);
  }
  return flat;
}

const unfilled = (values: number, rows: number, columns: number, what: string): PerennialError =>
  invalid(`${what} has ${values} values, but its shape asks for ${rows} × ${columns} = ${rows * columns}`);

function checkValues(values: readonly unknown[], datatype: Datatype, columns: number, { what, discreet }: { readonly what: string; readonly discreet: boolean }): void {
  const { holds } = DATATYPES[datatype];
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (value === null || holds(value)) continue;
    const place = columns === 1 ? `row ${at}` : `row ${Math.floor(at / columns)}, column ${at % columns}`;
    throw invalid(`${what} has a value in ${place} that is no ${datatype}: ${discreet ? MASK : describe(value)}; send null where a value is missing`);
  }
}

function describe(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'an object';
}
