import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { CommandsRepository } from '../../src/registry/commands.repository.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

let perennial: Installation;
/** Enough rounds that a fault hits the middle of a training. */
const LONG = { rounds: 1_500, max_depth: 4, learning_rate: 0.01 };

beforeAll(async () => {
  perennial = await Installation.start({ HEARTBEAT_TIMEOUT_MS: '2000' });
});

afterAll(() => perennial?.stop());

async function register(model: string): Promise<void> {
  await writeEvents(perennial.dataDir, model);
  await perennial.apply(smallSpec({ model, parameters: LONG }));
}

/** A retrain in the middle of its training, with a checkpoint on the record. */
async function midTraining(model: string): Promise<number> {
  const number = await perennial.requestRetrain(model, { asOf: asOfWeek(8) });
  await eventually(async () => {
    const [run] = await perennial.registry.query('SELECT checkpoint_done FROM training_run WHERE model = $1 AND retrain = $2', [model, number]);
    return run?.checkpoint_done ? true : undefined;
  }, () => `a checkpoint of ${model}`);
  return number;
}

const runsOf = (model: string): Promise<{ retrain: number; attempts: number; model_digest: string; checkpoint_done: number }[]> =>
  perennial.registry.query('SELECT retrain, attempts, model_digest, checkpoint_done FROM training_run WHERE model = $1 ORDER BY retrain', [model]);

const count = async (table: string, model: string): Promise<number> =>
  (await perennial.registry.query(`SELECT count(*)::int AS count FROM ${table} WHERE model = $1`, [model]))[0].count;

describe('a training worker', () => {
  it('killed in the middle: the retrain goes on from the checkpoint to the same bytes', async () => {
    await register('killed');
    await perennial.awaitRetrain('killed', await perennial.requestRetrain('killed', { asOf: asOfWeek(8) }));
    const number = await midTraining('killed');
    process.kill(perennial.instance.roles.trainer.pid as number, 'SIGKILL');
    expect((await perennial.awaitRetrain('killed', number)).outcome).toBe('rejected');
    const [whole, resumed] = await runsOf('killed');
    expect(resumed?.attempts).toBeGreaterThan(1);
    expect(resumed?.model_digest).toBe(whole?.model_digest);
  });

  it('stopped past its timeout: another attempt makes the model, and the old one can write nothing', async () => {
    await register('frozen');
    const number = await midTraining('frozen');
    const frozen = perennial.instance.roles.trainer.pid as number;
    process.kill(frozen, 'SIGSTOP');
    const second = perennial.startWorker('train');
    try {
      const retrain = await perennial.awaitRetrain('frozen', number);
      expect(retrain.outcome).toBe('promoted');
      const before = await runsOf('frozen');
      expect(before[0]?.attempts).toBeGreaterThan(1);
      process.kill(frozen, 'SIGCONT');
      await perennial.awaitRetrain('frozen', await perennial.requestRetrain('frozen', { asOf: asOfWeek(8) }));
      const [first, next] = await runsOf('frozen');
      expect(first).toEqual(before[0]);
      expect(await count('model_version', 'frozen')).toBe(2);
      const [{ token }] = await perennial.registry.query("SELECT token::int FROM training_lease WHERE model = 'frozen'");
      // Each attempt fences off the one before; on a slow machine there are more than one of them.
      expect(token).toBe((first?.attempts ?? 0) + (next?.attempts ?? 0));
    } finally {
      process.kill(frozen, 'SIGCONT');
      second.stdin?.end();
    }
  });
});

describe('Temporal', () => {
  it('that loses its data in the middle of a retrain: it is done once all the same', async () => {
    await register('forgotten');
    const number = await midTraining('forgotten');
    const { servers } = perennial.instance;
    await servers.stopTemporal();
    servers.deleteTemporalData();
    await servers.startTemporal();
    const retrain = await perennial.awaitRetrain('forgotten', number);
    expect(retrain).toMatchObject({ outcome: 'promoted', version: 1, promotedEpoch: 1 });
    expect([await count('retrain', 'forgotten'), await count('model_version', 'forgotten'), await count('champion_change', 'forgotten')]).toEqual([1, 1, 1]);
    const again = await perennial.requestRetrain('forgotten', { asOf: asOfWeek(8) });
    expect((await perennial.awaitRetrain('forgotten', again)).outcome).toBe('rejected');
  });

  it('that is away when a command comes: the command is accepted and has its effect once', async () => {
    await register('later');
    const { servers } = perennial.instance;
    await servers.stopTemporal();
    const headers = { 'idempotency-key': 'while-away' };
    const request = { asOf: asOfWeek(8) };
    const answers = await Promise.all([1, 2].map(() => perennial.call('POST', '/v1/models/later/retrains', request, headers)));
    expect(answers.map(({ status, body }) => [status, body['state']])).toEqual([[202, 'accepted'], [202, 'accepted']]);
    await servers.startTemporal();
    const retrain = await eventually(async () => ((await count('retrain', 'later')) > 0 ? perennial.awaitRetrain('later', 1) : undefined), () => 'the retrain to begin');
    expect(retrain.outcome).toBe('promoted');
    expect(await count('retrain', 'later')).toBe(1);
  });
});

describe('a command', () => {
  it('whose process died between accepting and sending is sent by the dispatcher, once', async () => {
    await register('orphan');
    const commands = new CommandsRepository(perennial.registry, new AuditLedger(perennial.registry));
    const { command } = await commands.accept(
      { actor: 'owner', idempotencyKey: randomUUID(), kind: 'retrain', model: 'orphan', body: { deployment: 'default', asOf: asOfWeek(8), reason: null } },
      new Date(),
    );
    const settled = await eventually(async () => (await commands.find(command.id))?.outcome ?? undefined, () => 'the dispatcher');
    expect(settled).toMatchObject({ kind: 'retrain', number: 1 });
    expect((await perennial.awaitRetrain('orphan', 1)).outcome).toBe('promoted');
    const entries = await perennial.registry.query("SELECT action FROM audit_entry WHERE model = 'orphan' AND action = 'retrain.requested'");
    expect(entries).toHaveLength(1);
  });
});

describe('a killed role', () => {
  it.each(['api', 'gateway', 'worker'] as const)('%s comes back, and the next retrain works', async (role) => {
    const model = `after-${role}`;
    await writeEvents(perennial.dataDir, model);
    await perennial.apply(smallSpec({ model }));
    process.kill(perennial.instance.roles[role].pid as number, 'SIGKILL');
    const number = await eventually(() => perennial.requestRetrain(model, { asOf: asOfWeek(8) }).catch(() => undefined), () => `${role} to come back`);
    expect((await perennial.awaitRetrain(model, number)).outcome).toBe('promoted');
  });
});
