import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { canonicalJson } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import { type ValidationCheck, type ValidationId, type ValidationOutcome, VALIDATION_CHECKS } from '../contracts/validations.js';
import { decisionRound, type RunningTerm, validationTerm } from '../contracts/stage-terms.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { type ApprovalStory, newestApproval, wordsOf } from './approvals.repository.js';
import { ModelVersion } from './entities/model-version.entity.js';
import { Retrain } from './entities/retrain.entity.js';
import { Validation, ValidationCheckRecord, ValidationDecisionRecord, ValidationEnd, ValidationReportRecord } from './entities/validation.entity.js';
import { retirementHolds } from './retiring-models.js';
import { inSnapshot } from './snapshot.js';
import { movesOf } from './stages.repository.js';

/** A validation with everything that is on record of it. */
export interface ValidationStory {
  readonly validation: Validation;
  /** Those that are done, in the order in which they are made. */
  readonly checks: readonly ValidationCheckRecord[];
  readonly report: ValidationReportRecord | null;
  readonly decision: ValidationDecisionRecord | null;
  /** The newest that its version's approvers vote on; null where none was asked for. */
  readonly approval: ApprovalStory | null;
  /** Null while it is open. */
  readonly end: ValidationEnd | null;
  /** What a person gave for its end, who moved the stage; null where none did. */
  readonly words: string | null;
  /** How long a validator may take, as pauses, retirements that were called off and being sent back have moved it. */
  readonly term: RunningTerm;
  /** Of the decision that was taken, or is to be. */
  readonly round: number;
}

/** What a validation comes to, and when. */
export interface ValidationEnding {
  readonly outcome: ValidationOutcome;
  readonly reason: string;
  readonly at: Date;
  /** Of who moves its stage: what they give for it stays there, where it can be erased. */
  readonly commandId?: string;
}

/** Validations of versions: one a version, and rows are only ever added. */
@Injectable()
export class ValidationsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /** As it stands at one moment. @param manager of a transaction that has locked the model's row, or of a snapshot */
  async find(id: ValidationId, manager?: EntityManager): Promise<ValidationStory | null> {
    return manager ? validationStory(id, manager) : inSnapshot(this.dataSource, (snapshot) => validationStory(id, snapshot));
  }

  /** @throws PerennialError `NotFound` */
  async get({ model, version }: ValidationId, manager?: EntityManager): Promise<ValidationStory> {
    const story = await this.find({ model, version }, manager);
    if (!story) throw new PerennialError('NotFound', `Version ${version} of ${model} has no validation; \`perennial validations ${model}\` lists them`, { model, version });
    return story;
  }

  /** Newest first. */
  async list(model: string, limit: number): Promise<ValidationStory[]> {
    return inSnapshot(this.dataSource, async (manager) => {
      const stories: ValidationStory[] = [];
      for (const validation of await manager.find(Validation, { where: { model }, order: { version: 'DESC' }, take: limit })) stories.push(await storyOf(validation, manager));
      return stories;
    });
  }

  /** Those without an end, of all models or of one. */
  async open(model?: string, manager: EntityManager = this.dataSource.manager): Promise<Validation[]> {
    const query = manager.createQueryBuilder(Validation, 'validation').leftJoin(ValidationEnd, 'over', 'over.model = validation.model AND over.version = validation.version').where('over.model IS NULL');
    return (model === undefined ? query : query.andWhere('validation.model = :model', { model })).orderBy('validation.openedAt').getMany();
  }

  /** Who had a part in a version, and what they did: whoever applied a spec of the model, logged an experiment of it, or asked for the retrain. What workflows did by themselves is nobody's. */
  async developers({ model, retrain }: Validation, manager: EntityManager = this.dataSource.manager): Promise<Record<string, string>> {
    const authors: { actor: string }[] = await manager.query("SELECT DISTINCT actor FROM command WHERE model = $1 AND kind = 'apply' AND state = 'done' ORDER BY actor", [model]);
    const { requestedBy } = await manager.findOneByOrFail(Retrain, { model, number: retrain });
    const loggers: { actor: string }[] = await manager.query('SELECT DISTINCT logged_by AS actor FROM experiment WHERE model = $1 ORDER BY actor', [model]);
    const did = new Map([...loggers.map(({ actor }) => [actor, `logged an experiment of ${model}`] as const), [requestedBy, 'asked for its retrain'], ...authors.map(({ actor }) => [actor, `applied a spec of ${model}`] as const)]);
    did.delete(SYSTEM_ACTOR);
    return Object.fromEntries(did);
  }

  /** Opens the validation of a version, in the transaction that ends its retrain. */
  async add(manager: EntityManager, validation: Validation, origin: Origin): Promise<void> {
    await manager.insert(Validation, validation);
    const { model, version, retrain, specDigest, tier, openedAt, expiresAt } = validation;
    await this.audit.append(manager, {
      at: openedAt, actor: SYSTEM_ACTOR, action: 'validation.opened', model, subject: `validation/${version}`, origin, details: { retrain, spec: specDigest, tier, expiresAt: expiresAt.toISOString() },
    });
  }

  /** Keeps what a check found; the first word stands. */
  async addCheck({ model, version }: ValidationId, { name, verdict, explanation, figures }: ValidationCheck, at: Date, origin: Origin): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      const inserted: unknown[] = await manager.query(
        'INSERT INTO validation_check (model, version, name, verdict, explanation, figures, at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (model, version, name) DO NOTHING RETURNING name',
        [model, version, name, verdict, explanation, canonicalJson(figures), at],
      );
      if (inserted.length > 0) await this.audit.append(manager, { at, actor: SYSTEM_ACTOR, action: 'validation.checked', model, subject: `validation/${version}`, origin, details: { check: name, verdict, explanation } });
    });
  }

  /** Keeps the report; the first one stands. */
  async addReport({ model, version }: ValidationId, digest: string, at: Date, origin: Origin): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      const inserted: unknown[] = await manager.query(
        'INSERT INTO validation_report (model, version, digest, at) VALUES ($1, $2, $3, $4) ON CONFLICT (model, version) DO NOTHING RETURNING digest', [model, version, digest, at],
      );
      if (inserted.length > 0) await this.audit.append(manager, { at, actor: SYSTEM_ACTOR, action: 'validation.reported', model, subject: `validation/${version}`, origin, details: { report: digest } });
    });
  }

  /** Keeps a decision. The caller has locked the model's row and seen that it may be taken; that of a person is audited with its command. */
  async addDecision(manager: EntityManager, decision: ValidationDecisionRecord, origin: Origin): Promise<void> {
    await manager.insert(ValidationDecisionRecord, decision);
    const { model, version, choice, reportDigest, reason, actor, at } = decision;
    if (actor !== SYSTEM_ACTOR) return;
    await this.audit.append(manager, { at, actor, action: 'validation.decided', model, subject: `validation/${version}`, origin, details: { choice, report: reportDigest, reason } });
  }

  /** Ends a validation, once: the first word stands. A version that is rejected, sent back or abandoned stays so. @returns false when it had ended before */
  async end(manager: EntityManager, { model, version }: ValidationId, { outcome, reason, at, commandId }: ValidationEnding, origin: Origin): Promise<boolean> {
    const inserted: unknown[] = await manager.query(
      'INSERT INTO validation_end (model, version, outcome, reason, at, command_id) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (model, version) DO NOTHING RETURNING version', [model, version, outcome, reason, at, commandId],
    );
    if (inserted.length === 0) return false;
    if (outcome === 'rejected' || outcome === 'sentBack' || outcome === 'abandoned') await manager.update(ModelVersion, { model, number: version, status: 'candidate' }, { status: outcome });
    await this.audit.append(manager, { at, actor: SYSTEM_ACTOR, action: `validation.${outcome}`, model, subject: `validation/${version}`, origin, details: { reason } });
    return true;
  }

  /** Ends one whose time is over, unless it was decided, is paused, or its model retires. A decision that is being taken comes first. */
  async expire({ model, version }: ValidationId, at: Date, origin: Origin): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      await manager.query('SELECT FROM model WHERE name = $1 FOR NO KEY UPDATE', [model]);
      const { validation, decision, term } = await this.get({ model, version }, manager);
      if (decision || term.paused || at < term.expiresAt) return;
      await this.end(manager, validation, { outcome: 'expired', reason: `No validator decided by ${term.expiresAt.toISOString()}.`, at }, origin);
    });
  }
}

/** Null where the version was never validated. @param manager of a transaction that sees all its rows at one moment */
export async function validationStory({ model, version }: ValidationId, manager: EntityManager): Promise<ValidationStory | null> {
  const validation = await manager.findOneBy(Validation, { model, version });
  return validation && storyOf(validation, manager);
}

/** Read one after the other: a transaction has one connection. */
async function storyOf(validation: Validation, manager: EntityManager): Promise<ValidationStory> {
  const of = { model: validation.model, version: validation.version };
  const checks = await manager.findBy(ValidationCheckRecord, of);
  const moves = await movesOf(manager, { model: of.model, stage: 'validation', subject: of.version });
  const round = decisionRound(moves);
  const end = await manager.findOneBy(ValidationEnd, of);
  return {
    validation,
    checks: checks.sort((one, other) => VALIDATION_CHECKS.indexOf(one.name) - VALIDATION_CHECKS.indexOf(other.name)),
    report: await manager.findOneBy(ValidationReportRecord, of),
    decision: await manager.findOneBy(ValidationDecisionRecord, { ...of, round }),
    approval: await newestApproval({ kind: 'version', ...of }, manager),
    end, words: wordsOf(end, moves), term: validationTerm(validation, moves, await retirementHolds(manager, of.model)), round,
  };
}
