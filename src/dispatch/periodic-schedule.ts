import { type Client, ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy, type ScheduleSpec } from '@temporalio/client';
import { AUDIT_RECONCILIATION_ID, type AuditReconciliationInput, GOVERNANCE_SCHEDULE_ID, INVENTORY_SWEEP_ID, type InventorySweepInput, RECONCILE_SCHEDULE_ID, TASK_QUEUES } from '../contracts/motion.js';

const PASS_EVERY_MS = 15_000;
const SEND_DEADLINE_MS = 10_000;
/** Runs of several installations on one Temporal do not all begin at the same moment. */
const JITTER_SHARE = 0.1;
/** What Temporal takes. */
const SHORTEST_CATCH_UP_MS = 10_000;
const RECONCILE_EVERY_MS = 300_000;

/** What is looked at again and again for as long as an installation stands, by a workflow of the lifecycle queue. */
export interface PeriodicRun {
  /** Of the Schedule, and what its runs are called before Temporal adds the time. */
  readonly id: string;
  readonly workflowType: string;
  readonly args: readonly unknown[];
  /** Shown in the Temporal UI. */
  readonly summary: string;
  readonly everyMs: number;
  /** The first run comes when the Schedule is made; or also whenever a worker starts; or only after the first period. */
  readonly first: 'whenMade' | 'whenStarted' | 'afterPeriod';
}

/** Holds the record against the workflows that run, and starts what is missing. */
export const RECONCILE: PeriodicRun = {
  id: RECONCILE_SCHEDULE_ID, workflowType: 'reconcile', args: [], summary: 'Record against running workflows', everyMs: RECONCILE_EVERY_MS, first: 'whenStarted',
};

/** Overdue findings and reviews (`GOVERNANCE_EVERY`): a run tells of everything that is overdue. */
export const governanceRun = (everyMs: number): PeriodicRun =>
  ({ id: GOVERNANCE_SCHEDULE_ID, workflowType: 'governanceDue', args: [], summary: 'Overdue findings and reviews', everyMs, first: 'whenMade' });

/** The audit ledger against Temporal's histories (`AUDIT_RECONCILE_EVERY`). */
export const ledgerRun = (everyMs: number): PeriodicRun =>
  ({ id: AUDIT_RECONCILIATION_ID, workflowType: 'auditReconciliation', args: [{ inputVersion: 1 } satisfies AuditReconciliationInput], summary: 'Audit ledger against histories', everyMs, first: 'afterPeriod' });

/** The sweep of the inventory (`INVENTORY_SWEEP_EVERY`). */
export const sweepRun = (everyMs: number): PeriodicRun =>
  ({ id: INVENTORY_SWEEP_ID, workflowType: 'inventorySweep', args: [{ inputVersion: 1 } satisfies InventorySweepInput], summary: 'Models that nobody takes care of', everyMs, first: 'afterPeriod' });

/**
 * Keeps a Schedule there, also after Temporal's data was lost or somebody deleted it. What an operator did in the Temporal UI stays: a paused Schedule stays
 * paused when its period changes.
 */
export class PeriodicSchedule {
  private timer: NodeJS.Timeout | undefined;
  private passing: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: Client,
    private readonly run: PeriodicRun,
  ) {}

  start(): void {
    // Temporal may be away for now; the next pass comes all the same.
    const begin = (work: () => Promise<void>): void => { this.passing = this.passing.then(work).catch(() => undefined); };
    begin(async () => {
      await this.pass();
      if (this.run.first === 'whenStarted') await this.handle.trigger(ScheduleOverlapPolicy.SKIP);
    });
    this.timer = setInterval(() => { begin(() => this.pass()); }, PASS_EVERY_MS);
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
    const { id, workflowType, args, summary, first } = this.run;
    try {
      await this.client.schedule.create({
        scheduleId: id, spec: this.spec(), policies: this.policies(), state: { triggerImmediately: first !== 'afterPeriod' },
        action: { type: 'startWorkflow', workflowType, workflowId: id, taskQueue: TASK_QUEUES.lifecycle, args: [...args], staticSummary: summary },
      });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await this.adjust();
    }
  }

  private async adjust(): Promise<void> {
    try {
      const { spec, policies } = await this.handle.describe();
      if (spec.intervals?.[0]?.every === this.run.everyMs && policies.catchupWindow === this.policies().catchupWindow) return;
      await this.handle.update(({ action, state }) => ({ action, state, policies: this.policies(), spec: this.spec() }));
    } catch (error) {
      // Deleted meanwhile; the next pass makes it anew.
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    }
  }

  private get handle() {
    return this.client.schedule.getHandle(this.run.id);
  }

  private spec(): ScheduleSpec {
    return { intervals: [{ every: this.run.everyMs }], jitter: this.jitterMs };
  }

  /** After an outage, the last run that was missed is made at once; it finds all that those before it would have. */
  private policies() {
    return { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: Math.max(SHORTEST_CATCH_UP_MS, this.run.everyMs + this.jitterMs) };
  }

  private get jitterMs(): number {
    return Math.round(this.run.everyMs * JITTER_SHARE);
  }
}

/** All Schedules of an installation that stand whatever its models are. */
export class PeriodicSchedules {
  constructor(private readonly all: readonly PeriodicSchedule[]) {}

  start(): void {
    for (const schedule of this.all) schedule.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((schedule) => schedule.stop()));
  }
}
