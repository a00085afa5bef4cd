import type { Client } from '@temporalio/client';
import { AUDIT_RECONCILIATION_ID, type AuditReconciliationInput } from '../contracts/motion.js';
import { KeptSchedule } from './kept-schedule.js';

const INPUT: AuditReconciliationInput = { inputVersion: 1 };

/** Keeps the Schedule that compares the audit ledger with Temporal's histories (`AUDIT_RECONCILE_EVERY`). */
export class ReconciliationSchedule extends KeptSchedule {
  constructor(client: Client, everyMs: number) {
    super(client, { id: AUDIT_RECONCILIATION_ID, everyMs, workflowType: 'auditReconciliation', input: INPUT, catchupWindow: '1 minute', summary: 'Audit ledger against histories' });
  }
}
