import type { ApprovalOutcome } from '../contracts/approvals.js';
import { EVIDENCE_CLASSES, type EvidenceClass, type RetirementAnswers, type RetirementMove, type RetirementStepName, type RetirementTerms, type RetirementTrigger } from '../contracts/retirements.js';
import { durationMs } from '../contracts/time.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { retentionSection, retirementSection } from '../spec/retirement-section.js';
import { useCaseSection } from '../spec/use-case-section.js';

/** What is on record of a retirement. Times in milliseconds since 1970. */
export interface RetirementFacts {
  readonly terms: RetirementTerms;
  readonly steps: Readonly<Partial<Record<RetirementStepName, number>>>;
  readonly approval: ApprovalOutcome | null;
  /** Consumers that have confirmed. */
  readonly confirmed: readonly string[];
  /** When gateways last told of requests; null: never. */
  readonly lastTrafficMs: number | null;
  /** For how long pauses that are over stopped the time of its consumers. */
  readonly stoppedMs: number;
  /** Whether a legal hold is in force. */
  readonly held: boolean;
  /** Classes that were gone through. */
  readonly deleted: readonly EvidenceClass[];
  /** What the newest certificate tells of as deleted; null: there is none. */
  readonly certified: readonly EvidenceClass[] | null;
}

/** What comes next, by the record alone. @param nowMs of the workflow's clock */
export function retirementMove(facts: RetirementFacts, nowMs: number): RetirementMove {
  const { steps, terms } = facts;
  const calledOff = (['withdrawn', 'rejected', 'expired'] as const).find((step) => steps[step] !== undefined);
  if (calledOff) return { action: 'over', outcome: calledOff };
  if (steps.approved === undefined) return beforeApproval(facts);
  if (terms.answers === 'untilApproved' && steps.stopped === undefined) return { action: 'record', step: 'stopped' };
  // Of earlier releases it was drained before it stopped, or went without saying.
  if (steps.stopped !== undefined && steps.drained === undefined && steps.archived === undefined) return { action: 'record', step: 'drained' };
  if (steps.confirmed === undefined) return confirmations(facts, nowMs);
  if (steps.stopped === undefined) return stop(facts, steps.approved, nowMs);
  return afterwards(facts, steps.stopped, nowMs);
}

function beforeApproval({ approval }: RetirementFacts): RetirementMove {
  if (approval === null) return { action: 'awaitApproval' };
  if (approval === 'approved') return { action: 'record', step: 'approved' };
  return { action: 'callOff', step: approval === 'expired' ? 'expired' : 'rejected' };
}

function confirmations({ steps, terms, confirmed, stoppedMs }: RetirementFacts, nowMs: number): RetirementMove {
  const missing = missingConsumers(terms, confirmed);
  if (missing.length === 0 || steps.waived !== undefined) return { action: 'record', step: 'confirmed' };
  if (steps.told === undefined) return { action: 'record', step: 'told' };
  const deadlineMs = steps.told + terms.confirmWithinMs + stoppedMs;
  return { action: 'awaitConfirmations', missing, deadlineMs, overdue: nowMs >= deadlineMs };
}

export const missingConsumers = ({ consumers }: RetirementTerms, confirmed: readonly string[]): string[] => consumers.map(({ name }) => name).filter((name) => !confirmed.includes(name));

/** Where quiet is asked for, predictions that came before the approval are no reason to wait, and those that would come right after it are. */
function stop({ steps, terms, lastTrafficMs }: RetirementFacts, approvedMs: number, nowMs: number): RetirementMove {
  const atMs = terms.quietMs === 0 ? nowMs : Math.max(approvedMs, lastTrafficMs ?? approvedMs) + terms.quietMs;
  return steps.forced !== undefined || steps.drained !== undefined || nowMs >= atMs ? { action: 'record', step: 'stopped' } : { action: 'awaitQuiet', atMs };
}

function afterwards({ steps, terms, held, deleted, certified }: RetirementFacts, stoppedMs: number, nowMs: number): RetirementMove {
  if (steps.archived === undefined) return { action: 'archive' };
  if (steps.drilled === undefined) return { action: 'drill' };
  if (certified?.length !== deleted.length) return { action: 'certify' };
  if (steps.deleted !== undefined) return { action: 'over', outcome: 'retired' };
  const waiting = EVIDENCE_CLASSES.filter((evidence) => !deleted.includes(evidence)).map((evidence) => ({ evidence, atMs: stoppedMs + terms.keepMs[evidence] })).toSorted((one, other) => one.atMs - other.atMs);
  const [next] = waiting;
  if (!next) return { action: 'record', step: 'deleted' };
  if (nowMs < next.atMs) return { action: 'awaitDeletion', atMs: next.atMs };
  return held ? { action: 'awaitDeletion', atMs: null } : { action: 'delete', evidence: next.evidence };
}

/** What holds for a retirement, as the spec in force says when it is asked for. A model that does harm, or must not answer, stops with its approval. */
export function retirementTerms(spec: Pick<ModelSpec, 'useCase' | 'retirement' | 'retention'>, trigger: RetirementTrigger, answers: RetirementAnswers | null): RetirementTerms {
  const { quiet, confirmWithin, remindEvery, grace } = spec.retirement ?? retirementSection.parse({});
  const keep = spec.retention ?? retentionSection.parse({});
  return {
    answers: answers ?? (trigger === 'harmful' || trigger === 'regulation' ? 'untilApproved' : 'untilDrained'),
    consumers: spec.useCase?.consumers ?? [], quietMs: durationMs(quiet) as number, graceMs: durationMs(grace), confirmWithinMs: durationMs(confirmWithin) as number, remindEveryMs: durationMs(remindEvery) as number,
    keepMs: Object.fromEntries(EVIDENCE_CLASSES.map((evidence) => [evidence, durationMs(keep[evidence]) as number])) as Record<EvidenceClass, number>,
  };
}

/** How the approval of a retirement is decided: as that of the use case, whose defaults hold where the spec states none. */
export const retirementApproval = ({ useCase }: Pick<ModelSpec, 'useCase'>): NonNullable<ModelSpec['useCase']>['approval'] => useCase?.approval ?? useCaseSection.shape.approval.parse(undefined);
