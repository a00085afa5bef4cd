import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cardSchema } from '../../src/api/card/card.dto.js';
import { developmentSchema } from '../../src/api/development/development.dto.js';
import { evaluationListSchema } from '../../src/api/evaluations/evaluations.dto.js';
import { experimentListSchema } from '../../src/api/experiments/experiments.dto.js';
import type { ValidationAnswer } from '../../src/api/validations/validations.dto.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { Installation } from '../installation.js';
import { asOfWeek, smallSpec, smallUseCase, writeEvents } from '../small-model.js';

const MODEL = 'fair';
const fairness = (limit: number) => ({ groups: ['colour'], limits: { demographicParityRatio: limit } });

let perennial: Installation;

beforeAll(async () => {
  perennial = await Installation.start();
  await writeEvents(perennial.dataDir, MODEL);
  await perennial.apply(smallSpec({ model: MODEL, fairness: fairness(0.05), useCase: smallUseCase() }));
}, 240_000);

afterAll(() => perennial?.stop());

const read = async (path: string): Promise<unknown> => (await perennial.call<unknown>('GET', `/v1/models/${MODEL}/${path}`)).body;

async function cli(...args: string[]): Promise<string> {
  const terminal = new RecordedTerminal({ columns: 160 });
  expect(await runCli(args, perennial.environment, 'main.js', terminal), terminal.stderr).toBe(0);
  return terminal.stdout;
}

it('a trained version has its first test for bias, an experiment and an exit of development', async () => {
  const number = await perennial.requestRetrain(MODEL, { asOf: asOfWeek(8) });
  expect(await perennial.awaitCandidate(MODEL, number)).toMatchObject({ outcome: 'promoted', version: 1 });
  const { items: [evaluation] } = evaluationListSchema.parse(await read('evaluations'));
  const [grouping] = evaluation!.fairness!.groupings;
  expect(grouping).toMatchObject({ columns: ['colour'], rows: evaluation!.rows, unknownRows: 0 });
  expect(grouping!.groups.map(({ group }) => group[0]).sort()).toEqual(['blue', 'green', 'red']);
  expect(grouping!.groups.reduce((sum, { rows }) => sum + rows, 0)).toBe(evaluation!.rows);
  expect(evaluation!.slices.map(({ column }) => column)).toEqual(['colour', 'colour', 'colour']);
  expect(developmentSchema.parse(await read('development'))).toMatchObject({ version: 1, verdict: 'pass', criteria: expect.arrayContaining([expect.objectContaining({ name: 'bias:colour:demographicParityRatio', verdict: 'pass' })]) });
});

it('a plan with a stricter limit is not met before a version has been held against it', async () => {
  await perennial.apply(smallSpec({ model: MODEL, fairness: fairness(0.99), useCase: smallUseCase() }));
  expect(developmentSchema.parse(await read('development'))).toMatchObject({ verdict: 'inconclusive', criteria: [{ name: 'plan', verdict: 'inconclusive' }, {}, {}, {}, {}, {}] });
  const number = await perennial.requestRetrain(MODEL, { asOf: asOfWeek(10) });
  await perennial.awaitRetrain(MODEL, number);
  const { verdict, criteria } = developmentSchema.parse(await read('development'));
  expect(verdict).toBe('fail');
  expect(criteria.filter((one) => one.verdict === 'fail').map(({ name }) => name)).toEqual(['bias:colour:demographicParityRatio']);
  expect(await cli('status', MODEL)).toContain('v2 does not meet the plan yet (fail): bias:colour:demographicParityRatio');
});

it('a version of a low tier that surely breaks a limit of its plan is rejected by its checks alone', async () => {
  const model = 'unfair';
  await perennial.apply(smallSpec({ model, data: MODEL, fairness: fairness(0.99), useCase: smallUseCase() }));
  expect(await perennial.awaitCandidate(model, await perennial.requestRetrain(model, { asOf: asOfWeek(8) }))).toMatchObject({ outcome: 'rejected', version: 1 });
  const { decision, checks } = (await perennial.call<ValidationAnswer>('GET', `/v1/models/${model}/versions/1/validation`)).body;
  expect(decision).toMatchObject({ choice: 'reject', actor: 'perennial', reason: expect.stringContaining('fairness') as string });
  expect(checks.filter(({ verdict }) => verdict !== 'pass').map(({ name, verdict }) => [name, verdict])).toEqual([['fairness', 'fail']]);
  expect((await perennial.call('GET', `/v1/models/${model}/champion`)).body['version']).toBeNull();
});

it('experiments from elsewhere stand beside its trainings', async () => {
  const file = join(perennial.dataDir, 'experiment.yaml');
  writeFileSync(file, "name: a notebook\nparameters: { depth: 9 }\ndataVersion: lake@17\ncodeVersion: 3f1c2aa\nmetrics: { auc: 0.99 }\n");
  expect(await cli('log-experiment', MODEL, '-f', file)).toContain('experiment 1 of fair is on the record');
  const { items } = experimentListSchema.parse(await read('experiments?sort=auc'));
  expect(items.map(({ source }) => source)).toEqual(['outside', 'retrain', 'retrain']);
  expect(items[1]).toMatchObject({ parameters: { trainer: 'xgboost', seed: 7, rounds: 40 }, dataVersion: expect.stringMatching(/^sha256:/), codeVersion: expect.stringMatching(/^sha256:/), metrics: { auc: expect.any(Number) } });
  expect(await cli('experiments', MODEL, '--sort', 'auc')).toMatch(/outside +1 +a notebook +auc 0\.9900/);
  expect(await cli('experiments', MODEL, '1')).toContain('lake@17');
});

it('its card tells use case, questionnaire, data, figures and fairness, as JSON and as a page', async () => {
  const card = cardSchema.parse(await read('card'));
  expect(card).toMatchObject({
    details: { version: { status: 'champion' }, service: { reason: 'promotion' } }, intendedUse: { businessCase: 'Planners call those first who are most likely to buy.' }, factors: { protectedColumns: ['colour'] },
    ethicalConsiderations: { risk: { points: 0, tier: 'low', answers: expect.arrayContaining([{ question: 'autonomy', answer: 'informs', points: 0 }]) } },
  });
  expect(card.ethicalConsiderations.approvals.items.map(({ outcome }) => outcome)).toEqual(['approved', 'approved']);
  const file = join(perennial.dataDir, 'card.html');
  expect(await cli('card', MODEL, '--out', file)).toContain('card.html');
  const page = readFileSync(file, 'utf8');
  for (const text of [`Model card of <bdi>${MODEL}</bdi>`, 'By <bdi>colour</bdi>', 'Planners call those first', card.details.version!.artifactDigest, 'Fast track']) expect(page).toContain(text);
  expect(await cli('card', MODEL)).toMatch(/tier +low \(0 points: materiality minor/);
});
