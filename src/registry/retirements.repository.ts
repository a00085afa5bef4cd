import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { PerennialError } from '../contracts/failures.js';
import { type EvidenceStepName, RETIREMENT_CALLED_OFF, type RetirementId, type RetirementService, type RetirementState, retirementState, type RetirementStepName, type StoppedRouting } from '../contracts/retirements.js';
import { AuditLedger, type Origin, spokenReason, SYSTEM_ACTOR } from './audit-ledger.js';
import { Retirement, RetirementCertificate, RetirementConfirmation, RetirementDeletion, RetirementStep } from './entities/retirement.entity.js';
import { Routing } from './entities/routing.entity.js';
import { retirementInForce } from './retiring-models.js';
import { inSnapshot } from './snapshot.js';

/** A retirement with all that is on record of its course. */
export interface RetirementStory {
  readonly retirement: Retirement;
  /** In the order in which they were taken. */
  readonly steps: readonly RetirementStep[];
  readonly confirmations: readonly RetirementConfirmation[];
  /** The last edition first. */
  readonly certificates: readonly RetirementCertificate[];
}

/** A step as it is taken. `reason`: what a person gave for it. */
export interface TakenStep {
  readonly step: RetirementStepName | EvidenceStepName;
  readonly at: Date;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly actor?: string;
  readonly reason?: string;
}

/** Retirements of models: of each model one is in force at most, and rows are only ever added. */
@Injectable()
export class RetirementsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /** Adds the next one of a model. The caller has locked the model's row and seen that none is in force. */
  async add(manager: EntityManager, request: Omit<Retirement, 'number'>): Promise<number> {
    const number = ((await manager.maximum(Retirement, 'number', { model: request.model })) ?? 0) + 1;
    await manager.insert(Retirement, { ...request, number });
    return number;
  }

  /** As it stands at one moment. @param manager of a transaction that has locked the model's row, or of a snapshot @throws PerennialError `NotFound` */
  async get({ model, number }: RetirementId, manager?: EntityManager): Promise<RetirementStory> {
    if (!manager) return inSnapshot(this.dataSource, (snapshot) => this.get({ model, number }, snapshot));
    const retirement = await manager.findOneBy(Retirement, { model, number });
    if (!retirement) throw new PerennialError('NotFound', `${model} has no retirement ${number}`, { model, number });
    return this.story(retirement, manager);
  }

  /** The last one that was asked for, also where it was called off. */
  async newest(model: string, manager?: EntityManager): Promise<RetirementStory | null> {
    if (!manager) return inSnapshot(this.dataSource, (snapshot) => this.newest(model, snapshot));
    const retirement = await manager.findOne(Retirement, { where: { model }, order: { number: 'DESC' } });
    return retirement && this.story(retirement, manager);
  }

  /** That of a model that is under way or done. */
  async inForce(model: string, manager?: EntityManager): Promise<RetirementStory | null> {
    if (!manager) return inSnapshot(this.dataSource, (snapshot) => this.inForce(model, snapshot));
    const found = await retirementInForce(manager, model);
    return found ? this.get({ model, number: found.number }, manager) : null;
  }

  /** Where the retirements stand that were not called off, by model. */
  async states(): Promise<ReadonlyMap<string, RetirementState>> {
    const rows: { model: string; steps: string[] }[] = await this.dataSource.query(STATES, [[...RETIREMENT_CALLED_OFF]]);
    return new Map(rows.map(({ model, steps }) => [model, retirementState(new Set(steps))]));
  }

  /** Those of all models that are not over. */
  async open(): Promise<RetirementId[]> {
    return this.dataSource.query(OPEN, [[...RETIREMENT_CALLED_OFF, 'deleted']]);
  }

  private async story(retirement: Retirement, manager: EntityManager): Promise<RetirementStory> {
    const id = { model: retirement.model, number: retirement.number };
    return {
      retirement, steps: await manager.find(RetirementStep, { where: id, order: { at: 'ASC', step: 'ASC' } }),
      confirmations: await manager.find(RetirementConfirmation, { where: id, order: { at: 'ASC', consumer: 'ASC' } }),
      certificates: await manager.find(RetirementCertificate, { where: id, order: { edition: 'DESC' } }),
    };
  }

  /** Takes a step, once: the first word stands. @returns false when it had been taken before */
  async take(manager: EntityManager, { model, number }: RetirementId, { step, at, details = {}, actor = SYSTEM_ACTOR, reason }: TakenStep, origin: Origin): Promise<boolean> {
    const inserted: unknown[] = await manager.query(
      'INSERT INTO retirement_step (model, number, step, actor, details, at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (model, number, step) DO NOTHING RETURNING step',
      [model, number, step, actor, JSON.stringify({ ...details, ...(reason !== undefined && { reason }) }), at],
    );
    if (inserted.length === 0) return false;
    // What a command asked for is on the ledger with the command.
    const spoken = spokenReason(actor, reason);
    if (actor === SYSTEM_ACTOR) await this.audit.append(manager, { at, actor, action: `retirement.${step}`, model, subject: `retirement/${number}`, origin, details: { ...details, ...spoken.details } });
    return true;
  }

  async addConfirmation(manager: EntityManager, confirmation: RetirementConfirmation): Promise<void> {
    await manager.insert(RetirementConfirmation, confirmation);
  }

  /** What the deployments of a model do from now on; nothing is mirrored, and nobody gets a share of their traffic. @returns the revisions that gateways have to follow */
  async serve(manager: EntityManager, model: string, service: RetirementService, at: Date): Promise<StoppedRouting[]> {
    const changed: StoppedRouting[] = [];
    for (const { deployment, revision } of await manager.find(Routing, { where: { model }, order: { deployment: 'ASC' } })) {
      const next = { revision: revision + 1, challengers: [], weights: {}, paused: false, retirement: service, changedAt: at };
      const { affected } = await manager.update(Routing, { model, deployment, revision }, next);
      if (!affected) throw new PerennialError('RoutingMoved', `The routing of ${model}/${deployment} is no longer at revision ${revision}; nothing was changed`, { model, deployment, revision });
      changed.push({ deployment, revision: next.revision });
    }
    return changed;
  }

  /** When gateways last told of requests for a model. */
  async lastTraffic(model: string, manager: EntityManager = this.dataSource.manager): Promise<Date | null> {
    const [{ last }]: [{ last: Date | null }] = await manager.query("SELECT max(updated_at) AS last FROM serving_tally WHERE model = $1 AND (requests > 0 OR errors <> '{}')", [model]);
    return last;
  }

  async deletions({ model, number }: RetirementId, manager: EntityManager = this.dataSource.manager): Promise<RetirementDeletion[]> {
    return manager.find(RetirementDeletion, { where: { model, number }, order: { at: 'ASC', digest: 'ASC' } });
  }

  /** Keeps what becomes of an artifact. The caller has locked the model's row and seen that no hold is in force. */
  async addDeletion(manager: EntityManager, deletion: RetirementDeletion): Promise<void> {
    await manager.insert(RetirementDeletion, deletion);
  }

  /** Adds an edition, unless there is one that tells of the same. */
  async certify(certificate: RetirementCertificate, origin: Origin): Promise<void> {
    const { model, number, edition, evidence, jsonDigest, htmlDigest, at } = certificate;
    await this.inTurn(model, async (manager) => {
      if (await manager.existsBy(RetirementCertificate, { model, number, edition })) return;
      await manager.insert(RetirementCertificate, certificate);
      await this.audit.append(manager, { at, actor: SYSTEM_ACTOR, action: 'retirement.certified', model, subject: `retirement/${number}`, origin, details: { edition, evidence, json: jsonDigest, html: htmlDigest } });
    });
  }

  /** What has to be seen together, read together. */
  async atOneMoment<T>(read: (manager: EntityManager) => Promise<T>): Promise<T> {
    return inSnapshot(this.dataSource, read);
  }

  /** A transaction that has locked the model's row: one at a time. */
  async inTurn<T>(model: string, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.dataSource.transaction(async (manager) => {
      await manager.query('SELECT FROM model WHERE name = $1 FOR NO KEY UPDATE', [model]);
      return work(manager);
    });
  }
}

const STATES = `
SELECT model, ARRAY (SELECT step FROM retirement_step step WHERE step.model = retirement.model AND step.number = retirement.number) AS steps FROM retirement
WHERE NOT EXISTS (SELECT FROM retirement_step step WHERE step.model = retirement.model AND step.number = retirement.number AND step.step = ANY ($1))`;

const OPEN = `
SELECT model, number FROM retirement
WHERE NOT EXISTS (SELECT FROM retirement_step step WHERE step.model = retirement.model AND step.number = retirement.number AND step.step = ANY ($1)) ORDER BY requested_at`;
