import { afterAll, beforeAll, expect, it } from 'vitest';
import { DataSource } from 'typeorm';
import { readControlMap } from '../../src/api/controls/control-files.js';
import { type Control, controlState, type ControlMap } from '../../src/lifecycle/control-map.js';
import { ControlsRepository, type EvidenceQuery } from '../../src/registry/controls.repository.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { EVIDENCE_ROWS, SERVED } from './evidence-rows.js';

const MODEL = 'credit';

let registry: RegistryServer;
let superuser: DataSource;
let map: ControlMap;

beforeAll(async () => {
  registry = await startRegistryServer();
  map = readControlMap('controls');
  superuser = await new DataSource({ type: 'postgres', url: registry.superuserUrl }).initialize();
  // Rows alone are tried here: neither triggers nor foreign keys stand in the way.
  await superuser.query("DO $$ DECLARE one text; BEGIN FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP EXECUTE format('ALTER TABLE %I DISABLE TRIGGER ALL', one); END LOOP; END $$");
}, 120_000);

afterAll(async () => {
  await superuser?.destroy();
  await registry?.stop();
});

const queries = (): EvidenceQuery[] => [...map.evidence.values()];
const controls = (): Control[] => map.frameworks.flatMap((framework) => framework.controls);

/** By the control's id, of a critical model. */
async function states(): Promise<Map<string, string>> {
  const found = await new ControlsRepository(registry.dataSource).evidence(MODEL, queries());
  return new Map(controls().map((control) => [control.id, controlState(control, 'critical', found, new Date())]));
}

const put = async (names: readonly string[]): Promise<void> => {
  await superuser.query([...SERVED, ...names.flatMap((name) => EVIDENCE_ROWS[name]!.put)].join(';\n'));
};

it('has rows to try every evidence with', () => {
  expect(Object.keys(EVIDENCE_ROWS).sort()).toEqual([...map.evidence.keys()].sort());
});

it('finds nothing of a model that has left nothing', async () => {
  expect(new Set((await states()).values())).toEqual(new Set(['missing', 'notApplicable']));
});

it('meets every control with all of its evidence, and each one less when a piece is deleted of what answers now, whatever older ones are left', async () => {
  await put([...map.evidence.keys()]);
  expect([...(await states())].filter(([, state]) => state !== 'met')).toEqual([]);
  for (const [name, { remove }] of Object.entries(EVIDENCE_ROWS)) {
    const asked = controls().filter(({ where, evidence }) => where === name || evidence.some((one) => one.name === name));
    expect(asked.length, name).toBeGreaterThan(0);
    for (const row of remove) {
      await superuser.query(row);
      const after = await states();
      for (const { id, where } of asked) expect([row, id, after.get(id)]).toEqual([row, id, where === name ? 'notApplicable' : expect.stringMatching(/^(partly|missing)$/)]);
      // All is there again for the next one.
      await superuser.query(TABLES.map((table) => `DELETE FROM ${table}`).join(';\n'));
      await put([...map.evidence.keys()]);
    }
  }
  expect([...(await states()).values()].every((state) => state === 'met')).toBe(true);
});

it('takes what any version shows while nobody answers yet, and tells of what answers alone afterwards', async () => {
  const found = async (): Promise<readonly string[]> => (await new ControlsRepository(registry.dataSource).evidence(MODEL, [map.evidence.get('testedUnseen')!])).get('testedUnseen')!.subjects.toSorted();
  expect(await found()).toEqual(['version/2', 'version/3']);
  await superuser.query('DELETE FROM evaluation WHERE version > 1');
  expect(await found()).toEqual([]);
  await superuser.query('UPDATE routing SET champion = NULL');
  expect(await found()).toEqual(['version/1']);
  await superuser.query('TRUNCATE routing CASCADE');
  await put(['testedUnseen']);
});

it('takes an earlier confirmation of the deployment for a version that its low tier asks none for', async () => {
  const confirmed = async (): Promise<readonly string[]> => (await new ControlsRepository(registry.dataSource).evidence(MODEL, [map.evidence.get('goLiveConfirmed')!])).get('goLiveConfirmed')!.subjects.toSorted();
  await superuser.query("DELETE FROM go_live_confirmation WHERE deployment = 'plant' AND epoch = 2");
  expect(await confirmed()).toEqual([]);
  await superuser.query("UPDATE go_live SET asks = false WHERE deployment = 'plant' AND epoch = 2");
  expect(await confirmed()).toEqual(['goLive/default/2', 'goLive/plant/1']);
});

it('takes no decision for evidence that was sent back, and lists a version that was decided anew once', async () => {
  const query = map.evidence.get('versionValidated')!;
  const validated = async (): Promise<number> => (await new ControlsRepository(registry.dataSource).evidence(MODEL, [query])).get('versionValidated')?.count ?? 0;
  await superuser.query('TRUNCATE validation_decision, validation_end CASCADE');
  await put(['versionValidated']);
  expect(await validated()).toBe(2);
  await superuser.query(`INSERT INTO stage_move (model, number, stage, subject, action, actor, reason, command_id, at) VALUES ('${MODEL}', 1, 'validation', 2, 'sendBack', 'x', 'x', gen_random_uuid(), now())`);
  expect(await validated()).toBe(0);
  await superuser.query("INSERT INTO validation_decision (model, version, round, choice, report_digest, actor, reason, answers, findings, at) SELECT model, version, 2, 'conditional', report_digest, actor, reason, answers, findings, at FROM validation_decision WHERE version = 2");
  expect(await validated()).toBe(2);
});

it('changes nothing, whatever a file asks', async () => {
  const evil = [{ name: 'evil', query: "WITH gone AS (DELETE FROM command RETURNING id) SELECT id::text AS subject, now() AS at FROM gone" }];
  await expect(new ControlsRepository(registry.dataSource).evidence(MODEL, evil)).rejects.toThrow(/evidence evil cannot be run: .*(read-only|WITH clause|permission)/);
});

const TABLES = [...new Set(Object.values(EVIDENCE_ROWS).flatMap(({ put: rows }) => rows.flatMap((row) => /INSERT INTO (\w+)/.exec(row)?.[1] ?? [])))];
