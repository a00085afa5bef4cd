import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { linearParts, logisticParts, model, type ModelParts, node } from '../evaluation/tiny-onnx.js';
import type { MirroredOutput, ObservationContext } from '../observations/segment-format.js';
import { parseSpec } from '../spec/parse-spec.js';
import { type ChallengerBounds, IsolatedChallenger } from './isolated-challenger.js';
import { modelSignature } from './model-signature.js';
import { servingPolicy } from './serving-policy.js';
import { sleeping, swelling, throwing, WEIGHTS } from './testing/misbehaving-models.js';
import { specOf } from './testing/served-registry.js';

const { spec, digest: specDigest } = parseSpec(specOf('m'));
const folder = mkdtempSync(join(tmpdir(), 'perennial-challenger-'));
const started: IsolatedChallenger[] = [];
const context: ObservationContext = {
  model: 'm', deployment: 'default', revision: 3, epoch: 1, version: 1, role: 'champion', specDigest, features: ['distance', 'carrier', 'delay'], observeInputs: true,
};
const PATIENCE = { timeout: 30_000, interval: 10 };

afterEach(async () => {
  await Promise.all(started.splice(0).map((challenger) => challenger.retire()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Started {
  readonly challenger: IsolatedChallenger;
  readonly outputs: MirroredOutput[];
}

async function start(parts: ModelParts, bounds: Partial<ChallengerBounds> = {}, task: 'binary-classification' | 'regression' = 'binary-classification'): Promise<Started> {
  const path = join(folder, `${Math.random()}.onnx`);
  writeFileSync(path, model(parts));
  const outputs: MirroredOutput[] = [];
  const signature = modelSignature(spec.data.features, [{ name: task === 'regression' ? 'predictions' : 'probabilities', datatype: 'FP32', shape: [-1, 2] }]);
  const challenger = new IsolatedChallenger({
    version: 2, specDigest, task, policy: servingPolicy(spec), signature, path, sink: (more) => outputs.push(...more),
    bounds: { restartFirstMs: 50, restartMaxMs: 200, ...bounds },
  });
  started.push(challenger);
  await challenger.attempt(30_000);
  return { challenger, outputs };
}

const rowsOf = (...rows: number[][]) => ({ rows: rows.length, features: Float32Array.from(rows.flat()), unknown: [] });
const request = (sequence: number, ...rows: number[][]) => ({ sequence, rows: rowsOf(...rows) });
const sigmoid = (row: readonly number[]): number => 1 / (1 + Math.exp(-(row[0]! * WEIGHTS[0]! + row[1]! * WEIGHTS[1]! + row[2]! * WEIGHTS[2]!)));
const lives = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const SOUND = [0.5, 1, 0.25];

describe('a challenger in a process of its own', () => {
  it('scores mirrored requests, each with its own rows and in their order', async () => {
    const { challenger, outputs } = await start(logisticParts(WEIGHTS));
    const requests = Array.from({ length: 50 }, (_, at) => request(at, ...Array.from({ length: (at % 3) + 1 }, (_row, row) => [at / 50, row, 1])));
    for (let at = 0; at < 50; at += 5) challenger.mirror(requests.slice(at, at + 5), context);
    await vi.waitFor(() => expect(outputs).toHaveLength(50), PATIENCE);
    expect(outputs.map(({ sequence }) => sequence)).toEqual(requests.map(({ sequence }) => sequence));
    for (const [at, output] of outputs.entries()) {
      expect(output).toMatchObject({ model: 'm', deployment: 'default', revision: 3, version: 2, outcome: 'executed', reason: null, rows: (at % 3) + 1 });
      const { rows, features } = requests[at]!.rows;
      const expected = Array.from({ length: rows }, (_, row) => sigmoid([...features.subarray(row * 3, row * 3 + 3)]));
      output.outputs!.forEach((value, row) => expect(value).toBeCloseTo(expected[row]!, 6));
      expect(output.latencyMs).toBeGreaterThan(0);
    }
    expect(challenger.figures()).toMatchObject({ executed: 50, dropped: 0, failed: 0, queuedRows: 0, state: 'ready', restarts: 0 });
    expect(challenger.figures().memoryBytes).toBeGreaterThan(20 * 2 ** 20);
  });

  it('answers a canary with every output, of each request its own, and null for what does not fit', async () => {
    const { challenger } = await start(logisticParts(WEIGHTS));
    const answers = await challenger.answer([rowsOf(SOUND), { rows: 1, features: new Float32Array(2), unknown: [] }, rowsOf([1, 0, 0], [0, 1, 0])], 10_000);
    expect(answers.map((outputs) => outputs?.map(({ name, shape }) => [name, shape]) ?? null)).toEqual([[['probabilities', [1, 2]]], null, [['probabilities', [2, 2]]]]);
    expect(Number(answers[2]?.[0]?.data[3])).toBeCloseTo(sigmoid([0, 1, 0]), 6);
    expect(challenger.figures()).toMatchObject({ executed: 0, queuedRows: 0 });
  });

  it('scores a regression', async () => {
    const { challenger, outputs } = await start(linearParts(WEIGHTS, 2), {}, 'regression');
    challenger.mirror([request(1, [1, 2, 4])], context);
    await vi.waitFor(() => expect(outputs).toHaveLength(1), PATIENCE);
    expect([...outputs[0]!.outputs!]).toEqual([3]);
  });

  it('drops and counts what its queue has no room for, and takes again when there is room', async () => {
    const { challenger, outputs } = await start(sleeping(), { maxQueuedRows: 4 });
    challenger.mirror([request(0, [200_000, 0, 0])], context);
    challenger.mirror([1, 2, 3, 4, 5, 6].map((sequence) => request(sequence, SOUND)), context);
    expect(outputs.map(({ sequence, outcome, reason }) => [sequence, outcome, reason])).toEqual([[4, 'dropped', 'queue full'], [5, 'dropped', 'queue full'], [6, 'dropped', 'queue full']]);
    expect(challenger.figures().queuedRows).toBe(4);
    await vi.waitFor(() => expect(challenger.figures()).toMatchObject({ executed: 4, dropped: 3, queuedRows: 0 }), PATIENCE);
    challenger.mirror([request(7, SOUND)], context);
    await vi.waitFor(() => expect(challenger.figures().executed).toBe(5), PATIENCE);
  });
});

describe('a challenger that misbehaves costs its own requests only, when it', () => {
  const recovers = async ({ challenger, outputs }: Started): Promise<void> => {
    await vi.waitFor(() => expect(challenger.figures().state).toBe('ready'), PATIENCE);
    const before = challenger.figures().executed;
    challenger.mirror([request(100, SOUND)], context);
    await vi.waitFor(() => expect(challenger.figures().executed).toBe(before + 1), PATIENCE);
    expect(outputs.at(-1)!.outputs![0]).toBeCloseTo(sigmoid(SOUND), 6);
  };

  it('sleeps: it is ended, started again, and the canary was answered null in time', async () => {
    const begun = await start(sleeping(), { runTimeoutMs: 400 });
    const { challenger, outputs } = begun;
    const pid = challenger.pid!;
    // The first is being scored, the second lies in the pipe, the third waits.
    for (const [sequence, row] of [[1, [9e15, 0, 0]], [2, SOUND], [3, SOUND]] as const) {
      challenger.mirror([request(sequence, [...row])], context);
      await sleep(30);
    }
    // Nothing was waited for.
    expect(outputs).toEqual([]);
    expect(await challenger.answer([rowsOf(SOUND)], 50)).toEqual([null]);
    await vi.waitFor(() => expect(outputs).toHaveLength(3), PATIENCE);
    expect(outputs.map(({ sequence, outcome }) => [sequence, outcome])).toEqual([[1, 'failed'], [2, 'failed'], [3, 'dropped']]);
    expect(outputs[0]!.reason).toBe('gave no answer within 400 ms');
    expect(lives(pid)).toBe(false);
    await recovers(begun);
    expect(challenger.figures()).toMatchObject({ restarts: 1, lastError: 'gave no answer within 400 ms' });
  });

  it('throws: the process goes on', async () => {
    const begun = await start(throwing());
    begun.challenger.mirror([request(1, [50, 0, 0])], context);
    await vi.waitFor(() => expect(begun.outputs).toHaveLength(1), PATIENCE);
    expect(begun.outputs[0]).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(/running Gather node. Name:''$/) as string, outputs: null });
    expect(await begun.challenger.answer([rowsOf([50, 0, 0])], 10_000)).toEqual([null]);
    await recovers(begun);
    expect(begun.challenger.figures()).toMatchObject({ restarts: 0, failed: 1 });
  });

  it('throws at one of the requests that are scored together: the others are scored alone', async () => {
    const begun = await start(throwing());
    begun.challenger.mirror([request(1, SOUND), request(2, [50, 0, 0]), request(3, SOUND)], context);
    await vi.waitFor(() => expect(begun.outputs).toHaveLength(3), PATIENCE);
    expect(begun.outputs.map(({ sequence, outcome }) => [sequence, outcome])).toEqual([[1, 'executed'], [2, 'failed'], [3, 'executed']]);
    const answers = await begun.challenger.answer([rowsOf(SOUND), rowsOf([50, 0, 0]), rowsOf(SOUND)], 10_000);
    expect(answers.map((outputs) => outputs?.[0]?.shape ?? null)).toEqual([[1, 2], null, [1, 2]]);
    expect(begun.challenger.figures()).toMatchObject({ executed: 2, failed: 1, queuedRows: 0 });
  });

  it('swells: it is ended at its bound', async () => {
    const begun = await start(swelling(), { maxRssBytes: 300 * 2 ** 20 });
    begun.challenger.mirror([request(1, [1e9, 0, 0])], context);
    await vi.waitFor(() => expect(begun.outputs).toHaveLength(1), PATIENCE);
    expect(begun.outputs[0]).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('memory bound exceeded') as string });
    await recovers(begun);
  });

  it('ends with a full queue: each request is told of once, and not all in one turn', async () => {
    const begun = await start(sleeping());
    const { challenger, outputs } = begun;
    challenger.mirror([request(0, [9e15, 0, 0])], context);
    await sleep(30);
    for (let at = 1; at <= 3_000; at += 100) challenger.mirror(Array.from({ length: 100 }, (_, more) => request(at + more, SOUND)), context);
    process.kill(challenger.pid!, 'SIGKILL');
    await vi.waitFor(() => expect(outputs.length).toBeGreaterThan(0), { ...PATIENCE, interval: 0 });
    expect(outputs.length).toBeLessThan(3_001);
    await vi.waitFor(() => expect(outputs).toHaveLength(3_001), PATIENCE);
    expect(new Set(outputs.map(({ sequence }) => sequence)).size).toBe(3_001);
    expect(challenger.figures()).toMatchObject({ executed: 0, queuedRows: 0 });
    await recovers(begun);
  });

  it('ends its process, again and again', async () => {
    const begun = await start(logisticParts(WEIGHTS));
    for (let turn = 1; turn <= 3; turn++) {
      process.kill(begun.challenger.pid!, 'SIGKILL');
      await vi.waitFor(() => expect(begun.challenger.figures().restarts).toBe(turn), PATIENCE);
      await recovers(begun);
    }
  });

  it('answers with another shape: its requests fail', async () => {
    const begun = await start(linearParts(WEIGHTS));
    begun.challenger.mirror([request(1, SOUND)], context);
    await vi.waitFor(() => expect(begun.outputs).toHaveLength(1), PATIENCE);
    expect(begun.outputs[0]).toMatchObject({ outcome: 'failed', reason: 'For 1 rows the output `probabilities` is not there; it must be float32 [1, 2]' });
    expect(await begun.challenger.answer([rowsOf(SOUND)], 10_000)).toEqual([null]);
  });

  it('cannot be loaded: it says why, drops what comes, and is tried again', async () => {
    const { challenger, outputs } = await start({ ...logisticParts(WEIGHTS), nodes: [node({ type: 'NoSuchOperator', inputs: ['features'], outputs: ['probabilities'] })] });
    expect(challenger.figures()).toMatchObject({ state: 'restarting', lastError: expect.stringContaining('NoSuchOperator') as string });
    challenger.mirror([request(1, SOUND)], context);
    expect(outputs[0]).toMatchObject({ outcome: 'dropped', reason: 'restarting' });
    expect(await challenger.answer([rowsOf(SOUND)], 1_000)).toEqual([null]);
    await vi.waitFor(() => expect(challenger.figures().restarts).toBeGreaterThan(1), PATIENCE);
  });
});

describe('the end of a challenger', () => {
  it('finishes what was asked before, and leaves no process', async () => {
    const { challenger, outputs } = await start(logisticParts(WEIGHTS));
    const pid = challenger.pid!;
    challenger.mirror(Array.from({ length: 2_000 }, (_, at) => request(at, SOUND)), context);
    await challenger.retire();
    expect(outputs.filter(({ outcome }) => outcome === 'executed')).toHaveLength(2_000);
    expect(lives(pid)).toBe(false);
    challenger.mirror([request(9_999, SOUND)], context);
    expect(outputs.at(-1)).toMatchObject({ sequence: 9_999, outcome: 'dropped', reason: 'retired' });
    expect(await challenger.answer([rowsOf(SOUND)], 1_000)).toEqual([null]);
  });

  it('comes with the end of its gateway, also in the middle of a run', async () => {
    const path = join(folder, 'sleeping.onnx');
    writeFileSync(path, model(sleeping()));
    const program = `
      import { ChallengerChild } from ${JSON.stringify(new URL('./challenger-child.ts', import.meta.url).href)};
      const child = new ChallengerChild({ path: ${JSON.stringify(path)}, width: 3, task: 'binary-classification', maxBodyBytes: 1e6, watchdog: { parentPid: process.pid, maxRssBytes: 2 ** 31, everyMs: 20 } },
        { onFrame: () => { child.send('mirror', 1, 1, [new Uint8Array(Float32Array.of(9e15, 0, 0).buffer)]); setTimeout(() => console.log(child.pid), 500); }, onEnd: () => undefined });`;
    const loader = new URL('../evaluation/typescript-source.mjs', import.meta.url).href;
    const gateway = spawn(process.execPath, ['--import', loader, '--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = await new Promise<number>((resolve) => gateway.stdout.once('data', (text: Buffer) => resolve(Number(text))));
    expect(lives(pid)).toBe(true);
    gateway.kill('SIGKILL');
    await vi.waitFor(() => expect(lives(pid)).toBe(false), PATIENCE);
  }, 60_000);
});
