import { type DynamicModule, Module } from '@nestjs/common';
import { Client } from '@temporalio/client';
import { hostname } from 'node:os';
import { ActivitySettings } from '../../activities/activity-settings.js';
import { AlarmCommands } from '../../activities/alarm-commands.js';
import { AlarmReceiver } from '../../activities/alarm-receiver.js';
import { AlarmActivities } from '../../activities/alarms.activities.js';
import { ApprovalCommands } from '../../activities/approval-commands.js';
import { ApprovalsActivities } from '../../activities/approvals.activities.js';
import { ArchiveDrill } from '../../activities/archive-drill.js';
import { ArchivedVersions } from '../../activities/archived-versions.js';
import { ChampionBaselines } from '../../activities/champion-baselines.js';
import { CommandEffects } from '../../activities/command-effects.js';
import { ComparisonRuns } from '../../activities/comparison-runs.js';
import { DataActivities } from '../../activities/data.activities.js';
import { DeploymentSetUps } from '../../activities/deployment-set-ups.js';
import { DriftBaselines } from '../../activities/drift-baselines.js';
import { DriftActivities } from '../../activities/drift.activities.js';
import { DueWindows } from '../../activities/due-windows.js';
import { EvaluationActivities } from '../../activities/evaluation.activities.js';
import { EraserProvider, EvidenceDeletion } from '../../activities/evidence-deletion.js';
import { FairnessActivities } from '../../activities/fairness.activities.js';
import { GatewayActivities } from '../../activities/gateways.activities.js';
import { GoLiveCommands } from '../../activities/go-live-commands.js';
import { GoLiveWords } from '../../activities/go-live-words.js';
import { GoLiveActivities } from '../../activities/go-live.activities.js';
import { GovernanceCommands } from '../../activities/governance-commands.js';
import { GovernanceSettings } from '../../activities/governance-settings.js';
import { GovernanceActivities } from '../../activities/governance.activities.js';
import { HarmMemories } from '../../activities/harm-memories.js';
import { HistoryExport } from '../../activities/history-export.js';
import { InventoryActivities } from '../../activities/inventory.activities.js';
import { JudgedVersions } from '../../activities/judged-versions.js';
import { LabelFreeBaselines } from '../../activities/label-free-baselines.js';
import { LedgerReconciliationActivities } from '../../activities/ledger-reconciliation.activities.js';
import { LabelsActivities } from '../../activities/labels.activities.js';
import { LateRows } from '../../activities/late-rows.js';
import { LegalHoldCommands } from '../../activities/legal-hold-commands.js';
import { LossModelTrainer } from '../../activities/loss-model-trainer.js';
import { ModelArchive } from '../../activities/model-archive.js';
import { ModelCommands } from '../../activities/model-commands.js';
import { ModelStatuses } from '../../activities/model-statuses.js';
import { MonitoringReports } from '../../activities/monitoring-reports.js';
import { MonitoringActivities } from '../../activities/monitoring.activities.js';
import { ObservationsActivities } from '../../activities/observations.activities.js';
import { ObservedFiles } from '../../activities/observed-files.js';
import { OpenStages } from '../../activities/open-stages.js';
import { OpenWork } from '../../activities/open-work.js';
import { PredictionFilters } from '../../activities/prediction-filters.js';
import { ProductionCommands } from '../../activities/production-commands.js';
import { ProductionStandings } from '../../activities/production-standings.js';
import { ReconcileActivities } from '../../activities/reconcile.activities.js';
import { RegistryActivities } from '../../activities/registry.activities.js';
import { ReleaseCommands } from '../../activities/release-commands.js';
import { ReleaseMeasurementActivities } from '../../activities/release-measurement.activities.js';
import { ReleaseActivities } from '../../activities/release.activities.js';
import { ReplayCommands } from '../../activities/replay-commands.js';
import { ReplayCourses } from '../../activities/replay-courses.js';
import { ReplayActivities } from '../../activities/replay.activities.js';
import { RetiredEvidenceActivities } from '../../activities/retired-evidence.activities.js';
import { RetirementCommands } from '../../activities/retirement-commands.js';
import { RetirementActivities } from '../../activities/retirement.activities.js';
import { RetrainingDecisions } from '../../activities/retraining-decisions.js';
import { RetrainingActivities } from '../../activities/retraining.activities.js';
import { RollbackTargets } from '../../activities/rollback-targets.js';
import { RolloutActivities } from '../../activities/rollout.activities.js';
import { ServedWindows } from '../../activities/served-windows.js';
import { SetUpActivities } from '../../activities/set-up.activities.js';
import { SourceObserver } from '../../activities/source-observer.js';
import { SourceActivities } from '../../activities/source.activities.js';
import { StageCommands } from '../../activities/stage-commands.js';
import { StageEndings } from '../../activities/stage-endings.js';
import { StageTargets } from '../../activities/stage-targets.js';
import { StageStandings } from '../../activities/stage-standings.js';
import { StoreProvider } from '../../activities/store-provider.js';
import { TemporalRuns } from '../../activities/temporal-runs.js';
import { TrainerRuns } from '../../activities/trainer-runs.js';
import { TrainingActivities } from '../../activities/training.activities.js';
import { ValidatedPromotions } from '../../activities/validated-promotions.js';
import { ValidatedVersions } from '../../activities/validated-versions.js';
import { ValidationChecks } from '../../activities/validation-checks.js';
import { ValidationCommands } from '../../activities/validation-commands.js';
import { ValidationCourseActivities } from '../../activities/validation-course.activities.js';
import { ValidationActivities } from '../../activities/validation.activities.js';
import { WindowAlarms } from '../../activities/window-alarms.js';
import { WindowClosings } from '../../activities/window-closings.js';
import { WindowEstimates } from '../../activities/window-estimates.js';
import { WindowMeasurements } from '../../activities/window-measurements.js';
import { WindowOperations } from '../../activities/window-operations.js';
import { WindowSources } from '../../activities/window-sources.js';
import { WindowsActivities } from '../../activities/windows.activities.js';
import { WorkflowMotions } from '../../activities/workflow-motions.js';
import { ArtifactEraser } from '../artifacts/artifact-eraser.js';
import { CheckpointWebhook } from '../alarms/checkpoint-webhook.js';
import { CheckpointBucket } from '../artifacts/checkpoint-bucket.js';
import { FolderStore } from '../artifacts/folder-store.js';
import { S3Bucket } from '../artifacts/s3-bucket.js';
import { checkpointSinks } from '../config/checkpoint-sinks.js';
import { alarmReceiver } from '../config/alarm-receiver.js';
import { auditSigning } from '../config/audit-signing.js';
import type { Environment } from '../config/environment.js';
import type { ServerEnvironment } from '../config/servers.js';
import { sweepLimits } from '../config/sweep-limits.js';
import { AuditSequencer } from '../dispatch/audit-sequencer.js';
import { CheckpointCourier, type CourierRecord } from '../dispatch/checkpoint-courier.js';
import { CheckpointFolder } from '../dispatch/checkpoint-folder.js';
import { CheckpointSigner } from '../dispatch/checkpoint-signer.js';
import { CommandDispatcher } from '../dispatch/command-dispatcher.js';
import { IngestionStarter } from '../dispatch/ingestion-starter.js';
import { MonitorSchedules } from '../dispatch/monitor-schedules.js';
import { governanceRun, ledgerRun, PeriodicSchedule, PeriodicSchedules, RECONCILE, sweepRun } from '../dispatch/periodic-schedule.js';
import { temporalClient } from '../dispatch/temporal-client.js';
import { AuditTreeRepository } from '../registry/audit-tree.repository.js';
import { AlarmsRepository } from '../registry/alarms.repository.js';
import { CheckpointSinksRepository } from '../registry/checkpoint-sinks.repository.js';
import { CommandsRepository } from '../registry/commands.repository.js';
import { LabelsRepository } from '../registry/labels.repository.js';
import { ModelsRepository } from '../registry/models.repository.js';
import { ObservationsRepository } from '../registry/observations.repository.js';
import { RegistryModule } from '../registry/registry.module.js';
import { RoutingRepository } from '../registry/routing.repository.js';
import { claimWorkFolder } from './work-folder.js';

const ACTIVITIES = [
  AlarmActivities, ApprovalsActivities, DataActivities, DriftActivities, EvaluationActivities, FairnessActivities, GatewayActivities, GoLiveActivities, GovernanceActivities,
  InventoryActivities, LabelsActivities, LedgerReconciliationActivities, MonitoringActivities, ObservationsActivities, ReconcileActivities, RegistryActivities, ReleaseActivities,
  ReleaseMeasurementActivities, ReplayActivities, RetiredEvidenceActivities, RetirementActivities, RetrainingActivities, RolloutActivities, SetUpActivities, SourceActivities,
  TrainingActivities, ValidationActivities, ValidationCourseActivities, WindowsActivities,
];
/** What commands do. */
const COMMANDS = [
  AlarmCommands, ApprovalCommands, CommandEffects, ComparisonRuns, GoLiveCommands, GovernanceCommands, LegalHoldCommands, ModelCommands, ModelStatuses, ProductionCommands,
  ProductionStandings, ReleaseCommands, ReplayCommands, ReplayCourses, RetirementCommands, RetrainingDecisions, RollbackTargets, StageStandings,
  StageCommands, StageEndings, StageTargets,
];
/** What activities are made of. */
const PARTS = [
  ArchiveDrill, ArchivedVersions, ChampionBaselines, DeploymentSetUps, DriftBaselines, DueWindows, EvidenceDeletion, GoLiveWords, HarmMemories, HistoryExport, JudgedVersions, LabelFreeBaselines, LateRows,
  LossModelTrainer, ModelArchive, MonitoringReports, ObservedFiles, OpenStages, OpenWork, PredictionFilters, ServedWindows, SourceObserver, TemporalRuns, TrainerRuns,
  ValidatedPromotions, ValidatedVersions, ValidationChecks, ValidationCommands, WindowAlarms, WindowClosings, WindowEstimates, WindowMeasurements, WindowOperations, WindowSources,
  WorkflowMotions,
];

/** What a worker is made of. */
@Module({})
export class WorkerModule {
  static forEnvironment(environment: ServerEnvironment): DynamicModule {
    const client = temporalClient({ address: environment.TEMPORAL_ADDRESS, namespace: environment.TEMPORAL_NAMESPACE });
    return {
      module: WorkerModule,
      imports: [RegistryModule.connect({ url: environment.DATABASE_URL, poolSize: environment.DATABASE_POOL })],
      providers: [
        { provide: ActivitySettings, useValue: settingsOf(environment) },
        { provide: AlarmReceiver, useValue: new AlarmReceiver(alarmReceiver(environment)) },
        { provide: StoreProvider, useValue: new StoreProvider(new FolderStore(environment.ARTIFACT_URL)) },
        { provide: EraserProvider, useValue: new EraserProvider(new ArtifactEraser(environment.ARTIFACT_URL)) },
        { provide: Client, useValue: client },
        { provide: CommandDispatcher, useFactory: (commands: CommandsRepository) => new CommandDispatcher(client, commands), inject: [CommandsRepository] },
        { provide: GovernanceSettings, useValue: { remindEveryMs: environment.GOVERNANCE_REMIND_EVERY, reviewGraceMs: environment.REVIEW_GRACE, reconcileGraceMs: environment.AUDIT_RECONCILE_GRACE } },
        { provide: IngestionStarter, useFactory: (...parts: [LabelsRepository, ObservationsRepository, GatewayActivities, PredictionFilters]) => ingestionStarter(client, ...parts), inject: [LabelsRepository, ObservationsRepository, GatewayActivities, PredictionFilters] },
        { provide: MonitorSchedules, useFactory: (routing: RoutingRepository, models: ModelsRepository) => new MonitorSchedules(client, routing, models), inject: [RoutingRepository, ModelsRepository] },
        { provide: PeriodicSchedules, useValue: periodicSchedules(client, environment) },
        { provide: AuditSequencer, useFactory: (tree: AuditTreeRepository) => auditSequencer(environment, tree), inject: [AuditTreeRepository] },
        { provide: CheckpointCourier, useFactory: (sinks: CheckpointSinksRepository, alarms: AlarmsRepository) => checkpointCourier(environment, { sinks, alarms }), inject: [CheckpointSinksRepository, AlarmsRepository] },
        ...COMMANDS,
        ...PARTS,
        ...ACTIVITIES,
      ],
    };
  }
}

const periodicSchedules = (client: Client, { AUDIT_RECONCILE_EVERY, GOVERNANCE_EVERY, INVENTORY_SWEEP_EVERY }: Environment): PeriodicSchedules =>
  new PeriodicSchedules([RECONCILE, governanceRun(GOVERNANCE_EVERY), ledgerRun(AUDIT_RECONCILE_EVERY), sweepRun(INVENTORY_SWEEP_EVERY)].map((run) => new PeriodicSchedule(client, run)));

/** A gateway that loses observations is seen in a moment; files of before there were filters get theirs in the background. */
function ingestionStarter(client: Client, labels: LabelsRepository, observations: ObservationsRepository, gateways: GatewayActivities, filters: PredictionFilters): IngestionStarter {
  return new IngestionStarter(client, labels, observations, [{ everyMs: 1_000, isDue: () => gateways.isDue() }, { everyMs: 60_000, isDue: () => filters.isDue() }], logLine);
}

function auditSequencer(environment: Environment, tree: AuditTreeRepository): AuditSequencer {
  const signing = auditSigning(environment);
  return new AuditSequencer(tree, signing && new CheckpointSigner(tree, new CheckpointFolder(signing.folder), signing), logLine);
}

/** Only what is signed is sent: a worker without the key brings nothing anywhere. */
function checkpointCourier(environment: Environment, record: CourierRecord): CheckpointCourier | { start(): void; stop(): Promise<void> } {
  const signing = auditSigning(environment);
  if (!signing) return { start: () => undefined, stop: () => Promise.resolve() };
  const { s3, webhook } = checkpointSinks(environment);
  const sinks = [...(s3 ? [new CheckpointBucket(new S3Bucket(s3.url, s3))] : []), ...(webhook ? [new CheckpointWebhook(webhook)] : [])];
  return new CheckpointCourier(new CheckpointFolder(signing.folder), signing, sinks, record, logLine);
}

const logLine = (line: object): void => console.error(JSON.stringify({ time: new Date().toISOString(), ...line }));

const settingsOf = (environment: Environment): ActivitySettings => ({
  dataDir: environment.DATA_DIR,
  workDir: claimWorkFolder(environment.WORK_DIR),
  trainersDir: environment.TRAINERS_DIR,
  trainerPython: environment.TRAINER_PYTHON,
  gpuDevices: environment.GPU_DEVICES === undefined ? undefined : environment.GPU_DEVICES.split(',').filter((device) => device !== ''),
  searchPath: environment.PATH,
  heartbeatTimeoutMs: environment.HEARTBEAT_TIMEOUT_MS,
  driftPartRows: environment.DRIFT_PART_ROWS,
  sweepLimits: sweepLimits(environment),
  identity: `${hostname()}:${process.pid}`,
});
