/** How far a training is: `done` of `total` units of work (boosting rounds, epochs). */
export interface TrainingProgress {
  readonly done: number;
  readonly total: number;
  readonly metrics?: Readonly<Record<string, number>>;
}

/** What a training ran on. */
export interface TrainingEnvironment {
  /** Digest of the locked requirements. */
  readonly requirementsDigest: string;
  /** `cpu` or `cuda`, as it was really used. */
  readonly device: string;
  /** Version by library, the interpreter included. */
  readonly libraries: Readonly<Record<string, string>>;
  readonly host: string;
}
