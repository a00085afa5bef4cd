import { FLOAT32_MAX } from '../data/feature-encoding.js';

/** Element types of the Open Inference Protocol V2 that JSON can carry. */
export type Datatype = keyof typeof DATATYPES;

interface DatatypeFacts {
  readonly kind: 'number' | 'integer' | 'boolean' | 'text';
  /** Whether a JSON value (never null) is one of this type. */
  readonly holds: (value: unknown) => boolean;
}

const FLOAT16_MAX = 65_504;

const float = (max: number): DatatypeFacts => ({
  kind: 'number',
  holds: (value) => typeof value === 'number' && Math.abs(value) <= max,
});
/** JSON numbers are doubles, so the 64-bit types end where those stop being exact. */
const integer = (min: number, max: number): DatatypeFacts => ({
  kind: 'integer',
  holds: (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
});
const signed = (bits: number): DatatypeFacts => integer(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1);
const unsigned = (bits: number): DatatypeFacts => integer(0, 2 ** bits - 1);

export const DATATYPES = {
  BOOL: { kind: 'boolean', holds: (value) => typeof value === 'boolean' },
  UINT8: unsigned(8),
  UINT16: unsigned(16),
  UINT32: unsigned(32),
  UINT64: unsigned(64),
  INT8: signed(8),
  INT16: signed(16),
  INT32: signed(32),
  INT64: signed(64),
  FP16: float(FLOAT16_MAX),
  FP32: float(FLOAT32_MAX),
  FP64: float(Number.MAX_VALUE),
  BYTES: { kind: 'text', holds: (value) => typeof value === 'string' },
} as const satisfies Record<string, DatatypeFacts>;

export const isDatatype = (value: unknown): value is Datatype => typeof value === 'string' && Object.hasOwn(DATATYPES, value);

const OF_RUNTIME: Readonly<Record<string, Datatype>> = {
  float32: 'FP32', float64: 'FP64', int64: 'INT64', int32: 'INT32', int16: 'INT16', int8: 'INT8',
  uint64: 'UINT64', uint32: 'UINT32', uint16: 'UINT16', uint8: 'UINT8', bool: 'BOOL', string: 'BYTES',
};

/** The protocol's name of a type of ONNX Runtime; undefined where answers cannot carry it. */
export const datatypeOfRuntime = (type: string): Datatype | undefined => OF_RUNTIME[type];
