import type { ObservationLogState } from '../contracts/observation-log.js';
import type { ObservationLogFigures } from './observation-log.js';

/** What the record is told of the observation log: what was shed between two renewals of the lease counts, not only what is shed just then. */
export class SheddingReport {
  private toldShed = 0;
  private shed = 0;

  constructor(private readonly figures: () => ObservationLogFigures | null) {}

  state(): ObservationLogState | null {
    const figures = this.read();
    if (!figures) return null;
    const { shedding, shedObservations, shedMirrored, bytesOnDisk, lastError } = figures;
    this.shed = shedObservations + shedMirrored;
    return { shedding: shedding || this.shed > this.toldShed, shedObservations, shedMirrored, bytesOnDisk, lastError };
  }

  /** A folder that cannot be read must not cost the lease. */
  private read(): ObservationLogFigures | null {
    try {
      return this.figures();
    } catch {
      return null;
    }
  }

  /** The record has the last state. */
  told(): void {
    this.toldShed = this.shed;
  }
}
