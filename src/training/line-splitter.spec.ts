import { describe, expect, it } from 'vitest';
import { ByteTail, LineSplitter } from './line-splitter.js';

const bounds = { maxLineBytes: 10, maxTotalBytes: 100 };
const split = (...chunks: (string | Buffer)[]): { lines: string[]; rest: string | undefined } => {
  const splitter = new LineSplitter(bounds);
  const lines = chunks.flatMap((chunk) => [...splitter.push(Buffer.from(chunk))]);
  return { lines, rest: splitter.rest() };
};

describe('lines of a stream', () => {
  it('do not depend on how the bytes arrive', () => {
    const whole = Buffer.from('eins\n\nzwölf\r\ndrei');
    const expected = { lines: ['eins', '', 'zwölf'], rest: 'drei' };
    expect(split(whole)).toEqual(expected);
    expect(split(...Array.from(whole, (byte) => Buffer.from([byte])))).toEqual(expected);
  });

  it('have a bound that counts bytes across chunks', () => {
    expect(split('123456', '7890\n').lines).toEqual(['1234567890']);
    expect(() => split('123456', '78901')).toThrow('a line of more than 10 bytes');
  });

  it('have a bound in all', () => {
    const chunks = Array.from({ length: 11 }, () => '123456789\n');
    expect(split(...chunks.slice(1)).lines).toHaveLength(10);
    expect(() => split(...chunks)).toThrow('more than 100 bytes in all');
  });
});

describe('the tail of a stream', () => {
  it('is its last bytes', () => {
    const tail = new ByteTail(8);
    for (const chunk of ['abc', 'defghijklmnop', 'q', 'rs']) tail.push(Buffer.from(chunk));
    expect(tail.text()).toBe('lmnopqrs');
    tail.push(Buffer.from('t'));
    expect(tail.text()).toBe('mnopqrst');
  });
});
