import { DataSource } from 'typeorm';
import { Registry1763700000000 } from '../../migrations/1763700000000-registry.js';
import { Observations1763800000000 } from '../../migrations/1763800000000-observations.js';
import { Labels1763801000000 } from '../../migrations/1763801000000-labels.js';
import { Serving1763802000000 } from '../../migrations/1763802000000-serving.js';
import { Releases1763803000000 } from '../../migrations/1763803000000-releases.js';
import { Alarms1763804000000 } from '../../migrations/1763804000000-alarms.js';
import { StreamTime1763805000000 } from '../../migrations/1763805000000-stream-time.js';
import { Windows1763806000000 } from '../../migrations/1763806000000-windows.js';
import { Replays1763807000000 } from '../../migrations/1763807000000-replays.js';
import { WindowDrift1763808000000 } from '../../migrations/1763808000000-window-drift.js';
import { WindowAssessments1763809000000 } from '../../migrations/1763809000000-window-assessments.js';
import { AlarmActions1763810000000 } from '../../migrations/1763810000000-alarm-actions.js';
import { BackfilledWindows1763811000000 } from '../../migrations/1763811000000-backfilled-windows.js';
import { GatewaySamples1763812000000 } from '../../migrations/1763812000000-gateway-samples.js';
import { SourceFiles1763814000000 } from '../../migrations/1763814000000-source-files.js';
import { ObservedHours1763815000000 } from '../../migrations/1763815000000-observed-hours.js';
import { LabelFreeFigures1763816000000 } from '../../migrations/1763816000000-label-free-figures.js';
import { AuditTree1763817000000 } from '../../migrations/1763817000000-audit-tree.js';
import { People1763818000000 } from '../../migrations/1763818000000-people.js';
import { PredictionFilters1763819000000 } from '../../migrations/1763819000000-prediction-filters.js';
import { Approvals1763820000000 } from '../../migrations/1763820000000-approvals.js';
import { ApprovalSubjects1763821000000 } from '../../migrations/1763821000000-approval-subjects.js';
import { Findings1763822000000 } from '../../migrations/1763822000000-findings.js';
import { Validations1763823000000 } from '../../migrations/1763823000000-validations.js';
import { Retirement1763824000000 } from '../../migrations/1763824000000-retirement.js';
import { Inventory1763825000000 } from '../../migrations/1763825000000-inventory.js';
import { Experiments1763827000000 } from '../../migrations/1763827000000-experiments.js';
import { GoLives1763828000000 } from '../../migrations/1763828000000-go-lives.js';
import { StageMoves1763829000000 } from '../../migrations/1763829000000-stage-moves.js';
import { LedgerUpkeep1763830000000 } from '../../migrations/1763830000000-ledger-upkeep.js';
import { Rereadings1763833000000 } from '../../migrations/1763833000000-rereadings.js';
import { EndsWithoutWords1763834000000 } from '../../migrations/1763834000000-ends-without-words.js';
import { IdentitiesAndSuccessors1763837000000 } from '../../migrations/1763837000000-identities-and-successors.js';
import { DeprecatedRoutings1763838000000 } from '../../migrations/1763838000000-deprecated-routings.js';
import { Alarm, AlarmActionRecord, AlarmDelivery, AlarmEnd, AlarmReceipt, MonitoringProofRecord } from './entities/alarm.entity.js';
import { Approval, ApprovalEnd, ApprovalVote } from './entities/approval.entity.js';
import { ApiKey, ApiKeyRevocation } from './entities/api-key.entity.js';
import { AuditEntry } from './entities/audit-entry.entity.js';
import { AuditCheckpoint, AuditLeaf, AuditText } from './entities/audit-tree.entity.js';
import { ComparisonAnalysis, ComparisonBlock } from './entities/comparison.entity.js';
import { Command } from './entities/command.entity.js';
import { Evaluation } from './entities/evaluation.entity.js';
import { Finding, FindingEnd, FindingEscalation, FindingHandover } from './entities/finding.entity.js';
import { Experiment } from './entities/experiment.entity.js';
import { GatewayAcknowledgement, GatewayLease } from './entities/gateway.entity.js';
import { GatewaySampleRecord } from './entities/gateway-sample.entity.js';
import { GoLive, GoLiveConfirmation, SetUpLookRecord } from './entities/go-live.entity.js';
import { InventoryEntry, InventoryImport } from './entities/inventory.entity.js';
import { LabelBatch, LabelFile } from './entities/label.entity.js';
import { LabelFreeBaseline } from './entities/label-free-baseline.entity.js';
import { ModelVersion } from './entities/model-version.entity.js';
import { Model, ModelSpecRecord } from './entities/model.entity.js';
import { ObservationFile, ObservationSegment } from './entities/observation.entity.js';
import { PeopleCommand, PersonReplacement, Principal, RoleGrant, RoleRevocation } from './entities/principal.entity.js';
import { PredictionFilter } from './entities/prediction-filter.entity.js';
import { Release, ReleaseStep } from './entities/release.entity.js';
import { Replay, ReplayBlock, ReplayEnding, ReplayHistory } from './entities/replay.entity.js';
import { LegalHold, LegalHoldLift, Retirement, RetirementCertificate, RetirementConfirmation, RetirementDeletion, RetirementStep } from './entities/retirement.entity.js';
import { Retrain } from './entities/retrain.entity.js';
import { Review } from './entities/review.entity.js';
import { QuarantineRelease, RetrainingDecisionRecord } from './entities/retraining-decision.entity.js';
import { ChampionChange, Rollback, Routing } from './entities/routing.entity.js';
import { ServingTally } from './entities/serving-tally.entity.js';
import { Snapshot } from './entities/snapshot.entity.js';
import { SourceFile } from './entities/source-file.entity.js';
import { StageMove } from './entities/stage-move.entity.js';
import { TrainingLease, TrainingRun } from './entities/training-run.entity.js';
import { Validation, ValidationCheckRecord, ValidationDecisionRecord, ValidationEnd, ValidationReportRecord } from './entities/validation.entity.js';
import { ChampionBaseline, WindowAssessment } from './entities/window-assessment.entity.js';
import { WindowCheck } from './entities/window-check.entity.js';
import { WindowDrift } from './entities/window-drift.entity.js';

export const ENTITIES = [
  Alarm, AlarmActionRecord, AlarmDelivery, AlarmEnd, AlarmReceipt, MonitoringProofRecord,
  ApiKey, ApiKeyRevocation, Approval, ApprovalEnd, ApprovalVote, AuditCheckpoint, AuditEntry, AuditLeaf, AuditText, ChampionBaseline, ChampionChange, Command, ComparisonAnalysis, ComparisonBlock, Evaluation, Experiment, GatewayAcknowledgement, GatewayLease, GatewaySampleRecord, InventoryEntry, InventoryImport, LabelBatch, LabelFile, LabelFreeBaseline, Model, ModelSpecRecord,
  ModelVersion, ObservationFile, ObservationSegment, PeopleCommand, PersonReplacement, PredictionFilter, Principal, QuarantineRelease, Release, ReleaseStep, Replay, ReplayBlock, ReplayEnding, ReplayHistory, Retrain, RetrainingDecisionRecord, RoleGrant, RoleRevocation, Rollback, Routing, ServingTally, Snapshot, SourceFile, TrainingLease, TrainingRun, Validation, ValidationCheckRecord, ValidationDecisionRecord, ValidationEnd, ValidationReportRecord, WindowAssessment, WindowCheck, WindowDrift,
  Finding, FindingEnd, FindingEscalation, Review,
  GoLive, GoLiveConfirmation, SetUpLookRecord,
  LegalHold, LegalHoldLift, Retirement, RetirementCertificate, RetirementConfirmation, RetirementDeletion, RetirementStep,
  FindingHandover, StageMove,
];

/** Append-only, in order. */
export const MIGRATIONS = [Registry1763700000000, Observations1763800000000, Labels1763801000000, Serving1763802000000, Releases1763803000000, Alarms1763804000000, StreamTime1763805000000, Windows1763806000000, Replays1763807000000, WindowDrift1763808000000, WindowAssessments1763809000000, AlarmActions1763810000000, BackfilledWindows1763811000000, GatewaySamples1763812000000, SourceFiles1763814000000, ObservedHours1763815000000, LabelFreeFigures1763816000000, AuditTree1763817000000, People1763818000000, PredictionFilters1763819000000, Approvals1763820000000, ApprovalSubjects1763821000000, Findings1763822000000, Validations1763823000000, Retirement1763824000000, Inventory1763825000000, Experiments1763827000000, GoLives1763828000000, StageMoves1763829000000, LedgerUpkeep1763830000000, Rereadings1763833000000, EndsWithoutWords1763834000000, IdentitiesAndSuccessors1763837000000, DeprecatedRoutings1763838000000];

export interface ConnectionSettings {
  readonly url: string;
  readonly poolSize: number;
}

/**
 * A connection to the registry; not yet open. The schema is made by migrations alone: `synchronize` stays off.
 */
export function registryDataSource({ url, poolSize }: ConnectionSettings): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    entities: ENTITIES,
    migrations: MIGRATIONS,
    migrationsTransactionMode: 'all',
    synchronize: false,
    poolSize,
    connectTimeoutMS: 5_000,
    applicationName: 'perennial',
    // PostgreSQL ends what a stuck process left open, so that no lock outlives it.
    extra: { idle_in_transaction_session_timeout: 30_000, statement_timeout: 60_000 },
  });
}
