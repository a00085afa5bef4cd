import { mkdtemp, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Injectable } from '@nestjs/common';
import type { ArtifactStore } from '../src/artifacts/artifact-store.js';
import { PerennialError } from '../src/contracts/failures.js';
import type { LabelBatchOutcome, LabelCounts, LabelIngestion } from '../src/contracts/labels.js';
import { sensitivityOf } from '../src/contracts/masking.js';
import { deploymentWorkflowId } from '../src/contracts/motion.js';
import { durationMs } from '../src/contracts/time.js';
import { normalizeLabels } from '../src/observations/label-batch.js';
import { type LabelStanding, labelStanding } from '../src/observations/label-standing.js';
import type { TimeRange } from '../src/observations/observation-rows.js';
import { streamTime } from '../src/observations/stream-time.js';
import type { LabelBatch } from '../src/registry/entities/label.entity.js';
import type { ObservationFile } from '../src/registry/entities/observation.entity.js';
import { LabelsRepository, type WrittenLabels } from '../src/registry/labels.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ObservationsRepository } from '../src/registry/observations.repository.js';
import { ReleasesRepository } from '../src/registry/releases.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { ObservedFiles } from './observed-files.js';
import { StoreProvider } from './store-provider.js';
import { streamLead } from './stream-lead.js';

/** Batches that one call takes: its progress is on the record after each. */
const BATCHES_A_CALL = 20;
/** Observation files that DuckDB has open at once. */
const FILES_AT_ONCE = 300;
const ALL_TIME: TimeRange = { fromMs: Date.UTC(1900, 0, 1), untilMs: Date.UTC(2200, 0, 1) };

/** Labels as they came, made into labels that count. */
@Injectable()
export class LabelsActivities {
  private readonly store: ArtifactStore;

  constructor(
    private readonly labels: LabelsRepository,
    private readonly observations: ObservationsRepository,
    private readonly models: ModelsRepository,
    private readonly releases: ReleasesRepository,
    private readonly files: ObservedFiles,
    private readonly settings: ActivitySettings,
    stores: StoreProvider,
  ) {
    this.store = stores.store;
  }

  /** Ingests what waits, batch by batch in the order of its arrival; a batch that was begun before is begun again, and counts once. */
  async ingestLabels(model: string): Promise<LabelIngestion> {
    const waiting = await this.labels.waiting(model, BATCHES_A_CALL);
    const outcomes: LabelBatchOutcome[] = [];
    await heartbeating(async (signal, beat) => {
      for (const batch of waiting) {
        signal.throwIfAborted();
        outcomes.push(await this.ingest(batch, signal));
        beat({ batch: batch.number });
      }
    });
    return {
      batches: outcomes.length,
      failed: outcomes.filter(({ kind }) => kind === 'failed').length,
      counts: totalOf(outcomes),
      more: (await this.labels.waiting(model, 1)).length > 0,
    };
  }

  /** The workflows of the releases under way, of one model or of all: what was ingested may let them go on. */
  async releaseWorkflows(model: string | null): Promise<string[]> {
    const current = model === null ? await this.releases.allCurrent() : [await this.releases.current(model)];
    return current.flatMap((release) => (release ? [deploymentWorkflowId(release.model, release.version)] : []));
  }

  private async ingest(batch: LabelBatch, signal: AbortSignal): Promise<LabelBatchOutcome> {
    const scratch = await mkdtemp(join(this.settings.workDir, `labels-${batch.number}-`));
    try {
      const { outcome, written } = await this.work(batch, scratch, signal);
      await this.labels.settle(batch.model, batch.number, outcome, written, new Date(), origin());
      return outcome;
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  /** What can never be read is told as the batch's failure; what may pass is raised. */
  private async work(batch: LabelBatch, scratch: string, signal: AbortSignal): Promise<{ outcome: LabelBatchOutcome; written: WrittenLabels | null }> {
    const { specDigest } = await this.models.get(batch.model);
    const spec = await this.models.spec(batch.model, specDigest);
    const target = join(scratch, 'labels.parquet');
    const path = await this.store.localPath(batch.artifactDigest);
    try {
      const { rows, invalid, faults } = await normalizeLabels({ path, format: batch.format, batch: batch.number, receivedAtMs: batch.receivedAt.getTime(), task: spec.task, discreet: sensitivityOf(spec).label, target, scratch, signal });
      const standing = await this.standing(batch, spec, { rows, invalid, labels: target, scratch, signal });
      const written = rows === invalid ? null : await this.write(target, rows - invalid, standing);
      return { outcome: { kind: 'ingested', counts: standing.counts, faults }, written };
    } catch (error) {
      if (!(error instanceof PerennialError) || error.type !== 'DataUnreadable') throw error;
      return { outcome: { kind: 'failed', failure: { type: error.type, message: error.message.replaceAll(path, 'The batch').replaceAll(basename(path), 'The batch'), details: { ...error.details, ...('file' in error.details ? { file: batch.artifactDigest } : {}) } } }, written: null };
    }
  }

  private async standing(batch: LabelBatch, spec: ModelSpec, read: { rows: number; invalid: number; labels: string; scratch: string; signal: AbortSignal }): Promise<LabelStanding> {
    const { model, deployment, number } = batch;
    const leadMs = await streamLead(this.observations, spec, model, deployment);
    return labelStanding({
      ...read, batch: number, labelHorizonMs: durationMs(spec.data.labelHorizon) as number,
      streamTimeMs: streamTime(leadMs, batch.receivedAt.getTime()),
      observations: (range) => this.observationPaths(batch, range ?? ALL_TIME),
      earlierLabels: async (range) => this.files.local(await this.labels.files(model, deployment, range ?? ALL_TIME, number - 1)),
    });
  }

  /** The newest first: labels mostly come for what was asked lately. */
  private async *observationPaths({ model, deployment }: LabelBatch, range: TimeRange): AsyncGenerator<string[]> {
    const files = (await this.observations.observationFiles({ model, deployment, ...range })).sort(newestFirst);
    for (let start = 0; start < files.length; start += FILES_AT_ONCE) yield this.files.local(files.slice(start, start + FILES_AT_ONCE));
  }

  private async write(path: string, rows: number, { unplaced, eventTimes, amends, inTime }: LabelStanding): Promise<WrittenLabels> {
    return { artifact: await this.store.putFile(path), rows, unplaced, eventTimes, amends, inTime };
  }
}

const newestFirst = (a: ObservationFile, b: ObservationFile): number => (b.lastEventTime?.getTime() ?? 0) - (a.lastEventTime?.getTime() ?? 0);

const NO_COUNTS: LabelCounts = { rows: 0, accepted: 0, repeated: 0, corrected: 0, late: 0, unknown: 0, invalid: 0 };

function totalOf(outcomes: readonly LabelBatchOutcome[]): LabelCounts {
  const totals: Record<keyof LabelCounts, number> = { ...NO_COUNTS };
  for (const outcome of outcomes) {
    if (outcome.kind === 'failed') continue;
    for (const name of Object.keys(totals) as (keyof LabelCounts)[]) totals[name] += outcome.counts[name];
  }
  return totals;
}
