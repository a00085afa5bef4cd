import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluationListSchema } from '../../src/api/evaluations/evaluations.dto.js';
import { retrainDetailSchema } from '../../src/api/retrains/retrains.dto.js';
import { versionDetailSchema } from '../../src/api/versions/versions.dto.js';
import { FolderStore } from '../../src/artifacts/folder-store.js';
import { isFailureType } from '../../src/contracts/failures.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, EPOCH, smallSpec, writeEvents } from '../small-model.js';

let perennial: Installation;
const rows = [0.9, 0.5, 2];

beforeAll(async () => {
  perennial = await Installation.start();
}, 120_000);

afterAll(() => perennial?.stop());

async function register(model: string, overrides: Partial<Parameters<typeof smallSpec>[0]> = {}): Promise<void> {
  await writeEvents(perennial.dataDir, model);
  await perennial.apply(smallSpec({ model, ...overrides }));
}

async function run(model: string, week: number) {
  const number = await perennial.requestRetrain(model, { asOf: asOfWeek(week) });
  return perennial.awaitRetrain(model, number);
}

async function infer(model: string): Promise<{ status: number; version: string; parameters: Record<string, unknown> }> {
  const response = await fetch(`${perennial.instance.gatewayUrl}/v2/models/${model}/infer`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: [{ name: 'features', shape: [1, 3], datatype: 'FP32', data: rows }] }),
  });
  const body = (await response.json()) as { model_version: string; parameters: Record<string, unknown> };
  return { status: response.status, version: body.model_version, parameters: body.parameters };
}

describe('a retrain', () => {
  it('goes from a request to a model in service, and the record knows every step', async () => {
    await register('shop');
    const retrain = await run('shop', 8);
    expect(retrain).toMatchObject({ outcome: 'promoted', version: 1, promotedEpoch: 1, failure: null, dataReport: { verdict: 'pass', violations: [] } });
    expect(await infer('shop')).toMatchObject({ status: 200, version: '1', parameters: { epoch: 1 } });
    const audit = await perennial.call<{ items: { action: string }[] }>('GET', '/v1/models/shop/audit');
    expect(audit.body.items.map(({ action }) => action)).toEqual([
      'spec.applied', 'retrain.requested', 'snapshot.taken', 'training.finished', 'version.created', 'version.judged', 'champion.changed', 'retrain.promoted',
    ]);
  });

  it('is told as the documentation says, with nothing beyond it', async () => {
    const read = async (path: string): Promise<unknown> => (await perennial.call<unknown>('GET', `/v1/models/shop/${path}`)).body;
    expect(retrainDetailSchema.parse(await read('retrains/1'))).toMatchObject({ number: 1, evaluation: { version: 1 } });
    expect(versionDetailSchema.parse(await read('versions/1'))).toMatchObject({ version: 1, data: { source: { files: [{}] } } });
    const { items } = evaluationListSchema.parse(await read('evaluations'));
    expect(items[0]?.slices.length).toBeGreaterThan(0);
  });

  it('shows operators its outcome, stage and summary in Temporal', async () => {
    const handle = perennial.temporal.workflow.getHandle('retrain/shop/1');
    await handle.result();
    const description = await handle.describe();
    expect(description.status.name).toBe('COMPLETED');
    expect(await description.staticSummary()).toBe('Retrain 1 of shop');
    const attributes = Object.fromEntries(description.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
    expect(attributes).toMatchObject({ PerennialModel: 'shop', PerennialVersion: 1, PerennialStage: 'finished', PerennialOutcome: 'promoted', PerennialTier: 'low', PerennialTrigger: 'request' });
  });

  it('has its history exported before Temporal forgets it', async () => {
    const { historyDigest } = await eventually(async () => {
      await perennial.temporal.schedule.getHandle('reconcile').trigger();
      const retrain = await perennial.retrain('shop', 1);
      return retrain.historyDigest === null ? undefined : retrain;
    }, () => 'the export');
    const history = gunzipSync(await new FolderStore(perennial.environment.ARTIFACT_URL).readBytes(historyDigest as string)).toString('utf8');
    expect(history).toContain('EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED');
  });

  it('trains on what is joined, says which files that was, and judges a successor that joins nothing beside it', async () => {
    const model = 'basket';
    // The ages of half of the events become known a microsecond after them, too late.
    await writeEvents(perennial.dataDir, `${model}/ages`, 'id, asked_at + to_microseconds((hash(id) % 2)::BIGINT) AS known_at, age');
    await writeEvents(perennial.dataDir, model, '* EXCLUDE (age)');
    const joins = [{ name: 'ages', source: { path: `${model}/ages/events.parquet` }, on: ['id'], knownAt: 'known_at', columns: ['age'] }];
    const features = [{ name: 'size', type: 'number', min: 0, max: 1 }, { name: 'colour', type: 'category', categories: ['blue', 'green', 'red'] }];
    await perennial.apply(smallSpec({ model, joins, features: [...features, { name: 'age', type: 'number', min: 0, max: 1, maxMissing: 0.7 }] }));
    expect(await run(model, 8)).toMatchObject({ outcome: 'promoted', version: 1 });
    const { data } = versionDetailSchema.parse((await perennial.call<unknown>('GET', `/v1/models/${model}/versions/1`)).body);
    expect(data.joins).toMatchObject([{ name: 'ages', columns: ['age'], files: [{ name: `${model}/ages/events.parquet`, digest: expect.stringMatching(/^sha256:/) }] }]);
    await perennial.apply(smallSpec({ model, features }));
    expect(await run(model, 10)).toMatchObject({ outcome: 'rejected', version: 2, failure: null, evaluation: { comparison: { metric: 'auc' } } });
    const second = versionDetailSchema.parse((await perennial.call<unknown>('GET', `/v1/models/${model}/versions/2`)).body);
    expect([second.data.source.files.length, second.data.joins.map(({ name }) => name)]).toEqual([1, ['ages of the champion']]);
  });

  it('is judged by the losses of the newest rows and by what it saves, where the spec says so', async () => {
    const gates = { comparison: { metric: 'auc', by: 'recentLoss' } };
    const retraining = { costs: { perLossUnit: 1, training: 1, release: 1_000_000 } };
    await register('recent', { gates, retraining, parameters: { rounds: 1, max_depth: 1 } });
    expect((await run('recent', 8)).evaluation).toMatchObject({ recentGain: null, checks: [{}, { name: 'comparison:recentLoss', verdict: 'pass' }] });
    await perennial.apply(smallSpec({ model: 'recent', gates, retraining, parameters: { rounds: 150, max_depth: 5 } }));
    expect(await run('recent', 10)).toMatchObject({ outcome: 'promoted', version: 2 });
    const { items: [second] } = evaluationListSchema.parse((await perennial.call<unknown>('GET', '/v1/models/recent/evaluations')).body);
    expect(second).toMatchObject({
      comparison: { metric: 'auc' }, recentGain: { loss: 'brier', gain: { value: expect.any(Number) } },
      checks: [{ name: 'rows' }, { name: 'comparison:recentLoss', verdict: 'pass' }, { name: 'worth', verdict: 'pass', explanation: expect.stringContaining('and a request overrides the weighing') }],
    });
    // Two weeks of 600 rows, all of which judge.
    expect(second?.recentGain?.rowsPerDay).toBeCloseTo(600 / 7, 9);
  });

  it('trains the same bytes from the same data', async () => {
    await register('twice');
    const first = await run('twice', 10);
    const second = await run('twice', 10);
    const digests = await perennial.registry.query("SELECT model_digest FROM training_run WHERE model = 'twice' ORDER BY retrain");
    expect(digests[0]).toEqual(digests[1]);
    expect([first.outcome, second.outcome]).toEqual(['promoted', 'rejected']);
  });

  it('happens once for a hundred requests with one idempotency key', async () => {
    await register('hundred');
    const headers = { 'idempotency-key': 'a-hundred-times' };
    const body = { asOf: asOfWeek(8) };
    const answers = await Promise.all(Array.from({ length: 100 }, () => perennial.call('POST', '/v1/models/hundred/retrains', body, headers)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body: answer }) => JSON.stringify(answer))).size).toBe(1);
    await perennial.awaitRetrain('hundred', 1);
    const [{ count }] = await perennial.registry.query("SELECT count(*)::int AS count FROM retrain WHERE model = 'hundred'");
    expect(count).toBe(1);
    const other = await perennial.call('POST', '/v1/models/hundred/retrains', { asOf: asOfWeek(10) }, headers);
    expect(other).toMatchObject({ status: 422, body: { type: expect.stringContaining('IdempotencyKeyReused') } });
  });

  it('is joined by a request that comes while it runs, and refuses one for other data', async () => {
    await register('joined', { parameters: { rounds: 400 } });
    const number = await perennial.requestRetrain('joined', { asOf: asOfWeek(8) });
    const again = await perennial.call('POST', '/v1/models/joined/retrains', { asOf: asOfWeek(8) });
    expect(again).toMatchObject({ status: 202, body: { number, joined: true } });
    const other = await perennial.call('POST', '/v1/models/joined/retrains', { asOf: asOfWeek(10) });
    expect(other).toMatchObject({ status: 409, body: { type: expect.stringContaining('RetrainActive') } });
    await perennial.awaitRetrain('joined', number);
  });
});

describe('a champion that has seen the rows which judge', () => {
  it('is not compared, and stays', async () => {
    await register('ahead');
    expect((await run('ahead', 11)).outcome).toBe('promoted');
    const retrain = await run('ahead', 8);
    expect(retrain).toMatchObject({ promotedEpoch: null, evaluation: { verdict: 'error', comparison: { undefinedBecause: expect.stringContaining('has seen some of those that judge') } } });
  });
});

describe('a retrain whose window also trains, but for blocks held out', () => {
  const week = (number: number): string => new Date(EPOCH + number * 7 * 86_400_000).toISOString();

  it('is told with its blocks, and soon afterwards the next one is compared with it', async () => {
    await register('held', { evaluation: { holdOutEvery: 3 } });
    const first = await run('held', 8);
    expect(first).toMatchObject({ outcome: 'promoted', snapshot: { heldOut: { every: 3, block: 'P1D' } } });
    const { data } = versionDetailSchema.parse((await perennial.call<unknown>('GET', '/v1/models/held/versions/1')).body);
    expect(data).toMatchObject({ heldOut: { every: 3, block: 'P1D' }, train: { window: { end: week(8) } }, evaluation: { window: { start: week(6), end: week(8) } } });
    // Of fourteen days at most five are held out, of about 86 rows each; the others and six weeks train.
    expect(data.evaluation.rows).toBeLessThan(5 * 90);
    expect(data.train.rows + data.evaluation.rows).toBe(8 * 600);
    const second = await run('held', 8.5);
    expect(second).toMatchObject({ failure: null, version: 2, evaluation: { championVersion: 1, comparison: { metric: 'auc', gain: { value: expect.any(Number) } } } });
    expect((await run('held', 7)).evaluation).toMatchObject({ verdict: 'error', comparison: { undefinedBecause: expect.stringContaining('was trained on all rows up to') } });
  });
});

describe('a spec that changed', () => {
  it('still compares with a champion that needs features which the spec no longer names', async () => {
    await register('changed');
    expect((await run('changed', 8)).outcome).toBe('promoted');
    await perennial.apply(smallSpec({ model: 'changed', features: [{ name: 'size', type: 'number', min: 0, max: 1 }] }));
    const retrain = await run('changed', 10);
    expect(retrain).toMatchObject({ outcome: 'rejected', version: 2, evaluation: { championVersion: 1, comparison: { metric: 'auc' } } });
  });
});

describe('a rollback', () => {
  it('goes back to the version before and forward again, and every gateway follows', async () => {
    await register('back', { gates: { comparison: { metric: 'auc' } }, parameters: { rounds: 1, max_depth: 1 } });
    await run('back', 6);
    await perennial.apply(smallSpec({ model: 'back', gates: { comparison: { metric: 'auc' } }, parameters: { rounds: 150, max_depth: 5 } }));
    const better = await run('back', 10);
    expect(better.outcome).toBe('promoted');
    for (const [toVersion, epoch] of [[1, 3], [2, 4]] as const) {
      const { status, body } = await perennial.call('POST', '/v1/models/back/rollbacks', { ...(toVersion === 1 ? {} : { toVersion }), reason: 'to see that it works' });
      expect(status).toBe(202);
      const link = body['status'] as string;
      const done = await eventually(async () => {
        const answer = await perennial.call('GET', link);
        return answer.body['outcome'] === null ? undefined : answer.body;
      }, () => link);
      expect(done).toMatchObject({ outcome: 'done', toVersion, toEpoch: epoch, gatewaysBehind: [] });
      expect(await infer('back')).toMatchObject({ version: String(toVersion), parameters: { epoch } });
    }
    const past = await perennial.call<{ items: { changedAt: string; epoch: number }[] }>('GET', '/v1/models/back/champion/history');
    const first = past.body.items.find(({ epoch }) => epoch === 1);
    const then = await perennial.call('GET', `/v1/models/back/champion?at=${encodeURIComponent(first?.changedAt ?? '')}`);
    expect(then.body).toMatchObject({ version: 1, epoch: 1 });
  });

  it('is refused where there is nothing to go back to', async () => {
    await register('alone');
    await run('alone', 8);
    const { status, body } = await perennial.call('POST', '/v1/models/alone/rollbacks', { reason: 'none' });
    expect({ status, type: body['type'] }).toEqual({ status: 409, type: expect.stringContaining('NoRollbackTarget') });
  });
});

describe('bad input', () => {
  const cases: Record<string, { select?: string; spec?: Partial<Parameters<typeof smallSpec>[0]>; week?: number; type: string; says: RegExp; remove?: boolean; truncate?: boolean }> = {
    'a column that was renamed': { select: '* RENAME (age AS aged)', type: 'DataInvalid', says: /age/ },
    'a window with no rows': { week: 40, type: 'WindowEmpty', says: /row/ },
    'a source that matches no file': { spec: { data: 'nowhere' }, type: 'DataNotFound', says: /nowhere/ },
    'a truncated file': { truncate: true, type: 'DataUnreadable', says: /events\.parquet/ },
    'a category that the spec does not know': { select: "* REPLACE (CASE WHEN colour = 'red' THEN 'crimson' ELSE colour END AS colour)", type: 'DataInvalid', says: /crimson|colour/ },
    'a trainer that exits with 1': { spec: { trainer: 'misbehave', parameters: { behaviour: 'exit-1' } }, type: 'TrainerFailed', says: /the reason on stderr/ },
    'a trainer that writes no model': { spec: { trainer: 'misbehave', parameters: { behaviour: 'no-model' } }, type: 'TrainerOutputInvalid', says: /model\.onnx/ },
    'a trainer that hangs': { spec: { trainer: 'misbehave', parameters: { behaviour: 'hang' }, training: { silence: 'PT1S' } }, type: 'TrainerHung', says: /silen|report/i },
    'a trainer that floods its output': { spec: { trainer: 'misbehave', parameters: { behaviour: 'flood-line' } }, type: 'TrainerOutputInvalid', says: /./ },
    'a trainer that writes a broken ONNX file': { spec: { trainer: 'spoiled', parameters: { rounds: 5, spoil: 'truncate' } }, type: 'ModelRefused', says: /./ },
    'a trainer that writes a pickle': { spec: { trainer: 'spoiled', parameters: { rounds: 5, spoil: 'pickle' } }, type: 'ModelRefused', says: /pickle/ },
    'a model whose inputs differ from the spec': { spec: { trainer: 'spoiled', parameters: { rounds: 5, spoil: 'drop-feature' } }, type: 'ModelRefused', says: /features/ },
    'a model that answers otherwise than its trainer': { spec: { trainer: 'spoiled', parameters: { rounds: 5, spoil: 'parity' } }, type: 'ParityFailed', says: /row/ },
    'parameters that the trainer does not know': { spec: { parameters: { depth: 3 } }, type: 'TrainerRejectedJob', says: /depth/ },
    'a trainer that is not there': { spec: { trainer: 'nobody' }, type: 'TrainerMissing', says: /nobody/ },
  };

  it.each(Object.entries(cases))('%s stops the retrain with its type, and changes nothing', async (name, { select, spec, week = 8, type, says, truncate }) => {
    const model = `bad-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
    const path = await writeEvents(perennial.dataDir, model, select);
    if (truncate) (await import('node:fs')).truncateSync(path, 5_000);
    await perennial.apply(smallSpec({ model, ...spec }));
    const retrain = await run(model, week);
    expect(retrain).toMatchObject({ outcome: 'failed', failure: { type, message: expect.stringMatching(says) }, version: null });
    const handle = perennial.temporal.workflow.getHandle(retrain.workflowId);
    await handle.result().catch(() => undefined);
    expect((await handle.describe()).status.name).toBe('FAILED');
    const champion = await perennial.call('GET', `/v1/models/${model}/champion`);
    expect(champion.body['version'] ?? null).toBeNull();
  });

  it('an unknown model and a spec with faults are named', async () => {
    expect(await perennial.call('POST', '/v1/models/nobody/retrains', {})).toMatchObject({ status: 404, body: { type: expect.stringContaining('ModelNotFound') } });
    const { status, body } = await perennial.call('POST', '/v1/models', 'apiVersion: perennial/v1\nmodel: Bad Name\n');
    expect(status).toBe(422);
    expect((body['faults'] as { path: string }[]).map(({ path }) => path)).toEqual(expect.arrayContaining(['model', 'purpose', 'data']));
  });
});

describe('operators', () => {
  it('who terminate a retrain in the UI leave a typed outcome', async () => {
    await register('stopped', { parameters: { rounds: 20_000 } });
    const number = await perennial.requestRetrain('stopped', { asOf: asOfWeek(8) });
    await perennial.awaitRetrain('stopped', number, ({ training }) => (training?.progress?.done ?? 0) > 0);
    await perennial.temporal.workflow.getHandle(`retrain/stopped/${number}`).terminate('an operator said so');
    expect(await perennial.awaitRetrain('stopped', number)).toMatchObject({ outcome: 'terminated', failure: { type: 'WorkflowTerminated' } });
    await noTrainerLeft('stopped');
  });

  it('who cancel a retrain end its trainer', async () => {
    await register('cancelled', { parameters: { rounds: 20_000 } });
    const number = await perennial.requestRetrain('cancelled', { asOf: asOfWeek(8) });
    await perennial.awaitRetrain('cancelled', number, ({ training }) => (training?.progress?.done ?? 0) > 0);
    await perennial.temporal.workflow.getHandle(`retrain/cancelled/${number}`).cancel();
    expect(await perennial.awaitRetrain('cancelled', number)).toMatchObject({ outcome: 'cancelled', failure: { type: 'WorkflowCancelled' } });
    await noTrainerLeft('cancelled');
  });
});

describe('the update of a model', () => {
  it('refuses an id without an accepted command, and records the attempt', async () => {
    const handle = perennial.temporal.workflow.getHandle('model/shop');
    const error = await handle.executeUpdate('command', { args: ['00000000-0000-4000-8000-000000000000'] }).catch((caught: Error & { cause?: { type?: string } }) => caught);
    expect(JSON.stringify(error, errorFields)).toContain('CommandUnknown');
    const rows = await perennial.registry.query("SELECT action FROM audit_entry WHERE action = 'command.unknown'");
    expect(rows.length).toBeGreaterThan(0);
  });

  it('leaves every failure on the record with a documented type', async () => {
    const types: { type: string }[] = await perennial.registry.query("SELECT DISTINCT failure->>'type' AS type FROM retrain WHERE failure IS NOT NULL");
    expect(types.filter(({ type }) => !isFailureType(type))).toEqual([]);
  });
});

function errorFields(_key: string, value: unknown): unknown {
  return value instanceof Error ? { message: value.message, type: (value as { type?: string }).type, cause: value.cause } : value;
}

/** No process works in the scratch folder of the model's trainings. */
async function noTrainerLeft(model: string): Promise<void> {
  const { readdirSync, readFileSync } = await import('node:fs');
  await eventually(async () => {
    const left = readdirSync('/proc').filter((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`/train-${model}-`);
      } catch {
        return false;
      }
    });
    return left.length === 0 ? true : undefined;
  }, () => `the trainer of ${model} to end`);
}
