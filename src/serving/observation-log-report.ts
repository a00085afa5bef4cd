import type { ObservationLogState } from '../contracts/observation-log.js';
import type { ObservationLogFigures } from './observation-log.js';

export interface ReportedFigures {
  /** Null until the log is open. */
  readonly log: () => ObservationLogFigures | null;
  /** When the oldest request was received that is not in the log yet; Infinity without one. */
  readonly oldestInFlightMs: () => number;
}

/**
 * What the record is told of the observation log: what was shed between two renewals of the lease counts, not only what is shed just then, and up to
 * when everything that was received is on the record.
 */
export class ObservationLogReport {
  private toldShed = 0;
  private shed = 0;

  constructor(private readonly figures: ReportedFigures) {}

  /** @param nowMs taken before: what comes meanwhile was received later */
  state(nowMs: number): ObservationLogState | null {
    const figures = this.read();
    if (!figures) return null;
    const { shedding, shedObservations, shedMirrored, bytesOnDisk, lastError, oldestUnsentMs } = figures;
    this.shed = shedObservations + shedMirrored;
    const keptUntilMs = Math.min(nowMs, oldestUnsentMs, this.figures.oldestInFlightMs());
    return {
      shedding: shedding || this.shed > this.toldShed, shedObservations, shedMirrored, bytesOnDisk, lastError,
      keptUntil: keptUntilMs === -Infinity ? null : new Date(keptUntilMs).toISOString(),
    };
  }

  /** A folder that cannot be read must not cost the lease. */
  private read(): ObservationLogFigures | null {
    try {
      return this.figures.log();
    } catch {
      return null;
    }
  }

  /** The record has the last state. */
  told(): void {
    this.toldShed = this.shed;
  }
}
