import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openSession } from './scoring-session.js';
import { trySession } from './session-trial.js';
import { expectedPositive, modelFile } from './testing/served-registry.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-session-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('openSession', () => {
  it('scores rows alone and in a batch to the same bits', async () => {
    const session = await openSession(modelFile('rising.onnx'), 3);
    const rows = Float32Array.from({ length: 30 }, (_, index) => (index % 7 === 0 ? NaN : Math.sin(index) * 3));
    const [batch] = await session.run(rows, 10);
    expect(batch).toMatchObject({ name: 'probabilities', shape: [10, 2] });
    for (let row = 0; row < 10; row++) {
      const alone = rows.slice(row * 3, row * 3 + 3);
      const [single] = await session.run(alone, 1);
      expect([single?.data[0], single?.data[1]]).toEqual([batch?.data[row * 2], batch?.data[row * 2 + 1]]);
      expect(single?.data[1]).toBeCloseTo(expectedPositive('rising.onnx', [...alone]), 6);
    }
    await session.release();
  });

  it('tells what the model gives', async () => {
    const session = await openSession(modelFile('rising.onnx'), 3);
    expect(session.outputs).toEqual([{ name: 'probabilities', datatype: 'FP32', shape: [-1, 2] }, { name: 'label', datatype: 'INT64', shape: [-1] }]);
    await session.release();
  });

  it('refuses a model of another width', async () => {
    await expect(openSession(modelFile('rising.onnx'), 4)).rejects.toMatchObject({ type: 'ModelRefused', message: expect.stringContaining('[rows, 4]') as string });
  });

  it('refuses what the runtime cannot load', async () => {
    const path = join(folder, 'broken.onnx');
    writeFileSync(path, readFileSync(modelFile('rising.onnx')).subarray(0, 200));
    await expect(openSession(path, 3)).rejects.toMatchObject({ type: 'ModelRefused' });
    writeFileSync(path, '');
    await expect(openSession(path, 3)).rejects.toMatchObject({ type: 'ModelRefused' });
  });

  it('is tried: whether rows are the same in company as alone, and how many a second it scores', async () => {
    const { trial } = await openSession(modelFile('rising.onnx'), 3);
    expect(trial.rowsIndependent).toBe(true);
    expect(trial.rowsPerSecond).toBeGreaterThan(1_000);
    // A model that looks at its neighbours, and one that cannot score what the trial makes up.
    const looking = await trySession({ run: (features, rows) => Promise.resolve([{ name: 'predictions', shape: [rows], data: Float32Array.from({ length: rows }, (_, row) => features[row * 3]! / rows) }]) }, 3);
    expect(looking.rowsIndependent).toBe(false);
    expect((await openSession(modelFile('picky.onnx'), 3)).trial).toEqual({ rowsIndependent: false, rowsPerSecond: null });
  });
});
