import type { OutputTensor } from './scoring-session.js';

/**
 * What a gateway and a challenger's process say to each other, as frames on two pipes. A frame is six unsigned integers of
 * 32 bits in the machine's own order (length of its body in bytes, run, kind, rows, the sender's resident memory in KiB, and
 * the run's time in microseconds), then its body. Rows travel as float32, never as text.
 */
export const FRAME_KINDS = { mirror: 1, answer: 2, ready: 3, values: 4, tensors: 5, failed: 6, refused: 7 } as const;
export type FrameKind = keyof typeof FRAME_KINDS;

export interface Frame {
  readonly kind: FrameKind;
  /** Named by the gateway; 0 where no run is meant. */
  readonly run: number;
  readonly rows: number;
  readonly memoryKiB: number;
  /** How long the run took where it was scored. */
  readonly runMs: number;
  /** Begins at a multiple of 8 bytes in its buffer, so that any typed array may view it. */
  readonly body: Uint8Array;
}

const HEADER_WORDS = 6;
export const HEADER_BYTES = 4 * HEADER_WORDS;
const LARGEST_WORD = 2 ** 32 - 1;
const KIND_OF = new Map<number, FrameKind>(Object.entries(FRAME_KINDS).map(([kind, code]) => [code, kind as FrameKind]));

export const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);

export function frameHeader(kind: FrameKind, run: number, rows: number, bodyBytes: number, memoryKiB = 0, runMs = 0): Uint8Array {
  return bytesOf(Uint32Array.of(bodyBytes, run, FRAME_KINDS[kind], rows, memoryKiB, Math.min(Math.round(runMs * 1_000), LARGEST_WORD)));
}

/** Puts frames together from the pieces in which a pipe brings them. */
export class FrameReader {
  private readonly words = new Uint32Array(HEADER_WORDS);
  private readonly header = bytesOf(this.words);
  private headerBytes = 0;
  private body: Uint8Array | undefined;
  private bodyBytes = 0;

  /** @param maxBodyBytes a longer body is a fault of the sender's */
  constructor(
    private readonly onFrame: (frame: Frame) => void,
    private readonly maxBodyBytes: number,
  ) {}

  /** @throws Error for a frame of another form; nothing after it can be read */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      at += this.body ? this.takeBody(chunk, at) : this.takeHeader(chunk, at);
      this.finish();
    }
  }

  private takeHeader(chunk: Uint8Array, at: number): number {
    const taken = Math.min(HEADER_BYTES - this.headerBytes, chunk.length - at);
    this.header.set(chunk.subarray(at, at + taken), this.headerBytes);
    this.headerBytes += taken;
    if (this.headerBytes === HEADER_BYTES) {
      const [length, kind] = [this.words[0]!, this.words[2]!];
      if (length > this.maxBodyBytes || !KIND_OF.has(kind)) throw new Error(`a frame of kind ${kind} and ${length} bytes came`);
      // Of its own memory, so that its beginning suits every typed array and it may be kept.
      this.body = new Uint8Array(length);
    }
    return taken;
  }

  private takeBody(chunk: Uint8Array, at: number): number {
    const body = this.body as Uint8Array;
    const taken = Math.min(body.length - this.bodyBytes, chunk.length - at);
    body.set(chunk.subarray(at, at + taken), this.bodyBytes);
    this.bodyBytes += taken;
    return taken;
  }

  private finish(): void {
    const { body } = this;
    if (!body || this.bodyBytes < body.length) return;
    const [, run, kind, rows, memoryKiB, micros] = this.words as unknown as [number, number, number, number, number, number];
    this.body = undefined;
    this.bodyBytes = 0;
    this.headerBytes = 0;
    this.onFrame({ kind: KIND_OF.get(kind) as FrameKind, run, rows, memoryKiB, runMs: micros / 1_000, body });
  }
}

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** The views of ONNX Runtime's element types that a pipe can carry. */
const ARRAYS = [Float32Array, Float64Array, BigInt64Array, BigUint64Array, Int32Array, Uint32Array, Int16Array, Uint16Array, Int8Array, Uint8Array] as const;
type NumericArray = InstanceType<(typeof ARRAYS)[number]>;
const typeCode = (data: unknown): number => ARRAYS.findIndex((type) => data instanceof type);
const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/**
 * Writes outputs to one body: a JSON list of [name, type, shape], preceded by its length, then each tensor's bytes, all
 * beginning at multiples of 8.
 * @throws Error for a tensor that is not made of numbers
 */
export function encodeTensors(outputs: readonly OutputTensor[]): Uint8Array {
  const list = Buffer.from(JSON.stringify(outputs.map(({ name, shape, data }) => {
    if (typeCode(data) < 0) throw new Error(`its output \`${name}\` is not made of numbers`);
    return [name, typeCode(data), shape];
  })));
  const blocks = outputs.map(({ data }) => bytesOf(data as NumericArray));
  const body = new Uint8Array(blocks.reduce((sum, block) => sum + padded(block.length), 8 + padded(list.length)));
  body.set(bytesOf(Uint32Array.of(list.length)));
  body.set(list, 8);
  let at = 8 + padded(list.length);
  for (const block of blocks) {
    body.set(block, at);
    at += padded(block.length);
  }
  return body;
}

/** @throws Error when the body is not of the form, or a tensor does not have `rows` rows */
export function decodeTensors(body: Uint8Array, rows: number): OutputTensor[] {
  const listBytes = new DataView(body.buffer, body.byteOffset).getUint32(0, LITTLE_ENDIAN);
  const list = JSON.parse(Buffer.from(body.subarray(8, 8 + listBytes)).toString()) as [name: string, type: number, shape: number[]][];
  let at = body.byteOffset + 8 + padded(listBytes);
  return list.map(([name, type, shape]) => {
    const array = ARRAYS[type];
    const length = shape.reduce((product, size) => product * size, 1);
    if (!array || shape[0] !== rows) throw new Error(`its output \`${name}\` has the shape [${shape.join(', ')}] for ${rows} rows`);
    const data = new array(body.buffer as ArrayBuffer, at, length);
    at += padded(data.byteLength);
    return { name, shape, data };
  });
}

/** The rows [from, from + rows) of a run's outputs, as views. */
export function sliceTensors(outputs: readonly OutputTensor[], from: number, rows: number): OutputTensor[] {
  return outputs.map(({ name, shape, data }) => {
    const width = data.length / (shape[0] as number);
    return { name, shape: [rows, ...shape.slice(1)], data: (data as NumericArray).subarray(from * width, (from + rows) * width) };
  });
}
