import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

let perennial: Installation;
let specFile: string;

beforeAll(async () => {
  perennial = await Installation.start();
  specFile = join(perennial.folder, 'model.yaml');
  writeFileSync(specFile, smallSpec({ model: 'shop' }));
}, 120_000);

afterAll(() => perennial?.stop());

async function cli(args: string[], settings: Record<string, string> = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = new RecordedTerminal({ columns: 140 });
  const code = await runCli(args, readEnvironment({ STATE_DIR: perennial.environment.STATE_DIR, ...settings }), 'main.js', terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

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
