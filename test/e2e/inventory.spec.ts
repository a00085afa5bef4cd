import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { InventoryItem } from '../../src/api/inventory/inventory.dto.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { INVENTORY_SWEEP_ID } from '../../src/contracts/motion.js';
import { makeApiKeys } from '../../src/registry/migrate.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

let perennial: Installation;
let administrator: string;

beforeAll(async () => {
  perennial = await Installation.start({ INVENTORY_IDLE: 'PT1S' });
  [administrator] = await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, [{ name: 'ada', roles: ['administrator'] }]) as [string];
}, 240_000);

afterAll(() => perennial?.stop());

async function cli(args: string[], settings: Record<string, string> = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = new RecordedTerminal({ columns: 160 });
  const code = await runCli(args, readEnvironment({ STATE_DIR: perennial.environment.STATE_DIR, ...settings }), 'main.js', terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

/** As the Temporal UI does it. @returns what the sweep came to, as the ledger has it */
async function sweep(): Promise<Record<string, number>> {
  const swept = async (): Promise<Buffer[]> => (await perennial.registry.query<{ details: Buffer }[]>("SELECT details FROM audit_entry WHERE action = 'inventory.swept' ORDER BY id")).map(({ details }) => details);
  const before = (await swept()).length;
  // The worker makes the schedule when it is up.
  await eventually(() => perennial.temporal.schedule.getHandle(INVENTORY_SWEEP_ID).trigger(ScheduleOverlapPolicy.BUFFER_ONE).then(() => true, () => undefined), () => 'the schedule of the sweep');
  const details = await eventually(async () => (await swept())[before], () => 'a sweep to end');
  return JSON.parse(details.toString('utf8')) as Record<string, number>;
}

const findings = (model: string): Promise<{ key: string; title: string; owner: string; severity: string; evidence: string | null }[]> => perennial.registry.query(
  'SELECT f.key, f.title, f.owner, f.severity, x.evidence FROM finding f LEFT JOIN finding_end x ON x.model = f.model AND x.finding = f.number WHERE f.model = $1 ORDER BY f.number', [model]);
const item = async (model: string): Promise<InventoryItem> => (await perennial.call<InventoryItem>('GET', `/v1/inventory/${model}`)).body;

it('a file with faults changes nothing, and each fault is told with its line', async () => {
  const file = join(perennial.folder, 'faulty.csv');
  writeFileSync(file, 'name,tier,owner\nshadow-scores,high,sales\nBad Name,huge,\n');
  const refused = await cli(['inventory', 'import', file], { PERENNIAL_API_KEY: administrator });
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain('line 3, name: must be lower-case letters');
  expect(refused.stderr).toContain('line 3, tier: must be one of low, medium, high, critical');
  expect((await cli(['inventory'])).stdout).toContain('The inventory knows no model that you may read');
  expect((await cli(['inventory', 'import', join(perennial.folder, 'none.csv')])).stderr).toContain('none.csv cannot be read');
});

it('models found elsewhere appear as unregistered, and the same file once more changes nothing', async () => {
  const file = join(perennial.folder, 'found.csv');
  writeFileSync(file, 'name,tier,owner,environment,endpoint,source\nshadow-scores,high,sales,eu-west,https://scores.example.com,load balancer\nold-scores,,,,,list of 2019\n');
  expect((await cli(['inventory', 'import', file])).stderr).toContain('inventory.import');
  expect(await cli(['inventory', 'import', file], { PERENNIAL_API_KEY: administrator })).toMatchObject({ code: 0, stdout: '2 models added, 0 changed, 0 unchanged; 0 of them are registered here\n' });
  expect(await cli(['inventory', 'import', file, '--json'], { PERENNIAL_API_KEY: administrator })).toMatchObject({ code: 0, stdout: expect.stringContaining('"unchanged": 2') as string });
  expect((await cli(['inventory', '--unregistered'])).stdout).toMatch(/shadow-scores +unregistered +high +sales/);
  expect((await cli(['inventory', 'show', 'shadow-scores'])).stdout).toMatch(/endpoint +https:\/\/scores\.example\.com/);
});

it('a sweep opens a finding for each reason, once', async () => {
  for (const model of ['shop', 'planned']) {
    await writeEvents(perennial.dataDir, model);
    await perennial.apply(smallSpec({ model, parameters: { rounds: 5, max_depth: 2 } }));
  }
  const retrain = await perennial.awaitRetrain('shop', await perennial.requestRetrain('shop', { asOf: asOfWeek(8) }));
  expect(retrain.outcome).toBe('promoted');
  renameSync(join(perennial.dataDir, 'planned'), join(perennial.dataDir, 'planned-elsewhere'));
  // Until the second has passed for which the model may be idle.
  const first = await eventually(async () => { const report = await sweep(); return (await findings('shop')).length > 0 ? report : undefined; }, () => 'the model to be idle');
  expect(first).toMatchObject({ models: 4, zombies: 4, sourcesUnknown: 0 });
  expect(await findings('shop')).toEqual([{ key: 'sweep/noTraffic', title: expect.stringMatching(/^No traffic: In default it never answered, though it serves since 20/) as string, owner: expect.any(String) as string, severity: 'low', evidence: null }]);
  expect(await findings('planned')).toMatchObject([{ key: 'sweep/dataSourceGone', title: expect.stringContaining('No file matches planned/*.parquet') as string, severity: 'medium', evidence: null }]);
  expect(await findings('shadow-scores')).toMatchObject([{ key: 'sweep/unregistered', title: expect.stringContaining('answers at https://scores.example.com') as string, owner: 'sales', evidence: null }]);
  expect(await findings('old-scores')).toMatchObject([{ key: 'sweep/unregistered', owner: 'unknown' }]);
  expect(await sweep()).toMatchObject({ models: 4, zombies: 4, opened: 0, closed: 0 });
  expect(await item('planned')).toMatchObject({ openFindings: 1, overdueFindings: 0 });
});

it('a sweep closes the findings whose reason is gone, with what shows it', async () => {
  renameSync(join(perennial.dataDir, 'planned-elsewhere'), join(perennial.dataDir, 'planned'));
  await perennial.apply(smallSpec({ model: 'shadow-scores', data: 'shop' }));
  const file = join(perennial.folder, 'gone.csv');
  writeFileSync(file, 'name,source,state\nold-scores,list of 2019,decommissioned\n');
  expect((await cli(['inventory', 'import', file], { PERENNIAL_API_KEY: administrator })).stdout).toContain('0 models added, 1 changed');
  expect(await sweep()).toMatchObject({ models: 4, zombies: 1, opened: 0, closed: 3 });
  expect(await findings('planned')).toMatchObject([{ evidence: 'Files match planned/*.parquet.' }]);
  expect(await findings('shadow-scores')).toMatchObject([{ evidence: 'It is registered.' }]);
  expect(await findings('old-scores')).toMatchObject([{ evidence: 'An import says that it is decommissioned.' }]);
  expect(await findings('shop')).toMatchObject([{ evidence: null }]);
  expect(await item('shadow-scores')).toMatchObject({ registered: true, stage: 'development', owner: 'test-team', imported: { owner: 'sales', endpoint: 'https://scores.example.com' } });
  expect(await item('shop')).toMatchObject({
    stage: 'production', deployments: [{ endpoint: `${perennial.instance.gatewayUrl}/v2/models/shop/infer`, champion: { version: 1, snapshotDigest: expect.stringMatching(/^sha256:/) as string } }],
  });
});

it('is a table, and a portfolio with the next step of each model', async () => {
  const table = await cli(['inventory', '--csv']);
  expect(table.stdout.split('\r\n').map((line) => line.split(',').slice(0, 3).join(','))).toEqual(['model,registered,stage', 'old-scores,false,unregistered', 'planned,true,development', 'shadow-scores,true,development', 'shop,true,production', '']);
  const page = join(perennial.folder, 'portfolio.html');
  const { stdout } = await cli(['portfolio', '--out', page]);
  expect(stdout).toMatch(/shop +production +low +1 +1 +Add a `useCase` section/);
  expect(stdout).not.toContain('old-scores');
  expect(stdout).toMatch(/time to production +[\d.]+ (seconds|minutes), the median of 1 model\n/);
  expect(readFileSync(page, 'utf8')).toContain('Portfolio of models');
  expect(JSON.parse((await cli(['portfolio', '--json'])).stdout)).toMatchObject({ models: [{ model: 'planned' }, { model: 'shadow-scores' }, { model: 'shop', level: 1 }], timeToProduction: { of: 1 } });
});

it('sweeps every day by itself, where nothing else is set', async () => {
  const schedule = perennial.temporal.schedule.getHandle(INVENTORY_SWEEP_ID);
  const { spec, action } = await schedule.describe();
  expect(spec.intervals).toMatchObject([{ every: 86_400_000 }]);
  expect(action).toMatchObject({ workflowType: 'inventorySweep' });
});
