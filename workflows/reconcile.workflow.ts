import type { ReconcileReport } from '../src/contracts/status.js';
import { record } from './policies.js';

/**
 * The record restarts the motion: what Postgres holds as open and Temporal does not know is started again, and what was
 * ended from outside gets its typed outcome. Runs at a worker's start and on a Schedule.
 */
export async function reconcile(): Promise<ReconcileReport> {
  return record.reconcileMotion.executeWithOptions(
    { startToCloseTimeout: '5 minutes', summary: 'Compare the record with the running workflows' },
    [],
  );
}
