import type { SweepLimits } from '../contracts/inventory.js';
import { durationMs } from '../contracts/time.js';
import type { InventoryRecord, InventoryValidation } from '../registry/inventory.repository.js';
import type { MaturityFacts } from './maturity.js';
import { reviewDueAt } from './review-due.js';
import type { SweepFacts } from './sweep-rules.js';

const ms = (at: Date | null): number | null => at?.getTime() ?? null;

/** When the first champion came, of a model of which one serves. */
const servingSince = ({ deployments, firstChampionAt }: InventoryRecord): number | null => (deployments.some(({ champion }) => champion !== null) ? ms(firstChampionAt) : null);

/** Null where none is due ever: its spec states no use case, or nothing has served yet, or it is being retired. */
export function nextReviewOf({ stage, tier, useCase, firstChampionAt, lastReviewAt }: InventoryRecord): Date | null {
  if (tier === null || useCase === null || stage === 'retirement') return null;
  return reviewDueAt({ tier, useCase }, { firstChampionAt, lastReviewAt });
}

/** What a sweep judges. @param sourceFound null where no worker could see it */
export function sweepFactsOf(record: InventoryRecord, sourceFound: boolean | null): SweepFacts {
  const { stage, owner, ownerKnown, ownerActs, activeOwners, assessedAt, predictedAt, sourcePath, imported } = record;
  return {
    stage, owner, ownerKnown, ownerActs, activeOwners, servingSinceMs: servingSince(record), assessedMs: ms(assessedAt), windowMs: durationMs(record.monitoringWindow ?? '') ?? 0,
    predictedMs: ms(predictedAt), sourcePath, sourceFound, reviewDueMs: ms(nextReviewOf(record)), imported,
  };
}

/** Also where the champion had moved before an approved version could be promoted. */
function passed(validation: InventoryValidation | null): boolean {
  if (validation === null) return true;
  const { decision, outcome } = validation;
  return (decision === 'approve' || decision === 'conditional') && outcome !== null && outcome !== 'rejected' && outcome !== 'expired' && outcome !== 'voided';
}

/** What its maturity is judged by. */
export function maturityFactsOf(record: InventoryRecord, limits: SweepLimits, nowMs: number): MaturityFacts {
  const { registered, activeOwners, ownerActs, useCase, useCaseApproved, versions, newest, deployments, retrainedByItself, rolledBack, overdueFindings } = record;
  const served = deployments.filter(({ champion }) => champion !== null);
  const assessedMs = ms(record.assessedAt);
  const review = nextReviewOf(record);
  return {
    registered, owned: registered && (ownerActs || activeOwners.length > 0), useCaseStated: useCase !== null, useCaseApproved, versions, lineage: newest !== null, inService: served.length > 0,
    validated: served.length > 0 && served.every(({ verdict, validation, vote }) => verdict === 'pass' && passed(validation) && (vote === null || vote === 'approved')),
    monitored: assessedMs !== null && nowMs - assessedMs <= limits.unmonitoredMs + (durationMs(record.monitoringWindow ?? '') ?? 0),
    retrainedByItself, rolledBack, reviewedOnTime: review !== null && review.getTime() >= nowMs, overdueFindings,
  };
}
