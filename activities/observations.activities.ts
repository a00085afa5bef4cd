import { Injectable } from '@nestjs/common';
import type { ArtifactStore } from '../src/artifacts/artifact-store.js';
import { PerennialError } from '../src/contracts/failures.js';
import { convertSegment } from '../src/observations/segment-to-parquet.js';
import type { ObservationSegment } from '../src/registry/entities/observation.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ObservationsRepository } from '../src/registry/observations.repository.js';
import { heartbeating } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { PredictionFilters } from './prediction-filters.js';
import { StoreProvider } from './store-provider.js';

export interface ConversionReport {
  /** Segments that this call converted, their files, and the rows in them. */
  readonly segments: number;
  readonly files: number;
  readonly rows: number;
  /** Segments of which only what stands before a fault could be converted. */
  readonly damaged: number;
  /** Segments that could not be converted at all; they are tried again by the next call. */
  readonly failed: readonly { readonly segment: string; readonly type: string; readonly message: string }[];
  /** Whether segments, or files without a filter, were left for the next call. */
  readonly more: boolean;
}

/** Segments looked up at once, and how long one call goes on, in milliseconds. */
const MAX_SEGMENTS = 500;
const MAX_MS = 60_000;
/** Of that, how long files of before are given filters: segments that come meanwhile wait for no longer. */
const MAX_FILTERS_MS = 5_000;

/** From the gateways' observation logs to Parquet. */
@Injectable()
export class ObservationsActivities {
  private readonly store: ArtifactStore;

  constructor(
    private readonly observations: ObservationsRepository,
    private readonly models: ModelsRepository,
    private readonly settings: ActivitySettings,
    private readonly filters: PredictionFilters,
    stores: StoreProvider,
  ) {
    this.store = stores.store;
  }

  /** Converts the segments that wait, the oldest first, then gives files of before their filters. Each counts once, however often and wherever this runs. */
  async convertSegments(): Promise<ConversionReport> {
    return heartbeating(async (signal, beat) => {
      const until = Date.now() + MAX_MS;
      const waiting = await this.observations.unconverted(MAX_SEGMENTS);
      const report = { segments: 0, files: 0, rows: 0, damaged: 0, failed: [] as ConversionReport['failed'][number][] };
      let looked = 0;
      for (const segment of waiting) {
        if (Date.now() >= until) break;
        looked += 1;
        const name = `${segment.gateway}/${segment.boot}/${segment.segment}`;
        try {
          const converted = await this.convert(segment, signal);
          report.segments += converted ? 1 : 0;
          report.files += converted?.files.length ?? 0;
          report.rows += converted?.files.reduce((sum, { rows }) => sum + rows, 0) ?? 0;
          report.damaged += converted?.damage ? 1 : 0;
        } catch (error) {
          // What is wrong with one segment must not hold up the others.
          if (!(error instanceof PerennialError) || signal.aborted) throw error;
          report.failed.push({ segment: name, type: error.type, message: error.message.slice(0, MAX_MESSAGE) });
        }
        beat({ segments: report.segments });
      }
      const filtersLeft = await this.filters.catchUp(Math.min(until, Date.now() + MAX_FILTERS_MS), signal, () => { beat({ segments: report.segments }); });
      return { ...report, failed: report.failed.slice(0, MAX_FAILED), more: looked < waiting.length || waiting.length === MAX_SEGMENTS || filtersLeft };
    });
  }

  /** @returns undefined when another worker was quicker */
  private async convert(segment: ObservationSegment, signal: AbortSignal): Promise<Awaited<ReturnType<typeof convertSegment>> | undefined> {
    const conversion = await convertSegment({
      gateway: segment.gateway, boot: segment.boot, segment: segment.segment, path: await this.store.localPath(segment.digest),
      features: async (model, digest) => (await this.models.spec(model, digest)).data.features,
      store: this.store, workDir: this.settings.workDir, signal,
    });
    return (await this.observations.recordConversion(segment, conversion)) ? conversion : undefined;
  }
}

/** What a workflow's history can hold. */
const MAX_FAILED = 20;
const MAX_MESSAGE = 300;
