/** A file in the content-addressed store. */
export interface ArtifactRef {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  readonly bytes: number;
}

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
  readonly train: SnapshotPart;
  readonly evaluation: SnapshotPart;
}

/** What a trainer is told of a snapshot. */
export type TrainingParts = Pick<SnapshotManifest, 'asOf' | 'train' | 'evaluation'>;

export interface SnapshotRef {
  readonly digest: string;
  readonly manifest: SnapshotManifest;
}
