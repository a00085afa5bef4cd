/** An input or output of a model file. A dimension is a number, or null where it is free. */
export interface TensorSignature {
  readonly name: string;
  readonly elementType: string;
  readonly shape: readonly (number | null)[];
}

/** What admission read from an ONNX file before any runtime opened it. */
export interface AdmittedModel {
  readonly digest: string;
  readonly bytes: number;
  /** Version by operator-set domain; '' is ONNX's own. */
  readonly opset: Readonly<Record<string, number>>;
  readonly operators: readonly string[];
  readonly producer: string;
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
}
