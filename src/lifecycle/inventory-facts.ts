import type { SweepLimits } from '../contracts/inventory.js';
import { durationMs } from '../contracts/time.js';
import type { InventoryRecord, InventoryValidation } from '../registry/inventory.repository.js';
import type { MaturityFacts } from './maturity.js';
import { reviewDueAt } from './review-due.js';
import type { ServedFacts, SweepFacts } from './sweep-rules.js';

const ms = (at: Date | null): number | null => at?.getTime() ?? null;

const isoMs = (at: string | null): number | null => (at === null ? null : Date.parse(at));

/** Deployments in which a champion serves. */
const servedOf = ({ deployments }: InventoryRecord): ServedFacts[] =>
  deployments.flatMap(({ deployment, champion, servingSince, assessedAt, predictedAt }) =>
    (champion === null || servingSince === null ? [] : [{ deployment, sinceMs: Date.parse(servingSince), assessedMs: isoMs(assessedAt), predictedMs: isoMs(predictedAt) }]));

/** Null where none is due ever: its spec states no use case, or nothing has served yet, or it is being retired. */
export function nextReviewOf({ stage, tier, useCase, firstChampionAt, lastReviewAt }: InventoryRecord): Date | null {
  if (tier === null || useCase === null || stage === 'retirement') return null;
  return reviewDueAt({ tier, useCase }, { firstChampionAt, lastReviewAt });
}

/** What a sweep judges. @param missingPaths of its sources, those that no file matches; null where no worker could see them */
export function sweepFactsOf(record: InventoryRecord, missingPaths: readonly string[] | null): SweepFacts {
  const { stage, owner, ownerKnown, ownerActs, activeOwners, sourcePaths, imported } = record;
  return {
    stage, owner, ownerKnown, ownerActs, activeOwners, served: servedOf(record), windowMs: durationMs(record.monitoringWindow ?? '') ?? 0,
    sourcePaths, missingPaths, reviewDueMs: ms(nextReviewOf(record)), imported,
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
  const allowedMs = limits.unmonitoredMs + (durationMs(record.monitoringWindow ?? '') ?? 0);
  const review = nextReviewOf(record);
  return {
    registered, owned: registered && (ownerActs || activeOwners.length > 0), useCaseStated: useCase !== null, useCaseApproved, versions, lineage: newest !== null, inService: served.length > 0,
    validated: served.length > 0 && served.every(({ verdict, validation, vote }) => verdict === 'pass' && passed(validation) && (vote === null || vote === 'approved')),
    monitored: served.length > 0 && servedOf(record).every(({ assessedMs }) => assessedMs !== null && nowMs - assessedMs <= allowedMs),
    retrainedByItself, rolledBack, reviewedOnTime: review !== null && review.getTime() >= nowMs, overdueFindings,
  };
}
