import type { MirroredOutput, Observation } from '../observations/segment-format.js';

export interface ObservationLogSettings {
  /** Where the gateway's segments lie. */
  readonly folder: string;
  readonly gateway: string;
  /** Unique for each start of the gateway. */
  readonly boot: string;
  readonly sealAfterMs: number;
  readonly sealBytes: number;
  /** All that the folder may hold; past it, observations are shed. */
  readonly maxBytes: number;
  readonly sync: 'second' | 'always';
}

export interface ObservationLogFigures {
  readonly bytesOnDisk: number;
  readonly openBytes: number;
  readonly sealedWaiting: number;
  readonly shedObservations: number;
  readonly shedMirrored: number;
  readonly shedding: boolean;
  readonly lastError: string | null;
}

export interface ObservationLog {
  /** One write for the turn, before any of its replies leaves. Never throws: what cannot be kept is shed and counted. */
  append(turn: readonly Observation[]): void;
  appendMirrored(outputs: readonly MirroredOutput[]): void;
  figures(): ObservationLogFigures;
  close(): Promise<void>;
}
