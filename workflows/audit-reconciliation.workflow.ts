import { continueAsNew, setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { AuditReconciliationInput } from '../src/contracts/motion.js';
import { type BegunReconciliation, RECONCILIATION_PARTS, type ReconciledPage, type ReconciliationCounts, type ReconciliationPart, type ReconciliationResult } from '../src/contracts/reconciliations.js';
import { listing, record } from './policies.js';
import { deliverAlarms } from './tell.js';

const NOTHING: ReconciliationCounts = { entries: 0, runs: 0, commands: 0, differences: 0 };

/**
 * Compares the audit ledger with Temporal's histories, and puts on record what one of them knows and the other does not. Goes through both in pages, so that
 * its history stays short however much there is. Started by its Schedule; trigger it in the Temporal UI.
 */
export async function auditReconciliation({ begun }: AuditReconciliationInput): Promise<ReconciliationResult> {
  upsertSearchAttributes({ PerennialStage: ['auditReconciliation'] });
  let state: BegunReconciliation | null = begun ?? {
    plan: await listing.beginReconciliation.executeWithOptions({ summary: 'See what can be compared' }, [Date.now()]), part: 'entries', cursor: '', counts: NOTHING,
  };
  const { plan } = state;
  let { counts } = state;
  while (state !== null) {
    if (workflowInfo().continueAsNewSuggested) return continueAsNew<typeof auditReconciliation>({ inputVersion: 1, begun: state });
    const page: ReconciledPage = await listing.reconcilePage.executeWithOptions({ summary: `Compare: ${state.part}` }, [plan, state.part, state.cursor]);
    counts = { ...counts, [state.part]: counts[state.part] + page.looked, differences: counts.differences + page.differences };
    const part: ReconciliationPart | undefined = page.cursor === null ? RECONCILIATION_PARTS[RECONCILIATION_PARTS.indexOf(state.part) + 1] : state.part;
    state = part === undefined ? null : { plan, part, cursor: page.cursor ?? '', counts };
    show(counts);
  }
  const result = await record.endReconciliation.executeWithOptions({ summary: 'Put it on record' }, [plan, counts, Date.now()]);
  if (result.fresh > 0) await deliverAlarms();
  upsertSearchAttributes({ PerennialStage: ['finished'], PerennialOutcome: [result.differences === 0 ? 'clean' : 'differences'] });
  return result;
}

const show = ({ entries, runs, commands, differences }: ReconciliationCounts): void => setCurrentDetails([
  '### Audit ledger and histories', '', '| runs that entries name | runs that leave entries | commands sent | differences |', '|---|---|---|---|', `| ${entries} | ${runs} | ${commands} | ${differences} |`, '',
  differences === 0 ? '' : 'See them with `perennial audit reconcile`.',
].join('\n'));
