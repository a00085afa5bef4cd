import type { ArtifactStore } from '../src/artifacts/artifact-store.js';

/** Carries the artifact store, an interface, through Nest's injection by class. */
export class StoreProvider {
  constructor(readonly store: ArtifactStore) {}
}
