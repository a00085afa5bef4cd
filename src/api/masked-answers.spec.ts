import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import { FolderStore } from '../artifacts/folder-store.js';
import { readEnvironment } from '../config/environment.js';
import { sha256 } from '../contracts/canonical.js';
import type { FairnessFigures } from '../contracts/window-assessment-report.js';
import type { WindowDriftReport } from '../contracts/window-drift.js';
import { categoryDrift } from '../drift/category-drift.js';
import { numericDrift } from '../drift/numeric-drift.js';
import { anyFreePort } from '../embedded/ports.js';
import type { WindowCheck } from '../registry/entities/window-check.entity.js';
import type { WindowDrift } from '../registry/entities/window-drift.entity.js';
import { ModelCourse } from '../registry/testing/model-course.js';
import { WindowsRepository } from '../registry/windows.repository.js';
import { type RunningApi, startApi } from './api.js';
import { assessedWindows, assessmentOf, fairnessFixture } from './windows/assessment-page/assessment-facts-fixture.js';

const [MODEL, DEPLOYMENT] = ['hidden', 'default'];
/** Values of columns that one spec calls sensitive, and another does not. */
const CARRIER = /zq-carrier/;
const ORIGIN = /zq-origin/;
const classified = (...columns: string[]) => (source: string): string => source.replace('  label: late\n', `  label: late\n  sensitive: [${columns.join(', ')}]\n`);
const asItIs = (source: string): string => source;
const DAYS = { before: '2013-02-04T00:00:00.000Z', after: '2013-02-05T00:00:00.000Z' };

let registry: RegistryServer;
let api: RunningApi;
let key: string;
let course: ModelCourse;
let store: FolderStore;

beforeAll(async () => {
  registry = await startRegistryServer();
  key = await registry.apiKey('ann');
  const ARTIFACT_URL = join(registry.folder, 'artifacts');
  store = new FolderStore(ARTIFACT_URL);
  api = await startApi(readEnvironment({ DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL, API_PORT: '0', LOG_LEVEL: 'error' }), { outcomeTimeoutMs: 100 });
  course = new ModelCourse(registry.dataSource, MODEL);
  // What was measured as nobody masked it, as reports of inputs are kept and those of before there were masks.
  const fairness: FairnessFigures = { ...fairnessFixture, groupings: [{ ...fairnessFixture.groupings[0]!, columns: ['carrier'], groups: [{ ...fairnessFixture.groupings[0]!.groups[0]!, group: ['zq-carrier'] }], disparities: {} }], checks: [{ name: 'fairness:carrier:x', verdict: 'pass', explanation: 'zq-carrier is like all others' }] };
  course.found = { slices: ['carrier', 'origin'].map((column) => ({ column, value: `zq-${column}`, rows: 10, metrics: {}, undefinedBecause: {} })), fairness };
  await course.register('ann', (source) => `${classified('carrier', 'distance_miles')(source)}fairness:\n  groups: [carrier]\n  limits: { demographicParityRatio: 0.8 }\n`);
  await course.promote(await course.trained('ann', 'the first one'), 'ann');
  await window(DAYS.before);
}, 120_000);

afterAll(async () => {
  await api?.close();
  await registry?.stop();
}, 60_000);

/** A window of the first version, looked at and assessed under the spec in force. */
async function window(from: string): Promise<void> {
  const [fromEvent, untilEvent] = [new Date(from), new Date(Date.parse(from) + 86_400_000)];
  const counts = (value: string) => ({ counts: new Map([[value, 60]]), missing: 0 });
  const drift: WindowDriftReport = {
    model: MODEL, deployment: DEPLOYMENT, from, until: untilEvent.toISOString(), rows: 60, drifted: [], level: null, faults: [], before: null,
    baseline: { version: 1, snapshot: sha256('snapshot'), rows: 60, from, until: untilEvent.toISOString() },
    features: [categoryDrift('carrier', counts('zq-carrier'), counts('zq-carrier-new')), categoryDrift('origin', counts('zq-origin'), counts('zq-origin')), numericDrift('distance_miles', Float64Array.of(731.4242, 800), Float64Array.of(731.4242, 900))],
  };
  const { digest: driftDigest } = await store.putBytes(JSON.stringify(drift));
  const check = { model: MODEL, deployment: DEPLOYMENT, look: 'drift', fromEvent, untilEvent, specDigest: course.specDigest, labelRevision: 0, verdict: 'pass', rows: 60, summary: { rows: 60, inputRows: 60, features: [], loss: null }, checks: 0, findings: [], alarmId: null, checkedAt: course.next() } satisfies WindowCheck;
  const look = { model: MODEL, deployment: DEPLOYMENT, look: 'drift', fromEvent, untilEvent, championVersion: 1, baselineDigest: sha256(`${MODEL} 1`), reportDigest: driftDigest, rows: 60, drifted: [], search: { alpha: 1, yearFromMs: 0, untilMs: 0, used: 0, discovered: [] }, measuredAt: course.now() } satisfies WindowDrift;
  await new WindowsRepository(registry.dataSource).addDrift(check, look);
  const { report } = assessedWindows(1)[0]!;
  const slices = ['carrier', 'origin'].map((column) => ({ ...report!.quality!.slices[0]!, column, value: `zq-${column}` }));
  const kept = { ...report!, from, until: untilEvent.toISOString(), versions: [{ version: 1, rows: 60 }], quality: { ...report!.quality!, slices } };
  const { digest: reportDigest } = await store.putBytes(JSON.stringify(kept));
  await course.assessments.add({ ...assessmentOf(kept, 0), model: MODEL, fromEvent, untilEvent, revision: 1, specDigest: course.specDigest, reportDigest, harm: null, estimatedHarm: null, assessedAt: course.next() });
}

const FIGURES = ['/evaluations', '/versions/1', '/retrains/1', '/development', '/card', '/card?format=html', '/why'];
const windowsOf = (from: string): string[] => ['drift', 'drift.html', 'assessment', 'assessment.html'].map((what) => `/windows/${from}/${what}`);

/** Places of those answers in which a value is told. */
async function telling(paths: readonly string[], value: RegExp): Promise<string[]> {
  const told: string[] = [];
  for (const path of paths) {
    const answer = await fetch(`${api.url}/v1/models/${MODEL}${path}`, { headers: { authorization: `Bearer ${key}` } });
    const text = await answer.text();
    expect([answer.status, path, text]).toEqual([200, path, expect.any(String)]);
    if (value.test(text)) told.push(path);
  }
  return told;
}

describe('figures of a column that a spec classified', () => {
  it('stay masked when a spec that does not classify it is applied, and so do those of what its versions answer then', async () => {
    const old = [...FIGURES, ...windowsOf(DAYS.before)];
    expect(await telling(old, CARRIER)).toEqual([]);
    await course.register('ann', asItIs);
    await window(DAYS.after);
    expect(await telling([...old, ...windowsOf(DAYS.after)], CARRIER)).toEqual([]);
    expect(await telling(windowsOf(DAYS.after), /731\.4/)).toEqual([]);
    expect(await telling(['/evaluations', ...windowsOf(DAYS.before)], /carrier:\??1/)).toHaveLength(5);
  });

  it('of which bounds are told by no card', async () => {
    const card = (await (await fetch(`${api.url}/v1/models/${MODEL}/card`, { headers: { authorization: `Bearer ${key}` } })).json()) as { caveats: { features: object[] } };
    expect(card.caveats.features).toContainEqual(expect.objectContaining({ name: 'distance_miles', min: null, max: null, sensitive: true }));
    expect(card.caveats.features).toContainEqual(expect.objectContaining({ name: 'departure_minute', min: 0, max: 1439, sensitive: false }));
  });

  it('are masked wherever they are shown once a spec classifies it, also where they were written before', async () => {
    const all = [...FIGURES, ...windowsOf(DAYS.before)];
    expect(await telling(all, ORIGIN)).toEqual(all.filter((path) => path !== '/development'));
    await course.register('ann', classified('origin', 'departure_minute'));
    expect(await telling(all, ORIGIN)).toEqual([]);
    expect(await telling(all, CARRIER)).toEqual([]);
  });
});
