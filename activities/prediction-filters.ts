import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { PerennialError } from '../src/contracts/failures.js';
import { FULL_FILTER } from '../src/contracts/id-filter.js';
import { idFilterOf } from '../src/observations/id-filter.js';
import type { ObservationFile } from '../src/registry/entities/observation.entity.js';
import { PredictionsRepository } from '../src/registry/predictions.repository.js';
import { ActivitySettings } from './activity-settings.js';
import { StoreProvider } from './store-provider.js';

const BATCH = 50;

/** Gives files of before there were filters theirs, some at a time: each file that has one stays done, whoever is killed. */
@Injectable()
export class PredictionFilters {
  /** Every file that is added has its filter, so that what is done once stays done. */
  private done = false;

  constructor(
    private readonly predictions: PredictionsRepository,
    private readonly settings: ActivitySettings,
    private readonly stores: StoreProvider,
  ) {}

  async isDue(): Promise<boolean> {
    this.done ||= (await this.predictions.withoutFilter(1)).length === 0;
    return !this.done;
  }

  /** The newest first. @param untilMs wall time at which no further file is begun @returns whether files are left */
  async catchUp(untilMs: number, signal: AbortSignal, beat: () => void): Promise<boolean> {
    while (await this.isDue()) {
      for (const file of await this.predictions.withoutFilter(BATCH)) {
        if (Date.now() >= untilMs) return true;
        await this.add(file, signal);
        beat();
      }
    }
    return false;
  }

  private async add(file: ObservationFile, signal: AbortSignal): Promise<void> {
    await mkdir(this.settings.workDir, { recursive: true });
    const scratch = await mkdtemp(join(this.settings.workDir, 'filter-'));
    try {
      await this.predictions.addFilter(file, await this.filterOf(file, scratch, signal));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  /** A file that cannot be read may hold anything: whoever looks for a prediction learns of it. */
  private async filterOf({ digest, rows }: ObservationFile, scratch: string, signal: AbortSignal): Promise<Uint8Array> {
    try {
      return await idFilterOf({ path: await this.stores.store.localPath(digest), rows, scratch, signal });
    } catch (error) {
      if (!(error instanceof PerennialError) || signal.aborted) throw error;
      return FULL_FILTER;
    }
  }
}
