import { Injectable } from '@nestjs/common';
import type { WindowId } from '../src/contracts/window-assessment.js';
import type { EventStretch } from '../src/drift/window-grid.js';
import type { ObservedStretch } from '../src/drift/window-parts.js';
import { AssessmentsRepository } from '../src/registry/assessments.repository.js';
import { LabelsRepository } from '../src/registry/labels.repository.js';
import { ObservedFiles } from './observed-files.js';

export interface WindowSource extends EventStretch {
  readonly files: Awaited<ReturnType<ObservedFiles['windowPaths']>>;
  /** The newest batch of labels that counts. */
  readonly labelRevision: number;
}

/** The files of windows, as paths on this machine. */
@Injectable()
export class WindowSources {
  constructor(
    private readonly assessments: AssessmentsRepository,
    private readonly labels: LabelsRepository,
    private readonly files: ObservedFiles,
  ) {}

  async of({ model, deployment, fromMs, untilMs }: WindowId): Promise<WindowSource> {
    const labelRevision = await this.labels.revision(model, deployment);
    return { fromMs, untilMs, labelRevision, files: await this.files.windowPaths({ model, deployment, fromMs, untilMs }, labelRevision) };
  }

  /** Of the last window before one that is not in quarantine; null where there is none. */
  async before(window: WindowId): Promise<WindowSource | null> {
    const stretch = await this.stretchBefore(window);
    return stretch && this.of({ ...window, ...stretch });
  }

  async stretchBefore({ model, deployment, fromMs }: WindowId): Promise<EventStretch | null> {
    const window = await this.assessments.closedBefore(model, deployment, new Date(fromMs));
    return window && { fromMs: window.fromEvent.getTime(), untilMs: window.untilEvent.getTime() };
  }

  /** The files that may hold observations of a stretch, by digest, and how many rows they hold in all. */
  observed({ model, deployment }: WindowId, { fromMs, untilMs }: EventStretch): Promise<ObservedStretch> {
    return this.files.observedIn({ model, deployment, fromMs, untilMs });
  }

  /** The newest batch of labels. */
  labelRevision({ model, deployment }: WindowId): Promise<number> {
    return this.labels.revision(model, deployment);
  }
}
