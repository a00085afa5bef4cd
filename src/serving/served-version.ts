import type { ModelSpec } from '../spec/model-spec.js';
import type { EncodedRows } from './infer-request.js';
import type { ModelSignature } from './model-signature.js';
import type { OutputTensor, ScoringSession } from './scoring-session.js';
import type { ServingPolicy } from './serving-policy.js';
import type { SharedSession } from './session-cache.js';

/** What the record says of a version, as far as serving it needs. */
export interface VersionFacts {
  readonly version: number;
  /** The spec that it was trained under. */
  readonly specDigest: string;
  readonly task: ModelSpec['task'];
  readonly policy: ServingPolicy;
  readonly signature: ModelSignature;
}

/** A version that is loaded and warm. Whoever routes to it holds its session; each request does so too while it runs. */
export class ServedVersion implements VersionFacts {
  private constructor(
    readonly version: number,
    readonly specDigest: string,
    readonly task: ModelSpec['task'],
    readonly policy: ServingPolicy,
    readonly signature: ModelSignature,
    private readonly shared: SharedSession,
    private readonly session: ScoringSession,
  ) {}

  /** Takes over the caller's hold on the session. */
  static async of({ version, specDigest, task, policy, signature }: VersionFacts, shared: SharedSession): Promise<ServedVersion> {
    return new ServedVersion(version, specDigest, task, policy, signature, shared, await shared.opened);
  }

  /** @throws PerennialError `InferenceFailed` */
  async score({ features, rows }: EncodedRows): Promise<readonly OutputTensor[]> {
    this.shared.retain();
    try {
      return await this.session.run(features, rows);
    } finally {
      this.shared.release();
    }
  }

  /** Whether a row gets the same bits in company as alone. */
  get rowsIndependent(): boolean {
    return this.session.trial.rowsIndependent;
  }

  /** Rows that one thread scores in a second, measured when the model was loaded; null where it could not be. */
  get rowsPerSecond(): number | null {
    return this.session.trial.rowsPerSecond;
  }

  /** Keeps the session open for work of several steps. @returns what ends the hold, to be called once */
  hold(): () => void {
    this.shared.retain();
    return () => this.shared.release();
  }

  /** Ends the routing's hold; requests in flight finish first. */
  retire(): void {
    this.shared.release();
  }
}
