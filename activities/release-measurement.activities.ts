import { Injectable } from '@nestjs/common';
import type { ReleaseId, ReleaseMeasurement } from '../src/contracts/releases.js';
import { ReleasesRepository } from '../src/registry/releases.repository.js';

/** One look at a release: what was observed of both versions, block by block. */
@Injectable()
export class ReleaseMeasurementActivities {
  constructor(private readonly releases: ReleasesRepository) {}

  async measureRelease(id: ReleaseId): Promise<ReleaseMeasurement> {
    const release = await this.releases.get(id);
    return {
      measuredAt: new Date().toISOString(), transitions: release.transitions, streamTimeMs: null, firstEventMs: null,
      comparison: null, revised: null, unlabelled: null, traffic: null, breaches: [],
    };
  }
}
