import { crc32 } from 'node:zlib';
import type { MirroredOutput, Observation, ObservationContext, RowIdentities } from './segment-format.js';
import {
  FRAME_HEAD, FRAME_KIND, MAGIC, MAX_PAYLOAD, MIRRORED, MIRRORED_FIELDS, NO_TEXT, OBSERVATION_FIELDS, OBSERVED, OUTCOMES, type SegmentHeader,
} from './segment-frames.js';

const FIRST_BYTES = 256 * 1024;

/**
 * Encodes frames one behind the other into one buffer, which is used again after {@link clear}. What a segment says once
 * (contexts, targets) is put before its first use; {@link startSegment} forgets it.
 */
export class SegmentEncoder {
  private bytes = Buffer.alloc(0);
  private floats = new Float32Array(0);
  private doubles = new Float64Array(0);
  private words = new Uint32Array(0);
  private end = 0;
  private readonly contexts = new Map<ObservationContext, number>();
  private readonly targets = new Map<string, Map<string, number>>();
  private named = 0;

  constructor() {
    this.grow(FIRST_BYTES);
  }

  /** Bytes that wait to be written. */
  get length(): number {
    return this.end;
  }

  /** The bytes from `from` on; valid until the next call. */
  view(from = 0): Buffer {
    return this.bytes.subarray(from, this.end);
  }

  clear(): void {
    this.end = 0;
  }

  startSegment(header: SegmentHeader): void {
    this.contexts.clear();
    this.targets.clear();
    this.named = 0;
    this.end = MAGIC.copy(this.bytes, 0);
    this.json(FRAME_KIND.header, 0, header);
  }

  /** @throws RangeError for arrays that do not fit the rows, a time that is none, or an observation that is too large; nothing is added then. */
  observation(observation: Observation): void {
    refuseMisfit(observation);
    const size = observationSize(observation);
    if (size > MAX_PAYLOAD) throw new RangeError(`An observation of ${observation.rows} rows takes up to ${size} bytes, and a frame holds ${MAX_PAYLOAD}`);
    const context = this.contextOf(observation.context);
    const start = this.begin(size);
    this.fields(observation, context, start);
    const numbersEnd = this.numbers(observation, start + OBSERVATION_FIELDS);
    this.finish(start, this.texts(observation, numbersEnd));
  }

  /** @throws as {@link observation} */
  mirrored(output: MirroredOutput): void {
    if (output.outputs && output.outputs.length !== output.rows) throw new RangeError(`A mirrored output has ${output.outputs.length} outputs and ${output.rows} rows`);
    const target = this.targetOf(output.model, output.deployment);
    const start = this.begin(MIRRORED_FIELDS + 4 * output.rows + 4 + 3 * (output.reason?.length ?? 0) + 8);
    this.bytes[start] = FRAME_KIND.mirrored;
    this.bytes[start + 1] = OUTCOMES.indexOf(output.outcome);
    this.bytes.writeUInt16LE((output.reason === null ? 0 : MIRRORED.reason) | (output.latencyMs === null ? 0 : MIRRORED.latency) | (output.outputs ? MIRRORED.outputs : 0), start + 2);
    this.words[(start + 4) >> 2] = output.rows;
    const doubles = (start + 8) >> 3;
    this.doubles[doubles] = output.sequence;
    this.doubles[doubles + 1] = output.revision;
    this.doubles[doubles + 2] = output.latencyMs ?? 0;
    this.words[(start + 32) >> 2] = output.version;
    this.words[(start + 36) >> 2] = target;
    const numbersEnd = this.array(output.outputs, start + MIRRORED_FIELDS);
    this.finish(start, output.reason === null ? numbersEnd : this.text(output.reason, numbersEnd));
  }

  private fields(observation: Observation, context: number, start: number): void {
    this.bytes[start] = FRAME_KIND.observation;
    this.bytes[start + 1] = 0;
    this.bytes.writeUInt16LE(flagsOf(observation), start + 2);
    this.words[(start + 4) >> 2] = context;
    const doubles = (start + 8) >> 3;
    this.doubles[doubles] = observation.sequence;
    this.doubles[doubles + 1] = observation.eventTimeMs;
    this.doubles[doubles + 2] = observation.receivedAtMs;
    this.doubles[doubles + 3] = observation.latencyMs;
    const words = (start + 40) >> 2;
    this.words[words] = observation.rows;
    this.words[words + 1] = observation.features?.length ?? 0;
    this.words[words + 2] = observation.unknown.length;
    this.words[words + 3] = 0;
  }

  /** The arrays, from the widest element to the narrowest. */
  private numbers({ perRow, features, outputs, rawOutputs, guards }: Observation, from: number): number {
    let at = from;
    if (perRow?.eventTimesMs) {
      this.doubles.set(perRow.eventTimesMs, at >> 3);
      at += perRow.eventTimesMs.byteLength;
    }
    at = this.array(rawOutputs, this.array(outputs, this.array(features, at)));
    if (!guards) return at;
    this.bytes.set(guards, at);
    return at + guards.length;
  }

  private texts({ predictionId, entityKey, perRow, unknown }: Observation, from: number): number {
    let at = this.text(predictionId, from);
    if (entityKey !== null) at = this.text(entityKey, at);
    for (const id of perRow?.predictionIds ?? []) at = this.text(id, at);
    for (const key of perRow?.entityKeys ?? []) at = this.text(key, at);
    for (const { row, feature, text } of unknown) {
      this.bytes.writeUInt32LE(row, at);
      this.bytes.writeUInt32LE(feature, at + 4);
      at = this.text(text, at + 8);
    }
    return at;
  }

  private array(numbers: Float32Array | null, at: number): number {
    if (!numbers) return at;
    this.floats.set(numbers, at >> 2);
    return at + numbers.byteLength;
  }

  private text(text: string | null, at: number): number {
    const written = text === null ? 0 : this.bytes.write(text, at + 4, 'utf8');
    this.bytes.writeUInt32LE(text === null ? NO_TEXT : written, at);
    return at + 4 + written;
  }

  private contextOf(context: ObservationContext): number {
    const known = this.contexts.get(context);
    if (known !== undefined) return known;
    this.contexts.set(context, ++this.named);
    this.json(FRAME_KIND.context, this.named, context);
    return this.named;
  }

  private targetOf(model: string, deployment: string): number {
    const known = this.targets.get(model)?.get(deployment);
    if (known !== undefined) return known;
    const deployments = this.targets.get(model) ?? new Map<string, number>();
    this.targets.set(model, deployments.set(deployment, ++this.named));
    this.json(FRAME_KIND.target, this.named, { model, deployment });
    return this.named;
  }

  private json(kind: number, id: number, value: object): void {
    const text = JSON.stringify(value);
    const start = this.begin(12 + 3 * text.length + 8);
    this.bytes[start] = kind;
    this.bytes.fill(0, start + 1, start + 4);
    this.words[(start + 4) >> 2] = id;
    this.finish(start, this.text(text, start + 8));
  }

  /** Makes room for a frame. @returns where its payload begins */
  private begin(atMost: number): number {
    const needed = this.end + FRAME_HEAD + atMost;
    if (needed > this.bytes.length) this.grow(needed);
    return this.end + FRAME_HEAD;
  }

  private finish(start: number, contentEnd: number): void {
    const end = (contentEnd + 7) & ~7;
    this.bytes.fill(0, contentEnd, end);
    this.words[(start - 8) >> 2] = end - start;
    this.words[(start - 4) >> 2] = crc32(this.bytes.subarray(start, end));
    this.end = end;
  }

  private grow(needed: number): void {
    const memory = new ArrayBuffer(2 ** Math.ceil(Math.log2(needed)));
    const bytes = Buffer.from(memory);
    this.bytes.copy(bytes, 0, 0, this.end);
    this.bytes = bytes;
    this.floats = new Float32Array(memory);
    this.doubles = new Float64Array(memory);
    this.words = new Uint32Array(memory);
  }
}

function flagsOf({ stale, features, rawOutputs, guards, entityKey, perRow }: Observation): number {
  return (stale ? OBSERVED.stale : 0) | (features ? OBSERVED.features : 0) | (rawOutputs ? OBSERVED.rawOutputs : 0) | (guards ? OBSERVED.guards : 0)
    | (entityKey === null ? 0 : OBSERVED.entityKey) | (perRow ? OBSERVED.perRow : 0) | (perRow?.predictionIds ? OBSERVED.rowIds : 0)
    | (perRow?.entityKeys ? OBSERVED.rowKeys : 0) | (perRow?.eventTimesMs ? OBSERVED.rowTimes : 0);
}

/** An upper bound of the payload's bytes: a text of n UTF-16 units takes at most 3n in UTF-8. */
function observationSize({ features, outputs, rawOutputs, guards, predictionId, entityKey, perRow, unknown }: Observation): number {
  let size = OBSERVATION_FIELDS + 16 + 3 * (predictionId.length + (entityKey?.length ?? 0)) + 4 * ((features?.length ?? 0) + outputs.length + (rawOutputs?.length ?? 0)) + (guards?.length ?? 0);
  if (perRow) size += rowTextSize(perRow);
  for (const { text } of unknown) size += 12 + 3 * text.length;
  return size;
}

function rowTextSize({ predictionIds, entityKeys, eventTimesMs }: RowIdentities): number {
  let size = eventTimesMs?.byteLength ?? 0;
  for (const id of predictionIds ?? []) size += 4 + 3 * id.length;
  for (const key of entityKeys ?? []) size += 4 + 3 * (key?.length ?? 0);
  return size;
}

function refuseMisfit(observation: Observation): void {
  const { rows, features, outputs, rawOutputs, guards, perRow, context } = observation;
  for (const name of ['sequence', 'eventTimeMs', 'receivedAtMs', 'latencyMs'] as const) {
    if (!Number.isFinite(observation[name])) throw new RangeError(`An observation has the ${name} ${observation[name]}`);
  }
  const fits = (list: { readonly length: number } | null | undefined): boolean => !list || list.length === rows;
  const given = perRow === null || (fits(perRow.predictionIds) && fits(perRow.entityKeys) && fits(perRow.eventTimesMs));
  if (given && fits(outputs) && fits(rawOutputs) && fits(guards) && (!features || features.length === rows * context.features.length)) return;
  throw new RangeError(`An observation of ${rows} rows and ${context.features.length} features has arrays of another length`);
}
