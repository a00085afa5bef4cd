import { randomUUID } from 'node:crypto';
import { PerennialError } from '../contracts/failures.js';
import { jsonFault } from '../contracts/json-fault.js';
import { readFloat32List } from './float32-list.js';
import { isJsonObject, type JsonObject } from './input-tensor.js';

const MAX_DEPTH = 32;
/** Lists and objects: so many cost no more than the largest tensor, while a body full of empty ones would hold up every other request for seconds. */
const MAX_PARTS = 1_000_000;
/** A body this small cannot nest deep enough to cost anything; larger ones are measured before they are parsed. */
const MEASURED_FROM_BYTES = 64 * 1024;
/** From this size on, finding the numbers first is worth it. */
const LIFTED_FROM_BYTES = 256;
/** As JSON.stringify and Python's json.dumps write it. Inside of a text its quotes would be escaped. */
const DATA_KEYS = ['"data":[', '"data": ['].map((key) => Buffer.from(key));
/** Stands for the numbers; nobody can know it. */
const PLACE = randomUUID();
const PLACE_JSON = JSON.stringify(PLACE);
const NOT_A_NUMBER = /[\s,[:]-?(?:NaN|Infinity)\b/;

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

/**
 * The JSON value of a request body. Members come as `JSON.parse` makes them: own properties only, so that a
 * `__proto__` in the body changes no prototype.
 * @throws PerennialError `InferenceInvalid`
 */
export function parseJsonBody(body: Buffer): unknown {
  if (body.byteLength >= MEASURED_FROM_BYTES && nestsDeeperThan(body, MAX_DEPTH)) {
    throw new PerennialError('InferenceInvalid', `The body nests deeper than ${MAX_DEPTH} levels, of which an inference request needs five, or holds more than ${MAX_PARTS} lists and objects`);
  }
  const large = body.byteLength >= LIFTED_FROM_BYTES ? parseAroundFeatures(body) : undefined;
  if (large !== undefined) return large;
  const text = body.toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw notJson(text, error as SyntaxError);
  }
}

/**
 * A request with one large tensor `features`: its numbers are read straight into float32, and only what is around them is
 * parsed, with a text in their place. The result is what JSON.parse gives, but for `data`, a Float32Array.
 * @returns undefined for every other body, also one with a fault, which JSON.parse names
 */
function parseAroundFeatures(body: Buffer): unknown {
  const start = startOfData(body);
  const list = start < 0 ? null : readFloat32List(body, start);
  if (!list || list.end - start < body.byteLength / 2) return undefined;
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8', 0, start - 1) + PLACE_JSON + body.toString('utf8', list.end));
    const input = onlyInput(parsed);
    // In any other place, or where `data` comes twice, the text did not stand for the features.
    if (!input || input.data !== PLACE || input.name !== 'features' || input.datatype !== 'FP32') return undefined;
    (input as Record<string, unknown>).data = list.values;
    return parsed;
  } catch {
    return undefined;
  }
}

/** @returns place after the opening bracket, or -1 */
function startOfData(body: Buffer): number {
  for (const key of DATA_KEYS) {
    const at = body.indexOf(key);
    if (at >= 0) return at + key.length;
  }
  return -1;
}

function onlyInput(request: unknown): JsonObject | undefined {
  if (!isJsonObject(request) || !Array.isArray(request.inputs) || request.inputs.length !== 1) return undefined;
  const input: unknown = request.inputs[0];
  return isJsonObject(input) ? input : undefined;
}

function notJson(text: string, error: SyntaxError): PerennialError {
  if (text.trim() === '') return new PerennialError('InferenceInvalid', 'The request has no body; send an inference request as JSON');
  const hint = NOT_A_NUMBER.test(text) ? '; NaN and Infinity are no JSON: send null where a value is missing' : '';
  return new PerennialError('InferenceInvalid', `The body is not JSON: ${jsonFault(error)}${hint}`);
}

/** Counts brackets outside strings, without building anything; more than `MAX_PARTS` count as too deep. */
export function nestsDeeperThan(json: Uint8Array, limit: number): boolean {
  if (opensAtMost(json, limit)) return false;
  let [depth, parts] = [0, 0];
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) at = endOfString(json, at);
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      depth += 1;
      parts += 1;
      if (depth > limit || parts > MAX_PARTS) return true;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1;
  }
  return false;
}

/** Whether there are so few opening brackets at all, as in a large flat tensor; a search for a byte is many times as quick as a loop. */
function opensAtMost(json: Uint8Array, limit: number): boolean {
  let left = limit;
  for (const bracket of [OPEN_LIST, OPEN_OBJECT]) {
    for (let at = json.indexOf(bracket); at >= 0; at = json.indexOf(bracket, at + 1)) if (--left < 0) return false;
  }
  return true;
}

function endOfString(json: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
