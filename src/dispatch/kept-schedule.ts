import { type Client, ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy, type ScheduleSpec } from '@temporalio/client';
import { TASK_QUEUES } from '../contracts/motion.js';

const PERIOD_MS = 60_000;
const SEND_DEADLINE_MS = 10_000;

/** What a Schedule starts, how often. */
export interface ScheduledWork {
  /** Of the Schedule, and what its runs are called before Temporal adds the time. */
  readonly id: string;
  readonly everyMs: number;
  readonly workflowType: string;
  readonly input: object;
  /** How late a run that was missed is still made up for. */
  readonly catchupWindow: '1 day' | '1 minute';
  readonly summary: string;
}

/**
 * Keeps a Schedule there, also after Temporal's data was lost. What an operator did in the Temporal UI stays: a paused Schedule stays paused when its period
 * changes.
 */
export class KeptSchedule {
  private timer: NodeJS.Timeout | undefined;
  private passing: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: Client,
    private readonly work: ScheduledWork,
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
      const { id, workflowType, input, catchupWindow, summary } = this.work;
      await this.client.schedule.create({
        scheduleId: id, spec: this.spec(), policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow },
        action: { type: 'startWorkflow', workflowType, workflowId: id, taskQueue: TASK_QUEUES.lifecycle, args: [input], staticSummary: summary },
      });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await this.adjust();
    }
  }

  private async adjust(): Promise<void> {
    const schedule = this.client.schedule.getHandle(this.work.id);
    try {
      const { spec } = await schedule.describe();
      if (spec.intervals?.[0]?.every === this.work.everyMs) return;
      await schedule.update(({ action, state, policies }) => ({ action, state, policies, spec: this.spec() }));
    } catch (error) {
      // Deleted meanwhile; the next pass makes it anew.
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    }
  }

  private spec(): ScheduleSpec {
    return { intervals: [{ every: this.work.everyMs }] };
  }
}
