/** Why bytes are no protobuf message; the reader never goes past the end and never allocates by a length it read. */
export class MalformedProtobuf extends Error {}

/** One field of a message. Wire types: 0 a varint, 1 eight bytes, 2 a run of bytes, 5 four bytes. */
export interface Field {
  readonly number: number;
  readonly wireType: 0 | 1 | 2 | 5;
  /** The varint; 0 for the other wire types. Negative int64 values come as such. */
  readonly varint: bigint;
  /** The run of bytes, a view; empty for the other wire types. */
  readonly bytes: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const text = new TextDecoder('utf-8', { fatal: true });

/**
 * The fields of a message, in the order of the file, repeated ones as often as they occur (protobuf's wire format:
 * a tag is number·8 + wire type). Groups, which proto3 does not have, are refused.
 * @throws MalformedProtobuf
 */
export function* fieldsOf(message: Uint8Array): Generator<Field, void, undefined> {
  let at = 0;
  while (at < message.length) {
    const tag = readVarint(message, at);
    at = tag.next;
    const number = Number(tag.value >> 3n);
    const wireType = Number(tag.value & 7n);
    if (number < 1 || number > 0x1fffffff) throw new MalformedProtobuf(`a field has the impossible number ${number}`);
    if (wireType === 0) {
      const { value, next } = readVarint(message, at);
      at = next;
      yield { number, wireType, varint: BigInt.asIntN(64, value), bytes: NOTHING };
    } else if (wireType === 2) {
      const { value, next } = readVarint(message, at);
      const end = next + Number(value);
      if (end > message.length) throw new MalformedProtobuf(`field ${number} ends ${end - message.length} bytes after the end of its message`);
      at = end;
      yield { number, wireType, varint: 0n, bytes: message.subarray(next, end) };
    } else if (wireType === 1 || wireType === 5) {
      const end = at + (wireType === 1 ? 8 : 4);
      if (end > message.length) throw new MalformedProtobuf(`field ${number} is cut off`);
      yield { number, wireType, varint: 0n, bytes: message.subarray(at, end) };
      at = end;
    } else {
      throw new MalformedProtobuf(`field ${number} has the wire type ${wireType}, which proto3 does not have`);
    }
  }
}

/** @throws MalformedProtobuf when the bytes are no UTF-8 */
export function stringOf(field: Field): string {
  requireBytes(field);
  try {
    return text.decode(field.bytes);
  } catch {
    throw new MalformedProtobuf(`field ${field.number} should be text and is not UTF-8`);
  }
}

export function messageOf(field: Field): Uint8Array {
  requireBytes(field);
  return field.bytes;
}

/** A repeated varint field comes packed or one by one. */
export function varintsOf(field: Field): bigint[] {
  if (field.wireType === 0) return [field.varint];
  requireBytes(field);
  const values: bigint[] = [];
  for (let at = 0; at < field.bytes.length; ) {
    const { value, next } = readVarint(field.bytes, at);
    values.push(BigInt.asIntN(64, value));
    at = next;
  }
  return values;
}

function requireBytes(field: Field): void {
  if (field.wireType !== 2) throw new MalformedProtobuf(`field ${field.number} has wire type ${field.wireType} where bytes are due`);
}

function readVarint(message: Uint8Array, start: number): { value: bigint; next: number } {
  // Below 2²⁸ plain numbers do, and nearly all are.
  let small = 0;
  for (let index = 0; index < 4; index++) {
    const byte = message[start + index];
    if (byte === undefined) throw new MalformedProtobuf('the file ends within a number');
    small += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value: BigInt(small), next: start + index + 1 };
  }
  let value = BigInt(small);
  for (let index = 4; index < 10; index++) {
    const byte = message[start + index];
    if (byte === undefined) throw new MalformedProtobuf('the file ends within a number');
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), next: start + index + 1 };
  }
  throw new MalformedProtobuf('a number is longer than ten bytes');
}
