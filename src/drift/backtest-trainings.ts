import type { ArtifactStore } from '../artifacts/artifact-store.js';
import type { SnapshotRef, TrainingParts } from '../contracts/artifacts.js';
import type { BacktestOutcome, BacktestVersion } from '../contracts/policy-backtest.js';
import { PerennialError } from '../contracts/failures.js';
import { isoTime } from '../contracts/time.js';
import type { TrainingProgress } from '../contracts/training.js';
import type { Verdict } from '../contracts/verdict.js';
import { dataInvalid } from '../data/data-invalid.js';
import { takeSnapshot } from '../data/snapshot.js';
import { validateSnapshot } from '../data/validation.js';
import { evaluationResult, gateReason } from '../evaluation/evaluation-result.js';
import { decideGate } from '../evaluation/gate.js';
import { admitModel } from '../evaluation/onnx-admission.js';
import { requireParity } from '../evaluation/parity.js';
import { predictFirstRows, type ScoredRows, scoreParquet } from '../evaluation/scoring.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { championFigures } from './champion-figures.js';
import { monitoringPlan } from './monitoring-plan.js';
import type { AskedTraining, JudgedTraining, ReplayVersion } from './policy-replay.js';
import type { EventStretch } from './window-grid.js';

/** Trains once on a snapshot whose parts the store holds. What it leaves in `workDir` is removed with that. */
export type TrainOnce = (training: {
  readonly spec: ModelSpec; readonly manifest: TrainingParts; readonly store: ArtifactStore; readonly workDir: string; readonly id: string;
  readonly signal: AbortSignal; readonly onProgress: (progress: TrainingProgress) => void;
}) => Promise<{ readonly modelPath: string; readonly parity: { readonly values: readonly number[] } }>;

/** Where a backtest works, and on what. */
export interface BacktestPlace {
  readonly spec: ModelSpec;
  readonly specDigest: string;
  /** The folder that `data.source.path` is relative to. */
  readonly dataDir: string;
  /** Scratch space of this backtest alone. */
  readonly workDir: string;
  readonly store: ArtifactStore;
  readonly train: TrainOnce;
  readonly signal: AbortSignal;
}

/** A version with its model on this machine. */
export interface TrainedVersion extends ReplayVersion {
  readonly snapshot: SnapshotRef;
  /** The rows that judged it, as it answers them. */
  readonly judged: ScoredRows;
  readonly modelPath: string;
  readonly modelDigest: string;
}

export interface TrainingWatcher {
  /** A training began, on the data up to `asOf`. */
  training(number: number, asOf: string, progress: TrainingProgress | null): void;
}

/** What a data set is refused with: a retrain fails there, and the next one may go on. */
const DATA_FAILURES: readonly string[] = ['DataInvalid', 'NotEnoughData', 'WindowEmpty'];
const OUTCOME_OF: Readonly<Record<Verdict, BacktestOutcome>> = { pass: 'promoted', fail: 'rejected', inconclusive: 'inconclusive', error: 'failed' };

/** The trainings of a backtest, each made once, and what the gate of the spec says of them: snapshot, validation, training, admission and scoring are those of a retrain. */
export class BacktestTrainings {
  /** In the order of their training. */
  readonly versions: TrainedVersion[] = [];

  constructor(
    private readonly place: BacktestPlace,
    private readonly watcher: TrainingWatcher,
  ) {}

  /**
   * The version that answers at the beginning, on the data that is known then.
   * @throws PerennialError `VersionUnfit` where the gate does not pass it; as a retrain fails
   */
  async first(asOfMs: number): Promise<TrainedVersion> {
    const version = await this.trained(asOfMs, []);
    const { outcome, because } = await this.judge(version, null);
    if (outcome === 'promoted') return version;
    throw new PerennialError('VersionUnfit', `Version 1, trained on the data up to ${isoTime(asOfMs)}, does not pass the gate, so that nothing would be in service: ${because} Begin later (--from), or mend the gates`, { asOf: isoTime(asOfMs), outcome });
  }

  /** @param asked the champion is one of {@link versions} @throws PerennialError what is no fault of the data */
  async retrain({ asOfMs, champion, without }: AskedTraining): Promise<JudgedTraining> {
    try {
      const candidate = await this.trained(asOfMs, without);
      return { ...(await this.judge(candidate, this.versions[champion.number - 1]!)), version: candidate };
    } catch (error) {
      if (!(error instanceof PerennialError) || !DATA_FAILURES.includes(error.type)) throw error;
      return { outcome: 'failed', because: error.message, version: null };
    }
  }

  private async trained(asOfMs: number, without: readonly EventStretch[]): Promise<TrainedVersion> {
    const { spec, specDigest, dataDir, workDir, store, signal } = this.place;
    const left = without.map(({ fromMs, untilMs }) => ({ start: isoTime(fromMs), end: isoTime(untilMs) }));
    const snapshot = await takeSnapshot({ model: spec.model, spec, specDigest, dataDir, workDir, store, signal, asOf: isoTime(asOfMs), without: left });
    const known = this.versions.find((version) => version.snapshot.digest === snapshot.digest);
    if (known) return known;
    const report = await validateSnapshot({ snapshot, spec, store, workDir, signal });
    if (report.verdict === 'fail') throw dataInvalid(report.violations);
    const version = await this.train(snapshot);
    this.versions.push(version);
    return version;
  }

  private async train(snapshot: SnapshotRef): Promise<TrainedVersion> {
    const { place: { spec, workDir, store, signal, train }, watcher } = this;
    const { manifest } = snapshot;
    const number = this.versions.length + 1;
    watcher.training(number, manifest.asOf, null);
    const output = await train({ spec, manifest, store, workDir, id: `backtest/${spec.model}/${number}`, signal, onProgress: (progress) => watcher.training(number, manifest.asOf, progress) });
    const { digest: modelDigest } = await admitModel(output.modelPath, spec);
    const scoring = { modelPath: output.modelPath, modelDigest, spec, workDir, signal, parquetPath: await store.localPath(manifest.evaluation.artifact.digest) };
    requireParity(await predictFirstRows({ ...scoring, rows: output.parity.values.length }), output.parity.values);
    const judged = await scoreParquet({ ...scoring, asOf: manifest.asOf });
    return { number, asOfMs: Date.parse(manifest.asOf), trainedRows: manifest.train.labelledRows, figures: await this.figures(number, snapshot, judged), snapshot, judged, modelPath: output.modelPath, modelDigest };
  }

  private async figures(version: number, { digest, manifest: { evaluation, heldOut } }: SnapshotRef, judged: ScoredRows): Promise<ReplayVersion['figures']> {
    const { predictions: { buffer, byteOffset, byteLength } } = judged;
    const outputs = await this.place.store.putBytes(Buffer.from(buffer, byteOffset, byteLength));
    return {
      version, snapshot: digest, from: evaluation.window.start, until: evaluation.window.end, ...(heldOut && { heldOut }), outputsDigest: outputs.digest,
      ...championFigures(judged, monitoringPlan(this.place.spec), { alpha: this.place.spec.evaluation.alpha }),
    };
  }

  /** By the gate of the spec, beside the champion on the candidate's rows: those it has not seen, for its own windows began earlier and held out the same blocks. */
  private async judge(candidate: TrainedVersion, champion: TrainedVersion | null): Promise<Pick<JudgedTraining, 'outcome' | 'because'>> {
    const { spec, workDir, store, signal } = this.place;
    const { manifest } = candidate.snapshot;
    const parquetPath = await store.localPath(manifest.evaluation.artifact.digest);
    const rows = champion && (await scoreParquet({ modelPath: champion.modelPath, modelDigest: champion.modelDigest, spec, parquetPath, asOf: manifest.asOf, workDir, signal }));
    const result = evaluationResult(spec, manifest.evaluation.window, candidate.judged, rows);
    const gate = decideGate({ spec, measurement: result.candidate, comparison: result.comparison, recentGain: result.recentGain, rows: result.rows, requested: false });
    return { outcome: OUTCOME_OF[gate.verdict], because: gateReason(gate) };
  }
}

/** As it is told. */
export const versionFigures = ({ number, snapshot: { manifest: { asOf, train, evaluation, heldOut } } }: TrainedVersion): BacktestVersion => ({
  number, asOf, trained: { ...train.window, labelledRows: train.labelledRows }, judged: { ...evaluation.window, labelledRows: evaluation.labelledRows }, ...(heldOut && { heldOut }),
});
