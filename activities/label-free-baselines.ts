import { Injectable } from '@nestjs/common';
import { canonicalJson } from '../src/contracts/canonical.js';
import { fitConfidenceBased } from '../src/drift/confidence-based-estimate.js';
import { fitDirectLoss } from '../src/drift/direct-loss-estimate.js';
import { type BaselinePart, baselineParts, estimatedErrors } from '../src/drift/estimated-harm-course.js';
import { expectedErrors, trueErrors } from '../src/drift/expected-errors.js';
import { type EstimatedHarmBaseline, type LabelFreeFigures, labelFreeFiguresDigest, type LossModels, tooSmall } from '../src/drift/label-free-figures.js';
import type { MonitoringPlan } from '../src/drift/monitoring-plan.js';
import { LabelFreeBaselinesRepository } from '../src/registry/label-free-baselines.repository.js';
import { type JudgedVersion, JudgedVersions } from './judged-versions.js';
import { type LossLesson, LossModelTrainer } from './loss-model-trainer.js';
import { StoreProvider } from './store-provider.js';

interface Making {
  readonly model: string;
  readonly number: number;
  readonly plan: MonitoringPlan;
  readonly signal: AbortSignal;
}

/** A version's baseline cut into blocks of event time, and those into parts. */
interface Divided {
  readonly judged: JudgedVersion;
  readonly blocks: Float64Array;
  readonly parts: readonly BaselinePart[];
}

type EstimatedHarm = Pick<LabelFreeFigures, 'harm' | 'withoutHarm'>;
type Estimator = Pick<EstimatedHarmBaseline, 'calibration' | 'model'> & { readonly estimates: Float64Array };

/** Fewer rows than these make no estimator. */
const FEWEST_ESTIMATOR_ROWS = 40;

/** What a version's windows are estimated by before their labels. Made once, and kept; a training that failed is tried again at the next window. */
@Injectable()
export class LabelFreeBaselines {
  constructor(
    private readonly kept: LabelFreeBaselinesRepository,
    private readonly judged: JudgedVersions,
    private readonly trainer: LossModelTrainer,
    private readonly stores: StoreProvider,
  ) {}

  /**
   * @returns null for a version that the registry does not have
   * @throws PerennialError as the trainer, the admission and the scoring do; `ArtifactMissing`, `ArtifactCorrupt`
   */
  async figuresOf(model: string, number: number, plan: MonitoringPlan, signal: AbortSignal): Promise<LabelFreeFigures | null> {
    const known = await this.kept.find(model, number, labelFreeFiguresDigest(plan));
    const digest = known?.figuresDigest ?? (await this.make({ model, number, plan, signal }));
    return digest === null ? null : (JSON.parse((await this.stores.store.readBytes(digest)).toString('utf8')) as LabelFreeFigures);
  }

  private async make(making: Making): Promise<string | null> {
    const { model, number, plan, signal } = making;
    const judged = await this.judged.find(model, number, signal);
    if (!judged) return null;
    const figures: LabelFreeFigures = { version: number, snapshot: judged.snapshot, plan, ...(await this.learnt(making, judged)) };
    const { digest } = await this.stores.store.putBytes(canonicalJson(figures));
    return (await this.kept.add({ model, version: number, planDigest: labelFreeFiguresDigest(plan), figuresDigest: digest, madeAt: new Date() })).figuresDigest;
  }

  private async learnt(making: Making, judged: JudgedVersion): Promise<Omit<LabelFreeFigures, 'version' | 'snapshot' | 'plan'>> {
    const small = tooSmall(making.number, judged.rows.labels.length);
    const regression = judged.spec.task === 'regression';
    if (small !== null) return { losses: null, withoutLosses: regression ? small : null, harm: null, withoutHarm: small };
    const blocks = Float64Array.from(judged.rows.eventTimesMs, (time) => Math.floor(time / making.plan.blockMs));
    const divided = { judged, blocks, parts: baselineParts(blocks) };
    return { losses: regression ? await this.lossModels(making, divided) : null, withoutLosses: null, ...(await this.estimatedHarm(making, divided)) };
  }

  private async lossModels(making: Making, { judged, blocks }: Divided): Promise<LossModels> {
    const { rows, spec } = judged;
    const { digest: absolute, rows: taught } = await this.trainer.train(lesson(making, judged, 'absolute error', () => true));
    const { digest: squared } = await this.trainer.train(lesson(making, judged, 'squared error', () => true));
    return { rows: taught, features: spec.data.features, absolute, squared, fit: fitDirectLoss({ predictions: rows.predictions, labels: rows.labels, chunks: blocks }) };
  }

  private async estimatedHarm(making: Making, divided: Divided): Promise<EstimatedHarm> {
    const { judged: { rows }, blocks, parts } = divided;
    const taught = parts.filter((part) => part === 'estimator').length;
    if (taught < FEWEST_ESTIMATOR_ROWS) return without(`Of the baseline's blocks (rollout.comparison.block) one in five estimates errors, and they have ${taught} rows; ${FEWEST_ESTIMATOR_ROWS} are needed.`);
    const { estimates, ...estimator } = await this.estimator(making, divided);
    const found = estimatedErrors({ errors: trueErrors(making.plan, rows.predictions, rows.labels), estimates, parts, blocks });
    return typeof found === 'string' ? without(found) : { harm: { ...found, ...estimator }, withoutHarm: null };
  }

  /** Made of its part alone. */
  private async estimator(making: Making, { judged, blocks, parts }: Divided): Promise<Estimator> {
    const { rows: { task, predictions, labels } } = judged;
    if (task === 'regression') {
      const { digest: model } = await this.trainer.train(lesson(making, judged, 'absolute error', (row) => parts[row] === 'estimator'));
      return { calibration: null, model, estimates: await this.trainer.predict(judged, 'absolute error', model, making.signal) };
    }
    const taken = Int32Array.from(parts.keys()).filter((row) => parts[row] === 'estimator');
    const reference = { probabilities: Float32Array.from(taken, (row) => predictions[row]!), labels: Float64Array.from(taken, (row) => labels[row]!), chunks: Float64Array.from(taken, (row) => blocks[row]!) };
    const { calibration } = fitConfidenceBased(reference, making.plan.threshold);
    return { calibration, model: null, estimates: expectedErrors(making.plan, calibration, predictions) };
  }
}

const without = (withoutHarm: string): EstimatedHarm => ({ harm: null, withoutHarm });

const lesson = ({ model, number, signal }: Making, judged: JudgedVersion, label: LossLesson['label'], from: LossLesson['from']): LossLesson =>
  ({ judged, label, from, id: `errors/${model}/${number}`, signal });
