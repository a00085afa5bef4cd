import type { FailureSource } from './failure-sources.js';
import type { WindowVerdict } from './window-summary.js';

/**
 * The gateways that served a deployment, while the predictions of a window were received, by their samples of each minute. Whole minutes count: where a
 * replay brings several windows in a minute, each has the minute's figures.
 */
export interface GatewayFigures {
  /** Wall time, ISO 8601; `until` does not belong to it. */
  readonly from: string;
  readonly until: string;
  readonly gateways: number;
  /** Clock minutes with a sample; 0: nothing below is known. */
  readonly minutes: number;
  /** Minutes that a gateway could neither write nor keep. */
  readonly lostMinutes: number;
  /** Answered, of the deployment. */
  readonly requests: number;
  readonly rows: number;
  readonly errors: ErrorFigures;
  readonly throughput: ThroughputFigures;
  /** Of a gateway's process, which serves all its models; the greatest. */
  readonly memoryBytes: number | null;
  readonly cpu: CpuFigures;
  /** Gateways use none. */
  readonly gpu: null;
  /** By figure, why there is none. */
  readonly undefinedBecause: Readonly<Record<string, string>>;
}

/** Requests of the deployment that were answered with an error; shares are of all its requests. */
export interface ErrorFigures {
  readonly count: number;
  readonly share: number | null;
  readonly byKind: Readonly<Record<string, CountedShare>>;
  readonly bySource: Readonly<Record<FailureSource, CountedShare>>;
  /** Of the same gateways, requests of no deployment, by kind: they could not be read, or named none that is known. */
  readonly unplaced: Readonly<Record<string, number>>;
}

export interface CountedShare {
  readonly count: number;
  /** Null without requests. */
  readonly share: number | null;
}

/** Rows a second of the deployment; null where nothing is known. */
export interface ThroughputFigures {
  readonly mean: number | null;
  /** Of the busiest clock minute; null where none was sampled for five seconds. */
  readonly busiest: number | null;
  /** What one thread a gateway scored when the champion was loaded, the gateways together. */
  readonly capacity: number | null;
  /** Parts of that capacity, on average and in the busiest minute. */
  readonly meanShare: number | null;
  readonly busiestShare: number | null;
  /** The same of all models that these gateways serve on their one thread. */
  readonly busiestShareOfAll: number | null;
}

/** Of a gateway's process, which serves all its models: 1 is one core that does nothing else. */
export interface CpuFigures {
  readonly meanCores: number | null;
  /** Of the busiest gateway in a minute. */
  readonly busiestCores: number | null;
  /** The fewest that a gateway may use. */
  readonly cores: number | null;
}

/** Figures of operations that have a limit. Shares are of requests; `failedShare`: not answered, and not by the caller's fault; `refusedShare`: by its fault. */
export const LIMITED_OPERATIONS = [
  'latencyP50Ms', 'latencyP95Ms', 'latencyP99Ms', 'slowShare', 'failedShare', 'refusedShare', 'busiestShare', 'memoryBytes', 'cpuCores', 'arrivalLagP95Ms',
] as const;
export type LimitedOperation = (typeof LIMITED_OPERATIONS)[number];
/** Windows that were assessed before it was measured have no check of it. */
type LaterOperation = Extract<LimitedOperation, 'arrivalLagP95Ms'>;

/** A limit is of the deployment's windows before; fewer give none, and more are of another time. */
export const FEWEST_EARLIER = 8;
export const MOST_EARLIER = 26;

/** An observation: it raises no alarm, and the window's verdict does not rest on it. */
export interface OperationCheck {
  readonly value: number | null;
  /** A greater value is out of the ordinary. Null where too few windows are known. */
  readonly limit: number | null;
  /** What the limit is from: the spec, or the deployment's earlier windows. */
  readonly by: 'spec' | 'windows';
  /** Earlier windows with the figure that the limit is from. */
  readonly windows: number;
  readonly verdict: WindowVerdict['verdict'];
}

export type OperationChecks = Readonly<Record<Exclude<LimitedOperation, LaterOperation>, OperationCheck> & Partial<Record<LaterOperation, OperationCheck>>>;
