import type { ObservationContext } from '../observations/segment-format.js';
import type { EncodedRows } from './infer-request.js';
import type { OutputTensor } from './scoring-session.js';
import type { VersionFacts } from './served-version.js';

/** A request as a challenger gets it: encoded by the challenger's own signature, which may differ from the champion's. */
export interface MirroredRequest {
  readonly sequence: number;
  readonly rows: EncodedRows;
}

export interface ChallengerFigures {
  readonly queuedRows: number;
  /** Mirrored requests since the start. */
  readonly executed: number;
  readonly dropped: number;
  readonly failed: number;
  /** Resident memory of its process; null while none runs or none has told. */
  readonly memoryBytes: number | null;
  readonly state: 'starting' | 'ready' | 'restarting';
  readonly restarts: number;
  readonly lastError: string | null;
}

/** A version that runs in a process of its own. Whatever it does there, the caller gets control back at once. */
export interface Challenger extends VersionFacts {
  /**
   * Mirrors the requests of one turn; never blocks, never throws. What does not fit the bounded queue is dropped. Each
   * request comes to the sink that was given at the start, once, as a MirroredOutput.
   */
  mirror(requests: readonly MirroredRequest[], context: ObservationContext): void;
  /** A canary's answers: all outputs of each request, or null when it failed or was not in time; then the champion answers. */
  answer(requests: readonly EncodedRows[], withinMs: number): Promise<readonly (readonly OutputTensor[] | null)[]>;
  figures(): ChallengerFigures;
  /** Returns when it is ready or could not be started the first time, at the latest after `withinMs`. */
  attempt(withinMs: number): Promise<void>;
  /** Ends its process; what was asked before is finished first, within a bound. */
  retire(): Promise<void>;
}
