import { randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApprovalCommands } from '../../activities/approval-commands.js';
import { ProductionCommands } from '../../activities/production-commands.js';
import { StoreProvider } from '../../activities/store-provider.js';
import { FolderStore } from '../../src/artifacts/folder-store.js';
import type { CommandBodies, CommandKind, CommandOutcome } from '../../src/contracts/commands.js';
import type { Role } from '../../src/contracts/roles.js';
import { ApprovalsRepository } from '../../src/registry/approvals.repository.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import type { Command } from '../../src/registry/entities/command.entity.js';
import { ExperimentsRepository } from '../../src/registry/experiments.repository.js';
import { FindingsRepository } from '../../src/registry/findings.repository.js';
import { ModelsRepository } from '../../src/registry/models.repository.js';
import { ReviewsRepository } from '../../src/registry/reviews.repository.js';
import { RoutingRepository } from '../../src/registry/routing.repository.js';
import { ModelCourse } from '../../src/registry/testing/model-course.js';
import { ValidationsRepository } from '../../src/registry/validations.repository.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { smallSpec, smallUseCase } from '../small-model.js';

const NOBODY = { workflowId: null, runId: null };
const LATER = new Date('2199-01-01T00:00:00.000Z');
const PEOPLE: Readonly<Record<string, readonly Role[]>> = {
  ann: ['owner'], ben: ['approver'], cleo: ['approver'], dev: ['approver', 'developer'], olga: ['approver', 'owner'], rob: ['developer', 'validator'],
};

let registry: RegistryServer;
let approvals: ApprovalsRepository;
let validations: ValidationsRepository;
let votes: ApprovalCommands;
let production: ProductionCommands;

beforeAll(async () => {
  registry = await startRegistryServer();
  const { dataSource, folder } = registry;
  for (const [name, roles] of Object.entries(PEOPLE)) await registry.apiKey(name, roles);
  const audit = new AuditLedger(dataSource);
  const models = new ModelsRepository(dataSource);
  [approvals, validations] = [new ApprovalsRepository(dataSource, audit), new ValidationsRepository(dataSource, audit)];
  votes = new ApprovalCommands(models, approvals, validations);
  production = new ProductionCommands(models, new FindingsRepository(dataSource, audit), new ReviewsRepository(dataSource, audit), new RoutingRepository(dataSource, audit), { remindEveryMs: 1, reviewGraceMs: 1, reconcileGraceMs: 1 }, new StoreProvider(new FolderStore(folder)));
}, 120_000);

afterAll(() => registry?.stop());

async function governed(owner = 'test-team'): Promise<ModelCourse> {
  const course = new ModelCourse(registry.dataSource, `m-${randomUUID().slice(0, 8)}`);
  await course.register('ann', () => specOf(course.model, owner));
  return course;
}

const specOf = (model: string, owner = 'test-team', changes = {}): string => smallSpec({ model, tier: 'high', useCase: smallUseCase(), ...changes }).replace('owner: test-team', `owner: ${owner}`);

/** Waits for two approvers, and bars nobody by its row: what happened after it was opened counts. */
async function opened(course: ModelCourse, kind: 'useCase' | 'version'): Promise<number> {
  const { model, specDigest } = course;
  const version = kind === 'version' ? await course.trained('ann', 'the first one') : null;
  const { command } = await course.commands.accept({ actor: 'ann', idempotencyKey: randomUUID(), kind: 'requestApproval', model, body: { reason: 'once more' } }, course.next());
  return registry.dataSource.transaction(async (manager) => {
    if (version !== null) await validations.add(manager, { model, version, retrain: 1, deployment: 'default', specDigest, tier: 'high', openedAt: course.next(), expiresAt: LATER, remindEveryMs: 1 }, NOBODY);
    return approvals.add(manager, {
      kind, model, version, digest: specDigest, evidence: {}, specDigest, barred: {}, tier: 'high', rule: { kind: 'each', approvals: 2 }, author: 'ann', commandId: command.id, openedAt: course.next(), expiresAt: LATER, remindEveryMs: 1,
    }, NOBODY);
  });
}

async function settled<K extends CommandKind>(course: ModelCourse, actor: string, kind: K, body: CommandBodies[K], effect: (manager: EntityManager, command: Command) => Promise<CommandOutcome>): Promise<CommandOutcome> {
  const { command } = await course.commands.accept({ actor, idempotencyKey: randomUUID(), kind, model: course.model, body }, course.next());
  return course.commands.settle(command.id, course.next(), NOBODY, effect);
}

const vote = (course: ModelCourse, actor: string, approval: number): Promise<CommandOutcome> =>
  settled(course, actor, 'vote', { approval, choice: 'approve', digest: course.specDigest, reason: 'read' }, (manager, command) => votes.vote(manager, command, course.now()));

describe('a vote on a version', () => {
  it('is refused to whoever is an owner or a developer of its model when it is cast, and counts from an approver who is neither', async () => {
    const course = await governed();
    const approval = await opened(course, 'version');
    for (const [actor, says] of [['dev', /dev is a developer of all models; who approves a version is neither/], ['olga', /olga is an owner of all models/]] as const) {
      expect(await vote(course, actor, approval)).toMatchObject({ kind: 'refused', type: 'VoteRefused', message: expect.stringMatching(says) as string });
    }
    expect(await vote(course, 'ben', approval)).toMatchObject({ kind: 'vote', outcome: null });
    expect((await approvals.get({ model: course.model, number: approval })).votes.map(({ actor }) => actor)).toEqual(['ben']);
  });

  it('is refused to whoever came to have a part in it after it was asked for', async () => {
    const course = await governed();
    const approval = await opened(course, 'version');
    await registry.dataSource.transaction((manager) => manager.query("UPDATE model SET owner = 'cleo' WHERE name = $1", [course.model]));
    await new ExperimentsRepository(registry.dataSource, new AuditLedger(registry.dataSource)).log({
      model: course.model, actor: 'ben', idempotencyKey: randomUUID(),
      facts: { name: 'deeper', parameters: {}, dataVersion: 'd', codeVersion: 'c', metrics: { auc: 0.5 }, artifacts: {}, notes: null, startedAt: null, finishedAt: null },
    }, course.next());
    expect(await vote(course, 'ben', approval)).toMatchObject({ type: 'VoteRefused', message: expect.stringContaining(`ben logged an experiment of ${course.model} and cannot approve it as well`) as string });
    expect(await vote(course, 'cleo', approval)).toMatchObject({ type: 'VoteRefused', message: expect.stringContaining(`cleo is the owner of ${course.model}`) as string });
  });
});

describe('a vote on a use case', () => {
  it('is refused to the owner that its spec names, whoever applied it', async () => {
    const course = await governed('olga');
    const approval = await opened(course, 'useCase');
    expect(await vote(course, 'olga', approval)).toMatchObject({ type: 'VoteRefused', message: `olga is the owner of ${course.model} and cannot approve it as well; another approver has to` });
    expect(await vote(course, 'dev', approval)).toMatchObject({ kind: 'vote' });
  });
});

describe('a review', () => {
  it('is refused to whoever ever applied the spec in force, not to the first alone', async () => {
    const course = await governed();
    const version = await course.trained('ann', 'the first one');
    await course.promote(version, 'ann');
    await course.register('ann', () => specOf(course.model, 'test-team', { purpose: 'Shows that a spec can come back.' }));
    await course.register('rob', () => specOf(course.model));
    const review = (actor: string): Promise<CommandOutcome> =>
      settled(course, actor, 'recordReview', { outcome: 'continue', reason: 'looked', findings: [] }, (manager, command) => production.recordReview(manager, command, course.now()));
    expect(await review('rob')).toMatchObject({ type: 'ReviewRefused', message: expect.stringContaining('rob applied the spec in force and cannot review it as well') as string });
  });
});
