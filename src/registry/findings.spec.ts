import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import type { AlarmNotice } from '../contracts/alarms.js';
import { findingAlarmKey, type NewFinding } from '../contracts/findings.js';
import { reviewAlarmKey } from '../contracts/reviews.js';
import { AlarmsRepository } from './alarms.repository.js';
import { AuditLedger, SYSTEM_ACTOR } from './audit-ledger.js';
import type { AuditEntry } from './entities/audit-entry.entity.js';
import { findingsOpenAt, FindingsRepository } from './findings.repository.js';
import { ReviewsRepository } from './reviews.repository.js';
import { ModelCourse } from './testing/model-course.js';

const ORIGIN = { workflowId: 'model/x', runId: 'run' };
const day = (number: number): Date => new Date(Date.UTC(2026, 2, number));

let server: RegistryServer;
let audit: AuditLedger;
let findings: FindingsRepository;
let alarms: AlarmsRepository;

beforeAll(async () => {
  server = await startRegistryServer();
  audit = new AuditLedger(server.dataSource);
  findings = new FindingsRepository(server.dataSource, audit);
  alarms = new AlarmsRepository(server.dataSource, audit);
});

afterAll(() => server?.stop());

const request = (model: string, changes: Partial<NewFinding> = {}): NewFinding => ({
  model, version: null, source: 'sweep', severity: 'high', title: 'Nobody owns it', evidenceNeeded: 'An owner', owner: 'ann', dueAt: day(10), openedBy: SYSTEM_ACTOR, commandId: null, at: day(1), ...changes,
});
const open = (model: string, changes: Partial<NewFinding> = {}): Promise<number> => server.dataSource.transaction((manager) => findings.open(manager, request(model, changes), ORIGIN));
const close = (model: string, number: number, at: Date, closedBy = 'vera'): Promise<boolean> =>
  server.dataSource.transaction((manager) => findings.close(manager, { model, number }, { closedBy, evidence: 'The board named ann', artifactDigest: null, commandId: null, at }, ORIGIN));
const notice = (model: string, number: number): AlarmNotice => ({
  kind: 'findingOverdue', severity: 'critical', model: null, deployment: null, subject: `finding/${number}`, dedupKey: findingAlarmKey({ model, number }), summary: 'x', details: { model, finding: number }, test: false,
});
const entries = (model: string): Promise<AuditEntry[]> => audit.list(model, 0, 500);
const told = async (model: string): Promise<string[]> => (await entries(model)).map(({ action, subject }) => `${action} ${subject}`);

describe('a finding', () => {
  it('is numbered for each model, registered or not, by however many at once', async () => {
    const numbers = await Promise.all(Array.from({ length: 8 }, () => open('numbered')));
    expect(numbers.sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await open('another')).toBe(1);
    expect(await told('another')).toEqual(['finding.opened finding/1']);
  });

  it('is opened once under a key while it is open, and anew after that', async () => {
    const numbers = await Promise.all(Array.from({ length: 6 }, () => open('keyed', { key: 'zombie/owner' })));
    expect(new Set(numbers)).toEqual(new Set([1]));
    expect(await open('keyed', { key: 'zombie/traffic' })).toBe(2);
    expect(await open('keyed', { key: 'zombie/owner' })).toBe(1);
    await close('keyed', 1, day(2));
    expect(await open('keyed', { key: 'zombie/owner' })).toBe(3);
    expect((await findings.list('keyed', 10)).map(({ finding, end }) => [finding.number, end === null])).toEqual([[3, true], [2, true], [1, false]]);
    expect((await findings.list('keyed', 10, { open: true })).map(({ finding }) => finding.number)).toEqual([3, 2]);
    expect(await findings.countOpen('keyed')).toBe(2);
  });

  it('is closed once, with evidence that is on record', async () => {
    const number = await open('closed');
    expect((await Promise.all([close('closed', number, day(3)), close('closed', number, day(3), 'val')])).sort()).toEqual([false, true]);
    expect((await findings.get({ model: 'closed', number })).end).toMatchObject({ evidence: 'The board named ann', artifactDigest: null, closedAt: day(3) });
    expect(await told('closed')).toEqual(['finding.opened finding/1', 'finding.closed finding/1']);
    await expect(findings.get({ model: 'closed', number: 9 })).rejects.toMatchObject({ type: 'NotFound', message: expect.stringContaining('perennial findings closed --all') as string });
  });

  it('keeps what people wrote apart from its entry, and what a sweep found in it', async () => {
    await open('said', { openedBy: 'vera', title: 'Mrs Smith was refused' });
    await open('said');
    const [person, sweep] = (await entries('said')).map(({ details }) => JSON.parse(details.toString('utf8')) as Record<string, unknown>);
    expect(person).toMatchObject({ severity: 'high', owner: 'ann', texts: { title: expect.stringMatching(/^sha256:/) as string, evidenceNeeded: expect.stringMatching(/^sha256:/) as string } });
    expect(JSON.stringify(person)).not.toContain('Smith');
    expect(sweep).toMatchObject({ title: 'Nobody owns it', evidenceNeeded: 'An owner' });
  });

  it('is told of again only after its time, and no more once it is closed', async () => {
    const number = await open('told');
    const escalate = (at: Date, notSince: Date): Promise<boolean> => findings.escalate({ model: 'told', number }, notice('told', number), { at, notSince }, ORIGIN);
    expect((await Promise.all([escalate(day(10), day(3)), escalate(day(10), day(3))])).sort()).toEqual([false, true]);
    const first = await alarms.findOpen(findingAlarmKey({ model: 'told', number }));
    expect(await escalate(day(12), day(5))).toBe(false);
    expect(await escalate(day(17), day(10))).toBe(true);
    expect((await alarms.get(first!.id)).end).toMatchObject({ reason: 'Told again.' });
    expect((await findings.get({ model: 'told', number })).escalated).toEqual({ times: 2, lastAt: day(17) });
    await close('told', number, day(18));
    expect(await alarms.findOpen(findingAlarmKey({ model: 'told', number }))).toBeNull();
    expect(await escalate(day(30), day(23))).toBe(false);
    expect(await told('told')).toEqual(['finding.opened finding/1', 'finding.escalated finding/1', 'finding.escalated finding/1', 'finding.closed finding/1']);
  });

  it.each([['low', false], ['medium', false], ['high', true], ['critical', true]] as const)('of severity %s stops its model once overdue: %s', async (severity, stops) => {
    const model = `stop-${severity}`;
    const number = await open(model, { severity });
    const stopping = async (at: Date) => (await findings.stopping(model, at)).map((finding) => finding.number);
    expect(await stopping(day(9))).toEqual([]);
    expect(await stopping(day(10))).toEqual(stops ? [number] : []);
    await close(model, number, day(11));
    expect(await stopping(day(12))).toEqual([]);
  });

  it('was open at a time between its opening and its end', async () => {
    const number = await open('then', { at: day(5) });
    await close('then', number, day(8));
    const at = async (time: Date) => (await findingsOpenAt(server.dataSource.manager, 'then', time)).map(({ finding, end }) => [finding.number, end?.closedAt]);
    expect([await at(day(4)), await at(day(5)), await at(day(7)), await at(day(8))]).toEqual([[], [[1, day(8)]], [[1, day(8)]], []]);
  });

  it('is changed by nobody, not even the owner of the tables', async () => {
    await server.asOwner(async (owner) => {
      for (const statement of ["UPDATE finding SET severity = 'low'", 'DELETE FROM finding_end', 'TRUNCATE finding CASCADE', 'DELETE FROM finding_escalation', "UPDATE review SET outcome = 'continue'"]) {
        await expect(owner.query(statement), statement).rejects.toThrow(/append-only/);
      }
    });
    const put: unknown[] = await server.dataSource.query("SELECT FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text IN ('finding', 'finding_end', 'finding_escalation', 'review') AND tgenabled <> 'A'");
    expect(put).toEqual([]);
  });
});

describe('a review', () => {
  it('counts from the first champion, then from the last one, and ends the word that it was overdue', async () => {
    const reviews = new ReviewsRepository(server.dataSource, audit);
    await server.apiKey('ann');
    const course = new ModelCourse(server.dataSource, 'reviewed');
    await course.register('ann');
    expect(await reviews.basis('reviewed')).toEqual({ firstChampionAt: null, lastReviewAt: null });
    for (const reason of ['one', 'two']) await course.promote(await course.trained('ann', reason), 'ann');
    const [first] = (await course.routing.history('reviewed', 'default', 10)).slice(-1);
    expect(await reviews.basis('reviewed')).toEqual({ firstChampionAt: first!.changedAt, lastReviewAt: null });
    const key = reviewAlarmKey('reviewed');
    await alarms.raise({ ...notice('reviewed', 1), kind: 'reviewOverdue', model: 'reviewed', dedupKey: key }, day(1), ORIGIN);
    const [{ specDigest, commandId }] = await server.dataSource.query<[{ specDigest: string; commandId: string }]>('SELECT spec_digest AS "specDigest", command_id AS "commandId" FROM retrain WHERE model = $1 AND number = 1', ['reviewed']);
    const review = { model: 'reviewed', outcome: 'continue', reason: 'stable', champion: 2, specDigest, findings: [], dueAt: day(1), reviewedBy: 'vera', commandId, at: day(2) } as const;
    expect(await server.dataSource.transaction((manager) => reviews.add(manager, review, ORIGIN))).toBe(1);
    expect(await alarms.findOpen(key)).toBeNull();
    expect(await reviews.basis('reviewed')).toMatchObject({ lastReviewAt: day(2) });
    expect(await reviews.list('reviewed', 10)).toMatchObject([{ number: 1, outcome: 'continue', champion: 2 }]);
    const withFindings = { ...review, commandId: '00000000-0000-4000-8000-000000000000', outcome: 'continueWithFindings' } as const;
    await expect(server.dataSource.transaction((manager) => reviews.add(manager, withFindings, ORIGIN))).rejects.toThrow(/review_findings/);
  });
});
