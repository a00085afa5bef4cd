import type { ArtifactRef } from '../contracts/artifacts.js';

/**
 * A content-addressed store: what is put can be had by its digest, on any machine, and is never changed.
 * Two who put the same bytes get the same reference.
 */
export interface ArtifactStore {
  /** Stores a file's bytes; the file itself stays where it is. */
  putFile(path: string): Promise<ArtifactRef>;
  putBytes(bytes: string | Uint8Array): Promise<ArtifactRef>;
  /** Stores bytes as they come; nothing where the source fails, whose error is thrown. */
  putStream(bytes: AsyncIterable<Uint8Array>): Promise<ArtifactRef>;
  /**
   * A path on this machine that holds the artifact; only to be read.
   * @throws PerennialError `ArtifactMissing`, or `ArtifactCorrupt` when its bytes do not match the digest.
   */
  localPath(digest: string): Promise<string>;
  /** @throws as {@link localPath} */
  readBytes(digest: string): Promise<Buffer>;
}
