import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { INBOX_SIGNAL, modelWorkflowId } from '../../src/contracts/motion.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

const FLOOD = 600;

let perennial: Installation;

beforeAll(async () => {
  perennial = await Installation.start();
});

afterAll(() => perennial?.stop());

const open = (model: string, number: number, key: string = randomUUID()) =>
  perennial.call('POST', `/v1/models/${model}/findings`, { severity: 'low', title: `Event ${number}`, evidenceNeeded: 'none', owner: 'nobody', dueAt: '2199-01-01T00:00:00Z' }, { 'idempotency-key': key });

it('a model that is flooded with commands loses none, lets each take effect once, and goes on, though its worker is killed meanwhile', async () => {
  await writeEvents(perennial.dataDir, 'flooded');
  await perennial.apply(smallSpec({ model: 'flooded' }));
  const keys = Array.from({ length: FLOOD }, () => randomUUID());
  const worker = perennial.instance.roles.worker.pid as number;
  const sent = keys.map((key, number) => open('flooded', number, key));
  await Promise.race(sent);
  process.kill(worker, 'SIGKILL');
  expect((await perennial.call('POST', '/v1/models/flooded/retrains', { asOf: asOfWeek(8) })).status).toBe(202);
  for (const { status } of await Promise.all(sent)) expect([200, 202]).toContain(status);
  const titles = async (): Promise<string[]> => (await perennial.registry.query<{ title: string }[]>("SELECT title FROM finding WHERE model = 'flooded' ORDER BY number")).map(({ title }) => title);
  await eventually(async () => ((await titles()).length >= FLOOD ? true : undefined), () => 'the last of the flood');
  expect(new Set(await titles()).size).toBe(FLOOD);
  expect(await titles()).toHaveLength(FLOOD);
  expect((await Promise.all(keys.map((key, number) => open('flooded', number, key)))).every(({ status }) => status === 200)).toBe(true);
  expect(await titles()).toHaveLength(FLOOD);
  const [{ entries }] = await perennial.registry.query<[{ entries: number }]>("SELECT count(*)::int AS entries FROM audit_entry WHERE model = 'flooded' AND action = 'finding.reported'");
  expect(entries).toBe(FLOOD);
  expect((await perennial.awaitRetrain('flooded', 1)).outcome).toBe('promoted');
});

it('one word speaks for many commands, and a workflow that nobody runs is started by it', async () => {
  await perennial.apply(smallSpec({ model: 'told' }));
  await perennial.temporal.workflow.getHandle(modelWorkflowId('told')).terminate('as an operator might');
  await Promise.all(Array.from({ length: 200 }, (_, number) => open('told', number)));
  await eventually(async () => ((await perennial.call<{ openFindings: number }>('GET', '/v1/models/told')).body.openFindings === 200 ? true : undefined), () => 'all of them');
  const { events } = await perennial.temporal.workflow.getHandle(modelWorkflowId('told')).fetchHistory();
  const words = events!.filter(({ workflowExecutionSignaledEventAttributes: signal }) => signal?.signalName === INBOX_SIGNAL);
  expect(words.length).toBeGreaterThan(0);
  expect(words.length).toBeLessThan(100);
});
