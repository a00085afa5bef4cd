/** Whether a gateway can keep what it answers, as it tells the record with its lease. Counts are of this start of its process. */
export interface ObservationLogState {
  /** Observations are shed now, or were since it said so last. */
  readonly shedding: boolean;
  readonly shedObservations: number;
  readonly shedMirrored: number;
  /** What it uses on its disk. */
  readonly bytesOnDisk: number;
  /** Why something could not be kept, the last time; null where everything was. */
  readonly lastError: string | null;
  /**
   * ISO 8601, wall time of the gateway: what it received before is on the record, but for what was shed. Null where it cannot tell what an earlier
   * start left behind; absent from gateways of before.
   */
  readonly keptUntil?: string | null;
}
