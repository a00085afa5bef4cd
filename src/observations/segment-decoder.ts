import type { MirroredOutput, Observation, ObservationContext, RowIdentities, UnknownCategory } from './segment-format.js';
import { FRAME_KIND, MIRRORED, MIRRORED_FIELDS, NO_TEXT, OBSERVATION_FIELDS, OBSERVED, OUTCOMES, type SegmentHeader } from './segment-frames.js';

export type SegmentEntry =
  | { readonly kind: 'observation'; readonly observation: Observation }
  | { readonly kind: 'mirrored'; readonly output: MirroredOutput };

interface Target {
  readonly model: string;
  readonly deployment: string;
}

/**
 * Decodes the payloads of one segment in their order. Arrays of what it gives are windows on the payload's memory.
 * Whoever calls has checked the checksum, so a payload that makes no sense is a fault of ours.
 */
export class SegmentDecoder {
  header: SegmentHeader | undefined;
  private readonly contexts = new Map<number, ObservationContext>();
  private readonly targets = new Map<number, Target>();

  /** @returns what was observed, or undefined for a frame that only prepares others. @throws RangeError */
  decode(payload: Buffer): SegmentEntry | undefined {
    const kind = payload[0];
    if (kind === FRAME_KIND.observation) return { kind: 'observation', observation: this.observation(payload) };
    if (kind === FRAME_KIND.mirrored) return { kind: 'mirrored', output: this.mirrored(payload) };
    const id = payload.readUInt32LE(4);
    const value: unknown = JSON.parse(new Texts(payload, 8).next() ?? '');
    if (kind === FRAME_KIND.header) this.header = value as SegmentHeader;
    else if (kind === FRAME_KIND.context) this.contexts.set(id, value as ObservationContext);
    else if (kind === FRAME_KIND.target) this.targets.set(id, value as Target);
    else throw new RangeError(`there is no kind ${kind} of frame`);
    return undefined;
  }

  private observation(payload: Buffer): Observation {
    const flags = payload.readUInt16LE(2);
    const has = (flag: number): boolean => (flags & flag) !== 0;
    const rows = payload.readUInt32LE(40);
    const numbers = new Numbers(payload, OBSERVATION_FIELDS);
    const eventTimesMs = has(OBSERVED.rowTimes) ? numbers.doubles(rows) : null;
    const features = has(OBSERVED.features) ? numbers.floats(payload.readUInt32LE(44)) : null;
    const outputs = numbers.floats(rows);
    const rawOutputs = has(OBSERVED.rawOutputs) ? numbers.floats(rows) : null;
    const guards = has(OBSERVED.guards) ? numbers.bytes(rows) : null;
    const texts = new Texts(payload, numbers.at);
    const predictionId = texts.next() ?? '';
    const entityKey = has(OBSERVED.entityKey) ? texts.next() : null;
    return {
      context: found(this.contexts, payload.readUInt32LE(4)),
      sequence: payload.readDoubleLE(8), predictionId, entityKey, eventTimeMs: payload.readDoubleLE(16),
      perRow: has(OBSERVED.perRow) ? rowIdentities(flags, rows, texts, eventTimesMs) : null,
      receivedAtMs: payload.readDoubleLE(24), latencyMs: payload.readDoubleLE(32), stale: has(OBSERVED.stale), rows,
      features, unknown: unknownCategories(payload.readUInt32LE(48), texts), outputs, rawOutputs, guards,
    };
  }

  private mirrored(payload: Buffer): MirroredOutput {
    const flags = payload.readUInt16LE(2);
    const rows = payload.readUInt32LE(4);
    const numbers = new Numbers(payload, MIRRORED_FIELDS);
    const outputs = flags & MIRRORED.outputs ? numbers.floats(rows) : null;
    const outcome = OUTCOMES[payload[1] as number];
    if (!outcome) throw new RangeError(`there is no outcome ${payload[1]}`);
    const { model, deployment } = found(this.targets, payload.readUInt32LE(36));
    return {
      sequence: payload.readDoubleLE(8), model, deployment, revision: payload.readDoubleLE(16), version: payload.readUInt32LE(32), outcome,
      reason: flags & MIRRORED.reason ? new Texts(payload, numbers.at).next() : null,
      latencyMs: flags & MIRRORED.latency ? payload.readDoubleLE(24) : null, rows, outputs,
    };
  }
}

function rowIdentities(flags: number, rows: number, texts: Texts, eventTimesMs: Float64Array | null): RowIdentities {
  const list = (): (string | null)[] => Array.from({ length: rows }, () => texts.next());
  const predictionIds = flags & OBSERVED.rowIds ? list().map((id) => id ?? '') : null;
  return { predictionIds, entityKeys: flags & OBSERVED.rowKeys ? list() : null, eventTimesMs };
}

const NO_UNKNOWN: readonly UnknownCategory[] = [];
const unknownCategories = (count: number, texts: Texts): readonly UnknownCategory[] =>
  count === 0 ? NO_UNKNOWN : Array.from({ length: count }, () => ({ row: texts.word(), feature: texts.word(), text: texts.next() ?? '' }));

function found<T>(named: ReadonlyMap<number, T>, id: number): T {
  const value = named.get(id);
  if (value === undefined) throw new RangeError(`${id} was not named before its use`);
  return value;
}

/** Reads arrays one behind the other; copies where the payload does not lie on a multiple of 8 bytes. */
class Numbers {
  constructor(private readonly payload: Buffer, public at: number) {}

  doubles(count: number): Float64Array {
    const { buffer, byteOffset } = this.payload;
    const from = byteOffset + this.take(count * 8);
    return from % 8 === 0 ? new Float64Array(buffer, from, count) : new Float64Array(buffer.slice(from, from + count * 8));
  }

  floats(count: number): Float32Array {
    const { buffer, byteOffset } = this.payload;
    const from = byteOffset + this.take(count * 4);
    return from % 4 === 0 ? new Float32Array(buffer, from, count) : new Float32Array(buffer.slice(from, from + count * 4));
  }

  bytes(count: number): Uint8Array {
    return new Uint8Array(this.payload.buffer, this.payload.byteOffset + this.take(count), count);
  }

  /** @returns where the bytes begin in the payload */
  private take(bytes: number): number {
    const from = this.at;
    this.at += bytes;
    if (this.at > this.payload.length) throw new RangeError(`the payload ends before an array of ${bytes} bytes`);
    return from;
  }
}

/** Reads texts one behind the other. */
class Texts {
  constructor(private readonly payload: Buffer, private at: number) {}

  word(): number {
    const word = this.payload.readUInt32LE(this.at);
    this.at += 4;
    return word;
  }

  next(): string | null {
    const length = this.word();
    if (length === NO_TEXT) return null;
    if (this.at + length > this.payload.length) throw new RangeError(`the payload ends before a text of ${length} bytes`);
    this.at += length;
    return this.payload.toString('utf8', this.at - length, this.at);
  }
}
