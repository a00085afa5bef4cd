import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReleaseDetail } from '../../src/api/releases/releases.dto.js';
import { type ReplayDetail, replayDetailSchema } from '../../src/api/replays/replays.dto.js';
import { sha256 } from '../../src/contracts/canonical.js';
import { replayWorkflowId } from '../../src/contracts/motion.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

const MODEL = 'shop';
const HOUR_MS = 3_600_000;
const START = Date.parse('2024-04-01T00:00:00.000Z');
const ROWS = 100;
/** Labels take a day. */
const LABELLED_HOURS = 24;
const HOURS = 56;
const LEAST_BLOCKS = 9;
const WEAK = { gates: { comparison: { metric: 'auc' } }, parameters: { rounds: 1, max_depth: 1 } };
const STRONG = { gates: { comparison: { metric: 'auc' } }, parameters: { rounds: 150, max_depth: 5 } };
/** Stays in its shadow. */
const ROLLOUT = { checkEvery: 'PT1S', comparison: { minimumSamples: 400, block: 'PT2H' }, guards: { maximumOutputShift: 1, slowAfterMs: 10_000 } };
const WITHIN = 1e-9;

let perennial: Installation;
beforeAll(async () => {
  perennial = await Installation.start({ OBSERVATION_SEAL_MS: '300' });
}, 120_000);
afterAll(() => perennial?.stop());

const at = (hour: number): string => new Date(START + hour * HOUR_MS).toISOString();
const fraction = (row: number, salt: number): number => (Math.imul(row * 2 + salt, 0x9e3779b1) >>> 0) / 2 ** 32;
const event = (hour: number, row: number) => {
  const place = hour * ROWS + row;
  return { size: fraction(place, 1), age: row % 11 === 0 ? null : fraction(place, 2_000_003), colour: ['blue', 'green', 'red', 'mauve'][place % 4] as string, noise: fraction(place, 4_000_037) };
};

/** An hour's predictions: a column of text too, with a colour that the spec does not know. */
async function ask(hour: number): Promise<void> {
  const rows = Array.from({ length: ROWS }, (_, row) => event(hour, row));
  const response = await fetch(`${perennial.instance.gatewayUrl}/v2/models/${MODEL}/infer`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      parameters: { prediction_id: `h-${hour}`, entity_key: `customer-${hour % 7}`, event_time: at(hour) },
      inputs: [
        { name: 'size', shape: [ROWS], datatype: 'FP64', data: rows.map(({ size }) => size) },
        { name: 'age', shape: [ROWS], datatype: 'FP64', data: rows.map(({ age }) => age) },
        { name: 'colour', shape: [ROWS], datatype: 'BYTES', data: rows.map(({ colour }) => colour) },
      ],
    }),
  });
  if (response.status !== 200) throw new Error(`infer answered ${response.status}: ${await response.text()}`);
}

/** What came true, but for every thirteenth. */
async function label(hours: number): Promise<void> {
  const lines = Array.from({ length: hours * ROWS }, (_, place) => place).filter((place) => place % 13 !== 0).map((place) => {
    const [hour, row] = [Math.floor(place / ROWS), place % ROWS];
    const { size, age, colour, noise } = event(hour, row);
    return `h-${hour}/${row},${size + 0.3 * (age ?? 0) + (colour === 'red' ? 0.3 : 0) + noise * 0.4 > 0.95 ? 1 : 0}`;
  });
  const { status, body } = await perennial.call('POST', `/v1/models/${MODEL}/labels`, `prediction_id,label\n${lines.join('\n')}\n`, { 'content-type': 'text/csv' });
  expect(status).toBe(202);
  await eventually(async () => ((await perennial.call('GET', body['status'] as string)).body['ingestedAt'] ? true : undefined), () => 'the labels');
}

const release = async (): Promise<ReleaseDetail> => (await perennial.call<ReleaseDetail & Record<string, unknown>>('GET', `/v1/models/${MODEL}/releases/1`)).body;
const mirroredBlocks = ({ analyses }: ReleaseDetail, kind: 'labelled' | 'unlabelled') => analyses.find((one) => one.phase === 'rollout' && one.kind === kind && one.revises === null)?.blocks ?? [];
/** The blocks of the mirrored comparison that have labels; it begins with the first row but for strays. */
let period = { from: at(0), until: at(LABELLED_HOURS), blocks: 0, hours: LABELLED_HOURS };
const request = (changes: Record<string, unknown> = {}) => ({ version: 2, from: period.from, until: period.until, reason: 'would it have been better?', ...changes });
const askFor = (body: Record<string, unknown>, key: string = randomUUID()) => perennial.call('POST', `/v1/models/${MODEL}/replays`, body, { 'idempotency-key': key });
const replayOf = async (number: number): Promise<ReplayDetail> => (await perennial.call<ReplayDetail & Record<string, unknown>>('GET', `/v1/models/${MODEL}/replays/${number}`)).body;
const ended = (number: number): Promise<ReplayDetail> =>
  eventually(async () => {
    const now = await replayOf(number);
    return now.outcome === null ? undefined : now;
  }, () => `replay ${number}`);
const service = () => perennial.registry.query('SELECT champion, epoch, revision, challengers, weights FROM routing WHERE model = $1', [MODEL]);

/** Numbers of one standing beside those of another. */
function expectSame(one: Record<string, unknown>, other: Record<string, unknown>): void {
  expect(Object.keys(one).sort()).toEqual(Object.keys(other).sort());
  for (const [name, value] of Object.entries(one)) {
    const against = other[name];
    if (typeof value === 'number') expect(Math.abs(value - (against as number)), name).toBeLessThanOrEqual(WITHIN);
    else if (value !== null && typeof value === 'object') expectSame(value as Record<string, unknown>, against as Record<string, unknown>);
    else expect(against, name).toEqual(value);
  }
}

describe('a replay of what a shadow has mirrored', () => {
  let number: number;
  let shadow: ReleaseDetail;

  it('gives the figures of the mirrored comparison, block by block', async () => {
    await writeEvents(perennial.dataDir, MODEL);
    const spec = { model: MODEL, rollout: ROLLOUT };
    await perennial.apply(smallSpec({ ...spec, ...WEAK }));
    expect(await perennial.awaitRetrain(MODEL, await perennial.requestRetrain(MODEL, { asOf: asOfWeek(6) }))).toMatchObject({ failure: null, outcome: 'promoted' });
    await perennial.apply(smallSpec({ ...spec, ...STRONG }));
    expect(await perennial.awaitRetrain(MODEL, await perennial.requestRetrain(MODEL, { asOf: asOfWeek(10) }))).toMatchObject({ outcome: 'releasing', version: 2 });
    await eventually(async () => ((await release()).stage === 'shadow' ? true : undefined), () => 'the shadow');
    await eventually(async () => {
      const metrics = await (await fetch(`${perennial.instance.gatewayUrl}/metrics`)).text();
      return /perennial_gateway_challenger_ready\{[^}]*version="2"[^}]*\} 1/.test(metrics) ? true : undefined;
    }, () => 'the challenger');
    for (let hour = 0; hour < LABELLED_HOURS; hour++) await ask(hour);
    await eventually(async () => ((await perennial.registry.query("SELECT coalesce(sum(rows), 0)::int AS rows FROM observation_file WHERE kind = 'mirror'"))[0].rows === LABELLED_HOURS * ROWS ? true : undefined), () => 'the mirrored rows');
    await label(LABELLED_HOURS);
    for (let hour = LABELLED_HOURS; hour < HOURS; hour++) await ask(hour);
    shadow = await eventually(async () => {
      const now = await release();
      return Date.parse(mirroredBlocks(now, 'labelled').at(-1)?.until ?? at(0)) >= Date.parse(at(LABELLED_HOURS - 1)) ? now : undefined;
    }, () => 'the blocks with labels');
    const labelled = mirroredBlocks(shadow, 'labelled').filter(({ until }) => until <= at(LABELLED_HOURS));
    const [from, until] = [labelled[0]!.from, labelled.at(-1)!.until];
    period = { from, until, blocks: labelled.length, hours: (Date.parse(until) - Date.parse(from)) / HOUR_MS };
    expect(period.blocks).toBeGreaterThanOrEqual(LEAST_BLOCKS);
    const before = await service();

    const started = await askFor(request());
    expect(started).toMatchObject({ status: 202, body: { number: 1, version: 2, promotes: false, seenInTraining: null } });
    number = started.body['number'] as number;
    const replay = replayDetailSchema.parse(await ended(number));
    expect(replay).toMatchObject({ outcome: 'better', promotes: false, seenInTraining: null, rows: { observed: period.hours * ROWS, pairs: period.hours * ROWS } });
    expect(replay.blocks.map(({ champions }) => champions)).toEqual(labelled.map(() => ({ 1: 2 * ROWS })));

    expect(Math.min(...labelled.map(({ samples }) => samples))).toBeGreaterThan(180);
    expect(replay.blocks.map(({ from, until, samples, missingLabels }) => ({ from, until, samples, missingLabels })))
      .toEqual(labelled.map(({ from, until, samples, missingLabels }) => ({ from, until, samples, missingLabels })));
    replay.blocks.forEach((block, index) => {
      expectSame(block.labelled as Record<string, unknown>, labelled[index]!.standing);
      const { slow: _replayed, ...before } = block.unlabelled;
      const { slow: _mirrored, ...mirrored } = mirroredBlocks(shadow, 'unlabelled')[index]!.standing;
      expectSame(before, mirrored);
    });
    expect(await service()).toEqual(before);
  });

  it('has its plan on the record, by its digest, and tells operators in Temporal how it came out', async () => {
    const [row] = await perennial.registry.query('SELECT plan, plan_digest FROM replay WHERE model = $1 AND number = $2', [MODEL, number]);
    expect(sha256(row.plan)).toBe(row.plan_digest);
    const description = await perennial.temporal.workflow.getHandle(replayWorkflowId(MODEL, number)).describe();
    expect(await description.staticSummary()).toBe('Replay 1 of shop: version 2 on what default logged');
    expect(JSON.stringify(description.typedSearchAttributes.getAll())).toMatch(/finished.*better|better.*finished/);
    const audit: { action: string }[] = await perennial.registry.query('SELECT action FROM audit_entry WHERE subject = $1 ORDER BY id', [`replay/${number}`]);
    expect(audit.map(({ action }) => action)).toEqual(['replay.requested', 'replay.better']);
    await expect(perennial.registry.query("UPDATE replay SET version = 1 WHERE model = 'shop'")).rejects.toThrow(/permission denied|append-only/);
  });

  it('is made once for a key', async () => {
    const key = randomUUID();
    const [one, other] = await Promise.all([askFor(request(), key), askFor(request(), key)]);
    expect(other.body).toEqual(one.body);
    expect((await askFor(request({ version: 1 }), key)).status).toBe(422);
    const again = await ended(one.body['number'] as number);
    expectSame(again.labelled as Record<string, unknown>, (await replayOf(number)).labelled as Record<string, unknown>);
    expect((await perennial.call<{ items: { number: number }[] }>('GET', `/v1/models/${MODEL}/replays`)).body.items.map((item) => item.number)).toEqual([2, 1]);
  });

  it('takes no labels of blocks whose labels may still come', async () => {
    const { body } = await askFor(request({ until: at(HOURS) }));
    const replay = await ended(body['number'] as number);
    expect(replay.rows.pairs).toBe((Date.parse(at(HOURS)) - Date.parse(period.from)) / HOUR_MS * ROWS);
    const labelledUntil = replay.plan['labelledUntilMs'] as number;
    expect(labelledUntil).toBeLessThan(START + (HOURS - 24) * HOUR_MS + 600_000);
    expect(replay.blocks.map(({ labelled }) => labelled !== null)).toEqual(replay.blocks.map(({ until }) => Date.parse(until) <= labelledUntil));
    expectSame(replay.blocks[period.blocks - 1]!.labelled as Record<string, unknown>, (await replayOf(number)).labelled as Record<string, unknown>);
  });

  it('says so where the version was trained on the period', async () => {
    // The window of training lies in January and February; there nothing was logged but what is asked now.
    const early = -60 * 24;
    await ask(early);
    await eventually(async () => ((await perennial.registry.query("SELECT 1 FROM observation_file WHERE kind = 'observation' AND first_event_time < '2024-03-01'")).length > 0 ? true : undefined), () => 'the early hour');
    const started = await askFor(request({ from: at(early), until: at(early + 1) }));
    expect(started.body['seenInTraining']).toEqual({ start: at(early), end: at(early + 1) });
    const replay = await ended(started.body['number'] as number);
    expect(replay.rows).toMatchObject({ pairs: ROWS, seenInTraining: ROWS });
    expect(replay.reason).toMatch(/Beware: version 2 was trained on .* where 100 of the 100 pairs lie.*Nothing in service was changed/);
  });

  it('is refused, or fails with a type, where there is nothing to compare', async () => {
    expect(await askFor(request({ version: 9 }))).toMatchObject({ status: 404, body: { type: 'urn:perennial:VersionNotFound' } });
    expect(await askFor(request({ deployment: 'mars' }))).toMatchObject({ status: 404, body: { type: 'urn:perennial:NotFound' } });
    expect(await askFor(request({ until: period.from }))).toMatchObject({ status: 400, body: { type: 'urn:perennial:InvalidRequest' } });
    expect(await askFor(request({ from: at(500), until: at(900) }))).toMatchObject({ status: 422, body: { type: 'urn:perennial:NothingToReplay', detail: expect.stringMatching(/Nothing was observed in shop\/default between/) } });
    const own = await ended((await askFor(request({ version: 1 }))).body['number'] as number);
    expect(own).toMatchObject({ outcome: 'failed', failure: { type: 'NothingToReplay' }, rows: { observed: period.hours * ROWS, ownAnswers: period.hours * ROWS, pairs: 0 } });
  });

  it('leaves a typed outcome when it is terminated', async () => {
    const { body } = await askFor(request());
    const handle = perennial.temporal.workflow.getHandle(body['workflowId'] as string);
    for (;;) {
      if (await handle.terminate('an operator said so').then(() => true, () => false)) break;
      await pause(5);
    }
    expect(await ended(body['number'] as number)).toMatchObject({ outcome: 'terminated', failure: { type: 'WorkflowTerminated' } });
  });
});
