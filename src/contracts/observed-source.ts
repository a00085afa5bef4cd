/** What names the files of `monitoring.source` among the observations: no gateway may be called so. */
export const SOURCE_GATEWAY = 'source';

/** One reading of a deployment's source; a file counts once, however often this is done. */
export interface SourceReading {
  /** Files that were new or had changed. */
  readonly files: number;
  /** Rows of theirs that were not known. */
  readonly rows: number;
  /** Rows of theirs with a label. */
  readonly labelled: number;
  /** Files that cannot be read; they are tried again at the next look. */
  readonly failed: readonly { readonly file: string; readonly type: string; readonly message: string }[];
  /** Whether files were left for the next call. */
  readonly more: boolean;
  /** Whether an alarm was raised. */
  readonly raised: boolean;
}

/** What a deployment's monitoring has to do before it looks for windows: its source is to be read. */
export interface SourceTurn {
  readonly readSource: true;
}
