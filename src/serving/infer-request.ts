import { DEFAULT_DEPLOYMENT } from '../contracts/motion.js';
import { MASK } from '../contracts/masking.js';
import { FLOAT32_MAX, type RawValue } from '../data/feature-encoding.js';
import type { UnknownCategory } from '../observations/segment-format.js';
import { DATATYPES } from './datatypes.js';
import { isRowInput, readIdentity, type RequestIdentity } from './infer-identity.js';
import { type InputTensor, invalid, isJsonObject, type JsonObject, quoted, readEncodedTensor, readInputTensor } from './input-tensor.js';
import type { ModelSignature } from './model-signature.js';

/** The parts of a request that are read before it is known which version answers. */
export interface RequestEnvelope {
  /** Echoed; undefined where the caller gave none. */
  readonly id: string | undefined;
  readonly deployment: string;
  readonly identity: RequestIdentity;
  /** Features, raw or encoded. */
  readonly inputs: readonly unknown[];
  /** Ids, keys and times of rows. */
  readonly rowInputs: readonly unknown[];
  /** Names of the outputs that are wanted; null: all. */
  readonly outputs: readonly string[] | null;
}

/** Rows as the model takes them: float32 [rows, F], missing values NaN. */
export interface EncodedRows {
  readonly rows: number;
  readonly features: Float32Array;
}

/** Rows of a request, and the texts in them that name no category of the spec. */
export interface ReadRows extends EncodedRows {
  readonly unknown: readonly UnknownCategory[];
}

const ENCODED_INPUT = 'features';
const MAX_ID_LENGTH = 1_000;
const MAX_NAMES_LISTED = 10;
const NONE: readonly never[] = [];
/** Characters of an unknown category that the observation keeps. */
const MAX_CATEGORY_KEPT = 200;

/** @throws PerennialError `InferenceInvalid` */
export function readEnvelope(body: unknown): RequestEnvelope {
  if (!isJsonObject(body)) throw invalid('The body is not a JSON object with `inputs`');
  const { id, parameters, inputs, outputs } = body;
  if (id !== undefined && (typeof id !== 'string' || id.length > MAX_ID_LENGTH)) throw invalid(`id must be a text of at most ${MAX_ID_LENGTH} characters`);
  if (!Array.isArray(inputs) || inputs.length === 0) throw invalid('`inputs` must be an array with at least one tensor');
  if (parameters !== undefined && !isJsonObject(parameters)) throw invalid('`parameters` must be an object');
  const named = parameters ?? null;
  const mixed = inputs.some(isRowInput);
  return {
    id,
    deployment: readDeployment(named),
    identity: readIdentity(named),
    inputs: mixed ? inputs.filter((input) => !isRowInput(input)) : inputs,
    rowInputs: mixed ? inputs.filter(isRowInput) : NONE,
    outputs: readOutputs(outputs),
  };
}

function readDeployment(parameters: JsonObject | null): string {
  if (parameters === null) return DEFAULT_DEPLOYMENT;
  if (!Object.hasOwn(parameters, 'deployment')) return DEFAULT_DEPLOYMENT;
  const { deployment } = parameters;
  if (typeof deployment !== 'string' || deployment === '') throw invalid('parameters.deployment must be the name of a deployment');
  return deployment;
}

/** The deployment that a body asks for, whatever else is wrong with it; null where it cannot be told. */
export function namedDeployment(body: unknown): string | null {
  if (!isJsonObject(body)) return null;
  const { parameters } = body;
  if (parameters !== undefined && !isJsonObject(parameters)) return null;
  const named = parameters && Object.hasOwn(parameters, 'deployment') ? parameters.deployment : DEFAULT_DEPLOYMENT;
  return typeof named === 'string' ? named : null;
}

function readOutputs(outputs: unknown): readonly string[] | null {
  if (outputs === undefined) return null;
  if (!Array.isArray(outputs)) throw invalid('`outputs` must be an array of objects with a name');
  const names = outputs.map((output: unknown, index) => {
    if (!isJsonObject(output) || typeof output.name !== 'string') throw invalid(`outputs[${index}] is not an object with a name`);
    return output.name;
  });
  return names.length === 0 ? null : names;
}

/** @throws PerennialError `InferenceInvalid` when the model has no such output, or one is asked for twice */
export function checkOutputs(wanted: readonly string[] | null, known: readonly string[]): void {
  if (!wanted) return;
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw invalid(`The model has no output ${listed(unknown)}; its outputs are ${listed(known)}`);
  if (new Set(wanted).size !== wanted.length) throw invalid('`outputs` names an output twice');
}

/**
 * The rows of a request: either one tensor `features` [N, F] that is encoded already, or a tensor for each feature with
 * raw values. A model with a feature named `features` takes raw values only.
 * @param others names that are no features of this version but of another that is in service: passed over
 * @throws PerennialError `InferenceInvalid`, `BodyTooLarge`
 */
export function readRows(inputs: readonly unknown[], signature: ModelSignature, maxRows: number, others?: ReadonlySet<string>): ReadRows {
  if (inputs.length === 0) throw invalid('`inputs` holds no features; send `features`, or a tensor for each feature');
  const encoded = inputs.find(isEncodedInput);
  if (encoded !== undefined && !signature.indexOf.has(ENCODED_INPUT)) {
    if (inputs.length > 1) throw invalid('`features` holds whole rows, so it must be the only input');
    return readEncoded(encoded, signature, maxRows);
  }
  return readByFeature(inputs, signature, maxRows, others);
}

/** Whether an input holds whole encoded rows, unless the model has a feature of that name. */
export const isEncodedInput = (input: unknown): boolean => isJsonObject(input) && input.name === ENCODED_INPUT;

function readEncoded(raw: unknown, signature: ModelSignature, maxRows: number): ReadRows {
  const width = signature.features.length;
  const { rows, columns, shape, features } = readEncodedTensor(raw, FLOAT32_MAX, maxRows, signature.discreet);
  if (shape.length !== 2 || columns !== width) {
    throw invalid(`Input "features" must have the shape [rows, ${width}], one column for each feature of the model, and has [${shape.join(', ')}]`);
  }
  checkCodes(features, signature);
  return { rows, features, unknown: NONE };
}

/** A code that stands for no category is a fault of the caller; a model may answer anything, or fail. */
function checkCodes(features: Float32Array, { coded, discreet, features: { length: width } }: ModelSignature): void {
  for (const { name, column, codes } of coded) {
    for (let at = column; at < features.length; at += width) {
      const code = features[at]!;
      if ((code >= 0 && code < codes && Number.isInteger(code)) || Number.isNaN(code)) continue;
      throw invalid(`Input "features" has a value in row ${(at - column) / width}, column ${column} that is no code of ${name}: ${discreet ? MASK : code}; send 0 to ${codes - 1}, the place in the spec's categories, or null`);
    }
  }
}

function readByFeature(inputs: readonly unknown[], signature: ModelSignature, maxRows: number, others?: ReadonlySet<string>): ReadRows {
  checkNames(inputs, signature, others);
  const width = signature.features.length;
  let rows = 0;
  let features = new Float32Array(0);
  const unknown: UnknownCategory[] = [];
  inputs.forEach((raw, index) => {
    const tensor = readInputTensor(raw, index, maxRows, signature.discreet);
    if (index === 0) {
      rows = tensor.rows;
      features = new Float32Array(rows * width);
    }
    if (tensor.rows !== rows) throw invalid(`Input ${quoted(tensor.name)} has ${tensor.rows} rows and the inputs before it ${rows}`);
    if (signature.indexOf.has(tensor.name) || !others?.has(tensor.name)) encodeColumn(tensor, signature, features, unknown);
  });
  return { rows, features, unknown };
}

/** Each feature exactly once; every fault is named. */
function checkNames(inputs: readonly unknown[], { features, indexOf }: ModelSignature, others?: ReadonlySet<string>): void {
  const seen = new Set<string>();
  const [unknown, twice] = [new Set<string>(), new Set<string>()];
  for (const input of inputs) {
    const name = isJsonObject(input) && typeof input.name === 'string' ? input.name : undefined;
    if (name === undefined) continue;
    if (seen.has(name)) twice.add(name);
    else if (!indexOf.has(name) && !others?.has(name)) unknown.add(name);
    seen.add(name);
  }
  if (unknown.size === 0 && twice.size === 0 && features.every(({ name }) => seen.has(name))) return;
  const missing = features.map(({ name }) => name).filter((name) => !seen.has(name));
  const faults = [
    ...(unknown.size > 0 ? [`the model has no feature ${listed([...unknown])}`] : []),
    ...(twice.size > 0 ? [`${listed([...twice])} came twice`] : []),
    ...(missing.length > 0 ? [`${listed(missing)} ${missing.length === 1 ? 'is' : 'are'} missing (send null for values that are not known)`] : []),
  ];
  // An input without a name is told by its place when it is read.
  if (inputs.every((input) => isJsonObject(input) && typeof input.name === 'string')) {
    throw invalid(`The inputs do not fit the model: ${faults.join('; ')}`);
  }
}

function encodeColumn(tensor: InputTensor, { features, indexOf, encoder }: ModelSignature, target: Float32Array, unknown: UnknownCategory[]): void {
  const index = indexOf.get(tensor.name);
  const feature = index === undefined ? undefined : features[index];
  if (index === undefined || !feature) throw invalid(`The model has no feature ${quoted(tensor.name)}`);
  if (tensor.columns !== 1) throw invalid(`Input ${quoted(tensor.name)} is a feature and must have the shape [rows] or [rows, 1], not [${tensor.shape.join(', ')}]`);
  const { kind } = DATATYPES[tensor.datatype];
  if (feature.type === 'number' && kind === 'text') throw invalid(`Feature ${tensor.name} is a number: send FP32, FP64 or an integer type, not BYTES`);
  if (feature.type === 'category' && kind === 'number') throw invalid(`Feature ${tensor.name} is a category: send its text as BYTES, not ${tensor.datatype}`);
  for (let row = 0; row < tensor.rows; row++) {
    const value = tensor.values[row] as RawValue;
    const code = encoder.encodeValue(index, value);
    target[row * features.length + index] = code;
    if (feature.type === 'category' && Number.isNaN(code) && value !== null) unknown.push({ row, feature: index, text: String(value).slice(0, MAX_CATEGORY_KEPT) });
  }
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES_LISTED).map(quoted).join(', ');
  return names.length > MAX_NAMES_LISTED ? `${shown} and ${names.length - MAX_NAMES_LISTED} more` : shown;
}
