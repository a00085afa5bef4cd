import { existsSync } from 'node:fs';
import { NestFactory } from '@nestjs/core';
import { DefaultLogger, type LogEntry, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import type { INestApplicationContext } from '@nestjs/common';
import { AlarmActivities } from '../../activities/alarms.activities.js';
import { ApprovalsActivities } from '../../activities/approvals.activities.js';
import { DataActivities } from '../../activities/data.activities.js';
import { DriftActivities } from '../../activities/drift.activities.js';
import { EvaluationActivities } from '../../activities/evaluation.activities.js';
import { FailureInterceptor } from '../../activities/failure-interceptor.js';
import { type Activities, activitiesOf } from '../../activities/index.js';
import { FairnessActivities } from '../../activities/fairness.activities.js';
import { GatewayActivities } from '../../activities/gateways.activities.js';
import { GoLiveActivities } from '../../activities/go-live.activities.js';
import { GovernanceActivities } from '../../activities/governance.activities.js';
import { InventoryActivities } from '../../activities/inventory.activities.js';

import { LedgerReconciliationActivities } from '../../activities/ledger-reconciliation.activities.js';
import { LabelsActivities } from '../../activities/labels.activities.js';
import { MonitoringActivities } from '../../activities/monitoring.activities.js';
import { ObservationsActivities } from '../../activities/observations.activities.js';
import { ReconcileActivities } from '../../activities/reconcile.activities.js';
import { RegistryActivities } from '../../activities/registry.activities.js';
import { ReleaseActivities } from '../../activities/release.activities.js';
import { ReleaseMeasurementActivities } from '../../activities/release-measurement.activities.js';
import { ReplayActivities } from '../../activities/replay.activities.js';
import { RetiredEvidenceActivities } from '../../activities/retired-evidence.activities.js';
import { RetirementActivities } from '../../activities/retirement.activities.js';
import { RetrainingActivities } from '../../activities/retraining.activities.js';
import { RolloutActivities } from '../../activities/rollout.activities.js';
import { SetUpActivities } from '../../activities/set-up.activities.js';
import { SourceActivities } from '../../activities/source.activities.js';
import { TrainingActivities } from '../../activities/training.activities.js';
import { ValidationActivities } from '../../activities/validation.activities.js';
import { ValidationCourseActivities } from '../../activities/validation-course.activities.js';
import { WindowsActivities } from '../../activities/windows.activities.js';
import { requireServers, type ServerEnvironment } from '../config/servers.js';
import type { Environment } from '../config/environment.js';
import { TASK_QUEUES, type TaskQueue } from '../contracts/motion.js';
import { AuditSequencer } from '../dispatch/audit-sequencer.js';
import { CheckpointCourier } from '../dispatch/checkpoint-courier.js';
import { IngestionStarter } from '../dispatch/ingestion-starter.js';
import { MonitorSchedules } from '../dispatch/monitor-schedules.js';
import { PeriodicSchedules } from '../dispatch/periodic-schedule.js';
import { WORKFLOW_BUNDLE } from './bundle.js';
import { WorkerModule } from './worker.module.js';

export interface RunningWorker {
  /** Settles when the worker has ended by itself, with its error if any. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** Trainings at once on one worker: they share its cores and its GPUs. */
const TRAINING_SLOTS = 1;
const DATA_SLOTS = 2;
/** Messages carry references, not data: the SDK's gzip would cost a twentieth of a step's processor time. */
const GRPC_COMPRESSION = { codec: 'none' } as const;

/** A worker for one or several task queues. */
export async function startWorker(environment: Environment, queues: readonly TaskQueue[]): Promise<RunningWorker> {
  const servers = requireServers(environment);
  Runtime.install({ logger: new DefaultLogger(environment.LOG_LEVEL === 'debug' ? 'DEBUG' : 'WARN', logLine), shutdownSignals: [] });
  const context = await NestFactory.createApplicationContext(WorkerModule.forEnvironment(servers), { logger: ['error', 'warn'] });
  const connection = await NativeConnection.connect({ address: servers.TEMPORAL_ADDRESS, grpcCompression: GRPC_COMPRESSION });
  const activities = activitiesOf(providersOf(context));
  const workers = await Promise.all(queues.map((queue) => Worker.create(optionsOf(queue, activities, servers, connection))));
  const runs = workers.map((worker) => worker.run());
  const ended = Promise.all(runs).then(() => undefined);
  ended.catch(() => undefined);
  const dispatchers = [context.get(IngestionStarter), context.get(MonitorSchedules), context.get(PeriodicSchedules), context.get(AuditSequencer), context.get(CheckpointCourier)];
  if (queues.includes('lifecycle')) for (const dispatcher of dispatchers) dispatcher.start();
  return {
    ended,
    close: async () => {
      await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      // All of them, also where one has failed: a connection is not closed under a worker that still runs.
      await Promise.allSettled(runs);
      await connection.close();
      await context.close();
    },
  };
}

/** One line an entry; a failed activity's story is in its workflow's history. */
function logLine({ level, message, meta, timestampNanos }: LogEntry): void {
  // Only the lifecycle queue has workflows; on the others that is as it should be.
  if (message.startsWith('No workflows registered')) return;
  const { workflowId, activityType, attempt, error } = (meta ?? {}) as Record<string, unknown>;
  const cause = error instanceof Error ? `${(error as { type?: string }).type ?? error.name}: ${error.message}` : undefined;
  const time = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
  console.error(JSON.stringify({ time, level, message, workflowId, activityType, attempt, cause }));
}

/** What activities are made of, in a worker's rooms. */
export const providersOf = (context: INestApplicationContext) => ({
  alarms: context.get(AlarmActivities),
  approvals: context.get(ApprovalsActivities),
  registry: context.get(RegistryActivities),
  data: context.get(DataActivities),
  drift: context.get(DriftActivities),
  fairness: context.get(FairnessActivities),
  gateways: context.get(GatewayActivities),
  goLive: context.get(GoLiveActivities),
  governance: context.get(GovernanceActivities),
  inventory: context.get(InventoryActivities),
  labels: context.get(LabelsActivities),
  ledgerReconciliation: context.get(LedgerReconciliationActivities),
  monitoring: context.get(MonitoringActivities),
  observations: context.get(ObservationsActivities),
  training: context.get(TrainingActivities),
  evaluation: context.get(EvaluationActivities),
  retiredEvidence: context.get(RetiredEvidenceActivities),
  retirement: context.get(RetirementActivities),
  retraining: context.get(RetrainingActivities),
  rollout: context.get(RolloutActivities),
  release: context.get(ReleaseActivities),
  replay: context.get(ReplayActivities),
  measurement: context.get(ReleaseMeasurementActivities),
  reconcile: context.get(ReconcileActivities),
  setUp: context.get(SetUpActivities),
  source: context.get(SourceActivities),
  validation: context.get(ValidationActivities),
  validationCourse: context.get(ValidationCourseActivities),
  windows: context.get(WindowsActivities),
});

function optionsOf(queue: TaskQueue, activities: Activities, environment: ServerEnvironment, connection: NativeConnection): WorkerOptions {
  return {
    connection,
    namespace: environment.TEMPORAL_NAMESPACE,
    taskQueue: TASK_QUEUES[queue],
    activities: activities[queue],
    ...(queue === 'lifecycle' ? { workflowBundle: { codePath: bundlePath() } } : {}),
    ...(queue === 'train' ? { maxConcurrentActivityTaskExecutions: TRAINING_SLOTS } : {}),
    ...(queue === 'data' ? { maxConcurrentActivityTaskExecutions: DATA_SLOTS } : {}),
    maxHeartbeatThrottleInterval: '2 seconds',
    shutdownGraceTime: '5 seconds',
    interceptors: { activity: [() => ({ inbound: new FailureInterceptor() })] },
  };
}

function bundlePath(): string {
  if (existsSync(WORKFLOW_BUNDLE)) return WORKFLOW_BUNDLE;
  throw new Error(`${WORKFLOW_BUNDLE} is missing; make it with \`npm run build\``);
}
