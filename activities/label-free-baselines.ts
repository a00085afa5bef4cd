import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { canonicalJson } from '../src/contracts/canonical.js';
import { fitDirectLoss } from '../src/drift/direct-loss-estimate.js';
import { type LabelFreeFigures, labelFreeFiguresDigest, type LossModels, withoutLossModels } from '../src/drift/label-free-figures.js';
import { type LossLabel, trainLossModel } from '../src/drift/loss-model.js';
import { writeLossRows } from '../src/drift/loss-rows.js';
import type { MonitoringPlan } from '../src/drift/monitoring-plan.js';
import { LabelFreeBaselinesRepository } from '../src/registry/label-free-baselines.repository.js';
import { trainLocally } from '../src/training/local-training.js';
import { ActivitySettings } from './activity-settings.js';
import { type JudgedVersion, JudgedVersions } from './judged-versions.js';
import { StoreProvider } from './store-provider.js';

interface Making {
  readonly model: string;
  readonly number: number;
  readonly plan: MonitoringPlan;
  readonly signal: AbortSignal;
}

/** What a version's windows are estimated by before their labels. Made once, and kept; a training that failed is tried again at the next window. */
@Injectable()
export class LabelFreeBaselines {
  constructor(
    private readonly kept: LabelFreeBaselinesRepository,
    private readonly judged: JudgedVersions,
    private readonly settings: ActivitySettings,
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
    const found = await this.judged.find(model, number, signal);
    if (!found) return null;
    const withoutLosses = withoutLossModels(found.spec.task, number, found.rows.labels.length);
    const losses = withoutLosses === null ? await this.lossModels(making, found) : null;
    const figures: LabelFreeFigures = { version: number, snapshot: found.snapshot, plan, losses, withoutLosses };
    const { digest } = await this.stores.store.putBytes(canonicalJson(figures));
    return (await this.kept.add({ model, version: number, planDigest: labelFreeFiguresDigest(plan), figuresDigest: digest, madeAt: new Date() })).figuresDigest;
  }

  private async lossModels({ model, number, plan, signal }: Making, { spec, rows, parquetPath, asOf }: JudgedVersion): Promise<LossModels> {
    const folder = await mkdtemp(join(this.settings.workDir, `losses-${model}-${number}-`));
    try {
      const written = await writeLossRows({ file: { spec, parquetPath, asOf, signal }, judged: rows, taken: () => true, scratch: folder });
      const train = async (label: LossLabel): Promise<string> => {
        const id = `estimate/${model}/${number}/${label.replace(' ', '-')}`;
        const path = await trainLossModel({ spec, label, parquetPath: written.path, rows: written.rows, asOf, workDir: join(folder, label), id, signal, train: (training) => trainLocally(this.trainers(), training) });
        return (await this.stores.store.putFile(path)).digest;
      };
      const [absolute, squared] = [await train('absolute error'), await train('squared error')];
      const days = Float64Array.from(rows.eventTimesMs, (time) => Math.floor(time / plan.blockMs));
      return { rows: written.rows, features: spec.data.features, absolute, squared, fit: fitDirectLoss({ predictions: rows.predictions, labels: rows.labels, chunks: days }) };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Small trees need no GPU, and those of this machine are leased to trainings. */
  private trainers(): Parameters<typeof trainLocally>[0] {
    const { trainerPython, trainersDir, searchPath } = this.settings;
    return { python: trainerPython, folder: trainersDir, searchPath, gpus: [] };
  }
}
