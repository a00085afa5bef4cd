import { condition, continueAsNew, setCurrentDetails, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { RetirementInput } from '../src/contracts/motion.js';
import { EVIDENCE_CLASSES, retirementHeldKey, type RetirementMove, retirementNoticeKey, type RetirementStanding, type RetirementStepName, type StoppedRouting } from '../src/contracts/retirements.js';
import { stageLines, type StageMarks } from '../src/contracts/stage-criteria.js';
import { isoTime } from '../src/contracts/time.js';
import { ApprovalReminders, approvalLines, NEVER, pauseLine } from './approval-reminders.js';
import { typedFailure } from './failures.js';
import { changedSignal } from './messages.js';
import { data, gateways, record } from './policies.js';
import { handlersFinished } from './strangers.js';
import { deliverAlarms, tellLifecycle, tellPerson, tellWorkflow } from './tell.js';

const THIRTY_DAYS_MS = 30 * 24 * 60 * 60 * 1_000;
const GATEWAYS_MS = 30_000;
const DRILL_AGAIN_MS = 60 * 60 * 1_000;

interface RetirementResult {
  readonly number: number;
  readonly outcome: Extract<RetirementMove, { action: 'over' }>['outcome'];
}

/**
 * The last stage of a model: approved, its consumers told, its traffic ended, its gateways answering 410, archived, proven to be restorable, and deleted class by class as their
 * times come, over years. What comes next is decided by the record (src/lifecycle/retirement-course.ts), so that a run that is gone is begun anew where it stood.
 */
export async function retirement({ model, told, notices }: RetirementInput): Promise<RetirementResult> {
  let changed = false;
  setHandler(changedSignal, () => {
    changed = true;
  });
  const reminders = new ApprovalReminders(told);
  const words = new ConsumerNotices(notices);
  const until = Date.now() + THIRTY_DAYS_MS;
  for (;;) {
    changed = false;
    const standing = await record.readRetirement.executeWithOptions({ summary: 'See where the retirement stands' }, [model, Date.now()]);
    if (!standing) throw typedFailure({ type: 'RetirementConflict', message: `${model} has no retirement; \`perennial retire ${model}\` asks for one`, details: {} });
    show(standing);
    const { number, move } = standing;
    if (move.action === 'over') {
      await settle(standing, reminders, words);
      await handlersFinished();
      if (changed) continue;
      return { number, outcome: move.outcome };
    }
    const wakeAt = await go(standing, move, reminders, words);
    if (wakeAt <= Date.now()) continue;
    if (Date.now() >= until || workflowInfo().continueAsNewSuggested) return continueAsNew<typeof retirement>({ inputVersion: 1, model, told: reminders.state, notices: words.times });
    await condition(() => changed, Math.max(1, Math.min(wakeAt, until) - Date.now()));
  }
}

/** Makes one move. @returns when to look again, milliseconds since 1970; 0: at once */
async function go(standing: RetirementStanding, move: Exclude<RetirementMove, { action: 'over' }>, reminders: ApprovalReminders, words: ConsumerNotices): Promise<number> {
  const { model, number, steps, routings } = standing;
  const id = { model, number };
  if (standing.paused && move.action !== 'callOff') return halt(standing, reminders, words);
  if (move.action === 'awaitApproval') return (await reminders.look(standing.approval)) ?? 0;
  if (move.action === 'awaitConfirmations') return words.look(standing, move);
  if (move.action === 'awaitQuiet') return move.atMs;
  if (move.action === 'awaitDeletion') return move.atMs ?? Date.now() + THIRTY_DAYS_MS;
  if (move.action === 'record' || move.action === 'callOff') {
    if (move.step === 'approved') await reminders.look(standing.approval);
    if (move.step === 'drained' && steps.stopped !== undefined) await everyGateway(model, routings ?? []);
    const changed = await record.takeRetirementStep.executeWithOptions({ summary: `Record: ${move.step}` }, [id, move.step, Date.now()]);
    if (move.step === 'approved' || move.step === 'stopped') await tellLifecycle(model);
    if (move.step === 'approved') await tellHeld(standing);
    if (move.step === 'confirmed') await words.end(standing);
    if (move.step === 'stopped' && !routings) await everyGateway(model, changed);
    return 0;
  }
  if (move.action === 'archive') return archive(standing);
  if (move.action === 'certify') await data.certifyRetirement.executeWithOptions({ summary: 'Issue the certificate' }, [id, Date.now()]);
  if (move.action === 'delete') await data.deleteEvidence.executeWithOptions({ summary: `Delete what is due: ${move.evidence}` }, [id, move.evidence, Date.now()]);
  return move.action === 'drill' ? drill(standing) : 0;
}

/** No step is taken, and nobody is reminded, until it goes on. */
async function halt(standing: RetirementStanding, reminders: ApprovalReminders, words: ConsumerNotices): Promise<number> {
  if (standing.approval.outcome === null) await reminders.look(standing.approval);
  await words.halt(standing);
  return NEVER;
}

/** Waits until no live gateway serves an earlier revision; one whose lease has ended does not count, and stops by itself. */
async function everyGateway(model: string, routings: readonly StoppedRouting[]): Promise<void> {
  for (const { deployment, revision } of routings) {
    while ((await gateways.awaitGateways.executeWithOptions({ summary: `Wait for gateways: 410 in ${deployment}` }, [model, deployment, revision, GATEWAYS_MS])).length > 0) setCurrentDetails(`Gateways still answer for ${model} in ${deployment}.`);
  }
}

async function archive(standing: RetirementStanding): Promise<number> {
  const { model, number } = standing;
  // Of earlier releases it returned nothing.
  const missing: readonly string[] | undefined = await data.archiveModel.executeWithOptions({ summary: 'Make the archive' }, [{ model, number }, Date.now()]);
  if (!missing?.length) return 0;
  const reason = `${missing.length} files that belong into it are damaged or lost: ${missing.join(', ')}`.slice(0, 1_500);
  await tellHindrance(standing, `The archive of ${model} cannot be made, so nothing is deleted: ${reason}`, reason);
  return Date.now() + DRILL_AGAIN_MS;
}

async function drill(standing: RetirementStanding): Promise<number> {
  const { model, number } = standing;
  const { verdict, reason } = await data.drillArchive.executeWithOptions({ summary: 'Restore the archive into an empty folder' }, [{ model, number }, Date.now()]);
  if (verdict === 'pass') return endAlarm(retirementHeldKey(standing), 'The archive was restored.').then(() => 0);
  await tellHindrance(standing, `The archive of ${model} cannot be restored, so nothing is deleted: ${reason}`, reason);
  return Date.now() + DRILL_AGAIN_MS;
}

async function tellHindrance(standing: RetirementStanding, what: string, reason: string): Promise<void> {
  const { model, number } = standing;
  await tellPerson({
    kind: 'retirementHeld', severity: 'critical', model, deployment: null, subject: `retirement/${number}`, dedupKey: retirementHeldKey(standing), test: false,
    summary: `${what}. Mend the artifact store, from a backup; it is tried again every hour.`.slice(0, 2_000), details: { reason },
  });
}

/** Tells consumers, and again those that have not confirmed. */
class ConsumerNotices {
  /** @param times how often, by the runs that this one continues */
  constructor(public times = 0) {}

  /** @returns when the next word is due, milliseconds since 1970 */
  async look(standing: RetirementStanding, { missing, deadlineMs, overdue }: Extract<RetirementMove, { action: 'awaitConfirmations' }>): Promise<number> {
    const { terms: { remindEveryMs, confirmWithinMs, consumers } } = standing;
    // As pauses have moved it.
    const toldMs = deadlineMs - confirmWithinMs;
    await endNotices(standing, consumers.filter(({ name }) => !missing.includes(name)).map(({ name }) => name), 'Confirmed.');
    if (Date.now() >= toldMs + this.times * remindEveryMs) {
      await endNotices(standing, missing, 'Told again.');
      for (const { name, contact } of consumers.filter((consumer) => missing.includes(consumer.name))) await notify(standing, name, contact, { deadlineMs, overdue });
      this.times = Math.floor((Date.now() - toldMs) / remindEveryMs) + 1;
    }
    const next = toldMs + this.times * remindEveryMs;
    return overdue ? next : Math.min(next, deadlineMs);
  }

  /** Nobody is reminded while it is paused, and at once when it goes on. */
  async halt(standing: RetirementStanding): Promise<void> {
    if (this.times > 0) await endNotices(standing, standing.terms.consumers.map(({ name }) => name), 'It is paused.');
    this.times = 0;
  }

  /** Nobody is waited for any more. */
  async end(standing: RetirementStanding): Promise<void> {
    await endNotices(standing, standing.terms.consumers.map(({ name }) => name), 'Nobody is waited for any more.');
  }
}

async function notify(standing: RetirementStanding, consumer: string, contact: string, { deadlineMs, overdue }: { deadlineMs: number; overdue: boolean }): Promise<void> {
  const { model, number, replacement, trigger, steps } = standing;
  const ends = steps.stopped === undefined ? 'It still answers, until all its consumers have confirmed' : 'It answers 410 already';
  const late = overdue ? ' Their time is over: the owner can go on without them (perennial retirement waive).' : '';
  await tellPerson({
    kind: 'retirementNotice', severity: overdue ? 'warning' : 'info', model, deployment: null, subject: `retirement/${number}`, dedupKey: retirementNoticeKey(standing, consumer), test: false,
    summary: `${model} is retired (${trigger}); ${replacement ? `ask ${replacement} instead` : 'nothing takes its place'}. ${ends}. ${consumer} has to confirm until ${isoTime(deadlineMs)}: \`perennial retirement confirm ${model} "${consumer}" --said "…"\`.${late}`,
    details: { consumer, contact, replacement, trigger, confirmUntil: isoTime(deadlineMs), overdue },
  });
}

async function endNotices(standing: RetirementStanding, consumers: readonly string[], reason: string): Promise<void> {
  for (const consumer of consumers) await endAlarm(retirementNoticeKey(standing, consumer), reason);
}

async function endAlarm(key: string, reason: string): Promise<void> {
  const ended = await record.endAlarm.executeWithOptions({ summary: 'Nobody needs to be told any more' }, [key, reason]);
  if (ended) await deliverAlarms();
}

async function settle(standing: RetirementStanding, reminders: ApprovalReminders, words: ConsumerNotices): Promise<void> {
  if (standing.approval.outcome !== null) await reminders.look(standing.approval);
  await words.end(standing);
  await tellHeld(standing);
  await tellLifecycle(standing.model);
}

/** What the retirement held goes on where it was called off, and has ended where it was approved. */
async function tellHeld({ tells = [] }: RetirementStanding): Promise<void> {
  for (const workflowId of tells) await tellWorkflow(workflowId);
}

const WAITS: Readonly<Record<RetirementMove['action'], string>> = {
  awaitApproval: 'waits for its approval', callOff: 'is called off', record: 'goes on', awaitConfirmations: 'waits for its consumers', awaitQuiet: 'waits until nobody asks it any more', archive: 'is archived',
  drill: 'tries its archive', certify: 'is certified', delete: 'deletes what is due', awaitDeletion: 'keeps its evidence until it is due', over: 'is over',
};

function show(standing: RetirementStanding): void {
  const { model, number, tier, owner, move, terms, steps, confirmed, trigger, replacement, approval, paused } = standing;
  const outcome = move.action === 'over' ? move.outcome : steps.stopped === undefined ? null : 'retired';
  upsertSearchAttributes({ PerennialTier: [tier], PerennialStage: [move.action === 'over' ? 'finished' : 'retirement'], ...(outcome && { PerennialOutcome: [outcome] }) });
  const done = Object.entries(steps).sort(([, one], [, other]) => one - other).map(([step, at]) => `| ${step} | ${isoTime(at)} |`);
  setCurrentDetails([
    `### Retirement ${number} of ${model}`, '',
    ...(paused && move.action !== 'over' ? [pauseLine(paused), ''] : []),
    `It ${move.action === 'over' ? `is over: **${move.outcome}**` : WAITS[move.action]}${waitText(move)}.`, '',
    `- owner, accountable: ${owner}`, `- why: ${trigger}; ${replacement ? `${replacement} takes its place` : 'nothing takes its place'}`,
    `- who can move it: ${whoMoves(standing)}`,
    ...(terms.consumers.length > 0 ? [`- consumers: ${terms.consumers.map(({ name }) => `${name} (${confirmed.includes(name) ? 'confirmed' : 'not confirmed'})`).join(', ')}`] : []), '',
    ...(steps.approved === undefined ? approvalLines(approval) : []), '',
    ...(done.length > 0 ? ['| step | when |', '|---|---|', ...done] : []), '',
    ...(steps.stopped === undefined ? [] : ['| evidence | kept until |', '|---|---|', ...EVIDENCE_CLASSES.map((evidence) => `| ${evidence} | ${isoTime((steps.stopped as number) + terms.keepMs[evidence])} |`)]), '',
    ...stageLines('retirement', marksOf(standing), owner),
  ].join('\n').slice(0, 20_000));
}

function marksOf({ steps, move }: RetirementStanding): StageMarks {
  const taken = (step: RetirementStepName): boolean => steps[step] !== undefined;
  return { asked: true, archived: taken('archived'), drilled: taken('drilled'), certified: taken('drilled') && move.action !== 'certify', drained: taken('drained') || taken('archived'), deleted: taken('deleted') };
}

function waitText(move: RetirementMove): string {
  if (move.action === 'awaitConfirmations') return `: ${move.missing.join(', ')}, until **${isoTime(move.deadlineMs)}**${move.overdue ? ', which is over' : ''}`;
  if (move.action === 'awaitQuiet') return `, not before **${isoTime(move.atMs)}**`;
  if (move.action === 'awaitDeletion') return move.atMs === null ? ', and a legal hold keeps it longer' : `, **${isoTime(move.atMs)}** the next`;
  return '';
}

function whoMoves({ model, move }: RetirementStanding): string {
  if (move.action === 'awaitApproval') return `approvers, who vote; the owner, with \`perennial retirement withdraw ${model} --reason …\``;
  if (move.action === 'awaitConfirmations') return `owner and operators, with \`perennial retirement confirm ${model} <consumer> --said …\``;
  if (move.action === 'awaitQuiet') return `the owner, with \`perennial retirement waive ${model} drain --reason …\``;
  return move.action === 'awaitDeletion' && move.atMs === null ? `validators, with \`perennial legal-hold lift ${model} …\`` : 'nobody has to';
}
