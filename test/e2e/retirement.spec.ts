import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApprovalAnswer } from '../../src/api/approvals/approvals.dto.js';
import type { HoldAnswer, RetirementAnswer } from '../../src/api/retirement/retirement.dto.js';
import { FolderStore } from '../../src/artifacts/folder-store.js';
import { unpackTar } from '../../src/artifacts/tar-file.js';
import { sha256 } from '../../src/contracts/canonical.js';
import { monitorScheduleId, RECONCILE_SCHEDULE_ID, retirementWorkflowId } from '../../src/contracts/motion.js';
import { makeApiKeys } from '../../src/registry/migrate.js';
import { type Answer, eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, smallUseCase, writeEvents } from '../small-model.js';

const PROGRAM = join(import.meta.dirname, '../../dist/src/main.js');
const CONSUMERS = [{ name: 'call centre', contact: 'desk@example.org' }, { name: 'mobile app', contact: 'app@example.org' }];
/** Each class is due at once, but for reports. */
const SHORT = { retirement: { confirmWithin: 'PT5S', remindEvery: 'PT2S', grace: 'PT3S' }, retention: { predictions: 'PT0S', labels: 'PT0S', snapshots: 'PT0S', artifacts: 'PT0S', reports: 'P36500D' } };

let perennial: Installation;
const keys = new Map<string, string>();
const as = (person: string): Record<string, string> => ({ authorization: `Bearer ${keys.get(person)}` });
const RETIRE = { trigger: 'unused', reason: 'nobody asks it' };

beforeAll(async () => {
  perennial = await Installation.start({ OBSERVATION_SEAL_MS: '300' });
  await writeEvents(perennial.dataDir, 'events');
  const people = [['ben', 'approver'], ['vera', 'validator'], ['olaf', 'operator']] as const;
  const made = await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, people.map(([name, role]) => ({ name, roles: [role] })));
  people.forEach(([name], index) => keys.set(name, made[index]!));
}, 240_000);

afterAll(() => perennial?.stop());

interface Wanted extends Partial<Parameters<typeof smallSpec>[0]> {
  readonly model: string;
  readonly consumers?: readonly { readonly name: string; readonly contact: string }[];
}

/** A model that answers. */
async function inService({ model, consumers = [], tier = 'low', ...more }: Wanted): Promise<void> {
  const useCase = { ...(smallUseCase() as object), consumers };
  await perennial.apply(smallSpec({ model, data: 'events', parameters: { rounds: 5, max_depth: 2 }, tier, ...(consumers.length > 0 && { useCase }), ...SHORT, ...more }));
  if (consumers.length > 0) expect((await vote(model, 'approve')).body).toMatchObject({ outcome: 'approved' });
  expect((await perennial.awaitCandidate(model, await perennial.requestRetrain(model, { asOf: asOfWeek(8) }), keys.get('vera'))).outcome).toBe('promoted');
  await eventually(async () => ((await infer(model)).status === 200 ? true : undefined), () => `${model} to answer`);
}

async function infer(model: string, version = ''): Promise<{ status: number; body: Record<string, any> }> {
  const response = await fetch(`${perennial.instance.gatewayUrl}/v2/models/${model}${version}/infer`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ inputs: [{ name: 'features', shape: [1, 3], datatype: 'FP32', data: [0.1, 0.2, 0] }] }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, any> };
}

const path = (model: string): string => `/v1/models/${model}/retirement`;
const standing = async (model: string): Promise<RetirementAnswer> => (await perennial.call<RetirementAnswer>('GET', path(model))).body;
const workflow = (model: string) => perennial.temporal.workflow.getHandle(retirementWorkflowId(model));
const took = (model: string, step: string): Promise<RetirementAnswer> =>
  eventually(async () => { const found = await standing(model); return found.steps.some((one) => one.step === step) ? found : undefined; }, () => `${model}: ${step}`);

async function vote(model: string, choice: string): Promise<Answer> {
  const { items: [newest] } = (await perennial.call<{ items: ApprovalAnswer[] }>('GET', `/v1/models/${model}/approvals`)).body;
  return perennial.call('POST', `/v1/models/${model}/approvals/${newest!.number}/votes`, { choice, digest: newest!.digest, reason: 'weighed' }, as('ben'));
}

const refusals = async (model: string): Promise<unknown[]> => Promise.all([
  perennial.call('POST', `/v1/models/${model}/retrains`, { asOf: asOfWeek(9) }), perennial.call('POST', `/v1/models/${model}/releases`, { version: 1, reason: 'x' }),
  perennial.call('POST', `/v1/models/${model}/rollbacks`, { reason: 'x' }), perennial.call('POST', `/v1/models/${model}/replays`, { version: 1, from: '2024-01-01', until: '2024-01-02', reason: 'x' }),
  perennial.call('POST', '/v1/models', smallSpec({ model, data: 'events', purpose: 'Shows that a model that retires takes no other spec.' })), perennial.call('POST', path(model), RETIRE),
].map(async (answer) => (await answer).body['type']));
const RETIRING = Array.from({ length: 6 }, () => 'urn:perennial:ModelRetiring');

describe('the whole life of a retirement', () => {
  let certificate: Record<string, any>;

  it('begins with an approval; meanwhile nothing new begins, and the model answers', async () => {
    await inService({ model: 'successor' });
    await inService({ model: 'leaving', tier: 'medium', consumers: CONSUMERS });
    const asked = await perennial.call('POST', path('leaving'), { trigger: 'replaced', replacement: 'successor', reason: 'successor is better' });
    expect(asked.body).toMatchObject({ number: 1, approval: { outcome: null }, workflowId: 'model/leaving/retirement' });
    expect(await refusals('leaving')).toEqual(RETIRING);
    expect((await infer('leaving')).status).toBe(200);
    expect((await perennial.call('GET', '/v1/models/leaving')).body).toMatchObject({ retirement: 'requested' });
    expect((await perennial.call('POST', `${path('leaving')}/confirmations`, { consumer: 'mobile app', said: 'yes' })).body).toMatchObject({ status: 409, type: 'urn:perennial:RetirementConflict' });
  });

  it('tells consumers when it is approved, marks its answers, and waits for each', async () => {
    expect((await vote('leaving', 'approve')).body).toMatchObject({ outcome: 'approved' });
    await took('leaving', 'told');
    expect((await perennial.call('POST', `${path('leaving')}/withdrawal`, { reason: 'too late' })).body).toMatchObject({ type: 'urn:perennial:RetirementConflict' });
    await eventually(async () => ((await infer('leaving')).body['parameters']?.['deprecated'] === true ? true : undefined), () => 'answers to say that the model is deprecated');
    expect((await infer('leaving')).body['parameters']).toMatchObject({ deprecated: true, replacement: 'successor' });
    expect(await standing('leaving')).toMatchObject({ state: 'deprecated' });
    expect((await perennial.call('GET', '/v1/models/leaving')).body).toMatchObject({ retirement: 'deprecated' });
    const notices = async () => perennial.registry.query<{ details: { consumer: string } }[]>("SELECT details FROM alarm WHERE kind = 'retirementNotice' AND model = 'leaving'");
    await eventually(async () => (new Set((await notices()).map(({ details }) => details.consumer)).size === CONSUMERS.length ? true : undefined), () => 'both consumers to be told');
    await eventually(async () => ((await notices()).length > 2 ? true : undefined), () => 'consumers to be told again');
    expect((await perennial.call('POST', `${path('leaving')}/confirmations`, { consumer: 'nobody', said: 'yes' })).body).toMatchObject({ detail: expect.stringContaining('call centre, mobile app') as string });
    expect((await perennial.call('POST', `${path('leaving')}/confirmations`, { consumer: 'mobile app', said: 'moved on Monday' }, as('olaf'))).body).toMatchObject({ missing: ['call centre'] });
    await eventually(async () => ((await perennial.call('POST', `${path('leaving')}/waivers`, { waives: 'confirmations', reason: 'it was closed' })).status === 200 ? true : undefined), () => 'the time of the consumers to be over');
    expect((await took('leaving', 'confirmed')).consumers).toMatchObject([{ name: 'call centre', confirmedAt: null }, { name: 'mobile app', said: 'moved on Monday', recordedBy: 'olaf' }]);
  });

  it('answers 410 once they have moved, whoever still asks, with the one to ask instead', async () => {
    const { steps } = await took('leaving', 'drained');
    expect(steps.map(({ step }) => step).slice(0, 6)).toEqual(['approved', 'told', 'waived', 'confirmed', 'stopped', 'drained']);
    for (const version of ['', '/versions/1', '/versions/9']) {
      expect(await infer('leaving', version)).toEqual({ status: 410, body: { error: 'leaving was retired and answers no more; ask successor instead', type: 'ModelRetired', replacement: 'successor' } });
    }
    for (const route of ['', '/ready', '/versions/1', '/versions/1/ready']) expect((await fetch(`${perennial.instance.gatewayUrl}/v2/models/leaving${route}`)).status, route).toBe(410);
    expect((await infer('successor')).status).toBe(200);
    expect(await refusals('leaving')).toEqual(RETIRING);
    expect((await perennial.call('POST', '/v1/models/leaving/labels', { labels: [{ prediction_id: 'x', label: 1 }] })).body).toMatchObject({ type: 'urn:perennial:ModelRetiring' });
    expect((await perennial.call<{ items: { model: string; retirement: string | null }[] }>('GET', '/v1/models')).body.items.map(({ model, retirement }) => [model, retirement])).toEqual([['leaving', 'retired'], ['successor', null]]);
  });

  it('is archived, restored in a drill, and certified', async () => {
    await took('leaving', 'drilled');
    certificate = await eventually(async () => { const { status, body } = await perennial.call(`GET`, `${path('leaving')}/certificate`); return status === 200 ? body : undefined; }, () => 'the certificate');
    expect(certificate).toMatchObject({
      format: 'perennial-retirement/1', model: 'leaving', approval: { outcome: 'approved', votes: [{ actor: 'ben', choice: 'approve' }] }, replacement: 'successor', drill: { verdict: 'pass', unscored: [] }, lastTrafficAt: expect.any(String) as string,
      consumers: [{ name: 'call centre', confirmedAt: null }, { name: 'mobile app' }], archive: { missing: [] },
    });
    expect(certificate['drill'].scored).toMatchObject([{ version: 1 }]);
    expect(certificate['waivedBy']).not.toBeNull();
    const folder = mkdtempSync(join(tmpdir(), 'perennial-archive-'));
    try {
      const names = await unpackTar(await new FolderStore(perennial.environment.ARTIFACT_URL).localPath(certificate['archive'].digest as string), join(folder, 'a'));
      expect(names).toEqual(expect.arrayContaining(['manifest.json', 'record/model.jsonl', 'record/model_version.jsonl', 'record/retirement_step.jsonl', 'audit/entries.jsonl']));
      const version = JSON.parse(await readFile(join(folder, 'a/record/model_version.jsonl'), 'utf8')) as { artifact_digest: string };
      expect(sha256(await readFile(join(folder, 'a/artifacts', version.artifact_digest.slice(7))))).toBe(version.artifact_digest);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('deletes what is due and what nothing else names, on record, and says so in its certificate', async () => {
    await took('leaving', 'deleted/artifacts');
    const found = await eventually(async () => { const { body } = await perennial.call<Record<string, any>>('GET', `${path('leaving')}/certificate`); return body['evidence'].filter(({ gone }: { gone: boolean }) => gone).length === 4 ? body : undefined; }, () => 'the last certificate');
    const line = (evidence: string) => found['evidence'].find((one: { evidence: string }) => one.evidence === evidence);
    const store = new FolderStore(perennial.environment.ARTIFACT_URL);
    for (const evidence of ['predictions', 'artifacts']) {
      expect(line(evidence).deleted.length, evidence).toBeGreaterThan(0);
      for (const digest of line(evidence).deleted) await expect(store.localPath(digest as string)).rejects.toMatchObject({ type: 'ArtifactMissing' });
    }
    // Both models learnt from the same rows, which are the same files.
    expect(line('snapshots')).toMatchObject({ deleted: [], gone: true });
    expect(line('snapshots').kept.length).toBeGreaterThan(0);
    for (const { digest, reason } of line('snapshots').kept) {
      expect(reason).toBe('Something else on record names the same bytes.');
      await store.localPath(digest as string);
    }
    expect(line('reports')).toMatchObject({ gone: false, deleted: [] });
    await store.localPath(found['archive'].digest as string);
    const page = await (await fetch(`${perennial.instance.apiUrl}${path('leaving')}/certificate.html`, { headers: { authorization: `Bearer ${perennial.apiKey}` } })).text();
    expect(page).toContain('Certificate of retirement');
    const entries = await perennial.registry.query<{ action: string; details: Buffer }[]>("SELECT action, details FROM audit_entry WHERE model = 'leaving' ORDER BY id");
    expect(entries.map(({ action }) => action)).toEqual(expect.arrayContaining([
      'retirement.requested', 'approval.opened', 'retirement.approved', 'retirement.told', 'retirement.consumerConfirmed', 'retirement.waived', 'retirement.confirmed', 'retirement.drained', 'retirement.stopped', 'retirement.archived', 'retirement.drilled',
      'retirement.certified', 'retirement.deleted/predictions',
    ]));
    const { certificate: newest } = await standing('leaving');
    expect(JSON.parse(entries.findLast(({ action }) => action === 'retirement.certified')!.details.toString('utf8'))).toMatchObject({ edition: newest!.edition, json: newest!.json, html: newest!.html });
    expect(sha256(page)).toBe(newest!.html);
  });

  it('ends its monitoring, and still answers 410 from a gateway that starts anew', async () => {
    await eventually(() => perennial.temporal.schedule.getHandle(monitorScheduleId('leaving', 'default')).describe().then(() => undefined, () => true), () => 'the Schedule to be gone');
    const gateways = async () => perennial.registry.query<{ boot: string }[]>('SELECT boot FROM gateway_lease');
    const [before] = await gateways();
    process.kill(perennial.instance.roles.gateway.pid as number, 'SIGKILL');
    await eventually(async () => ((await gateways())[0]?.boot === before?.boot ? undefined : true), () => 'a new gateway');
    await eventually(async () => ((await infer('leaving').catch(() => ({ status: 0 }))).status === 410 ? true : undefined), () => '410 from the new gateway');
    await eventually(async () => ((await infer('successor')).status === 200 ? true : undefined), () => 'the other model to answer');
  });
});

it('can be followed and helped on from a terminal', async () => {
  const cli = (words: readonly string[], person?: string) => promisify(execFile)(process.execPath, [PROGRAM, ...words, '--json'], {
    env: { ...process.env, API_URL: perennial.instance.apiUrl, PERENNIAL_API_KEY: person ? keys.get(person) : perennial.apiKey },
  }).then(({ stdout }) => JSON.parse(stdout) as Record<string, any>);
  expect(await cli(['retirement', 'show', 'leaving'])).toMatchObject({ model: 'leaving', state: 'retired' });
  expect(await cli(['retirement', 'certificate', 'leaving'])).toMatchObject({ format: 'perennial-retirement/1' });
  expect(await cli(['legal-hold', 'set', 'successor', '--reason', 'a case'], 'vera')).toMatchObject({ hold: 1 });
  expect(await cli(['legal-hold', 'lift', 'successor', '1', '--reason', 'closed'], 'vera')).toMatchObject({ hold: 1 });
  expect(await cli(['legal-hold', 'list', 'successor'])).toMatchObject({ items: [{ number: 1, lifted: { by: 'vera' } }] });
  await inService({ model: 'typed', tier: 'medium' });
  expect(await cli(['retire', 'typed', '--trigger', 'replaced', '--replacement', 'successor', '--reason', 'it is better'])).toMatchObject({ number: 1, approval: { outcome: null } });
  await expect(cli(['retirement', 'waive', 'typed', 'drain', '--reason', 'now'])).rejects.toMatchObject({ stdout: expect.stringContaining('RetirementConflict') as string });
  await expect(cli(['retirement', 'confirm', 'typed', 'nobody', '--said', 'yes'])).rejects.toMatchObject({ stdout: expect.stringContaining('has no consumer') as string });
  expect(await cli(['retirement', 'withdraw', 'typed', '--reason', 'not yet'])).toMatchObject({ number: 1 });
});

it('can be withdrawn until it is approved: everything goes on, and it can be asked for again', async () => {
  await inService({ model: 'wavering', tier: 'medium' });
  await perennial.call('POST', path('wavering'), RETIRE);
  expect((await perennial.call('POST', `${path('wavering')}/withdrawal`, { reason: 'it is needed' })).body).toMatchObject({ number: 1 });
  expect(await standing('wavering')).toMatchObject({ state: 'withdrawn' });
  expect((await vote('wavering', 'approve')).body).toMatchObject({ type: 'urn:perennial:ApprovalNotOpen' });
  expect(await workflow('wavering').result()).toEqual({ number: 1, outcome: 'withdrawn' });
  expect((await perennial.awaitCandidate('wavering', await perennial.requestRetrain('wavering', { asOf: asOfWeek(9) }))).outcome).not.toBe('failed');
  expect((await perennial.call('POST', path('wavering'), RETIRE)).body).toMatchObject({ number: 2 });
  expect((await vote('wavering', 'reject')).body).toMatchObject({ outcome: 'rejected' });
  await took('wavering', 'rejected');
  expect((await perennial.call('GET', '/v1/models/wavering')).body).toMatchObject({ retirement: null });
  expect((await infer('wavering')).status).toBe(200);
});

it('stops with its approval where it does harm, and cancels the retrain that runs', async () => {
  await inService({ model: 'harmful' });
  await perennial.apply(smallSpec({ model: 'harmful', data: 'events', parameters: { rounds: 20_000 } }));
  const number = await perennial.requestRetrain('harmful', { asOf: asOfWeek(9) });
  await perennial.awaitRetrain('harmful', number, ({ training }) => (training?.progress?.done ?? 0) > 0);
  expect((await perennial.call('POST', path('harmful'), { trigger: 'harmful', reason: 'it misleads' })).body).toMatchObject({ approval: { outcome: 'approved' } });
  await eventually(async () => ((await infer('harmful')).status === 410 ? true : undefined), () => 'the gateway to stop');
  expect(await infer('harmful')).toMatchObject({ body: { error: 'harmful was retired and answers no more; nothing took its place', replacement: null } });
  expect((await perennial.awaitRetrain('harmful', number)).outcome).toBe('cancelled');
  expect((await took('harmful', 'confirmed')).steps.map(({ step }) => step).slice(0, 4)).toEqual(['approved', 'stopped', 'drained', 'confirmed']);
});

it('deletes nothing under a legal hold, and goes on when its workflow was ended and when the hold is lifted', async () => {
  // Rows of its own, which no other model has.
  await writeEvents(perennial.dataDir, 'own', '* REPLACE (size * 0.5 AS size)');
  // Whoever asks it goes on doing so.
  await inService({ model: 'held', data: 'own', retirement: { quiet: 'PT1H', grace: 'PT1S' } });
  expect((await perennial.call('POST', '/v1/models/held/legal-holds', { reason: 'a case' })).body).toMatchObject({ status: 403, permission: 'legalHold.set' });
  expect((await perennial.call('POST', '/v1/models/held/legal-holds', { reason: 'a case' }, as('vera'))).body).toMatchObject({ hold: 1 });
  await perennial.call('POST', path('held'), RETIRE);
  await took('held', 'confirmed');
  expect((await infer('held')).status).toBe(200);
  await workflow('held').terminate('by mistake');
  await perennial.temporal.schedule.getHandle(RECONCILE_SCHEDULE_ID).trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  await eventually(async () => ((await workflow('held').describe()).status.name === 'RUNNING' ? true : undefined), () => 'the workflow to be started again');
  expect((await perennial.call('POST', `${path('held')}/waivers`, { waives: 'drain', reason: 'at once' })).status).toBe(200);
  await took('held', 'drained');
  expect((await infer('held')).status).toBe(410);
  await took('held', 'drilled');
  const held = await eventually(async () => { const found = await standing('held'); return found.certificate ? found : undefined; }, () => 'the certificate');
  expect(held).toMatchObject({ state: 'retired', heldBy: [1] });
  expect((await perennial.call('POST', '/v1/models/held/legal-holds/7/lift', { reason: 'x' }, as('vera'))).body).toMatchObject({ type: 'urn:perennial:LegalHoldLifted' });
  await eventually(async () => ((await workflow('held').describe()).raw.pendingActivities?.length === 0 ? true : undefined), () => 'the workflow to wait');
  expect((await perennial.call('POST', '/v1/models/held/legal-holds/1/lift', { reason: 'closed' }, as('vera'))).body).toMatchObject({ hold: 1 });
  const freed = await took('held', 'deleted/artifacts');
  expect(freed.evidence.find((line) => line.class === 'snapshots')).toMatchObject({ gone: true, kept: 0 });
  expect(freed.evidence.find((line) => line.class === 'snapshots')!.deleted).toBeGreaterThan(0);
  const { items: [hold] } = (await perennial.call<{ items: HoldAnswer[] }>('GET', '/v1/models/held/legal-holds')).body;
  expect(hold).toMatchObject({ number: 1, setBy: 'vera', lifted: { by: 'vera', reason: 'closed' } });
  const deleted = await perennial.registry.query<{ at: Date }[]>("SELECT at FROM retirement_deletion WHERE model = 'held'");
  expect(deleted.length).toBeGreaterThan(0);
  expect(deleted.filter(({ at }) => at.toISOString() < hold!.lifted!.at)).toEqual([]);
});
