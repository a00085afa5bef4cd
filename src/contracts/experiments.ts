/** Where an experiment was made: by a retrain of ours, or elsewhere, and logged by somebody. */
export const EXPERIMENT_SOURCES = ['retrain', 'outside'] as const;
export type ExperimentSource = (typeof EXPERIMENT_SOURCES)[number];

export type ExperimentParameters = Readonly<Record<string, number | string | boolean>>;

/** What somebody says of an experiment. */
export interface ExperimentFacts {
  readonly name: string;
  readonly parameters: ExperimentParameters;
  /** A snapshot's digest, or whatever names the data where it was made. */
  readonly dataVersion: string;
  /** A commit, or a digest over the source files. */
  readonly codeVersion: string;
  /** By name; finite. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Digests by name. */
  readonly artifacts: Readonly<Record<string, string>>;
  readonly notes: string | null;
  /** ISO 8601. */
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}
