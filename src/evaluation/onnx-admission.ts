import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { AdmittedModel, TensorSignature } from '../contracts/admitted-model.js';
import { sha256 } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { signatureFaults } from './model-signature.js';
import { readOnnxModel, type OnnxModel } from './onnx-model.js';
import { MalformedProtobuf } from './protobuf-reader.js';

export const DEFAULT_MAX_MODEL_BYTES = 512 * 1024 * 1024;

/** What onnxruntime-node 1.30.0 was seen to load: the newest of each is where loading begins to fail. */
const IR_VERSIONS = { oldest: 3, newest: 13 };
const OPSETS: Readonly<Record<string, { oldest: number; newest: number }>> = {
  '': { oldest: 7, newest: 26 },
  'ai.onnx.ml': { oldest: 1, newest: 5 },
};
const DOMAINS = new Set(['', 'ai.onnx', 'ai.onnx.ml']);

/** Operators whose answer is drawn at random: the same row must get the same answer twice. */
const RANDOM_OPERATORS = new Set(['RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike', 'Multinomial', 'Bernoulli']);

/**
 * Judges a model file before any runtime opens it; the bytes are read once, through a handle, and are the bytes that the
 * digest is of. Refused are: what is not a regular file, a file over the limit, pickles and archives, anything that
 * is not a whole ModelProto, tensors in other files (whatever the path: the runtime followed hard links), operators
 * outside ONNX's own two domains, functions, random operators, versions that the runtime does not take, training
 * graphs, and inputs and outputs that are not the spec's. All other operators of the standard domains are allowed. What
 * a model costs to run is bounded elsewhere: the runtime opens it in a process of its own (isolated-process.ts).
 * @throws PerennialError `ModelRefused`, with all reasons in `details.reasons`
 */
export async function admitModel(
  path: string, spec: Pick<ModelSpec, 'task' | 'data'>, maxBytes = DEFAULT_MAX_MODEL_BYTES,
): Promise<AdmittedModel> {
  const file = await readRegularFile(path, maxBytes);
  const foreign = foreignFormat(file);
  if (foreign) refuse([`${foreign}; export the model to ONNX`]);
  const model = parse(file);
  const reasons = [...containerFaults(model), ...operatorFaults(model), ...versionFaults(model), ...signatureFaults(spec, inputsOf(model), model.outputs)];
  if (reasons.length > 0) refuse(reasons);
  return {
    digest: sha256(file),
    bytes: file.byteLength,
    irVersion: model.irVersion,
    opset: Object.fromEntries([...model.opsets].map(([domain, version]) => [domain || 'ai.onnx', version])),
    operators: Object.fromEntries(model.operators),
    producer: model.producer,
    inputs: inputsOf(model),
    outputs: model.outputs,
  };
}

/** Without following a link, and without waiting at a pipe. */
async function readRegularFile(path: string, maxBytes: number): Promise<Buffer> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP' || code === 'EMLINK') refuse([`${path} is a symbolic link; the model must be a file of its own`]);
    if (code === 'ENOENT') refuse([`${path} does not exist`]);
    throw error;
  });
  try {
    const found = await handle.stat();
    if (!found.isFile()) refuse([`${path} is not a regular file`]);
    if (found.size > maxBytes) refuse([`it has ${found.size} bytes and the limit is ${maxBytes}`]);
    if (found.size === 0) refuse(['it is empty']);
    const bytes = Buffer.alloc(found.size);
    let filled = 0;
    for (let got = 1; got > 0 && filled < found.size; filled += got) got = (await handle.read(bytes, filled, found.size - filled, filled)).bytesRead;
    if (filled < found.size) refuse(['it became shorter while it was read']);
    return bytes;
  } finally {
    await handle.close();
  }
}

const startsWith = (file: Buffer, ...bytes: number[]): boolean => bytes.every((byte, index) => file[index] === byte);

/** Formats that carry code or other files, by their first bytes. */
function foreignFormat(file: Buffer): string | undefined {
  if (file[0] === 0x80 && file[1]! >= 1 && file[1]! <= 5) return `it is a Python pickle (protocol ${file[1]}), which runs code when it is opened`;
  if (/^(c[\w.]+\n[\w.]+\n|\((?:[Ild]|[cS].*\n))/.test(file.toString('latin1', 0, 200))) return 'it is a Python pickle (protocol 0), which runs code when it is opened';
  if (startsWith(file, 0x50, 0x4b, 0x03, 0x04) || startsWith(file, 0x50, 0x4b, 0x05, 0x06)) return 'it is a zip archive, as PyTorch, Keras and NumPy write them';
  if (startsWith(file, 0x1f, 0x8b)) return 'it is compressed with gzip';
  if (startsWith(file, 0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59)) return 'it is a NumPy file, which may hold a pickle';
  if (startsWith(file, 0x89, 0x48, 0x44, 0x46)) return 'it is an HDF5 file';
  if (file.toString('latin1', 257, 262) === 'ustar') return 'it is a tar archive';
  if (file.toString('latin1', 4, 8) === 'ORTM') return 'it is in the format of one runtime version (ORT)';
  return undefined;
}

function parse(file: Buffer): OnnxModel {
  try {
    return readOnnxModel(file);
  } catch (error) {
    if (error instanceof MalformedProtobuf) refuse([`it is no whole ONNX file: ${error.message}`]);
    throw error;
  }
}

/** Before IR version 4 initializers are listed among the inputs. */
const inputsOf = (model: OnnxModel): TensorSignature[] => model.inputs.filter(({ name }) => !model.initializers.has(name));

function containerFaults(model: OnnxModel): string[] {
  const faults = model.externalData.slice(0, 20).map(
    ({ tensor, location }) => `tensor ${JSON.stringify(tensor)} keeps its data in another file (${JSON.stringify(location)}); save the model as one file`,
  );
  if (model.externalData.length > 20) faults.push(`${model.externalData.length - 20} more tensors keep their data in other files`);
  if (model.functions.length > 0) faults.push(`it defines functions of its own (${model.functions.slice(0, 10).join(', ')}); inline them`);
  if (model.hasTrainingInfo) faults.push('it carries a training graph; export it for inference');
  return faults;
}

function operatorFaults(model: OnnxModel): string[] {
  const faults: string[] = [];
  for (const name of model.operators.keys()) {
    const dot = name.lastIndexOf('.');
    const [domain, operator] = dot < 0 ? ['', name] : [name.slice(0, dot), name.slice(dot + 1)];
    if (!DOMAINS.has(domain)) faults.push(`operator ${operator} is of the domain ${domain}; only ai.onnx and ai.onnx.ml are allowed`);
    else if (operator === 'ZipMap') faults.push('it ends in a ZipMap, whose output is no tensor; export with zipmap=False, or remove the node and name its input probabilities');
    else if (RANDOM_OPERATORS.has(operator)) faults.push(`operator ${operator} answers at random`);
  }
  for (const domain of model.opsets.keys()) if (!DOMAINS.has(domain)) faults.push(`it imports operators of the domain ${domain}; only ai.onnx and ai.onnx.ml are allowed`);
  return faults;
}

function versionFaults(model: OnnxModel): string[] {
  const faults: string[] = [];
  if (model.irVersion < IR_VERSIONS.oldest || model.irVersion > IR_VERSIONS.newest) {
    faults.push(`its IR version is ${model.irVersion}; the runtime takes ${IR_VERSIONS.oldest} to ${IR_VERSIONS.newest}`);
  }
  if (!model.opsets.has('')) faults.push('it does not say which version of the operator set ai.onnx it uses');
  for (const [domain, version] of model.opsets) {
    const range = OPSETS[domain];
    if (range && (version < range.oldest || version > range.newest)) {
      faults.push(`it uses operator set ${domain || 'ai.onnx'} ${version}; the runtime takes ${range.oldest} to ${range.newest}, so export with one of those`);
    }
  }
  return faults;
}

function refuse(reasons: readonly string[]): never {
  throw new PerennialError('ModelRefused', `The model file is refused: ${reasons.join('; ')}`, { reasons });
}
