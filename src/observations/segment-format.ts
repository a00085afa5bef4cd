/** What many observations share; interned by object identity: a segment writes it once, as JSON. */
export interface ObservationContext {
  readonly model: string;
  readonly deployment: string;
  readonly revision: number;
  readonly epoch: number;
  readonly version: number;
  /** Who answered. */
  readonly role: 'champion' | 'challenger';
  readonly specDigest: string;
  /** Names of the features, in the order of the input. */
  readonly features: readonly string[];
  readonly observeInputs: boolean;
}

/** What the caller gave for each row of a batch; each list has one entry a row. */
export interface RowIdentities {
  readonly predictionIds: readonly string[] | null;
  readonly entityKeys: readonly (string | null)[] | null;
  readonly eventTimesMs: Float64Array | null;
}

/** A category's text that the spec does not know. */
export interface UnknownCategory {
  readonly row: number;
  /** Place in the context's features. */
  readonly feature: number;
  readonly text: string;
}

/** One answered request. */
export interface Observation {
  readonly context: ObservationContext;
  /** Rises by one with each request of a boot. */
  readonly sequence: number;
  readonly predictionId: string;
  readonly entityKey: string | null;
  readonly eventTimeMs: number;
  /** Per row, where the caller gave them so. */
  readonly perRow: RowIdentities | null;
  readonly receivedAtMs: number;
  readonly latencyMs: number;
  readonly stale: boolean;
  readonly rows: number;
  /** As the model took them, float32 [rows, F]; null where inputs may not be kept. */
  readonly features: Float32Array | null;
  /** Texts of categories that the spec does not know. */
  readonly unknown: readonly UnknownCategory[];
  /** [rows], as answered. */
  readonly outputs: Float32Array;
  /** [rows], as the model gave them; null: the same. */
  readonly rawOutputs: Float32Array | null;
  /** [rows] 0 none, 1 clamped, 2 abstained, 3 fallback; null: none. */
  readonly guards: Uint8Array | null;
}

/** What a version that did not answer made of the same request. */
export interface MirroredOutput {
  readonly sequence: number;
  readonly model: string;
  readonly deployment: string;
  readonly revision: number;
  readonly version: number;
  readonly outcome: 'executed' | 'dropped' | 'failed';
  readonly reason: string | null;
  /** Of the run that scored it: what waited for it is no fault of the version, which gives way to the champion. */
  readonly latencyMs: number | null;
  readonly rows: number;
  readonly outputs: Float32Array | null;
}
