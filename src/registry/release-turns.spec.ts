import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import type { ReleaseTurn } from '../contracts/releases.js';
import { AuditLedger } from './audit-ledger.js';
import { ReleaseTurns } from './release-turns.js';
import { ReleasesRepository } from './releases.repository.js';
import { RoutingRepository } from './routing.repository.js';
import { ModelCourse } from './testing/model-course.js';

let server: RegistryServer;

beforeAll(async () => {
  server = await startRegistryServer();
  await server.apiKey('ann');
});

afterAll(() => server?.stop());

it('a rollback that was decided is carried out by the next attempt, where the answer of the first is lost', async () => {
  const course = new ModelCourse(server.dataSource, 'breached');
  await course.register('ann');
  const first = await course.trained('ann', 'the first');
  await course.promote(first, 'ann');
  const second = await course.trained('ann', 'the next');
  const release = await course.shadowed(second, 'ann', 'as agreed');
  await course.watched(release, {});
  const audit = new AuditLedger(server.dataSource);
  const routing = new RoutingRepository(server.dataSource, audit);
  const turns = new ReleaseTurns(server.dataSource, new ReleasesRepository(server.dataSource, audit, routing), routing);
  const take = (): Promise<ReleaseTurn> => turns.take({ model: 'breached', number: release }, null, [], true, {
    stop: async () => undefined,
    decide: ({ outcome }) => (outcome === null ? { action: 'roll-back', outcome: 'rolled-back', unfit: true, reason: 'Its errors exceed the limit.' } : { action: 'hold', reason: 'It has ended' }),
    beginsStep: () => false,
    plan: () => Promise.reject(new Error('nothing begins')),
    unfitness: async () => undefined,
    rollbackTarget: async () => ({ version: first }),
  }, course.next(), { workflowId: `model/breached/deployment/${second}`, runId: 'run' });

  const { epoch } = await routing.get('breached', 'default');
  expect(await take()).toMatchObject({ state: { outcome: 'rolled-back' }, rollbackFromEpoch: epoch });
  expect(await take()).toMatchObject({ state: { outcome: 'rolled-back' }, rollbackFromEpoch: epoch, decision: { reason: 'Its errors exceed the limit.' } });
  const id = { model: 'breached', deployment: 'default', fromEpoch: epoch };
  await routing.endRollback(id, { outcome: 'done', explanation: 'Every gateway follows.', toEpoch: epoch + 1, gatewaysBehind: [] }, undefined, course.next(), { workflowId: 'rollback', runId: 'run' });
  expect(await take()).toMatchObject({ state: { outcome: 'rolled-back' }, rollbackFromEpoch: null });
});
