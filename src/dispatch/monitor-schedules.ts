import { type Client, ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy, type ScheduleSpec, type ScheduleSpecDescription } from '@temporalio/client';
import { type MonitorDueInput, monitorScheduleId, TASK_QUEUES } from '../contracts/motion.js';
import { modelAttributes } from '../contracts/search-attributes.js';
import { durationMs } from '../contracts/time.js';
import type { ModelsRepository } from '../registry/models.repository.js';
import type { RoutingRepository } from '../registry/routing.repository.js';

const PERIOD_MS = 2_000;
/** Then all are looked for again, should Temporal have lost them or somebody have deleted one. */
const FORGET_AFTER_MS = 60_000;
const SEND_DEADLINE_MS = 10_000;
/** The least that Temporal takes. */
const SHORTEST_CATCH_UP_MS = 10_000;
/** Deployments of many models do not all begin at the same moment. */
const JITTER_SHARE = 0.1;

/**
 * Keeps one Schedule a deployment that looks for windows whose time has come (`monitoring.checkEvery` of the spec). What an operator did in the
 * Temporal UI stays: a paused Schedule stays paused when its period changes.
 */
export class MonitorSchedules {
  private timer: NodeJS.Timeout | undefined;
  private passing: Promise<void> = Promise.resolve();
  /** The period that each Schedule is known to have. */
  private readonly known = new Map<string, number>();
  /** Schedules of models that were retired. */
  private readonly ended = new Set<string>();
  private forgottenAt = performance.now();

  constructor(
    private readonly client: Client,
    private readonly routing: RoutingRepository,
    private readonly models: ModelsRepository,
  ) {}

  start(): void {
    this.timer = setInterval(() => {
      // Temporal or Postgres may be away for now; the next pass comes all the same.
      this.passing = this.passing.then(() => this.pass()).catch(() => undefined);
    }, PERIOD_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.passing;
  }

  /** One look at all deployments. @throws when Postgres or Temporal does not answer */
  async pass(): Promise<void> {
    if (performance.now() - this.forgottenAt > FORGET_AFTER_MS) {
      this.known.clear();
      this.forgottenAt = performance.now();
    }
    const periods = new Map<string, number>();
    for (const { model, deployment, retirement } of await this.routing.all()) {
      if (retirement?.state === 'retired') {
        await this.end(monitorScheduleId(model, deployment));
        continue;
      }
      const everyMs = periods.get(model) ?? (await this.period(model));
      periods.set(model, everyMs);
      const id = monitorScheduleId(model, deployment);
      if (this.known.get(id) === everyMs) continue;
      await this.client.withDeadline(Date.now() + SEND_DEADLINE_MS, () => this.ensure(id, { inputVersion: 1, model, deployment }, everyMs));
      this.known.set(id, everyMs);
    }
  }

  /** Nothing is predicted any more, so there is nothing to look for. */
  private async end(scheduleId: string): Promise<void> {
    if (this.ended.has(scheduleId)) return;
    await this.client.withDeadline(Date.now() + SEND_DEADLINE_MS, () => this.client.schedule.getHandle(scheduleId).delete()).catch((error: unknown) => {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    });
    this.ended.add(scheduleId);
  }

  private async period(model: string): Promise<number> {
    const { specDigest } = await this.models.get(model);
    return durationMs((await this.models.spec(model, specDigest)).monitoring.checkEvery) as number;
  }

  private async ensure(scheduleId: string, input: MonitorDueInput, everyMs: number): Promise<void> {
    const { model, deployment } = input;
    try {
      await this.client.schedule.create({
        scheduleId, spec: specOf(everyMs), policies: policiesOf(everyMs),
        action: {
          type: 'startWorkflow', workflowType: 'monitorDue', workflowId: scheduleId, taskQueue: TASK_QUEUES.lifecycle, args: [input],
          staticSummary: `Windows of ${model}/${deployment}`, typedSearchAttributes: modelAttributes({ model, deployment, stage: 'monitoring' }),
        },
      });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await this.adjust(scheduleId, everyMs);
    }
  }

  private async adjust(scheduleId: string, everyMs: number): Promise<void> {
    const schedule = this.client.schedule.getHandle(scheduleId);
    try {
      const { spec } = await schedule.describe();
      if (periodOf(spec) === everyMs) return;
      await schedule.update(({ action, state }) => ({ action, state, spec: specOf(everyMs), policies: policiesOf(everyMs) }));
    } catch (error) {
      // Deleted meanwhile; the next pass makes it anew.
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    }
  }
}

const specOf = (everyMs: number): ScheduleSpec => ({ intervals: [{ every: everyMs }], jitter: Math.round(everyMs * JITTER_SHARE) });
const periodOf = ({ intervals }: ScheduleSpecDescription): number | undefined => intervals?.[0]?.every;

/** A run looks for all windows that are due: after an outage one is enough. What comes while it runs is begun after it, once. */
const policiesOf = (everyMs: number) => ({ overlap: ScheduleOverlapPolicy.BUFFER_ONE, catchupWindow: Math.max(SHORTEST_CATCH_UP_MS, everyMs) });
