import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WindowSummary } from '../contracts/window-summary.js';
import { specWith } from '../data/data-fixture.js';
import { withDatabase } from '../data/duckdb.js';
import { rowLoss } from '../evaluation/row-loss.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { observedRows, summarizeWindow } from './window-summary.js';

let folder: string;
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'perennial-summary-')); });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SPEC = specWith({ data: { features: [{ name: 'speed', type: 'number', min: 0, max: 0.1 }, { name: 'side', type: 'category', categories: ['north', "o'clock"] }] } });
const compared = (comparison: Partial<ModelSpec['rollout']['comparison']>): ModelSpec => ({ ...SPEC, rollout: { ...SPEC.rollout, comparison: { ...SPEC.rollout.comparison, ...comparison } } });

/** Rows of (speed, side, output, label) as SQL; `null` keeps no inputs. */
async function summary(spec: ModelSpec, rows: readonly (readonly [speed: string, side: string, output: string, label: string] | readonly [null, null, string, string])[]): Promise<WindowSummary> {
  const selects = rows.map(([speed, side, output, label]) => `SELECT ${speed === null ? 'NULL::STRUCT(speed FLOAT, side VARCHAR)' : `struct_pack(speed := ${speed}::FLOAT, side := ${side}::VARCHAR)`} AS inputs, ${output}::FLOAT AS output, ${label}::DOUBLE AS label`);
  const relation = rows.length === 0 ? "(SELECT struct_pack(speed := 1::FLOAT, side := '') AS inputs, 1::FLOAT AS output, 1::DOUBLE AS label WHERE false)" : `(${selects.join(' UNION ALL ')})`;
  return withDatabase({ files: [], scratch: folder }, (database) => summarizeWindow(database, spec, observedRows(spec, relation, ['speed', 'side'])));
}

describe('summarizeWindow', () => {
  it('counts what is missing, unknown and out of range, of the rows whose inputs were kept', async () => {
    expect(await summary(SPEC, [
      ['0.1', "'north'", '0.5', 'NULL'], ['0', "'o''clock'", '0.5', 'NULL'], ['0.11', "'south'", '0.5', 'NULL'], ['-0.001', 'NULL', '0.5', 'NULL'], ['NULL', "''", '0.5', 'NULL'], [null, null, '0.5', 'NULL'],
    ])).toEqual({
      rows: 6, inputRows: 5, features: [{ name: 'speed', missing: 1, unknown: 0, outOfRange: 2 }, { name: 'side', missing: 1, unknown: 2, outOfRange: 0 }], loss: null,
    });
  });

  it('takes the mean loss of labelled rows with its variance, whatever is not known yet', async () => {
    const rows = [['0', "'north'", '0.5', '1'], ['0', "'north'", '0', '0'], ['0', "'north'", '1', '0'], ['0', "'north'", 'NULL', '1'], ['0', "'north'", '0.5', "'nan'"]] as const;
    // Brier: 0.25, 0, 1.
    expect((await summary(SPEC, rows)).loss).toEqual({ rows: 3, mean: expect.closeTo(1.25 / 3, 12), variance: expect.closeTo(0.270833333333, 9) });
    // Log loss: ln 2, 0, clipped at 5.
    expect((await summary(compared({ metric: 'clippedLogLoss' }), rows)).loss?.mean).toBeCloseTo((Math.log(2) + 5) / 3, 9);
    expect((await summary({ ...compared({ metric: 'absoluteError', bound: 0.75 }), task: 'regression' }, rows)).loss?.mean).toBeCloseTo((0.5 + 0.75) / 3, 9);
    expect((await summary(SPEC, rows.slice(0, 1))).loss).toEqual({ rows: 1, mean: 0.25, variance: 0 });
  });

  it.each([['brier', 1], ['clippedLogLoss', 5], ['absoluteError', 0.75]] as const)('counts %s as the comparison of two versions does, also what is no probability', async (metric, bound) => {
    for (const [output, label] of [[0.3, 1], [0.3, 0], [0, 1], [1, 1], [1.5, 1], [-0.25, 0]] as const) {
      const { loss } = await summary({ ...compared({ metric, bound }), task: metric === 'absoluteError' ? 'regression' : 'binary-classification' }, [['0', "'north'", String(output), String(label)]]);
      expect(loss?.mean).toBeCloseTo(rowLoss(metric, bound, Math.fround(output), label), 12);
    }
  });

  it('of no rows is zeros', async () => {
    expect(await summary(SPEC, [])).toEqual({ rows: 0, inputRows: 0, features: [{ name: 'speed', missing: 0, unknown: 0, outOfRange: 0 }, { name: 'side', missing: 0, unknown: 0, outOfRange: 0 }], loss: null });
  });
});
