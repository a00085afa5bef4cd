import { beforeEach, describe, expect, it } from 'vitest';
import type { DataViolation } from '../contracts/data-report.js';
import { dataInvalid } from './data-invalid.js';
import { DataFolder, HOURLY_ROWS, specWith } from './data-fixture.js';

let folder: DataFolder;

beforeEach(async () => {
  folder = await DataFolder.make();
  return () => folder.remove();
});

/** The violations of the hourly rows with some of them replaced. */
async function violationsOf(sql: string, spec = specWith()): Promise<readonly DataViolation[]> {
  await folder.write(spec.data.source.path, sql);
  const report = await folder.validate(spec);
  expect(report.verdict).toBe(report.violations.length === 0 ? 'pass' : 'fail');
  return report.violations;
}
const replaced = (list: string): string => `SELECT * REPLACE (${list}) FROM (${HOURLY_ROWS})`;

describe('validateSnapshot', () => {
  it('passes good rows, of either format', async () => {
    expect(await violationsOf(HOURLY_ROWS)).toEqual([]);
    expect(await violationsOf(HOURLY_ROWS, specWith({ data: { source: { path: 'rows.csv', format: 'csv' } } }))).toEqual([]);
  });

  it('lists a missing column in both parts, with the name that was meant', async () => {
    const violations = await violationsOf(`SELECT * RENAME (speed AS "Speed") FROM (${HOURLY_ROWS})`);
    expect(violations).toMatchObject([
      { check: 'columnMissing', column: 'speed', part: 'train', rows: 240, share: 1, message: expect.stringContaining('did you mean Speed?') },
      { check: 'columnMissing', column: 'speed', part: 'evaluation', rows: 120 },
    ]);
  });

  it('lists a missing label and a missing key', async () => {
    expect((await violationsOf(`SELECT * EXCLUDE (late) FROM (${HOURLY_ROWS})`)).map(({ check, column }) => `${check} ${column}`)).toEqual(['columnMissing late', 'columnMissing late']);
    expect((await violationsOf(`SELECT * EXCLUDE (id) FROM (${HOURLY_ROWS})`)).map(({ check, column }) => `${check} ${column}`)).toEqual(['columnMissing id', 'columnMissing id']);
  });

  it('counts values out of bounds, shows five of them, and takes neither NaN nor infinity for one', async () => {
    const violations = await violationsOf(replaced(`CASE WHEN id IN ('k1', 'k2', 'k3', 'k4', 'k5', 'k6') THEN 100.5 WHEN id = 'k300' THEN -0.5
      WHEN id = 'k10' THEN 'inf'::DOUBLE WHEN id = 'k11' THEN 'nan'::DOUBLE ELSE speed END AS speed`));
    expect(violations).toMatchObject([
      { check: 'finite', column: 'speed', part: 'train', rows: 1, examples: [{ id: 'k10', speed: 'inf' }] },
      { check: 'maximum', column: 'speed', part: 'train', rows: 6, share: 6 / 240, limit: 'at most 100', examples: ['k1', 'k2', 'k3', 'k4', 'k5'].map((id) => ({ id, speed: '100.5' })) },
      { check: 'missing', column: 'speed', part: 'train', rows: 1, examples: [{ id: 'k11', speed: 'nan' }] },
      { check: 'minimum', column: 'speed', part: 'evaluation', rows: 1, examples: [{ id: 'k300', speed: '-0.5' }] },
    ]);
  });

  it('compares missing and unknown values with the share that the spec allows', async () => {
    const rows = replaced(`CASE WHEN id IN ('k1', 'k2') THEN NULL ELSE speed END AS speed, CASE id WHEN 'k3' THEN 'west' WHEN 'k4' THEN '' WHEN 'k5' THEN 'North' ELSE side END AS side`);
    expect(await violationsOf(rows)).toMatchObject([
      { check: 'missing', column: 'speed', rows: 2, share: 2 / 240 },
      { check: 'category', column: 'side', rows: 3, examples: [{ side: 'west' }, { side: '' }, { side: 'North' }] },
    ]);
    const lenient = specWith({ data: { features: [
      { name: 'speed', type: 'number', maxMissing: 2 / 240 }, { name: 'side', type: 'category', categories: ['north', 'south'], maxUnknown: 3 / 240 },
    ] } });
    expect(await violationsOf(rows, lenient)).toEqual([]);
  });

  it('takes categories with quotes and other scripts', async () => {
    const odd = `it's "Nørd" ☃`;
    const spec = specWith({ data: { features: [{ name: 'side', type: 'category', categories: [odd, 'south'] }] } });
    expect(await violationsOf(replaced(`CASE side WHEN 'north' THEN 'it''s "Nørd" ☃' ELSE side END AS side`), spec)).toEqual([]);
  });

  it('shows the text in a number column of a CSV file, and nothing else of it', async () => {
    const csv = specWith({ data: { source: { path: 'rows.csv', format: 'csv' } } });
    const violations = await violationsOf(replaced(`CASE id WHEN 'k3' THEN 'fast' ELSE speed::VARCHAR END AS speed`), csv);
    expect(violations).toMatchObject([
      { check: 'type', column: 'speed', part: 'train', rows: 1, examples: [{ id: 'k3', speed: 'fast' }], message: 'train: speed is of type VARCHAR: 1 of 240 rows (0.417 %) are no numbers; write the column as numbers, missing ones as null or empty' },
      { check: 'type', column: 'speed', part: 'evaluation', rows: 0 },
    ]);
  });

  it('refuses numbers as text, categories as fractions and lists as either in Parquet', async () => {
    expect(await violationsOf(replaced('speed::VARCHAR AS speed, (length(side) / 2)::DOUBLE AS side'))).toMatchObject([
      { check: 'type', column: 'speed', rows: 0 }, { check: 'type', column: 'side', rows: 240 },
      { check: 'type', column: 'speed', rows: 0 }, { check: 'type', column: 'side', rows: 120 },
    ]);
    expect((await violationsOf(replaced('[speed] AS speed'))).map(({ check, rows }) => `${check} ${rows}`)).toEqual(['type 240', 'type 120']);
  });

  it('finds keys that are repeated, missing, or in both parts', async () => {
    const rows = replaced(`CASE id WHEN 'k2' THEN 'k1' WHEN 'k3' THEN 'k1' WHEN 'k4' THEN NULL WHEN 'k301' THEN 'k7' ELSE id END AS id`);
    expect(await violationsOf(rows)).toMatchObject([
      { check: 'keyMissing', column: 'id', part: 'train', rows: 1 },
      { check: 'duplicateKey', column: 'id', part: 'train', rows: 2, examples: [{ id: 'k1', copies: 3 }] },
      { check: 'keyOverlap', column: 'id', part: 'evaluation', rows: 1, examples: [{ id: 'k7' }] },
    ]);
  });

  it('takes several columns as one key', async () => {
    const spec = specWith({ data: { key: ['id', 'side'] } });
    expect(await violationsOf(replaced(`CASE id WHEN 'k2' THEN 'k1' ELSE id END AS id`), spec)).toEqual([]);
    expect(await violationsOf(replaced(`CASE id WHEN 'k3' THEN 'k1' ELSE id END AS id`), spec)).toMatchObject([{ check: 'duplicateKey', column: null, rows: 1, examples: [{ id: 'k1', side: 'south', copies: 2 }] }]);
  });

  it('says that labels are missing altogether', async () => {
    expect(await violationsOf(replaced('NULL::BOOLEAN AS late'))).toMatchObject([
      { check: 'unlabelled', part: 'train', rows: 240, share: 1 }, { check: 'labelClasses', part: 'train' },
      { check: 'unlabelled', part: 'evaluation', rows: 120 }, { check: 'labelClasses', part: 'evaluation' },
    ]);
  });

  it('says that labels are of one class, or of none', async () => {
    expect((await violationsOf(replaced('false AS late'))).map(({ check }) => check)).toEqual(['labelClasses', 'labelClasses']);
    expect(await violationsOf(replaced(`CASE id WHEN 'k9' THEN 2 ELSE late::INTEGER END AS late`))).toMatchObject([{ check: 'label', rows: 1, examples: [{ id: 'k9', late: '2' }] }]);
    expect(await violationsOf(replaced(`CASE WHEN late THEN 'yes' ELSE 'no' END AS late`))).toMatchObject([{ check: 'label', rows: 240 }, { check: 'label', rows: 120 }]);
  });

  it.each(['late::TINYINT', 'late::DOUBLE', 'late::DECIMAL(3, 1)'])('takes labels as %s', async (expression) => {
    expect(await violationsOf(replaced(`${expression} AS late`))).toEqual([]);
  });

  it('wants finite labels of a regression', async () => {
    const spec = specWith({ task: 'regression', data: { label: 'delay', features: [{ name: 'speed', type: 'number' }] } });
    expect(await violationsOf(`SELECT *, CASE id WHEN 'k1' THEN 'inf'::DOUBLE WHEN 'k2' THEN 'nan'::DOUBLE ELSE speed END AS delay FROM (${HOURLY_ROWS})`, spec))
      .toMatchObject([{ check: 'label', column: 'delay', rows: 1, examples: [{ id: 'k1' }] }]);
  });

  it('says how long before the end of the window the newest row lies', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    const spec = specWith({ data: { maxStaleness: 'P2D' } });
    const { violations } = await folder.validate(spec, await folder.snapshot(spec, { asOf: '2024-01-20T02:00:00Z' }));
    expect(violations).toMatchObject([{ check: 'freshness', column: 'moment', part: 'evaluation', message: expect.stringContaining('the newest row is of 2024-01-17T00:00:00.000Z, 50.0 h before') }]);
  });

  it('finds rows outside the window that the manifest says', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    const snapshot = await folder.snapshot(specWith());
    const window = { start: '2024-01-01T02:00:00.000Z', end: snapshot.manifest.train.window.end };
    const { violations } = await folder.validate(specWith(), { ...snapshot, manifest: { ...snapshot.manifest, train: { ...snapshot.manifest.train, window } } });
    expect(violations).toMatchObject([{ check: 'eventTime', part: 'train', rows: 2, examples: [{ id: 'k0' }, { id: 'k1' }] }]);
  });

  it('checks hundreds of columns', async () => {
    const names = Array.from({ length: 250 }, (_, index) => `f${index}`);
    const spec = specWith({ data: { features: names.map((name) => ({ name, type: 'number', min: 0, max: 100 })) } });
    const violations = await violationsOf(`SELECT *, ${names.map((name, index) => `CASE WHEN id = 'k5' AND ${index} IN (0, 249) THEN -1 ELSE speed END AS ${name}`).join(', ')} FROM (${HOURLY_ROWS})`, spec);
    expect(violations.map(({ check, column }) => `${check} ${column}`)).toEqual(['minimum f0', 'minimum f249']);
  });
});

describe('dataInvalid', () => {
  it('holds all violations in its details and the first in its message', async () => {
    const violations = await violationsOf(replaced('NULL::BOOLEAN AS late, speed + 1000 AS speed, NULL::VARCHAR AS side'));
    const failure = dataInvalid(violations);
    expect(failure.type).toBe('DataInvalid');
    expect(failure.details).toEqual({ violationCount: 8, violations });
    expect(failure.message).toMatch(/^The data breaks the spec in 8 violations: train: late: 240 of 240 rows \(100 %\) have no label.*; and 3 more$/);
  });
});
