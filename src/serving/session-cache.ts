import type { ScoringSession } from './scoring-session.js';

/** A session that several hold: deployments that route to it and requests that are in flight on it. */
export class SharedSession {
  private holders = 0;

  constructor(
    readonly opened: Promise<ScoringSession>,
    private readonly onIdle: () => void,
  ) {}

  retain(): void {
    this.holders += 1;
  }

  /** The last holder's release frees the runtime's memory. */
  release(): void {
    this.holders -= 1;
    if (this.holders > 0) return;
    this.onIdle();
    // A session that never opened has nothing to free; whoever waited for it got the error.
    void this.opened.then((session) => session.release(), () => undefined);
  }
}

/** Sessions by the digest of their artifact, so that two deployments of a version load it once. */
export class SessionCache {
  private readonly shared = new Map<string, SharedSession>();

  /** @param open loads an artifact into a session */
  constructor(private readonly open: (digest: string, width: number) => Promise<ScoringSession>) {}

  get size(): number {
    return this.shared.size;
  }

  /** The session of an artifact, held for the caller until it calls `release`. @throws what `open` throws */
  async acquire(digest: string, width: number): Promise<SharedSession> {
    const shared = this.shared.get(digest) ?? this.share(digest, width);
    shared.retain();
    try {
      await shared.opened;
      return shared;
    } catch (error) {
      shared.release();
      throw error;
    }
  }

  private share(digest: string, width: number): SharedSession {
    const shared: SharedSession = new SharedSession(this.open(digest, width), () => {
      if (this.shared.get(digest) === shared) this.shared.delete(digest);
    });
    this.shared.set(digest, shared);
    return shared;
  }
}
