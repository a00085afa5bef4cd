import type { ApprovalSubject } from './approvals.js';
import type { BegunSweep } from './inventory.js';
import type { BegunReconciliation } from './reconciliations.js';
import { isoTime } from './time.js';
import type { DueAssessment } from './window-assessment.js';

/** Names that workflows, workers and callers share: task queues, ids, updates, signals, queries, search attributes. */

export const TASK_QUEUES = { lifecycle: 'lifecycle', data: 'data', train: 'train' } as const;
export type TaskQueue = keyof typeof TASK_QUEUES;

export const DEFAULT_DEPLOYMENT = 'default';

export const modelWorkflowId = (model: string): string => `model/${model}`;
export const retrainWorkflowId = (model: string, number: number): string => `retrain/${model}/${number}`;
export const rollbackWorkflowId = (model: string, deployment: string, fromEpoch: number): string =>
  `rollback/${model}/${deployment}/${fromEpoch}`;
/** One version is released at a time; the same version may be released again under the same id. */
export const deploymentWorkflowId = (model: string, version: number): string => `model/${model}/deployment/${version}`;
/** Tells the runs of one version's releases apart, which share an id. */
export const releaseMemo = (number: number): { readonly release: number } => ({ release: number });
/** One a model: it follows the approval that is open. */
export const useCaseApprovalWorkflowId = (model: string): string => `model/${model}/useCaseApproval`;
/** One a version: validation, and the approval that may follow it. */
export const validationWorkflowId = (model: string, version: number): string => `model/${model}/validation/${version}`;
export const retirementWorkflowId = (model: string): string => `model/${model}/retirement`;
/** The workflow that waits for an approval. */
export function approvalWorkflowId({ kind, model, version }: ApprovalSubject): string {
  if (kind === 'version') return validationWorkflowId(model, version as number);
  return kind === 'useCase' ? useCaseApprovalWorkflowId(model) : retirementWorkflowId(model);
}
export const replayWorkflowId = (model: string, number: number): string => `replay/${model}/${number}`;
/** Labels of a model are made ready by one workflow, the segments of all gateways by another. */
export const ingestionWorkflowId = (model: string): string => `ingestion/${model}`;
export const SEGMENT_INGESTION_ID = 'ingestion';
export const RECONCILE_SCHEDULE_ID = 'reconcile';
/** Looks for findings and reviews that are overdue. */
export const GOVERNANCE_SCHEDULE_ID = 'governance';
/** The Schedule that sweeps the inventory, and what its runs are called before Temporal adds the time. */
export const INVENTORY_SWEEP_ID = 'inventory-sweep';
/** The Schedule that compares the audit ledger with Temporal's histories, and what its runs are called before Temporal adds the time. */
export const AUDIT_RECONCILIATION_ID = 'audit-reconciliation';
/** A deployment's Schedule, and what the runs that it starts are called before Temporal adds the time. */
export const monitorScheduleId = (model: string, deployment: string): string => `monitor/${model}/${deployment}`;
/** A window is assessed by one workflow at a time; again under the same id when its labels are there, or change. */
export const monitorWindowWorkflowId = (model: string, deployment: string, fromMs: number): string => `monitor/${model}/${deployment}/${isoTime(fromMs)}`;

/** The model that a workflow is about, by its id; null of one that is about none, or about all. */
export const modelOfWorkflow = (workflowId: string | null): string | null => /^(?:model|retrain|rollback|replay|ingestion|monitor)\/([^/]+)/.exec(workflowId ?? '')?.[1] ?? null;

/** The update that carries a command's id; the command itself is in the record. */
export const COMMAND_UPDATE = 'command';
/** Commands wait for a model's lifecycle; the record says which. */
export const INBOX_SIGNAL = 'inbox';
/** Tells a model's lifecycle that something of it has ended, and a deployment that its release was steered; the record says what. */
export const CHANGED_SIGNAL = 'changed';
export const STATUS_QUERY = 'status';

/** Search attributes of every workflow, with Temporal's type. */
export const SEARCH_ATTRIBUTES = {
  PerennialModel: 'KEYWORD',
  PerennialDeployment: 'KEYWORD',
  PerennialVersion: 'INT',
  PerennialStage: 'KEYWORD',
  PerennialTier: 'KEYWORD',
  PerennialTrigger: 'KEYWORD',
  PerennialOutcome: 'KEYWORD',
} as const;

/** Inputs carry a version of their own, because long runs outlive releases. */
export interface ModelLifecycleInput {
  readonly inputVersion: 1;
  readonly model: string;
  /** Commands handled by the runs before this one. */
  readonly handled: number;
  /** The run before was told that commands wait, and did not look. */
  readonly inbox?: boolean;
}
export interface RetrainInput {
  readonly inputVersion: 1;
  readonly model: string;
  readonly number: number;
}
export interface RollbackInput {
  readonly inputVersion: 1;
  readonly model: string;
  readonly deployment: string;
  readonly fromEpoch: number;
}
export interface DeploymentInput {
  readonly inputVersion: 1;
  readonly model: string;
  /** Of the release. */
  readonly number: number;
  readonly version: number;
  /** The routing's revision that gateways were last waited for; 0 at the start. */
  readonly awaitedRevision: number;
  /** Whether a person was told that it waits for one. */
  readonly held?: boolean;
}
export interface ReplayInput {
  readonly inputVersion: 1;
  readonly model: string;
  readonly number: number;
}
/** How often those who have to vote were told, and of which approval: carried on by a run that continues another. */
export interface ToldVoters {
  readonly number: number;
  readonly times: number;
}
export interface UseCaseApprovalInput {
  readonly inputVersion: 1;
  readonly model: string;
  readonly told?: ToldVoters;
}
export interface RetirementInput {
  readonly inputVersion: 1;
  readonly model: string;
  readonly told?: ToldVoters;
  /** How often consumers were told, by the runs that this one continues. */
  readonly notices?: number;
}
export interface ValidationInput {
  readonly inputVersion: 1;
  readonly model: string;
  readonly version: number;
  /** How often validators were told. */
  readonly validatorsTold?: number;
  /** Of the approval that follows. */
  readonly votersTold?: ToldVoters;
  /** Of what people were told last that the version lacks to go live; empty or left out: of nothing. */
  readonly heldFor?: string;
}
export interface IngestionInput {
  readonly inputVersion: 1;
  /** Null: the segments of the gateways, which hold observations of any model. */
  readonly model: string | null;
}
export interface MonitorDueInput {
  readonly inputVersion: 1;
  readonly model: string;
  readonly deployment: string;
  /** Where a run that a person asked for goes on in a new one. */
  readonly backfill?: BackfillRun | null;
}
/** A run of a deployment's Schedule that a person asked for, for a time of the past; milliseconds since 1970. */
export interface BackfillRun {
  /** When it would have run. */
  readonly scheduledMs: number;
  readonly startedMs: number;
}
export interface InventorySweepInput {
  readonly inputVersion: 1;
  readonly begun?: BegunSweep;
}
export interface AuditReconciliationInput {
  readonly inputVersion: 1;
  readonly begun?: BegunReconciliation;
}
export interface MonitorWindowInput extends DueAssessment {
  readonly inputVersion: 1;
}
