import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApprovalAnswer } from '../../src/api/approvals/approvals.dto.js';
import { useCaseApprovalWorkflowId } from '../../src/contracts/motion.js';
import { makeApiKeys } from '../../src/registry/migrate.js';
import { type Answer, eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, smallUseCase, writeEvents } from '../small-model.js';
import { keepCheckpoint, verifyLedger } from '../verified-ledger.js';

const MODEL = 'patient';
const EVERY_MS = 6_000;
const PEOPLE = ['ben', 'cleo', 'dora', 'eli', 'fay'] as const;
type Person = (typeof PEOPLE)[number];

let perennial: Installation;
const keys = new Map<string, string>();
let checkpoint: string;

beforeAll(async () => {
  perennial = await Installation.start();
  await writeEvents(perennial.dataDir, 'events');
  const made = await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, PEOPLE.map((name) => ({ name, roles: ['approver'] })));
  PEOPLE.forEach((name, index) => keys.set(name, made[index]!));
  const approval = { quorum: PEOPLE.length, within: 'P30D', remindEvery: `PT${EVERY_MS / 1_000}S` };
  await perennial.apply(smallSpec({ model: MODEL, data: 'events', parameters: { rounds: 5, max_depth: 2 }, tier: 'critical', useCase: smallUseCase(approval) }));
  await eventually(async () => ((await words()).length > 0 ? true : undefined), () => 'the first word to the voters');
  checkpoint = await keepCheckpoint(perennial, 'before');
}, 240_000);

afterAll(() => perennial?.stop());

/** On a machine that comes back nothing answers for a while. */
const asked = <T>(ask: () => Promise<T>): Promise<T | undefined> => ask().catch(() => undefined);
const read = (): Promise<ApprovalAnswer> => eventually(async () => {
  const answer = await asked(() => perennial.call<ApprovalAnswer>('GET', `/v1/models/${MODEL}/approvals/1`));
  return answer?.status === 200 ? answer.body : undefined;
}, () => 'the approval');
const rows = <T>(statement: string): Promise<T[]> => eventually(() => asked(() => perennial.registry.query<T[]>(statement, [MODEL])), () => 'PostgreSQL');
/** When voters were told. */
const words = async (): Promise<number[]> => (await rows<{ at: Date }>("SELECT raised_at AS at FROM alarm WHERE model = $1 AND kind = 'approvalWaiting' ORDER BY raised_at")).map(({ at }) => at.getTime());
const actions = async (action: string): Promise<number> => (await rows<{ action: string }>('SELECT action FROM audit_entry WHERE model = $1')).filter((one) => one.action === action).length;

const vote = (person: Person, digest: string, key: string): Promise<Answer> => perennial.call(
  'POST', `/v1/models/${MODEL}/approvals/1/votes`, { choice: 'approve', digest, reason: 'read and weighed' }, { authorization: `Bearer ${keys.get(person)}`, 'idempotency-key': key });

const ROLES = ['worker', 'trainer', 'api', 'gateway'] as const;
function killRoles(...names: readonly (typeof ROLES)[number][]): void {
  for (const name of names) process.kill(perennial.instance.roles[name].pid as number, 'SIGKILL');
}

/** What ends as if the power were cut, and what a person would start again. Roles come back by themselves. */
const FAULTS: readonly (readonly [string, Person, () => Promise<void>])[] = [
  ['the workers', 'ben', async () => killRoles('worker', 'trainer')],
  ['Temporal', 'cleo', async () => {
    await perennial.instance.servers.killTemporal();
    await perennial.instance.servers.startTemporal();
  }],
  ['PostgreSQL', 'dora', async () => {
    await perennial.instance.servers.killPostgres();
    await perennial.instance.servers.startPostgres();
  }],
  ['the whole machine', 'eli', async () => {
    const { servers } = perennial.instance;
    killRoles(...ROLES);
    await Promise.all([servers.killTemporal(), servers.killPostgres()]);
    await Promise.all([servers.startTemporal(), servers.startPostgres()]);
  }],
];

/** The effect of a vote is held up in the middle of its transaction for as long as the work takes. */
async function whileHeldUp(work: () => Promise<void>): Promise<void> {
  const runner = perennial.registry.createQueryRunner();
  await runner.startTransaction();
  await runner.query('SELECT FROM model WHERE name = $1 FOR UPDATE', [MODEL]);
  try {
    await work();
  } finally {
    // It went with PostgreSQL, where that was killed.
    await runner.rollbackTransaction().catch(() => undefined);
    await runner.release().catch(() => undefined);
  }
}

/** A command that takes effect waits for the row of the model. */
const HELD_UP = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM "model"%FOR NO KEY UPDATE%' AND $1::text IS NOT NULL`;
const heldUp = (): Promise<true> => eventually(async () => ((await rows(HELD_UP)).length > 0 ? true : undefined), () => 'the vote to wait for its turn');

describe('an approval that waits outlives', () => {
  it.each(FAULTS)('%s, and so does a vote by %s that was accepted and has not taken effect', async (_, person, strike) => {
    const before = await read();
    const told = (await words()).length;
    await strike();
    expect(await read()).toMatchObject({ outcome: null, votes: before.votes });
    await eventually(async () => ((await words()).length > told ? true : undefined), () => 'the next word to the voters');

    const key = randomUUID();
    await whileHeldUp(async () => {
      const answer = vote(person, before.digest, key).catch(() => undefined);
      await heldUp();
      await strike();
      await answer;
    });
    const counted = await eventually(async () => {
      const now = await read();
      return now.votes.length > before.votes.length ? now : undefined;
    }, () => `the vote of ${person} to count`);
    expect(counted).toMatchObject({ outcome: null });
    expect(counted.votes.map((one) => one.actor).sort()).toEqual([...before.votes.map((one) => one.actor), person].sort());

    // The same request once more tells of the vote that counts, and is none.
    const again = await eventually(async () => {
      const answer = await asked(() => vote(person, before.digest, key));
      return answer?.status === 200 ? answer : undefined;
    }, () => 'the answer to the same request');
    expect(again.body).toMatchObject({ outcome: null });
    expect(await actions('approval.voted')).toBe(counted.votes.length);
    expect(await actions('vote.refused')).toBe(0);
  }, 300_000);
});

describe('after all of that', () => {
  it('voters were told in time, and at most once in each interval', async () => {
    const [{ at }] = (await rows<{ at: Date }>('SELECT opened_at AS at FROM approval WHERE model = $1')) as [{ at: Date }];
    const intervals = (await words()).map((told) => Math.floor((told - at.getTime()) / EVERY_MS));
    expect(new Set(intervals).size, intervals.join()).toBe(intervals.length);
    expect(intervals.length).toBeGreaterThan(FAULTS.length);
  });

  it('the last vote decides, once, and what it lets begin begins', async () => {
    const { digest } = await read();
    await vote('fay', digest, randomUUID());
    const decided = await eventually(async () => {
      const now = await read();
      return now.outcome === null ? undefined : now;
    }, () => 'the decision');
    expect(decided.outcome).toBe('approved');
    expect(decided.votes.map(({ actor }) => actor).sort()).toEqual([...PEOPLE].sort());
    expect(await perennial.temporal.workflow.getHandle(useCaseApprovalWorkflowId(MODEL)).result()).toMatchObject({ number: 1, outcome: 'approved' });
    expect([await actions('approval.opened'), await actions('approval.approved'), await actions('approval.voted')]).toEqual([1, 1, PEOPLE.length]);
    expect(await rows('SELECT outcome FROM approval_end WHERE model = $1')).toEqual([{ outcome: 'approved' }]);
    expect((await perennial.call('POST', `/v1/models/${MODEL}/retrains`, { asOf: asOfWeek(8) })).status).toBe(202);
  });

  it('the ledger verifies, also against a checkpoint from before', async () => {
    expect(await verifyLedger(perennial, 'after', [checkpoint])).toMatchObject({ genuine: true, faults: [] });
  });
});
