import type { Observation } from '../observations/segment-format.js';
import type { SegmentEntry } from '../observations/segment-decoder.js';

/** What the record says of a segment's content. */
export interface SegmentFacts {
  /** Observed requests. */
  readonly observations: number;
  /** Outputs of versions that did not answer. */
  readonly mirrored: number;
  /** Event times, in milliseconds since 1970; null in a segment that holds mirrored outputs only. */
  readonly firstEventMs: number | null;
  readonly lastEventMs: number | null;
}

/** Counts what goes into a segment. */
export class SegmentTally {
  private observations = 0;
  private mirrored = 0;
  private first = Infinity;
  private last = -Infinity;
  /** When the first observation in it was received, milliseconds since 1970; Infinity without one. */
  firstReceivedMs = Infinity;

  observed({ eventTimeMs, perRow, receivedAtMs }: Observation): void {
    this.observations += 1;
    if (receivedAtMs < this.firstReceivedMs) this.firstReceivedMs = receivedAtMs;
    if (!perRow?.eventTimesMs) this.stretch(eventTimeMs);
    else for (const time of perRow.eventTimesMs) this.stretch(time);
  }

  mirroredOutput(): void {
    this.mirrored += 1;
  }

  add(entry: SegmentEntry): void {
    if (entry.kind === 'observation') this.observed(entry.observation);
    else this.mirroredOutput();
  }

  facts(): SegmentFacts {
    const known = this.first <= this.last;
    return { observations: this.observations, mirrored: this.mirrored, firstEventMs: known ? this.first : null, lastEventMs: known ? this.last : null };
  }

  private stretch(time: number): void {
    if (time < this.first) this.first = time;
    if (time > this.last) this.last = time;
  }
}
