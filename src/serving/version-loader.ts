import type { ArtifactStore } from '../artifacts/artifact-store.js';
import type { ModelsRepository } from '../registry/models.repository.js';
import type { VersionsRepository } from '../registry/versions.repository.js';
import { modelSignature } from './model-signature.js';
import { openSession } from './scoring-session.js';
import { ServedVersion } from './served-version.js';
import { servingPolicy } from './serving-policy.js';
import { SessionCache } from './session-cache.js';

/** Brings a version of the record into memory. */
export class VersionLoader {
  readonly sessions: SessionCache;

  constructor(
    private readonly models: ModelsRepository,
    private readonly versions: VersionsRepository,
    artifacts: ArtifactStore,
  ) {
    this.sessions = new SessionCache(async (digest, width) => openSession(await artifacts.localPath(digest), width));
  }

  /**
   * The version with the features of the spec that it was trained under, loaded and warm.
   * @throws PerennialError `VersionNotFound`, `ArtifactMissing`, `ArtifactCorrupt`, `ModelRefused`
   */
  async load(model: string, version: number): Promise<ServedVersion> {
    const { artifactDigest, specDigest } = await this.versions.get(model, version);
    const spec = await this.models.spec(model, specDigest);
    const { features } = spec.data;
    const shared = await this.sessions.acquire(artifactDigest, features.length);
    const { outputs } = await shared.opened;
    return ServedVersion.of({ version, specDigest, task: spec.task, policy: servingPolicy(spec), signature: modelSignature(features, outputs) }, shared);
  }
}
