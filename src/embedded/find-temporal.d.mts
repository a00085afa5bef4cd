export declare const TEMPORAL_VERSION: string;

export interface TriedWay {
  readonly way: string;
  readonly reason: string;
}

export declare class TemporalNotFound extends Error {
  constructor(tried: readonly TriedWay[]);
  readonly tried: readonly TriedWay[];
}

export declare function locateTemporal(
  environment?: NodeJS.ProcessEnv,
): Promise<{ path?: string; tried: TriedWay[] }>;

export declare function findTemporal(options?: {
  environment?: NodeJS.ProcessEnv;
  step?: (what: string, work: () => Promise<string>) => Promise<string>;
  packagesInstalled?: Promise<void>;
  signal?: AbortSignal;
}): Promise<string>;
