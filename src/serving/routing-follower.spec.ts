import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PerennialError } from '../contracts/failures.js';
import type { Routing } from '../registry/entities/routing.entity.js';
import { parseSpec } from '../spec/parse-spec.js';
import { IsolatedChallenger } from './isolated-challenger.js';
import { modelSignature } from './model-signature.js';
import { RoutingFollower } from './routing-follower.js';
import { RoutingTable } from './routing-table.js';
import { openSession } from './scoring-session.js';
import { ServedVersion } from './served-version.js';
import { servingPolicy } from './serving-policy.js';
import { SessionCache } from './session-cache.js';
import { modelFile, specOf } from './testing/served-registry.js';

const { spec, digest: specDigest } = parseSpec(specOf('m'));
const { features } = spec.data;
const TIMES = { pollMs: 5, retryFirstMs: 20, retryMaxMs: 40, challengersMs: 50 };

/** A record that tests write by hand; sessions are real. */
class WrittenRecord {
  rows: Routing[] = [];
  away = false;
  readonly broken = new Set<number>();
  readonly attempts: number[] = [];
  readonly acknowledged: number[] = [];
  refuseAcknowledgements = false;
  readonly sessions = new SessionCache((digest) => openSession(modelFile(digest), 3));
  /** Loads wait for it. */
  gate: Promise<void> = Promise.resolve();

  readonly brokenChallengers = new Set<number>();
  readonly processes: IsolatedChallenger[] = [];
  /** Starts of challengers wait for it. */
  challengerGate: Promise<void> = Promise.resolve();
  withdrawnVersions = new Set<number>();

  put(revision: number, epoch: number, champion: number | null, model = 'm', more: Partial<Routing> = {}): void {
    const row: Routing = {
      model, deployment: 'default', revision, epoch, champion, challengers: [], weights: {}, salt: 'salt', paused: false, baselineDigest: null, changedAt: new Date(0), retirement: null, ...more,
    };
    this.rows = [...this.rows.filter((other) => other.model !== model), row];
  }

  async read(): Promise<Routing[]> {
    if (this.away) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    return this.rows;
  }

  async load(_model: string, version: number): Promise<ServedVersion> {
    this.attempts.push(version);
    await this.gate;
    if (this.broken.has(version)) throw new PerennialError('ArtifactCorrupt', 'other bytes');
    const shared = await this.sessions.acquire(version % 2 === 1 ? 'rising.onnx' : 'falling.onnx', 3);
    const { outputs } = await shared.opened;
    return ServedVersion.of({ version, specDigest, task: spec.task, policy: servingPolicy(spec), signature: modelSignature(features, outputs) }, shared);
  }

  async challenge(_model: string, version: number): Promise<IsolatedChallenger> {
    await this.challengerGate;
    if (this.brokenChallengers.has(version)) throw new PerennialError('ArtifactMissing', 'no bytes');
    const path = modelFile(version % 2 === 1 ? 'rising.onnx' : 'falling.onnx');
    const signature = modelSignature(features, [{ name: 'probabilities', datatype: 'FP32', shape: [-1, 2] }]);
    const challenger = new IsolatedChallenger({ version, specDigest, task: spec.task, policy: servingPolicy(spec), signature, path, sink: () => undefined });
    this.processes.push(challenger);
    return challenger;
  }

  async withdrawn(): Promise<ReadonlySet<number>> {
    return this.withdrawnVersions;
  }

  async acknowledge(_model: string, _deployment: string, revision: number): Promise<void> {
    if (this.refuseAcknowledgements) throw new Error('gone');
    this.acknowledged.push(revision);
  }
}

let record: WrittenRecord;
let table: RoutingTable;
let follower: RoutingFollower;
const lines: { readonly message: string; readonly type?: string }[] = [];
const line = (fields: object, message: string): void => void lines.push({ ...fields, message });
const serves = (version: number | undefined, revision: number): Promise<void> => vi.waitFor(() => {
  expect(table.served('m', 'default')).toMatchObject({ revision });
  expect(table.served('m', 'default')?.champion?.version).toBe(version);
});

beforeEach(() => {
  lines.length = 0;
  record = new WrittenRecord();
  table = new RoutingTable(10_000);
  follower = new RoutingFollower(record, table, { info: line, warn: line, error: line, debug: line }, TIMES);
});
afterEach(async () => {
  await follower.stop();
  await table.clear();
  expect(record.sessions.size).toBe(0);
  expect(record.processes.filter(({ pid }) => pid !== undefined)).toEqual([]);
});

describe('RoutingFollower', () => {
  it('serves each higher revision and acknowledges it after it serves', async () => {
    record.put(1, 0, null);
    follower.start();
    await serves(undefined, 1);
    expect(table.ready()).toBe(true);
    record.put(2, 1, 1);
    await serves(1, 2);
    record.put(3, 2, 2);
    await serves(2, 3);
    await vi.waitFor(() => expect(record.acknowledged).toEqual([1, 2, 3]));
    expect(record.sessions.size).toBe(1);
  });

  it('never goes back to a lower revision', async () => {
    record.put(5, 2, 1);
    follower.start();
    await serves(1, 5);
    record.put(4, 1, 2);
    await vi.waitFor(() => expect(table.age().ageMs).toBeLessThan(TIMES.pollMs));
    record.put(6, 2, 1);
    await serves(1, 6);
    expect(record.attempts).toEqual([1]);
  });

  it('is not ready before every champion is loaded, and does not acknowledge it', async () => {
    let open: () => void = () => undefined;
    record.gate = new Promise((resolve) => { open = resolve; });
    record.put(2, 1, 1);
    follower.start();
    await vi.waitFor(() => expect(table.waiting()).toEqual(['m/default']));
    expect(table.ready()).toBe(false);
    expect(() => table.find('m', 'default')).toThrow(/Version 1 of m is not loaded yet/);
    expect(record.acknowledged).toEqual([]);
    open();
    await serves(1, 2);
    expect(table.ready()).toBe(true);
  });

  it('keeps what serves when the next revision cannot be loaded, tries again, and takes it once it can', async () => {
    record.put(2, 1, 1);
    follower.start();
    await serves(1, 2);
    record.broken.add(2);
    record.put(3, 2, 2);
    await vi.waitFor(() => expect(record.attempts.filter((version) => version === 2).length).toBeGreaterThan(2));
    expect(table.served('m', 'default')).toMatchObject({ revision: 2, champion: { version: 1 } });
    expect(table.failures()).toEqual([{ model: 'm', deployment: 'default', revision: 3, type: 'ArtifactCorrupt' }]);
    expect(lines.filter(({ type }) => type === 'ArtifactCorrupt').length).toBeGreaterThan(1);
    expect(record.acknowledged).toEqual([2]);
    record.broken.clear();
    await serves(2, 3);
    await vi.waitFor(() => expect(record.acknowledged).toEqual([2, 3]));
    expect(table.failures()).toEqual([]);
  });

  it('lets no slow load hold up another model', async () => {
    let open: () => void = () => undefined;
    record.gate = new Promise((resolve) => { open = resolve; });
    record.put(2, 1, 1, 'slow');
    follower.start();
    await vi.waitFor(() => expect(record.attempts).toEqual([1]));
    record.gate = Promise.resolve();
    record.put(2, 1, 2);
    await serves(2, 2);
    expect(table.served('slow', 'default')).toBeNull();
    open();
    await vi.waitFor(() => expect(table.served('slow', 'default')?.revision).toBe(2));
  });

  it('goes on with what it knows while the record is away, and says so once', async () => {
    record.put(2, 1, 1);
    follower.start();
    await serves(1, 2);
    record.away = true;
    await vi.waitFor(() => expect(lines.map(({ message }) => message)).toContain('The record does not answer; serving goes on with the routing that is known'));
    expect(table.find('m', 'default').champion.version).toBe(1);
    record.put(3, 2, 2);
    record.away = false;
    await serves(2, 3);
    expect(lines.filter(({ message }) => message.includes('does not answer'))).toHaveLength(1);
  });

  it('acknowledges later what could not be acknowledged', async () => {
    record.refuseAcknowledgements = true;
    record.put(2, 1, 1);
    follower.start();
    await vi.waitFor(() => expect(lines.map(({ message }) => message)).toContain('The revision could not be acknowledged; it is tried again'));
    record.refuseAcknowledgements = false;
    await vi.waitFor(() => expect(record.acknowledged).toEqual([2]));
    expect(record.attempts).toEqual([1]);
  });
});

describe('challengers', () => {
  const running = (): (number | undefined)[] => (table.served('m', 'default')?.challengers ?? []).map((challenger) => (challenger as IsolatedChallenger).pid);
  const PATIENCE = { timeout: 20_000 };

  it('run beside the champion, with their weights, and stay the same process over revisions', async () => {
    record.put(2, 1, 1, 'm', { challengers: [2] });
    follower.start();
    await vi.waitFor(() => expect(running()).toHaveLength(1), PATIENCE);
    expect(table.served('m', 'default')).toMatchObject({ revision: 2, weights: new Map(), salt: 'salt', paused: false, challengers: [{ version: 2 }] });
    const before = running();
    record.put(3, 1, 1, 'm', { challengers: [2, 4], weights: { 2: 25 }, paused: true });
    await vi.waitFor(() => expect(running()).toHaveLength(2), PATIENCE);
    expect(table.served('m', 'default')).toMatchObject({ revision: 3, weights: new Map([[2, 25]]), paused: true });
    expect(running()[0]).toBe(before[0]);
    await vi.waitFor(() => expect(record.acknowledged).toEqual([2, 3]));
  });

  it('become champion in this process, while the old champion may become challenger', async () => {
    record.put(2, 1, 1, 'm', { challengers: [2], weights: { 2: 100 } });
    follower.start();
    await vi.waitFor(() => expect(running()).toHaveLength(1), PATIENCE);
    const [before] = running();
    record.put(3, 2, 2, 'm', { challengers: [1] });
    await vi.waitFor(() => expect(table.served('m', 'default')?.challengers.map(({ version }) => version)).toEqual([1]), PATIENCE);
    expect(table.find('m', 'default')).toMatchObject({ epoch: 2, champion: { version: 2 } });
    expect(running()[0]).not.toBe(before);
    await vi.waitFor(() => expect(record.processes.map(({ pid }) => pid !== undefined)).toEqual([false, true]), PATIENCE);
  });

  it('hold up neither swap nor acknowledgement when they cannot be started, are told, and join later', async () => {
    record.brokenChallengers.add(2);
    record.put(2, 1, 1, 'm', { challengers: [2], weights: { 2: 5 } });
    follower.start();
    await vi.waitFor(() => expect(record.acknowledged).toEqual([2]));
    expect(table.find('m', 'default').champion.version).toBe(1);
    expect(table.failures()).toEqual([{ model: 'm', deployment: 'default', revision: 2, type: 'ArtifactMissing', challenger: 2 }]);
    expect(running()).toEqual([]);
    record.brokenChallengers.clear();
    await vi.waitFor(() => expect(running()).toHaveLength(1), PATIENCE);
    expect(table.failures()).toEqual([]);
    expect(table.served('m', 'default')?.revision).toBe(2);
  });

  it('that are slow to start join the revision that is served by then, once, and leave no process behind', async () => {
    let open: () => void = () => undefined;
    record.challengerGate = new Promise((resolve) => { open = resolve; });
    record.put(2, 1, 1, 'm', { challengers: [2, 4] });
    follower.start();
    await vi.waitFor(() => expect(record.acknowledged).toEqual([2]));
    record.put(3, 2, 3, 'm', { challengers: [2] });
    await serves(3, 3);
    await vi.waitFor(() => expect(record.acknowledged).toEqual([2, 3]));
    open();
    await vi.waitFor(() => expect(running()).toHaveLength(1), PATIENCE);
    expect(table.served('m', 'default')?.challengers.map(({ version }) => version)).toEqual([2]);
    await vi.waitFor(() => expect(record.processes.filter(({ pid }) => pid !== undefined)).toHaveLength(1), PATIENCE);
  });
});

describe('what serves no more', () => {
  it('is gone, by number and as a whole deployment', async () => {
    record.withdrawnVersions = new Set([1, 2]);
    record.put(3, 2, 2);
    follower.start();
    await serves(2, 3);
    await vi.waitFor(() => expect(record.acknowledged).toEqual([3]));
    expect(table.find('m', 'default', '2').champion.version).toBe(2);
    expect(() => table.find('m', 'default', '1')).toThrow(expect.objectContaining({ type: 'VersionWithdrawn', message: expect.stringContaining('version 2 is in service') as string }));
    for (const version of ['7', '01', '1.0', '', ' 1']) expect(() => table.find('m', 'default', version)).toThrow(expect.objectContaining({ type: 'VersionNotFound' }));
    record.put(4, 3, null);
    await serves(undefined, 4);
    expect(() => table.find('m', 'default')).toThrow(expect.objectContaining({ type: 'VersionWithdrawn' }));
  });
});

describe('a model that leaves service', () => {
  const leaving = (state: 'deprecated' | 'retired', replacement: string | null = 'n') => ({ retirement: { state, replacement } });
  const RETIRED = { type: 'ModelRetired', message: 'm was retired and answers no more; ask n instead', details: { replacement: 'n' } };

  it('answers while it is deprecated, and then no more, whatever version is asked', async () => {
    record.put(3, 1, 1);
    follower.start();
    await serves(1, 3);
    record.put(4, 1, 1, 'm', leaving('deprecated'));
    await serves(1, 4);
    expect(table.find('m', 'default')).toMatchObject({ retirement: { state: 'deprecated', replacement: 'n' } });
    record.put(5, 1, 1, 'm', leaving('retired'));
    await serves(undefined, 5);
    await vi.waitFor(() => expect(record.acknowledged).toEqual([3, 4, 5]));
    for (const version of [undefined, '1', '2', 'x']) expect(() => table.find('m', 'default', version)).toThrow(expect.objectContaining(RETIRED));
  });

  it('is not loaded any more by a gateway that starts, whose readiness does not wait for it', async () => {
    record.put(5, 1, 1, 'm', leaving('retired', null));
    follower.start();
    await vi.waitFor(() => expect(record.acknowledged).toEqual([5]));
    expect(record.attempts).toEqual([]);
    expect(table.ready()).toBe(true);
    expect(() => table.find('m', 'default')).toThrow(expect.objectContaining({ message: expect.stringContaining('nothing took its place') as string }));
  });

  it('stops when its routing is old, since the record may have stopped it meanwhile', async () => {
    let now = 0;
    const aging = new RoutingTable(10_000, () => now);
    const policy = servingPolicy({ tier: 'low', serving: { ...spec.serving, maxStale: 'PT5S', whenStale: 'serve' } });
    const champion = await record.load('m', 1);
    aging.confirm(0);
    aging.swap({ model: 'm', deployment: 'default', revision: 2, epoch: 1, champion, challengers: [], weights: new Map(), salt: 's', paused: false, ...leaving('deprecated'), policy });
    now = 5_000;
    expect(aging.find('m', 'default').champion.version).toBe(1);
    now = 5_001;
    expect(() => aging.find('m', 'default')).toThrow(expect.objectContaining({ type: 'RoutingStale' }));
    await aging.clear();
  });
});

describe('the age of the routing', () => {
  it.each([
    ['serve', 'low', false], ['stop', 'low', true], [undefined, 'critical', true], [undefined, 'high', false], ['serve', 'critical', false],
  ] as const)('%s in tier %s: stops %s', async (whenStale, tier, stops) => {
    let now = 0;
    const aging = new RoutingTable(10_000, () => now);
    const policy = servingPolicy({ tier, serving: { ...spec.serving, maxStale: 'PT5S', whenStale } });
    const champion = await record.load('m', 1);
    aging.confirm(0);
    aging.swap({ model: 'm', deployment: 'default', revision: 2, epoch: 1, champion, challengers: [], weights: new Map(), salt: 's', paused: false, retirement: null, policy });
    now = 5_000;
    expect(aging.stale(aging.find('m', 'default'))).toBe(false);
    now = 5_001;
    if (stops) expect(() => aging.find('m', 'default')).toThrow(expect.objectContaining({ type: 'RoutingStale' }));
    else expect(aging.stale(aging.find('m', 'default'))).toBe(true);
    aging.confirm(now);
    expect(aging.stale(aging.find('m', 'default'))).toBe(false);
    await aging.clear();
  });
});
