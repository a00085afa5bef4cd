import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LabelBatchAnswer } from '../../src/api/labels/labels.dto.js';
import { readEnvironment } from '../../src/config/environment.js';
import { ingestionWorkflowId } from '../../src/contracts/motion.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { eventually, Installation } from '../installation.js';
import { smallSpec } from '../small-model.js';

let perennial: Installation;

beforeAll(async () => {
  perennial = await Installation.start();
});

afterAll(() => perennial?.stop());

async function bring(model: string, content: string, headers: Record<string, string> = {}): Promise<LabelBatchAnswer> {
  const { status, body } = await perennial.call<LabelBatchAnswer>('POST', `/v1/models/${model}/labels`, content, { 'content-type': 'text/csv', ...headers });
  if (status !== 202) throw new Error(`labels answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

const ingested = (status: string): Promise<LabelBatchAnswer> =>
  eventually(async () => {
    const { body } = await perennial.call<LabelBatchAnswer>('GET', status);
    return body.state === 'waiting' ? undefined : body;
  }, () => `${status} to be ingested`);

it('ingests labels within seconds, and tells of each what became of it', async () => {
  await perennial.apply(smallSpec({ model: 'told' }));
  const first = await ingested((await bring('told', 'prediction_id,label\na,1\nb,0\na,1\nb,1\nc,maybe\n')).status);
  expect(first).toMatchObject({ state: 'ingested', counts: { rows: 5, accepted: 0, unknown: 2, repeated: 1, corrected: 1, invalid: 1 }, faults: [{ row: 5, column: 'label' }] });
  const second = await ingested((await bring('told', 'prediction_id,label\nb,1\n')).status);
  expect(second.counts).toMatchObject({ repeated: 1 });
  const broken = await ingested((await bring('told', `PAR1${'x'.repeat(100)}PAR1`, { 'content-type': 'application/vnd.apache.parquet' })).status);
  expect(broken).toMatchObject({ state: 'failed', failure: { type: 'DataUnreadable', message: expect.stringMatching(/^The batch cannot be read: (?!.*[0-9a-f]{40})/) as string, details: { file: broken.digest } }, counts: null });
  const description = await perennial.temporal.workflow.getHandle(ingestionWorkflowId('told')).describe();
  expect(await description.staticSummary()).toBe('Labels of told');
});

it('ingests every batch once, in order, though the worker is killed in the middle', async () => {
  await perennial.apply(smallSpec({ model: 'killed' }));
  const rows = (batch: number): string => Array.from({ length: 40_000 }, (_, index) => `p-${index},${(index + batch) % 2}`).join('\n');
  const batches: LabelBatchAnswer[] = [];
  for (let batch = 0; batch < 6; batch += 1) batches.push(await bring('killed', `prediction_id,label\n${rows(batch)}\n`));
  await eventually(async () => ((await ingestedCount('killed')) > 0 ? true : undefined), () => 'the first batch');
  process.kill(perennial.instance.roles.worker.pid as number, 'SIGKILL');
  const answers = await Promise.all(batches.map(({ status }) => ingested(status)));
  expect(answers.map(({ counts }) => [counts?.unknown, counts?.corrected])).toEqual([[40_000, 0], ...Array.from({ length: 5 }, () => [0, 40_000])]);
  const files: { batch: number; rows: number }[] = await perennial.registry.query("SELECT batch, rows FROM label_file WHERE model = 'killed' ORDER BY batch");
  expect(files).toEqual(batches.map(({ batch }) => ({ batch, rows: 40_000 })));
  const [{ n }] = await perennial.registry.query("SELECT count(*)::int AS n FROM audit_entry WHERE model = 'killed' AND action = 'labels.ingested'");
  expect(n).toBe(6);
});

const ingestedCount = async (model: string): Promise<number> =>
  (await perennial.registry.query('SELECT count(*)::int AS n FROM label_batch WHERE model = $1 AND ingested_at IS NOT NULL', [model]))[0].n;

it('are brought from a terminal', async () => {
  await perennial.apply(smallSpec({ model: 'typed' }));
  const file = join(perennial.folder, 'labels.ndjson');
  writeFileSync(file, '{"prediction_id":"a","label":true}\n{"prediction_id":"b"}\n');
  const terminal = new RecordedTerminal();
  expect(await runCli(['labels', 'typed', file, '--json'], readEnvironment({ STATE_DIR: perennial.environment.STATE_DIR }), 'main.js', terminal)).toBe(0);
  expect(JSON.parse(terminal.stdout)).toMatchObject({ state: 'ingested', counts: { rows: 2, unknown: 1, invalid: 1 } });
});
