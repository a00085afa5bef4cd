import { Injectable } from '@nestjs/common';
import { durationMs } from '../src/contracts/time.js';
import type { AssessmentOccasion, DueAssessment } from '../src/contracts/window-assessment.js';
import { type EventStretch, windowAt } from '../src/drift/window-grid.js';
import { isMature, STRAY_SHARE, STREAM_FILES, streamTime } from '../src/observations/stream-time.js';
import { AssessmentsRepository } from '../src/registry/assessments.repository.js';
import type { WindowAssessment } from '../src/registry/entities/window-assessment.entity.js';
import { type EventTimeRange, LabelsRepository } from '../src/registry/labels.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ObservationsRepository } from '../src/registry/observations.repository.js';

/** Windows further back than this many are passed over: a caller may give any time of the past. */
const OLDEST_WINDOWS = 100;
const OCCASIONS: readonly Exclude<AssessmentOccasion, 'amended'>[] = ['closed', 'matured'];

interface Waiting extends EventStretch {
  readonly occasion: AssessmentOccasion;
}

/** Which window of a deployment waits to be assessed. */
@Injectable()
export class DueWindows {
  constructor(
    private readonly assessments: AssessmentsRepository,
    private readonly observations: ObservationsRepository,
    private readonly labels: LabelsRepository,
    private readonly models: ModelsRepository,
  ) {}

  /**
   * The oldest one whose time has come. Where a window waits for its labels and a later one to be closed, the older one is first; windows
   * without a prediction are passed over.
   */
  async next(model: string, deployment: string): Promise<DueAssessment | null> {
    const streamTimeMs = streamTime(await this.observations.leadMs(model, deployment, { latest: STREAM_FILES, strayShare: STRAY_SHARE }), Date.now());
    if (streamTimeMs === null) return null;
    const { specDigest } = await this.models.get(model);
    const { monitoring, data, tier } = await this.models.spec(model, specDigest);
    const lengthMs = durationMs(monitoring.window) as number;
    const labelsWait = (await this.labels.waiting(model, 1)).length > 0;
    const waiting: Waiting[] = [];
    for (const occasion of OCCASIONS) {
      // Labels that have come and are not ingested yet belong to a window.
      if (occasion === 'matured' && labelsWait) continue;
      const horizonMs = occasion === 'matured' ? (durationMs(data.labelHorizon) as number) : 0;
      waiting.push(...(await this.unassessed(model, deployment, occasion, { streamTimeMs, lengthMs, horizonMs })));
    }
    if (!labelsWait) waiting.push(...(await this.amended(model, deployment, streamTimeMs - OLDEST_WINDOWS * lengthMs)));
    const [oldest] = waiting.sort((one, other) => one.fromMs - other.fromMs);
    if (!oldest) return null;
    return { model, deployment, ...oldest, specDigest, tier, revision: await this.assessments.nextRevision(model, deployment, new Date(oldest.fromMs)) };
  }

  private async unassessed(model: string, deployment: string, occasion: AssessmentOccasion, { streamTimeMs, lengthMs, horizonMs }: { streamTimeMs: number; lengthMs: number; horizonMs: number }): Promise<Waiting[]> {
    const last = await this.assessments.last(model, deployment, occasion);
    const oldestMs = windowAt(streamTimeMs - horizonMs, lengthMs, null).fromMs - OLDEST_WINDOWS * lengthMs;
    const afterMs = Math.max(last?.untilEvent.getTime() ?? oldestMs, oldestMs);
    const firstMs = await this.observations.firstEventFrom(model, deployment, afterMs);
    if (firstMs === null) return [];
    const window = windowAt(firstMs, lengthMs, afterMs);
    return isMature(window.untilMs, horizonMs, streamTimeMs) ? [{ ...window, occasion }] : [];
  }

  /** The oldest window whose labels changed after they were counted, or whose evidence of harm goes on from figures that did. */
  private async amended(model: string, deployment: string, oldestMs: number): Promise<Waiting[]> {
    const assessed = await this.assessments.labelled(model, deployment, new Date(Math.max(oldestMs, 0)));
    const amendments = new Map<number, EventTimeRange | null>([[await this.labels.revision(model, deployment), null]]);
    for (const [index, one] of assessed.entries()) {
      const [fromMs, untilMs] = [one.fromEvent.getTime(), one.untilEvent.getTime()];
      if (!amendments.has(one.labelRevision)) amendments.set(one.labelRevision, await this.labels.amendedSince(model, deployment, one.labelRevision));
      const amends = amendments.get(one.labelRevision) ?? null;
      const changed = amends !== null && amends.firstMs < untilMs && amends.lastMs >= fromMs;
      if (changed || goesOnFromOther(one, assessed[index - 1])) return [{ fromMs, untilMs, occasion: 'amended' }];
    }
    return [];
  }
}

const goesOnFromOther = ({ harm }: WindowAssessment, before: WindowAssessment | undefined): boolean =>
  before !== undefined && harm?.after?.fromMs === before.fromEvent.getTime() && harm.after.revision !== before.revision;
