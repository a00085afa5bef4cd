import { continueAsNew, setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { SweepCounts, SweepReport } from '../src/contracts/inventory.js';
import type { InventorySweepInput } from '../src/contracts/motion.js';
import { data, record } from './policies.js';

const NOTHING: SweepReport = { models: 0, zombies: 0, opened: 0, closed: 0, sourcesUnknown: 0 };

/**
 * Looks for models that nobody takes care of: opens a finding for each reason that holds, once, and closes those whose reason is gone, with what shows it. Goes through
 * the inventory in stretches of names, so that its history stays short however many models there are. Started by its Schedule; trigger it in the Temporal UI.
 */
export async function inventorySweep({ begun }: InventorySweepInput): Promise<SweepReport> {
  upsertSearchAttributes({ PerennialStage: ['inventorySweep'] });
  // What is due is judged by one moment for all models.
  const atMs = begun?.atMs ?? Date.now();
  let report = begun?.report ?? NOTHING;
  let after: string | null = begun?.after ?? '';
  while (after !== null) {
    if (workflowInfo().continueAsNewSuggested) return continueAsNew<typeof inventorySweep>({ inputVersion: 1, begun: { atMs, after, report } });
    const seen = await data.seeSources.executeWithOptions({ summary: after === '' ? 'See which data sources are there' : `See which data sources are there, after ${after}` }, [after]);
    if (seen === null) break;
    const counts = await record.sweepModels.executeWithOptions({ summary: 'Open and close findings' }, [seen, atMs]);
    report = { ...added(report, counts), sourcesUnknown: report.sourcesUnknown + seen.unknown.length };
    show(report);
    after = seen.upTo;
  }
  await record.endSweep.executeWithOptions({ summary: 'Put the sweep on record' }, [report, atMs]);
  show(report);
  upsertSearchAttributes({ PerennialStage: ['finished'], PerennialOutcome: [report.zombies === 0 ? 'clean' : 'zombies'] });
  return report;
}

const added = (report: SweepReport, { models, zombies, opened, closed }: SweepCounts): SweepReport =>
  ({ ...report, models: report.models + models, zombies: report.zombies + zombies, opened: report.opened + opened, closed: report.closed + closed });

function show({ models, zombies, opened, closed, sourcesUnknown }: SweepReport): void {
  setCurrentDetails([
    '### Sweep of the inventory', '',
    '| models | reasons that hold | findings opened | findings closed | data sources not seen |', '|---|---|---|---|---|', `| ${models} | ${zombies} | ${opened} | ${closed} | ${sourcesUnknown} |`, '',
    sourcesUnknown === 0 ? '' : 'A data source is not seen where a worker of the queue `data` has no data folder: look at `DATA_DIR`.',
  ].join('\n'));
}
