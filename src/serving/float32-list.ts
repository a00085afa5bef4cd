/** Numbers of a JSON list as float32, and where the list ends. */
export interface Float32List {
  /** null counts as NaN. */
  readonly values: Float32Array;
  /** Place after the closing bracket. */
  readonly end: number;
}

const [SPACE, COMMA, MINUS, POINT, ZERO, UPPER_E, CLOSE, LOWER_E, LOWER_N] = [0x20, 0x2c, 0x2d, 0x2e, 0x30, 0x45, 0x5d, 0x65, 0x6e];
const POWERS_OF_TEN = Array.from({ length: 16 }, (_, power) => Number(`1e${power}`));
/** Places that a double holds exactly, whatever the digits; those before the point are fewer. */
const EXACT_DIGITS = 15;
const MOST_WHOLE = 1e9;
/** The text `null`. */
const NULL = 0x6e756c6c;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const IN_NUMBERS: ReadonlySet<number> = new Set(Buffer.from('0123456789+-.eE'));
/** Bytes of a number that is looked at. */
const LONGEST = 1_000;
/** A value takes at least two bytes of a list. */
const BYTES_A_VALUE = 2;
/**
 * Where values are gathered: memory for each list needs room for the most that its text can hold, ten times what it does hold, and
 * keeps the collector busy. Texts over 128 KiB get their own.
 */
const SCRATCH = new Float32Array(65_536);

/**
 * Reads a flat list of numbers and nulls straight into float32, several times as fast as JSON.parse reads 17 digits into
 * doubles. Each value is the float32 nearest to the double that JSON.parse gives: a number of up to 15 digits and a power
 * of ten of up to 22 is that double after one division (Clinger, How to read floating point numbers accurately, 1990). Of a
 * longer one the first digits decide where they and their successor give the same float32, since rounding keeps the
 * order; where they do not, it is read as JSON.parse reads it.
 * @param start place after the opening bracket
 * @returns null where there is anything but such a list, or a number that float32 cannot hold
 */
export function readFloat32List(json: Uint8Array, start: number): Float32List | null {
  try {
    return readList(new DataView(json.buffer, json.byteOffset, json.byteLength), start);
  } catch (error) {
    // The text ended before the list did.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function readList(json: DataView, start: number): Float32List | null {
  const most = Math.ceil((json.byteLength - start) / BYTES_A_VALUE);
  const values = most <= SCRATCH.length ? SCRATCH : new Float32Array(most);
  let at = skipSpace(json, start);
  for (let count = 0; ; count++) {
    at = json.getUint8(at) === LOWER_N ? readNull(json, at, values, count) : readNumber(json, at, values, count);
    if (at < 0) return null;
    at = skipSpace(json, at);
    const byte = json.getUint8(at);
    if (byte === CLOSE) return { values: values.slice(0, count + 1), end: at + 1 };
    if (byte !== COMMA) return null;
    at = skipSpace(json, at + 1);
  }
}

function skipSpace(json: DataView, from: number): number {
  let at = from;
  for (let byte = json.getUint8(at); byte <= SPACE && (byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09); byte = json.getUint8(at)) at += 1;
  return at;
}

/** @returns the place after it, or -1 where there is no null */
function readNull(json: DataView, at: number, values: Float32Array, index: number): number {
  values[index] = NaN;
  return json.getUint32(at) === NULL ? at + 4 : -1;
}

/**
 * Digits behind the point are read four at a time; those beyond the exact ones are only skipped.
 * @returns the place after the number, or -1 where there is none or float32 cannot hold it
 */
function readNumber(json: DataView, start: number, values: Float32Array, index: number): number {
  const first = json.getUint8(start) === MINUS ? start + 1 : start;
  let at = first;
  let digits = 0;
  let digit = digitAt(json, at);
  for (; digit >= 0 && digits < MOST_WHOLE; digit = digitAt(json, ++at)) digits = digits * 10 + digit;
  if (at === first || digit >= 0 || (at > first + 1 && json.getUint8(first) === ZERO)) return slowly(json, start, values, index);
  let cut = 0;
  let power = 0;
  if (json.getUint8(at) === POINT) {
    at += 1;
    const point = at;
    let room = EXACT_DIGITS - (at - first);
    for (let four = fourDigitsAt(json, at); four >= 0; four = fourDigitsAt(json, at)) {
      if (room >= 4) digits = digits * 10_000 + four;
      else break;
      room -= 4;
      at += 4;
    }
    power = at - point;
    if (room < 4) for (; fourDigitsAt(json, at) >= 0; at += 4) cut = 1;
    for (digit = digitAt(json, at); digit >= 0; digit = digitAt(json, ++at)) {
      if (room > 0 && cut === 0) {
        digits = digits * 10 + digit;
        power += 1;
        room -= 1;
      } else cut = 1;
    }
    if (at === point) return -1;
  }
  const byte = json.getUint8(at);
  if (byte === LOWER_E || byte === UPPER_E) return slowly(json, start, values, index);
  const value = Math.fround(digits / POWERS_OF_TEN[power]!);
  if (cut === 1 && value !== Math.fround((digits + 1) / POWERS_OF_TEN[power]!)) return slowly(json, start, values, index);
  values[index] = first > start ? -value : value;
  return at;
}

/** @returns -1 where there is no digit */
function digitAt(json: DataView, at: number): number {
  const digit = json.getUint8(at) - ZERO;
  return digit <= 9 ? digit : -1;
}

/** The number of the next four digits, worked out within one word; -1 where they are not all digits. */
function fourDigitsAt(json: DataView, at: number): number {
  const word = json.getInt32(at, true) ^ 0x30303030;
  if ((((word + 0x76767676) | word) & 0x80808080) !== 0) return -1;
  const pairs = (Math.imul(word, 10) + (word >>> 8)) & 0x00ff00ff;
  return (pairs & 0xff) * 100 + (pairs >>> 16);
}
/** Long whole numbers, exponents, the rare case between two float32, and whatever is no number. */
function slowly(json: DataView, start: number, values: Float32Array, index: number): number {
  let end = start;
  while (end < json.byteLength && end - start < LONGEST && IN_NUMBERS.has(json.getUint8(end))) end += 1;
  const text = String.fromCharCode(...new Uint8Array(json.buffer, json.byteOffset + start, end - start));
  if (!NUMBER.test(text)) return -1;
  values[index] = Number(text);
  return Number.isFinite(values[index]) ? end : -1;
}
