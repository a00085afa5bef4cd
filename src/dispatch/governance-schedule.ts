import { type Client, ScheduleAlreadyRunning, ScheduleOverlapPolicy, type ScheduleSpec } from '@temporalio/client';
import { GOVERNANCE_SCHEDULE_ID, TASK_QUEUES } from '../contracts/motion.js';

const PERIOD_MS = 15_000;
const SEND_DEADLINE_MS = 10_000;
/** Runs of several installations on one Temporal do not all begin at the same moment. */
const JITTER_SHARE = 0.1;

/**
 * Keeps the Schedule that looks for overdue findings and reviews, also after Temporal's data was lost or somebody deleted it; the first run comes at
 * once. What an operator did in the Temporal UI stays: a paused Schedule stays paused when its period changes.
 */
export class GovernanceSchedule {
  private timer: NodeJS.Timeout | undefined;
  private passing: Promise<void> = Promise.resolve();

  /** @param everyMs between two runs */
  constructor(
    private readonly client: Client,
    private readonly everyMs: number,
  ) {}

  start(): void {
    this.begin();
    this.timer = setInterval(() => { this.begin(); }, PERIOD_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.passing;
  }

  /** Temporal may be away for now; the next pass comes all the same. */
  private begin(): void {
    this.passing = this.passing.then(() => this.pass()).catch(() => undefined);
  }

  /** @throws when Temporal does not answer */
  async pass(): Promise<void> {
    await this.client.withDeadline(Date.now() + SEND_DEADLINE_MS, () => this.ensure());
  }

  private async ensure(): Promise<void> {
    try {
      await this.client.schedule.create({
        scheduleId: GOVERNANCE_SCHEDULE_ID, spec: this.spec(), policies: POLICIES, state: { triggerImmediately: true },
        action: { type: 'startWorkflow', workflowType: 'governanceDue', workflowId: GOVERNANCE_SCHEDULE_ID, taskQueue: TASK_QUEUES.lifecycle, args: [], staticSummary: 'Overdue findings and reviews' },
      });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await this.adjust();
    }
  }

  private async adjust(): Promise<void> {
    const schedule = this.client.schedule.getHandle(GOVERNANCE_SCHEDULE_ID);
    const { spec } = await schedule.describe();
    if (spec.intervals?.[0]?.every !== this.everyMs) await schedule.update(({ action, state }) => ({ action, state, spec: this.spec(), policies: POLICIES }));
  }

  private spec(): ScheduleSpec {
    return { intervals: [{ every: this.everyMs }], jitter: Math.round(this.everyMs * JITTER_SHARE) };
  }
}

/** A run tells of everything that is overdue: what comes while one runs, or was missed, need not be made up for. */
const POLICIES = { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' } as const;
