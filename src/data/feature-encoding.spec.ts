import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import type { FeatureSpec } from '../spec/model-spec.js';
import { featureEncoder, featureExpression, featureSelectList, type RawValue } from './feature-encoding.js';

const number: FeatureSpec = { name: 'x', type: 'number', maxMissing: 0 };
const category = (...categories: string[]): FeatureSpec => ({ name: 'x', type: 'category', categories, maxUnknown: 0, maxMissing: 0 });

/** Encodes one column of SQL literals in DuckDB. */
async function inSql(feature: FeatureSpec, type: string, literals: readonly string[]): Promise<number[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const rows = literals.map((literal, index) => `(${index}, CAST(${literal} AS ${type}))`).join(', ');
  const [expression] = featureSelectList([feature]);
  const result = await connection.runAndReadAll(`SELECT ${expression} FROM (VALUES ${rows}) t(i, x) ORDER BY i`);
  expect(result.columnTypes().map(String)).toEqual(['FLOAT']);
  expect(result.columnNames()).toEqual(['x']);
  const values = result.getRows().map(([value]) => value as number);
  connection.closeSync();
  instance.closeSync();
  return values;
}

const inScript = (feature: FeatureSpec, values: readonly RawValue[]): number[] => values.map((value) => featureEncoder([feature]).encodeValue(0, value));

describe('SQL and JavaScript encode alike', () => {
  it('numbers', async () => {
    const doubles = [0, -0, 1.5, 0.1, 1 / 3, -1e-50, 1e-40, 16_777_217, 3.4028234663852886e38, 3.4028235e38, -3.5e38, 1e300, NaN, Infinity, -Infinity];
    const literal = (value: number): string => (Object.is(value, -0) ? "'-0.0'" : `'${Number.isFinite(value) ? value : String(value).toLowerCase()}'`);
    const expected = inScript(number, [...doubles, null]);
    expect(await inSql(number, 'DOUBLE', [...doubles.map(literal), 'NULL'])).toEqual(expected);
    expect(expected.slice(-7)).toEqual([NaN, NaN, NaN, NaN, NaN, NaN, NaN]);
    expect(expected[7]).toBe(16_777_216);
    expect(expected[8]).toBe(3.4028234663852886e38);
  });

  it('numbers of a Parquet dictionary, of which some are beyond float32', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'perennial-dictionary-'));
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const path = join(folder, 'rows.parquet');
    const value = "CASE hash(i) % 5 WHEN 0 THEN NULL WHEN 1 THEN 'inf'::DOUBLE WHEN 2 THEN 1e300 WHEN 3 THEN 0.1 ELSE exp(hash(i * 3) % 100003 / 12500.0) END";
    await connection.run(`COPY (SELECT i, {'x': ${value}} AS inputs FROM range(1300) rows(i)) TO '${path}' (FORMAT parquet)`);
    const raw = await connection.runAndReadAll(`SELECT inputs.x FROM '${path}' ORDER BY i`);
    const found = await connection.runAndReadAll(`SELECT ${featureExpression(number, 'inputs.x')} FROM (SELECT * FROM '${path}') AS observed WHERE inputs IS NOT NULL`);
    expect(found.getRows().map(([encoded]) => encoded)).toEqual(inScript(number, raw.getRows().map(([known]) => known as number | null)));
    connection.closeSync();
    instance.closeSync();
    rmSync(folder, { recursive: true });
  });

  it('whole numbers, booleans and decimals', async () => {
    expect(await inSql(number, 'BIGINT', ['7', '-3', '9007199254740993', 'NULL'])).toEqual(inScript(number, [7, -3n, 9_007_199_254_740_993n, undefined]));
    expect(await inSql(number, 'BOOLEAN', ['true', 'false'])).toEqual(inScript(number, [true, false]));
    expect(await inSql(number, 'DECIMAL(9,3)', ['12.345'])).toEqual(inScript(number, [12.345]));
  });

  it('categories: their index, or NaN for what is missing or unknown', async () => {
    const carriers = category('AA', "O'Hare", 'a"b', 'é');
    expect(await inSql(carriers, 'VARCHAR', ["'AA'", "'O''Hare'", `'a"b'`, "'é'", "'aa'", "''", 'NULL'])).toEqual([0, 1, 2, 3, NaN, NaN, NaN]);
    expect(inScript(carriers, ['AA', "O'Hare", 'a"b', 'é', 'aa', '', null])).toEqual([0, 1, 2, 3, NaN, NaN, NaN]);
  });

  it('categories of whole numbers and booleans, by their text', async () => {
    const months = category('1', '12', 'true');
    expect(await inSql(months, 'INTEGER', ['1', '12', '2'])).toEqual(inScript(months, [1, 12n, 2]));
    expect(await inSql(months, 'BOOLEAN', ['true', 'false'])).toEqual(inScript(months, [true, false]));
  });

  it('more categories than a byte counts', async () => {
    const many = category(...Array.from({ length: 300 }, (_, index) => `c${index}`));
    expect(await inSql(many, 'VARCHAR', ["'c0'", "'c299'", "'c300'"])).toEqual([0, 299, NaN]);
    expect(inScript(many, ['c0', 'c299', 'c300'])).toEqual([0, 299, NaN]);
  });
});

describe('the encoder of rows', () => {
  const encoder = featureEncoder([number, { ...category('a', 'b'), name: 'y' }]);

  it('writes a row where it is told', () => {
    const target = new Float32Array(6).fill(9);
    encoder.encodeRow([0.1, 'b'], target, 2);
    expect(Array.from(target)).toEqual([9, 9, Math.fround(0.1), 1, 9, 9]);
    expect(encoder.width).toBe(2);
  });

  it('names the feature whose value has the wrong type', () => {
    expect(() => encoder.encodeValue(0, '12')).toThrow(/Feature x is a number and got the text "12"/);
    expect(() => encoder.encodeValue(1, 1.5)).toThrow(/Feature y is a category and got the fraction 1.5/);
    expect(() => encoder.encodeRow([1], new Float32Array(2), 0)).toThrow(/A row has 1 values and the model 2 features/);
    expect(() => encoder.encodeValue(2, 1)).toThrow(/no feature at index 2/);
  });
});
