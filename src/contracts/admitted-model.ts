/** An input or output of a model file. */
export interface TensorSignature {
  readonly name: string;
  /** `tensor`, or what else it holds: `sequence`, `map`, `optional`, `sparse tensor`, `opaque`, `untyped`. */
  readonly kind: string;
  /** Such as `float32` or `int64`; `undefined` where there is none. */
  readonly elementType: string;
  /** A number, or null for a dimension that is free or has a name; null for the whole where the rank is unknown. */
  readonly shape: readonly (number | null)[] | null;
}

/** What admission read from an ONNX file before any runtime opened it. */
export interface AdmittedModel {
  readonly digest: string;
  readonly bytes: number;
  readonly irVersion: number;
  /** Imported operator sets: version by domain, `ai.onnx` and `ai.onnx.ml`. */
  readonly opset: Readonly<Record<string, number>>;
  /** How often each operator occurs, subgraphs included. */
  readonly operators: Readonly<Record<string, number>>;
  readonly producer: string;
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
}
