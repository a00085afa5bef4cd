import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelSpec } from '../spec/model-spec.js';
import { admitModel } from './onnx-admission.js';
import { requireParity } from './parity.js';
import { predictEveryRow, predictFirstRows, scoreParquet, type ParquetRequest } from './scoring.js';
import { field, graph, graphAttribute, integers, linearParts, logisticParts, message, model, node, tensorAttribute, tensorInfo, type ModelParts } from './tiny-onnx.js';

const spec = {
  task: 'binary-classification',
  data: {
    eventTime: 'at', label: 'late', labelHorizon: 'PT24H',
    features: [
      { name: 'distance', type: 'number', maxMissing: 0 },
      { name: 'carrier', type: 'category', categories: ['AA', 'B6', "O'Hare"], maxUnknown: 0, maxMissing: 0 },
      { name: 'hour', type: 'number', maxMissing: 0 },
    ],
  },
  evaluation: { slices: ['origin', 'tail'] },
} as unknown as ModelSpec;
const ROWS = 5_000;
const WEIGHTS = [0.001, 0.5, -0.1];
const BIAS = 0.2;

let folder: string;
let parquetPath: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'scoring-'));
  parquetPath = await parquet('rows', `
    SELECT TIMESTAMP '2013-01-01' + INTERVAL (i * 10) MINUTE AS at, i AS id, i % 7 * 100.0 AS distance,
      ['AA', 'B6', 'O''Hare'][1 + i % 3] AS carrier, i % 24 AS hour, CASE WHEN i % 10 = 9 THEN NULL ELSE i % 5 = 0 END AS late,
      CASE WHEN i % 4 = 0 THEN NULL ELSE ['EWR', 'JFK'][1 + i % 2] END AS origin, 'N' || (i % 60) AS tail
    FROM range(${ROWS}) t(i) ORDER BY i`);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function parquet(name: string, query: string): Promise<string> {
  const path = join(folder, `${name}.parquet`);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (${query}) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`);
  connection.closeSync();
  instance.closeSync();
  return path;
}

function request(parts: ModelParts, over: Partial<ParquetRequest> = {}): ParquetRequest {
  const bytes = model(parts);
  const modelDigest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const modelPath = join(folder, `${modelDigest.slice(7, 20)}.onnx`);
  writeFileSync(modelPath, bytes);
  return { modelPath, modelDigest, spec, parquetPath, workDir: folder, asOf: '2014-01-01T00:00:00Z', threads: 1, ...over };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const expected = (id: number): number => sigmoid(BIAS + (id % 7) * 100 * WEIGHTS[0]! + (id % 3) * WEIGHTS[1]! + (id % 24) * WEIGHTS[2]!);
const idsThatJudge = (until = ROWS): number[] => Array.from({ length: until }, (_, id) => id).filter((id) => id % 10 !== 9);

describe('scoreParquet', () => {
  it('scores the labelled rows in the order of the file, with labels, times and slices', async () => {
    const progress: number[] = [];
    const scored = await scoreParquet(request(logisticParts(WEIGHTS, BIAS), { batchRows: 700, onProgress: (rows) => progress.push(rows) }));
    const ids = idsThatJudge();
    expect(scored.counts).toEqual({ inFile: ROWS, scored: ids.length, unlabelled: ROWS - ids.length, immature: 0 });
    expect(scored.predictions).toHaveLength(ids.length);
    ids.forEach((id, row) => {
      if (Math.abs(scored.predictions[row]! - expected(id)) > 1e-6) throw new Error(`row ${row}: ${scored.predictions[row]} for ${expected(id)}`);
    });
    expect(Array.from(scored.labels)).toEqual(ids.map((id) => (id % 5 === 0 ? 1 : 0)));
    expect(Array.from(scored.eventTimesMs)).toEqual(ids.map((id) => Date.UTC(2013, 0, 1) + id * 600_000));
    const [origin, tail] = scored.slices;
    expect(Array.from(origin!.codes, (code) => origin!.values[code])).toEqual(ids.map((id) => (id % 4 === 0 ? null : ['EWR', 'JFK'][id % 2])));
    expect(tail!.values.at(-1)).toMatch(/^\(\d+ other values\)$/);
    expect(new Set(tail!.values).size).toBe(52);
    expect(progress.at(-1)).toBe(ids.length);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(new Set(scored.blocks).size).toBe(35);
  });

  it('gives the same bits whatever the batch', async () => {
    const [one, other] = [await scoreParquet(request(logisticParts(WEIGHTS, BIAS), { batchRows: 1_000 })), await scoreParquet(request(logisticParts(WEIGHTS, BIAS), { batchRows: 4_096 }))];
    expect(Buffer.from(one.predictions.buffer, one.predictions.byteOffset, one.predictions.byteLength).equals(Buffer.from(other.predictions.buffer, other.predictions.byteOffset, other.predictions.byteLength))).toBe(true);
  });

  it('lets a row judge only when its label horizon has passed', async () => {
    const asOf = new Date(Date.UTC(2013, 0, 1) + 86_400_000 + 99 * 600_000).toISOString();
    const { counts } = await scoreParquet(request(logisticParts(WEIGHTS), { asOf }));
    const judging = idsThatJudge(100).length;
    expect(counts).toEqual({ inFile: ROWS, scored: judging, unlabelled: 500, immature: 4_500 - judging });
  });

  it('scores nothing where nothing is mature', async () => {
    const scored = await scoreParquet(request(logisticParts(WEIGHTS), { asOf: '2012-01-01T00:00:00Z' }));
    expect(scored.counts.scored).toBe(0);
    expect(scored.predictions).toHaveLength(0);
  });

  it('scores a regressor', async () => {
    const numbers = { ...spec, task: 'regression', data: { ...spec.data, label: 'distance' } } as ModelSpec;
    const scored = await scoreParquet(request(linearParts([2, 0, 0], 1), { spec: numbers }));
    expect(Array.from(scored.predictions.subarray(0, 7))).toEqual([1, 201, 401, 601, 801, 1001, 1201]);
  });
});

describe('predictEveryRow', () => {
  it('scores labelled and unlabelled rows alike, in the order of the file, and keeps what is no number', async () => {
    const { asOf: _asOf, ...every } = request(logisticParts(WEIGHTS, BIAS), { batchRows: 700 });
    const unknown = { ...spec, data: { ...spec.data, features: spec.data.features.map((feature) => (feature.type === 'category' ? { ...feature, categories: ['AA', 'B6'] } : feature)) } } as ModelSpec;
    const outputs = await predictEveryRow({ ...every, spec: unknown });
    expect(outputs).toHaveLength(ROWS);
    outputs.forEach((output, id) => {
      if (id % 3 === 2 ? !Number.isNaN(output) : Math.abs(output - expected(id)) > 1e-6) throw new Error(`row ${id}: ${output} for ${expected(id)}`);
    });
  });
});

describe('scoreParquet refuses', () => {
  it('predictions that are no numbers, with how many and an example', async () => {
    const unknown = { ...spec, data: { ...spec.data, features: spec.data.features.map((feature) => (feature.type === 'category' ? { ...feature, categories: ['AA', 'B6'] } : feature)) } } as ModelSpec;
    const missing = idsThatJudge().filter((id) => id % 3 === 2).length;
    await expect(scoreParquet(request(logisticParts(WEIGHTS), { spec: unknown }))).rejects.toMatchObject({
      type: 'ScoringFailed',
      message: `${missing} of 4500 predictions are no probabilities; for example row 2 got NaN`,
      details: { rows: missing, example: { row: 2, prediction: 'NaN', features: ['200', 'NaN', '2'] } },
    });
  });

  it('infinite numbers of a regressor', async () => {
    const numbers = { ...spec, task: 'regression', data: { ...spec.data, label: 'distance' } } as ModelSpec;
    await expect(scoreParquet(request(linearParts([3e38, 0, 0]), { spec: numbers }))).rejects.toMatchObject({ type: 'ScoringFailed', message: expect.stringMatching(/no finite numbers; for example row 1 got Infinity/) as string });
  });

  it('probabilities outside 0 and 1', async () => {
    const parts = logisticParts(WEIGHTS);
    const doubled = { ...parts, nodes: [...parts.nodes.slice(0, 2), node({ type: 'Exp', inputs: ['logit'], outputs: ['positive'] }), ...parts.nodes.slice(3)] };
    await expect(scoreParquet(request(doubled))).rejects.toMatchObject({ type: 'ScoringFailed', message: expect.stringMatching(/no probabilities/) as string });
  });

  it('a model whose bytes are not those that were admitted', async () => {
    await expect(scoreParquet(request(logisticParts(WEIGHTS), { modelDigest: `sha256:${'0'.repeat(64)}` }))).rejects.toMatchObject({ type: 'ArtifactCorrupt' });
  });

  it('a file without the columns, of the wrong types, or cut off', async () => {
    const other = await parquet('other', "SELECT TIMESTAMP '2013-01-01' AS at, true AS late, 1.5 AS carrier, 'x' AS origin, 'y' AS tail, 1 AS hour");
    await expect(scoreParquet(request(logisticParts(WEIGHTS), { parquetPath: other }))).rejects.toMatchObject({
      type: 'ScoringFailed', details: { faults: ['column distance is missing', expect.stringContaining('column carrier is a category and of type DECIMAL(2,1)')] },
    });
    truncateSync(other, statSync(other).size - 20);
    await expect(scoreParquet(request(logisticParts(WEIGHTS), { parquetPath: other }))).rejects.toMatchObject({ type: 'DataUnreadable' });
    await expect(scoreParquet(request(logisticParts(WEIGHTS), { parquetPath: join(folder, 'absent.parquet') }))).rejects.toMatchObject({ type: 'DataUnreadable' });
  });

  it('labels that are not 0 or 1', async () => {
    const hours = { ...spec, data: { ...spec.data, label: 'hour' } } as ModelSpec;
    await expect(scoreParquet(request(logisticParts(WEIGHTS), { spec: hours }))).rejects.toMatchObject({ type: 'ScoringFailed', message: expect.stringMatching(/labels are neither 0 nor 1/) as string });
  });
});

const constant = (name: string, value: Uint8Array): Uint8Array => node({ type: 'Constant', outputs: [name], attributes: [tensorAttribute('value', value)] });
/** A loop of 2^60 turns. */
function hanging(): ModelParts {
  const body = graph({
    nodes: [node({ type: 'Identity', inputs: ['go'], outputs: ['go_on'] }), node({ type: 'Sin', inputs: ['x'], outputs: ['x_next'] })],
    inputs: [tensorInfo('turn', 7, []), tensorInfo('go', 9, []), tensorInfo('x', 1, ['rows', 3])],
    outputs: [tensorInfo('go_on', 9, []), tensorInfo('x_next', 1, ['rows', 3])],
  });
  const parts = logisticParts(WEIGHTS);
  const loop = node({ type: 'Loop', inputs: ['turns', 'yes', 'features'], outputs: ['looped'], attributes: [graphAttribute('body', body)] });
  return {
    ...parts,
    nodes: [constant('turns', integers('', [], [2 ** 60])), constant('yes', message(field(2, 9), field(9, Uint8Array.of(1)))), loop, node({ type: 'MatMul', inputs: ['looped', 'weights'], outputs: ['product'] }), ...parts.nodes.slice(1)],
  };
}

describe('the runtime, in a process of its own', () => {
  /** A tensor of 8 GiB that is filled at every run. */
  function swelling(): ModelParts {
    const parts = logisticParts(WEIGHTS);
    const expand = [
      node({ type: 'Shape', inputs: ['features'], outputs: ['shape'] }),
      node({ type: 'Gather', inputs: ['shape', 'first'], outputs: ['rows1'], attributes: [] }),
      node({ type: 'Concat', inputs: ['rows1', 'wide'], outputs: ['big'], attributes: [message(field(1, 'axis'), field(3, 0), field(20, 2))] }),
      node({ type: 'ConstantOfShape', inputs: ['big'], outputs: ['zeros'] }),
      node({ type: 'ReduceSum', inputs: ['zeros', 'axes'], outputs: ['nothing'] }),
      node({ type: 'Add', inputs: ['logit0', 'nothing'], outputs: ['logit'] }),
    ];
    const [product, _add, ...rest] = parts.nodes;
    return {
      ...parts,
      nodes: [product!, node({ type: 'Add', inputs: ['product', 'bias'], outputs: ['logit0'] }), ...expand, ...rest],
      initializers: [...parts.initializers!, integers('first', [1], [0]), integers('wide', [1], [2 ** 31]), integers('axes', [1], [1])],
    };
  }

  it('takes a sound model', async () => {
    const sound = request(logisticParts(WEIGHTS));
    await expect(admitModel(sound.modelPath, spec)).resolves.toMatchObject({ digest: sound.modelDigest });
    await expect(predictFirstRows({ ...sound, rows: 3 })).resolves.toHaveLength(3);
  });

  it('says why it does not load a graph', async () => {
    const parts = logisticParts(WEIGHTS);
    const broken = { ...parts, nodes: [node({ type: 'NoSuchOperator', inputs: ['features'], outputs: ['product'] }), ...parts.nodes.slice(1)] };
    await expect(predictFirstRows({ ...request(broken), rows: 3 })).rejects.toMatchObject({ type: 'ModelRefused', message: expect.stringContaining('NoSuchOperator') as string });
  });

  it('finds an output whose real size is not what was declared', async () => {
    const parts = logisticParts(WEIGHTS);
    const narrow = { ...parts, nodes: [...parts.nodes.slice(0, 4), node({ type: 'Identity', inputs: ['positive'], outputs: ['probabilities'] })], outputs: [tensorInfo('probabilities', 1, ['n', 'k'])] };
    await expect(predictFirstRows({ ...request(narrow), rows: 3 })).rejects.toMatchObject({ type: 'ScoringFailed', message: expect.stringContaining('float32 [1, 1]; it must be float32 [1, 2]') as string });
  });

  it('says so when the model fails while rows are still being read', async () => {
    const long = await parquet('long', `SELECT t.* FROM '${parquetPath}' t, range(100)`);
    const parts = logisticParts(WEIGHTS);
    const narrow = { ...parts, nodes: [...parts.nodes.slice(0, 4), node({ type: 'Identity', inputs: ['positive'], outputs: ['probabilities'] })], outputs: [tensorInfo('probabilities', 1, ['n', 'k'])] };
    await expect(scoreParquet(request(narrow, { parquetPath: long }))).rejects.toMatchObject({ type: 'ScoringFailed', message: expect.stringContaining('it must be float32 [8192, 2]') as string });
  });

  it('is ended when the model hangs', async () => {
    await expect(predictFirstRows({ ...request(hanging(), { bounds: { wallMs: 3_000, maxRssBytes: 2 ** 31 } }), rows: 3 })).rejects.toMatchObject({ type: 'ScoringFailed', message: expect.stringContaining('did not finish within 3 s') as string });
  });

  it('is ended when the model swells', async () => {
    await expect(predictFirstRows({ ...request(swelling(), { bounds: { wallMs: 60_000, maxRssBytes: 400 * 2 ** 20 } }), rows: 3 })).rejects.toMatchObject({ type: 'ScoringFailed', message: 'The model needed more than 400 MiB; its process was ended' });
  });

  it('is ended when the caller gives up, which gets its own reason back', async () => {
    const controller = new AbortController();
    const running = predictFirstRows({ ...request(hanging(), { signal: controller.signal }), rows: 3 });
    setTimeout(() => controller.abort(new Error('the activity was cancelled')), 500);
    await expect(running).rejects.toThrow('the activity was cancelled');
  });
});

describe('the scoring process', () => {
  const childrenOf = async (pid: number): Promise<number[]> =>
    promisify(execFile)('pgrep', ['-P', String(pid)]).then(({ stdout }) => stdout.trim().split('\n').map(Number), () => []);
  const lives = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const until = async <T>(find: () => Promise<T | undefined> | T | undefined): Promise<T> => {
    for (;;) {
      const found = await find();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  it('dies with the process that started it, also in the middle of a run', async () => {
    const job = JSON.stringify({ ...request(hanging()), rows: 3 });
    const program = `import { predictFirstRows } from ${JSON.stringify(new URL('./scoring.ts', import.meta.url).href)}; await predictFirstRows(${job});`;
    const loader = new URL('./typescript-source.mjs', import.meta.url).href;
    const parent = spawn(process.execPath, ['--import', loader, '--input-type=module', '-e', program], { stdio: 'inherit' });
    const child = await until(async () => (await childrenOf(parent.pid!))[0]);
    // Long enough that the model is running and the main thread no longer sees anything.
    await until(async () => (await cpuSeconds(child)) > 3 || undefined);
    parent.kill('SIGKILL');
    await until(() => !lives(child) || undefined);
    expect(lives(child)).toBe(false);
  }, 60_000);

  async function cpuSeconds(pid: number): Promise<number> {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'time=', '-p', String(pid)]);
    const [hours, minutes, seconds] = stdout.trim().split(':').map(Number) as [number, number, number];
    return hours * 3600 + minutes * 60 + seconds;
  }
});

describe('parity', () => {
  it('holds between the model and the same arithmetic elsewhere, for the first rows, labelled or not', async () => {
    const ours = await predictFirstRows({ ...request(logisticParts(WEIGHTS, BIAS)), rows: 1_234 });
    const trainers = Array.from({ length: 1_234 }, (_, id) => expected(id));
    expect(requireParity(ours, trainers)).toMatchObject({ rows: 1_234 });
    trainers[17]! += 2e-5;
    trainers[18]! -= 3e-5;
    expect(() => requireParity(ours, trainers)).toThrow(/2 of 1234 predictions differ .* worst is row 18/);
    trainers[19] = NaN;
    expect(() => requireParity(ours, trainers)).toThrow(/worst is row 19/);
    expect(() => requireParity(ours, trainers.slice(1))).toThrow(/1233 predictions and the model 1234/);
    expect(() => requireParity([], [])).toThrow(/no predictions to compare with/);
  });

  it('is relative for numbers above 1', () => {
    expect(requireParity([100_000.5], [100_000])).toMatchObject({ rows: 1 });
    expect(() => requireParity([100_002], [100_000])).toThrow(/ParityFailed|differ/);
  });
});
