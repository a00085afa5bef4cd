import type { ApprovalOutcome } from '../contracts/approvals.js';
import type { Grant } from '../contracts/roles.js';
import { ALL_MODELS } from '../contracts/roles.js';
import { outcomeText } from '../contracts/stages.js';
import { type Condition, type SoundnessAnswers, SOUNDNESS_KEYS, type ValidationCheck, type ValidationCheckName, type ValidationDecision, type ValidationOutcome, type ValidationStep } from '../contracts/validations.js';
import type { Verdict } from '../contracts/verdict.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { checksOf, needsApprovers, questionsOf } from './validation-depth.js';

type Judged = Pick<ValidationCheck, 'name' | 'verdict'>;

const GRAVITY: readonly Verdict[] = ['pass', 'inconclusive', 'fail', 'error'];

/** Of several verdicts the gravest stands; without any nothing is known. */
export const gravest = (checks: readonly Pick<ValidationCheck, 'verdict'>[]): Verdict =>
  checks.length === 0 ? 'inconclusive' : checks.reduce<Verdict>((worst, { verdict }) => (GRAVITY.indexOf(verdict) > GRAVITY.indexOf(worst) ? verdict : worst), 'pass');

export interface CheckDecision {
  readonly choice: Extract<ValidationDecision, 'approve' | 'reject'>;
  readonly reason: string;
}

/** What the checks of a low tier decide by themselves. @returns null where a validator has to */
export function decideByChecks(tier: ModelSpec['tier'], checks: readonly Judged[]): CheckDecision | null {
  if (tier !== 'low') return null;
  const failed = checks.filter(({ verdict }) => verdict === 'fail');
  if (failed.length > 0) return { choice: 'reject', reason: `Failed: ${failed.map(({ name }) => name).join(', ')}.` };
  return gravest(checks) === 'pass' ? { choice: 'approve', reason: `All ${checks.length} checks passed; a low tier needs nobody else.` } : null;
}

/** What is on record of a validation. */
export interface ValidationFacts {
  readonly spec: Pick<ModelSpec, 'tier' | 'fairness'>;
  readonly checks: readonly Judged[];
  readonly reported: boolean;
  readonly decision: { readonly choice: ValidationDecision; readonly actor: string } | null;
  /** What the approval of the version came to; undefined where there is none, null while it is open. */
  readonly approval: { readonly outcome: ApprovalOutcome; readonly reason: string } | null | undefined;
  readonly end: { readonly outcome: ValidationOutcome; readonly reason: string } | null;
}

/** What has to be done next. */
export function validationStep({ spec, checks, reported, decision, approval, end }: ValidationFacts): ValidationStep {
  if (end) return { kind: 'ended', ...end };
  if (decision?.choice === 'reject') return { kind: 'end', outcome: 'rejected', reason: `${decision.actor} rejected it.` };
  if (decision) return needsApprovers(spec.tier) ? afterVotes(approval) : { kind: 'promote' };
  const [next] = checksLeft(spec, checks);
  if (next) return { kind: 'check', check: next };
  if (!reported) return { kind: 'report' };
  return decideByChecks(spec.tier, checks) ? { kind: 'decide' } : { kind: 'awaitValidator' };
}

const NEVER_SERVES: ReadonlySet<ValidationOutcome> = new Set<ValidationOutcome>(['rejected', 'expired', 'voided', 'sentBack', 'abandoned']);

/** Why a version may not serve; null where its validation lets it, also where the champion had moved before it could. */
export function whyNotServe(step: ValidationStep): string | null {
  if (step.kind === 'promote') return null;
  if (step.kind === 'ended') return NEVER_SERVES.has(step.outcome) ? `its validation was ${outcomeText(step.outcome)}: ${step.reason}` : null;
  return step.kind === 'end' ? `its validation was ${step.outcome}: ${step.reason}` : 'its validation is not over';
}

export const checksLeft = (spec: ValidationFacts['spec'], checks: readonly Judged[]): readonly ValidationCheckName[] =>
  checksOf(spec).filter((name) => !checks.some((check) => check.name === name));

function afterVotes(approval: ValidationFacts['approval']): ValidationStep {
  if (!approval) return { kind: 'awaitApprovers' };
  const { outcome, reason } = approval;
  return outcome === 'approved' ? { kind: 'promote' } : { kind: 'end', outcome, reason };
}

/** What is asked of who had no part in a version. */
const INDEPENDENTLY = {
  validate: { deed: 'validate it', judge: 'a validator', rule: 'validation is independent of both, so that another validator has to decide' },
  approve: { deed: 'approve it', judge: 'an approver', rule: 'who approves a version is neither, so that another approver has to' },
} as const;

/**
 * Why somebody is not independent enough to validate a version, or to vote on it; null where they are.
 * @param developers who made it, and what they did @param grants the roles that are in force
 */
export function whyNotIndependent(actor: string, model: string, developers: Readonly<Record<string, string>>, grants: readonly Grant[], as: keyof typeof INDEPENDENTLY = 'validate'): string | null {
  const { deed, judge, rule } = INDEPENDENTLY[as];
  if (Object.hasOwn(developers, actor)) return `${actor} ${developers[actor]} and cannot ${deed} as well; ${judge} who had no part in it has to`;
  const part = grants.find((grant) => (grant.role === 'developer' || grant.role === 'owner') && (grant.model === ALL_MODELS || grant.model === model));
  return part ? `${actor} is ${part.role === 'owner' ? 'an owner' : 'a developer'} of ${part.model === ALL_MODELS ? 'all models' : model}; ${rule}` : null;
}

/** The owner of a model by its spec, or by replacement, needs no role to be one. */
export const ownerBarred = ({ name, owner }: { readonly name: string; readonly owner: string }): Readonly<Record<string, string>> => ({ [owner]: `is the owner of ${name}` });

export interface AskedDecision {
  readonly choice: ValidationDecision;
  readonly answers: SoundnessAnswers;
  readonly findings: readonly Condition[];
}

/** What a decision lacks for what was found; null where it can be taken. */
export function whyNotDecide(tier: ModelSpec['tier'], checks: readonly Judged[], { choice, answers, findings }: AskedDecision, at: Date): string | null {
  if (choice === 'reject') return findings.length > 0 ? 'a rejection opens no findings: say in the reason what is wrong' : null;
  const wrong = checks.filter(({ verdict }) => verdict === 'fail' || verdict === 'error');
  if (choice === 'approve' && wrong.length > 0) return `${wrong.map(({ name, verdict }) => `${name}: ${verdict}`).join(', ')}; approve conditionally, with a finding that says what has to be mended, or reject`;
  if (choice === 'approve' && findings.length > 0) return 'an approval without conditions opens no findings; approve conditionally';
  if (choice === 'conditional' && findings.length === 0) return 'a conditional approval takes at least one finding: title, severity, owner, dueAt and evidenceNeeded';
  const past = findings.findIndex(({ dueAt }) => Date.parse(dueAt) <= at.getTime());
  if (past !== -1) return `finding ${past + 1} of the decision is due at ${findings[past]?.dueAt}, which is over; give a time to come`;
  const missing = SOUNDNESS_KEYS.filter((key) => questionsOf(tier)[key] !== undefined && !answers[key]);
  return missing.length > 0 ? `the questionnaire of the ${tier} tier is not answered: ${missing.join(', ')}` : null;
}
