/** One way in which a snapshot breaks the spec. */
export interface DataViolation {
  readonly check: string;
  /** Null where the whole part is meant. */
  readonly column: string | null;
  readonly part: 'train' | 'evaluation';
  /** Rows that break it, and their share of the part's rows. */
  readonly rows: number;
  readonly share: number;
  /** What the spec allows, as text. */
  readonly limit: string;
  /** At most five rows, with the values of their key. */
  readonly examples: readonly Readonly<Record<string, unknown>>[];
  /** What is wrong and how to mend it. */
  readonly message: string;
}

export interface DataReport {
  readonly verdict: 'pass' | 'fail';
  readonly violations: readonly DataViolation[];
}
