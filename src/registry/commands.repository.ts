import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { canonicalJson, sha256 } from '../contracts/canonical.js';
import type { CommandBodies, CommandKind, CommandOutcome } from '../contracts/commands.js';
import { PerennialError } from '../contracts/failures.js';
import { goLiveSubject } from '../contracts/go-live.js';
import { modelOfWorkflow } from '../contracts/motion.js';
import type { Stage } from '../contracts/stages.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { forbiddenNow } from './command-permission.js';
import { Command } from './entities/command.entity.js';

export interface CommandRequest<K extends CommandKind = CommandKind> {
  readonly actor: string;
  readonly idempotencyKey: string;
  readonly kind: K;
  readonly model: string;
  readonly body: CommandBodies[K];
}

export interface Accepted {
  readonly command: Command;
  /** False when the same request had been accepted before. */
  readonly created: boolean;
}

@Injectable()
export class CommandsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /**
   * Accepts a command once for each actor and idempotency key.
   * @throws PerennialError `IdempotencyKeyReused` when the key stands for another request.
   */
  async accept<K extends CommandKind>(request: CommandRequest<K>, at: Date): Promise<Accepted> {
    return this.acceptWithin(this.dataSource.manager, request, at);
  }

  /** The same as part of a transaction. */
  async acceptWithin<K extends CommandKind>(manager: EntityManager, request: CommandRequest<K>, at: Date): Promise<Accepted> {
    const body = canonicalJson(request.body);
    const bodyDigest = sha256(canonicalJson({ kind: request.kind, model: request.model, body: request.body }));
    const inserted: { id: string }[] = await manager.query(
      `INSERT INTO command (id, actor, idempotency_key, kind, model, body, body_digest, state, accepted_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, 'accepted', $8)
       ON CONFLICT (actor, idempotency_key) DO NOTHING RETURNING id`,
      [randomUUID(), request.actor, request.idempotencyKey, request.kind, request.model, Buffer.from(body), bodyDigest, at],
    );
    const command = await manager.findOneByOrFail(Command, { actor: request.actor, idempotencyKey: request.idempotencyKey });
    if (command.bodyDigest !== bodyDigest) {
      throw new PerennialError('IdempotencyKeyReused', `The idempotency key was first used for another request, a ${command.kind} of ${command.model}; send this one with a key of its own`, {
        firstKind: command.kind,
        firstModel: command.model,
      });
    }
    return { command, created: inserted.length > 0 };
  }

  /** @param id also one that a stranger made up */
  async find(id: string): Promise<Command | null> {
    return UUID.test(id) ? this.dataSource.manager.findOneBy(Command, { id }) : null;
  }

  /** What became of those that are settled, by their ids. */
  async outcomesOf(ids: readonly string[]): Promise<Map<string, CommandOutcome>> {
    const rows: { id: string; outcome: CommandOutcome }[] = await this.dataSource.query("SELECT id, outcome FROM command WHERE id = ANY($1) AND state <> 'accepted'", [ids]);
    return new Map(rows.map(({ id, outcome }) => [id, outcome]));
  }

  /** The commands of a model that nobody has settled, in the order in which they were accepted. */
  async inbox(model: string, limit: number): Promise<string[]> {
    const rows: { id: string }[] = await this.dataSource.query("SELECT id FROM command WHERE state = 'accepted' AND model = $1 ORDER BY accepted_at, id LIMIT $2", [model, limit]);
    return rows.map(({ id }) => id);
  }

  /** Notes that commands are sent again which nobody has settled and that were last sent before `sentBefore`. @returns how many of each model */
  async resend(sentBefore: Date, at: Date): Promise<{ model: string; commands: number }[]> {
    return this.dataSource.query(
      `WITH sent AS (UPDATE command SET sent_at = $2 WHERE state = 'accepted' AND coalesce(sent_at, accepted_at) < $1 RETURNING model)
       SELECT model, count(*)::int AS commands FROM sent GROUP BY model ORDER BY model`,
      [sentBefore, at],
    );
  }

  async markSent(id: string, at: Date): Promise<void> {
    await this.dataSource.manager.update(Command, { id }, { sentAt: at });
  }

  /**
   * Lets a command take effect, once: effect, outcome and audit entry are one transaction. A command that was settled
   * before has its outcome returned and no second effect; one whose actor may not ask for it any more has none.
   * @throws PerennialError `CommandUnknown` when no command was accepted under the id; the attempt is on the record.
   */
  async settle(
    id: string,
    at: Date,
    origin: Origin,
    effect: (manager: EntityManager, command: Command) => Promise<CommandOutcome>,
  ): Promise<CommandOutcome> {
    const outcome = await this.dataSource.transaction(async (manager) => {
      const command = await manager.findOne(Command, { where: { id }, lock: { mode: 'pessimistic_write' } });
      if (!command) return undefined;
      if (command.outcome) return command.outcome;
      const outcome = (await forbiddenNow(manager, command)) ?? (await effect(manager, command));
      await manager.update(Command, { id }, { state: outcome.kind === 'refused' ? 'refused' : 'done', outcome, settledAt: at } as object);
      const { body, texts } = describeBody(command, outcome);
      const said = describeOutcome(outcome);
      await this.audit.append(manager, {
        at,
        actor: command.actor,
        action: outcome.kind === 'refused' ? `${command.kind}.refused` : ACTIONS[command.kind],
        model: command.model,
        subject: subjectOf(command, outcome),
        details: { outcome: said.outcome, body },
        texts: { ...texts, ...said.texts },
        commandId: id,
        origin,
      });
      return outcome;
    });
    return outcome ?? this.refuseUnknown(id, at, origin);
  }

  /**
   * Puts on the record that somebody asked for a command that there is not.
   * @throws PerennialError `CommandUnknown`, always
   */
  async refuseUnknown(id: string, at: Date, origin: Origin): Promise<never> {
    const asked = strangersText(id);
    await this.audit.append(this.dataSource.manager, {
      at,
      actor: 'unknown',
      action: 'command.unknown',
      model: modelOfWorkflow(origin.workflowId),
      subject: 'command',
      details: { id: asked },
      origin,
    });
    throw new PerennialError('CommandUnknown', 'No command was accepted under that id; commands come through the API', { id: asked });
  }

  /** Puts on the record that somebody sent a workflow what it does not know, past the API. @param nth counts such signals, or updates, to the run, from 1: not each of a flood has an entry */
  async addUnknown(sent: 'signal' | 'update', { name, nth }: { readonly name: string; readonly nth: number }, at: Date, origin: Origin): Promise<void> {
    await this.audit.append(this.dataSource.manager, {
      at, actor: 'unknown', action: `${sent}.unknown`, model: modelOfWorkflow(origin.workflowId), subject: sent, details: { [sent]: strangersText(name), nth, workflow: origin.workflowId }, origin,
    });
  }
}

/** What a stranger made up, cut short. Half a surrogate pair has no canonical form. */
const strangersText = (text: string): string => Buffer.from(text.slice(0, 100)).toString('utf8');

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const ACTIONS: Readonly<Record<CommandKind, string>> = {
  apply: 'spec.applied',
  retrain: 'retrain.requested',
  rollback: 'rollback.requested',
  release: 'release.requested',
  steer: 'release.steered',
  replay: 'replay.requested',
  alarm: 'alarm.acted',
  releaseWindow: 'window.released',
  vote: 'approval.voted',
  requestApproval: 'approval.requested',
  openFinding: 'finding.reported',
  closeFinding: 'finding.answered',
  recordReview: 'review.recorded',
  retire: 'retirement.requested',
  withdrawRetirement: 'retirement.withdrawn',
  confirmRetirement: 'retirement.consumerConfirmed',
  waiveRetirement: 'retirement.waived',
  setLegalHold: 'legalHold.set',
  liftLegalHold: 'legalHold.lifted',
  decideValidation: 'validation.decided',
  confirmGoLive: 'goLive.confirmed',
  steerStage: 'stage.steered',
  sendBackStage: 'stage.sentBack',
};

function subjectOf(command: Command, outcome: CommandOutcome): string {
  if (outcome.kind === 'retrain') return `retrain/${outcome.number}`;
  if (outcome.kind === 'rollback') return `deployment/${outcome.deployment}`;
  if (outcome.kind === 'release' || outcome.kind === 'steer') return `release/${outcome.number}`;
  if (outcome.kind === 'replay') return `replay/${outcome.number}`;
  if (outcome.kind === 'alarm') return `alarm/${outcome.alarm}`;
  if (outcome.kind === 'releaseWindow') return `window/${command.model}/${outcome.deployment}/${outcome.from}`;
  if (outcome.kind === 'vote') return `approval/${outcome.approval}`;
  if (outcome.kind === 'requestApproval') return `approval/${outcome.number}`;
  if (outcome.kind === 'openFinding' || outcome.kind === 'closeFinding') return `finding/${outcome.finding}`;
  if (outcome.kind === 'recordReview') return `review/${outcome.review}`;
  if (outcome.kind === 'retire' || outcome.kind === 'withdrawRetirement' || outcome.kind === 'confirmRetirement' || outcome.kind === 'waiveRetirement') return `retirement/${outcome.number}`;
  if (outcome.kind === 'setLegalHold' || outcome.kind === 'liftLegalHold') return `legal-hold/${outcome.hold}`;
  if (outcome.kind === 'confirmGoLive') return goLiveSubject(outcome);
  if (outcome.kind === 'steerStage' || outcome.kind === 'sendBackStage') return outcome.subject === null ? `stage/${outcome.stage}` : `${STAGE_SUBJECTS[outcome.stage]}/${outcome.subject}`;
  if (command.kind === 'decideValidation') return `validation/${bodyOf<'decideValidation'>(command).version}`;
  return `model/${command.model}`;
}

/** What the number of a stage's subject counts. */
const STAGE_SUBJECTS: Readonly<Record<Stage, string>> = {
  useCaseApproval: 'approval', development: 'stage', validation: 'validation', deployment: 'release', production: 'stage', retirement: 'retirement',
};

/** Fields of a request in which people write: their words go beside the entry. */
const WRITTEN: readonly string[] = ['reason', 'title', 'evidenceNeeded', 'evidence', 'said', 'answers'];

/** A refusal that repeats what another person wrote (`details.why`) has those words beside the entry too. */
function describeOutcome(outcome: CommandOutcome): { readonly outcome: CommandOutcome; readonly texts: Readonly<Record<string, string>> } {
  const why = outcome.kind === 'refused' ? outcome.details['why'] : undefined;
  if (outcome.kind !== 'refused' || typeof why !== 'string') return { outcome, texts: {} };
  const { why: _why, ...details } = outcome.details;
  return { outcome: { ...outcome, message: outcome.message.replaceAll(JSON.stringify(why), '…'), details }, texts: { why } };
}

/** A spec is kept whole in its own table, and each finding that was opened has an entry of its own; the entry only needs what was asked, and people's words beside it. */
function describeBody(command: Command, outcome: CommandOutcome): { readonly body: Readonly<Record<string, unknown>>; readonly texts: Readonly<Record<string, string | null>> } {
  if (command.kind === 'apply') return { body: { sourceDigest: sha256(command.body) }, texts: {} };
  const body = Object.entries(bodyOf<Exclude<CommandKind, 'apply'>>(command) as Readonly<Record<string, unknown>>);
  const spoken = command.actor === SYSTEM_ACTOR ? [] : body.filter(([name]) => WRITTEN.includes(name));
  const asked = body.filter((entry) => !spoken.includes(entry) && entry[0] !== 'findings');
  const unopened = outcome.kind === 'refused' ? body.filter(([name, found]) => name === 'findings' && Array.isArray(found) && found.length > 0) : [];
  return { body: Object.fromEntries(asked), texts: Object.fromEntries([...spoken, ...unopened].map(([name, words]) => [name, typeof words === 'string' || words === null ? words : canonicalJson(words)])) };
}

/** The request of a command of a known kind. */
export function bodyOf<K extends CommandKind>(command: Command): CommandBodies[K] {
  return JSON.parse(command.body.toString('utf8')) as CommandBodies[K];
}
