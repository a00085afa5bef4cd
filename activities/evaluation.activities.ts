import { Injectable } from '@nestjs/common';
import { readFile } from 'node:fs/promises';
import type { ArtifactStore } from '../src/artifacts/artifact-store.js';
import { canonicalJson } from '../src/contracts/canonical.js';
import type { EvaluationResult } from '../src/contracts/evaluations.js';
import type { DevelopmentStand, GateSummary, RetrainId, ScoreSummary } from '../src/contracts/retrains.js';
import type { SnapshotManifest } from '../src/contracts/artifacts.js';
import { candidateFairness, plannedSlices, slicedByGroups } from '../src/drift/candidate-fairness.js';
import { evaluationResult, gateReason } from '../src/evaluation/evaluation-result.js';
import { decideGate } from '../src/evaluation/gate.js';
import { admitModel } from '../src/evaluation/onnx-admission.js';
import { requireParity } from '../src/evaluation/parity.js';
import { predictFirstRows, type ScoredRows, scoreParquet } from '../src/evaluation/scoring.js';
import { seenRows } from '../src/evaluation/seen-rows.js';
import { candidateFacts, developmentExit } from '../src/lifecycle/development-exit.js';
import type { Evaluation } from '../src/registry/entities/evaluation.entity.js';
import type { ModelVersion } from '../src/registry/entities/model-version.entity.js';
import type { TrainingRun } from '../src/registry/entities/training-run.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { TrainingRepository } from '../src/registry/training.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import type { TrainerParity } from '../src/training/trainer-output.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { StoreProvider } from './store-provider.js';

/** Judging a candidate: admission of its file, scores on unseen rows, the gate. */
@Injectable()
export class EvaluationActivities {
  private readonly store: ArtifactStore;

  constructor(
    private readonly models: ModelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly routing: RoutingRepository,
    private readonly training: TrainingRepository,
    private readonly versions: VersionsRepository,
    private readonly settings: ActivitySettings,
    stores: StoreProvider,
  ) {
    this.store = stores.store;
  }

  /** Looks at the trained file and makes it the model's next version. @returns its number. */
  async admit(id: RetrainId): Promise<number> {
    await this.retrains.enterStage(id, 'admit');
    const retrain = await this.retrains.get(id);
    if (retrain.version !== null) return retrain.version;
    const spec = await this.models.spec(id.model, retrain.specDigest);
    const run = (await this.training.find(id)) as TrainingRun;
    const path = await this.store.localPath(run.modelDigest as string);
    const admission = await admitModel(path, spec);
    const { manifest } = await this.retrains.snapshot(run.snapshotDigest);
    await heartbeating((signal) => this.requireSameAnswers(path, admission.digest, spec, run, manifest, signal));
    return (await this.versions.add(retrain, admission, new Date(), origin())).number;
  }

  /** Scores candidate and champion on the same rows; bound to the champion and epoch of this moment. */
  async score(id: RetrainId): Promise<ScoreSummary> {
    await this.retrains.enterStage(id, 'score');
    const retrain = await this.retrains.get(id);
    const routing = await this.routing.get(id.model, retrain.deployment);
    const spec = await this.models.spec(id.model, retrain.specDigest);
    const { manifest } = await this.retrains.snapshot(retrain.snapshotDigest as string);
    const candidate = await this.versions.get(id.model, retrain.version as number);
    const champion = routing.champion === null ? null : await this.versions.get(id.model, routing.champion);
    const championSpec = champion && (await this.models.spec(id.model, champion.specDigest));
    const hindrance = champion && championSpec && (await this.hindrance(champion, championSpec, manifest));
    const result = await heartbeating(async (signal, beat) => {
      const scored = await this.scoreVersion(candidate, slicedByGroups(spec), manifest, signal, beat);
      const [ours, fairness] = [plannedSlices(scored, spec), candidateFairness(scored, spec)];
      const { window } = manifest.evaluation;
      const judge = (theirs: ScoredRows | null): EvaluationResult => ({ ...evaluationResult(spec, window, ours, theirs), ...(fairness && { fairness }) });
      if (!champion || !championSpec) return judge(null);
      if (hindrance) return withoutComparison(judge(null), spec, hindrance);
      return judge(await this.scoreVersion(champion, championSpec, manifest, signal, beat));
    });
    const { digest } = await this.store.putBytes(canonicalJson(result));
    return { version: candidate.number, championVersion: routing.champion, epoch: routing.epoch, rows: result.rows, resultDigest: digest };
  }

  /** Decides by the recorded measurements alone, and records the decision. */
  async decideGate(id: RetrainId, score: ScoreSummary): Promise<GateSummary> {
    await this.retrains.enterStage(id, 'gate');
    const retrain = await this.retrains.get(id);
    const spec = await this.models.spec(id.model, retrain.specDigest);
    const result = JSON.parse((await this.store.readBytes(score.resultDigest)).toString('utf8')) as EvaluationResult;
    const gate = decideGate({ spec, measurement: result.candidate, comparison: result.comparison, recentGain: result.recentGain, rows: result.rows, requested: retrain.trigger === 'request' });
    const recorded = await this.versions.recordEvaluation(
      id,
      { version: score.version, deployment: retrain.deployment, championVersion: score.championVersion, epoch: score.epoch, snapshotDigest: retrain.snapshotDigest as string, result, gate },
      new Date(),
      origin(),
    );
    return { verdict: recorded.verdict, reason: gateReason(recorded.gate), development: await this.development(id, score.version, recorded) };
  }

  /** Whether development comes to its exit with this version, by the spec in force, which is the plan. */
  private async development(id: RetrainId, number: number, evaluation: Evaluation): Promise<DevelopmentStand> {
    const [version, run, { specDigest }] = await Promise.all([this.versions.get(id.model, number), this.training.find(id), this.models.get(id.model)]);
    const plan = await this.models.spec(id.model, specDigest);
    const { verdict, criteria } = developmentExit({ plan, planDigest: specDigest, candidate: candidateFacts(version, evaluation, run) });
    return { verdict, criteria: criteria.map(({ name, verdict: judged }) => ({ name, verdict: judged })) };
  }

  private async requireSameAnswers(path: string, digest: string, spec: ModelSpec, run: TrainingRun, manifest: SnapshotManifest, signal: AbortSignal): Promise<void> {
    const request = { modelPath: path, modelDigest: digest, spec, signal, workDir: this.settings.workDir };
    const parity = JSON.parse(await readFile(await this.store.localPath(run.parityDigest as string), 'utf8')) as TrainerParity;
    const parquetPath = await this.store.localPath(manifest.evaluation.artifact.digest);
    requireParity(await predictFirstRows({ ...request, parquetPath, rows: parity.values.length }), parity.values);
  }

  /** Why the champion cannot be judged fairly on these rows, if so. */
  private async hindrance(champion: ModelVersion, spec: ModelSpec, manifest: SnapshotManifest): Promise<string | undefined> {
    const lacking = columnsLacking(spec, manifest);
    if (lacking.length > 0) return `the champion, version ${champion.number}, needs ${lacking.join(', ')}, which the data no longer holds`;
    const { manifest: learntFrom } = await this.retrains.snapshot(champion.snapshotDigest);
    return seenRows(champion.number, learntFrom, manifest);
  }

  private async scoreVersion(version: ModelVersion, spec: ModelSpec, manifest: SnapshotManifest, signal: AbortSignal, beat: (progress: unknown) => void): Promise<ScoredRows> {
    const [modelPath, parquetPath] = await Promise.all([this.store.localPath(version.artifactDigest), this.store.localPath(manifest.evaluation.artifact.digest)]);
    return scoreParquet({
      modelPath, modelDigest: version.artifactDigest, spec, parquetPath, asOf: manifest.asOf, signal, workDir: this.settings.workDir,
      onProgress: (rows, of) => beat({ version: version.number, rows, of }),
    });
  }
}

const columnsLacking = (spec: ModelSpec, { columns }: SnapshotManifest): string[] => {
  const held = new Set(columns.map(({ name }) => name));
  return spec.data.features.map(({ name }) => name).filter((name) => !held.has(name));
};

/** A champion that these rows cannot judge is not compared; the gate must not take that for a pass. */
const withoutComparison = (result: EvaluationResult, spec: ModelSpec, undefinedBecause: string): EvaluationResult => ({
  ...result,
  comparison: { metric: spec.gates.comparison.metric, rows: result.rows, undefinedBecause },
});
