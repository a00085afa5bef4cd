import type { ArtifactStore } from '../artifacts/artifact-store.js';
import type { TensorSignature } from '../contracts/admitted-model.js';
import { type ClassifiedSpec, sensitivityOf } from '../contracts/masking.js';
import { PerennialError } from '../contracts/failures.js';
import type { MirroredOutput } from '../observations/segment-format.js';
import type { ModelsRepository } from '../registry/models.repository.js';
import type { VersionsRepository } from '../registry/versions.repository.js';
import type { Challenger } from './challenger.js';
import { datatypeOfRuntime } from './datatypes.js';
import { IsolatedChallenger } from './isolated-challenger.js';
import { modelSignature, type OutputSignature } from './model-signature.js';
import { openSession } from './scoring-session.js';
import { ServedVersion } from './served-version.js';
import { servingPolicy } from './serving-policy.js';
import { SessionCache } from './session-cache.js';

export type MirroredSink = (outputs: readonly MirroredOutput[]) => void;

/** Brings a version of the record into memory. */
export class VersionLoader {
  readonly sessions: SessionCache;

  constructor(
    private readonly models: ModelsRepository,
    private readonly versions: VersionsRepository,
    private readonly artifacts: ArtifactStore,
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
    return ServedVersion.of({ version, specDigest, task: spec.task, policy: servingPolicy(spec), signature: modelSignature(features, outputs, isDiscreet(spec)) }, shared);
  }

  /**
   * The version in a process of its own, which begins to start now and starts again by itself.
   * @param sink takes its mirrored outputs
   * @throws PerennialError `VersionNotFound`, `ArtifactMissing`, `ArtifactCorrupt`, `ModelRefused`
   */
  async challenge(model: string, version: number, sink: MirroredSink): Promise<Challenger> {
    const { artifactDigest, specDigest, admission } = await this.versions.get(model, version);
    const spec = await this.models.spec(model, specDigest);
    const path = await this.artifacts.localPath(artifactDigest);
    const signature = modelSignature(spec.data.features, admission.outputs.map(admittedOutput), isDiscreet(spec));
    return new IsolatedChallenger({ version, specDigest, task: spec.task, policy: servingPolicy(spec), signature, path, sink });
  }
}

const isDiscreet = (spec: ClassifiedSpec): boolean => sensitivityOf(spec).columns.size > 0;

/** The outputs as admission read them from the file, without loading the model into this process. */
function admittedOutput({ name, elementType, shape }: TensorSignature): OutputSignature {
  const datatype = datatypeOfRuntime(elementType);
  if (!datatype) throw new PerennialError('ModelRefused', `Its output \`${name}\` is not a tensor that an answer can carry`);
  return { name, datatype, shape: (shape ?? [null]).map((length, axis) => (axis > 0 ? (length ?? -1) : -1)) };
}
