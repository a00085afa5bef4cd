import { describe, expect, it } from 'vitest';
import { canonicalJson, sha256 } from './canonical.js';
import { durationMs, isoTime } from './time.js';

describe('canonicalJson', () => {
  it('writes one text for one value, however it was put together (RFC 8785)', () => {
    expect(canonicalJson({ b: [1, 0.1, 1e21, -0], a: { 'ö': 'é\n', A: null }, c: undefined })).toBe('{"a":{"A":null,"ö":"é\\n"},"b":[1,0.1,1e+21,0]}');
    expect(canonicalJson({ 10: 1, 9: 2 })).toBe('{"10":1,"9":2}');
  });

  it.each([Number.NaN, Infinity, [undefined], () => 1, 1n, new Date()])('refuses what JSON cannot hold: %s', (value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });

  it('digests bytes as others do', () => {
    expect(sha256('abc')).toBe('sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('durations', () => {
  it.each([['P4W', 2_419_200_000], ['P1DT12H', 129_600_000], ['PT1M30S', 90_000], ['PT0S', 0]])('%s', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });

  it.each(['P', 'PT', 'P1M', 'P1Y', '4W', 'P-1D', 'P1.5D', 'PT1H2', ''])('%s is none', (text) => {
    expect(durationMs(text)).toBeUndefined();
  });

  it('writes times in one form', () => {
    expect(isoTime(0)).toBe('1970-01-01T00:00:00.000Z');
  });
});
