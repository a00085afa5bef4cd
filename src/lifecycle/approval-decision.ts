import { type ApprovalOutcome, type ApprovalRule, type CastVote, ruleText, type VoteChoice } from '../contracts/approvals.js';
import type { ModelSpec } from '../spec/model-spec.js';

/** Who has to agree, by the tier: nobody for a low one, one and two approvers, a committee for a critical one. */
export function approvalRule({ tier, useCase }: Pick<ModelSpec, 'tier'> & { readonly useCase: Pick<NonNullable<ModelSpec['useCase']>, 'approval'> }): ApprovalRule {
  if (tier === 'low') return { kind: 'none' };
  if (tier === 'critical') return { kind: 'majority', quorum: useCase.approval.quorum };
  return { kind: 'each', approvals: tier === 'medium' ? 1 : 2 };
}

export interface ApprovalDecision {
  readonly outcome: Extract<ApprovalOutcome, 'approved' | 'rejected'>;
  readonly reason: string;
}

/** Whoever wrote the rule down, one person alone is no committee. */
const LEAST_MEMBERS = 2;

/** What the votes come to. A committee agrees by more than half of all votes, those of members who abstain among them; one that does neither that nor objects waits for one more vote. @returns null while it is open */
export function decideApproval(rule: ApprovalRule, votes: readonly CastVote[]): ApprovalDecision | null {
  const [agree, object] = [voters(votes, 'approve'), voters(votes, 'reject')];
  const decided = (outcome: ApprovalDecision['outcome']): ApprovalDecision => ({ outcome, reason: reasonOf(rule, agree, object) });
  if (rule.kind === 'none') return { outcome: 'approved', reason: `Fast track: ${ruleText(rule)}.` };
  if (rule.kind === 'each') return object.length > 0 ? decided('rejected') : agree.length >= rule.approvals ? decided('approved') : null;
  if (votes.length < rule.quorum) return null;
  if (agree.length >= LEAST_MEMBERS && 2 * agree.length > votes.length) return decided('approved');
  return object.length > agree.length ? decided('rejected') : null;
}

const voters = (votes: readonly CastVote[], choice: VoteChoice): string[] => votes.filter((vote) => vote.choice === choice).map(({ actor }) => actor);

function reasonOf(rule: ApprovalRule, agree: readonly string[], object: readonly string[]): string {
  const said = [...(agree.length > 0 ? [`${agree.join(', ')} agreed`] : []), ...(object.length > 0 ? [`${object.join(', ')} objected`] : [])];
  return `${said.join('; ')} (${ruleText(rule)}).`;
}

/** Why somebody may not vote; null where they may. @param barred who may not, and what they did: `applied the spec` */
export function whyNotVote(actor: string, barred: Readonly<Record<string, string>>, votes: readonly CastVote[]): string | null {
  if (Object.hasOwn(barred, actor)) return `${actor} ${barred[actor]} and cannot approve it as well; another approver has to`;
  const before = votes.find((vote) => vote.actor === actor);
  return before ? `${actor} has voted already (${before.choice}); a vote stands` : null;
}
