import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fileList, withDatabase } from '../../src/data/duckdb.js';
import { model as onnx } from '../../src/evaluation/tiny-onnx.js';
import { registryDataSource } from '../../src/registry/data-source.js';
import { throwing } from '../../src/serving/testing/misbehaving-models.js';
import { ServedRegistry, specOf } from '../../src/serving/testing/served-registry.js';
import { GatewayProcess } from '../gateway-process.js';
import { eventually } from '../installation.js';
import { recordedFiles } from '../recorded-predictions.js';

/** What nobody may find: a number, in every way that it could be written, and a text. */
const NUMBER = 1_234_567;
const TEXT = 'a carrier that nobody may know';
const SIGNS = [Buffer.from(String(NUMBER)), Buffer.from(Float32Array.of(NUMBER).buffer), Buffer.from(Float64Array.of(NUMBER).buffer), Buffer.from(TEXT)];

let folder: string;
let registry: ServedRegistry;
let owner: DataSource;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-unkept-'));
  mkdirSync(join(folder, 'observations'));
  registry = await ServedRegistry.start();
  owner = await registryDataSource({ url: registry.databaseUrl, poolSize: 3 }).initialize();
}, 120_000);

afterAll(async () => {
  await owner?.destroy();
  await registry?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

const filesIn = (path: string): string[] => readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => join(path, name)).filter((name) => statSync(name).isFile());
const signsIn = (paths: readonly string[]): number[] => SIGNS.map((sign) => paths.filter((path) => readFileSync(path).includes(sign)).length);

it.each([[true, 'are found where the spec lets them be kept'], [false, 'are nowhere where it does not: not in logs, segments, files or reasons, whoever answered, refused or failed']])('inputs, kept: %s, %s', async (inputs) => {
  const [champion, failing] = [`answers-${inputs}`, `fails-${inputs}`];
  for (const [name, first] of [[champion, 'rising.onnx'], [failing, undefined]] as const) {
    await registry.register(name, `${specOf(name)}serving: { observe: { inputs: ${inputs} } }\n`);
    if (first) await registry.addVersionFrom(name, 1, first);
    else await registry.addVersion(name, 1, onnx(throwing()));
    await registry.addVersion(name, 2, onnx(throwing()));
    await registry.promote(name, 1);
  }
  await registry.challenge(champion, [2]);
  const place = join(folder, String(inputs));
  mkdirSync(join(place, 'observations'), { recursive: true });
  const gateway = await GatewayProcess.start(registry, { name: `keeps-${inputs}`, folder: place, environment: { LOG_LEVEL: 'debug', OBSERVATION_SEAL_MS: '60000' } });
  const ask = async (model: string, distance: unknown, carrier: unknown): Promise<number> => {
    const response = await fetch(`${gateway.url}/v2/models/${model}/infer`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ inputs: [{ name: 'distance', datatype: 'FP32', shape: [1], data: [distance] }, { name: 'carrier', datatype: 'BYTES', shape: [1], data: [carrier] }, { name: 'delay', datatype: 'FP32', shape: [1], data: [0] }] }),
    });
    await response.text();
    return response.status;
  };
  try {
    await eventually(async () => ((await gateway.metric('perennial_gateway_challenger_ready', { model: champion })) === 1 ? true : undefined), () => `the challenger: ${gateway.log()}`);
    expect([await ask(champion, NUMBER, TEXT), await ask(champion, NUMBER, { text: TEXT }), await ask(champion, `${NUMBER}`, TEXT), await ask(failing, NUMBER, TEXT)]).toEqual([200, 400, 400, 500]);
    await eventually(async () => ((await gateway.metric('perennial_gateway_mirrored_total', { model: champion, outcome: 'failed' })) === 1 ? true : undefined), () => 'the mirrored request');
    const raw = filesIn(join(place, 'observations'));
    expect(raw).toHaveLength(1);
    const found = signsIn([...raw, join(place, `keeps-${inputs}.log`)]);
    await gateway.stop();
    const files = await recordedFiles({ registry, owner, observations: join(place, 'observations'), scratch: join(folder, 'work') }, champion);
    expect(files).toHaveLength(1);
    const columns = await withDatabase({ files, scratch: folder }, (database) => database.rows(`SELECT * FROM read_parquet(${fileList(files)})`));
    expect(columns).toHaveLength(1);
    if (inputs) expect([found, columns[0]?.['inputs'] !== undefined]).toEqual([[0, 1, 0, 1], true]);
    else expect([found, 'inputs' in columns[0]!, signsIn(filesIn(registry.artifactsDir).filter((path) => statSync(path).mtimeMs > statSync(place).birthtimeMs))]).toEqual([[0, 0, 0, 0], false, [0, 0, 0, 0]]);
  } finally {
    await gateway.stop();
  }
}, 60_000);
