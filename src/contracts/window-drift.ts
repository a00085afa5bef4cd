import type { HeldOut } from './artifacts.js';
import type { FeatureDrift } from './feature-drift.js';

/** The inputs of one window beside the baseline of its deployment's champion. */
export interface WindowDriftReport {
  readonly model: string;
  readonly deployment: string;
  /** Event time, ISO 8601; `until` does not belong to it. */
  readonly from: string;
  readonly until: string;
  /** Rows whose inputs were kept. */
  readonly rows: number;
  /** In how many parts they were counted, those of `before` included; absent where they were read in one pass. */
  readonly parts?: number;
  readonly baseline: DriftBaseline;
  /** In the order of the champion's spec. */
  readonly features: readonly FeatureDrift[];
  /** Features that are found to drift, under the spec's rate of false discoveries in a year. */
  readonly drifted: readonly string[];
  /** What a p-value might be at most to be found in this window; null where nothing could be tested. */
  readonly level: number | null;
  /** What looks like an upstream fault rather than a change of the world, beside `before`. */
  readonly faults: readonly UpstreamFault[];
  /** The last window that is not in quarantine, event time; null where there is none: faults are told beside the baseline then. */
  readonly before: { readonly from: string; readonly until: string } | null;
}

export type UpstreamFaultKind = 'schema' | 'missing' | 'frozen' | 'swapped' | 'unitChange';

/** Something broke on the way to the model; the world need not have changed. */
export interface UpstreamFault {
  readonly kind: UpstreamFaultKind;
  /** One; two where they are swapped. */
  readonly features: readonly string[];
  /** Of a unit change: which one, as in unit-maps.ts; else null. */
  readonly unit: string | null;
  /** One sentence with the numbers that say so. */
  readonly because: string;
}

/** The rows on which the champion was judged before it came into service. */
export interface DriftBaseline {
  readonly version: number;
  readonly snapshot: string;
  readonly rows: number;
  readonly from: string;
  readonly until: string;
  /** The blocks of that time that the rows are of; left out where they are of all. */
  readonly heldOut?: HeldOut;
}

/** Where the search for drift stands after a window; the next one goes on from it. */
export interface DriftSearch {
  /** The rate of false discoveries in a year. */
  readonly alpha: number;
  /** When the current year of event time begins, and where the last window ended: milliseconds since 1970-01-01 UTC. */
  readonly yearFromMs: number;
  readonly untilMs: number;
  /** The share of the year's level that its windows have used, from 0 to 1. */
  readonly used: number;
  /** Features discovered in this year, sorted. */
  readonly discovered: readonly string[];
}
