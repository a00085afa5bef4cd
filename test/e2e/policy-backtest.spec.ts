import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import type { PolicyBacktest, PolicyFigures } from '../../src/contracts/policy-backtest.js';
import { EPOCH, smallSpec, writeEvents } from '../small-model.js';

const DAY = 86_400_000;
const WEEK = 7 * DAY;
const HORIZON = DAY;
const TURNED = EPOCH + 6 * WEEK;

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-backtest-'));
  const turned = (from: number): string => `* REPLACE (CASE WHEN asked_at >= make_timestamp(${from} * 1000) THEN NOT bought ELSE bought END AS bought)`;
  await writeEvents(join(folder, 'data'), 'honest');
  await writeEvents(join(folder, 'data'), 'turned', turned(TURNED));
  await writeEvents(join(folder, 'data'), 'unlabelled', '* REPLACE (NULL::BOOLEAN AS bought)');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A week trains and ten days judge, so that a new world teaches soon; eight days are the fewest that bound a loss. */
function specOf(data: string, triggers: readonly string[], sections: object = {}): string {
  const path = join(folder, `${data}.yaml`);
  const retraining = { triggers, cooldown: 'P7D', minimumSinceChange: 300, costs: { perLossUnit: 2, training: 1, release: 3 } };
  const spec = parse(smallSpec({ model: 'shop', data, training: { window: 'P1W' }, monitoring: { window: 'P7D' }, retraining })) as object;
  writeFileSync(path, stringify({ ...spec, evaluation: { window: 'P10D', minimumRows: 100, slices: ['colour'] }, ...sections }));
  return path;
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function backtest(...args: string[]): Promise<Ended> {
  const terminal = new RecordedTerminal({ columns: 140 });
  const environment = readEnvironment({ PATH: process.env['PATH'], DATA_DIR: join(folder, 'data'), WORK_DIR: join(folder, 'work'), STATE_DIR: join(folder, 'state'), GPU_DEVICES: '' });
  const code = await runCli(['policy', 'backtest', ...args], environment, 'main.js', terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

const resultIn = (out: string): PolicyBacktest => JSON.parse(readFileSync(join(folder, out, 'backtest.json'), 'utf8')) as PolicyBacktest;
const of = ({ policies }: PolicyBacktest, name: string): PolicyFigures => policies.find(({ policy }) => policy === name)!;

describe('a backtest of a model whose world turns', () => {
  let ended: Ended;
  let turned: PolicyBacktest;
  let honest: PolicyBacktest;
  beforeAll(async () => {
    ended = await backtest('-f', specOf('turned', ['performance']), '--out', join(folder, 'first'));
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    turned = resultIn('first');
    expect(await backtest('-f', specOf('honest', ['performance']), '--out', join(folder, 'honest'))).toMatchObject({ code: 0 });
    honest = resultIn('honest');
  }, 600_000);

  it('retrains under the spec after the turn, and loses less than never', () => {
    const [never, spec] = [of(turned, 'never'), of(turned, 'spec')];
    const first = spec.decisions.find(({ outcome }) => outcome === 'retrain')!;
    expect(first).toMatchObject({ trigger: 'performance', retrain: { outcome: 'promoted' } });
    expect(Date.parse(first.at)).toBeGreaterThan(TURNED);
    expect(spec.lossAvoided).toBeGreaterThan(0);
    expect(spec.totalLoss).toBeLessThan(never.totalLoss);
    expect(spec.steps.at(-1)!.meanLoss).toBeLessThan(never.steps.at(-1)!.meanLoss! / 2);
    expect(spec.steps.map(({ labelled }) => labelled)).toEqual(never.steps.map(({ labelled }) => labelled));
    expect(spec.steps.every(({ labelled }) => labelled === 600)).toBe(true);
    expect(spec.cost).toBe(spec.decisions.filter(({ retrain }) => retrain?.version != null).length + 3 * spec.promoted);
    expect(spec.net).toBe(2 * spec.lossAvoided - spec.cost!);
  });

  it('knows nothing of the turn before its labels are there, whoever decides', () => {
    for (const { policy, steps, decisions } of turned.policies) {
      const other = of(honest, policy);
      const known = <T extends { readonly at: string }>(made: readonly T[]): T[] => made.filter(({ at }) => Date.parse(at) <= TURNED + HORIZON);
      expect(known(decisions), policy).toEqual(known(other.decisions));
      expect(steps.filter(({ end }) => Date.parse(end) <= TURNED)).toEqual(other.steps.filter(({ end }) => Date.parse(end) <= TURNED));
      expect(steps.map(({ start, rows }) => ({ start, rows }))).toEqual(other.steps.map(({ start, rows }) => ({ start, rows })));
    }
    expect(known(turned)).not.toEqual(known(honest));
    expect(of(honest, 'spec').decisions.filter(({ outcome }) => outcome === 'retrain')).toEqual([]);
  });

  const known = (result: PolicyBacktest) => result.policies.map(({ decisions }) => decisions.map(({ at }) => at));

  it('trains once for all that retrain at the same time, on what a retrain would have looked at', () => {
    const trained = turned.policies.flatMap(({ decisions }) => decisions.flatMap(({ at, retrain }) => (retrain?.version != null ? [`${at} ${retrain.version}`] : [])));
    expect(new Set(trained).size).toBe(turned.versions.length - 1);
    for (const { asOf, trained: train, judged } of turned.versions) {
      expect(Date.parse(judged.end)).toBe(Date.parse(asOf) - HORIZON);
      expect([judged.start, Date.parse(judged.end) - Date.parse(judged.start), Date.parse(train.end) - Date.parse(train.start)]).toEqual([train.end, 10 * DAY, WEEK]);
    }
    // Eighteen days after the first Monday of 2024 for training, judging and labels, and a week begins on Thursday.
    expect(turned.from).toBe('2024-01-25T00:00:00.000Z');
    expect(turned.versions[0]!.asOf).toBe(turned.from);
  });

  it('says so in a table and a picture, and leaves nothing else behind', () => {
    expect(ended.stdout).toContain('`spec` retrains by performance.');
    expect(ended.stdout).toMatch(/^never +0 +0 +0\.\d{4} +– +– +0 +0$/m);
    expect(ended.stdout).toMatch(/^spec +[1-9]/m);
    expect(ended.stdout).toMatch(/performance: promoted/);
    expect(ended.stderr).toMatch(/training version 1 on the data up to 2024-01-25/);
    const plot = readFileSync(join(folder, 'first', 'backtest.svg'), 'utf8');
    expect(plot).toMatch(/^<svg xmlns=/);
    expect(plot).not.toMatch(/NaN|Infinity|undefined/);
    expect(readdirSync(join(folder, 'work'))).toEqual([]);
  });

  it('tells of a baseline from which no harm can be told', async () => {
    const short = specOf('honest', ['performance'], { evaluation: { window: 'P1W', minimumRows: 100 } });
    const { code, stdout } = await backtest('-f', short, '--from', '2024-02-29', '--out', join(folder, 'short'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^No harm can be told.*evaluation\.window/m);
    expect(resultIn('short').warnings).toHaveLength(1);
    expect(turned.warnings).toEqual([]);
  });

  it('gives the same bytes again', async () => {
    expect(await backtest('-f', specOf('turned', ['performance']), '--out', join(folder, 'again'))).toMatchObject({ code: 0 });
    for (const file of ['backtest.json', 'backtest.svg']) expect(readFileSync(join(folder, 'again', file), 'utf8')).toBe(readFileSync(join(folder, 'first', file), 'utf8'));
  }, 600_000);
});

describe('what a backtest refuses', () => {
  const refused = async (...args: string[]): Promise<{ type: string; detail: string }> => {
    const { code, stdout, stderr } = await backtest(...args, '--out', join(folder, 'none'), '--json');
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(existsSync(join(folder, 'none', 'backtest.json'))).toBe(false);
    return JSON.parse(stdout) as { type: string; detail: string };
  };

  it('labels that are not there', async () => {
    expect(await refused('-f', specOf('unlabelled', []))).toMatchObject({ type: 'urn:perennial:NotEnoughData', detail: expect.stringContaining('labelled rows') as string });
  });

  it('a time at which nothing can be trained yet', async () => {
    expect(await refused('-f', specOf('honest', []), '--from', '2024-01-08')).toMatchObject({ type: 'urn:perennial:NotEnoughData', detail: expect.stringContaining('2024-01-25') as string });
  });

  it('a first version that the gate does not pass', async () => {
    const strict = specOf('honest', [], { gates: { absolute: [{ metric: 'auc', min: 0.999 }], comparison: { metric: 'auc' } } });
    expect(await refused('-f', strict)).toMatchObject({ type: 'urn:perennial:VersionUnfit', detail: expect.stringContaining('--from') as string });
  });

  it('a column that the data lacks, a trainer that is not there, a spec that is none', async () => {
    const misspelt = specOf('honest', []);
    writeFileSync(misspelt, readFileSync(misspelt, 'utf8').replace('name: age', 'name: agee'));
    expect(await refused('-f', misspelt)).toMatchObject({ type: 'urn:perennial:DataInvalid', detail: expect.stringContaining('did you mean age') as string });
    const untrained = specOf('honest', []);
    writeFileSync(untrained, readFileSync(untrained, 'utf8').replace('trainer: xgboost', 'trainer: none'));
    expect(await refused('-f', untrained)).toMatchObject({ type: 'urn:perennial:TrainerMissing' });
    expect(await refused('-f', specOf('honest', []), '--triggers', 'trial')).toMatchObject({ type: 'urn:perennial:SpecInvalid', detail: expect.stringContaining('evaluation.holdOutEvery: must be 2 or more') as string });
    writeFileSync(untrained, 'model: x');
    expect(await refused('-f', untrained)).toMatchObject({ type: 'urn:perennial:SpecInvalid' });
  });
});
