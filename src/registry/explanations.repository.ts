import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, LessThanOrEqual } from 'typeorm';
import { PerennialError } from '../contracts/failures.js';
import type { Sensitivity } from '../contracts/masking.js';
import { type Aftermath, aftermathOf } from './aftermath.js';
import { type ApprovalStory, approvalStoryOf } from './approvals.repository.js';
import { Approval, ApprovalEnd } from './entities/approval.entity.js';
import { Command } from './entities/command.entity.js';
import { ComparisonAnalysis, ComparisonBlock } from './entities/comparison.entity.js';
import { Evaluation } from './entities/evaluation.entity.js';
import { GoLive, SetUpLookRecord } from './entities/go-live.entity.js';
import { ModelVersion } from './entities/model-version.entity.js';
import { Model, ModelSpecRecord } from './entities/model.entity.js';
import { Release, ReleaseStep } from './entities/release.entity.js';
import { Retrain } from './entities/retrain.entity.js';
import { RetrainingDecisionRecord } from './entities/retraining-decision.entity.js';
import { ChampionChange, Rollback, Routing } from './entities/routing.entity.js';
import { Snapshot } from './entities/snapshot.entity.js';
import { TrainingRun } from './entities/training-run.entity.js';
import { findingsOpenAt, type FindingStory } from './findings.repository.js';
import { type GoLiveStory, goLiveStory } from './go-lives.repository.js';
import { type Canary, canariesThen, type ModelFacts, factsThen } from './model-then.js';
import { type StoppedService, stoppedServiceOf } from './retiring-models.js';
import { sensitivitiesOf } from './sensitivities.js';
import { inSnapshot } from './snapshot.js';
import { type EntryRef, tellingEntries } from './telling-entries.js';
import { type ValidationStory, validationStory } from './validations.repository.js';

/** Where a version comes from. */
export interface Origins {
  readonly version: ModelVersion;
  readonly retrain: Retrain;
  readonly run: TrainingRun;
  readonly snapshot: Snapshot;
  readonly evaluation: Evaluation | null;
  /** That the retrain began under, with who applied it first. */
  readonly spec: ModelSpecRecord;
  /** By which the spec's use case was approved when the retrain was asked for; null where it states none. */
  readonly approval: ApprovalStory | null;
  /** Of the version; null where its spec states no use case. */
  readonly validation: ValidationStory | null;
  /** Of the version, after its validation; null where the tier asks for none. */
  readonly versionApproval: ApprovalStory | null;
  /** What asked for the retrain. */
  readonly request: Command;
  /** Where monitoring decided on it. */
  readonly decision: RetrainingDecisionRecord | null;
  /** How its figures are masked: by the spec in force and by that of the version. */
  readonly sensitivity: Sensitivity;
}

export interface ReleaseCourse {
  readonly release: Release;
  readonly steps: readonly ReleaseStep[];
  /** Comparisons in their order, each with its last block; null where none has closed. */
  readonly analyses: readonly { readonly analysis: ComparisonAnalysis; readonly last: ComparisonBlock | null }[];
}

/** How a version came to answer and what has happened since, as the record had it at one moment. */
export interface Explanation {
  readonly model: Model;
  /** What was in force of the model at the time that is asked about. */
  readonly facts: ModelFacts;
  /** The champion at the time. */
  readonly change: ChampionChange;
  /** Who took its place; null: nobody did. */
  readonly next: ChampionChange | null;
  /** The retirement of the model by which nobody answers any more; null: none has come so far. */
  readonly stopped: StoppedService | null;
  /** Who answered: the champion, or the challenger of a release, which answers a share. */
  readonly role: 'champion' | 'challenger';
  /** Challengers that answered a share at the time, but for the version that is asked about. */
  readonly alsoAnswered: readonly Canary[];
  readonly origins: Origins;
  /** The promotion that brought the version the last time up to then: `change` itself, or that before a rollback; null for a challenger. */
  readonly promotion: ChampionChange | null;
  /** By which it was promoted, or in which it is the challenger; null where its gate promoted it. */
  readonly course: ReleaseCourse | null;
  /** Where `change` is one. */
  readonly rollback: Rollback | null;
  /** Of that promotion, or of a rollback's version the last time; null where the spec then stated no use case, and of a challenger. */
  readonly goLive: GoLiveStory | null;
  /** The last look before at what it needed for that; null where a release brought it. */
  readonly setUp: SetUpLookRecord | null;
  /** Those of the model that were open at the time that is asked about, with what became of them. */
  readonly findings: readonly FindingStory[];
  readonly since: Aftermath;
  /** Audit entries that tell how it came, by their ids. */
  readonly entries: readonly EntryRef[];
}

interface Answering {
  readonly change: ChampionChange;
  readonly version: number;
  /** The time that is asked about. */
  readonly at: Date;
}

/** Answers to "why": everything on the record about one champion, read at one moment. */
@Injectable()
export class ExplanationsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Why the champion of a time was it.
   * @param at wall time; null: now
   * @throws PerennialError `ModelNotFound`, `NotFound` for a deployment that the model does not have, for a time before its first champion, and for one from when on its retirement had stopped it
   */
  async ofTime(model: string, deployment: string, at: Date | null): Promise<Explanation> {
    return inSnapshot(this.dataSource, async (manager) => {
      const found = await requireDeployment(manager, model, deployment);
      const change = await manager.findOne(ChampionChange, { where: { model, deployment, ...(at && { changedAt: LessThanOrEqual(at) }) }, order: { epoch: 'DESC' } });
      if (!change) throw await nobodyThen(manager, model, deployment, at);
      const stopped = await stoppedServiceOf(manager, model);
      if (stopped && (at ?? new Date()) >= stopped.at) throw nobodySince(change, stopped, at);
      return explain(manager, found, { change, version: change.version, at: at ?? new Date() });
    });
  }

  /**
   * Why a version gave an answer at an epoch, as champion or for its share as a challenger.
   * @param at when it did; now where it is not known
   * @returns null where the record knows no such epoch or version: who observed it answered by something else
   */
  async ofAnswer(model: string, deployment: string, epoch: number, version: number, at: Date = new Date()): Promise<Explanation | null> {
    return inSnapshot(this.dataSource, async (manager) => {
      const found = await manager.findOneBy(Model, { name: model });
      const change = await manager.findOneBy(ChampionChange, { model, deployment, epoch });
      const known = await manager.existsBy(ModelVersion, { model, number: version });
      return found && change && known ? explain(manager, found, { change, version, at }) : null;
    });
  }
}

async function explain(manager: EntityManager, model: Model, answering: Answering): Promise<Explanation> {
  const { change, version, at } = answering;
  const { deployment, epoch } = change;
  const role = version === change.version ? 'champion' : 'challenger';
  const origins = await originsOf(manager, model.name, version);
  const facts = await factsThen(manager, model.name, at, origins.spec.digest);
  const alsoAnswered = (await canariesThen(manager, change, at)).filter((canary) => canary.version !== version);
  const next = await manager.findOneBy(ChampionChange, { model: model.name, deployment, epoch: epoch + 1 });
  const promotion = role === 'challenger' ? null : await promotionOf(manager, change);
  const course = await courseOf(manager, answering, promotion);
  const rollback = change.reason === 'rollback' && role === 'champion' ? await manager.findOneBy(Rollback, { model: model.name, deployment, fromEpoch: epoch - 1 }) : null;
  const findings = await findingsOpenAt(manager, model.name, at);
  const live = promotion && (await manager.findOneBy(GoLive, { model: model.name, deployment, epoch: promotion.epoch }));
  const goLive = live && (await goLiveStory(manager, live));
  const setUp = live && live.way !== 'release' ? await manager.findOne(SetUpLookRecord, { where: { model: model.name, version: live.version, deployment, at: LessThanOrEqual(live.at) }, order: { number: 'DESC' } }) : null;
  const since = await aftermathOf(manager, change, version);
  const stopped = await stoppedServiceOf(manager, model.name);
  const entries = await tellingEntries(manager, { change, next, stopped: next ? null : stopped, promotion, rollback, origins, release: course?.release ?? null, goLive });
  return { model, facts, change, next, stopped, role, alsoAnswered, origins, promotion, course, rollback, goLive, setUp, findings, since, entries };
}

/** Where a version comes from, all of it. */
export async function originsOf(manager: EntityManager, model: string, number: number): Promise<Origins> {
  const version = await manager.findOneByOrFail(ModelVersion, { model, number });
  const retrain = await manager.findOneByOrFail(Retrain, { model, number: version.retrain });
  const [sensitivity] = await sensitivitiesOf(manager, model, [{ versions: [number] }]);
  return {
    version, retrain,
    run: await manager.findOneByOrFail(TrainingRun, { model, retrain: version.retrain }),
    snapshot: await manager.findOneByOrFail(Snapshot, { digest: version.snapshotDigest }),
    evaluation: await manager.findOneBy(Evaluation, { model, version: number }),
    spec: await manager.findOneByOrFail(ModelSpecRecord, { model, digest: version.specDigest }),
    approval: await approvalOf(manager, { model, kind: 'useCase', digest: version.specDigest }, retrain.requestedAt),
    validation: await validationStory({ model, version: number }, manager),
    versionApproval: await approvalOf(manager, { model, kind: 'version', version: number }, null),
    request: await manager.findOneByOrFail(Command, { id: retrain.commandId }),
    decision: await manager.findOneBy(RetrainingDecisionRecord, { model, deployment: retrain.deployment, commandId: retrain.commandId }),
    sensitivity: sensitivity as Sensitivity,
  };
}

/** The last one that was given for a spec, or for a version. @param by given until then; null: whenever */
async function approvalOf(manager: EntityManager, subject: Pick<Approval, 'model' | 'kind'> & Partial<Pick<Approval, 'digest' | 'version'>>, by: Date | null): Promise<ApprovalStory | null> {
  const approval = await manager.getRepository(Approval).createQueryBuilder('approval')
    .innerJoin(ApprovalEnd, 'over', "over.model = approval.model AND over.approval = approval.number AND over.outcome = 'approved'")
    .where({ ...subject }).andWhere(by === null ? 'true' : 'over.at <= :by', { by }).orderBy('approval.number', 'DESC').getOne();
  return approval && approvalStoryOf(approval, manager);
}

/** What a rollback brought back had been promoted before. */
async function promotionOf(manager: EntityManager, change: ChampionChange): Promise<ChampionChange | null> {
  const { model, deployment, version, epoch } = change;
  return manager.findOne(ChampionChange, { where: { model, deployment, version, reason: 'promotion', epoch: LessThanOrEqual(epoch) }, order: { epoch: 'DESC' } });
}

async function courseOf(manager: EntityManager, { change, version }: Answering, promotion: ChampionChange | null): Promise<ReleaseCourse | null> {
  const { model, deployment, epoch } = change;
  const bound = version === change.version ? promotion && { promotedEpoch: promotion.epoch } : { epoch };
  const release = bound && (await manager.findOne(Release, { where: { model, deployment, version, ...bound }, order: { number: 'DESC' } }));
  if (!release) return null;
  const of = { model, release: release.number };
  const steps = await manager.find(ReleaseStep, { where: of, order: { number: 'ASC' } });
  const analyses = await manager.find(ComparisonAnalysis, { where: of, order: { number: 'ASC' } });
  const lasts = await manager.getRepository(ComparisonBlock).createQueryBuilder('block').distinctOn(['block.analysis'])
    .where('block.model = :model AND block.release = :release', of).orderBy('block.analysis').addOrderBy('block.number', 'DESC').getMany();
  return { release, steps, analyses: analyses.map((analysis) => ({ analysis, last: lasts.find((block) => block.analysis === analysis.number) ?? null })) };
}

async function requireDeployment(manager: EntityManager, name: string, deployment: string): Promise<Model> {
  const model = await manager.findOneBy(Model, { name });
  if (!model) throw new PerennialError('ModelNotFound', `No model is registered as ${JSON.stringify(name)}; register one with \`perennial apply -f model.yaml\``, { model: name });
  const known = await manager.find(Routing, { where: { model: name }, order: { deployment: 'ASC' } });
  if (known.some((routing) => routing.deployment === deployment)) return model;
  throw new PerennialError('NotFound', `${name} has no deployment ${JSON.stringify(deployment)}; it has ${known.map((routing) => routing.deployment).join(', ')}`, { model: name, deployment });
}

async function nobodyThen(manager: EntityManager, model: string, deployment: string, at: Date | null): Promise<PerennialError> {
  const first = await manager.findOne(ChampionChange, { where: { model, deployment }, order: { epoch: 'ASC' } });
  const facts = { model, deployment, firstChampionAt: first?.changedAt.toISOString() ?? null };
  if (!first || !at) return new PerennialError('NotFound', `No version of ${model} has answered in ${deployment} yet, so there is nothing to explain; train one with \`perennial retrain ${model}\``, facts);
  return new PerennialError('NotFound', `No version of ${model} answered in ${deployment} at ${at.toISOString()}: the first champion came at ${first.changedAt.toISOString()}; ask for a time from then on`, facts);
}

function nobodySince({ model, deployment, version }: ChampionChange, { number, at }: StoppedService, asked: Date | null): PerennialError {
  const stopped = at.toISOString();
  return new PerennialError('NotFound', `No version of ${model} answers in ${deployment} ${asked === null ? 'any more' : `at ${asked.toISOString()}`}: retirement ${number} stopped it at ${stopped}, and gateways answer 410 since. Version ${version} was the last; ask for a time before`,
    { model, deployment, retirement: number, stoppedAt: stopped, lastVersion: version });
}
