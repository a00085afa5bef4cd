import { Injectable } from '@nestjs/common';
import type { AssessmentOccasion } from '../src/contracts/window-assessment.js';
import { type EventStretch, windowAt } from '../src/drift/window-grid.js';
import { AssessmentsRepository } from '../src/registry/assessments.repository.js';
import type { WindowAssessment } from '../src/registry/entities/window-assessment.entity.js';
import { ObservationsRepository } from '../src/registry/observations.repository.js';

const HOUR_MS = 3_600_000;
/** What comes for a window is late once this many after it have been assessed; it was seen before, had it come then. */
const WINDOWS_BEHIND = 5;

export interface LateWindow extends EventStretch {
  readonly occasion: AssessmentOccasion;
}

/** A deployment's windows whose labels were counted. */
export interface CountedWindows {
  readonly model: string;
  readonly deployment: string;
  /** In their order, those from `oldestMs` on. */
  readonly counted: readonly WindowAssessment[];
  readonly oldestMs: number;
  readonly lengthMs: number;
}

/** Rows that came after their window was assessed: of a gateway that was cut off or killed, or in a file that was late. */
@Injectable()
export class LateRows {
  constructor(
    private readonly assessments: AssessmentsRepository,
    private readonly observations: ObservationsRepository,
  ) {}

  /** The oldest window with such rows: its figures are made again. One that had no rows before is assessed for the first time, beside those that were. */
  async oldest({ model, deployment, counted, oldestMs, lengthMs }: CountedWindows): Promise<LateWindow | null> {
    const untilMs = counted.at(-1)?.untilEvent.getTime();
    if (untilMs === undefined) return null;
    const after = new Date(Math.min(...counted.slice(-WINDOWS_BEHIND).map(({ assessedAt }) => assessedAt.getTime())));
    const known = counted.map(({ fromEvent, untilEvent }) => ({ fromMs: fromEvent.getTime(), untilMs: untilEvent.getTime() }));
    const newest = new Map(counted.map((one) => [one.fromEvent.getTime(), one]));
    for (const { hour, cameAt } of await this.observations.cameLate(model, deployment, after, untilMs)) {
      for (const window of windowsWith(hour, known, lengthMs)) {
        if (window.fromMs < oldestMs || window.untilMs > untilMs) continue;
        const assessed = newest.get(window.fromMs) ?? (await this.assessments.revisions(model, deployment, new Date(window.fromMs))).at(-1);
        if (!assessed || assessed.assessedAt < cameAt) return { ...window, occasion: newest.has(window.fromMs) ? 'amended' : 'backfilled' };
      }
    }
    return null;
  }
}

/** Those that were counted, as they were cut then; where none was, those of the grid now. */
function windowsWith(hour: number, known: readonly EventStretch[], lengthMs: number): EventStretch[] {
  const within = known.filter(({ fromMs, untilMs }) => fromMs < (hour + 1) * HOUR_MS && hour * HOUR_MS < untilMs);
  return [...within, ...windowsOf(hour, lengthMs).filter((window) => !known.some(({ fromMs, untilMs }) => fromMs < window.untilMs && window.fromMs < untilMs))];
}

function windowsOf(hour: number, lengthMs: number): EventStretch[] {
  const windows: EventStretch[] = [];
  for (let atMs = hour * HOUR_MS; atMs < (hour + 1) * HOUR_MS; atMs = windows.at(-1)!.untilMs) windows.push(windowAt(atMs, lengthMs, null));
  return windows;
}
