import { Injectable } from '@nestjs/common';
import { COMMAND_UPDATE } from '../src/contracts/motion.js';
import type { LedgerDifference, ReconciledPage, ReconciliationCounts, ReconciliationPart, ReconciliationPlan, ReconciliationResult } from '../src/contracts/reconciliations.js';
import { isoTime } from '../src/contracts/time.js';
import { LedgerReconciliationsRepository, type NamedRun } from '../src/registry/ledger-reconciliations.repository.js';
import { heartbeating, origin } from './activity-context.js';
import { GovernanceSettings } from './governance-settings.js';
import { type HistoryEvent, type ListedRun, TemporalRuns } from './temporal-runs.js';

const RUNS_A_PAGE = 200;
const LIFECYCLES_A_PAGE = 20;
/** Clocks differ, and Temporal deletes in rounds. */
const EDGE_MS = 60 * 60 * 1_000;
const EDGE_SHARE = 0.1;
const MAX_ID = 100;

/** Steps that, where they end well, have put an entry of their run on the record, by the type of the workflow. */
const WRITING_STEPS: Readonly<Record<string, readonly string[]>> = {
  retrain: ['endRetrain', 'openValidation'],
  rollback: ['endRollback'],
  replay: ['endReplay'],
  inventorySweep: ['endSweep'],
  auditReconciliation: ['endReconciliation'],
};
const WRITERS = Object.keys(WRITING_STEPS).map((type) => `'${type}'`).join(', ');

interface Looked {
  readonly cursor: string | null;
  readonly looked: number;
  readonly found: readonly LedgerDifference[];
}

/** Compares the audit ledger with what Temporal's histories say, within the time that Temporal keeps them. */
@Injectable()
export class LedgerReconciliationActivities {
  constructor(
    private readonly runs: TemporalRuns,
    private readonly record: LedgerReconciliationsRepository,
    private readonly settings: GovernanceSettings,
  ) {}

  /** @param atMs by the workflow's clock */
  async beginReconciliation(atMs: number): Promise<ReconciliationPlan> {
    const retentionMs = await this.runs.retentionMs();
    const sinceMs = atMs - retentionMs + Math.min(EDGE_MS, retentionMs * EDGE_SHARE);
    const untilMs = Math.max(sinceMs, atMs - this.settings.reconcileGraceMs);
    return this.record.begin({ sinceMs, untilMs, at: new Date(atMs) }, origin());
  }

  async reconcilePage(plan: ReconciliationPlan, part: ReconciliationPart, cursor: string): Promise<ReconciledPage> {
    return heartbeating(async (signal) => {
      const { found, ...page } = await this.lookAt(part, plan, cursor, signal);
      await this.record.addDifferences(plan.number, found);
      return { ...page, differences: found.length };
    });
  }

  async endReconciliation(plan: ReconciliationPlan, counts: ReconciliationCounts, atMs: number): Promise<ReconciliationResult> {
    return this.record.end(plan, counts, new Date(atMs), origin());
  }

  private lookAt(part: ReconciliationPart, plan: ReconciliationPlan, cursor: string, signal: AbortSignal): Promise<Looked> {
    if (part === 'entries') return this.entriesWithoutRun(plan, cursor);
    return part === 'runs' ? this.runsWithoutEntry(plan, cursor, signal) : this.commandsWithoutRow(plan, cursor, signal);
  }

  /** A run that an entry within the retention names cannot be forgotten: it had not closed before the entry was added. */
  private async entriesWithoutRun(plan: ReconciliationPlan, from: string): Promise<Looked> {
    const { runs, cursor } = await this.record.namedRuns(plan, from);
    const known = await this.runs.workflowsOf(runs);
    return { cursor, looked: runs.length, found: runs.filter(({ runId, workflowId }) => known.get(runId) !== workflowId).map((run) => runUnknown(run, known.get(run.runId))) };
  }

  private async runsWithoutEntry({ since, until }: ReconciliationPlan, from: string, signal: AbortSignal): Promise<Looked> {
    const { runs, cursor } = await this.runs.list(`WorkflowType IN (${WRITERS}) AND CloseTime >= '${since}' AND CloseTime < '${until}'`, RUNS_A_PAGE, from);
    const recorded = await this.record.runsWithEntries(runs.map(({ runId }) => runId));
    const found: LedgerDifference[] = [];
    for (const run of runs.filter(({ runId }) => !recorded.has(runId))) {
      signal.throwIfAborted();
      const step = await this.writingStep(run);
      if (step !== undefined) found.push(entryMissing(run, step));
    }
    return { cursor, looked: runs.length, found };
  }

  /** One that had nothing to do any more, or was ended from outside, has made none. */
  private async writingStep(run: ListedRun): Promise<string | undefined> {
    const scheduled = new Map<string, string>();
    for await (const { eventId, activityTaskScheduledEventAttributes: begun, activityTaskCompletedEventAttributes: ended } of this.runs.events(run)) {
      const name = begun?.activityType?.name;
      if (name && WRITING_STEPS[run.type]?.includes(name)) scheduled.set(String(eventId), name);
      const done = ended && scheduled.get(String(ended.scheduledEventId));
      if (done) return done;
    }
    return undefined;
  }

  /** Commands are on the record before a workflow is sent their id, so that those under way need no grace. */
  private async commandsWithoutRow({ since }: ReconciliationPlan, from: string, signal: AbortSignal): Promise<Looked> {
    const { runs, cursor } = await this.runs.list(`WorkflowType = 'modelLifecycle' AND (ExecutionStatus = 'Running' OR CloseTime >= '${since}')`, LIFECYCLES_A_PAGE, from);
    let looked = 0;
    const found: LedgerDifference[] = [];
    for (const run of runs) {
      signal.throwIfAborted();
      const ids = await this.commandsSentTo(run);
      looked += ids.length;
      const accepted = await this.record.acceptedCommands(ids);
      const unknown = ids.filter((id) => !accepted.has(id));
      const refusals = unknown.length > 0 ? await this.record.unknownCommandEntries(run.runId) : new Map<string, number>();
      found.push(...unknown.map((id) => commandUnknown(run, id, refusals.get(id))));
    }
    return { cursor, looked, found };
  }

  private async commandsSentTo(run: ListedRun): Promise<string[]> {
    const ids = new Set<string>();
    for await (const event of this.runs.events(run)) for (const id of commandIdsOf(event)) ids.add(id);
    return [...ids];
  }
}

/** By update, as commands come, or by a signal, as they do not. */
function commandIdsOf({ workflowExecutionUpdateAcceptedEventAttributes: accepted, workflowExecutionUpdateAdmittedEventAttributes: admitted, workflowExecutionSignaledEventAttributes: signal }: HistoryEvent): string[] {
  const updates = [accepted?.acceptedRequest?.input, admitted?.request?.input].flatMap((input) => (input?.name === COMMAND_UPDATE ? [input.args] : []));
  const signals = signal?.signalName === COMMAND_UPDATE ? [signal.input] : [];
  return [...updates, ...signals].map((args) => textOf(args?.payloads?.[0]?.data));
}

/** What was sent may be anything: it is told as it came, cut short, in characters that PostgreSQL can keep. */
function textOf(data: Uint8Array | null | undefined): string {
  const text = Buffer.from(data ?? new Uint8Array()).toString('utf8');
  let sent: string;
  try {
    sent = String(JSON.parse(text));
  } catch {
    sent = text;
  }
  return Buffer.from(sent.slice(0, MAX_ID)).toString('utf8').replaceAll(/\p{Cc}/gu, ' ');
}

const runUnknown = ({ workflowId, runId, entry, at }: NamedRun, known: string | undefined): LedgerDifference => ({
  kind: 'runUnknown', workflowId, runId, entry, commandId: null,
  says: known === undefined
    ? `Entry ${entry} of ${isoTime(Date.parse(at.replace(' ', 'T')))} names run ${runId} of ${workflowId}, which Temporal does not have: the entry is made up, or the run was deleted there`
    : `Entry ${entry} names run ${runId} of ${workflowId}; Temporal has it as a run of ${known}`,
});

const entryMissing = ({ workflowId, runId, type }: ListedRun, step: string): LedgerDifference => ({
  kind: 'entryMissing', workflowId, runId, entry: null, commandId: null,
  says: `Run ${runId} of ${workflowId} (${type}) has done ${step}, which leaves an entry, and no entry names it: entries were taken out, or the database was set back`,
});

const commandUnknown = ({ workflowId, runId }: ListedRun, id: string, refusal: number | undefined): LedgerDifference => ({
  kind: 'commandUnknown', workflowId, runId, entry: refusal ?? null, commandId: id,
  says: `${workflowId} was sent the command ${JSON.stringify(id)}, which nobody accepted: it came past the API${refusal === undefined ? ', and the ledger has no refusal of it' : `; entry ${refusal} says that it was refused`}`,
});
