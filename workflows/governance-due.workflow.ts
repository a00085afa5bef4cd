import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { GovernanceReport } from '../src/contracts/status.js';
import { record } from './policies.js';
import { deliverAlarms, tellLifecycle } from './tell.js';

/**
 * Tells people of findings and periodic reviews that are overdue and of versions that went live and nobody has confirmed, and ends what they were told where it is no longer so. Runs on a Schedule: after an
 * outage one run tells of everything.
 */
export async function governanceDue(): Promise<GovernanceReport> {
  const report = await record.escalateOverdue.executeWithOptions(
    { startToCloseTimeout: '10 minutes', heartbeatTimeout: '30 seconds', summary: 'Look for what is overdue, and what nobody has confirmed' },
    [Date.now()],
  );
  const { findingsTold, reviewsTold, goLivesTold = 0, findingsOpened, alarmsEnded, models } = report;
  if (findingsTold + reviewsTold + goLivesTold + alarmsEnded > 0) await deliverAlarms();
  for (const model of models) await tellLifecycle(model);
  upsertSearchAttributes({ PerennialStage: ['finished'], PerennialOutcome: ['done'] });
  setCurrentDetails(`### Findings, reviews and versions gone live\n\n- overdue findings told: ${findingsTold}\n- overdue reviews told: ${reviewsTold}\n- owners told of versions that went live: ${goLivesTold}\n- findings opened for reviews: ${findingsOpened}\n- alarms ended: ${alarmsEnded}`);
  return report;
}
