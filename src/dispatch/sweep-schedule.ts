import type { Client } from '@temporalio/client';
import { INVENTORY_SWEEP_ID, type InventorySweepInput } from '../contracts/motion.js';
import { KeptSchedule } from './kept-schedule.js';

const INPUT: InventorySweepInput = { inputVersion: 1 };

/** Keeps the Schedule that sweeps the inventory (`INVENTORY_SWEEP_EVERY`). */
export class SweepSchedule extends KeptSchedule {
  constructor(client: Client, everyMs: number) {
    super(client, { id: INVENTORY_SWEEP_ID, everyMs, workflowType: 'inventorySweep', input: INPUT, catchupWindow: '1 day', summary: 'Models that nobody takes care of' });
  }
}
