import { describe, expect, it } from 'vitest';
import { nestsDeeperThan, parseJsonBody } from './json-body.js';

const parse = (text: string): unknown => parseJsonBody(Buffer.from(text));
const large = (text: string): string => text + ' '.repeat(70_000);

describe('parseJsonBody', () => {
  it('gives what JSON holds', () => {
    expect(parse('{"a": [1, null, "é"]}')).toEqual({ a: [1, null, 'é'] });
  });

  it('keeps a __proto__ as a plain member', () => {
    const body = parse('{"__proto__": {"inputs": []}}') as Record<string, unknown>;
    expect(Object.getPrototypeOf(body)).toBe(Object.prototype);
    expect(Object.hasOwn(body, '__proto__')).toBe(true);
    expect('inputs' in body).toBe(false);
  });

  it.each(['NaN', '-Infinity', '[1, Infinity]', '{"a":NaN}', '{"a": -Infinity}'])('refuses %s and says what to send instead', (text) => {
    expect(() => parse(` ${text}`)).toThrow(/send null/);
  });

  it.each(['{', '{"a": 1,}', "{'a': 1}", 'NaNa', '\uFEFF{}', 'undefined'])('refuses %j', (text) => {
    expect(() => parse(text)).toThrow(/not JSON/);
    expect(() => parse(text)).not.toThrow(/send null/);
  });

  it.each(['', '  \n'])('asks for a body where %j came', (text) => {
    expect(() => parse(text)).toThrow(/no body/);
  });

  it('refuses a large body that nests deeply, before it is parsed', () => {
    expect(() => parse(large(`${'['.repeat(33)}${']'.repeat(33)}`))).toThrow(/deeper than 32/);
    expect(() => parse(large('{"a":'.repeat(33) + '1' + '}'.repeat(33)))).toThrow(/deeper than 32/);
    expect(parse(large(`${'['.repeat(32)}${']'.repeat(32)}`))).toBeInstanceOf(Array);
    expect(() => parse('['.repeat(1_000_000))).toThrow(/deeper than 32/);
  });

  it.each(['{}', '[]', '[[]]'])('refuses more than a million of %s, before it is parsed', (part) => {
    const most = 1_000_000 / (part.length / 2) - 1;
    expect(parse(`[${Array.from({ length: most }, () => part).join(',')}]`)).toHaveLength(most);
    expect(() => parse(`[${Array.from({ length: most + 1 }, () => part).join(',')}]`)).toThrow(/more than 1000000 lists/);
  });
});

describe('nestsDeeperThan', () => {
  it.each([
    ['[[1]]', 2, false],
    ['[[1]]', 1, true],
    ['[[1], [2], {"a": [3]}]', 3, false],
    ['["[[[[", "\\"[[[[", "\\\\", [1]]', 2, false],
    ['["\\\\", [[1]]]', 2, true],
    ['"[[[[', 1, false],
  ])('%s, %i', (json, limit, deeper) => {
    expect(nestsDeeperThan(Buffer.from(json), limit)).toBe(deeper);
  });
});

describe('a body with a large tensor of features', () => {
  const numbers = Array.from({ length: 600 }, (_, at) => (at % 7 === 0 ? null : Math.fround(Math.sin(at) * 3)));
  const body = (changes: object = {}, space = 0): string =>
    JSON.stringify({ id: 'x', parameters: { note: '"data":[1' }, inputs: [{ name: 'features', datatype: 'FP32', shape: [20, 30], data: numbers, ...changes }], more: [{ data: [1] }] }, null, space);
  const whole = (text: string): unknown => parseJsonBody(Buffer.from(text));
  const dataOf = (parsed: unknown): unknown => (parsed as { inputs: { data: unknown }[] }).inputs[0]!.data;

  it('is parsed as any other, its numbers as float32', () => {
    for (const text of [body(), body().replaceAll('":', '": ').replaceAll(',', ', ')]) {
      const parsed = whole(text);
      const data = dataOf(parsed);
      expect(data).toEqual(Float32Array.from(numbers, (value) => value ?? NaN));
      (parsed as { inputs: { data: unknown }[] }).inputs[0]!.data = numbers;
      expect(parsed).toEqual(JSON.parse(text));
    }
  });

  it.each([
    ['another input', body({ name: 'distance' })],
    ['another type', body({ datatype: 'FP64' })],
    ['nested rows', body({ data: [numbers] })],
    ['text among them', body({ data: [...numbers, 'x'] })],
    ['data given twice', body().replace('"data":[null', '"data":[1,2],"data":[null')],
    ['data given twice, the numbers first', body().replace('},"inputs"', '},"inputs"').replace(']}],"more"', '],"data":7}],"more"')],
    ['two inputs', body().replace(']}],"more"', ']},{"name":"features","datatype":"FP32","data":[1]}],"more"')],
    ['the numbers elsewhere', JSON.stringify({ other: { data: numbers }, inputs: [{ name: 'features', datatype: 'FP32', shape: [1], data: [1] }] })],
    ['a number that float32 cannot hold', body({ data: [...numbers, 1e39] })],
  ])('is left to JSON.parse where it has %s', (_what, text) => {
    expect(whole(text)).toEqual(JSON.parse(text));
  });

  it('is refused with the same words where it is no JSON', () => {
    for (const text of [body().slice(0, -1), body().replace('null', 'NaN'), `${body()}x`]) {
      expect(() => JSON.parse(text) as unknown).toThrow();
      expect(() => whole(text)).toThrow(/not JSON/);
    }
  });
});
