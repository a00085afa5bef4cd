const HOUR_MS = 3_600_000;
/** Two years of them: a file that has more says nothing of its hours. */
const MOST_HOURS = 17_568;

/** The hours of event time, counted from 1970, that rows lie in. */
export class EventHours {
  private readonly seen = new Set<number>();

  add(timeMs: number): void {
    this.seen.add(Math.floor(timeMs / HOUR_MS));
  }

  /** Ascending; null for none, and for more than a record should hold. */
  hours(): number[] | null {
    return this.seen.size === 0 || this.seen.size > MOST_HOURS ? null : [...this.seen].sort((one, other) => one - other);
  }
}
