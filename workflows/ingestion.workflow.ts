import { getExternalWorkflowHandle, setCurrentDetails, sleep, upsertSearchAttributes } from '@temporalio/workflow';
import type { LabelCounts } from '../src/contracts/labels.js';
import { CHANGED_SIGNAL, type IngestionInput } from '../src/contracts/motion.js';
import { storedFailure, typedFailure } from './failures.js';
import { data, record } from './policies.js';
import { deliverAlarms } from './tell.js';

export interface IngestionResult {
  readonly segments: number;
  readonly batches: number;
  readonly failedBatches: number;
  readonly labels: LabelCounts | null;
}

/** Then it ends, and is started again for the rest: its history stays short. */
const ROUNDS = 50;
const TRY_AGAIN_AFTER = '5 seconds';

/**
 * Drains what waits on the record, then tells the releases under way: with a model its labels, without one the sealed
 * segments of all gateways. It is started when something waits and ends when nothing does.
 */
export async function ingestion({ model }: IngestionInput): Promise<IngestionResult> {
  upsertSearchAttributes({ PerennialStage: ['ingestion'] });
  try {
    const result = model === null ? await drainSegments() : await drainLabels(model);
    upsertSearchAttributes({ PerennialStage: ['finished'], PerennialOutcome: [result.failedBatches > 0 ? 'unreadable' : 'done'] });
    return result;
  } catch (error) {
    const failure = storedFailure(error);
    upsertSearchAttributes({ PerennialOutcome: ['failed'] });
    setCurrentDetails(`### Ingestion failed\n\n${failure.type}: ${failure.message}\n\nWhat waits stays on the record and is tried again.`);
    throw typedFailure(failure);
  }
}

async function drainLabels(model: string): Promise<IngestionResult> {
  let result: IngestionResult = { segments: 0, batches: 0, failedBatches: 0, labels: null };
  for (let round = 0; round < ROUNDS; round += 1) {
    const { batches, failed, counts, more } = await data.ingestLabels.executeWithOptions({ summary: 'Ingest the labels that wait' }, [model]);
    result = { ...result, batches: result.batches + batches, failedBatches: result.failedBatches + failed, labels: sum(result.labels, counts) };
    show(`Labels of ${model}`, labelLines(result));
    if (!more) break;
  }
  await tellReleases(model);
  return result;
}

/** A segment that could not be converted is tried again with those that came meanwhile. */
async function drainSegments(): Promise<IngestionResult> {
  let segments = 0;
  let told = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    await watchGateways();
    const report = await data.convertSegments.executeWithOptions({ summary: 'Make Parquet of the sealed segments' }, []);
    segments += report.segments;
    show('Observations', [['segments', segments], ['segments that cannot be converted now', report.failed.length]], report.failed.map(({ segment, type, message }) => `- ${segment}: ${type}, ${message}`));
    if (segments > told) await tellReleases(null);
    told = segments;
    if (report.failed.length > 0) await sleep(TRY_AGAIN_AFTER);
    else if (!report.more) break;
  }
  return { segments, batches: 0, failedBatches: 0, labels: null };
}

/** Whether what is answered is also kept. */
async function watchGateways(): Promise<void> {
  const { raised } = await record.checkGateways.executeWithOptions({ summary: 'See whether gateways lose observations' }, []);
  if (raised > 0) await deliverAlarms();
}

/** The record has it already; a release that is not there needs no word. */
async function tellReleases(model: string | null): Promise<void> {
  const workflows = await record.releaseWorkflows.executeWithOptions({ summary: `Releases under way${model === null ? '' : ` of ${model}`}` }, [model]);
  for (const id of workflows) await getExternalWorkflowHandle(id).signal(CHANGED_SIGNAL).catch(() => undefined);
}

const sum = (before: LabelCounts | null, counts: LabelCounts): LabelCounts =>
  Object.fromEntries(Object.entries<number>({ ...counts }).map(([name, count]) => [name, count + (before?.[name as keyof LabelCounts] ?? 0)])) as unknown as LabelCounts;

const labelLines = ({ batches, failedBatches, labels }: IngestionResult): (readonly [string, number])[] => [
  ['batches', batches], ['batches that cannot be read', failedBatches], ...Object.entries(labels ?? {}),
];

function show(title: string, lines: readonly (readonly [string, number])[], notes: readonly string[] = []): void {
  setCurrentDetails([`### ${title}`, '', '| | |', '|---|---:|', ...lines.map(([name, count]) => `| ${name} | ${count} |`), '', ...notes].join('\n'));
}
