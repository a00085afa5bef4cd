import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AlarmsRepository } from './alarms.repository.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { AssessmentsRepository } from './assessments.repository.js';
import { AuditLedger } from './audit-ledger.js';
import { CallersRepository } from './callers.repository.js';
import { AuditTreeRepository } from './audit-tree.repository.js';
import { CardsRepository } from './cards.repository.js';
import { CheckpointSinksRepository } from './checkpoint-sinks.repository.js';
import { CommandsRepository } from './commands.repository.js';
import { ComparisonsRepository } from './comparisons.repository.js';
import { ControlsRepository } from './controls.repository.js';
import { type ConnectionSettings, registryDataSource } from './data-source.js';
import { ExperimentsRepository } from './experiments.repository.js';
import { ExplanationsRepository } from './explanations.repository.js';
import { FiguresRepository } from './figures.repository.js';
import { FindingsRepository } from './findings.repository.js';
import { GatewaySamplesRepository } from './gateway-samples.repository.js';
import { GatewaysRepository } from './gateways.repository.js';
import { GoLivesRepository } from './go-lives.repository.js';
import { InventoryImportsRepository } from './inventory-imports.repository.js';
import { InventoryRepository } from './inventory.repository.js';
import { LabelFreeBaselinesRepository } from './label-free-baselines.repository.js';
import { LedgerReconciliationsRepository } from './ledger-reconciliations.repository.js';
import { LegalHoldsRepository } from './legal-holds.repository.js';
import { LabelsRepository } from './labels.repository.js';
import { ModelEvidenceRepository } from './model-evidence.repository.js';
import { ModelsRepository } from './models.repository.js';
import { ObservationsRepository } from './observations.repository.js';
import { PeopleRepository } from './people.repository.js';
import { PredictionsRepository } from './predictions.repository.js';
import { ReleaseTurns } from './release-turns.js';
import { ReleasesRepository } from './releases.repository.js';
import { ReplaysRepository } from './replays.repository.js';
import { RetirementsRepository } from './retirements.repository.js';
import { RetrainingDecisionsRepository } from './retraining-decisions.repository.js';
import { RetrainsRepository } from './retrains.repository.js';
import { ReviewsRepository } from './reviews.repository.js';
import { RoutingRepository } from './routing.repository.js';
import { ServingRepository } from './serving.repository.js';
import { SourceFilesRepository } from './source-files.repository.js';
import { StagesRepository } from './stages.repository.js';
import { SweepsRepository } from './sweeps.repository.js';
import { TextErasures } from './text-erasures.repository.js';
import { TrainingRepository } from './training.repository.js';
import { ValidationsRepository } from './validations.repository.js';
import { VersionsRepository } from './versions.repository.js';
import { WindowsRepository } from './windows.repository.js';

const REPOSITORIES = [
  AlarmsRepository, ApprovalsRepository, AssessmentsRepository, AuditLedger, AuditTreeRepository, CallersRepository, CardsRepository, CheckpointSinksRepository, CommandsRepository,
  ComparisonsRepository, ControlsRepository, ExperimentsRepository, ExplanationsRepository, FiguresRepository, FindingsRepository, GatewaySamplesRepository,
  GatewaysRepository, GoLivesRepository, InventoryImportsRepository, InventoryRepository, LabelFreeBaselinesRepository, LabelsRepository, LedgerReconciliationsRepository, LegalHoldsRepository, ModelEvidenceRepository,
  ModelsRepository, ObservationsRepository, PeopleRepository, PredictionsRepository, ReleasesRepository, ReleaseTurns, ReplaysRepository, RetirementsRepository,
  RetrainingDecisionsRepository, RetrainsRepository, ReviewsRepository, RoutingRepository, ServingRepository, SourceFilesRepository, SweepsRepository, TextErasures, TrainingRepository,
  ValidationsRepository, VersionsRepository, WindowsRepository, StagesRepository,
];

/** The record: the only writer of its tables. */
@Module({})
export class RegistryModule {
  static connect(settings: ConnectionSettings): DynamicModule {
    return {
      module: RegistryModule,
      global: true,
      imports: [TypeOrmModule.forRootAsync({ useFactory: () => registryDataSource(settings).options })],
      providers: REPOSITORIES,
      exports: REPOSITORIES,
    };
  }
}
