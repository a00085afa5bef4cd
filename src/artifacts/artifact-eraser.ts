import { rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { artifactPath } from './folder-store.js';

/**
 * Takes artifacts out of the folder for good. It stands beside the store and not in it: only a retirement may have one (test/fences), after the record has said
 * what is deleted, and that nothing else names it.
 */
export class ArtifactEraser {
  private readonly root: string;

  constructor(root: string) {
    this.root = resolve(root);
  }

  /** When an artifact was last put, the same bytes again too; null where it is not there. */
  async putAt(digest: string): Promise<Date | null> {
    const found = await stat(artifactPath(this.root, digest)).catch(() => null);
    return found?.isFile() ? found.mtime : null;
  }

  /** Erases it; one that is gone stays so. */
  async erase(digest: string): Promise<void> {
    await rm(artifactPath(this.root, digest), { force: true });
  }
}
