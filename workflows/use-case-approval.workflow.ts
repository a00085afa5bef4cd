import { condition, continueAsNew, setCurrentDetails, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { approvalAlarmKey, type ApprovalResult, type ApprovalStanding, ruleText } from '../src/contracts/approvals.js';
import type { UseCaseApprovalInput } from '../src/contracts/motion.js';
import { isoTime } from '../src/contracts/time.js';
import { typedFailure } from './failures.js';
import { changedSignal } from './messages.js';
import { record } from './policies.js';
import { deliverAlarms, tellLifecycle, tellPerson } from './tell.js';

const THIRTY_DAYS_MS = 30 * 24 * 60 * 60 * 1_000;

/**
 * The first stage of a model: waits, for weeks if need be, until the approval of its use case is decided on the record or its time is over, and reminds those
 * who have to vote. Votes come as commands through the model's lifecycle; a spec that is applied meanwhile opens another approval, which it follows then.
 */
export async function useCaseApproval({ model, told: before }: UseCaseApprovalInput): Promise<ApprovalResult> {
  let changed = false;
  let told = before ?? { number: 0, times: 0 };
  setHandler(changedSignal, () => {
    changed = true;
  });
  const until = Date.now() + THIRTY_DAYS_MS;
  for (;;) {
    changed = false;
    const standing = await record.readApproval.executeWithOptions({ summary: 'See where the approval stands' }, [model]);
    if (!standing) throw typedFailure({ type: 'ApprovalNotOpen', message: `${model} has nothing to approve; apply a spec with a useCase section`, details: {} });
    show(standing);
    if (told.number !== standing.number) {
      if (told.number !== 0) await endReminders({ ...standing, number: told.number }, `Approval ${standing.number} took its place.`);
      told = { number: standing.number, times: 0 };
    }
    if (standing.outcome !== null) {
      await endReminders(standing, `${standing.outcome}: ${standing.reason}`);
      await tellLifecycle(model);
      if (changed) continue;
      return { number: standing.number, outcome: standing.outcome, reason: standing.reason ?? '' };
    }
    if (Date.now() >= standing.expiresAtMs) {
      await record.expireApproval.executeWithOptions({ summary: `End approval ${standing.number}: its time is over` }, [{ model, number: standing.number }, Date.now()]);
      continue;
    }
    if (Date.now() >= nextWordAt(standing, told.times)) {
      await remind(standing);
      told = { number: standing.number, times: Math.floor((Date.now() - standing.openedAtMs) / standing.remindEveryMs) + 1 };
    }
    if (Date.now() >= until || workflowInfo().continueAsNewSuggested) return continueAsNew<typeof useCaseApproval>({ inputVersion: 1, model, told });
    const wakeAt = Math.min(standing.expiresAtMs, nextWordAt(standing, told.times), until);
    await condition(() => changed, Math.max(1, wakeAt - Date.now()));
  }
}

/** The first word goes out at once. */
const nextWordAt = ({ openedAtMs, remindEveryMs }: ApprovalStanding, times: number): number => openedAtMs + times * remindEveryMs;

/** An alarm that is still open is ended first: it is sent anew. */
async function remind(standing: ApprovalStanding): Promise<void> {
  const { model, number, tier, rule, votes, author, expiresAtMs, specDigest } = standing;
  await endReminders(standing, 'Told again.');
  await tellPerson({
    kind: 'approvalWaiting', severity: 'info', model, deployment: null, subject: `approval/${number}`, dedupKey: approvalAlarmKey(standing), test: false,
    summary: `The use case of ${model} (tier ${tier}) waits for approval until ${isoTime(expiresAtMs)}: ${ruleText(rule)}. Vote with \`perennial vote ${model} ${number} approve\`, or reject.`,
    details: { tier, rule, votes, author, specDigest, expiresAt: isoTime(expiresAtMs) },
  });
}

async function endReminders(standing: ApprovalStanding, reason: string): Promise<void> {
  const ended = await record.endAlarm.executeWithOptions({ summary: 'Nobody needs to be told any more' }, [approvalAlarmKey(standing), reason]);
  if (ended) await deliverAlarms();
}

function show(standing: ApprovalStanding): void {
  const { model, number, tier, owner, author, rule, votes, expiresAtMs, specDigest, outcome, reason } = standing;
  upsertSearchAttributes({ PerennialTier: [tier], PerennialStage: [outcome === null ? 'useCaseApproval' : 'finished'], ...(outcome && { PerennialOutcome: [outcome] }) });
  setCurrentDetails(
    [
      `### Use case approval of ${model}`,
      '',
      outcome === null ? `Approval ${number} waits until **${isoTime(expiresAtMs)}**: ${ruleText(rule)}.` : `**${outcome}**: ${reason}`,
      '',
      `- tier: ${tier}`, `- owner, accountable: ${owner}`, `- applied by ${author}, who may not vote`, `- what is approved: spec \`${specDigest}\``,
      '- entry: the spec states its use case, and the tier is not below what the questionnaire comes to',
      '- exit: the Model Development Plan is approved, bound to the digest of the spec; only then retrains start',
      ...(outcome === null ? [`- who can move it: approvers, with \`perennial vote ${model} ${number} approve|reject|abstain --reason …\``] : []),
      '',
      ...(votes.length > 0 ? ['| who | vote |', '|---|---|', ...votes.map(({ actor, choice }) => `| ${actor.replaceAll('|', '\\|')} | ${choice} |`)] : ['Nobody has voted.']),
    ].join('\n').slice(0, 20_000),
  );
}
