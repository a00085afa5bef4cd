import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { PerennialError } from '../src/contracts/failures.js';
import type { DueAssessment } from '../src/contracts/window-assessment.js';
import type { EstimatedHarmFigures, EstimateFigures } from '../src/contracts/window-assessment-report.js';
import { followEstimatedHarm } from '../src/drift/estimated-harm-course.js';
import { expectedErrors } from '../src/drift/expected-errors.js';
import { estimatedHarmTerms } from '../src/drift/harm-budgets.js';
import type { EstimatedHarmBaseline, LabelFreeFigures } from '../src/drift/label-free-figures.js';
import { type LossLabel, lossModelSpec } from '../src/drift/loss-model.js';
import { writeServedInputs } from '../src/drift/loss-rows.js';
import { directLossFigures, estimateFigures } from '../src/drift/window-assessment.js';
import { predictEveryRow } from '../src/evaluation/scoring.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { ActivitySettings } from './activity-settings.js';
import { HarmMemories, type MeasuredHarm } from './harm-memories.js';
import { LabelFreeBaselines } from './label-free-baselines.js';
import type { MeasuredRows } from './served-windows.js';
import { StoreProvider } from './store-provider.js';

export interface WindowEstimate {
  readonly estimate: EstimateFigures | null;
  /** Why there is none. */
  readonly withoutEstimate: string | null;
  /** Null where the window does not close now, and where the spec leaves it out. */
  readonly estimatedHarm: { readonly figures: EstimatedHarmFigures; readonly measured: MeasuredHarm } | null;
}

/** A window and what it is estimated by. */
interface Estimated extends MeasuredRows {
  readonly window: DueAssessment;
  readonly spec: ModelSpec;
  readonly labelsDue: boolean;
  /** Or why there are none. */
  readonly known: LabelFreeFigures | string;
  readonly faulty: boolean;
}

const NOT_KEPT = 'The inputs of the window were not kept (serving.observe.inputs), so that its errors cannot be predicted.';

/** What a window comes to before its labels. */
@Injectable()
export class WindowEstimates {
  constructor(
    private readonly baselines: LabelFreeBaselines,
    private readonly memories: HarmMemories,
    private readonly settings: ActivitySettings,
    private readonly stores: StoreProvider,
  ) {}

  /**
   * A window is assessed with or without an estimate: whatever keeps one from being made is its reason.
   * @param faulty whether an upstream fault was found in it: it adds no evidence of harm then
   */
  async of(window: DueAssessment, spec: ModelSpec, measured: MeasuredRows, faulty: boolean): Promise<WindowEstimate> {
    const { figures: { confidence, plan, version }, rows, query: { signal } } = measured;
    const labelsDue = window.occasion !== 'closed';
    const follows = !labelsDue && spec.monitoring.estimatedHarm !== 'off';
    const known = confidence === null || follows
      ? await orReason(signal, async () => (await this.baselines.figuresOf(window.model, version, plan, signal)) ?? `Version ${version} is not in the registry.`) : '';
    const estimated = { ...measured, window, spec, labelsDue, known, faulty };
    const quality = confidence ? estimateFigures(confidence, rows, labelsDue) ?? 'No row has an output, and a label where those are due.' : await orReason(signal, () => this.ofRegression(estimated));
    return {
      estimate: typeof quality === 'string' ? null : quality, withoutEstimate: typeof quality === 'string' ? quality : null,
      estimatedHarm: follows ? await this.harm(estimated) : null,
    };
  }

  private async ofRegression(estimated: Estimated): Promise<EstimateFigures | string> {
    const { known, rows, labelsDue } = estimated;
    if (typeof known === 'string') return known;
    const { losses } = known;
    if (!losses) return known.withoutLosses ?? 'The baseline gives no model of errors.';
    const predicted = await this.predicted(estimated, known, [['absolute error', losses.absolute], ['squared error', losses.squared]]);
    if (!predicted) return NOT_KEPT;
    return directLossFigures(losses.fit, { absolute: predicted[0]!, squared: predicted[1]! }, rows, labelsDue) ?? 'No row has inputs and an output, and a label where those are due.';
  }

  private async harm(estimated: Estimated): Promise<NonNullable<WindowEstimate['estimatedHarm']>> {
    const { known, window, spec: { monitoring }, rows, query: { signal } } = estimated;
    const before = await this.memories.estimatedBefore(window);
    const without = (because: string): NonNullable<WindowEstimate['estimatedHarm']> => ({ figures: { evidence: null, threshold: null, because }, measured: { before, memory: before.memory } });
    if (estimated.faulty) return without('The window has an upstream fault.');
    if (typeof known === 'string') return without(known);
    if (!known.harm) return without(known.withoutHarm ?? 'The baseline gives no estimate of errors.');
    if (before.memory && before.memory.state.untilMs > window.fromMs) return without('The window overlaps the one that the evidence has come to.');
    const { version, snapshot, plan, harm: baseline } = known;
    const estimates = await orReason(signal, () => this.estimatedErrors(estimated, known, baseline));
    if (typeof estimates === 'string') return without(estimates);
    const course = followEstimatedHarm(before.memory, { ...window, version, snapshot, plan, baseline, terms: estimatedHarmTerms(monitoring, await this.memories.shareOf(window)), estimates, eventTimesMs: rows.eventTimesMs, resolved: before.resolved });
    if (!course) return without('The baseline has too few rows or blocks to bound the share of rows with a high estimated error.');
    const { memory, ...evidence } = course;
    return { figures: { evidence, threshold: baseline.threshold, because: null }, measured: { before, memory } };
  }

  private async estimatedErrors(estimated: Estimated, known: LabelFreeFigures, { calibration, model }: EstimatedHarmBaseline): Promise<Float64Array | string> {
    if (model === null) return expectedErrors(known.plan, calibration, estimated.rows.outputs);
    const predicted = await this.predicted(estimated, known, [['absolute error', model]]);
    return predicted ? Float64Array.from(predicted[0]!) : NOT_KEPT;
  }

  /** What each model predicts of each row, NaN where inputs or output are not known; null where inputs were not kept. */
  private async predicted({ spec, rows, query }: Estimated, { losses }: LabelFreeFigures, models: readonly (readonly [LossLabel, string])[]): Promise<Float32Array[] | null> {
    const features = losses?.features ?? spec.data.features;
    const scratch = await mkdtemp(join(this.settings.workDir, 'estimate-'));
    try {
      const inputs = await writeServedInputs({ ...query, scratch }, rows, features);
      if (!inputs) return null;
      const predictions: Float32Array[] = [];
      for (const [label, modelDigest] of models) {
        const modelPath = await this.stores.store.localPath(modelDigest);
        const ofVersion = lossModelSpec({ ...spec, data: { ...spec.data, features: [...features] } }, label);
        const found = await predictEveryRow({ modelPath, modelDigest, spec: ofVersion, workDir: scratch, signal: query.signal, parquetPath: inputs.path });
        predictions.push(found.map((loss, row) => (inputs.known[row] === 1 ? loss : NaN)));
      }
      return predictions;
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
}

/** Faults of ours are thrown, and so is the end of the activity. */
async function orReason<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | string> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof PerennialError) || error.type === 'Internal') throw error;
    return `The model of errors cannot be made or run (${error.type}): ${error.message}`;
  }
}
