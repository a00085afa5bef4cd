import { type ApprovalStanding, approvalAlarmKey, ruleText, subjectText } from '../src/contracts/approvals.js';
import type { ToldVoters } from '../src/contracts/motion.js';
import type { StagePause } from '../src/contracts/stages.js';
import { isoTime } from '../src/contracts/time.js';
import { record } from './policies.js';
import { deliverAlarms, tellPerson } from './tell.js';

/** What is paused waits for no time. */
export const NEVER = Number.MAX_SAFE_INTEGER;

/** Reminds those who have to vote, and ends an approval whose time is over. */
export class ApprovalReminders {
  /** @param told how often, and of which approval, by the run that this one continues */
  constructor(private told: ToldVoters = { number: 0, times: 0 }) {}

  get state(): ToldVoters {
    return this.told;
  }

  /** One look. @returns when the next one is due, milliseconds since 1970; null once it is decided */
  async look(standing: ApprovalStanding): Promise<number | null> {
    if (this.told.number !== standing.number) {
      if (this.told.number !== 0) await endReminders({ ...standing, number: this.told.number }, `Approval ${standing.number} took its place.`);
      this.told = { number: standing.number, times: 0 };
    }
    if (standing.outcome !== null) {
      await endReminders(standing, `${standing.outcome}: ${standing.reason}`);
      return null;
    }
    if (standing.paused) return this.halt(standing);
    const { model, number, openedAtMs, remindEveryMs, expiresAtMs } = standing;
    if (Date.now() >= expiresAtMs) {
      await record.expireApproval.executeWithOptions({ summary: `End approval ${number}: its time is over` }, [{ model, number }, Date.now()]);
      return Date.now();
    }
    if (Date.now() >= this.nextWordAt(standing)) {
      await remind(standing);
      this.told = { number, times: Math.floor((Date.now() - openedAtMs) / remindEveryMs) + 1 };
    }
    return Math.min(expiresAtMs, this.nextWordAt(standing));
  }

  /** Nobody is reminded while it is paused, and at once when it goes on. */
  private async halt(standing: ApprovalStanding): Promise<number> {
    if (this.told.times > 0) await endReminders(standing, standing.paused?.retirement === undefined ? 'It is paused.' : 'Its model is being retired.');
    this.told = { number: standing.number, times: 0 };
    return NEVER;
  }

  /** The first word goes out at once. */
  private nextWordAt({ openedAtMs, remindEveryMs }: ApprovalStanding): number {
    return openedAtMs + this.told.times * remindEveryMs;
  }
}

/** An alarm that is still open is ended first: it is sent anew. */
async function remind(standing: ApprovalStanding): Promise<void> {
  const { model, number, kind, version, tier, rule, votes, barred, expiresAtMs, digest } = standing;
  await endReminders(standing, 'Told again.');
  await tellPerson({
    kind: 'approvalWaiting', severity: 'info', model, deployment: null, subject: `approval/${number}`, dedupKey: approvalAlarmKey(standing), test: false,
    summary: `${subjectText(standing)} (tier ${tier}) waits for approval until ${isoTime(expiresAtMs)}: ${ruleText(rule)}. Vote with \`perennial vote ${model} ${number} approve\`, or reject.`,
    details: { what: kind, version, tier, rule, votes, barred, digest, expiresAt: isoTime(expiresAtMs) },
  });
}

async function endReminders(standing: ApprovalStanding, reason: string): Promise<void> {
  const ended = await record.endAlarm.executeWithOptions({ summary: 'Nobody needs to be told any more' }, [approvalAlarmKey(standing), reason]);
  if (ended) await deliverAlarms();
}

/** What an operator sees of a pause. */
export const pauseLine = ({ by, sinceMs, reason, retirement }: StagePause): string =>
  retirement !== undefined ? `**Held** since **${isoTime(sinceMs)}**, when ${by} asked for retirement ${retirement}. Its time does not run; it goes on where the retirement is called off.` : `**Paused** by ${by} since **${isoTime(sinceMs)}**: ${reason.replaceAll('\n', ' ')}. Its time does not run; \`perennial stage resume\` lets it go on.`;

/** What an operator sees of an approval, as lines of Markdown. */
export function approvalLines(standing: ApprovalStanding): string[] {
  const { model, number, tier, owner, barred, rule, votes, expiresAtMs, digest, outcome, reason, paused } = standing;
  return [
    outcome === null && paused ? pauseLine(paused) : outcome === null ? `Approval ${number} waits until **${isoTime(expiresAtMs)}**: ${ruleText(rule)}.` : `**${outcome}**: ${reason}`,
    '',
    `- tier: ${tier}`,
    `- owner, accountable: ${owner}`,
    ...Object.entries(barred ?? {}).map(([name, did]) => `- ${name} ${did} and may not vote`),
    `- what is approved: \`${digest}\``,
    ...(outcome === null ? [`- who can move it: approvers, with \`perennial vote ${model} ${number} approve|reject|abstain --reason …\``] : []),
    '',
    ...(votes.length > 0 ? ['| who | vote |', '|---|---|', ...votes.map(({ actor, choice }) => `| ${actor.replaceAll('|', '\\|')} | ${choice} |`)] : ['Nobody has voted.']),
  ];
}
