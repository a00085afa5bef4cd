import { Injectable } from '@nestjs/common';
import type { DueAssessment } from '../src/contracts/window-assessment.js';
import type { ChampionFigures } from '../src/drift/champion-figures.js';
import { readServedRows, type ServedRows } from '../src/drift/served-rows.js';
import { protectedFeatures } from '../src/drift/window-fairness.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { ActivitySettings } from './activity-settings.js';
import { ObservedFiles } from './observed-files.js';

/** A window, and which rows count for it. */
export interface CountedWindow extends DueAssessment {
  /** What came later is late for it. */
  readonly cameBy: Date;
}

/** The rows of a window, and where they are from. */
export interface ServedWindow {
  readonly query: Parameters<typeof readServedRows>[0] & { readonly signal: AbortSignal };
  /** Null where nothing was observed. */
  readonly rows: ServedRows | null;
}

/** Rows beside the baseline of the version that answered them. */
export interface MeasuredRows extends ServedWindow {
  readonly rows: ServedRows;
  readonly figures: ChampionFigures;
}

/** Reads what a deployment answered in a window. */
@Injectable()
export class ServedWindows {
  constructor(
    private readonly files: ObservedFiles,
    private readonly settings: ActivitySettings,
  ) {}

  async read(window: CountedWindow, spec: ModelSpec, labelRevision: number, signal: AbortSignal): Promise<ServedWindow> {
    const query = { ...window, files: await this.files.windowPaths(window, labelRevision), scratch: this.settings.workDir, signal };
    return { query, rows: await readServedRows(query, { slices: spec.evaluation.slices, protectedFeatures: protectedFeatures(spec), slowAfterMs: spec.rollout.guards.slowAfterMs }) };
  }
}
