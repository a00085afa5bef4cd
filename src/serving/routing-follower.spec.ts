import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PerennialError } from '../contracts/failures.js';
import type { Routing } from '../registry/entities/routing.entity.js';
import { parseSpec } from '../spec/parse-spec.js';
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
const TIMES = { pollMs: 5, retryFirstMs: 20, retryMaxMs: 40 };

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

  put(revision: number, epoch: number, champion: number | null, model = 'm'): void {
    const row = { model, deployment: 'default', revision, epoch, champion, challengers: [] as number[], weights: {}, salt: 'salt', paused: false } as unknown as Routing;
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
  table.clear();
  expect(record.sessions.size).toBe(0);
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
