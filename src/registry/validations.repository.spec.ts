import { randomUUID } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../../test/installation.js';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import { AuditLedger } from './audit-ledger.js';
import { registryDataSource } from './data-source.js';
import { Approval, ApprovalEnd } from './entities/approval.entity.js';
import { StageMove } from './entities/stage-move.entity.js';
import { Validation, ValidationDecisionRecord } from './entities/validation.entity.js';
import { ValidationsRepository } from './validations.repository.js';

const ID = { model: 'weighed', version: 4 };
const AT = new Date('2026-03-01T12:00:00.000Z');
const LATER = new Date('2026-03-08T12:00:00.000Z');

let server: RegistryServer;
let superuser: DataSource;

beforeAll(async () => {
  server = await startRegistryServer();
  superuser = await registryDataSource({ url: server.superuserUrl, poolSize: 1 }).initialize();
  // What the rows refer to has no part in this.
  await superuser.query('SET session_replication_role = replica');
});

afterAll(async () => {
  await superuser?.destroy();
  await server?.stop();
});

const decide = (manager: EntityManager): Promise<unknown> =>
  manager.insert(ValidationDecisionRecord, { ...ID, round: 1, choice: 'approve', reportDigest: 'sha256:report', actor: 'vera', reason: 'read', answers: {}, findings: [], commandId: randomUUID(), at: AT });

const sendBack = async (manager: EntityManager): Promise<void> => {
  await manager.insert(ApprovalEnd, { model: ID.model, approval: 2, outcome: 'sentBack', reason: 'cleo sent it back.', at: AT });
  await manager.insert(StageMove, { model: ID.model, number: 1, stage: 'validation', subject: ID.version, action: 'sendBack', actor: 'cleo', reason: 'look again', commandId: randomUUID(), at: AT });
};

it('who reads a validation while its approvers send it back sees it before that or after, and never a decision whose approval has ended', async () => {
  await superuser.manager.insert(Validation, { ...ID, retrain: 4, deployment: 'default', specDigest: 'sha256:spec', tier: 'high', openedAt: AT, expiresAt: LATER, remindEveryMs: 1000 });
  await decide(superuser.manager);
  await superuser.manager.insert(Approval, {
    model: ID.model, number: 2, kind: 'version', version: ID.version, digest: 'sha256:bound', evidence: {}, specDigest: 'sha256:spec', tier: 'high', rule: { kind: 'each', approvals: 2 }, barred: {}, author: 'vera',
    commandId: randomUUID(), openedAt: AT, expiresAt: LATER, remindEveryMs: 1000,
  });
  const validations = new ValidationsRepository(server.dataSource, new AuditLedger(server.dataSource));

  // The reader has seen the decision and stands before the approval's end when both change.
  const reading = await superuser.transaction(async (manager) => {
    await manager.query('LOCK TABLE approval_end IN ACCESS EXCLUSIVE MODE');
    const story = validations.get(ID);
    await eventually(async () => {
      const [{ waiting }] = await server.dataSource.query("SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%approval_end%'");
      return waiting === 1 || undefined;
    }, () => 'the reader to stand before the lock');
    await sendBack(manager);
    return { story };
  });
  expect(await reading.story).toMatchObject({ round: 1, decision: { actor: 'vera' }, approval: { approval: { number: 2 }, end: null } });
  expect(await validations.get(ID)).toMatchObject({ round: 2, decision: null, approval: { approval: { number: 2 }, end: { outcome: 'sentBack' } } });
});
