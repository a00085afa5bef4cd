import { Injectable } from '@nestjs/common';
import type { StageFacts } from '../../lifecycle/stage-standings.js';
import { ApprovalsRepository } from '../../registry/approvals.repository.js';
import { ReleasesRepository } from '../../registry/releases.repository.js';
import { RetrainsRepository } from '../../registry/retrains.repository.js';
import { RoutingRepository } from '../../registry/routing.repository.js';
import { ValidationsRepository } from '../../registry/validations.repository.js';

/** Reads what stages of a model have open, or had last. */
@Injectable()
export class StageWorkReader {
  constructor(
    private readonly approvals: ApprovalsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly validations: ValidationsRepository,
    private readonly releases: ReleasesRepository,
    private readonly routing: RoutingRepository,
  ) {}

  async read(model: string): Promise<Pick<StageFacts, 'approval' | 'retrain' | 'validating' | 'lastValidation' | 'release' | 'champions'>> {
    const [asked, [retrain], validating, [validated], current, [released], routings] = await Promise.all([
      this.approvals.newest({ kind: 'useCase', model, version: null }), this.retrains.list(model, 1), this.validations.open(model), this.validations.list(model, 1), this.releases.current(model),
      this.releases.list(model, 1), this.routing.of(model),
    ]);
    return {
      approval: asked && { number: asked.approval.number, specDigest: asked.approval.specDigest, outcome: asked.end?.outcome ?? null },
      retrain: retrain ? { number: retrain.number, running: retrain.outcome === null } : null,
      validating: validating.map(({ version }) => version),
      lastValidation: validated ? { version: validated.validation.version, outcome: validated.end?.outcome ?? null } : null,
      release: current ?? released ?? null,
      champions: routings.flatMap(({ deployment, champion }) => (champion === null ? [] : [{ deployment, version: champion }])),
    };
  }
}
