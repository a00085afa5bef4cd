import { Injectable } from '@nestjs/common';
import type { BackfillRun } from '../src/contracts/motion.js';
import { durationMs } from '../src/contracts/time.js';
import type { AssessmentOccasion, DueAssessment, WindowCompleteness } from '../src/contracts/window-assessment.js';
import { type EventStretch, windowAt } from '../src/drift/window-grid.js';
import { isMature, streamTime } from '../src/observations/stream-time.js';
import { AssessmentsRepository } from '../src/registry/assessments.repository.js';
import type { WindowAssessment } from '../src/registry/entities/window-assessment.entity.js';
import { LabelsRepository } from '../src/registry/labels.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ObservationsRepository } from '../src/registry/observations.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { LateRows } from './late-rows.js';
import { isFromSource, streamLead } from './stream-lead.js';
import { WindowClosings } from './window-closings.js';

/** Windows further back than this many are passed over, but for those of a source: a caller may give any time of the past. */
const OLDEST_WINDOWS = 100;
const OCCASIONS = ['closed', 'matured'] as const satisfies readonly AssessmentOccasion[];

interface Waiting extends EventStretch {
  readonly occasion: AssessmentOccasion;
  /** Where it was looked at already. */
  readonly completeness?: WindowCompleteness;
  /** Of its assessment, where that is there already. */
  readonly revision?: number;
  /** Of the figures that are made again; else the spec in force counts. */
  readonly specDigest?: string | undefined;
}

/** A deployment, and how far its event time has come. */
interface Stream {
  readonly model: string;
  readonly deployment: string;
  readonly leadMs: number;
  readonly timeMs: number;
  /** Whether its rows come from files of the spec. */
  readonly fromSource: boolean;
}

/** Which window of a deployment waits to be assessed. */
@Injectable()
export class DueWindows {
  constructor(
    private readonly assessments: AssessmentsRepository,
    private readonly observations: ObservationsRepository,
    private readonly labels: LabelsRepository,
    private readonly models: ModelsRepository,
    private readonly closings: WindowClosings,
    private readonly lateRows: LateRows,
  ) {}

  /**
   * The oldest one whose time has come. Where a window waits for its labels and a later one to be closed, the older one is first; windows
   * without a prediction are passed over. The last one comes again, under the revision that it has, until it was decided over too: its run may have
   * ended before.
   */
  async next(model: string, deployment: string): Promise<DueAssessment | null> {
    const { spec, digest } = await this.specOf(model);
    const stream = await this.stream(model, deployment, spec);
    if (!stream) return null;
    const labelsWait = (await this.labels.waiting(model, 1)).length > 0;
    const waiting: Waiting[] = [];
    for (const occasion of OCCASIONS) {
      // Labels that have come and are not ingested yet belong to a window.
      if (occasion === 'matured' && labelsWait) continue;
      waiting.push(...(await this.unassessed(stream, spec, occasion)));
    }
    if (!labelsWait) waiting.push(...(await this.changed(stream, spec)));
    const [oldest] = waiting.sort((one, other) => one.fromMs - other.fromMs);
    return oldest ? this.due(stream, oldest, { tier: spec.tier, specDigest: digest }) : null;
  }

  /**
   * The first window that ended between the run's time and that of the run before it, whose labels have had their horizon, and that was not assessed
   * since the run began.
   */
  async nextBackfilled(model: string, deployment: string, { scheduledMs, startedMs }: BackfillRun): Promise<DueAssessment | null> {
    const { spec, digest } = await this.specOf(model);
    const stream = await this.stream(model, deployment, spec);
    if (!stream) return null;
    const [lengthMs, everyMs] = [durationMs(spec.monitoring.window) as number, durationMs(spec.monitoring.checkEvery) as number];
    for (let afterMs = scheduledMs - everyMs; ;) {
      const window = windowAt(afterMs, lengthMs, null);
      if (window.untilMs > scheduledMs || !isMature(window.untilMs, durationMs(spec.data.labelHorizon) as number, stream.timeMs)) return null;
      const [firstMs, newest] = [await this.observations.firstEventFrom(model, deployment, window.fromMs), (await this.assessments.revisions(model, deployment, new Date(window.fromMs))).at(-1)];
      const observed = firstMs !== null && firstMs < window.untilMs;
      if (observed && (newest?.assessedAt.getTime() ?? 0) < startedMs) return this.due(stream, { ...window, occasion: 'backfilled' }, { tier: spec.tier, specDigest: digest });
      afterMs = window.untilMs;
    }
  }

  /** Whether rows come from files of the spec (`monitoring.source`). */
  async isObservedFromSource(model: string, deployment: string): Promise<boolean> {
    return isFromSource((await this.specOf(model)).spec, deployment);
  }

  private async stream(model: string, deployment: string, spec: ModelSpec): Promise<Stream | null> {
    const leadMs = await streamLead(this.observations, spec, model, deployment);
    return leadMs === null ? null : { model, deployment, leadMs, timeMs: streamTime(leadMs, Date.now()) as number, fromSource: isFromSource(spec, deployment) };
  }

  private async specOf(model: string): Promise<{ spec: ModelSpec; digest: string }> {
    const { specDigest } = await this.models.get(model);
    return { spec: await this.models.spec(model, specDigest), digest: specDigest };
  }

  private async due({ model, deployment, leadMs }: Stream, window: Waiting, known: Pick<DueAssessment, 'tier' | 'specDigest'>): Promise<DueAssessment> {
    const completeness = window.completeness ?? (await this.closings.of({ model, deployment, ...window }, leadMs)).completeness;
    const revision = window.revision ?? (await this.assessments.nextRevision(model, deployment, new Date(window.fromMs)));
    return { model, deployment, ...window, ...known, specDigest: window.specDigest ?? known.specDigest, completeness, revision };
  }

  private async unassessed(stream: Stream, { monitoring, data }: ModelSpec, occasion: (typeof OCCASIONS)[number]): Promise<Waiting[]> {
    const { model, deployment, timeMs } = stream;
    const lengthMs = durationMs(monitoring.window) as number;
    const horizonMs = occasion === 'matured' ? (durationMs(data.labelHorizon) as number) : 0;
    const last = await this.assessments.last(model, deployment, occasion);
    const oldestMs = oldestOf(stream, windowAt(timeMs - horizonMs, lengthMs, null).fromMs, lengthMs);
    if (last && last.fromEvent.getTime() >= oldestMs && !(await this.assessments.isDecided(last))) {
      return [{ fromMs: last.fromEvent.getTime(), untilMs: last.untilEvent.getTime(), occasion, revision: last.revision }];
    }
    const afterMs = Math.max(last?.untilEvent.getTime() ?? oldestMs, oldestMs);
    const firstMs = await this.observations.firstEventFrom(model, deployment, afterMs);
    if (firstMs === null) return [];
    const window = windowAt(firstMs, lengthMs, afterMs);
    if (!isMature(window.untilMs, horizonMs, timeMs)) return [];
    return occasion === 'matured' ? [{ ...window, occasion }] : this.closed(stream, window, durationMs(monitoring.grace) as number);
  }

  /** Once every gateway has sent what it received in it, or has been waited for long enough. */
  private async closed({ model, deployment, leadMs }: Stream, window: EventStretch, graceMs: number): Promise<Waiting[]> {
    const { completeness, endedMs } = await this.closings.of({ model, deployment, ...window }, leadMs);
    return completeness.complete || Date.now() >= endedMs + graceMs ? [{ ...window, occasion: 'closed', completeness }] : [];
  }

  /** The oldest window whose labels or rows changed after they were counted, or whose evidence of harm goes on from figures that did. */
  private async changed(stream: Stream, { monitoring, data }: ModelSpec): Promise<Waiting[]> {
    const { model, deployment, timeMs } = stream;
    const lengthMs = durationMs(monitoring.window) as number;
    const oldestMs = Math.max(oldestOf(stream, timeMs - (durationMs(data.labelHorizon) as number), lengthMs), 0);
    const counted = await this.assessments.labelled(model, deployment, new Date(oldestMs));
    const late = await this.lateRows.oldest({ model, deployment, counted, oldestMs, lengthMs });
    return [...(late ? [{ ...late, specDigest: counted.find(({ fromEvent }) => fromEvent.getTime() === late.fromMs)?.specDigest }] : []), ...(await this.amended(stream, counted))];
  }

  private async amended({ model, deployment }: Stream, counted: readonly WindowAssessment[]): Promise<Waiting[]> {
    const stretches = counted.map(({ fromEvent, untilEvent, labelRevision }) => ({ fromMs: fromEvent.getTime(), untilMs: untilEvent.getTime(), revision: labelRevision }));
    const changed = await this.labels.firstChanged(model, deployment, stretches);
    const one = counted.find((each, index) => index === changed || goesOnFromOther(each, counted[index - 1]));
    return one ? [{ fromMs: one.fromEvent.getTime(), untilMs: one.untilEvent.getTime(), occasion: 'amended', specDigest: one.specDigest }] : [];
  }
}

const oldestOf = ({ fromSource }: Stream, newestMs: number, lengthMs: number): number => (fromSource ? 0 : newestMs - OLDEST_WINDOWS * lengthMs);

const goesOnFromOther = ({ harm }: WindowAssessment, before: WindowAssessment | undefined): boolean =>
  before !== undefined && harm?.after?.fromMs === before.fromEvent.getTime() && harm.after.revision !== before.revision;
