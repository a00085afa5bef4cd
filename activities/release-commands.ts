import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CommandBodies, CommandOutcome } from '../src/contracts/commands.js';
import { PerennialError } from '../src/contracts/failures.js';
import { deploymentWorkflowId, rollbackWorkflowId } from '../src/contracts/motion.js';
import type { ReleaseId } from '../src/contracts/releases.js';
import { bodyOf } from '../src/registry/commands.repository.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { ModelVersion } from '../src/registry/entities/model-version.entity.js';
import { Release } from '../src/registry/entities/release.entity.js';
import type { Routing } from '../src/registry/entities/routing.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ReleasesRepository } from '../src/registry/releases.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';
import { origin } from './activity-context.js';
import { lockModel, refused } from './command-outcomes.js';
import { ProductionStandings } from './production-standings.js';
import { RollbackTargets } from './rollback-targets.js';
import { ValidatedPromotions } from './validated-promotions.js';

/** The commands that change who answers: they begin and steer a release or take the champion back, taking effect within the transaction that settles them. */
@Injectable()
export class ReleaseCommands {
  constructor(
    private readonly models: ModelsRepository,
    private readonly releases: ReleasesRepository,
    private readonly routing: RoutingRepository,
    private readonly versions: VersionsRepository,
    private readonly targets: RollbackTargets,
    private readonly production: ProductionStandings,
    private readonly validated: ValidatedPromotions,
  ) {}

  async request(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { deployment, version: number, reason } = bodyOf<'release'>(command);
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const version = await manager.findOneBy(ModelVersion, { model: model.name, number });
    if (!version) return refused('VersionNotFound', `${model.name} has no version ${number}; \`perennial versions ${model.name}\` lists them`);
    const open = await this.releases.open(manager, model.name);
    const running = open.find((release) => release.version === number && release.deployment === deployment);
    if (running) return started(running, true);
    const stop = await this.production.stop(model, at, manager);
    if (stop) return stop;
    const { rollout } = await this.models.spec(model.name, model.specDigest, manager);
    const refusal = (await this.refusal(manager, version, deployment)) ?? (await this.unreleasable(manager, version));
    if (refusal) return refusal;
    const superseded = rollout.whileReleasing === 'supersede' ? await this.releases.supersede(manager, model.name, number, at, origin()) : [];
    const request = { model: model.name, deployment, version: number, retrain: null, commandId: command.id, specDigest: model.specDigest, requestedBy: command.actor, requestReason: reason };
    return started({ model: model.name, number: await this.releases.add(manager, request, at, origin()), version: number }, false, superseded);
  }

  private async refusal(manager: EntityManager, version: ModelVersion, deployment: string): Promise<CommandOutcome | undefined> {
    const { model, number } = version;
    const unfit = await this.targets.unfitness(version, manager);
    if (unfit) return refused('VersionUnfit', `Version ${number} of ${model} may not serve: ${unfit}`);
    const evaluation = await this.versions.evaluation(model, number, manager);
    if (evaluation?.verdict !== 'pass' && evaluation?.verdict !== 'inconclusive') return refused('VersionUnfit', `Version ${number} of ${model} did not pass its gate (${evaluation?.verdict ?? 'not judged'}); retrain instead`);
    const { champion } = await this.routing.lock(manager, model, deployment);
    if (champion === number) return refused('ReleaseRefused', `Version ${number} of ${model} answers in ${deployment} already`);
    if (champion === null) return refused('ReleaseRefused', `Nothing is in service in ${model}/${deployment} that version ${number} could be compared with; the first version comes by a retrain`);
    return undefined;
  }

  /** What serves a governed model was validated as its spec states it, however it comes into service. */
  private async unreleasable(manager: EntityManager, { model, number }: ModelVersion): Promise<CommandOutcome | undefined> {
    const hindrance = await this.validated.unreleasable(manager, { model, version: number });
    return hindrance === null ? undefined : refused('VersionUnfit', `Version ${number} of ${model} may not serve: ${hindrance}`);
  }

  /** @param asked by a command of another kind, which moves the stage */
  async steer(manager: EntityManager, command: Command, at: Date, asked: Omit<CommandBodies['steer'], 'deployment'> = bodyOf<'steer'>(command)): Promise<CommandOutcome> {
    const { release: number, action, reason } = asked;
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const stop = action === 'advance' ? await this.production.stop(model, at, manager) : undefined;
    if (stop) return stop;
    const stuck = action === 'abort' ? await this.cannotGoBack(manager, { model: model.name, number }) : undefined;
    if (stuck) return stuck;
    try {
      const { release, joined } = await this.releases.steer(manager, { model: model.name, number }, { action, reason }, command, at, origin());
      return { kind: 'steer', number, action, stage: release.stage, workflowId: deploymentWorkflowId(model.name, release.version), joined };
    } catch (error) {
      if (error instanceof PerennialError && (error.type === 'ReleaseNotSteerable' || error.type === 'NotFound')) return refused(error.type, error.message);
      throw error;
    }
  }

  /** To abort in the watch is to go back. */
  private async cannotGoBack(manager: EntityManager, id: ReleaseId): Promise<CommandOutcome | undefined> {
    const release = await manager.findOneBy(Release, { ...id });
    if (release?.stage !== 'watch') return undefined;
    const routing = await this.routing.get(id.model, release.deployment, manager);
    const target = await this.targets.choose(manager, routing, null);
    return 'refused' in target ? noTarget(routing, null, `Release ${id.number} of ${id.model} cannot be aborted in its watch, because nothing can take its place: ${target.refused}`) : undefined;
  }

  async rollBack(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const body = bodyOf<'rollback'>(command);
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const routing = await this.routing.get(model.name, body.deployment, manager);
    if (body.fromVersion !== undefined && body.fromVersion !== routing.champion) {
      return refused('ChampionMoved', `Version ${body.fromVersion} of ${model.name}/${body.deployment} is not the champion any more`);
    }
    const target = await this.targets.choose(manager, routing, body.toVersion);
    if ('refused' in target) return noTarget(routing, body.toVersion, `The rollback of ${model.name}/${body.deployment} is refused: ${target.refused}`);
    const id = { model: model.name, deployment: body.deployment, fromEpoch: routing.epoch };
    const outcome = { kind: 'rollback', deployment: body.deployment, fromEpoch: routing.epoch, workflowId: rollbackWorkflowId(id.model, id.deployment, id.fromEpoch) } as const;
    const running = await this.routing.findRollback(id, manager);
    if (running && running.outcome === null) return { ...outcome, toVersion: running.toVersion, joined: true };
    await this.routing.beginRollback(manager, {
      ...id, commandId: command.id, fromVersion: routing.champion as number, toVersion: target.version, reason: body.reason,
      requestedBy: command.actor, requestedAt: at,
    });
    return { ...outcome, toVersion: target.version, joined: false };
  }
}

/** With the champion in the details it is an alarm: somebody wants it out of service, and it cannot go. */
const noTarget = ({ deployment, champion, epoch }: Routing, wanted: number | null, message: string): CommandOutcome =>
  ({ kind: 'refused', type: 'NoRollbackTarget', message, details: wanted === null && champion !== null ? { deployment, champion, epoch } : {} });

const started = ({ model, number, version }: Pick<Release, 'model' | 'number' | 'version'>, joined: boolean, superseded: readonly string[] = []): CommandOutcome =>
  ({ kind: 'release', number, version, workflowId: deploymentWorkflowId(model, version), joined, superseded });
