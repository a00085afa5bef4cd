import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActivitySettings } from '../../activities/activity-settings.js';
import { type DriftBaseline, DriftBaselines } from '../../activities/drift-baselines.js';
import { StoreProvider } from '../../activities/store-provider.js';
import { windowDriftReportSchema } from '../../src/api/windows/window-drift.dto.js';
import { FolderStore } from '../../src/artifacts/folder-store.js';
import { sensitivityOf } from '../../src/contracts/masking.js';
import type { WindowDriftReport } from '../../src/contracts/window-drift.js';
import { HOURLY_ROWS, SPEC } from '../../src/data/data-fixture.js';
import { ObservedFiles } from '../../src/observations/testing/observed-files.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { ModelsRepository } from '../../src/registry/models.repository.js';
import { RetrainsRepository } from '../../src/registry/retrains.repository.js';
import { RoutingRepository } from '../../src/registry/routing.repository.js';
import { ModelCourse } from '../../src/registry/testing/model-course.js';
import { VersionsRepository } from '../../src/registry/versions.repository.js';
import { WindowsRepository } from '../../src/registry/windows.repository.js';
import { parseSpec } from '../../src/spec/parse-spec.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';

const [MODEL, DEPLOYMENT] = ['growing', 'default'];
const [START, HOUR_MS] = [Date.parse('2024-01-01T00:00:00Z'), 3_600_000];
const EVENT = { fromMs: START, untilMs: START + HOUR_MS };
const signal = new AbortController().signal;
/** Each version answers so many rows. */
const ROWS = 600;
const PRESSURE = { name: 'pressure', type: 'number' } as const;
const WITHOUT = { ...SPEC, model: MODEL };
const WITH = { ...WITHOUT, data: { ...SPEC.data, features: [...SPEC.data.features, PRESSURE] } };

let registry: RegistryServer;
let files: ObservedFiles;
let store: FolderStore;
let baselines: DriftBaselines;
let champion: DriftBaseline;

/** Version 1 knows no pressure; version 2, which does, is the champion. */
beforeAll(async () => {
  [registry, files] = await Promise.all([startRegistryServer(), ObservedFiles.make()]);
  const { dataSource } = registry;
  store = new FolderStore(join(files.folder, 'store'));
  const audit = new AuditLedger(dataSource);
  const [models, retrains, routing, versions] = [new ModelsRepository(dataSource), new RetrainsRepository(dataSource, audit), new RoutingRepository(dataSource, audit), new VersionsRepository(dataSource, audit)];
  const settings = { workDir: join(files.folder, 'work'), driftPartRows: 500 } as ActivitySettings;
  mkdirSync(settings.workDir);
  baselines = new DriftBaselines(models, retrains, routing, versions, new WindowsRepository(dataSource), settings, new StoreProvider(store));
  await registry.apiKey('ann');
  const course = new ModelCourse(dataSource, MODEL);
  const artifact = await store.putFile(await files.write(`SELECT *, (i % 97)::DOUBLE AS pressure FROM (SELECT *, row_number() OVER () AS i FROM (${HOURLY_ROWS}))`));
  course.evaluation = { artifact, rows: 385, labelledRows: 385, window: { start: '2024-01-01T00:00:00.000Z', end: '2024-01-17T01:00:00.000Z' } };
  for (const spec of [WITHOUT, WITH]) {
    const yaml = JSON.stringify(spec);
    await dataSource.transaction((manager) => models.apply(manager, yaml, parseSpec(yaml), 'ann', course.next()));
    course.specDigest = parseSpec(yaml).digest;
    await course.promote(await course.trained('ann', 'the next one'), 'ann');
  }
  champion = (await baselines.ofChampion({ model: MODEL, deployment: DEPLOYMENT }))!;
}, 120_000);

afterAll(async () => {
  await registry?.stop();
  await files?.remove();
}, 60_000);

const KNOWN = "'speed': (hash(i) % 101)::FLOAT, 'side': CASE i % 2 WHEN 0 THEN 'north' ELSE 'south' END";

/** What version 1 answered. @param version who is said to have answered */
const old = (version = 1): Promise<string> => files.observations(`range(0, ${ROWS}) t(i)`, { version: String(version), inputs: `{${KNOWN}}` });
/** What version 2 answered, of which a share lacks the pressure. */
const current = (broken = 0): Promise<string> => files.observations(`range(${ROWS}, ${2 * ROWS}) t(i)`, { version: '2', inputs: `{${KNOWN}, 'pressure': CASE WHEN i < ${ROWS * (1 + broken)} THEN NULL ELSE (hash(i + 7) % 97)::FLOAT END}` });

interface Before {
  readonly observations: readonly string[];
  readonly report: WindowDriftReport;
}

/** Reads the window as one worker does, and as all do. */
const WAYS = {
  whole: async (observations: readonly string[], before: Before | null): Promise<WindowDriftReport> =>
    (await baselines.compare({ ...windowAfter(before), files: { observations, labels: [] }, before: before && { ...hourBefore, files: { observations: before.observations, labels: [] } }, signal }, champion))!.report,
  'in parts': async (observations: readonly string[], before: Before | null): Promise<WindowDriftReport> => {
    const stretch = async (paths: readonly string[], event: typeof EVENT) => ({ ...event, observations: await Promise.all(paths.map(async (path) => (await store.putFile(path)).digest)), rowsOfFiles: 10_000 });
    const planned = (await baselines.plan({ baseline: champion, window: await stretch(observations, EVENT), before: before && (await stretch(before.observations, hourBefore)) }, signal))!;
    const profiles: string[] = [];
    for (let part = 0; part < planned.parts; part++) profiles.push(await baselines.parts.profile(planned.plan, part, signal));
    return (await baselines.compareParts(windowAfter(before), { plan: planned.plan, profiles }, signal))!.report;
  },
};

const hourBefore = { fromMs: START - HOUR_MS, untilMs: START };
const windowAfter = (before: Before | null) =>
  ({ model: MODEL, deployment: DEPLOYMENT, ...EVENT, earlier: before ? [before.report] : [], sensitivity: sensitivityOf(parseSpec(JSON.stringify(WITH)).spec), falseDiscoveries: 0.05, alpha: 0.05 });

const told = ({ faults }: WindowDriftReport): string[] => faults.map(({ kind, because }) => `${kind}: ${because}`);
const notTaken = ({ features }: WindowDriftReport) => features.flatMap((feature) => (feature.notTaken ? [[feature.name, feature.notTaken]] : []));

describe.each(Object.entries(WAYS))('around the promotion of a version with one more feature, a window that is read %s', (_, read) => {
  it('has no fault of rows that the version before answered', async () => {
    const report = await read([await old(), await current()], null);
    expect(told(report)).toEqual([]);
    expect(report.rows).toBe(2 * ROWS);
    expect(notTaken(report)).toEqual([['pressure', { rows: ROWS, missing: ROWS }]]);
    expect(windowDriftReportSchema.parse(JSON.parse(JSON.stringify(report)))).toMatchObject({ rows: 2 * ROWS });
  });

  it('has none of the column where that version answered all of its rows', async () => {
    expect(told(await read([await old()], null))).toEqual([]);
  });

  it('has the fault of rows that the champion answered', async () => {
    expect(told(await read([await old(), await current(0.4)], null))).toEqual(['missing: pressure has no value in 40 % of 600 rows of versions that take it; 0 % is what the spec and the baseline know.']);
    const report = await read([await current(0.4)], null);
    expect(told(report)).toEqual(['missing: pressure has no value in 40 % of 600 rows; 0 % is what the spec and the baseline know.']);
    expect(notTaken(report)).toEqual([]);
  });

  it('has the fault of rows of which nobody knows what their version takes', async () => {
    expect(told(await read([await old(9), await current()], null))).toEqual(['missing: pressure has no value in 50 % of 1200 rows; 0 % is what the spec and the baseline know.']);
    expect(told(await read([await old(9)], null))).toEqual(['schema: pressure is in the spec, but not in the window.']);
  });

  it('excuses no later one', async () => {
    const earlier = (path: string): Promise<string> => files.write(`SELECT * REPLACE (event_time - INTERVAL 1 HOUR AS event_time) FROM (FROM read_parquet('${path}'))`);
    const [first, second] = [await old(), await current()];
    const before = { report: await read([first, second], null), observations: [await earlier(first), await earlier(second)] };
    expect(told(await read([await current(0.4)], before))).toEqual(['missing: pressure has no value in 40 % of 600 rows; 0 % is what the spec and the baseline know.']);
  });
});
