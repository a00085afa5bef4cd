import { describe, expect, it } from 'vitest';
import { readFloat32List } from './float32-list.js';

/** A list is followed by the brackets of its request. */
const read = (text: string): Float32Array | null => {
  const list = readFloat32List(Buffer.from(`${text}}]}   `), 1);
  return list && list.end === text.length ? list.values : null;
};
const byJson = (text: string): Float32Array => Float32Array.from(JSON.parse(text) as (number | null)[], (value) => value ?? NaN);
const bits = (values: Float32Array | null): number[] => [...new Int32Array((values ?? new Float32Array()).buffer)];

let state = 4_711;
const pick = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
const digits = (count: number): string => Array.from({ length: count }, () => pick(10)).join('');

/** A number as some program may write it. */
function written(): string {
  const sign = pick(2) === 0 ? '-' : '';
  const whole = pick(3) === 0 ? '0' : `${pick(9) + 1}${digits(pick(22))}`;
  const fraction = pick(3) === 0 ? '' : `.${'0'.repeat(pick(4) === 0 ? pick(45) : 0)}${digits(pick(24) + 1)}`;
  const exponent = pick(3) > 0 ? '' : `${'eE'[pick(2)]}${['', '+', '-'][pick(3)]}${pick(4) === 0 ? pick(60) : pick(20)}`;
  return sign + whole + fraction + exponent;
}

describe('readFloat32List', () => {
  it('gives the bits that JSON.parse gives, rounded to float32, for numbers however they are written', () => {
    for (let round = 0; round < 300; round++) {
      const texts = Array.from({ length: 400 }, written).filter((text) => Number.isFinite(Math.fround(Number(text))));
      const text = `[${texts.join(',')}]`;
      expect(bits(read(text))).toEqual(bits(byJson(text)));
    }
  });

  it('gives them for every kind of float32, and for what lies between two of them', () => {
    const float = new Float32Array(1);
    const asBits = new Uint32Array(float.buffer);
    for (let round = 0; round < 300; round++) {
      const values = Array.from({ length: 300 }, () => {
        asBits[0] = pick(2 ** 30) * 4 + pick(4);
        const value = float[0]!;
        asBits[0] += 1;
        // The middle of two neighbours, and a hair beside it: what rounding must not get wrong.
        const middle = value / 2 + float[0]! / 2;
        return [value, middle, middle * (1 + 2 ** -52), middle * (1 - 2 ** -52)][pick(4)]!;
      }).filter((value) => Number.isFinite(Math.fround(value)));
      const text = `[${values.map((value) => (pick(2) === 0 ? String(value) : value.toExponential(16 + pick(5)))).join(', ')}]`;
      expect(bits(read(text))).toEqual(bits(byJson(text)));
    }
  });

  it('takes null, zeros of both signs and white space', () => {
    const text = '[ null ,\n0,-0, -0.0e5,\t0.000,\r1 ]';
    expect(bits(read(text))).toEqual(bits(byJson(text)));
  });

  it('leaves a list that is cut off to others, wherever it is cut', () => {
    const text = '[1.25, null, -3.0123456789012345, 1e5]';
    for (let length = 1; length < text.length; length++) expect(readFloat32List(Buffer.from(text.slice(0, length)), 1)).toBeNull();
  });

  it.each(['[]', '[1,]', '[,1]', '[1', '[1 2]', '[01]', '[-]', '[1.]', '[.5]', '[+1]', '[1e]', '[1e+]', '[0x1]', '[nul]', '[nulL]', '[NaN]', '[Infinity]', '["1"]', '[[1]]', '[true]', '[1e39]', '[-1e999]', '[--1]', '[1-2]', '[00.1]', '[-01]'])(
    'leaves %s to others', (text) => {
      expect(read(text)).toBeNull();
    });
});
