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
