import { copyFileSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { ROLES } from '../../src/contracts/roles.js';
import { ensureLocalKeys } from '../../src/embedded/local-api-key.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

let perennial: Installation;
let specFile: string;

beforeAll(async () => {
  perennial = await Installation.start({ OBSERVATION_SEAL_MS: '300' });
  specFile = join(perennial.folder, 'model.yaml');
  writeFileSync(specFile, smallSpec({ model: 'shop' }));
}, 120_000);

afterAll(() => perennial?.stop());

async function cli(args: string[], settings: Record<string, string> = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = new RecordedTerminal({ columns: 140 });
  const code = await runCli(args, readEnvironment({ STATE_DIR: perennial.environment.STATE_DIR, ...settings }), 'main.js', terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

const publicKeyIn = (folder: string): string => readdirSync(folder).find((name) => name.startsWith('public-key-')) as string;

describe('the CLI', () => {
  it('finds the running instance, registers a model, and changes nothing the second time', async () => {
    expect((await cli(['status'])).stdout).toContain('No model is registered yet');
    const first = await cli(['apply', '-f', specFile, '--json']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(first.stdout)).toMatchObject({ model: 'shop', changed: true });
    expect(await cli(['apply', '-f', specFile])).toMatchObject({ code: 0, stdout: expect.stringContaining('shop is unchanged') });
  });

  it('follows a retrain to its failure and says why', async () => {
    const ended = await cli(['retrain', 'shop', '--reason', 'there is no data yet']);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^Retrain 1 of shop: http.*retrain%2Fshop%2F1$/m);
    expect(ended.stdout).toMatch(/^FAILED /);
    expect(ended.stdout).toContain('DataNotFound');
  });

  it('follows a retrain to its promotion, with the figures', async () => {
    await writeEvents(perennial.dataDir, 'shop');
    const ended = await cli(['retrain', 'shop', '--as-of', asOfWeek(8)]);
    expect(ended.stdout).toMatch(/^PROMOTED /);
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stdout).toMatch(/auc +0\.\d{4} \[0\.\d{4}, 0\.\d{4}\]/);
  });

  it('verifies the record of it against what was signed outside the database', async () => {
    const checkpoints = join(perennial.environment.STATE_DIR, 'checkpoints');
    const [key, ledger] = [join(checkpoints, publicKeyIn(checkpoints)), join(perennial.folder, 'ledger.ndjson')];
    expect((await cli(['audit', 'export', '--out', ledger])).code).toBe(0);
    const verdict = await cli(['audit', 'verify', '--export', ledger, '--checkpoint', join(checkpoints, 'latest'), '--key', key, '--json']);
    expect(verdict).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(verdict.stdout)).toMatchObject({ genuine: true, faults: [] });
    expect(await cli(['audit', 'proof', '1', '--key', key])).toMatchObject({ code: 0, stdout: expect.stringContaining('under a genuine checkpoint') });
    expect((await cli(['audit', 'list', 'shop'])).stdout).toContain('there is no data yet');
    await eventually(async () => ((await perennial.registry.query('SELECT FROM audit_pending')).length === 0 ? true : undefined), () => 'the tree to follow');
  });

  it('gives one document and nothing else, also when the gate rejects', async () => {
    const ended = await cli(['retrain', 'shop', '--as-of', asOfWeek(8), '--json']);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toMatchObject({ number: 3, outcome: expect.stringMatching(/rejected|inconclusive/), evaluation: { championVersion: 1 } });
  });

  it('shows where a model stands, its versions and its champion at a time', async () => {
    const { stdout } = await cli(['status', 'shop']);
    expect(stdout).toContain('test-team');
    expect(stdout).toMatch(/1\s+failed/);
    expect(stdout).toMatch(/2\s+promoted\s+1/);
    expect(JSON.parse((await cli(['status', '--json'])).stdout)).toMatchObject({ items: [{ model: 'shop', deployments: [{ champion: 1, epoch: 1 }] }] });
    expect((await cli(['versions', 'shop'])).stdout).toMatch(/1\s+champion\s+pass\s+0\.\d{4}/);
    expect((await cli(['champion', 'shop'])).stdout).toMatch(/version +1\n/);
    expect((await cli(['champion', 'shop', '--at', '2020-01-01'])).stdout).toContain('nothing has been promoted');
  });

  it('is told what was refused, as a problem with --json', async () => {
    const refused = await cli(['rollback', 'shop', '--reason', 'try', '--json']);
    expect(refused).toMatchObject({ code: 1, stderr: '' });
    expect(JSON.parse(refused.stdout)).toMatchObject({ type: 'urn:perennial:NoRollbackTarget', status: 409 });
    const unknown = await cli(['champion', 'nobody']);
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toContain('nobody');
  });

  it('shows every fault of a spec on a line of its own', async () => {
    const file = join(perennial.folder, 'bad.yaml');
    writeFileSync(file, smallSpec({ model: 'shop' }).replace('tier: low', 'tier: huge').replace('owner:', 'owners:'));
    const { code, stderr } = await cli(['apply', '-f', file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ {2}tier: /m);
    expect(stderr).toMatch(/^ {2}owners: is not a key of the spec$/m);
  });

  it('sends the local key to no other machine, and says what a refused key means', async () => {
    const stateDir = join(perennial.folder, 'copied');
    mkdirSync(stateDir);
    copyFileSync(join(perennial.environment.STATE_DIR, 'local-api-key'), join(stateDir, 'local-api-key'));
    const elsewhere = await cli(['status', '--json'], { STATE_DIR: stateDir, API_URL: 'http://perennial.example' });
    expect(elsewhere.code).toBe(1);
    expect(JSON.parse(elsewhere.stdout)).toMatchObject({ type: 'urn:perennial:Unauthenticated', detail: expect.stringContaining('perennial.example') });
    expect((await cli(['status'], { PERENNIAL_API_KEY: 'wrong' })).stderr).toContain('not known or was revoked');
  });
});

describe('local users', () => {
  const as = (user: string, ...args: string[]) => cli(args, { PERENNIAL_USER: user });

  it('are made at the first start, one for each role, with keys that their owner alone can read', async () => {
    const { environment: { STATE_DIR }, instance: { newKeys, servers } } = perennial;
    expect(newKeys.map(({ name, roles }) => [name, roles.join()])).toEqual([[`${userInfo().username}@local`, 'owner,auditor'], ...ROLES.map((role) => [role, role])]);
    for (const file of ['local-api-key', 'local-user-keys.json']) expect(statSync(join(STATE_DIR, file)).mode & 0o777).toBe(0o600);
    expect(await ensureLocalKeys(STATE_DIR, servers.ownerDatabaseUrl, 'somebody else')).toEqual([]);
  });

  it('may what their role permits', async () => {
    expect((await as('auditor', 'status', '--json')).code).toBe(0);
    const refused = await as('approver', 'retrain', 'shop', '--json');
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({ type: 'urn:perennial:Forbidden', permission: 'retrain.request', detail: expect.stringMatching(/^approver may not/) });
    const listed = JSON.parse((await as('administrator', 'people', 'list', '--json')).stdout) as { items: { name: string; kind: string }[] };
    expect(listed.items.map(({ name }) => name)).toEqual(expect.arrayContaining([...ROLES]));
    expect(listed.items.filter(({ kind }) => kind === 'service').map(({ name }) => name)).toEqual(['service']);
    expect((await as('king', 'status')).stderr).toMatch(/no local user king .*choose from owner/);
  });
});

describe('releases, replays, labels and alarms from the terminal', () => {
  const AUC = { comparison: { metric: 'auc' } };
  const ROLLOUT = { checkEvery: 'PT1H', canary: { steps: [50] } };
  const documentOf = async (args: string[], code = 0): Promise<Record<string, unknown>> => {
    const answer = await cli([...args, '--json']);
    expect(answer, args.join(' ')).toMatchObject({ code, stderr: '' });
    return JSON.parse(answer.stdout) as Record<string, unknown>;
  };
  /** It is refused the same way with `--json` and without. */
  async function refused(args: string[], type: string, says: RegExp): Promise<void> {
    const told = await cli(args);
    expect(told, args.join(' ')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(says) as string });
    expect(await documentOf(args, 1), args.join(' ')).toMatchObject({ type: `urn:perennial:${type}`, detail: expect.stringMatching(says) as string });
  }
  const stage = (number: number, wanted: string): Promise<unknown> =>
    eventually(async () => ((await documentOf(['releases', 'till', String(number)]))['stage'] === wanted ? true : undefined), () => `release ${number} in ${wanted}`);

  beforeAll(async () => {
    await writeEvents(perennial.dataDir, 'till');
    for (const [week, parameters] of [[6, { rounds: 1, max_depth: 1 }], [10, { rounds: 60, max_depth: 4 }]] as const) {
      await perennial.apply(smallSpec({ model: 'till', gates: AUC, parameters, rollout: ROLLOUT }));
      await perennial.awaitRetrain('till', await perennial.requestRetrain('till', { asOf: asOfWeek(week) }));
    }
    await stage(1, 'shadow');
  });

  it('shows what is under way, and steers it', async () => {
    expect((await cli(['releases', 'till'])).stdout).toMatch(/Release +Version +Stands.*\n +1 +2 +shadow /);
    expect(await documentOf(['releases', 'till'])).toMatchObject({ items: [{ number: 1, version: 2, stage: 'shadow' }] });
    expect(await cli(['pause', 'till', '1', '--reason', 'lunch'])).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^pause of release 1 of till is on the record\nhttp/) as string });
    const paused = await cli(['releases', 'till', '1']);
    expect(paused).toMatchObject({ code: 0, stdout: expect.stringMatching(/^shadow\n[^]*paused +yes; `perennial resume till 1`[^]*pause +shadow +\S+ +lunch/) as string });
    await refused(['pause', 'till', '1', '--reason', 'again'], 'ReleaseNotSteerable', /is paused already/);
    await refused(['advance', 'till', '1', '--reason', 'go'], 'ReleaseNotSteerable', /resume it first/);
    expect(await documentOf(['resume', 'till', '1', '--reason', 'back'])).toMatchObject({ number: 1, action: 'resume', joined: false });
    expect((await cli(['advance', 'till', '1', '--reason', 'go'])).code).toBe(0);
    await stage(1, 'canary');
    expect((await cli(['abort', 'till', '1', '--reason', 'enough'])).code).toBe(0);
    await stage(1, 'finished');
    expect((await cli(['releases', 'till', '1'])).stdout).toMatch(/^ABORTED\nThe release was aborted/);
  });

  it('begins one, and follows it to its end', async () => {
    expect(await cli(['release', 'till', '2', '--reason', 'once more'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^release 2 of till: version 2\nhttp/) as string });
    expect((await cli(['release', 'till', '2', '--reason', 'once more'])).stdout).toContain('release 2 of till: version 2, which was under way already');
    const followed = cli(['release', 'till', '2', '--reason', 'to its end', '--follow']);
    await stage(2, 'shadow');
    await cli(['abort', 'till', '2', '--reason', 'enough']);
    expect(await followed).toMatchObject({ code: 1, stdout: expect.stringMatching(/^ABORTED/) as string });
  });

  it('brings labels and replays what was logged', async () => {
    const at = Date.UTC(2024, 3, 1);
    for (let hour = 0; hour < 3; hour++) {
      const data = Array.from({ length: 50 }, (_, row) => [row / 50, (row * 7 % 50) / 50, row % 3]).flat();
      const inputs = [{ name: 'features', shape: [50, 3], datatype: 'FP32', data }];
      const answer = await fetch(`${perennial.instance.gatewayUrl}/v2/models/till/infer`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ parameters: { prediction_id: `sale-${hour}`, event_time: at + hour * 3_600_000 }, inputs }) });
      expect(answer.status).toBe(200);
    }
    const file = join(perennial.folder, 'came-true.csv');
    writeFileSync(file, `prediction_id,label\n${Array.from({ length: 150 }, (_, index) => `sale-${Math.floor(index / 50)}/${index % 50},${index % 2}`).join('\n')}\n`);
    await eventually(async () => ((await perennial.registry.query("SELECT 1 FROM observation_file WHERE model = 'till'")).length > 0 ? true : undefined), () => 'what was observed');
    expect((await cli(['labels', 'till', file])).stdout).toMatch(/state +ingested/);
    expect(await documentOf(['labels', 'till', file])).toMatchObject({ model: 'till', counts: { repeated: 150 } });
    const period = ['--from', '2024-04-01', '--until', '2024-04-02', '--reason', 'would it have been better?'];
    const told = await cli(['replay', 'till', '2', ...period]);
    expect(told).toMatchObject({ code: 0, stdout: expect.stringMatching(/rows +150 observed, 150 pairs/) as string });
    expect((await cli(['replays', 'till'])).stdout).toMatch(/\n +1 +2 +2024-04-01/);
    expect(await documentOf(['replays', 'till', '1'])).toMatchObject({ number: 1, rows: { pairs: 150 } });
    await refused(['replay', 'till', '2', '--from', '2020-04-01', '--until', '2020-04-02', '--reason', 'too early'], 'NothingToReplay', /period/);
    await refused(['replay', 'till', '2', '--from', 'yesterday', '--until', '2024-04-02', '--reason', 'x'], 'InvalidRequest', /from/);
    await refused(['replay', 'till', '2', '--from', '2024-04-02', '--until', '2024-04-01', '--reason', 'x'], 'InvalidRequest', /from|until/);
  });

  it('shows alarms, those that are open first of all', async () => {
    expect((await cli(['alarms', 'till'])).stdout).toBe('No alarm is open for till; --all shows those that have ended\n');
    expect((await cli(['alarms', 'till', '--all'])).stdout).toMatch(/^WARNING windowHarmful \(a test\) {2}till\/default, window\/made-up\n/);
    await refused(['rollback', 'till', '--reason', 'complaints'], 'NoRollbackTarget', /only one that has ever served/);
    const open = await eventually(async () => {
      const { stdout } = await cli(['alarms', 'till']);
      return stdout.includes('; delivered ') ? stdout : undefined;
    }, () => 'the alarm to arrive');
    expect(open).toMatch(/^CRITICAL noRollbackTarget {2}till\/default, deployment\/default\n {2}The rollback of till\/default is refused: .*Version 1 stays in service.*\n {2}raised .*; delivered .*\n$/);
    expect(await documentOf(['alarms', 'till'])).toMatchObject({ items: [{ kind: 'noRollbackTarget', severity: 'critical', ended: null }] });
    expect((await cli(['alarms'])).stdout).toContain('till/default');
  });

  it.each([
    [['release', 'nobody', '1'], 'ModelNotFound', /nobody.*perennial apply/],
    [['release', 'till', '99'], 'VersionNotFound', /no version 99; `perennial versions till` lists them/],
    [['release', 'till', '1'], 'ReleaseRefused', /answers in default already/],
    [['release', 'till', '2', '--deployment', 'plant-9'], 'NotFound', /no deployment "plant-9"/],
    [['abort', 'till', '1'], 'ReleaseNotSteerable', /has ended: aborted; `perennial release` begins another/],
    [['pause', 'till', '99'], 'NotFound', /no release 99; `perennial releases till` lists them/],
    [['resume', 'nobody', '1'], 'ModelNotFound', /perennial apply/],
    [['advance', 'till', '2', '--reason', ''], 'InvalidRequest', /reason/],
    [['replay', 'till', '99', '--from', '2024-04-01', '--until', '2024-04-02'], 'VersionNotFound', /lists them/],
  ])('is refused as %j and says how to mend it', async (args, type, says) => {
    await refused(args.includes('--reason') ? args : [...args, '--reason', 'to see'], type, says);
  });

  it.each([
    [['releases', 'nobody'], 'ModelNotFound', /perennial apply/],
    [['releases', 'till', '99'], 'NotFound', /no release 99; `perennial releases till`/],
    [['replays', 'till', '99'], 'NotFound', /no replay 99; `perennial replays till`/],
    [['alarms', 'nobody'], 'ModelNotFound', /perennial apply/],
    [['labels', 'till', 'none.csv'], 'InvalidRequest', /none\.csv cannot be read/],
    [['labels', 'till', 'labels.txt'], 'InvalidRequest', /ends in .*\.csv/],
  ])('finds nothing at %j and says so', async (args, type, says) => {
    await refused(args, type, says);
  });

  it.each([
    [['release', 'till', '2'], /--reason/],
    [['pause', 'till', '1'], /--reason/],
    [['advance', 'till', 'latest', '--reason', 'x'], /number of a version or release, such as 3/],
    [['abort', 'till', '--reason', 'x'], /number/],
    [['replay', 'till', '2', '--reason', 'x', '--until', '2024-04-02'], /--from/],
  ])('cannot be used as %j', async (args, says) => {
    expect(await cli(args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(says) as string });
    expect(await documentOf(args, 2)).toMatchObject({ type: 'urn:perennial:InvalidRequest', detail: expect.stringMatching(says) as string });
  });
});
