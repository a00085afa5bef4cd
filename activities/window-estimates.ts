import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { PerennialError } from '../src/contracts/failures.js';
import type { DueAssessment, EstimateFigures } from '../src/contracts/window-assessment.js';
import type { LossModels } from '../src/drift/label-free-figures.js';
import { type LossLabel, lossModelSpec } from '../src/drift/loss-model.js';
import { type ServedInputs, writeServedInputs } from '../src/drift/loss-rows.js';
import { directLossFigures, estimateFigures, type PredictedLosses } from '../src/drift/window-assessment.js';
import { predictEveryRow } from '../src/evaluation/scoring.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { ActivitySettings } from './activity-settings.js';
import { LabelFreeBaselines } from './label-free-baselines.js';
import type { MeasuredRows } from './served-windows.js';
import { StoreProvider } from './store-provider.js';

export interface WindowEstimate {
  readonly estimate: EstimateFigures | null;
  /** Why there is none. */
  readonly withoutEstimate: string | null;
}

/** What a window comes to before its labels. */
@Injectable()
export class WindowEstimates {
  constructor(
    private readonly baselines: LabelFreeBaselines,
    private readonly settings: ActivitySettings,
    private readonly stores: StoreProvider,
  ) {}

  /** A window is assessed with or without an estimate: whatever keeps one from being made is its reason. */
  async of(window: DueAssessment, spec: ModelSpec, measured: MeasuredRows): Promise<WindowEstimate> {
    const { figures: { confidence }, rows, query: { signal } } = measured;
    const labelsDue = window.occasion !== 'closed';
    if (confidence) return withReason(estimateFigures(confidence, rows, labelsDue), 'No row has an output, and a label where those are due.');
    try {
      return await this.ofRegression(window.model, spec, measured, labelsDue);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof PerennialError) || error.type === 'Internal') throw error;
      return { estimate: null, withoutEstimate: `The model of errors cannot be made or run (${error.type}): ${error.message}` };
    }
  }

  private async ofRegression(model: string, spec: ModelSpec, measured: MeasuredRows, labelsDue: boolean): Promise<WindowEstimate> {
    const { figures: { plan, version }, rows, query } = measured;
    const found = await this.baselines.figuresOf(model, version, plan, query.signal);
    if (!found?.losses) return { estimate: null, withoutEstimate: found?.withoutLosses ?? `Version ${version} is not in the registry.` };
    const losses = await this.predicted(spec, found.losses, measured);
    if (!losses) return { estimate: null, withoutEstimate: 'The inputs of the window were not kept (serving.observe.inputs), so that its errors cannot be predicted.' };
    return withReason(directLossFigures(found.losses.fit, losses, rows, labelsDue), 'No row has inputs and an output, and a label where those are due.');
  }

  private async predicted(spec: ModelSpec, models: LossModels, { rows, query }: MeasuredRows): Promise<PredictedLosses | null> {
    const scratch = await mkdtemp(join(this.settings.workDir, 'estimate-'));
    try {
      const inputs = await writeServedInputs({ ...query, scratch }, rows, models.features);
      if (!inputs) return null;
      const ofVersion = { ...spec, data: { ...spec.data, features: [...models.features] } };
      const predict = (label: LossLabel, digest: string): Promise<Float32Array> => this.predict(lossModelSpec(ofVersion, label), digest, inputs, { scratch, signal: query.signal });
      return { absolute: await predict('absolute error', models.absolute), squared: await predict('squared error', models.squared) };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  private async predict(spec: ModelSpec, modelDigest: string, { path: parquetPath, known }: ServedInputs, { scratch, signal }: { scratch: string; signal: AbortSignal }): Promise<Float32Array> {
    const modelPath = await this.stores.store.localPath(modelDigest);
    const losses = await predictEveryRow({ modelPath, modelDigest, spec, workDir: scratch, signal, parquetPath });
    return losses.map((loss, row) => (known[row] === 1 ? loss : NaN));
  }
}

const withReason = (estimate: EstimateFigures | null, reason: string): WindowEstimate => ({ estimate, withoutEstimate: estimate ? null : reason });
