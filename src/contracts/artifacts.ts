/** A file in the content-addressed store. */
export interface ArtifactRef {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  readonly bytes: number;
}

/**
 * Blocks of event time that are held out of training: of those of one length, counted from 1970-01-01 UTC on, each whose number leaves
 * `every` − 1 when divided by `every`. The same stretch of time is the same block in every snapshot.
 */
export interface HeldOut {
  /** 2 or more. */
  readonly every: number;
  /** How long a block is, ISO 8601. */
  readonly block: string;
}

/** As people read it. */
export const heldOutText = ({ every, block }: HeldOut): string => `one in ${every} of ${block}`;

/** One side of a snapshot: the rows of a window, frozen as Parquet. */
export interface SnapshotPart {
  readonly artifact: ArtifactRef;
  readonly rows: number;
  /** Rows whose label is known and whose label horizon has passed; only these train and judge. */
  readonly labelledRows: number;
  readonly window: { readonly start: string; readonly end: string };
}

/** Where a snapshot's rows came from, as it was then. */
export interface SnapshotSource {
  readonly path: string;
  readonly format: 'parquet' | 'csv';
  /** Files in the order of their names. Digest is of the file's bytes. */
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly digest: string }[];
  /** Columns that the source has beyond the spec's, the first 2,000: where a missing one may be found misspelt. */
  readonly otherColumns?: readonly string[];
}

/** A feature table whose values were joined to the rows, as it was then. */
export interface SnapshotJoin extends Pick<SnapshotSource, 'path' | 'format' | 'files'> {
  /** Of the join in the spec. */
  readonly name: string;
  /** What it brought. */
  readonly columns: readonly string[];
}

/** What a snapshot's digest is taken over (canonical JSON). */
export interface SnapshotManifest {
  readonly model: string;
  readonly specDigest: string;
  readonly asOf: string;
  /** Windows in quarantine, of which no row was taken; left out where there are none. */
  readonly without?: readonly { readonly start: string; readonly end: string }[];
  readonly source: SnapshotSource;
  /** In the order of the spec; left out where nothing is joined. */
  readonly joins?: readonly SnapshotJoin[];
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** The blocks of the evaluation window that judge: its others train, so that the training window ends with it. Left out where all of it judges. */
  readonly heldOut?: HeldOut;
  readonly train: SnapshotPart;
  readonly evaluation: SnapshotPart;
}

/** Which event times of a snapshot train, and which judge. */
export interface SnapshotSplit extends Pick<SnapshotManifest, 'heldOut' | 'without'> {
  readonly train: Pick<SnapshotPart, 'window'>;
  readonly evaluation: Pick<SnapshotPart, 'window'>;
}

/** What a trainer is told of a snapshot. */
export type TrainingParts = Pick<SnapshotManifest, 'asOf' | 'train' | 'evaluation'>;

export interface SnapshotRef {
  readonly digest: string;
  readonly manifest: SnapshotManifest;
}
