import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { fileDigest } from '../src/artifacts/file-digest.js';
import { PerennialError } from '../src/contracts/failures.js';
import type { CheckOutcome, ValidationCheckName } from '../src/contracts/validations.js';
import type { MetricName } from '../src/contracts/verdict.js';
import { writeMovedRows } from '../src/data/moved-rows.js';
import { featureResponses } from '../src/evaluation/feature-responses.js';
import { admitModel } from '../src/evaluation/onnx-admission.js';
import { compareOnSameRows } from '../src/evaluation/paired-comparison.js';
import { type ScoredRows, scoreParquet } from '../src/evaluation/scoring.js';
import { auditDependencies, requirementsLost } from '../src/lifecycle/validation-dependencies.js';
import { judgeDocuments, judgeGroups, judgeOutOfTime, judgeProvenance, type NeededDocument, type Traced } from '../src/lifecycle/validation-evidence.js';
import { judgeSensitivity } from '../src/lifecycle/validation-sensitivity.js';
import { judgeSlices } from '../src/lifecycle/validation-slices.js';
import { judgeStability } from '../src/lifecycle/validation-stability.js';
import { ApprovalsRepository } from '../src/registry/approvals.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { ActivitySettings } from './activity-settings.js';
import { StoreProvider } from './store-provider.js';
import type { ValidatedVersion } from './validated-versions.js';

/** What measures, for each check, what its decision rests on. */
@Injectable()
export class ValidationChecks {
  constructor(
    private readonly approvals: ApprovalsRepository,
    private readonly settings: ActivitySettings,
    private readonly stores: StoreProvider,
  ) {}

  /**
   * Makes one check.
   * @param otherModel digest of the model that another seed made, for the check of stability
   * @throws PerennialError `ScoringFailed`, `DataUnreadable`, `ArtifactMissing`, `ArtifactCorrupt`: what the check would have looked at is not there
   */
  make(name: ValidationCheckName, subject: ValidatedVersion, otherModel: string | null, signal: AbortSignal): Promise<CheckOutcome> | CheckOutcome {
    const { evaluation: { result, verdict }, spec, manifest } = subject;
    switch (name) {
      case 'outOfTime': return judgeOutOfTime({ result, gate: verdict, metric: spec.gates.comparison.metric, data: manifest });
      case 'admission': return this.admission(subject);
      case 'provenance': return this.provenance(subject);
      case 'dependencies': return this.dependencies(subject);
      case 'documents': return this.documents(subject);
      case 'slices': return judgeSlices(result, spec.gates);
      case 'fairness': return judgeGroups(result.fairness ?? null);
      case 'sensitivity': return this.sensitivity(subject, signal);
      case 'stability': return this.stability(subject, otherModel, signal);
    }
  }

  /** The file is looked at anew, as if it had just come. */
  private async admission({ version, spec }: ValidatedVersion): Promise<CheckOutcome> {
    try {
      const { digest, bytes, irVersion, opset, operators } = await admitModel(await this.stores.store.localPath(version.artifactDigest), spec);
      const same = digest === version.artifactDigest;
      const facts = `${bytes.toLocaleString('en-US')} bytes of ONNX, IR version ${irVersion}, ${Object.entries(opset).map(([domain, number]) => `${domain} ${number}`).join(', ')}, ${Object.keys(operators).length} kinds of operators`;
      return { verdict: same ? 'pass' : 'fail', explanation: same ? `${facts}: admitted once more.` : `The file has another digest, ${digest}, than was admitted.`, figures: { digest, bytes, irVersion, opset, operators } };
    } catch (error) {
      if (error instanceof PerennialError && error.type === 'ModelRefused') return { verdict: 'fail', explanation: `The file is refused: ${error.message}.`, figures: error.details };
      throw error;
    }
  }

  private async provenance({ version, run, manifest, retrain }: ValidatedVersion): Promise<CheckOutcome> {
    const kept = [
      ['the model', version.artifactDigest], ['the rows that trained', manifest.train.artifact.digest], ['the rows that judged', manifest.evaluation.artifact.digest], ["the trainer's own answers", run.parityDigest],
      ['the locked requirements', run.environment?.requirementsDigest ?? null],
    ] as const;
    const traced: Traced[] = [];
    for (const [what, digest] of kept) traced.push({ what, digest, stored: digest === null ? 'missing' : await this.stored(digest) });
    const recorded = [['the snapshot', version.snapshotDigest], ['the spec', version.specDigest], ["the trainer's code", run.codeDigest], ['the command', retrain.commandId]] as const;
    const sources = [manifest.source, ...(manifest.joins ?? [])].flatMap(({ files }) => files).map(({ name, digest }) => [`source file ${name}`, digest] as const);
    return judgeProvenance([...traced, ...[...recorded, ...sources].map(([what, digest]) => ({ what, digest, stored: 'notKept' as const }))]);
  }

  /** Reads all of it again: the store itself reads a file once in a process. */
  private async stored(digest: string): Promise<Traced['stored']> {
    try {
      return (await fileDigest(await this.stores.store.localPath(digest))) === digest ? 'same' : 'differs';
    } catch (error) {
      if (!(error instanceof PerennialError)) throw error;
      if (error.type === 'ArtifactMissing') return 'missing';
      if (error.type === 'ArtifactCorrupt') return 'differs';
      throw error;
    }
  }

  private async dependencies({ run: { environment } }: ValidatedVersion): Promise<CheckOutcome> {
    if (!environment) return { verdict: 'fail', explanation: 'The trainer said nothing of its environment.', figures: {} };
    const { requirementsDigest, libraries } = environment;
    if ((await this.stored(requirementsDigest)) !== 'same') return requirementsLost(requirementsDigest);
    return auditDependencies((await this.stores.store.readBytes(requirementsDigest)).toString('utf8'), libraries);
  }

  private async documents({ version, spec, retrain }: ValidatedVersion): Promise<CheckOutcome> {
    const newest = await this.approvals.newest({ kind: 'useCase', model: version.model, version: null });
    const approved = newest?.approval.digest === version.specDigest && newest.end?.outcome === 'approved';
    const plan = `spec ${version.specDigest}`;
    const { useCase, gates, tier, fairness } = spec;
    const ofPeople = useCase?.risk.affected === 'people' || useCase?.risk.affected === 'rights';
    const needed: NeededDocument[] = [
      ...['purpose and owner', 'business case', 'data availability', 'success criteria', 'risk questionnaire'].map((what) => ({ what, found: useCase ? plan : null })),
      { what: 'approval of the use case for this spec', found: approved ? `approval ${newest.approval.number}` : null },
      { what: 'report of the data', found: retrain.dataReport ? `retrain ${retrain.number}` : null },
      { what: 'thresholds of its own (gates.absolute)', found: gates.absolute.length > 0 ? plan : null },
      ...(tier !== 'low' ? [{ what: 'runbook (useCase.runbook)', found: useCase?.runbook ? plan : null }] : []),
      ...(tier !== 'low' && ofPeople ? [{ what: 'groups that must be treated alike (fairness)', found: fairness ? plan : null }] : []),
      ...(tier === 'high' || tier === 'critical' ? [{ what: 'rules that apply (useCase.regulations)', found: useCase && useCase.regulations.length > 0 ? plan : null }] : []),
    ];
    return judgeDocuments(needed);
  }

  private async sensitivity(subject: ValidatedVersion, signal: AbortSignal): Promise<CheckOutcome> {
    const { spec, manifest, version } = subject;
    const folder = await mkdtemp(join(this.settings.workDir, 'moved-'));
    try {
      const path = join(folder, 'moved.parquet');
      const moves = await writeMovedRows({ parquetPath: await this.stores.store.localPath(manifest.evaluation.artifact.digest), path, folder, spec, signal });
      const modelPath = await this.stores.store.localPath(version.artifactDigest);
      const rows = await scoreParquet({ modelPath, modelDigest: version.artifactDigest, spec: unsliced(spec), parquetPath: path, asOf: manifest.asOf, signal, workDir: this.settings.workDir });
      const responses = featureResponses(rows, moves, { metrics: metricsAsked(spec), threshold: spec.evaluation.threshold });
      return judgeSensitivity({ rows: rows.labels.length / (moves.length + 1), responses }, spec.gates);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  private async stability(subject: ValidatedVersion, otherModel: string | null, signal: AbortSignal): Promise<CheckOutcome> {
    const { spec, run, evaluation, version } = subject;
    if (otherModel === null) throw new PerennialError('Internal', 'Nothing was trained with another seed');
    const ours = await this.score(subject, spec, version.artifactDigest, signal);
    const theirs = await this.score(subject, spec, otherModel, signal);
    const { metric } = spec.gates.comparison;
    const { alpha, threshold } = spec.evaluation;
    return judgeStability({ seed: run.seed, otherModel, measured: evaluation.result.candidate.metrics[metric] ?? null, comparison: compareOnSameRows(metric, theirs, ours, { alpha, threshold }) });
  }

  /** The rows that judged, as a model answers them. */
  private async score({ manifest }: ValidatedVersion, spec: ModelSpec, modelDigest: string, signal: AbortSignal): Promise<ScoredRows> {
    const [modelPath, parquetPath] = await Promise.all([this.stores.store.localPath(modelDigest), this.stores.store.localPath(manifest.evaluation.artifact.digest)]);
    return scoreParquet({ modelPath, modelDigest, spec: unsliced(spec), parquetPath, asOf: manifest.asOf, signal, workDir: this.settings.workDir });
  }
}

const unsliced = (spec: ModelSpec): ModelSpec => ({ ...spec, evaluation: { ...spec.evaluation, slices: [] } });

const metricsAsked = ({ gates }: ModelSpec): readonly MetricName[] => [...new Set([gates.comparison.metric, ...gates.absolute.map(({ metric }) => metric)])];
