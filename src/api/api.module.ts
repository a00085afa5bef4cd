import { setTimeout as sleep } from 'node:timers/promises';
import { type DynamicModule, Inject, Module, type BeforeApplicationShutdown, type OnApplicationShutdown } from '@nestjs/common';
import { Client } from '@temporalio/client';
import { DataSource } from 'typeorm';
import { FolderStore } from '../artifacts/folder-store.js';
import type { SweepLimits } from '../contracts/inventory.js';
import { CommandDispatcher } from '../dispatch/command-dispatcher.js';
import { temporalClient } from '../dispatch/temporal-client.js';
import type { ControlMap } from '../lifecycle/control-map.js';
import { CommandsRepository } from '../registry/commands.repository.js';
import { InventoryRepository } from '../registry/inventory.repository.js';
import { LabelsRepository } from '../registry/labels.repository.js';
import { PredictionsRepository } from '../registry/predictions.repository.js';
import { RegistryModule } from '../registry/registry.module.js';
import { AlarmActionsController } from './alarms/alarm-actions.controller.js';
import { AlarmsController, ReceiptSecret } from './alarms/alarms.controller.js';
import { TestAlarmsController } from './alarms/test-alarms.controller.js';
import { ApprovalsController } from './approvals/approvals.controller.js';
import { AuditController } from './audit/audit.controller.js';
import { LedgerController } from './audit/ledger.controller.js';
import { CardController } from './card/card.controller.js';
import { ChampionController } from './champion/champion.controller.js';
import { CallsUnderWay } from './commands/calls-under-way.js';
import { CommandFlow } from './commands/command-flow.js';
import { CommandsController } from './commands/commands.controller.js';
import { SendingLoop } from './commands/sending-loop.js';
import { Controls, ControlsController } from './controls/controls.controller.js';
import { DecisionReader } from './decisions/decision-reader.js';
import { DecisionsController } from './decisions/decisions.controller.js';
import { DevelopmentReader } from './development/development-reader.js';
import { DevelopmentController } from './development/development.controller.js';
import { TemporalLinks } from './documentation/answer-fields.js';
import { EvaluationsController } from './evaluations/evaluations.controller.js';
import { ExperimentsController } from './experiments/experiments.controller.js';
import { Dependencies } from './health/dependencies.js';
import { FindingsController } from './findings/findings.controller.js';
import { GoLivesController } from './go-lives/go-lives.controller.js';
import { HealthController } from './health/health.controller.js';
import { InventoryController } from './inventory/inventory.controller.js';
import { PortfolioReader } from './inventory/portfolio-reader.js';
import { PortfolioController } from './inventory/portfolio.controller.js';
import { LabelsController } from './labels/labels.controller.js';
import { ProductionReader } from './models/production-reader.js';
import { ModelsController } from './models/models.controller.js';
import { PeopleChangesController } from './people/people-changes.controller.js';
import { PeopleController } from './people/people.controller.js';
import { ReleasesController } from './releases/releases.controller.js';
import { ReplaysController } from './replays/replays.controller.js';
import { LegalHoldsController } from './retirement/legal-holds.controller.js';
import { RetirementController } from './retirement/retirement.controller.js';
import { RetrainsController } from './retrains/retrains.controller.js';
import { ReviewsController } from './reviews/reviews.controller.js';
import { RollbacksController } from './rollbacks/rollbacks.controller.js';
import { StageWorkReader } from './stages/stage-work-reader.js';
import { StagesReader } from './stages/stages-reader.js';
import { StagesController } from './stages/stages.controller.js';
import { ValidationsController } from './validations/validations.controller.js';
import { VersionsController } from './versions/versions.controller.js';
import { WhyController } from './why/why.controller.js';
import { WindowAssessmentsController } from './windows/window-assessments.controller.js';
import { WindowReleaseController } from './windows/window-release.controller.js';
import { DriftReports } from './windows/drift-reports.js';
import { WindowsController } from './windows/windows.controller.js';

const CLOSE_GRACE_MS = 1_000;

export interface ApiSettings {
  readonly databaseUrl: string;
  readonly databasePool: number;
  readonly temporalAddress: string;
  readonly temporalNamespace: string;
  readonly temporalUiUrl: string;
  readonly controls: ControlMap;
  readonly artifactFolder: string;
  /** What alarms that are sent here must be signed with; null: none are taken. */
  readonly alarmSecret: string | null;
  /** How long a model may go without being looked at or asked. */
  readonly sweepLimits: SweepLimits;
  /** How long the caller of a command waits for its outcome, in milliseconds. */
  readonly outcomeTimeoutMs: number;
}

@Module({})
export class ApiModule implements BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    @Inject(SendingLoop) private readonly loop: SendingLoop,
    @Inject(Client) private readonly client: Client,
    @Inject(CallsUnderWay) private readonly calls: CallsUnderWay,
  ) {}

  static of(settings: ApiSettings): DynamicModule {
    return {
      module: ApiModule,
      imports: [RegistryModule.connect({ url: settings.databaseUrl, poolSize: settings.databasePool })],
      controllers: [
        ModelsController, RetrainsController, ChampionController, RollbacksController, ReleasesController, ReplaysController, VersionsController, EvaluationsController,
        AlarmActionsController, AlarmsController, ApprovalsController, AuditController, CardController, CommandsController, ControlsController, DecisionsController,
        DevelopmentController, ExperimentsController, FindingsController, GoLivesController, HealthController, InventoryController, LabelsController, LedgerController, LegalHoldsController,
        PeopleChangesController, PeopleController, PortfolioController, RetirementController, ReviewsController, ValidationsController, WhyController,
        TestAlarmsController, WindowAssessmentsController, WindowReleaseController, WindowsController, StagesController,
      ],
      providers: [
        { provide: Client, useFactory: () => temporalClient({ address: settings.temporalAddress, namespace: settings.temporalNamespace }) },
        { provide: CommandDispatcher, useFactory: (client: Client, commands: CommandsRepository) => new CommandDispatcher(client, commands), inject: [Client, CommandsRepository] },
        { provide: FolderStore, useFactory: () => new FolderStore(settings.artifactFolder) },
        { provide: DecisionReader, useFactory: (predictions: PredictionsRepository, labels: LabelsRepository, store: FolderStore) => new DecisionReader(predictions, labels, store), inject: [PredictionsRepository, LabelsRepository, FolderStore] },
        { provide: PortfolioReader, useFactory: (inventory: InventoryRepository) => new PortfolioReader(inventory, settings.sweepLimits), inject: [InventoryRepository] },
        CallsUnderWay,
        DriftReports,
        ProductionReader,
        DevelopmentReader,
        StageWorkReader,
        StagesReader,
        { provide: Controls, useFactory: () => new Controls(settings.controls) },
        { provide: ReceiptSecret, useFactory: () => new ReceiptSecret(settings.alarmSecret) },
        { provide: CommandFlow, useFactory: (commands: CommandsRepository, dispatcher: CommandDispatcher, calls: CallsUnderWay) => new CommandFlow(commands, dispatcher, calls, settings.outcomeTimeoutMs), inject: [CommandsRepository, CommandDispatcher, CallsUnderWay] },
        { provide: SendingLoop, useFactory: (dispatcher: CommandDispatcher, calls: CallsUnderWay) => new SendingLoop(dispatcher, calls), inject: [CommandDispatcher, CallsUnderWay] },
        { provide: TemporalLinks, useFactory: () => new TemporalLinks(settings.temporalUiUrl, settings.temporalNamespace) },
        { provide: Dependencies, useFactory: (dataSource: DataSource, client: Client, calls: CallsUnderWay) => new Dependencies(dataSource, client, calls, settings.artifactFolder), inject: [DataSource, Client, CallsUnderWay] },
      ],
    };
  }

  beforeApplicationShutdown(): void {
    this.loop.stop();
  }

  /** No request comes any more. What still waits for Temporal has a deadline; nobody needs to wait for it here. */
  async onApplicationShutdown(): Promise<void> {
    const closed = this.calls.ended().then(() => this.client.connection.close());
    await Promise.race([closed, sleep(CLOSE_GRACE_MS, undefined, { ref: false })]);
  }
}
