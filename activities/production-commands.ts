import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { ArtifactStore } from '../src/artifacts/artifact-store.js';
import type { CommandOutcome } from '../src/contracts/commands.js';
import { PerennialError } from '../src/contracts/failures.js';
import type { FindingRequest, FindingSource } from '../src/contracts/findings.js';
import { DEFAULT_DEPLOYMENT } from '../src/contracts/motion.js';
import { OVERDUE_REVIEW_KEY, RETIREMENT_KEY } from '../src/contracts/reviews.js';
import { isoTime } from '../src/contracts/time.js';
import { reviewDueAt } from '../src/lifecycle/review-due.js';
import { bodyOf } from '../src/registry/commands.repository.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { ModelVersion } from '../src/registry/entities/model-version.entity.js';
import type { Model } from '../src/registry/entities/model.entity.js';
import { FindingsRepository, noFinding } from '../src/registry/findings.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ReviewsRepository } from '../src/registry/reviews.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { origin } from './activity-context.js';
import { deactivatedOwner, lockModel, refused } from './command-outcomes.js';
import { GovernanceSettings } from './governance-settings.js';
import { StoreProvider } from './store-provider.js';

/** The commands that open and close findings and record reviews, taking effect within the transaction that settles them. */
@Injectable()
export class ProductionCommands {
  private readonly store: ArtifactStore;

  constructor(
    private readonly models: ModelsRepository,
    private readonly findings: FindingsRepository,
    private readonly reviews: ReviewsRepository,
    private readonly routing: RoutingRepository,
    private readonly settings: GovernanceSettings,
    stores: StoreProvider,
  ) {
    this.store = stores.store;
  }

  async openFinding(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const asked = bodyOf<'openFinding'>(command);
    return (await unfit(manager, model.name, [asked], at)) ?? { kind: 'openFinding', finding: await this.open(manager, command, asked, { source: 'request', at }) };
  }

  /** Also of a model that is not registered: a sweep finds those. */
  async closeFinding(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { finding: number, evidence, artifactDigest } = bodyOf<'closeFinding'>(command);
    const { model, actor } = command;
    await lockModel(manager, model);
    const story = await this.findings.find({ model, number }, manager);
    if (!story) return refused('NotFound', noFinding({ model, number }));
    if (story.finding.owner === actor) return refused('FindingNotClosable', `${actor} has to mend finding ${number} of ${model} and cannot close it as well; another validator has to`);
    const missing = artifactDigest === null ? undefined : await this.missing(artifactDigest);
    if (missing !== undefined) return refused('FindingNotClosable', missing);
    const closed = await this.findings.close(manager, { model, number }, { closedBy: actor, evidence, artifactDigest, commandId: command.id, at }, origin());
    if (closed) return { kind: 'closeFinding', finding: number };
    const { end } = await this.findings.get({ model, number }, manager);
    return refused('FindingNotClosable', `Finding ${number} of ${model} was closed by ${end?.closedBy} at ${end?.closedAt.toISOString()}; it is closed once`);
  }

  async recordReview(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const body = bodyOf<'recordReview'>(command);
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const { spec, refusal } = await this.reviewable(manager, model, command.actor);
    if (refusal !== undefined) return refused('ReviewRefused', refusal);
    const { champion } = await this.routing.get(model.name, DEFAULT_DEPLOYMENT, manager);
    const dueAt = reviewDueAt(spec, await this.reviews.basis(model.name, manager));
    if (champion === null || !dueAt) return refused('ReviewRefused', `Nothing of ${model.name} is in service yet, so there is nothing to review`);
    const wrong = await unfit(manager, model.name, body.findings, at);
    if (wrong) return wrong;
    const findings: number[] = [];
    for (const asked of body.findings) findings.push(await this.open(manager, command, asked, { source: 'review', at }));
    const { outcome, reason } = body;
    const review = await this.reviews.add(manager, { model: model.name, outcome, reason, champion, specDigest: model.specDigest, findings, dueAt, reviewedBy: command.actor, commandId: command.id, at }, origin());
    await this.closeOverdue(manager, command, `Review ${review} was recorded: ${outcome}.`, at);
    if (outcome === 'retire') await this.askForRetirement(manager, model, command, at);
    return { kind: 'recordReview', review, outcome, findings, nextDueAt: isoTime((reviewDueAt(spec, await this.reviews.basis(model.name, manager)) as Date).getTime()) };
  }

  /** Why somebody may not review a model: four eyes see more than two. */
  private async reviewable(manager: EntityManager, { name, specDigest, owner }: Model, actor: string) {
    const [spec, authors] = [await this.models.spec(name, specDigest, manager), await this.models.authors(manager, name, specDigest)];
    const who = actor === owner ? 'owns the model' : authors.includes(actor) ? 'applied the spec in force' : undefined;
    const refusal = spec.useCase ? who && `${actor} ${who} and cannot review it as well; another validator or approver has to` : `The spec of ${name} states no use case, so it is not reviewed; add a useCase section and apply it`;
    return { spec, refusal };
  }

  private open(manager: EntityManager, command: Command, { dueAt, ...asked }: FindingRequest, { source, at }: { readonly source: FindingSource; readonly at: Date }): Promise<number> {
    return this.findings.open(manager, { ...asked, model: command.model, source, dueAt: new Date(dueAt), openedBy: command.actor, commandId: command.id, at }, origin());
  }

  /** The finding that the review was long overdue is mended by the review. */
  private async closeOverdue(manager: EntityManager, { model, actor, id }: Command, evidence: string, at: Date): Promise<void> {
    const overdue = await this.findings.openUnder(manager, model, OVERDUE_REVIEW_KEY);
    if (overdue) await this.findings.close(manager, overdue, { closedBy: actor, evidence, artifactDigest: null, commandId: id, at }, origin());
  }

  /** So that it is not forgotten: the model's owner has as long for it as a review may be overdue. */
  private async askForRetirement(manager: EntityManager, { name, owner }: Model, { actor, id }: Command, at: Date): Promise<void> {
    await this.findings.open(manager, {
      model: name, version: null, source: 'review', severity: 'high', owner, title: 'Its review says that the model should be retired', evidenceNeeded: 'That its retirement was asked for, or another review that lets it go on',
      dueAt: new Date(at.getTime() + this.settings.reviewGraceMs), openedBy: actor, commandId: id, at, key: RETIREMENT_KEY,
    }, origin());
  }

  private async missing(digest: string): Promise<string | undefined> {
    try {
      await this.store.localPath(digest);
      return undefined;
    } catch (error) {
      if (error instanceof PerennialError && (error.type === 'ArtifactMissing' || error.type === 'ArtifactCorrupt')) return `The evidence ${digest} is not in the artifact store; name something that is, or leave it out`;
      throw error;
    }
  }
}

/** What is wrong with findings that are to be opened. */
async function unfit(manager: EntityManager, model: string, asked: readonly FindingRequest[], at: Date): Promise<CommandOutcome | undefined> {
  for (const { version, dueAt } of asked) {
    if (Date.parse(dueAt) <= at.getTime()) return refused('InvalidRequest', `A finding is due at a time to come, and ${dueAt} has passed`);
    if (version !== null && !(await manager.existsBy(ModelVersion, { model, number: version }))) return refused('VersionNotFound', `${model} has no version ${version}; \`perennial versions ${model}\` lists them`);
  }
  return deactivatedOwner(manager, asked.map(({ owner }) => owner));
}
