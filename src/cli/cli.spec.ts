import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readEnvironment } from '../config/environment.js';
import { anyFreePort } from '../embedded/ports.js';
import { runCli } from './cli.js';
import { RecordedTerminal } from './testing/recorded-terminal.js';

const stateDir = mkdtempSync(join(tmpdir(), 'perennial-cli-'));
afterAll(() => rmSync(stateDir, { recursive: true }));

async function cli(args: string[], settings: Record<string, string> = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = new RecordedTerminal({ columns: 140 });
  const code = await runCli(args, readEnvironment({ STATE_DIR: stateDir, ...settings }), 'main.js', terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

describe('without a running instance', () => {
  it('says how to start it', async () => {
    const port = await anyFreePort();
    const { code, stderr } = await cli(['status'], { API_URL: `http://127.0.0.1:${port}`, PERENNIAL_API_KEY: 'x' });
    expect(code).toBe(1);
    expect(stderr).toContain('npm start');
    expect(stderr).toContain(String(port));
  }, 20_000);

  it('says which key is missing', async () => {
    expect((await cli(['status'])).stderr).toContain('PERENNIAL_API_KEY');
  });

  it('names the file that cannot be read', async () => {
    const { code, stderr } = await cli(['apply', '-f', join(stateDir, 'none.yaml')], { PERENNIAL_API_KEY: 'x' });
    expect(code).toBe(1);
    expect(stderr).toContain('none.yaml');
  });
});

describe('wrong usage', () => {
  it.each([
    { args: ['frobnicate'], says: 'frobnicate' },
    { args: ['retrain'], says: 'model' },
    { args: ['apply'], says: '--file' },
    { args: ['rollback', 'm'], says: '--reason' },
    { args: ['rollback', 'm', '--reason', 'x', '--to', 'latest'], says: 'number of a version' },
    { args: ['snooze', 'a', '--reason', 'x'], says: '--until' },
    { args: ['resolve', 'a'], says: '--reason' },
    { args: ['resolve', 'a', '--reason', 'x', '--until', '2026-01-01'], says: '--until' },
    { args: ['release-window', 'm', '2013-03-01'], says: '--reason' },
    { args: ['finding'], says: 'close' },
    { args: ['finding', 'open', 'm', '--title', 'x', '--evidence', 'y', '--owner', 'z', '--due', '2199-01-01'], says: '--severity' },
    { args: ['finding', 'open', 'm', '--severity', 'grave', '--title', 'x', '--evidence', 'y', '--owner', 'z', '--due', '2199-01-01'], says: 'critical' },
    { args: ['finding', 'close', 'm', '1'], says: '--evidence' },
    { args: ['review', 'm', 'carry-on', '--reason', 'x'], says: 'continueWithFindings' },
    { args: ['review', 'm', 'continue'], says: '--reason' },
    { args: ['status', 'm', 'n'], says: 'too many arguments' },
    { args: ['retrain', 'm', '--asof', '2020-01-01'], says: '--as-of' },
    { args: ['log-experiment', 'm'], says: '--file' },
    { args: ['experiments', 'm', '--source', 'elsewhere'], says: 'outside' },
    { args: ['card'], says: 'model' },
    { args: ['policy'], says: 'backtest' },
    { args: ['audit'], says: 'verify' },
    { args: ['audit', 'verify', '--export', 'x', '--key', 'k'], says: '--checkpoint' },
    { args: ['audit', 'verify', '--checkpoint', 'c', '--key', 'k'], says: '--export' },
    { args: ['audit', 'export'], says: '--out' },
    { args: ['audit', 'proof', 'first'], says: 'whole number' },
    { args: ['inventory', 'import'], says: 'file' },
    { args: ['inventory', 'everything'], says: 'too many arguments' },
    { args: ['policy', 'backtest'], says: '--file' },
    { args: ['policy', 'backtest', '-f', 'm.yaml', '--triggers', 'performance,nonsense'], says: 'There is no trigger "nonsense"; choose from performance, harmfulDrift' },
    { args: ['policy', 'backtest', '-f', 'm.yaml', '--triggers', ''], says: 'choose from' },
    { args: ['policy', 'backtest', '-f', 'm.yaml', '--from', 'yesterday'], says: '2013-04-01' },
    { args: ['policy', 'backtest', '-f', 'm.yaml', '--until', '2013-02-31T00:00'], says: '2013-04-01' },
  ])('of $args ends with 2 and says what is missing', async ({ args, says }) => {
    const { code, stdout, stderr } = await cli(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(says);
    const json = await cli([...args, '--json']);
    expect(json).toMatchObject({ code: 2, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({ type: 'urn:perennial:InvalidRequest' });
  });

  it('of a backtest is told before anything is trained', async () => {
    const missing = await cli(['policy', 'backtest', '-f', join(stateDir, 'none.yaml')]);
    expect(missing).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('none.yaml cannot be read') as string });
    const spec = join(stateDir, 'model.yaml');
    writeFileSync(spec, readFileSync('models/flight-delay/model.yaml'));
    const lacking = await cli(['policy', 'backtest', '-f', spec, '--out', join(stateDir, 'backtest')], { TRAINER_PYTHON: join(stateDir, 'python') });
    expect(lacking).toMatchObject({ code: 1, stderr: expect.stringMatching(/python is missing.*npm start.*TRAINER_PYTHON/) as string });
    const placeless = await cli(['policy', 'backtest', '-f', spec, '--out', join(spec, 'backtest')]);
    expect(placeless).toMatchObject({ code: 1, stderr: expect.stringContaining('name a folder with --out') as string });
  });

  it('policy backtest explains itself with examples', async () => {
    const { code, stdout } = await cli(['policy', 'backtest', '--help']);
    expect(code).toBe(0);
    for (const said of ['$ perennial policy backtest', '--triggers', '--json']) expect(stdout).toContain(said);
  });

  it.each(['apply', 'retrain', 'status', 'versions', 'rollback', 'champion', 'release', 'releases', 'pause', 'resume', 'advance', 'abort', 'labels', 'replay', 'replays', 'alarms', 'acknowledge', 'snooze', 'resolve', 'release-window', 'findings', 'reviews', 'review', 'inventory', 'portfolio', 'up'])('%s explains itself with examples', async (verb) => {
    const { code, stdout } = await cli([verb, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`$ perennial ${verb}`);
    expect(stdout).toContain('--json');
  });
});
