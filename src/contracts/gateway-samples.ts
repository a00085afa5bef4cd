/** Counts by failure type. */
export type FailureCounts = Readonly<Record<string, number>>;

/** What a gateway did and used in a minute of wall time; milliseconds since 1970, `untilMs` does not belong to it. */
export interface GatewaySample {
  readonly fromMs: number;
  /** The minute that runs ends now; so does the last one of a gateway that closes. */
  readonly untilMs: number;
  /** Requests that were answered, of all models, and their rows. */
  readonly requests: number;
  readonly rows: number;
  /** Requests that were answered with an error, those of no deployment too. */
  readonly errors: FailureCounts;
  /** Greatest resident memory of the process, as read each second. */
  readonly memoryBytes: number;
  /** Processor time of the process, user and system. */
  readonly cpuSeconds: number;
  /** That the process may use. */
  readonly cores: number;
  /** Minutes of this start just before it that could be neither written nor kept. */
  readonly lost: number;
  /** Those that it serves, and those that were asked for. */
  readonly deployments: readonly DeploymentSample[];
}

export interface DeploymentSample {
  readonly model: string;
  readonly deployment: string;
  /** Requests that were answered, by whichever version, and their rows. */
  readonly requests: number;
  readonly rows: number;
  readonly errors: FailureCounts;
  /** That one thread scored when the champion was loaded; null without a champion, and where that could not be tried. */
  readonly rowsPerSecond: number | null;
}

/** A clock minute of one deployment, all gateways that served it together. */
export interface SampledMinute {
  /** Milliseconds since 1970, when it begins. */
  readonly minuteMs: number;
  /** That samples cover, of all gateways together, and of the one with the most. */
  readonly seconds: number;
  readonly wallSeconds: number;
  /** Answered, of the deployment. */
  readonly requests: number;
  readonly rows: number;
  /** Rows that the champion's capacity allows in these seconds; null where that is not known. */
  readonly capacityRows: number | null;
  /** Seconds that the rows of all models take at their champions' capacity; null where one of those is not known. */
  readonly busySeconds: number | null;
  readonly cpuSeconds: number;
  /** The greatest share of a core that one gateway used. */
  readonly busiestCores: number;
  readonly memoryBytes: number;
}

/** What the record has of a stretch of wall time, of the gateways that served one deployment. */
export interface SampledStretch {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly gateways: number;
  /** The fewest that one of them may use; null without samples. */
  readonly cores: number | null;
  /** Minutes that could be neither written nor kept. */
  readonly lostMinutes: number;
  /** In their order. */
  readonly minutes: readonly SampledMinute[];
  /** Of the deployment. */
  readonly errors: FailureCounts;
  /** Of the same gateways, those of no deployment: their request could not be read, or named none that is known. */
  readonly unplacedErrors: FailureCounts;
}
