import { condition, continueAsNew, setCurrentDetails, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { ApprovalResult, ApprovalStanding } from '../src/contracts/approvals.js';
import type { UseCaseApprovalInput } from '../src/contracts/motion.js';
import { stageLines } from '../src/contracts/stage-criteria.js';
import { ApprovalReminders, approvalLines } from './approval-reminders.js';
import { typedFailure } from './failures.js';
import { changedSignal } from './messages.js';
import { record } from './policies.js';
import { handlersFinished } from './strangers.js';
import { tellLifecycle } from './tell.js';

const THIRTY_DAYS_MS = 30 * 24 * 60 * 60 * 1_000;

/**
 * The first stage of a model: waits, for weeks if need be, until the approval of its use case is decided on the record or its time is over, and reminds those
 * who have to vote. Votes come as commands through the model's lifecycle; a spec that is applied meanwhile opens another approval, which it follows then.
 */
export async function useCaseApproval({ model, told }: UseCaseApprovalInput): Promise<ApprovalResult> {
  let changed = false;
  setHandler(changedSignal, () => {
    changed = true;
  });
  const reminders = new ApprovalReminders(told);
  const until = Date.now() + THIRTY_DAYS_MS;
  for (;;) {
    changed = false;
    const standing = await record.readApproval.executeWithOptions({ summary: 'See where the approval stands' }, [model]);
    if (!standing) throw typedFailure({ type: 'ApprovalNotOpen', message: `${model} has nothing to approve; apply a spec with a useCase section`, details: {} });
    show(standing);
    const { number, outcome, reason } = standing;
    const wakeAt = await reminders.look(standing);
    if (wakeAt === null && outcome !== null) {
      await tellLifecycle(model);
      await handlersFinished();
      if (changed) continue;
      return { number, outcome, reason: reason ?? '' };
    }
    if (wakeAt === null || wakeAt <= Date.now()) continue;
    if (Date.now() >= until || workflowInfo().continueAsNewSuggested) return continueAsNew<typeof useCaseApproval>({ inputVersion: 1, model, told: reminders.state });
    await condition(() => changed, Math.max(1, Math.min(wakeAt, until) - Date.now()));
  }
}

function show(standing: ApprovalStanding): void {
  const { model, tier, owner, outcome } = standing;
  upsertSearchAttributes({ PerennialTier: [tier], PerennialStage: [outcome === null ? 'useCaseApproval' : 'finished'], ...(outcome && { PerennialOutcome: [outcome] }) });
  setCurrentDetails(
    [
      `### Use case approval of ${model}`, '',
      ...approvalLines(standing), '',
      ...stageLines('useCaseApproval', { spec: true, tier: true, plan: true, approved: outcome === 'approved' }, owner), '',
      'Retrains start only when it is approved.',
    ].join('\n').slice(0, 20_000),
  );
}
