import type { Client } from '@temporalio/client';
import { type IngestionInput, ingestionWorkflowId, SEGMENT_INGESTION_ID, TASK_QUEUES } from '../contracts/motion.js';
import { modelAttributes } from '../contracts/search-attributes.js';
import type { LabelsRepository } from '../registry/labels.repository.js';
import type { ObservationsRepository } from '../registry/observations.repository.js';

const PERIOD_MS = 1_000;
/** One that was started and did not bring the work to an end has met a fault: it is not started every second. */
const AGAIN_AFTER_MS = 2_000;
const SEND_DEADLINE_MS = 10_000;

/** What else the ingestion of the gateways' segments brings up to date. */
export interface IngestionDuty {
  /** Milliseconds between two questions. */
  readonly everyMs: number;
  isDue(): Promise<boolean>;
}

/** One line when looking begins to fail, when it fails otherwise, and when it succeeds again. */
export interface IngestionTrouble {
  readonly level: 'error' | 'warn';
  readonly message: string;
  readonly cause?: string;
}

/**
 * Looks once a second at what waits on the record to be ingested and has a workflow running for it. Starting one that runs
 * already does nothing; it looks at the record itself before it ends.
 */
export class IngestionStarter {
  private timer: NodeJS.Timeout | undefined;
  private passing: Promise<void> = Promise.resolve();
  private readonly startedAt = new Map<string, number>();
  private readonly askedAt = new Map<IngestionDuty, number>();
  private told: string | null = null;

  constructor(
    private readonly client: Client,
    private readonly labels: LabelsRepository,
    private readonly observations: ObservationsRepository,
    private readonly duties: readonly IngestionDuty[] = [],
    private readonly log: (line: IngestionTrouble) => void = () => undefined,
  ) {}

  start(): void {
    this.timer = setInterval(() => {
      this.passing = this.passing.then(() => this.pass().then(() => this.tell(null), (error: unknown) => this.tell(error)));
    }, PERIOD_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.passing;
  }

  /** One look. @throws when Postgres or Temporal does not answer; the next look comes all the same */
  async pass(): Promise<void> {
    const [models, [segment]] = await Promise.all([this.labels.modelsWaiting(), this.observations.unconverted(1)]);
    const wanted = [...(segment || (await this.anyDue()) ? [null] : []), ...models];
    for (const id of this.startedAt.keys()) if (!wanted.some((model) => idOf(model) === id)) this.startedAt.delete(id);
    for (const model of wanted) await this.startIngestion(model);
  }

  private tell(error: unknown): void {
    const cause = error === null ? null : error instanceof Error ? error.message : 'unknown';
    if (cause === this.told) return;
    this.told = cause;
    if (cause === null) this.log({ level: 'warn', message: 'What waits to be ingested is seen to again' });
    else this.log({ level: 'error', message: 'What waits to be ingested cannot be seen to; it stays on the record', cause });
  }

  private async anyDue(): Promise<boolean> {
    const now = performance.now();
    const asked = this.duties.filter((duty) => now - (this.askedAt.get(duty) ?? -Infinity) >= duty.everyMs);
    for (const duty of asked) this.askedAt.set(duty, now);
    const answers = await Promise.all(asked.map((duty) => duty.isDue()));
    return answers.includes(true);
  }

  private async startIngestion(model: string | null): Promise<void> {
    const workflowId = idOf(model);
    const now = performance.now();
    if (now - (this.startedAt.get(workflowId) ?? -Infinity) < AGAIN_AFTER_MS) return;
    this.startedAt.set(workflowId, now);
    const input: IngestionInput = { inputVersion: 1, model };
    await this.client.withDeadline(Date.now() + SEND_DEADLINE_MS, () =>
      this.client.workflow.start('ingestion', {
        workflowId, taskQueue: TASK_QUEUES.lifecycle, args: [input], workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: model === null ? 'Observations of the gateways' : `Labels of ${model}`,
        ...(model === null ? {} : { typedSearchAttributes: modelAttributes({ model, stage: 'ingestion' }) }),
      }));
  }
}

const idOf = (model: string | null): string => (model === null ? SEGMENT_INGESTION_ID : ingestionWorkflowId(model));
