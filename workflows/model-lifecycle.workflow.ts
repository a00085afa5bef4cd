import {
  allHandlersFinished, type ChildWorkflowHandle, condition, continueAsNew, defineQuery, defineUpdate, getExternalWorkflowHandle, ParentClosePolicy, patched,
  setCurrentDetails, setHandler, startChild, upsertSearchAttributes, type Workflow, workflowInfo, WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import type { CommandOutcome, OpenedApproval } from '../src/contracts/commands.js';
import { COMMAND_UPDATE, type DeploymentInput, type ModelLifecycleInput, releaseMemo, type ReplayInput, type RetrainInput, type RollbackInput, STATUS_QUERY } from '../src/contracts/motion.js';
import { modelAttributes } from '../src/contracts/search-attributes.js';
import { stageLines } from '../src/contracts/stage-criteria.js';
import { stageText } from '../src/contracts/stages.js';
import type { ModelStatus } from '../src/contracts/status.js';
import type { StoredFailure } from '../src/contracts/retrains.js';
import { storedFailure } from './failures.js';
import { deployment } from './deployment.workflow.js';
import { pauseLine } from './approval-reminders.js';
import { changedSignal, inboxSignal } from './messages.js';
import { record } from './policies.js';
import { replay } from './replay.workflow.js';
import { retirement } from './retirement.workflow.js';
import { retrain } from './retrain.workflow.js';
import { recordRollbackEnd, rollback } from './rollback.workflow.js';
import { startOnce } from './start-once.js';
import { handlersFinished } from './strangers.js';
import { sendTestAlarm, tellPerson, tellWorkflow } from './tell.js';
import { useCaseApproval } from './use-case-approval.workflow.js';

export const commandUpdate = defineUpdate<CommandOutcome, [string]>(COMMAND_UPDATE);
export const statusQuery = defineQuery<ModelStatus | null>(STATUS_QUERY);

/** A run's history stays far below Temporal's limits. */
const TURNS_A_RUN = 300;
const THIRTY_DAYS_MS = 30 * 24 * 60 * 60 * 1_000;

/**
 * The entity of a model: takes commands one by one, or out of the inbox on the record where many come at once, starts what they ask for, and shows where the model stands. All it
 * knows is read from the record, so that a new run, or a rebuilt one, needs nothing from the last. Of a model that nobody registered it takes the commands that are there, such as to close a
 * finding, and ends: there is nothing to wait for.
 */
export async function modelLifecycle(input: ModelLifecycleInput): Promise<void> {
  const ends = patched('ends-when-unregistered');
  let commands = 0;
  let turns = 0;
  let inbox = input.inbox ?? false;
  let changed = true;
  let status: ModelStatus | null = null;
  const releases = new ReleaseStarts(() => { changed = true; });
  setHandler(commandUpdate, async (commandId) => {
    commands += 1;
    turns += 1;
    const outcome = await record.handleCommand.executeWithOptions({ summary: 'Let a command take effect' }, [commandId]);
    await startWhatWasAsked(input.model, outcome);
    changed = true;
    return outcome;
  });
  setHandler(inboxSignal, () => {
    inbox = true;
  });
  setHandler(changedSignal, () => {
    changed = true;
  });
  setHandler(statusQuery, () => status);

  const full = (): boolean => turns >= TURNS_A_RUN || workflowInfo().continueAsNewSuggested;
  const over = (): boolean => ends && status?.tier === null && !changed && !inbox && allHandlersFinished();
  const until = Date.now() + THIRTY_DAYS_MS;
  while (!full() && Date.now() < until) {
    if (inbox) {
      inbox = false;
      turns += 1;
      const { handled, more } = await takeFromInbox(input.model);
      commands += handled;
      if (handled > 0) changed = true;
      if (more) inbox = true;
    }
    if (changed) {
      changed = false;
      status = await record.readModelStatus.executeWithOptions({ summary: 'See where the model stands' }, [input.model]);
      show(status);
      await releases.begin(status);
      for (const { workflowId } of status.heldSetUps ?? []) await tellWorkflow(workflowId);
    }
    if (over()) return;
    await condition(() => changed || inbox || full() || over(), Math.max(1, until - Date.now()));
  }
  await handlersFinished();
  return continueAsNew<typeof modelLifecycle>({ inputVersion: 1, model: input.model, handled: input.handled + commands, ...(inbox && { inbox }) });
}

/** Which commands wait is read first, so that another try of letting them take effect has the outcomes of the first. */
async function takeFromInbox(model: string): Promise<{ handled: number; more: boolean }> {
  const { ids, more } = await record.readInbox.executeWithOptions({ summary: 'See which commands wait' }, [model]);
  if (ids.length === 0) return { handled: 0, more: false };
  const { outcomes } = await record.handleCommands.executeWithOptions({ summary: `Let ${ids.length} commands take effect` }, [ids]);
  const told = new Set<string>();
  for (const outcome of outcomes) {
    const one = toldAlone(outcome);
    if (one === undefined) await startWhatWasAsked(model, outcome);
    else told.add(one);
  }
  await Promise.all([...told].map(tellWorkflow));
  return { handled: outcomes.length, more: more && outcomes.length > 0 };
}

const TOLD: readonly CommandOutcome['kind'][] = ['steer', 'vote', 'decideValidation', 'withdrawRetirement', 'confirmRetirement', 'waiveRetirement', 'setLegalHold', 'liftLegalHold'];

/** The workflow that has to look at the record again, where that is all that follows from a command. */
const toldAlone = (outcome: CommandOutcome): string | undefined => (TOLD.includes(outcome.kind) ? (outcome as { workflowId: string }).workflowId : undefined);

async function startWhatWasAsked(model: string, outcome: CommandOutcome): Promise<void> {
  if (outcome.kind === 'retrain' && !outcome.joined) await startRetrain({ inputVersion: 1, model, number: outcome.number }, outcome.workflowId);
  if (outcome.kind === 'replay') await startReplay({ inputVersion: 1, model, number: outcome.number }, outcome);
  if (outcome.kind === 'alarm' && outcome.action === 'test') await sendTestAlarm(outcome.alarm);
  if (outcome.kind === 'apply' && outcome.approval) await followApproval(model, outcome.approval);
  if (outcome.kind === 'apply') await Promise.all((outcome.voided ?? []).map(tellWorkflow));
  if (outcome.kind === 'requestApproval') await followApproval(model, outcome);
  const told = toldAlone(outcome);
  if (told !== undefined) await tellWorkflow(told);
  if (outcome.kind === 'release') await Promise.all((outcome.superseded ?? []).map(tellWorkflow));
  if (outcome.kind === 'retire') await startRetirement(model, outcome);
  if (outcome.kind === 'steerStage' || outcome.kind === 'sendBackStage') await followStage(model, outcome);
  if (outcome.kind === 'refused') await tellOfNoTarget(model, outcome);
  if (outcome.kind === 'rollback' && !outcome.joined) {
    await startRollback({ inputVersion: 1, model, deployment: outcome.deployment, fromEpoch: outcome.fromEpoch }, outcome.workflowId);
  }
}

/** The stage's workflow follows the approval that is open, also where it was following another. One that is gone is reconciliation's. */
async function followApproval(model: string, { workflowId }: OpenedApproval): Promise<void> {
  const child = await startOnce(() =>
    startChild(useCaseApproval, {
      workflowId, args: [{ inputVersion: 1, model }], parentClosePolicy: ParentClosePolicy.ABANDON, workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      staticSummary: `Use case approval of ${model}`, typedSearchAttributes: modelAttributes({ model, stage: 'useCaseApproval' }),
    }),
  );
  child?.result().catch(() => undefined);
  if (!child) await tellWorkflow(workflowId);
}

/** The last stage; what was under way ends: releases have on the record, and a retrain that runs is cancelled. */
async function startRetirement(model: string, { number, workflowId, ended, cancels }: Extract<CommandOutcome, { kind: 'retire' }>): Promise<void> {
  const child = await startOnce(() =>
    startChild(retirement, {
      workflowId, args: [{ inputVersion: 1, model }], parentClosePolicy: ParentClosePolicy.ABANDON, workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      staticSummary: `Retirement ${number} of ${model}`, typedSearchAttributes: modelAttributes({ model, stage: 'retirement' }),
    }),
  );
  child?.result().catch(() => undefined);
  if (!child) await tellWorkflow(workflowId);
  await Promise.all(ended.map(tellWorkflow));
  if (cancels !== null) await getExternalWorkflowHandle(cancels).cancel().catch(() => undefined);
}

/** Whoever waits on the stage looks at the record again; a retrain whose development has ended is cancelled. */
async function followStage(model: string, outcome: Extract<CommandOutcome, { kind: 'steerStage' | 'sendBackStage' }>): Promise<void> {
  if (outcome.kind === 'sendBackStage' && outcome.approval) await followApproval(model, outcome.approval);
  await Promise.all(outcome.tells.map(tellWorkflow));
  if (outcome.cancels !== null) await getExternalWorkflowHandle(outcome.cancels).cancel().catch(() => undefined);
}

/** Somebody wants the champion out of service, and it cannot go: a person must act. */
async function tellOfNoTarget(model: string, { type, message, details }: Extract<CommandOutcome, { kind: 'refused' }>): Promise<void> {
  const { deployment: name, champion } = details;
  if (type !== 'NoRollbackTarget' || typeof name !== 'string' || typeof champion !== 'number') return;
  await tellPerson({
    kind: 'noRollbackTarget', severity: 'critical', model, deployment: name, subject: `deployment/${name}`, test: false, details,
    dedupKey: `rollback/${model}/${name}/no-target`, summary: `${message}. Version ${champion} stays in service until another one is released.`,
  });
}

/** A release whose turn has come is begun; one under way is reconciliation's, should its workflow be gone. */
class ReleaseStarts {
  private readonly begun = new Set<number>();
  /** Ends of the workflows that were started here, by workflow id. */
  private readonly ends = new Map<string, Promise<unknown>>();

  constructor(private readonly changed: () => void) {}

  async begin({ model, release }: ModelStatus): Promise<void> {
    if (release?.stage !== 'queued' || this.begun.has(release.number)) return;
    const { number, version, workflowId } = release;
    this.begun.add(number);
    const child = await startDeployment({ inputVersion: 1, model, number, version, awaitedRevision: 0 }, release.deployment, workflowId);
    if (child) this.ends.set(workflowId, child.result().catch(() => undefined));
    else this.beginAfter(number, workflowId);
  }

  /** An earlier release of the same version has the id until it has closed. */
  private beginAfter(number: number, workflowId: string): void {
    const end = this.ends.get(workflowId);
    this.ends.delete(workflowId);
    void end?.then(() => {
      this.begun.delete(number);
      this.changed();
    });
  }
}

async function startDeployment(input: DeploymentInput, deploymentName: string, workflowId: string): Promise<ChildWorkflowHandle<typeof deployment> | undefined> {
  const { model, number, version } = input;
  const child = await startOnce(() =>
    startChild(deployment, {
      workflowId, args: [input], parentClosePolicy: ParentClosePolicy.ABANDON, workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      staticSummary: `Release ${number} of ${model}: version ${version} into ${deploymentName}`, memo: releaseMemo(number),
      typedSearchAttributes: modelAttributes({ model, deployment: deploymentName, stage: 'queued' }),
    }),
  );
  recordEnd(child, (failure) =>
    record.endRelease.executeWithOptions({ summary: `Record how release ${number} ended` }, [{ model, number }, {
      outcome: failure.type === 'WorkflowTerminated' ? 'terminated' : failure.type === 'WorkflowCancelled' ? 'cancelled' : 'failed', reason: failure.message, failure,
    }]),
  );
  return child;
}

async function startRetrain(input: RetrainInput, workflowId: string): Promise<void> {
  const child = await startOnce(() =>
    startChild(retrain, {
      workflowId, args: [input], parentClosePolicy: ParentClosePolicy.ABANDON, workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      staticSummary: `Retrain ${input.number} of ${input.model}`,
      typedSearchAttributes: modelAttributes({ model: input.model, stage: 'requested' }),
    }),
  );
  recordEnd(child, (failure) =>
    record.endRetrain.executeWithOptions({ summary: `Record how retrain ${input.number} ended` }, [{ model: input.model, number: input.number }, {
      outcome: failure.type === 'WorkflowTerminated' ? 'terminated' : 'failed', reason: failure.message, failure, promotedEpoch: null,
    }]),
  );
}

async function startReplay(input: ReplayInput, { workflowId, version, deployment: deploymentName }: Extract<CommandOutcome, { kind: 'replay' }>): Promise<void> {
  const { model, number } = input;
  const child = await startOnce(() =>
    startChild(replay, {
      workflowId, args: [input], parentClosePolicy: ParentClosePolicy.ABANDON, workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      staticSummary: `Replay ${number} of ${model}: version ${version} on what ${deploymentName} logged`,
      typedSearchAttributes: modelAttributes({ model, deployment: deploymentName, stage: 'requested' }),
    }),
  );
  recordEnd(child, (failure) =>
    record.endReplay.executeWithOptions({ summary: `Record how replay ${number} ended` }, [{ model, number }, {
      outcome: failure.type === 'WorkflowTerminated' ? 'terminated' : failure.type === 'WorkflowCancelled' ? 'cancelled' : 'failed', reason: failure.message, failure,
    }]),
  );
}

async function startRollback(input: RollbackInput, workflowId: string): Promise<void> {
  const child = await startOnce(() =>
    startChild(rollback, {
      workflowId, args: [input], parentClosePolicy: ParentClosePolicy.ABANDON, workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      staticSummary: `Rollback of ${input.model}/${input.deployment} from epoch ${input.fromEpoch}`,
      typedSearchAttributes: modelAttributes({ model: input.model, deployment: input.deployment, stage: 'requested' }),
    }),
  );
  recordEnd(child, (failure) => recordRollbackEnd({ model: input.model, deployment: input.deployment, fromEpoch: input.fromEpoch }, failure));
}

/**
 * A terminated workflow has no say any more; whoever started it records its end. The record keeps the first word, and
 * reconciliation has the last one: nothing that fails here may stop this workflow.
 */
function recordEnd(child: ChildWorkflowHandle<Workflow> | undefined, end: (failure: StoredFailure) => Promise<void>): void {
  child?.result().catch((error: unknown) => end(storedFailure(error))).catch(() => undefined);
}

function show(status: ModelStatus): void {
  const { champion, epoch, activeRetrain, lastRetrain, release, useCase, openFindings, nextReviewDueAt, retirement: leaving, validations = [], heldSetUps = [], goLives = [], paused = [] } = status;
  const early = useCase && useCase.outcome !== 'approved' ? 'useCaseApproval' : 'development';
  if (status.tier) upsertSearchAttributes({ PerennialTier: [status.tier], PerennialStage: [leaving ? 'retirement' : champion === null ? early : 'production'] });
  setCurrentDetails(
    [
      `### ${status.model}`,
      '',
      champion === null ? 'Nothing is in service yet.' : `**Version ${champion}** is in service, epoch ${epoch}.`,
      '',
      `- owner: ${status.owner ?? 'not registered'}`,
      `- tier: ${status.tier ?? 'not registered'}`,
      ...(useCase ? [`- use case: ${useCase.outcome ?? 'waits for approval'}, approval ${useCase.number}: \`${useCase.workflowId}\``] : []),
      ...(leaving ? [`- **${leaving.state}**, retirement ${leaving.number}: \`${leaving.workflowId}\``] : []),
      ...paused.map((pause) => `- ${stageText({ model: status.model, ...pause })}: ${pauseLine(pause)}`),
      activeRetrain ? `- retrain ${activeRetrain.number} is running: \`${activeRetrain.workflowId}\`` : '- no retrain is running',
      ...heldSetUps.map(({ version, deployment: place, missing }) => `- **version ${version} does not go live in ${place}**: ${missing.map(({ name, explanation }) => `${name}: ${explanation}`).join(' ')}`),
      ...goLives.filter(({ asks, confirmedBy }) => asks && confirmedBy === null).map(({ version, deployment: place }) => `- version ${version} went live in ${place}, and its owner has not confirmed it: \`perennial confirm-go-live ${status.model} ${version}\``),
      ...validations.map(({ version, workflowId }) => `- version ${version} waits for its validation: \`${workflowId}\``),
      release ? `- release ${release.number} of version ${release.version} (${release.stage}): \`${release.workflowId}\`` : '- no release is under way',
      ...(openFindings ? [`- open findings: ${openFindings}, see \`perennial findings ${status.model}\``] : []),
      ...(nextReviewDueAt ? [`- next review due at ${nextReviewDueAt}`] : []),
      ...(lastRetrain ? [`- last retrain: ${lastRetrain.number}, ${lastRetrain.outcome}. ${lastRetrain.reason}`] : []),
      '',
      'Waits for commands: `perennial retrain`, `perennial release`, `perennial rollback`, or the API.',
      ...(status.tier ? ['', ...stageLines('production', { champion: champion !== null, retirement: Boolean(leaving) }, status.owner ?? undefined)] : []),
    ].join('\n').slice(0, 20_000),
  );
}
