import type { TensorSignature } from '../contracts/admitted-model.js';
import { fieldsOf, MalformedProtobuf, messageOf, stringOf, varintsOf, type Field } from './protobuf-reader.js';

/** What admission needs to know of an ONNX file. Everything counts wherever it is nested. */
export interface OnnxModel {
  readonly irVersion: number;
  readonly producer: string;
  /** Version of each imported operator set, by domain; `''` is ONNX's own. Functions' imports included: the highest. */
  readonly opsets: ReadonlyMap<string, number>;
  /** How often each operator occurs, as `domain.OpType` (no domain: `OpType`). */
  readonly operators: ReadonlyMap<string, number>;
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
  /** Names of the graph's initializers; before IR version 4 those are listed among its inputs too. */
  readonly initializers: ReadonlySet<string>;
  /** Tensors that keep their data in another file, with the location that they name. */
  readonly externalData: readonly { readonly tensor: string; readonly location: string }[];
  readonly functions: readonly string[];
  readonly hasTrainingInfo: boolean;
}

/** protobuf's own readers stop at 100 messages within each other. */
const MAX_DEPTH = 100;
const MAX_DISTINCT = 10_000;

/** TensorProto.DataType. */
const ELEMENT_TYPES: readonly string[] = [
  'undefined', 'float32', 'uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', 'string', 'bool', 'float16', 'float64',
  'uint32', 'uint64', 'complex64', 'complex128', 'bfloat16', 'float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2',
  'float8e5m2fnuz', 'uint4', 'int4', 'float4e2m1', 'float8e8m0', 'uint2', 'int2',
];
/** TypeProto's oneof, by field number. */
const KINDS: Readonly<Record<number, string>> = { 1: 'tensor', 4: 'sequence', 5: 'map', 7: 'opaque', 8: 'sparse tensor', 9: 'optional' };

interface Findings {
  readonly operators: Map<string, number>;
  readonly opsets: Map<string, number>;
  readonly externalData: { tensor: string; location: string }[];
}

interface Graph {
  readonly inputs: TensorSignature[];
  readonly outputs: TensorSignature[];
  readonly initializers: Set<string>;
}

const emptyGraph = (): Graph => ({ inputs: [], outputs: [], initializers: new Set() });

/**
 * Reads a ModelProto (field numbers: onnx/onnx.proto of ONNX 1.23) without any code of the runtime. Where a field that
 * occurs once comes several times, everything in it counts, so that nothing hides behind the last one.
 * @throws MalformedProtobuf when the bytes are no ModelProto, or nest deeper than protobuf allows.
 */
export function readOnnxModel(file: Uint8Array): OnnxModel {
  const findings: Findings = { operators: new Map(), opsets: new Map(), externalData: [] };
  const graph = emptyGraph();
  const functions: string[] = [];
  let [irVersion, name, version, hasGraph, hasTrainingInfo] = [0, '', '', false, false];
  for (const field of fieldsOf(file)) {
    switch (field.number) {
      case 1: irVersion = Number(field.varint); break;
      case 2: name = stringOf(field); break;
      case 3: version = stringOf(field); break;
      case 7: hasGraph = true; readGraph(messageOf(field), findings, graph, 1); break;
      case 8: readOpset(messageOf(field), findings); break;
      case 20: hasTrainingInfo = true; readTraining(messageOf(field), findings); break;
      case 25: functions.push(readFunction(messageOf(field), findings)); break;
    }
  }
  if (!hasGraph) throw new MalformedProtobuf('it holds no graph');
  const producer = [name, version].filter(Boolean).join(' ');
  return { irVersion, producer, ...findings, ...graph, functions, hasTrainingInfo };
}

/** GraphProto: node 1, initializer 5, input 11, output 12, value_info 13, sparse_initializer 15. */
function readGraph(message: Uint8Array, findings: Findings, graph: Graph, depth: number): void {
  if (depth > MAX_DEPTH) throw new MalformedProtobuf(`graphs are nested more than ${MAX_DEPTH} deep`);
  for (const field of fieldsOf(message)) {
    switch (field.number) {
      case 1: readNode(messageOf(field), findings, depth + 1); break;
      case 5: graph.initializers.add(readTensor(messageOf(field), findings)); break;
      case 11: graph.inputs.push(readValueInfo(messageOf(field))); break;
      case 12: graph.outputs.push(readValueInfo(messageOf(field))); break;
      case 15: graph.initializers.add(readSparse(messageOf(field), findings)); break;
    }
  }
}

/** NodeProto: op_type 4, attribute 5, domain 7. */
function readNode(message: Uint8Array, findings: Findings, depth: number): void {
  let [operator, domain] = ['', ''];
  for (const field of fieldsOf(message)) {
    if (field.number === 4) operator = stringOf(field);
    if (field.number === 7) domain = stringOf(field);
    if (field.number === 5) readAttribute(messageOf(field), findings, depth + 1);
  }
  const name = domain === '' ? operator : `${domain}.${operator}`;
  findings.operators.set(name, (findings.operators.get(name) ?? 0) + 1);
  if (findings.operators.size > MAX_DISTINCT) throw new MalformedProtobuf(`it names more than ${MAX_DISTINCT} different operators`);
}

/** AttributeProto: t 5, g 6, tensors 10, graphs 11, sparse_tensor 22, sparse_tensors 23. */
function readAttribute(message: Uint8Array, findings: Findings, depth: number): void {
  for (const field of fieldsOf(message)) {
    if (field.number === 5 || field.number === 10) readTensor(messageOf(field), findings);
    if (field.number === 6 || field.number === 11) readGraph(messageOf(field), findings, emptyGraph(), depth + 1);
    if (field.number === 22 || field.number === 23) readSparse(messageOf(field), findings);
  }
}

/** TensorProto: name 8, external_data 13 (entries, key `location`), data_location 14 (1 is EXTERNAL). */
function readTensor(message: Uint8Array, findings: Findings): string {
  let [name, external, location] = ['', false, ''];
  for (const field of fieldsOf(message)) {
    if (field.number === 8) name = stringOf(field);
    if (field.number === 13) {
      external = true;
      location = readEntry(messageOf(field)).location ?? location;
    }
    if (field.number === 14 && field.varint !== 0n) external = true;
  }
  if (external && findings.externalData.length < MAX_DISTINCT) findings.externalData.push({ tensor: name, location });
  return name;
}

/** SparseTensorProto: values 1, indices 2; it is named by its values. */
function readSparse(message: Uint8Array, findings: Findings): string {
  let name = '';
  for (const field of fieldsOf(message)) {
    if (field.number === 1) name = readTensor(messageOf(field), findings);
    if (field.number === 2) readTensor(messageOf(field), findings);
  }
  return name;
}

/** FunctionProto: name 1, node 7, opset_import 9, domain 10, attribute_proto 11. */
function readFunction(message: Uint8Array, findings: Findings): string {
  let [name, domain] = ['', ''];
  for (const field of fieldsOf(message)) {
    if (field.number === 1) name = stringOf(field);
    if (field.number === 10) domain = stringOf(field);
    if (field.number === 7) readNode(messageOf(field), findings, 2);
    if (field.number === 9) readOpset(messageOf(field), findings);
    if (field.number === 11) readAttribute(messageOf(field), findings, 2);
  }
  return domain === '' ? name : `${domain}.${name}`;
}

/** TrainingInfoProto: initialization 1, algorithm 2. */
function readTraining(message: Uint8Array, findings: Findings): void {
  for (const field of fieldsOf(message)) if (field.number === 1 || field.number === 2) readGraph(messageOf(field), findings, emptyGraph(), 1);
}

/** OperatorSetIdProto: domain 1, version 2. `ai.onnx` is another name of the empty domain. */
function readOpset(message: Uint8Array, findings: Findings): void {
  let [domain, version] = ['', 0];
  for (const field of fieldsOf(message)) {
    if (field.number === 1) domain = stringOf(field);
    if (field.number === 2) version = Number(field.varint);
  }
  if (domain === 'ai.onnx') domain = '';
  findings.opsets.set(domain, Math.max(version, findings.opsets.get(domain) ?? version));
}

/** StringStringEntryProto: key 1, value 2. */
function readEntry(message: Uint8Array): Record<string, string> {
  let [key, value] = ['', ''];
  for (const field of fieldsOf(message)) {
    if (field.number === 1) key = stringOf(field);
    if (field.number === 2) value = stringOf(field);
  }
  return { [key]: value };
}

/** ValueInfoProto: name 1, type 2. */
function readValueInfo(message: Uint8Array): TensorSignature {
  let [name, info]: [string, Omit<TensorSignature, 'name'>] = ['', { kind: 'untyped', elementType: 'undefined', shape: null }];
  for (const field of fieldsOf(message)) {
    if (field.number === 1) name = stringOf(field);
    if (field.number === 2) info = readType(messageOf(field));
  }
  return { name, ...info };
}

/** TypeProto; its tensor_type: elem_type 1, shape 2. */
function readType(message: Uint8Array): Omit<TensorSignature, 'name'> {
  let kind = 'untyped';
  let elementType = 'undefined';
  let shape: TensorSignature['shape'] = null;
  for (const field of fieldsOf(message)) {
    kind = KINDS[field.number] ?? kind;
    if (field.number !== 1) continue;
    for (const part of fieldsOf(messageOf(field))) {
      if (part.number === 1) elementType = ELEMENT_TYPES[Number(part.varint)] ?? `type ${part.varint}`;
      if (part.number === 2) shape = readShape(messageOf(part));
    }
  }
  return { kind, elementType, shape };
}

/** TensorShapeProto: dim 1, with dim_value 1 or dim_param 2. */
function readShape(message: Uint8Array): (number | null)[] {
  const shape: (number | null)[] = [];
  for (const field of fieldsOf(message)) if (field.number === 1) shape.push(readDimension(field));
  return shape;
}

function readDimension(field: Field): number | null {
  let size: number | null = null;
  for (const part of fieldsOf(messageOf(field))) if (part.number === 1) size = Number(varintsOf(part)[0] ?? -1n);
  return size !== null && size < 0 ? null : size;
}
