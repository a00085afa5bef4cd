import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EraserProvider, EvidenceDeletion } from '../../activities/evidence-deletion.js';
import { ArtifactEraser } from '../../src/artifacts/artifact-eraser.js';
import { FolderStore } from '../../src/artifacts/folder-store.js';
import { sha256 } from '../../src/contracts/canonical.js';
import { EVIDENCE_CLASSES, type EvidenceClass } from '../../src/contracts/retirements.js';
import { evidenceLines } from '../../src/lifecycle/retirement-certificate.js';
import { ApprovalsRepository } from '../../src/registry/approvals.repository.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { LegalHoldsRepository } from '../../src/registry/legal-holds.repository.js';
import { ModelEvidenceRepository } from '../../src/registry/model-evidence.repository.js';
import { RetirementsRepository } from '../../src/registry/retirements.repository.js';
import { ModelCourse } from '../../src/registry/testing/model-course.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';

const NOBODY = { workflowId: null, runId: null };
/** Long after anything was put. */
const AT = new Date('2199-01-01T00:00:00.000Z');
/** What several classes name goes with the artifacts. */
const KEEP = Object.fromEntries(EVIDENCE_CLASSES.map((evidence) => [evidence, evidence === 'artifacts' ? 2 : 1])) as Record<EvidenceClass, number>;
const NEVER = new AbortController().signal;
/** The bytes of a file that the record of a model's first version names, and that of no other model. */
const fileOf = (model: string): string => `${model} 1`;

let registry: RegistryServer;
let store: FolderStore;
let eraser: ArtifactEraser;
let retirements: RetirementsRepository;
let holds: LegalHoldsRepository;

beforeAll(async () => {
  registry = await startRegistryServer();
  await registry.apiKey('ann');
  const { dataSource, folder } = registry;
  store = new FolderStore(join(folder, 'artifacts'));
  eraser = new ArtifactEraser(join(folder, 'artifacts'));
  retirements = new RetirementsRepository(dataSource, new AuditLedger(dataSource));
  holds = new LegalHoldsRepository(dataSource);
}, 120_000);

afterAll(() => registry?.stop());

/** A model whose retirement is on record, with the file of its version in the store. */
async function retired(model: string): Promise<ModelCourse> {
  const { dataSource } = registry;
  const course = new ModelCourse(dataSource, model);
  await course.register('ann');
  await course.trained('ann', 'the first one');
  await store.putBytes(fileOf(model));
  const commandId = await asked(course, { trigger: 'unused', replacement: null, answers: null, reason: 'nobody asks it' }, 'retire');
  const terms = { answers: 'untilDrained', consumers: [], quietMs: 1, confirmWithinMs: 1, remindEveryMs: 1, keepMs: KEEP } as const;
  const approval = { model, kind: 'retirement', version: null, digest: sha256(model), evidence: {}, specDigest: course.specDigest, tier: 'low', rule: { approvals: 0 }, barred: {}, author: 'ann', commandId, openedAt: course.next(), expiresAt: AT, remindEveryMs: 1 };
  await dataSource.transaction(async (manager) => {
    const number = await new ApprovalsRepository(dataSource, new AuditLedger(dataSource)).add(manager, approval as unknown as Parameters<ApprovalsRepository['add']>[1], NOBODY);
    await retirements.add(manager, { model, trigger: 'unused', replacement: null, reason: 'nobody asks it', terms, digest: sha256(model), specDigest: course.specDigest, approval: number, requestedBy: 'ann', requestedAt: course.next(), commandId });
  });
  return course;
}

const asked = async <K extends 'retire' | 'setLegalHold' | 'liftLegalHold'>(course: ModelCourse, body: Parameters<typeof course.commands.accept<K>>[0]['body'], kind: K): Promise<string> =>
  (await course.commands.accept({ actor: 'ann', idempotencyKey: randomUUID(), kind, model: course.model, body }, course.next())).command.id;

async function hold(course: ModelCourse): Promise<void> {
  const commandId = await asked(course, { reason: 'a case' }, 'setLegalHold');
  await retirements.inTurn(course.model, (manager) => holds.set(manager, { model: course.model, reason: 'a case', setBy: 'vera', setAt: course.now(), commandId }));
}

async function lift(course: ModelCourse): Promise<void> {
  const commandId = await asked(course, { hold: 1, reason: 'closed' }, 'liftLegalHold');
  await holds.lift(registry.dataSource.manager, { model: course.model, hold: 1, reason: 'closed', liftedBy: 'vera', liftedAt: course.now(), commandId });
}

const deletionBy = (provided: ArtifactEraser): EvidenceDeletion => new EvidenceDeletion(retirements, holds, new ModelEvidenceRepository(registry.dataSource), new EraserProvider(provided));
const lineOf = async (model: string, gone: readonly EvidenceClass[]) => evidenceLines(0, KEEP, gone, await retirements.deletions({ model, number: 1 })).find(({ evidence }) => evidence === 'artifacts')!;

it('a file that was on record to be deleted stays where a hold has come since, until that is lifted', async () => {
  const course = await retired('repeated');
  const id = { model: 'repeated', number: 1 };
  // As a worker leaves it that ended between the record and the file.
  await retirements.addDeletion(registry.dataSource.manager, { ...id, digest: sha256(fileOf('repeated')), evidence: 'artifacts', outcome: 'deleted', reason: 'Its time was over.', at: course.next() });
  await hold(course);
  expect(await deletionBy(eraser).run(id, 'artifacts', AT, NEVER)).toBeNull();
  expect(await eraser.putAt(sha256(fileOf('repeated')))).not.toBeNull();
  expect(await lineOf('repeated', [])).toMatchObject({ gone: false, deleted: [] });
  await lift(course);
  expect(await deletionBy(eraser).run(id, 'artifacts', AT, NEVER)).toMatchObject({ deleted: 1, kept: 0 });
  expect(await eraser.putAt(sha256(fileOf('repeated')))).toBeNull();
  expect(await lineOf('repeated', ['artifacts'])).toMatchObject({ gone: true, deleted: [sha256(fileOf('repeated'))] });
});

/** Somebody sets a hold right after the first transaction, which puts a file on record. */
class HoldAfterRecord extends RetirementsRepository {
  course: ModelCourse | null = null;

  override async inTurn<T>(model: string, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const { course } = this;
    this.course = null;
    const done = await super.inTurn(model, work);
    if (course) await hold(course);
    return done;
  }
}

it('a hold that is set between the record and the file keeps the file', async () => {
  const course = await retired('between');
  const { dataSource } = registry;
  const interrupted = new HoldAfterRecord(dataSource, new AuditLedger(dataSource));
  interrupted.course = course;
  const id = { model: 'between', number: 1 };
  expect(await new EvidenceDeletion(interrupted, holds, new ModelEvidenceRepository(dataSource), new EraserProvider(eraser)).run(id, 'artifacts', AT, NEVER)).toBeNull();
  expect((await retirements.deletions(id)).map(({ outcome }) => outcome)).toEqual(['deleted']);
  expect(await eraser.putAt(sha256(fileOf('between')))).not.toBeNull();
  await lift(course);
  expect(await deletionBy(eraser).run(id, 'artifacts', AT, NEVER)).toMatchObject({ deleted: 1 });
  expect(await eraser.putAt(sha256(fileOf('between')))).toBeNull();
});
