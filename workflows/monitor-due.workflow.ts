import { ChildWorkflowFailure, continueAsNew, executeChild, isCancellation, ParentClosePolicy, setCurrentDetails, upsertSearchAttributes, type WorkflowInfo, workflowInfo, WorkflowIdReusePolicy } from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { type BackfillRun, type MonitorDueInput, monitorWindowWorkflowId } from '../src/contracts/motion.js';
import { modelAttributes } from '../src/contracts/search-attributes.js';
import type { SourceTurn } from '../src/contracts/observed-source.js';
import { type DueAssessment, windowName } from '../src/contracts/window-assessment.js';
import { cancelled, storedFailure } from './failures.js';
import { monitorWindow } from './monitor-window.workflow.js';
import { data, record } from './policies.js';
import { deliverAlarms } from './tell.js';

export interface MonitorDueResult {
  readonly assessed: number;
  /** Why a window could not be assessed; those after it wait. */
  readonly unreadable: string | null;
}

/** Then it goes on in a new run: its history stays short. */
const WINDOWS_A_RUN = 200;

/**
 * Assesses every window of a deployment whose time has come, the oldest first: after an outage all that were missed. Started by the deployment's
 * Schedule, which can be paused and triggered in the Temporal UI; backfilled there for a stretch of the past, the windows that ended in it are
 * assessed anew.
 */
export async function monitorDue(input: MonitorDueInput): Promise<MonitorDueResult> {
  upsertSearchAttributes({ PerennialStage: ['monitoring'] });
  const backfill = input.backfill === undefined ? backfillOf(workflowInfo()) : input.backfill;
  const verdicts: string[] = [];
  let sourceRead = false;
  for (let assessed = 0; assessed < WINDOWS_A_RUN && !workflowInfo().continueAsNewSuggested; assessed += 1) {
    const due = await next(input, backfill, sourceRead);
    if (due === null) return end({ assessed, unreadable: null });
    if ('readSource' in due) {
      verdicts.push(...(await readSource(input)));
      sourceRead = true;
      continue;
    }
    show(input, verdicts, `Assessing ${windowName(due)} (${due.occasion}).`);
    const verdict = await assess(due);
    if (typeof verdict !== 'string') return end({ assessed, unreadable: `${windowName(due)}: ${verdict.type}, ${verdict.message}` });
    verdicts.push(`| ${windowName(due)} | ${due.occasion} | ${verdict} |`);
    show(input, verdicts, '');
  }
  return continueAsNew<typeof monitorDue>({ ...input, backfill });
}

function next({ model, deployment }: MonitorDueInput, backfill: BackfillRun | null, sourceRead: boolean): Promise<DueAssessment | SourceTurn | null> {
  if (backfill) return record.nextBackfilledWindow.executeWithOptions({ summary: 'See which window is asked for' }, [model, deployment, backfill]);
  return record.nextWindow.executeWithOptions({ summary: 'See which window is due' }, [model, deployment, sourceRead]);
}

/** Then the rest is read by the next run. */
const READINGS_A_RUN = 60;

/** Files that cannot be read are told, and tried again by the next run; the windows of the others go on. @returns lines for the table of windows */
async function readSource({ model, deployment }: MonitorDueInput): Promise<string[]> {
  const lines: string[] = [];
  for (let round = 0; round < READINGS_A_RUN; round += 1) {
    const { files, rows, labelled, failed, more, raised } = await data.readSource.executeWithOptions({ summary: 'Read what is new in the source' }, [model, deployment]);
    if (raised) await deliverAlarms();
    if (files > 0) lines.push(`| source | ${files} files | ${rows} rows, ${labelled} labels |`);
    if (!more) return [...lines, ...failed.map(({ file, type, message }) => `| source | ${cell(file)} | **${type}**: ${cell(message)} |`)];
  }
  return lines;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** A Schedule's run for so long ago is none that was late: somebody asked for it (Backfill in the Temporal UI). */
const BACKFILL_MS = 86_400_000;

/** Set by Temporal. */
const SCHEDULED = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

function backfillOf({ typedSearchAttributes, startTime }: WorkflowInfo): BackfillRun | null {
  const scheduledMs = typedSearchAttributes.get(SCHEDULED)?.getTime() ?? Infinity;
  return startTime.getTime() - scheduledMs > BACKFILL_MS ? { scheduledMs, startedMs: startTime.getTime() } : null;
}

async function assess(due: DueAssessment): Promise<string | { readonly type: string; readonly message: string }> {
  const { model, deployment, fromMs, occasion } = due;
  try {
    const { verdict } = await executeChild(monitorWindow, {
      workflowId: monitorWindowWorkflowId(model, deployment, fromMs), args: [{ inputVersion: 1, ...due }], parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE, staticSummary: `${model}/${deployment}: ${windowName(due)}, ${occasion}`,
      typedSearchAttributes: modelAttributes({ model, deployment, stage: occasion }),
    });
    return verdict;
  } catch (error) {
    if (isCancellation(error)) throw cancelled();
    if (error instanceof WorkflowExecutionAlreadyStartedError) return { type: 'AlreadyRunning', message: 'another run assesses it' };
    if (error instanceof ChildWorkflowFailure) return storedFailure(error);
    throw error;
  }
}

function end(result: MonitorDueResult): MonitorDueResult {
  upsertSearchAttributes({ PerennialStage: ['finished'], PerennialOutcome: [result.unreadable === null ? 'done' : 'unreadable'] });
  if (result.unreadable !== null) setCurrentDetails(`### A window cannot be assessed\n\n${result.unreadable}\n\nIt is tried again at the next look; the windows after it wait.`);
  return result;
}

/** The last of them; the record has all. */
const SHOWN = 50;

function show({ model, deployment }: MonitorDueInput, verdicts: readonly string[], now: string): void {
  setCurrentDetails([`### Windows of ${model}/${deployment}`, '', now, '', '| window | | verdict |', '|---|---|---|', ...verdicts.slice(-SHOWN)].join('\n'));
}
