import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PerennialError } from '../contracts/failures.js';
import type { MirroredOutput, Observation } from '../observations/segment-format.js';
import { parseSpec } from '../spec/parse-spec.js';
import type { Challenger } from './challenger.js';
import { inferencePlans } from './inference-plan.js';
import { InferenceTurn } from './inference-turn.js';
import { IsolatedChallenger } from './isolated-challenger.js';
import { modelSignature } from './model-signature.js';
import { RoutingTable } from './routing-table.js';
import { openSession } from './scoring-session.js';
import { ServedVersion } from './served-version.js';
import { ServingCounters } from './serving-counters.js';
import { servingPolicy } from './serving-policy.js';
import { ServingTallies } from './serving-tallies.js';
import { SharedSession } from './session-cache.js';
import { modelFile, specOf } from './testing/served-registry.js';

const WIDTH = 3;
const PATIENCE = { timeout: 30_000, interval: 20 };

interface Tensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: number[];
  readonly data: (number | string | null)[];
}
interface Answer {
  readonly id?: string;
  readonly model_version: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly outputs: readonly Tensor[];
}

/** A gateway's inference path on real sessions, without HTTP and without a disk. Notes in which order things happen. */
class Path {
  readonly table = new RoutingTable(60_000);
  readonly tallies = new ServingTallies();
  readonly counters = new ServingCounters();
  readonly events: string[] = [];
  readonly observations: Observation[][] = [];
  readonly mirrored: MirroredOutput[] = [];
  private readonly turn = new InferenceTurn({
    table: this.table, planOf: inferencePlans(this.tallies), maxRows: 500, idStart: 'boot', tallies: this.tallies, counters: this.counters, canaryWaitMs: 20_000,
    log: {
      append: (turn) => { this.events.push(`log ${turn.length}`); this.observations.push([...turn]); },
      appendMirrored: (outputs) => void this.mirrored.push(...outputs),
    },
  });
  private revision = 0;

  /** Puts a file into service as version 1. */
  async serve(file: string, spec: string = specOf('flights'), challengers: readonly Challenger[] = [], weights: Readonly<Record<number, number>> = {}): Promise<void> {
    const parsed = parseSpec(spec);
    const session = { ...(await openSession(modelFile(file), WIDTH)), trial: { rowsIndependent: true, rowsPerSecond: 1 } };
    const shared = new SharedSession(Promise.resolve(session), () => undefined);
    shared.retain();
    const policy = servingPolicy(parsed.spec);
    const signature = modelSignature(parsed.spec.data.features, session.outputs);
    const champion = await ServedVersion.of({ version: 1, specDigest: parsed.digest, task: parsed.spec.task, policy, signature }, shared);
    this.table.confirm(performance.now());
    this.revision += 1;
    this.table.swap({
      model: 'flights', deployment: 'default', revision: this.revision, epoch: 1, champion, challengers, policy, salt: 'salt', paused: false, retirement: null,
      weights: new Map(Object.entries(weights).map(([version, weight]) => [Number(version), weight])),
    });
  }

  ask(body: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.turn.add({
        model: 'flights', version: undefined, body, receivedAtMs: Date.now(), startedMs: performance.now(),
        reply: { answer: (json) => { this.events.push('answer'); resolve(JSON.parse(json) as Answer); }, refuse: reject },
      });
    });
  }
}

const encoded = (rows: readonly number[][], more: object = {}): object => ({ ...more, inputs: [{ name: 'features', datatype: 'FP32', shape: [rows.length, WIDTH], data: rows.flat() }] });
const positives = ({ outputs }: Answer): unknown[] => (outputs[0]?.data ?? []).filter((_, at) => at % 2 === 1);
let state = 7;
const uniform = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
const someRows = (rows: number): number[][] => Array.from({ length: rows }, () => [uniform() * 4 - 2, Math.floor(uniform() * 3), uniform() * 10]);
const typeOf = (reason: unknown): string => (reason instanceof PerennialError ? reason.type : String(reason));

describe('one turn', () => {
  it('scores its requests in one run and logs them in one write before any answer, with the bits of each alone', async () => {
    const path = new Path();
    await path.serve('rising.onnx');
    const bodies = [1, 3, 1, 7, 2].map((rows, at) => encoded(someRows(rows), { id: `r${at}` }));
    const together = await Promise.all(bodies.map((body) => path.ask(body)));
    expect(path.events).toEqual(['log 5', ...Array<string>(5).fill('answer')]);
    expect(path.counters).toMatchObject({ runs: 1, runRequests: 5, runRows: 14 });
    for (const [at, body] of bodies.entries()) {
      const alone = await path.ask(body);
      expect(together[at]).toEqual({ ...alone, parameters: { ...alone.parameters, prediction_id: `boot-${at + 1}` } });
    }
    expect(path.counters.runs).toBe(6);
    expect(path.tallies.all()).toMatchObject([{ model: 'flights', version: 1, requests: 10, rows: 28, errors: {} }]);
  });

  it('refuses what is not valid without hurting its neighbours', async () => {
    const path = new Path();
    await path.serve('rising.onnx');
    const row = [[1, 2, 3]];
    const bad = [null, {}, encoded([[1, 2]]), encoded(row, { parameters: { event_time: 'yesterday' } }), encoded(row, { parameters: { deployment: 'none' } }), encoded(row, { outputs: [{ name: 'guard' }] })];
    const asked = await Promise.allSettled([path.ask(encoded(row)), ...bad.map((body) => path.ask(body)), path.ask(encoded(row))]);
    expect(asked.map((outcome) => (outcome.status === 'fulfilled' ? 'answered' : typeOf(outcome.reason)))).toEqual(
      ['answered', 'InferenceInvalid', 'InferenceInvalid', 'InferenceInvalid', 'InferenceInvalid', 'NotFound', 'InferenceInvalid', 'answered']);
    expect(path.counters.runs).toBe(1);
    expect(Object.fromEntries(path.counters.refusals)).toEqual({ InferenceInvalid: 5, NotFound: 1 });
    // Neither of a body that is none, nor of a deployment that nobody knows.
    expect([...path.counters.placedRefusals.values()]).toEqual([{ model: 'flights', deployment: 'default', errors: new Map([['InferenceInvalid', 4]]) }]);
  });

  it('scores each by itself after a run that failed, so that only the guilty one fails', async () => {
    const path = new Path();
    await path.serve('picky.onnx');
    const asked = await Promise.allSettled([0, 1, 99, 2].map((first) => path.ask(encoded([[first, 0, 0]]))));
    expect(asked.map((outcome) => (outcome.status === 'fulfilled' ? positives(outcome.value)[0] : typeOf(outcome.reason)))).toEqual(
      [Math.fround(0.1), 0.5, 'InferenceFailed', Math.fround(0.8)]);
    expect(path.observations.flat()).toHaveLength(3);
    expect(path.tallies.all()).toMatchObject([{ requests: 3, errors: { InferenceFailed: 1 } }]);
    expect([...path.counters.placedRefusals.values()]).toEqual([{ model: 'flights', deployment: 'default', errors: new Map([['InferenceFailed', 1]]) }]);
  });

  it('cuts what is many rows into runs, and lets a larger request be one by itself', async () => {
    const path = new Path();
    await path.serve('rising.onnx');
    const sizes = [100, 28, 1, 300, 100];
    const answers = await Promise.all(sizes.map((rows) => path.ask(encoded(someRows(rows)))));
    expect(answers.map((answer) => positives(answer).length)).toEqual(sizes);
    expect(path.observations.map((turn) => turn.map(({ rows }) => rows))).toEqual([[100, 28], [1], [300], [100]]);
  });
});

describe('what is logged', () => {
  it('names whose prediction it is, of when, and what the caller did not say', async () => {
    const path = new Path();
    await path.serve('rising.onnx');
    const at = '2026-03-01T12:00:00+01:00';
    await path.ask(encoded([[1, 0, 2]], { parameters: { prediction_id: 'p-1', entity_key: 'plane', event_time: at } }));
    const named = { ...(encoded(someRows(2)) as { inputs: object[] }) };
    named.inputs.push({ name: 'perennial_prediction_id', datatype: 'BYTES', shape: [2], data: ['a', 'b'] }, { name: 'perennial_entity_key', datatype: 'BYTES', shape: [2, 1], data: [['k'], [null]] },
      { name: 'perennial_event_time', datatype: 'INT64', shape: [2], data: [5, 6] });
    const answer = await path.ask(named);
    const [first, second] = path.observations.flat();
    expect(first).toMatchObject({ sequence: 1, predictionId: 'p-1', entityKey: 'plane', eventTimeMs: Date.parse(at), perRow: null, rows: 1, stale: false, rawOutputs: null, guards: null });
    expect([...first!.features!]).toEqual([1, 0, 2]);
    expect(first!.context).toMatchObject({ model: 'flights', version: 1, epoch: 1, role: 'champion', features: ['distance', 'carrier', 'delay'] });
    expect(second!.context).toBe(first!.context);
    expect(second).toMatchObject({ predictionId: 'boot-2', perRow: { predictionIds: ['a', 'b'], entityKeys: ['k', null], eventTimesMs: Float64Array.of(5, 6) } });
    expect(second!.eventTimeMs).toBe(second!.receivedAtMs);
    expect([...second!.outputs]).toEqual(positives(answer));
    expect(answer.parameters).toEqual({ version: 1, epoch: 1, deployment: 'default', revision: 1, prediction_id: 'boot-2' });
  });

  it('keeps the text of a category that the spec does not know, and no inputs where none may be kept', async () => {
    const raw = { inputs: [{ name: 'distance', datatype: 'FP32', shape: [2], data: [1, 2] }, { name: 'carrier', datatype: 'BYTES', shape: [2], data: ['AA', 'ZZ'] }, { name: 'delay', datatype: 'FP32', shape: [2], data: [0, null] }] };
    const open = new Path();
    await open.serve('rising.onnx');
    await open.ask(raw);
    expect(open.observations.flat()[0]).toMatchObject({ unknown: [{ row: 1, feature: 1, text: 'ZZ' }], features: Float32Array.of(1, 0, 0, 2, NaN, NaN) });
    const closed = new Path();
    await closed.serve('rising.onnx', `${specOf('flights')}serving: { observe: { inputs: false } }\n`);
    await closed.ask(raw);
    expect(closed.observations.flat()[0]).toMatchObject({ unknown: [], features: null, rows: 2 });
  });

  it.each([
    [{ prediction_id: '' }, /prediction_id must be a text/], [{ prediction_id: 7 }, /prediction_id/], [{ entity_key: 'x'.repeat(201) }, /entity_key.*200/],
    [{ event_time: '2026-03-01' }, /event_time must be a time/], [{ event_time: '2026-03-01T12:00:00' }, /zone/], [{ event_time: '2026-13-01T12:00:00Z' }, /event_time/], [{ event_time: 1e300 }, /event_time/],
  ])('is refused where the caller says %j', async (parameters, message) => {
    const path = new Path();
    await path.serve('rising.onnx');
    await expect(path.ask(encoded([[1, 2, 3]], { parameters }))).rejects.toThrow(message);
  });

  it.each([
    [{ name: 'perennial_prediction_id', datatype: 'BYTES', shape: [2], data: ['a', 'a'] }, /"a" twice/],
    [{ name: 'perennial_prediction_id', datatype: 'BYTES', shape: [2], data: ['a', null] }, /row 1, must be a text/],
    [{ name: 'perennial_prediction_id', datatype: 'INT64', shape: [2], data: [1, 2] }, /must be BYTES/],
    [{ name: 'perennial_prediction_id', datatype: 'BYTES', shape: [1], data: ['a'] }, /one value for each of the 2 rows/],
    [{ name: 'perennial_event_time', datatype: 'FP32', shape: [2], data: [1, 2] }, /BYTES.*INT64/],
    [{ name: 'perennial_event_time', datatype: 'BYTES', shape: [2], data: ['2026-03-01T12:00:00Z', 'noon'] }, /row 1, must be a time/],
    [{ name: 'perennial_entity_key', datatype: 'BYTES', shape: [3], data: ['a', 'b', 'c'] }, /rows/],
  ])('is refused for rows named by %j', async (tensor, message) => {
    const path = new Path();
    await path.serve('rising.onnx');
    const body = encoded(someRows(2)) as { inputs: object[] };
    body.inputs.push(tensor);
    await expect(path.ask(body)).rejects.toThrow(message);
  });
});

describe('guard rails', () => {
  const guarded = (rails: string): string => `${specOf('flights')}serving: { guardRails: ${rails} }\n`;

  it('change answers row by row, say so, and leave what the model gave in the log', async () => {
    const path = new Path();
    await path.serve('rising.onnx', guarded('{ min: 0.2, max: 0.8 }'));
    const [low, middle, high] = [[-9, 0, 0], [-1, 0, 0], [9, 0, 0]];
    const [calm, answer] = await Promise.all([path.ask(encoded([middle])), path.ask(encoded([low, middle, high]))]);
    expect(calm.outputs.find(({ name }) => name === 'guard')?.data).toEqual(['none']);
    expect(answer.outputs.map(({ name }) => name)).toEqual(['probabilities', 'label', 'guard']);
    expect(answer.outputs[2]).toEqual({ name: 'guard', datatype: 'BYTES', shape: [3], data: ['clamped', 'none', 'clamped'] });
    const [p0, p1, p2] = positives(answer) as number[];
    expect([p0! >= 0.2 && p0! < 0.2000001, p1, p2! <= 0.8 && p2! > 0.7999999]).toEqual([true, positives(calm)[0], true]);
    expect(answer.outputs[0]!.data.filter((_, at) => at % 2 === 0)).toEqual([1 - p0!, 1 - p1!, 1 - p2!].map(Math.fround));
    expect(answer.outputs[1]!.data).toEqual([0, (calm.outputs[1]!.data)[0], 1]);
    const logged = path.observations.flat()[1]!;
    expect([...logged.guards!]).toEqual([1, 0, 1]);
    expect([...logged.outputs]).toEqual([p0, p1, p2]);
    expect(logged.rawOutputs![2]).toBeGreaterThan(0.99);
    expect(path.observations.flat()[0]).toMatchObject({ guards: null, rawOutputs: null });
    expect([...path.counters.guardUses.values()]).toEqual([{ model: 'flights', deployment: 'default', rows: [1, 2, 0, 0] }]);
  });

  it('withhold an answer as null, in all outputs that follow from it', async () => {
    const path = new Path();
    await path.serve('rising.onnx', guarded('{ abstainBelow: 0.9 }'));
    const answer = await path.ask(encoded([[-1, 0, 0], [9, 0, 0]], { outputs: [{ name: 'guard' }, { name: 'label' }, { name: 'probabilities' }] }));
    expect(answer.outputs.map(({ name }) => name)).toEqual(['guard', 'label', 'probabilities']);
    expect(answer.outputs[0]!.data).toEqual(['abstained', 'none']);
    expect(answer.outputs[1]!.data).toEqual([null, 1]);
    expect(answer.outputs[2]!.data.slice(0, 2)).toEqual([null, null]);
    expect(path.observations.flat()[0]!.outputs[0]).toBeNaN();
  });
});

describe('beside a challenger with other features', () => {
  const path = new Path();
  let challenger: IsolatedChallenger;
  const spec = parseSpec(specOf('flights').replace('name: delay', 'name: age')).spec;

  beforeAll(async () => {
    const { outputs } = await openSession(modelFile('falling.onnx'), WIDTH);
    challenger = new IsolatedChallenger({
      version: 2, specDigest: 'other', task: spec.task, policy: servingPolicy(spec), signature: modelSignature(spec.data.features, outputs), path: modelFile('falling.onnx'),
      sink: (results) => void path.mirrored.push(...results),
    });
    await challenger.attempt(60_000);
    await path.serve('rising.onnx', specOf('flights'), [challenger]);
  });
  afterAll(async () => challenger.retire());

  const raw = (...names: string[]): object => ({ inputs: names.map((name) => ({ name, datatype: name === 'carrier' ? 'BYTES' : 'FP64', shape: [1], data: [{ carrier: 'UA', age: 4 }[name] ?? 2] })) });

  it('gives each version the rows of its own signature', async () => {
    const { parameters } = await path.ask(raw('distance', 'carrier', 'delay', 'age'));
    expect(parameters).toMatchObject({ version: 1 });
    await vi.waitFor(() => expect(path.mirrored).toMatchObject([{ sequence: 1, version: 2, outcome: 'executed', rows: 1 }]), PATIENCE);
    // falling.onnx: −(2 + 0.5 × 1 − 0.25 × 4 + 1)
    expect(path.mirrored[0]!.outputs![0]).toBeCloseTo(1 / (1 + Math.exp(2.5)), 6);
  });

  it('counts a request that lacks its features, and answers it all the same', async () => {
    path.mirrored.length = 0;
    await path.ask(raw('distance', 'carrier', 'delay'));
    await path.ask(encoded([[1, 2, 3]]));
    expect(path.mirrored).toMatchObject([2, 3].map((sequence) => ({ sequence, version: 2, outcome: 'failed', reason: 'schema', outputs: null })));
    await expect(path.ask(raw('distance', 'carrier', 'age'))).rejects.toThrow(/"delay" is missing/);
    await expect(path.ask(raw('distance', 'carrier', 'delay', 'height'))).rejects.toThrow(/no feature "height"/);
  });

  it('lets it answer its share, with the champion in reserve', async () => {
    await path.serve('rising.onnx', specOf('flights'), [challenger], { 2: 100 });
    path.mirrored.length = 0;
    path.observations.length = 0;
    const answer = await path.ask({ ...raw('distance', 'carrier', 'delay', 'age'), parameters: { entity_key: 'plane', prediction_id: 'mine' } });
    expect(answer.parameters).toEqual({ version: 2, epoch: 1, deployment: 'default', revision: 2, role: 'challenger', prediction_id: 'mine' });
    expect(path.observations.flat()).toMatchObject([{ predictionId: 'mine', context: { version: 2, role: 'challenger', specDigest: 'other', features: ['distance', 'carrier', 'age'] }, features: Float32Array.of(2, 1, 4) }]);
    expect(path.mirrored).toMatchObject([{ version: 1, outcome: 'executed' }]);
    expect(path.mirrored[0]!.outputs![0]).toBeCloseTo(1 / (1 + Math.exp(-3)), 6);
    const lacking = await path.ask(raw('distance', 'carrier', 'delay'));
    expect(lacking.parameters).toMatchObject({ version: 1 });
    expect(path.mirrored[1]).toMatchObject({ version: 2, outcome: 'failed', reason: 'schema' });
  });
});
