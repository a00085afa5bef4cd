import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull, MoreThan } from 'typeorm';
import type { AlarmNotice } from '../contracts/alarms.js';
import { canonicalJson } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import type { GoLiveWay } from '../contracts/go-live.js';
import type { ChampionChangeReason, PromotionSummary, RollbackId } from '../contracts/retrains.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { ModelVersion } from './entities/model-version.entity.js';
import { ChampionChange, Rollback, Routing } from './entities/routing.entity.js';
import { recordGoLive } from './go-live-record.js';
import { endOpenAlarms, raiseAlarm } from './open-alarms.js';
import { requireNotRetiring } from './retiring-models.js';

export interface ChampionMove {
  readonly model: string;
  readonly deployment: string;
  /** The epoch that the decision was made against; the change is refused when another one is current. */
  readonly expectedEpoch: number;
  readonly version: number;
  readonly reason: ChampionChangeReason;
  readonly actor: string;
  /** Versions that are mirrored from then on; none where it is not given: what was bound to the champion before ends with it. */
  readonly challengers?: readonly number[];
}

/** Who is mirrored, and which share of the entities each challenger answers, in percent by version. */
export interface Traffic {
  readonly challengers: readonly number[];
  readonly weights: Readonly<Record<string, number>>;
  readonly paused: boolean;
}

export interface RollbackEnd {
  readonly outcome: NonNullable<Rollback['outcome']>;
  readonly explanation: string;
  readonly toEpoch: number | null;
  readonly gatewaysBehind: readonly string[];
}

/** A deployment's first change is one step in the index of its epochs. */
const PLACE = `
SELECT place FROM (
  SELECT routing.deployment, row_number() OVER (ORDER BY first.changed_at NULLS LAST, routing.deployment COLLATE "C")::int AS place
  FROM routing LEFT JOIN LATERAL (
    SELECT changed_at FROM champion_change one WHERE one.model = routing.model AND one.deployment = routing.deployment ORDER BY one.epoch LIMIT 1
  ) first ON true
  WHERE routing.model = $1
) places WHERE deployment = $2`;

@Injectable()
export class RoutingRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  async all(): Promise<Routing[]> {
    return this.dataSource.manager.find(Routing, { order: { model: 'ASC', deployment: 'ASC' } });
  }

  /** The deployments of one model. */
  async of(model: string): Promise<Routing[]> {
    return this.dataSource.manager.find(Routing, { where: { model }, order: { deployment: 'ASC' } });
  }

  /** @throws PerennialError `NotFound` when the model has no such deployment. */
  async get(model: string, deployment: string, manager: EntityManager = this.dataSource.manager): Promise<Routing> {
    const routing = await manager.findOneBy(Routing, { model, deployment });
    if (!routing) throw noDeployment(model, deployment);
    return routing;
  }

  /** Newest first. */
  async history(model: string, deployment: string, limit: number, manager: EntityManager = this.dataSource.manager): Promise<ChampionChange[]> {
    return manager.find(ChampionChange, { where: { model, deployment }, order: { epoch: 'DESC' }, take: limit });
  }

  /** The change that was in force at a time; null when nothing served yet. */
  async championAt(model: string, deployment: string, at: Date): Promise<ChampionChange | null> {
    return this.dataSource
      .getRepository(ChampionChange)
      .createQueryBuilder('change')
      .where('change.model = :model AND change.deployment = :deployment AND change.changedAt <= :at', { model, deployment, at })
      .orderBy('change.epoch', 'DESC')
      .getOne();
  }

  /**
   * From 1, in the order in which the model's deployments first had a champion, at one moment by name. It stays, whatever is promoted later; one without a champion yet
   * stands after those.
   * @throws PerennialError `NotFound`
   */
  async placeOf(model: string, deployment: string): Promise<number> {
    const [found] = await this.dataSource.query<{ place: number }[]>(PLACE, [model, deployment]);
    if (!found) throw noDeployment(model, deployment);
    return found.place;
  }

  /**
   * Puts a version into service by compare-and-swap: of two who decided against the same epoch, one wins.
   * A workflow that made this very change before gets its result again.
   * @throws PerennialError `ChampionMoved`, `VersionNotFound`, `VersionUnfit`, `ModelRetiring`
   */
  async moveChampion(move: ChampionMove, at: Date, origin: Origin): Promise<PromotionSummary> {
    return this.dataSource.transaction((manager) => this.moveChampionWithin(manager, move, at, origin));
  }

  /** The same as part of a larger transaction. */
  async moveChampionWithin(manager: EntityManager, move: ChampionMove, at: Date, origin: Origin): Promise<PromotionSummary> {
    const workflowId = origin.workflowId ?? '';
    const done = await manager.findOneBy(ChampionChange, { model: move.model, deployment: move.deployment, epoch: move.expectedEpoch + 1, workflowId });
    if (done) return { epoch: done.epoch, revision: done.revision };
    await requireNotRetiring(manager, move.model);
    const version = await manager.findOneBy(ModelVersion, { model: move.model, number: move.version });
    if (!version) throw new PerennialError('VersionNotFound', `${move.model} has no version ${move.version}`, { model: move.model, version: move.version });
    if (version.unfitReason !== null) throw new PerennialError('VersionUnfit', `Version ${move.version} of ${move.model} may not serve again: ${version.unfitReason}`, { model: move.model, version: move.version });
    const before = await manager.findOne(Routing, { where: { model: move.model, deployment: move.deployment }, lock: { mode: 'pessimistic_write' } });
    if (before?.epoch !== move.expectedEpoch) throw championMoved(move, before);
    const next = { revision: before.revision + 1, epoch: before.epoch + 1 };
    const traffic = { challengers: [...(move.challengers ?? [])], weights: {}, paused: false };
    await manager.update(Routing, { model: move.model, deployment: move.deployment }, { ...next, ...traffic, champion: move.version, baselineDigest: version.snapshotDigest, changedAt: at });
    await this.recordChange(manager, move, before, version, next, at, origin);
    return next;
  }

  /**
   * Puts a rollback's version into service, unless the rollback has ended: one that was terminated has no say any more, also where its workflow is begun anew in Temporal.
   * A workflow that made this very change before gets its result again.
   * @throws PerennialError `RollbackEnded`, and those of `moveChampion`
   */
  async takeBack({ model, deployment, fromEpoch }: RollbackId, at: Date, origin: Origin): Promise<PromotionSummary> {
    const id = { model, deployment, fromEpoch };
    return this.dataSource.transaction(async (manager) => {
      await this.lock(manager, model, deployment);
      const rollback = await manager.findOneBy(Rollback, id);
      if (!rollback) throw noRollback(id);
      const { toVersion: version, requestedBy: actor, commandId } = rollback;
      const made = await manager.existsBy(ChampionChange, { model, deployment, epoch: fromEpoch + 1, workflowId: origin.workflowId ?? '' });
      const moved = await this.moveChampionWithin(manager, { model, deployment, expectedEpoch: fromEpoch, version, reason: 'rollback', actor }, at, origin);
      // Looked at last: the change may have waited for another one, and whoever ends the rollback does not wait for that.
      const { outcome, explanation, commandId: newest } = await manager.findOneOrFail(Rollback, { where: id, lock: { mode: 'pessimistic_write' } });
      if ((outcome !== null || newest !== commandId) && !made) throw new PerennialError('RollbackEnded', `The rollback of ${model}/${deployment} from epoch ${fromEpoch} has ended (${outcome ?? 'another was asked for'}: ${explanation ?? 'it goes on by itself'}); nothing was changed. Ask for another with \`perennial rollback ${model}\``, { ...id, outcome });
      return moved;
    });
  }

  /**
   * Changes who is mirrored and who answers which share, by compare-and-swap on the revision that the caller read.
   * @returns the revision after it; the same one where nothing changes
   * @throws PerennialError `RoutingMoved` when another change came first; read again
   */
  async changeTraffic(manager: EntityManager, before: Routing, traffic: Traffic, at: Date): Promise<number> {
    const { model, deployment, revision } = before;
    const same = canonicalJson(traffic) === canonicalJson({ challengers: before.challengers, weights: before.weights, paused: before.paused });
    if (same) return revision;
    const next = { revision: revision + 1, challengers: [...traffic.challengers], weights: { ...traffic.weights }, paused: traffic.paused, changedAt: at };
    const { affected } = await manager.update(Routing, { model, deployment, revision }, next);
    if (!affected) throw new PerennialError('RoutingMoved', `The routing of ${model}/${deployment} is no longer at revision ${revision}; nothing was changed`, { model, deployment, revision });
    return next.revision;
  }

  /** The routing row, locked until the transaction ends. */
  async lock(manager: EntityManager, model: string, deployment: string): Promise<Routing> {
    const routing = await manager.findOne(Routing, { where: { model, deployment }, lock: { mode: 'pessimistic_write' } });
    if (!routing) throw noDeployment(model, deployment);
    return routing;
  }

  async openRollback(manager: EntityManager, model: string, deployment: string): Promise<Rollback | null> {
    return manager.findOneBy(Rollback, { model, deployment, outcome: IsNull() });
  }

  /** Adds a rollback, or begins one anew that had failed or was terminated before it changed anything. */
  async beginRollback(manager: EntityManager, rollback: Omit<Rollback, 'outcome' | 'explanation' | 'toEpoch' | 'gatewaysBehind' | 'finishedAt' | 'historyDigest'>): Promise<void> {
    const { model, deployment, fromEpoch, fromVersion, ...request } = rollback;
    const anew = { ...request, outcome: null, explanation: null, toEpoch: null, gatewaysBehind: [], finishedAt: null, historyDigest: null };
    const { affected } = await manager.update(Rollback, { model, deployment, fromEpoch }, anew);
    if (!affected) await manager.insert(Rollback, { model, deployment, fromEpoch, fromVersion, ...anew });
  }

  async findRollback(id: RollbackId, manager: EntityManager = this.dataSource.manager): Promise<Rollback | null> {
    return manager.findOneBy(Rollback, { ...id });
  }

  /** @throws PerennialError `NotFound` */
  async getRollback(id: RollbackId): Promise<Rollback> {
    const rollback = await this.findRollback(id);
    if (!rollback) throw noRollback(id);
    return rollback;
  }

  async rollbacks(model: string, limit: number): Promise<Rollback[]> {
    return this.dataSource.manager.find(Rollback, { where: { model }, order: { requestedAt: 'DESC' }, take: limit });
  }

  async openRollbacks(): Promise<Rollback[]> {
    return this.dataSource.manager.find(Rollback, { where: { outcome: IsNull() }, order: { requestedAt: 'ASC' } });
  }

  /** Ends a rollback, once. @param alarm raised with it where the champion is still the one that was to go: a person must act */
  async endRollback(id: RollbackId, end: RollbackEnd, alarm: AlarmNotice | undefined, at: Date, origin: Origin): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      const { affected } = await manager.update(Rollback, { ...id, outcome: IsNull() }, { ...end, gatewaysBehind: [...end.gatewaysBehind], finishedAt: at });
      if (!affected) return;
      await this.audit.append(manager, {
        at, actor: SYSTEM_ACTOR, action: `rollback.${end.outcome}`, model: id.model, subject: `deployment/${id.deployment}`, origin,
        details: { fromEpoch: id.fromEpoch, ...end },
      });
      const { model, deployment, fromEpoch: epoch } = id;
      if (alarm && (await manager.existsBy(Routing, { model, deployment, epoch }))) await raiseAlarm(manager, this.audit, alarm, at, origin);
    });
  }

  /** Rollbacks that ended after `since` and whose history is not exported yet, newest first. */
  async rollbacksWithoutHistory(since: Date, limit: number): Promise<Rollback[]> {
    return this.dataSource.manager.find(Rollback, { where: { finishedAt: MoreThan(since), historyDigest: IsNull() }, order: { finishedAt: 'DESC' }, take: limit });
  }

  async recordRollbackHistory({ model, deployment, fromEpoch }: RollbackId, digest: string): Promise<void> {
    await this.dataSource.manager.update(Rollback, { model, deployment, fromEpoch }, { historyDigest: digest });
  }

  private async recordChange(
    manager: EntityManager, move: ChampionMove, before: Routing, version: ModelVersion, next: PromotionSummary, at: Date, origin: Origin,
  ): Promise<void> {
    const { model, deployment, reason, actor } = move;
    await manager.insert(ChampionChange, {
      model, deployment, ...next, version: move.version, previousVersion: before.champion, baselineDigest: version.snapshotDigest,
      reason, actor, workflowId: origin.workflowId ?? '', changedAt: at,
    });
    if (reason === 'promotion') await recordGoLive(manager, this.audit, { model, deployment, epoch: next.epoch, version: move.version }, wayOf(move, before), at, origin);
    // What was taken back is over with the next promotion; what could not be taken back, and whom nobody has confirmed, with any change.
    const over = ['noRollbackTarget', 'rollbackFailed', 'goLiveUnconfirmed', ...(reason === 'promotion' ? (['rolledBack'] as const) : [])] as const;
    for (const kind of over) {
      await endOpenAlarms(manager, this.audit, { kind, model, deployment }, `Version ${move.version} answers now.`, at, origin);
    }
    if (before.champion !== null) await manager.update(ModelVersion, { model, number: before.champion }, { status: 'retired' });
    await manager.update(ModelVersion, { model, number: move.version }, { status: 'champion' });
    await this.audit.append(manager, {
      at, actor, action: 'champion.changed', model, subject: `deployment/${deployment}`, origin,
      details: { reason, version: move.version, previousVersion: before.champion, ...next, baseline: version.snapshotDigest },
    });
  }
}

const noDeployment = (model: string, deployment: string): PerennialError => new PerennialError('NotFound', `${model} has no deployment ${JSON.stringify(deployment)}`, { model, deployment });

const noRollback = ({ model, deployment, fromEpoch }: RollbackId): PerennialError => new PerennialError('NotFound', `${model} has no rollback from epoch ${fromEpoch} of ${deployment}`, { model, deployment, fromEpoch });

/** A release has the version before mirrored from then on. */
const wayOf = ({ challengers }: ChampionMove, { champion }: Routing): GoLiveWay => (challengers !== undefined ? 'release' : champion === null ? 'first' : 'immediate');

const championMoved = (move: ChampionMove, now: Routing | null): PerennialError =>
  new PerennialError(
    'ChampionMoved',
    now
      ? `The decision was made at epoch ${move.expectedEpoch} of ${move.model}/${move.deployment}, but epoch ${now.epoch} is current, with version ${now.champion}; nothing was changed`
      : `${move.model} has no deployment ${JSON.stringify(move.deployment)}`,
    { model: move.model, deployment: move.deployment, expectedEpoch: move.expectedEpoch, epoch: now?.epoch ?? null, champion: now?.champion ?? null },
  );
