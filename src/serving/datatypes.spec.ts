import { describe, expect, it } from 'vitest';
import { DATATYPES, type Datatype, datatypeOfRuntime, isDatatype } from './datatypes.js';

describe('datatypes', () => {
  it.each<[Datatype, unknown[], unknown[]]>([
    ['BOOL', [true, false], [0, 1, 'true']],
    ['UINT8', [0, 255], [-1, 256, 1.5, '1', true]],
    ['UINT16', [65_535], [65_536, -1]],
    ['UINT32', [4_294_967_295], [4_294_967_296]],
    ['UINT64', [Number.MAX_SAFE_INTEGER], [-1, 2 ** 53]],
    ['INT8', [-128, 127], [-129, 128]],
    ['INT16', [-32_768, 32_767], [32_768]],
    ['INT32', [-2_147_483_648, 2_147_483_647], [2_147_483_648, 0.5]],
    ['INT64', [-Number.MAX_SAFE_INTEGER], [-(2 ** 53), 2 ** 60]],
    ['FP16', [65_504, -65_504], [65_505]],
    ['FP32', [3.4028234663852886e38, 0.1, -0], [3.5e38, Infinity, NaN, '1', true, [1], {}]],
    ['FP64', [1e308, 5e-324], [Infinity, -Infinity, NaN]],
    ['BYTES', ['', 'AA'], [1, true, ['AA']]],
  ])('%s holds %j and not %j', (datatype, good, bad) => {
    for (const value of good) expect(DATATYPES[datatype].holds(value), String(value)).toBe(true);
    for (const value of bad) expect(DATATYPES[datatype].holds(value), String(value)).toBe(false);
  });

  it('knows its own names only', () => {
    expect(isDatatype('FP32')).toBe(true);
    for (const name of ['fp32', 'toString', '__proto__', 'constructor', 32, null, ['FP32']]) expect(isDatatype(name)).toBe(false);
    expect(datatypeOfRuntime('int64')).toBe('INT64');
    expect(datatypeOfRuntime('float16')).toBeUndefined();
  });
});
