import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull } from 'typeorm';
import type { ApprovalId, ApprovalKind, ApprovalOutcome, ApprovalSubject } from '../contracts/approvals.js';
import { PerennialError } from '../contracts/failures.js';
import type { StageId } from '../contracts/stages.js';
import { type RunningTerm, runningTerm } from '../contracts/stage-terms.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { Approval, ApprovalEnd, ApprovalVote } from './entities/approval.entity.js';
import { Retirement } from './entities/retirement.entity.js';
import type { StageMove } from './entities/stage-move.entity.js';
import { retirementHolds } from './retiring-models.js';
import { inSnapshot } from './snapshot.js';
import { movesOf } from './stages.repository.js';

/** An approval with its votes, in the order in which they came, and what it came to. */
export interface ApprovalStory {
  readonly approval: Approval;
  readonly votes: readonly ApprovalVote[];
  /** Null while it is open. */
  readonly end: ApprovalEnd | null;
  /** What a person gave for its end, who moved the stage; null where none did. */
  readonly words: string | null;
  /** How long it may take, as pauses of its stage have moved it, and of a version retirements that were called off. */
  readonly term: RunningTerm;
  /** Whose pauses those are. */
  readonly stage: StageId;
}

/** What an approval comes to, who brought it about and when. */
export interface ApprovalEnding {
  readonly outcome: ApprovalOutcome;
  readonly reason: string;
  readonly at: Date;
  readonly actor?: string;
  /** Of who moves its stage: what they give for it stays there, where it can be erased. */
  readonly commandId?: string;
}

/** Approvals of a model: of each subject one is open at most, and rows are only ever added. */
@Injectable()
export class ApprovalsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /** As it stands at one moment. @param manager of a transaction that has locked the model's row, or of a snapshot @throws PerennialError `NotFound` */
  async get({ model, number }: ApprovalId, manager?: EntityManager): Promise<ApprovalStory> {
    const story = await this.find({ model, number }, manager);
    if (!story) throw new PerennialError('NotFound', `${model} has no approval ${number}; \`perennial approvals ${model}\` lists them`, { model, number });
    return story;
  }

  async find({ model, number }: ApprovalId, manager?: EntityManager): Promise<ApprovalStory | null> {
    if (!manager) return inSnapshot(this.dataSource, (snapshot) => this.find({ model, number }, snapshot));
    const approval = await manager.findOneBy(Approval, { model, number });
    return approval && approvalStoryOf(approval, manager);
  }

  /** The last one of a subject that was opened. */
  async newest(subject: ApprovalSubject, manager?: EntityManager): Promise<ApprovalStory | null> {
    return manager ? newestApproval(subject, manager) : inSnapshot(this.dataSource, (snapshot) => newestApproval(subject, snapshot));
  }

  /** The tier under which a use case of the model was approved last; null where none ever was. */
  async approvedTier(model: string, manager: EntityManager): Promise<ModelSpec['tier'] | null> {
    const approval = await manager.getRepository(Approval).createQueryBuilder('approval')
      .innerJoin(ApprovalEnd, 'over', "over.model = approval.model AND over.approval = approval.number AND over.outcome = 'approved'").where({ model, kind: 'useCase' }).orderBy('approval.number', 'DESC').getOne();
    return approval && approval.tier;
  }

  /** Newest first. */
  async list(model: string, limit: number): Promise<ApprovalStory[]> {
    return inSnapshot(this.dataSource, (manager) => listedApprovals(manager, model, limit));
  }

  /** Those of all models that nobody has decided. */
  async open(kind: ApprovalKind): Promise<Approval[]> {
    return this.dataSource.getRepository(Approval).createQueryBuilder('approval')
      .leftJoin(ApprovalEnd, 'over', 'over.model = approval.model AND over.approval = approval.number').where('over.model IS NULL AND approval.kind = :kind', { kind }).orderBy('approval.openedAt').getMany();
  }

  /** Opens the next approval of a subject; one that is open is voided by it. The caller has locked the model's row. */
  async add(manager: EntityManager, request: Omit<Approval, 'number'>, origin: Origin): Promise<number> {
    const before = await this.newest(request, manager);
    const number = ((await manager.maximum(Approval, 'number', { model: request.model })) ?? 0) + 1;
    if (before && !before.end) await this.end(manager, before.approval, { outcome: 'voided', reason: `Approval ${number} took its place.`, at: request.openedAt }, origin);
    await manager.insert(Approval, { ...request, number });
    const { kind, version, digest, evidence, model, author, tier, rule, openedAt, expiresAt } = request;
    await this.audit.append(manager, {
      at: openedAt, actor: author, action: 'approval.opened', model, subject: `approval/${number}`, origin, commandId: request.commandId,
      details: { kind, ...(version !== null && { version }), digest, evidence, tier, rule, expiresAt: expiresAt.toISOString() },
    });
    return number;
  }

  /** Keeps a vote. The caller has locked the model's row and seen that it may be cast. */
  async addVote(manager: EntityManager, vote: ApprovalVote): Promise<void> {
    await manager.insert(ApprovalVote, vote);
  }

  /** Ends an approval, once: the first word stands. @returns false when it had ended before. */
  async end(manager: EntityManager, { model, number }: ApprovalId, { outcome, reason, at, actor, commandId }: ApprovalEnding, origin: Origin): Promise<boolean> {
    const inserted: unknown[] = await manager.query(
      'INSERT INTO approval_end (model, approval, outcome, reason, at, command_id) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (model, approval) DO NOTHING RETURNING approval', [model, number, outcome, reason, at, commandId],
    );
    if (inserted.length === 0) return false;
    await this.audit.append(manager, { at, actor: actor ?? SYSTEM_ACTOR, action: `approval.${outcome}`, model, subject: `approval/${number}`, origin, details: { reason } });
    return true;
  }

  /** Ends one whose time is over, unless it was decided, is paused, or is held by a retirement. A vote that is being counted comes first. */
  async expire({ model, number }: ApprovalId, at: Date, origin: Origin): Promise<boolean> {
    return this.dataSource.transaction(async (manager) => {
      await manager.query('SELECT FROM model WHERE name = $1 FOR NO KEY UPDATE', [model]);
      const { approval, votes, term } = await this.get({ model, number }, manager);
      if (term.paused || at < term.expiresAt) return false;
      const cast = votes.length === 0 ? 'Nobody voted' : votes.map(({ actor, choice }) => `${actor}: ${choice}`).join(', ');
      return this.end(manager, approval, { outcome: 'expired', reason: `Not decided by ${term.expiresAt.toISOString()}. ${cast}.`, at }, origin);
    });
  }
}

/** Newest first. @param manager of a snapshot */
export async function listedApprovals(manager: EntityManager, model: string, limit: number): Promise<ApprovalStory[]> {
  const stories: ApprovalStory[] = [];
  for (const approval of await manager.find(Approval, { where: { model }, order: { number: 'DESC' }, take: limit })) stories.push(await approvalStoryOf(approval, manager));
  return stories;
}

/** The last one of a subject that was opened. */
export async function newestApproval({ kind, model, version }: ApprovalSubject, manager: EntityManager): Promise<ApprovalStory | null> {
  const approval = await manager.findOne(Approval, { where: { kind, model, version: version ?? IsNull() }, order: { number: 'DESC' } });
  return approval && approvalStoryOf(approval, manager);
}

/** An approval with what is on record of it. Read one after the other: a transaction has one connection. */
export async function approvalStoryOf(approval: Approval, manager: EntityManager): Promise<ApprovalStory> {
  const id = { model: approval.model, approval: approval.number };
  const [votes, end] = [await manager.find(ApprovalVote, { where: id, order: { at: 'ASC', actor: 'ASC' } }), await manager.findOneBy(ApprovalEnd, id)];
  const stage = await stageOf(manager, approval);
  const moves = await movesOf(manager, stage);
  // Who votes on a version decides over its validation, which a retirement holds.
  const holds = approval.kind === 'version' ? await retirementHolds(manager, approval.model) : [];
  return { approval, votes, end, words: wordsOf(end, moves), term: runningTerm(approval, moves, holds), stage };
}

/** The stage whose pauses stop the time of an approval. */
async function stageOf(manager: EntityManager, { kind, model, number, version }: Approval): Promise<StageId> {
  if (kind === 'version') return { model, stage: 'validation', subject: version };
  if (kind === 'useCase') return { model, stage: 'useCaseApproval', subject: number };
  return { model, stage: 'retirement', subject: (await manager.findOneBy(Retirement, { model, approval: number }))?.number ?? null };
}

/** What a person gave for an end, from the move of the stage that brought it about. */
export const wordsOf = (end: Pick<ApprovalEnd, 'commandId'> | null, moves: readonly Pick<StageMove, 'commandId' | 'reason'>[]): string | null => moves.find(({ commandId }) => commandId === end?.commandId)?.reason ?? null;

/** To be shown, and put on no ledger: what a person gave for it stands after what became of it. */
export const shownEnd = ({ end, words }: { readonly end: { readonly reason: string } | null; readonly words: string | null }): string | null => end && (words === null ? end.reason : `${end.reason} ${words}`);
