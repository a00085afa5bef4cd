import { Injectable } from '@nestjs/common';
import { FolderStore } from '../../artifacts/folder-store.js';
import { PerennialError } from '../../contracts/failures.js';
import { maskedDrift } from '../../contracts/masked-reports.js';
import type { WindowDriftReport } from '../../contracts/window-drift.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { WindowsRepository } from '../../registry/windows.repository.js';

/** The inputs of windows beside the baseline, as they are shown. */
@Injectable()
export class DriftReports {
  constructor(
    private readonly windows: WindowsRepository,
    private readonly models: ModelsRepository,
    private readonly store: FolderStore,
  ) {}

  /** @throws PerennialError `NotFound` where the window was not compared, `ArtifactMissing` */
  async read(model: string, deployment: string, from: Date): Promise<WindowDriftReport> {
    const { reportDigest, look, championVersion, fromEvent } = await this.windows.drift(model, deployment, from);
    const check = await this.windows.find(model, deployment, look, fromEvent);
    const report = JSON.parse((await this.store.readBytes(reportDigest)).toString('utf8')) as WindowDriftReport;
    // What was measured is computed with, so that it is kept as it is and masked where it is shown.
    return maskedDrift(report, await this.models.sensitivity(model, { specs: [check?.specDigest ?? null], versions: [championVersion] }));
  }

  /** Null where the window was not compared, or the store has lost the report. */
  async find(model: string, deployment: string, from: Date): Promise<WindowDriftReport | null> {
    return this.read(model, deployment, from).catch((error: unknown) => {
      if (error instanceof PerennialError && (error.type === 'NotFound' || error.type === 'ArtifactMissing')) return null;
      throw error;
    });
  }
}
