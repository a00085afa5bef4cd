import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DecisionAnswer, decisionSchema } from '../../src/api/decisions/decisions.dto.js';
import type { LabelBatchAnswer } from '../../src/api/labels/labels.dto.js';
import { windowAssessmentListSchema, windowAssessmentReportSchema } from '../../src/api/windows/window-assessments.dto.js';
import { windowDriftListSchema, windowDriftReportSchema } from '../../src/api/windows/window-drift.dto.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { seededRandom } from '../../src/observations/testing/random-observations.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

/** Values of sensitive columns: a category, what begins a key, a number with its bounds. 731.4242 is 731.42419… as float32. */
const MARKERS = /zq-secret|731\.424|999\.737/;
const [MODEL, BROKEN, LINES] = ['masked', 'masked-broken', 'masked-lines'];
const DAY = Date.parse('2024-04-01T00:00:00.000Z');
const HOUR_MS = 3_600_000;
const [REQUESTS, ROWS] = [12, 100];
const WHY = 'A customer asks what was known of her';

const WEIGHT = "(CASE hash('w' || id) % 4 WHEN 0 THEN 731.4242 WHEN 1 THEN 999.7373 ELSE 731.4242 + hash('x' || id) % 268 END)::DOUBLE";
const rowsOf = (id: string, colour: string, weight: string): string => `* REPLACE (${id} AS id, ${colour} AS colour), ${weight} AS weight`;
const SOUND = rowsOf("'zq-secret-id-' || id", "'zq-secret-' || colour", WEIGHT);
const UNSOUND = rowsOf(
  "CASE WHEN id LIKE '%33' THEN 'zq-secret-id-twice' ELSE 'zq-secret-id-' || id END", "CASE WHEN id LIKE '%7' THEN 'zq-secret-odd' ELSE 'zq-secret-' || colour END", `CASE WHEN id LIKE '%9' THEN 731.4240 ELSE ${WEIGHT} END`,
);
const specOf = (model: string, data = model): string => smallSpec({
  model, data, sensitive: ['colour', 'weight', 'id'], monitoring: { checkEvery: 'PT2S' }, gates: { comparison: { metric: 'auc' } },
  features: [
    { name: 'size', type: 'number', min: 0, max: 1 }, { name: 'weight', type: 'number', min: 731.4242, max: 999.7373 },
    { name: 'colour', type: 'category', categories: ['zq-secret-blue', 'zq-secret-green', 'zq-secret-red'] },
  ],
  evaluation: { slices: ['colour', 'weight'] }, fairness: { groups: ['colour'], limits: { demographicParityRatio: 0.99 } },
});

let perennial: Installation;
beforeAll(async () => {
  perennial = await Installation.start();
  await writeEvents(perennial.dataDir, MODEL, SOUND);
  await writeEvents(perennial.dataDir, BROKEN, UNSOUND);
}, 240_000);
afterAll(() => perennial?.stop());

const uniform = seededRandom(20_261_123);
const infer = (body: object): Promise<Response> =>
  fetch(`${perennial.instance.gatewayUrl}/v2/models/${MODEL}/infer`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const get = async (path: string): Promise<unknown> => (await perennial.call('GET', path)).body;

/** A day's requests, one value a feature and row. @returns its labels */
async function askADay(day: number, colour: () => string, weight: () => number): Promise<string[]> {
  const labels: string[] = [];
  for (let request = 0; request < REQUESTS; request++) {
    const [id, rows] = [`${day}-${request}`, Array.from({ length: ROWS }, () => ({ size: uniform(), weight: weight(), colour: colour() }))];
    rows.forEach(({ size }, row) => labels.push(`${id}/${row},${size + 0.3 * uniform() > 0.6}`));
    const parameters = { prediction_id: id, entity_key: 'zq-secret-id-7', event_time: new Date(DAY + (24 * day + 2 * request) * HOUR_MS).toISOString() };
    const tensor = (name: 'size' | 'weight' | 'colour', datatype: string) => ({ name, datatype, shape: [ROWS], data: rows.map((one) => one[name]) });
    const answer = await infer({ parameters, inputs: [tensor('size', 'FP64'), tensor('weight', 'FP64'), tensor('colour', 'BYTES')] });
    expect([answer.status, await answer.text()]).toEqual([200, expect.any(String)]);
  }
  return labels;
}

const anyColour = (): string => `zq-secret-${['blue', 'green', 'red'][Math.floor(3 * uniform())]}`;
const anyWeight = (): number => (uniform() < 0.5 ? 731.4242 : 731.4242 + 268 * uniform());

it('data that breaks the spec is told with masked examples, and a line that cannot be read without its words', async () => {
  await perennial.apply(specOf(BROKEN));
  const broken = await perennial.awaitRetrain(BROKEN, await perennial.requestRetrain(BROKEN, { asOf: asOfWeek(8) }));
  expect(broken.failure).toMatchObject({ type: 'DataInvalid' });
  const violations = (broken.failure!.details as { violations: { check: string; examples: Record<string, unknown>[] }[] }).violations;
  expect(new Set(violations.map(({ check }) => check))).toEqual(new Set(['category', 'minimum', 'duplicateKey', 'keyOverlap']));
  expect(violations.find(({ check }) => check === 'category')!.examples[0]).toEqual({ id: '•••', colour: '•••' });
  await writeEvents(perennial.dataDir, LINES, SOUND);
  writeFileSync(join(perennial.dataDir, LINES, 'lines.csv'), `id,asked_at,size,weight,colour,bought\nzq-secret-id-1,2024-01-01T00:00:00Z,0.5,731.4242,"zq-secret-blue,true\nzq-secret-id-2,2024-01-01T00:00:00Z,0.5,731.4242,zq-secret-red,true,more,and more\n`);
  await perennial.apply(specOf(LINES).replace('/*.parquet', '/*.csv\n    format: csv'));
  const unread = await perennial.awaitRetrain(LINES, await perennial.requestRetrain(LINES, { asOf: asOfWeek(8) }));
  expect(unread.failure).toMatchObject({ type: 'DataUnreadable', message: expect.stringContaining('data.sensitive') as string });
});

it('figures go by pseudonyms in evaluations, drift, slices and groups, in faults and in alarms', async () => {
  await perennial.apply(specOf(MODEL));
  const retrain = await perennial.awaitRetrain(MODEL, await perennial.requestRetrain(MODEL, { asOf: asOfWeek(8) }));
  expect(retrain).toMatchObject({ outcome: 'promoted' });
  const { items: [evaluation] } = (await get(`/v1/models/${MODEL}/evaluations`)) as { items: { slices: { column: string; value: string }[] }[] };
  expect(evaluation!.slices.filter(({ column }) => column === 'colour').map(({ value }) => value).sort()).toEqual(['colour:1', 'colour:2', 'colour:3']);
  expect(evaluation!.slices.find(({ column }) => column === 'weight')!.value).toBe('weight:?1');
  const labels = [await askADay(0, anyColour, anyWeight), await askADay(1, () => (uniform() < 0.5 ? 'zq-secret-new' : 'zq-secret-red'), () => 731.4242)];
  const { status, body } = await perennial.call<LabelBatchAnswer>('POST', `/v1/models/${MODEL}/labels`, `prediction_id,label\n${labels.flat().join('\n')}\n0-1/3,perhaps\n`, { 'content-type': 'text/csv' });
  expect([status, body]).toEqual([202, expect.anything()]);
  await askADay(4, anyColour, () => 500);

  const matured = await eventually(async () => windowAssessmentListSchema.parse(await get(`/v1/models/${MODEL}/windows/assessments`)).items.find(({ from, occasion }) => from.startsWith('2024-04-01') && occasion === 'matured'), () => 'the first day to mature');
  const report = windowAssessmentReportSchema.parse(await get(matured.links.report));
  expect(report.quality!.slices.map(({ value }) => value)).toEqual(expect.arrayContaining(['colour:1', 'colour:2', 'colour:3', 'weight:?1']));
  expect(report.fairness!.groupings[0]!.groups.map(({ group }) => group)).toEqual([['colour:1'], ['colour:2'], ['colour:3']]);
  expect(report.fairness!.checks[0]!.explanation).toMatch(/colour:[123]/);
  expect(report.attribution!.features.map(({ name }) => name).sort()).toEqual(['colour', 'size', 'weight']);
  const drift = await eventually(async () => windowDriftListSchema.parse(await get(`/v1/models/${MODEL}/windows/drift`)).items.find(({ from }) => from.startsWith('2024-04-02')), () => 'the inputs of the second day to be compared');
  const { features, faults } = windowDriftReportSchema.parse(await get(drift.links.report));
  const [, weight, colour] = features;
  expect(colour).toMatchObject({ bins: { categories: expect.arrayContaining(['colour:1', 'colour:2', 'colour:3', 'colour:?1']) as string[] }, newCategories: [{ value: 'colour:?1' }], newCategoryCount: 1 });
  expect(weight).toMatchObject({ window: { least: null, greatest: null, mean: 700, median: 700 }, baseline: { least: null } });
  expect(weight!.ks!.statistic).toBeGreaterThan(0.4);
  expect(faults).toMatchObject([{ kind: 'frozen', features: ['weight'], because: expect.stringContaining('which one is not shown') as string }]);
  const closed = await eventually(async () => windowAssessmentListSchema.parse(await get(`/v1/models/${MODEL}/windows/assessments?revisions=all`)).items.find(({ from, occasion }) => from.startsWith('2024-04-02') && occasion === 'closed'), () => 'the second day to close');
  const faulty = windowAssessmentReportSchema.parse(await get(closed.links.report));
  expect(faulty.fairness!.checks).toMatchObject([{ verdict: 'inconclusive', explanation: 'Not judged: the window has an upstream fault.' }]);
  expect(faulty.estimatedHarm).toEqual({ evidence: null, threshold: null, because: 'The window has an upstream fault.' });
  await eventually(async () => ((await get('/v1/alarms?limit=100')) as { items: { kind: string }[] }).items.filter(({ kind }) => ['windowHarmful', 'fairnessBroken', 'upstreamFault'].includes(kind)).length >= 3 || undefined, () => 'alarms of harm, of groups and of a fault upstream');
});

it('a refused prediction quotes nothing of what was sent', async () => {
  const tensors = (weight: unknown, colour: unknown) => [{ name: 'size', datatype: 'FP64', shape: [1], data: [0.5] }, { name: 'weight', datatype: 'FP64', shape: [1], data: [weight] }, { name: 'colour', datatype: 'BYTES', shape: [1], data: [colour] }];
  const refused = [
    await infer({ inputs: tensors('zq-secret-blue', 'zq-secret-blue') }), await infer({ inputs: tensors(731.4242, 731.4242) }), await infer({ inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 3], data: [0.5, 0.1, 731.4242] }] }),
    await fetch(`${perennial.instance.gatewayUrl}/v2/models/${MODEL}/infer`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"inputs": [zq-secret-blue]}' }),
  ];
  for (const answer of refused) {
    const text = await answer.text();
    expect([answer.status, text]).toEqual([400, expect.not.stringMatching(MARKERS)]);
  }
});

const PREDICTION = encodeURIComponent('0-1/3');
const byUser = async (user: string, query: string): Promise<{ status: number; body: DecisionAnswer }> => {
  const keys = JSON.parse(readFileSync(join(perennial.environment.STATE_DIR, 'local-user-keys.json'), 'utf8')) as Record<string, string>;
  const answer = await fetch(`${perennial.instance.apiUrl}/v1/decisions/${PREDICTION}?${query}`, { headers: { authorization: `Bearer ${keys[user]}` } });
  return { status: answer.status, body: (await answer.json()) as DecisionAnswer };
};
const readsOnRecord = async () => perennial.registry.query<{ actor: string; subject: string; columns: string[]; text: string }[]>(
  "SELECT actor, subject, convert_from(details, 'UTF8')::json->'columns' AS columns, t.text FROM audit_entry e JOIN audit_text t ON t.entry_id = e.id WHERE action = 'sensitive.read' ORDER BY e.id");

it('a decision is masked for everybody; who may read its values gives a reason, and is on the record', async () => {
  const decision = await eventually(async () => {
    const { status, body } = await byUser('auditor', '');
    return status === 200 ? decisionSchema.parse(body).decisions[0]! : undefined;
  }, () => 'the prediction');
  expect(decision).toMatchObject({ entityKey: '•••', inputs: { size: expect.any(Number) as number, weight: '•••', colour: '•••' }, masked: ['colour', 'weight', 'id'], label: expect.any(Number) as number });
  const unmasked = `unmasked=true&reason=${encodeURIComponent(WHY)}`;
  expect((await byUser('owner', unmasked)).status).toBe(403);
  expect((await byUser('auditor', 'unmasked=true')).status).toBe(400);
  expect(await readsOnRecord()).toEqual([]);
  const shown = await byUser('validator', unmasked);
  expect(shown.body.decisions[0]).toMatchObject({ entityKey: 'zq-secret-id-7', inputs: { colour: expect.stringMatching(/^zq-secret-/) as string }, masked: [] });
  const { logged } = shown.body.decisions[0]!;
  expect(await readsOnRecord()).toEqual([{ actor: 'validator', subject: `prediction/${logged.gateway}/${logged.boot}/${logged.sequence}/${logged.row}`, columns: ['colour', 'weight', 'id'], text: WHY }]);

  const terminal = new RecordedTerminal();
  expect(await runCli(['decision', '0-1/3'], readEnvironment({ STATE_DIR: perennial.environment.STATE_DIR }), 'main.js', terminal)).toBe(0);
  expect(terminal.stdout).toMatch(/colour=•••[^]*masked +colour, weight, id/);
  expect(terminal.stdout).not.toMatch(MARKERS);
});

/** The spec is where its categories and bounds are read (docs/PRIVACY.md). */
const TELLS_SPEC = new Set(['/v1/models/{model}', '/v1/models/{model}/spec']);

/** Every GET of the API with what the models have. */
async function everyAnswer(): Promise<Map<string, string>> {
  const document = (await (await fetch(`${perennial.instance.apiUrl}/openapi.json`)).json()) as { paths: Record<string, { get?: object }> };
  const { items: [alarm] } = (await get('/v1/alarms?limit=1')) as { items: { id: string }[] };
  const values: Record<string, string[]> = { number: ['1'], version: ['1'], batch: ['1'], deployment: ['default'], from: ['2024-04-01', '2024-04-02'], id: [PREDICTION, alarm!.id] };
  const answers = new Map<string, string>();
  for (const [path] of Object.entries(document.paths).filter(([path, { get: read }]) => read && path.startsWith('/v1/') && !TELLS_SPEC.has(path))) {
    for (const model of [MODEL, BROKEN, LINES]) {
      for (let choice = 0; choice < 2; choice++) {
        const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === 'model' ? model : (values[name]?.[choice] ?? values[name]?.[0] ?? 'x')));
        const answer = await fetch(perennial.instance.apiUrl + filled, { headers: { authorization: `Bearer ${perennial.apiKey}` } });
        answers.set(`${answer.status} ${filled}`, await answer.text());
      }
    }
  }
  return answers;
}

const filesBelow = (folder: string): string[] => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
const leaksOf = (texts: Iterable<readonly [string, string]>): string[] => [...texts].flatMap(([place, text]) => {
  const found = MARKERS.exec(text);
  return found ? [`${place}: …${text.slice(Math.max(0, found.index - 150), found.index + 60)}…`] : [];
});

it('no marker is in any answer or page of the API', async () => {
  const answers = await everyAnswer();
  const read = [...answers.keys()].filter((place) => place.startsWith('200'));
  expect(read.filter((place) => place.endsWith('.html')).length).toBeGreaterThanOrEqual(4);
  expect(read.length).toBeGreaterThan(40);
  expect(leaksOf(answers)).toEqual([]);
});

it('nor in any log', () => {
  const logs = filesBelow(join(perennial.environment.STATE_DIR, 'logs'));
  expect(logs.length).toBeGreaterThanOrEqual(4);
  expect(leaksOf(logs.map((path) => [path, readFileSync(path, 'utf8')] as const))).toEqual([]);
});

/** Texts and bytes of whatever a history holds. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('utf8')];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

it('nor in any history of Temporal', async () => {
  const [histories, types]: [[string, string][], string[]] = [[], []];
  for await (const { workflowId, runId, type } of perennial.temporal.workflow.list()) {
    types.push(type);
    histories.push([`${workflowId} ${runId}`, textsIn(await perennial.temporal.workflow.getHandle(workflowId, runId).fetchHistory()).join('\n')]);
  }
  expect(types).toEqual(expect.arrayContaining(['modelLifecycle', 'retrain', 'monitorWindow', 'ingestion']));
  // What lies in payloads is seen: the faults, without their values.
  expect(histories.filter(([place, text]) => place.startsWith(`retrain/${BROKEN}/`) && text.includes('•••'))).toHaveLength(1);
  expect(leaksOf(histories)).toEqual([]);
});

/** The source of the spec, as it came and as it is kept (docs/PRIVACY.md). */
const SPECS = new Set(['model_spec.source', 'model_spec.canonical', 'command.body']);

it('nor in any row of PostgreSQL but the spec', async () => {
  const columns = await perennial.registry.query<{ place: string; data_type: string }[]>(
    "SELECT table_name || '.' || column_name AS place, data_type FROM information_schema.columns WHERE table_schema = current_schema() AND data_type IN ('text', 'character varying', 'json', 'jsonb', 'bytea', 'ARRAY')");
  expect(columns.length).toBeGreaterThan(100);
  const rows: [string, string][] = [];
  for (const { place, data_type: type } of columns) {
    const [table, column] = place.split('.') as [string, string];
    const text = type === 'bytea' ? `encode("${column}", 'escape')` : `"${column}"::text`;
    for (const { found } of await perennial.registry.query<{ found: string }[]>(`SELECT ${text} AS found FROM "${table}" WHERE ${text} ~ $1`, [MARKERS.source])) rows.push([place, found]);
  }
  expect(new Set(rows.map(([place]) => place).filter((place) => SPECS.has(place)))).toEqual(SPECS);
  expect(leaksOf(rows.filter(([place]) => !SPECS.has(place)))).toEqual([]);
});

it('nor in the artifact store but in rows, and in figures that are computed with', () => {
  const documents = filesBelow(perennial.environment.ARTIFACT_URL).map((path) => [path, readFileSync(path)] as const).filter(([, bytes]) => bytes.subarray(0, 1).toString() === '{');
  const telling = documents.filter(([, bytes]) => MARKERS.test(bytes.toString('utf8'))).map(([, bytes]) => Object.keys(JSON.parse(bytes.toString('utf8')) as object).sort().join());
  const isComputedWith = (keys: string): boolean => ['drifted', 'losses', 'plan'].some((key) => keys.split(',').includes(key));
  expect(telling.filter((keys) => !isComputedWith(keys))).toEqual([]);
  expect(telling.length).toBeGreaterThan(0);
  expect(documents.length).toBeGreaterThan(telling.length + 5);
});
