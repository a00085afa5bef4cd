import { Injectable } from '@nestjs/common';
import { canonicalJson } from '../src/contracts/canonical.js';
import { PerennialError } from '../src/contracts/failures.js';
import { baselineLosses } from '../src/drift/baseline-losses.js';
import { championFigures, type ChampionFigures, championFiguresDigest, rowLosses } from '../src/drift/champion-figures.js';
import type { MonitoringPlan } from '../src/drift/monitoring-plan.js';
import { AssessmentsRepository } from '../src/registry/assessments.repository.js';
import { JudgedVersions } from './judged-versions.js';
import { StoreProvider } from './store-provider.js';

/** What a version is held against in production: its figures on the rows on which it was judged before it came into service. Made once, and kept. */
@Injectable()
export class ChampionBaselines {
  constructor(
    private readonly assessments: AssessmentsRepository,
    private readonly judged: JudgedVersions,
    private readonly stores: StoreProvider,
  ) {}

  /**
   * @returns null where none of the rows has a label, and for a version that the registry does not have
   * @throws PerennialError `DataUnreadable`, `ScoringFailed`, `ArtifactMissing`, `ArtifactCorrupt`
   */
  async figuresOf(model: string, version: number, plan: MonitoringPlan, signal: AbortSignal): Promise<ChampionFigures | null> {
    const planDigest = championFiguresDigest(plan);
    const known = await this.assessments.baseline(model, version, planDigest);
    const digest = known?.figuresDigest ?? (await this.make(model, version, plan, planDigest, signal));
    return digest === null ? null : (JSON.parse((await this.stores.store.readBytes(digest)).toString('utf8')) as ChampionFigures);
  }

  /** The outputs that the figures are of. */
  async outputsOf({ outputsDigest }: ChampionFigures): Promise<Float32Array> {
    const bytes = await this.stores.store.readBytes(outputsDigest);
    return new Float32Array(Uint8Array.from(bytes).buffer);
  }

  private async make(model: string, number: number, plan: MonitoringPlan, planDigest: string, signal: AbortSignal): Promise<string | null> {
    const found = await this.judged.find(model, number, signal);
    if (!found || found.rows.labels.length === 0) return null;
    const { spec, snapshot, evaluation, heldOut, asOf, parquetPath, rows } = found;
    const { predictions } = rows;
    const losses = rowLosses(plan, predictions, rows.labels);
    const featureLosses = losses && (await baselineLosses({ spec, parquetPath, asOf, signal }, { losses, eventTimesMs: rows.eventTimesMs }, plan));
    const outputs = await this.stores.store.putBytes(Buffer.from(predictions.buffer, predictions.byteOffset, predictions.byteLength));
    const figures: ChampionFigures = {
      version: number, snapshot, from: evaluation.window.start, until: evaluation.window.end, ...(heldOut && { heldOut }), outputsDigest: outputs.digest,
      ...championFigures(rows, plan, { alpha: spec.evaluation.alpha, featureLosses }),
    };
    const { digest } = await this.stores.store.putBytes(canonicalJson(figures));
    const kept = await this.assessments.addBaseline({ model, version: number, planDigest, figuresDigest: digest, madeAt: new Date() });
    if (kept.figuresDigest !== digest) throw new PerennialError('Internal', `Version ${number} of ${model} has two different baselines`, { model, version: number });
    return digest;
  }
}
