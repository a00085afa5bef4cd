import { type Client, ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy, type ScheduleSpec } from '@temporalio/client';
import { INVENTORY_SWEEP_ID, type InventorySweepInput, TASK_QUEUES } from '../contracts/motion.js';

const PERIOD_MS = 60_000;
const SEND_DEADLINE_MS = 10_000;
const INPUT: InventorySweepInput = { inputVersion: 1 };

/**
 * Keeps the Schedule that sweeps the inventory (`INVENTORY_SWEEP_HOURS`), also after Temporal's data was lost. What an operator did in the Temporal UI stays: a
 * paused Schedule stays paused when its period changes.
 */
export class SweepSchedule {
  private timer: NodeJS.Timeout | undefined;
  private passing: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: Client,
    private readonly everyMs: number,
  ) {}

  start(): void {
    const look = (): void => {
      // Temporal may be away for now; the next pass comes all the same.
      this.passing = this.passing.then(() => this.pass()).catch(() => undefined);
    };
    this.timer = setInterval(look, PERIOD_MS);
    look();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.passing;
  }

  /** Makes it, or gives it the period that is set. @throws when Temporal does not answer */
  async pass(): Promise<void> {
    await this.client.withDeadline(Date.now() + SEND_DEADLINE_MS, () => this.ensure());
  }

  private async ensure(): Promise<void> {
    try {
      await this.client.schedule.create({
        scheduleId: INVENTORY_SWEEP_ID, spec: this.spec(), policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 day' },
        action: { type: 'startWorkflow', workflowType: 'inventorySweep', workflowId: INVENTORY_SWEEP_ID, taskQueue: TASK_QUEUES.lifecycle, args: [INPUT], staticSummary: 'Models that nobody takes care of' },
      });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await this.adjust();
    }
  }

  private async adjust(): Promise<void> {
    const schedule = this.client.schedule.getHandle(INVENTORY_SWEEP_ID);
    try {
      const { spec } = await schedule.describe();
      if (spec.intervals?.[0]?.every === this.everyMs) return;
      await schedule.update(({ action, state, policies }) => ({ action, state, policies, spec: this.spec() }));
    } catch (error) {
      // Deleted meanwhile; the next pass makes it anew.
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    }
  }

  private spec(): ScheduleSpec {
    return { intervals: [{ every: this.everyMs }] };
  }
}
