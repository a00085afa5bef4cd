import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, In } from 'typeorm';
import { canonicalJson, sha256 } from '../contracts/canonical.js';
import type { ReleaseDecision, ReleaseId, ReleaseMeasurement, ReleasePlan, ReleaseState, ReleaseTurn } from '../contracts/releases.js';
import type { VersionTally } from '../contracts/serving-tallies.js';
import { type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { Model } from './entities/model.entity.js';
import { Release } from './entities/release.entity.js';
import type { ChampionChange, Routing } from './entities/routing.entity.js';
import { releaseState, ReleasesRepository } from './releases.repository.js';
import { RoutingRepository } from './routing.repository.js';

/** What decides, of what the transaction has read while the model's row is locked. */
export interface TurnRules {
  /** Why the release may go no step forward; undefined where it may. */
  stop(manager: EntityManager, model: Model, release: Release): Promise<string | undefined>;
  decide(state: ReleaseState, routing: Routing, lastChange: ChampionChange | null, stop: string | undefined): ReleaseDecision;
  /** Only asked for a decision that begins a step. */
  beginsStep(decision: ReleaseDecision): boolean;
  plan(manager: EntityManager, release: Release, routing: Routing): Promise<ReleasePlan>;
  /** Why the version may not serve now; undefined where it may. */
  unfitness(manager: EntityManager, release: Release): Promise<string | undefined>;
  rollbackTarget(manager: EntityManager, routing: Routing): Promise<{ readonly version: number } | { readonly refused: string }>;
}

interface Turn {
  readonly manager: EntityManager;
  readonly release: Release;
  readonly routing: Routing;
  readonly decision: ReleaseDecision;
  readonly measurement: ReleaseMeasurement | null;
  readonly tallies: readonly VersionTally[];
  readonly at: Date;
  readonly origin: Origin;
  readonly rules: TurnRules;
}

interface Applied {
  readonly release: Release;
  readonly decision: ReleaseDecision;
  readonly rollbackFromEpoch: number | null;
}

const HISTORY_OF_ONE = 1;

/** Lets a look at a release take effect: decision, routing, release, step and audit entry are one transaction. */
@Injectable()
export class ReleaseTurns {
  constructor(
    private readonly dataSource: DataSource,
    private readonly releases: ReleasesRepository,
    private readonly routing: RoutingRepository,
  ) {}

  /**
   * Decides and applies. Repeating it does no harm: a measurement that was taken before the last transition decides nothing.
   * @param tallies what versions have done so far: a step that begins counts from there
   * @param proof whether monitoring was tried for this step; without it a step is not begun but asked for
   */
  async take(id: ReleaseId, measurement: ReleaseMeasurement | null, tallies: readonly VersionTally[], proof: boolean, rules: TurnRules, at: Date, origin: Origin): Promise<ReleaseTurn> {
    return this.dataSource.transaction(async (manager) => {
      const model = await manager.findOneOrFail(Model, { where: { name: id.model }, lock: { mode: 'for_no_key_update' } });
      const { tier } = model;
      const release = await this.releases.lock(manager, id);
      const routing = await this.routing.lock(manager, release.model, release.deployment);
      const takenBack = await this.takenBack(manager, release);
      if (takenBack) return { state: releaseState(release, tier), needsProof: false, revision: routing.revision, ...takenBack };
      const [lastChange = null] = await this.routing.history(release.model, release.deployment, HISTORY_OF_ONE, manager);
      const decision = rules.decide(releaseState(release, tier), routing, lastChange, await rules.stop(manager, model, release));
      const needsProof = rules.beginsStep(decision) && !proof;
      const applied = needsProof ? { release, decision, rollbackFromEpoch: null } : await this.apply({ manager, release, routing, decision, measurement, tallies, at, origin, rules });
      const { revision } = await this.routing.lock(manager, release.model, release.deployment);
      return { state: releaseState(applied.release, tier), decision: applied.decision, needsProof, revision, rollbackFromEpoch: applied.rollbackFromEpoch };
    });
  }

  /** What an attempt has decided before this one, whose answer did not arrive: the rollback is on record, and somebody has to carry it out and tell of it. */
  private async takenBack(manager: EntityManager, { model, deployment, outcome, reason, promotedEpoch }: Release): Promise<Pick<ReleaseTurn, 'decision' | 'rollbackFromEpoch'> | undefined> {
    if (outcome === null || promotedEpoch === null) return undefined;
    const rollback = await this.routing.openRollback(manager, model, deployment);
    return rollback?.fromEpoch === promotedEpoch ? { decision: { action: 'hold', reason: reason ?? 'It has ended.' }, rollbackFromEpoch: promotedEpoch } : undefined;
  }

  private async apply(turn: Turn): Promise<Applied> {
    const { decision } = turn;
    const applied = await this.move(turn);
    await this.look(turn, applied);
    return { release: applied.release, decision: applied.decision ?? decision, rollbackFromEpoch: applied.rollbackFromEpoch ?? null };
  }

  private async move(turn: Turn): Promise<{ release: Release; decision?: ReleaseDecision; rollbackFromEpoch?: number }> {
    const { release, decision } = turn;
    if (decision.action === 'advance' && decision.step < 0) return this.begin(turn, decision);
    if (decision.action === 'advance') return { release: await this.advance(turn, decision.step) };
    if (decision.action === 'promote') return { release: await this.promote(turn) };
    if (decision.action === 'finish') return { release: await this.finish(turn, decision) };
    if (decision.action === 'roll-back') return this.rollBack(turn, decision);
    return { release };
  }

  /** Out of the queue: what it is bound to and its plan are on record before anything is mirrored. */
  private async begin(turn: Turn, decision: ReleaseDecision): Promise<{ release: Release; decision?: ReleaseDecision }> {
    const { manager, release, routing, at, rules } = turn;
    const obstacle = await this.obstacle(turn);
    if (obstacle) return { release, decision: { action: 'hold', reason: obstacle } };
    const refusal = await this.refusal(turn);
    if (refusal || routing.champion === null) {
      const reason = refusal ?? 'Nothing is in service that it could be compared with.';
      const refused = { action: 'finish', outcome: 'aborted', unfit: false, reason } as const;
      return { release: await this.finish(turn, refused), decision: refused };
    }
    const plan = await rules.plan(manager, release, routing);
    const bytes = canonicalJson(plan);
    const revision = await this.routing.changeTraffic(manager, routing, { challengers: [release.version], weights: {}, paused: release.paused }, at);
    const changes = { stage: 'shadow', step: null, champion: routing.champion, epoch: routing.epoch, plan: Buffer.from(bytes), planDigest: sha256(bytes), beganAt: at } as const;
    return { release: await this.transit(turn, 'begin', decision.reason, changes, revision) };
  }

  /** Why it cannot begin any more: what was true when it was asked for may have changed in the queue. */
  private async refusal({ manager, release, routing, rules }: Turn): Promise<string | undefined> {
    if (routing.champion === release.version) return `Version ${release.version} answers already.`;
    const unfit = await rules.unfitness(manager, release);
    return unfit && `Version ${release.version} may not serve: ${unfit}.`;
  }

  private async obstacle({ manager, release }: Turn): Promise<string | undefined> {
    const { model, number, deployment } = release;
    const active = await manager.findOneBy(Release, { model, stage: In(['shadow', 'canary', 'watch']) });
    if (active) return `Release ${active.number} of version ${active.version} is under way.`;
    const first = await manager.findOne(Release, { where: { model, stage: 'queued' }, order: { number: 'ASC' } });
    if (first && first.number !== number) return `Release ${first.number} was asked for earlier.`;
    const rollback = await this.routing.openRollback(manager, model, deployment);
    return rollback ? `A rollback from epoch ${rollback.fromEpoch} is under way.` : undefined;
  }

  private async advance(turn: Turn, step: number): Promise<Release> {
    const { manager, release, routing, decision, at } = turn;
    const plan = JSON.parse((release.plan as Buffer).toString('utf8')) as ReleasePlan;
    const weights = { [String(release.version)]: plan.canary.steps[step] as number };
    const revision = await this.routing.changeTraffic(manager, routing, { challengers: [release.version], weights, paused: release.paused }, at);
    return this.transit(turn, 'advance', decision.reason, { stage: 'canary', step, wanted: null }, revision);
  }

  /** The champion changes and the one before is mirrored from then on: one change of the row. */
  private async promote(turn: Turn): Promise<Release> {
    const { manager, release, routing, decision, at, origin } = turn;
    const move = {
      model: release.model, deployment: release.deployment, expectedEpoch: release.epoch as number, version: release.version,
      reason: 'promotion', actor: release.requestedBy, challengers: [routing.champion as number],
    } as const;
    const { epoch, revision } = await this.routing.moveChampionWithin(manager, move, at, origin);
    return this.transit(turn, 'promote', decision.reason, { stage: 'watch', step: null, promotedEpoch: epoch, wanted: null }, revision);
  }

  private async finish({ manager, release, routing, measurement, at, origin }: Turn, { outcome, unfit, reason }: ReleaseDecision & { action: 'finish' }): Promise<Release> {
    return this.releases.finish(manager, release, routing, { outcome, reason, failure: null, unfit, actor: SYSTEM_ACTOR, measurement }, at, origin);
  }

  /** The release ends; the rollback is recorded and its workflow changes the champion. Without a target it stays, and a person must decide. */
  private async rollBack(turn: Turn, { outcome, unfit, reason }: ReleaseDecision & { action: 'roll-back' }): Promise<{ release: Release; decision?: ReleaseDecision; rollbackFromEpoch?: number }> {
    const { manager, release, routing, measurement, at, origin, rules } = turn;
    const running = await this.routing.openRollback(manager, release.model, release.deployment);
    const target = running ? { version: running.toVersion } : await rules.rollbackTarget(manager, routing);
    if ('refused' in target) return this.keep(turn, `${reason} It cannot be taken back: ${target.refused}.`);
    const after = await this.releases.finish(manager, release, routing, { outcome, reason, failure: null, unfit, actor: SYSTEM_ACTOR, measurement, action: 'roll-back' }, at, origin);
    // One that a person began meanwhile stands as it was asked for.
    if (!running) await this.routing.beginRollback(manager, {
      model: release.model, deployment: release.deployment, fromEpoch: routing.epoch, commandId: release.wanted === 'abort' ? release.wantedCommand : null, fromVersion: release.version,
      toVersion: target.version, reason, requestedBy: SYSTEM_ACTOR, requestedAt: at,
    });
    return { release: after, rollbackFromEpoch: routing.epoch };
  }

  /** Nothing can take its place: it stays, that is on the record once, and an abort is not waited for any longer. */
  private async keep({ manager, release, routing, measurement, at, origin }: Turn, reason: string): Promise<{ release: Release; decision: ReleaseDecision }> {
    const decision = { action: 'wait-for-person', reason } as const;
    if (release.latest?.action === 'wait-for-person' && release.wanted !== 'abort') return { release, decision };
    const changes = release.wanted === 'abort' ? { wanted: null } : {};
    const step = { changes, action: 'no-rollback-target', reason, actor: SYSTEM_ACTOR, measurement, revision: routing.revision };
    return { release: await this.releases.transit(manager, release, step, at, origin), decision };
  }

  /** A new step counts its event time from now on. */
  private transit({ manager, release, measurement, tallies, at, origin }: Turn, action: string, reason: string, changes: Partial<Release>, revision: number): Promise<Release> {
    const sinceEvent = measurement?.streamTimeMs == null ? null : new Date(measurement.streamTimeMs);
    return this.releases.transit(manager, release, { changes: { ...changes, since: at, sinceEvent, talliesBefore: tallies }, action, reason, actor: SYSTEM_ACTOR, measurement, revision }, at, origin);
  }

  private async look({ manager, release: before, measurement, at, decision: decided }: Turn, { release, decision = decided }: { release: Release; decision?: ReleaseDecision }): Promise<void> {
    // What waits in the queue is shown with what it waits for now.
    if (!measurement && decision.action === 'hold' && before.latest && (before.stage !== 'queued' || before.latest.reason === decision.reason)) return;
    const firstEventMs = release.transitions === before.transitions && release.sinceEvent === null ? (measurement?.firstEventMs ?? null) : null;
    const latest = { measurement: measurement ?? before.latest?.measurement ?? null, action: decision.action, reason: decision.reason, at: at.toISOString() };
    await this.releases.recordLook(manager, release, latest, firstEventMs === null ? null : new Date(firstEventMs));
  }
}
