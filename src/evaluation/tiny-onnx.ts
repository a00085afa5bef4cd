/**
 * Writes small ONNX models byte by byte, for the specs: also such that no exporter would write.
 * Field numbers as in onnx-model.ts.
 */
type Bytes = Uint8Array;

const encoder = new TextEncoder();

function varint(value: number | bigint): number[] {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
  return out;
}

/** A protobuf field: a number is a varint, text and bytes are length-delimited. */
export function field(number: number, value: number | bigint | string | Bytes): Bytes {
  if (typeof value === 'number' || typeof value === 'bigint') return Uint8Array.from([...varint(number * 8), ...varint(value)]);
  const bytes = typeof value === 'string' ? encoder.encode(value) : value;
  return message(Uint8Array.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes);
}

/** Fields one after another. */
export const message = (...parts: Bytes[]): Bytes => new Uint8Array(Buffer.concat(parts));

/** A dimension: its size, or a name for a free one. */
export type Dimension = number | string;

const shapeOf = (shape: readonly Dimension[]): Bytes =>
  message(...shape.map((size) => field(1, typeof size === 'number' ? field(1, size) : field(2, size))));

/** ValueInfoProto of a tensor; element type 1 is float32, 7 int64, 8 string. */
export const tensorInfo = (name: string, elementType: number, shape: readonly Dimension[]): Bytes =>
  message(field(1, name), field(2, field(1, message(field(1, elementType), field(2, shapeOf(shape))))));

/** ValueInfoProto of a sequence of maps, as ZipMap gives. */
export const sequenceOfMaps = (name: string): Bytes =>
  message(field(1, name), field(2, field(4, field(1, field(5, message(field(1, 7), field(2, field(1, field(1, 1)))))))));

/** TensorProto of float32. */
export const floats = (name: string, dims: readonly number[], values: readonly number[]): Bytes =>
  message(...dims.map((dim) => field(1, dim)), field(2, 1), field(8, name), field(9, new Uint8Array(Float32Array.from(values).buffer)));

/** TensorProto of int64. */
export const integers = (name: string, dims: readonly number[], values: readonly number[]): Bytes =>
  message(...dims.map((dim) => field(1, dim)), field(2, 7), field(8, name), field(9, new Uint8Array(BigInt64Array.from(values, BigInt).buffer)));

/** TensorProto of float32 whose data lies in another file. */
export const externalFloats = (name: string, dims: readonly number[], location: string): Bytes =>
  message(...dims.map((dim) => field(1, dim)), field(2, 1), field(8, name), field(13, message(field(1, 'location'), field(2, location))), field(14, 1));

/** AttributeProto: an int (type 2), a tensor (4) or a graph (5). */
export const intAttribute = (name: string, value: number): Bytes => message(field(1, name), field(3, value), field(20, 2));
export const tensorAttribute = (name: string, value: Bytes): Bytes => message(field(1, name), field(5, value), field(20, 4));
export const graphAttribute = (name: string, value: Bytes): Bytes => message(field(1, name), field(6, value), field(20, 5));

export interface NodeParts {
  readonly type: string;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly domain?: string;
  readonly attributes?: readonly Bytes[];
}

export const node = ({ type, inputs = [], outputs = [], domain, attributes = [] }: NodeParts): Bytes =>
  message(
    ...inputs.map((name) => field(1, name)), ...outputs.map((name) => field(2, name)), field(4, type),
    ...attributes.map((attribute) => field(5, attribute)), ...(domain === undefined ? [] : [field(7, domain)]),
  );

export interface GraphParts {
  readonly nodes: readonly Bytes[];
  readonly initializers?: readonly Bytes[];
  readonly inputs?: readonly Bytes[];
  readonly outputs?: readonly Bytes[];
}

export const graph = ({ nodes, initializers = [], inputs = [], outputs = [] }: GraphParts): Bytes =>
  message(
    ...nodes.map((part) => field(1, part)), field(2, 'tiny'), ...initializers.map((part) => field(5, part)),
    ...inputs.map((part) => field(11, part)), ...outputs.map((part) => field(12, part)),
  );

export interface ModelParts extends GraphParts {
  readonly irVersion?: number;
  readonly opsets?: Readonly<Record<string, number>>;
  /** Fields of ModelProto to put behind the others. */
  readonly more?: readonly Bytes[];
}

export const model = ({ irVersion = 8, opsets = { '': 17 }, more = [], ...parts }: ModelParts): Bytes =>
  message(
    field(1, irVersion), field(2, 'tiny-onnx'), field(7, graph(parts)),
    ...Object.entries(opsets).map(([domain, version]) => field(8, message(field(1, domain), field(2, version)))), ...more,
  );

/** Parts of a classifier: probability = sigmoid(features · weights + bias). NaN in a row makes its answer NaN. */
export function logisticParts(weights: readonly number[], bias = 0): ModelParts {
  return {
    nodes: [
      node({ type: 'MatMul', inputs: ['features', 'weights'], outputs: ['product'] }),
      node({ type: 'Add', inputs: ['product', 'bias'], outputs: ['logit'] }),
      node({ type: 'Sigmoid', inputs: ['logit'], outputs: ['positive'] }),
      node({ type: 'Sub', inputs: ['one', 'positive'], outputs: ['negative'] }),
      node({ type: 'Concat', inputs: ['negative', 'positive'], outputs: ['probabilities'], attributes: [intAttribute('axis', 1)] }),
    ],
    initializers: [floats('weights', [weights.length, 1], weights), floats('bias', [1], [bias]), floats('one', [1], [1])],
    inputs: [tensorInfo('features', 1, ['rows', weights.length])],
    outputs: [tensorInfo('probabilities', 1, ['rows', 2])],
  };
}

/** Parts of a regressor: features · weights + bias. */
export function linearParts(weights: readonly number[], bias = 0): ModelParts {
  return {
    nodes: [
      node({ type: 'MatMul', inputs: ['features', 'weights'], outputs: ['product'] }),
      node({ type: 'Add', inputs: ['product', 'bias'], outputs: ['predictions'] }),
    ],
    initializers: [floats('weights', [weights.length, 1], weights), floats('bias', [1], [bias])],
    inputs: [tensorInfo('features', 1, ['rows', weights.length])],
    outputs: [tensorInfo('predictions', 1, ['rows', 1])],
  };
}
