import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, In, IsNull, MoreThan } from 'typeorm';
import { releaseAlarmKey } from '../contracts/alarms.js';
import { canonicalJson, sha256 } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import { deploymentWorkflowId } from '../contracts/motion.js';
import type { ReleaseEnd, ReleaseId, ReleaseMeasurement, ReleaseOutcome, ReleasePlan, ReleaseStage, ReleaseState } from '../contracts/releases.js';
import { AuditLedger, type Origin, spokenReason, SYSTEM_ACTOR } from './audit-ledger.js';
import type { Command } from './entities/command.entity.js';
import { ModelVersion } from './entities/model-version.entity.js';
import { Model } from './entities/model.entity.js';
import { Release, ReleaseStep } from './entities/release.entity.js';
import type { Routing } from './entities/routing.entity.js';
import { endOpenAlarms } from './open-alarms.js';
import { RoutingRepository } from './routing.repository.js';
import { requireNotRetiring } from './retiring-models.js';

export type ReleaseRequest = Pick<Release, 'model' | 'deployment' | 'version' | 'retrain' | 'commandId' | 'specDigest' | 'requestedBy' | 'requestReason'>;

/** A transition: what changes of a release, and what its step says. */
export interface Transition {
  readonly changes: Partial<Release>;
  readonly action: string;
  readonly reason: string;
  readonly actor: string;
  readonly measurement: ReleaseMeasurement | null;
  /** Of the routing, after it. */
  readonly revision: number;
}

const ACTIVE: ReleaseStage[] = ['shadow', 'canary', 'watch'];

@Injectable()
export class ReleasesRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
    private readonly routing: RoutingRepository,
  ) {}

  async find({ model, number }: ReleaseId): Promise<Release | null> {
    return this.dataSource.manager.findOneBy(Release, { model, number });
  }

  /** @throws PerennialError `NotFound` */
  async get(id: ReleaseId): Promise<Release> {
    const release = await this.find(id);
    if (!release) throw new PerennialError('NotFound', `${id.model} has no release ${id.number}; \`perennial releases ${id.model}\` lists them`, { model: id.model, number: id.number });
    return release;
  }

  /** Newest first. */
  async list(model: string, limit: number): Promise<Release[]> {
    return this.dataSource.manager.find(Release, { where: { model }, order: { number: 'DESC' }, take: limit });
  }

  async steps({ model, number }: ReleaseId): Promise<ReleaseStep[]> {
    return this.dataSource.manager.find(ReleaseStep, { where: { model, release: number }, order: { number: 'ASC' } });
  }

  /** The release under way, or else the one whose turn it is. */
  async current(model: string, manager: EntityManager = this.dataSource.manager): Promise<Release | null> {
    return (
      (await manager.findOneBy(Release, { model, stage: In(ACTIVE) })) ??
      (await manager.findOne(Release, { where: { model, stage: 'queued' }, order: { number: 'ASC' } }))
    );
  }

  /** The release that has left the queue and not ended. */
  async active(model: string): Promise<Release | null> {
    return this.dataSource.manager.findOneBy(Release, { model, stage: In(ACTIVE) });
  }

  /** The current release of every model. */
  async allCurrent(): Promise<Release[]> {
    const models: { model: string }[] = await this.dataSource.query('SELECT DISTINCT model FROM release WHERE outcome IS NULL ORDER BY model');
    const releases = await Promise.all(models.map(({ model }) => this.current(model)));
    return releases.filter((release) => release !== null);
  }

  /** Releases of a model that have not ended, in their order. */
  async open(manager: EntityManager, model: string): Promise<Release[]> {
    return manager.find(Release, { where: { model, outcome: IsNull() }, order: { number: 'ASC' } });
  }

  /** Adds a release at the end of the queue. The caller has locked the model's row. @throws PerennialError `ModelRetiring` */
  async add(manager: EntityManager, request: ReleaseRequest, at: Date, origin: Origin): Promise<number> {
    await requireNotRetiring(manager, request.model);
    const last = await manager.findOne(Release, { where: { model: request.model }, order: { number: 'DESC' } });
    const number = (last?.number ?? 0) + 1;
    const { revision } = await this.routing.get(request.model, request.deployment, manager);
    await manager.insert(Release, { ...request, number, requestedAt: at, stage: 'queued', transitions: 0, paused: false } as object);
    await this.transit(manager, await this.lock(manager, { model: request.model, number }), {
      changes: {}, action: 'request', reason: request.requestReason, actor: request.requestedBy, measurement: null, revision,
    }, at, origin);
    return number;
  }

  /** A transaction that has locked the model's row: one at a time. */
  async inTurn<T>(model: string, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.dataSource.transaction(async (manager) => {
      await manager.findOneOrFail(Model, { where: { name: model }, lock: { mode: 'for_no_key_update' } });
      return work(manager);
    });
  }

  async ofRetrain(manager: EntityManager, model: string, retrain: number): Promise<Release | null> {
    return manager.findOneBy(Release, { model, retrain });
  }

  /** The release, locked until the transaction ends. Whoever locks a routing too locks it afterwards. */
  async lock(manager: EntityManager, { model, number }: ReleaseId): Promise<Release> {
    const release = await manager.findOne(Release, { where: { model, number }, lock: { mode: 'pessimistic_write' } });
    if (!release) throw new PerennialError('NotFound', `${model} has no release ${number}; \`perennial releases ${model}\` lists them`, { model, number });
    return release;
  }

  /** Makes a transition and puts it on the record: the row, its step and the audit entry are one transaction. */
  async transit(manager: EntityManager, release: Release, { changes, action, reason, actor, measurement, revision }: Transition, at: Date, origin: Origin): Promise<Release> {
    const { model, number } = release;
    const after = Object.assign(new Release(), release, changes, { transitions: release.transitions + 1 });
    await manager.update(Release, { model, number }, { ...changes, transitions: after.transitions } as object);
    const bytes = measurement && canonicalJson(measurement);
    const step = {
      model, release: number, number: after.transitions, stage: after.stage, step: after.step ?? null, action, reason, actor,
      measurement: bytes === null ? null : Buffer.from(bytes), measurementDigest: bytes === null ? null : sha256(bytes),
      revision, eventTime: measurement?.streamTimeMs == null ? null : new Date(measurement.streamTimeMs), takenAt: at,
    };
    await manager.insert(ReleaseStep, step);
    const spoken = spokenReason(actor, reason);
    await this.audit.append(manager, {
      at, actor, action: `release.${action}`, model, subject: `release/${number}`, origin,
      texts: spoken.texts,
      details: { ...spoken.details, version: release.version, stage: after.stage, step: after.step ?? null, outcome: after.outcome ?? null, revision, measurement: step.measurementDigest, plan: after.planDigest ?? null },
    });
    return after;
  }

  /** Takes what a release mirrors or gives a share to out of the routing. @returns the routing's revision */
  async clearTraffic(manager: EntityManager, release: Release, routing: Routing, at: Date): Promise<number> {
    const bound = release.stage === 'watch' ? release.promotedEpoch : release.epoch;
    if (!ACTIVE.includes(release.stage) || bound !== routing.epoch) return routing.revision;
    return this.routing.changeTraffic(manager, routing, { challengers: [], weights: {}, paused: false }, at);
  }

  /** Ends a release within a transaction that has locked it and its routing. */
  async finish(
    manager: EntityManager, release: Release, routing: Routing,
    end: ReleaseEnd & { readonly unfit: boolean; readonly actor: string; readonly measurement: ReleaseMeasurement | null; readonly action?: string },
    at: Date, origin: Origin,
  ): Promise<Release> {
    const { outcome, reason, failure, unfit, actor, measurement } = end;
    const revision = await this.clearTraffic(manager, release, routing, at);
    if (unfit) await this.markUnfit(manager, release, outcome, reason, at);
    await endOpenAlarms(manager, this.audit, { dedupKey: releaseAlarmKey(release.model, release.number) }, `The release has ended: ${outcome}.`, at, origin);
    const changes = { stage: 'finished', step: null, outcome, reason, failure, finishedAt: at, wanted: null } as const;
    return this.transit(manager, release, { changes, action: end.action ?? outcome, reason, actor, measurement, revision }, at, origin);
  }

  /** Ends a release whose workflow cannot, once. @returns false when it had ended before. */
  async end(id: ReleaseId, end: ReleaseEnd, at: Date, origin: Origin, actor: string = SYSTEM_ACTOR): Promise<boolean> {
    return this.dataSource.transaction(async (manager) => {
      await manager.findOneOrFail(Model, { where: { name: id.model }, lock: { mode: 'for_no_key_update' } });
      const release = await this.lock(manager, id);
      if (release.outcome !== null) return false;
      const routing = await this.routing.lock(manager, release.model, release.deployment);
      await this.finish(manager, release, routing, { ...end, unfit: false, actor, measurement: null }, at, origin);
      return true;
    });
  }

  /** Puts a newer candidate in the place of those that are not promoted yet. @returns their workflows, which learn of it when they are told */
  async supersede(manager: EntityManager, model: string, by: number, at: Date, origin: Origin): Promise<string[]> {
    const superseded: string[] = [];
    for (const open of await this.open(manager, model)) {
      if (open.stage === 'watch') continue;
      const release = await this.lock(manager, open);
      const routing = await this.routing.lock(manager, model, release.deployment);
      await this.finish(manager, release, routing, {
        outcome: 'superseded', reason: `Version ${by} took its place.`, failure: null, unfit: false, actor: SYSTEM_ACTOR, measurement: null,
      }, at, origin);
      superseded.push(deploymentWorkflowId(model, release.version));
    }
    return superseded;
  }

  /** Ends all that are open, because the model retires. @returns their workflows, which learn of it when they are told */
  async endAll(manager: EntityManager, model: string, reason: string, actor: string, at: Date, origin: Origin): Promise<string[]> {
    const ended: string[] = [];
    for (const open of await this.open(manager, model)) {
      const release = await this.lock(manager, open);
      const routing = await this.routing.lock(manager, model, release.deployment);
      await this.finish(manager, release, routing, { outcome: 'aborted', reason, failure: null, unfit: false, actor, measurement: null }, at, origin);
      ended.push(deploymentWorkflowId(model, release.version));
    }
    return ended;
  }

  /** Pauses, resumes, or notes what a person asked for. @throws PerennialError `ReleaseNotSteerable` */
  async steer(manager: EntityManager, id: ReleaseId, { action, reason }: { action: 'pause' | 'resume' | 'advance' | 'abort'; reason: string }, command: Command, at: Date, origin: Origin): Promise<{ release: Release; joined: boolean }> {
    const release = await this.lock(manager, id);
    const refusal = refusalOf(release, action);
    if (refusal) throw new PerennialError('ReleaseNotSteerable', `Release ${id.number} of ${id.model} ${refusal}`, { number: id.number, stage: release.stage, outcome: release.outcome });
    if (action === release.wanted) return { release, joined: true };
    const routing = await this.routing.lock(manager, release.model, release.deployment);
    if (action === 'abort' && release.stage === 'queued') {
      const end = { outcome: 'aborted', reason, failure: null, unfit: false, actor: command.actor, measurement: null } as const;
      return { release: await this.finish(manager, release, routing, end, at, origin), joined: false };
    }
    const paused = action === 'pause' ? true : action === 'resume' ? false : release.paused;
    const { challengers, weights } = routing;
    const serving = ACTIVE.includes(release.stage);
    const revision = serving ? await this.routing.changeTraffic(manager, routing, { challengers, weights, paused }, at) : routing.revision;
    const changes = action === 'pause' || action === 'resume' ? { paused } : { wanted: action, wantedCommand: command.id, wantedReason: reason };
    const after = await this.transit(manager, release, { changes, action: action === 'advance' || action === 'abort' ? `ask-${action}` : action, reason, actor: command.actor, measurement: null, revision }, at, origin);
    return { release: after, joined: false };
  }

  /** Notes the newest look, and from when on event time counts where that was not known. */
  async recordLook(manager: EntityManager, { model, number }: ReleaseId, latest: NonNullable<Release['latest']>, sinceEvent: Date | null): Promise<void> {
    await manager.update(Release, { model, number }, { latest, ...(sinceEvent ? { sinceEvent } : {}) });
  }

  async withoutHistory(since: Date, limit: number): Promise<Release[]> {
    return this.dataSource.manager.find(Release, { where: { finishedAt: MoreThan(since), historyDigest: IsNull() }, order: { finishedAt: 'DESC' }, take: limit });
  }

  async recordHistory({ model, number }: ReleaseId, digest: string): Promise<void> {
    await this.dataSource.manager.update(Release, { model, number }, { historyDigest: digest });
  }

  private async markUnfit(manager: EntityManager, { model, number, version }: Release, outcome: ReleaseOutcome, reason: string, at: Date): Promise<void> {
    const { status } = await manager.findOneByOrFail(ModelVersion, { model, number: version });
    await manager.update(ModelVersion, { model, number: version }, {
      unfitReason: `release ${number} ended as ${outcome}: ${reason}`, unfitAt: at, ...(status === 'candidate' ? { status: 'rejected' } : {}),
    } as object);
  }
}

function refusalOf({ outcome, version, stage, paused, wanted }: Release, action: 'pause' | 'resume' | 'advance' | 'abort'): string | undefined {
  if (outcome !== null) return `of version ${version} has ended: ${outcome}; \`perennial release\` begins another`;
  if (wanted === 'abort' && action !== 'abort') return 'is being aborted';
  if (action === 'pause' && paused) return 'is paused already';
  if (action === 'resume' && !paused) return 'is not paused';
  if (action === 'advance' && paused) return 'is paused; resume it first';
  if (action === 'advance' && stage === 'queued') return 'waits for its turn; abort the one before it, or wait';
  return undefined;
}

/** What the workflow and the decision need to know of a release. */
export const releaseState = (release: Release, tier: string): ReleaseState => ({
  id: { model: release.model, number: release.number },
  deployment: release.deployment, version: release.version, stage: release.stage, step: release.step ?? null, paused: release.paused,
  requested: release.wanted ?? null, sinceMs: release.sinceEvent?.getTime() ?? null, since: release.since?.toISOString() ?? null,
  transitions: release.transitions, plan: release.plan && (JSON.parse(release.plan.toString('utf8')) as ReleasePlan), planDigest: release.planDigest ?? null,
  promotedEpoch: release.promotedEpoch ?? null, outcome: release.outcome ?? null, reason: release.reason ?? null, tier,
});
