import type { AlarmActivities } from './alarms.activities.js';
import type { ApprovalsActivities } from './approvals.activities.js';
import type { DataActivities } from './data.activities.js';
import type { DriftActivities } from './drift.activities.js';
import type { EvaluationActivities } from './evaluation.activities.js';
import type { FairnessActivities } from './fairness.activities.js';
import type { GovernanceActivities } from './governance.activities.js';
import type { GoLiveActivities } from './go-live.activities.js';
import type { GatewayActivities } from './gateways.activities.js';
import type { InventoryActivities } from './inventory.activities.js';
import type { LedgerReconciliationActivities } from './ledger-reconciliation.activities.js';
import type { LabelsActivities } from './labels.activities.js';
import type { MonitoringActivities } from './monitoring.activities.js';
import type { ObservationsActivities } from './observations.activities.js';
import type { ReconcileActivities } from './reconcile.activities.js';
import type { RegistryActivities } from './registry.activities.js';
import type { ReleaseActivities } from './release.activities.js';
import type { ReleaseMeasurementActivities } from './release-measurement.activities.js';
import type { ReplayActivities } from './replay.activities.js';
import type { RetiredEvidenceActivities } from './retired-evidence.activities.js';
import type { RetirementActivities } from './retirement.activities.js';
import type { RetrainingActivities } from './retraining.activities.js';
import type { RolloutActivities } from './rollout.activities.js';
import type { SetUpActivities } from './set-up.activities.js';
import type { SourceActivities } from './source.activities.js';
import type { TrainingActivities } from './training.activities.js';
import type { ValidationActivities } from './validation.activities.js';
import type { ValidationCourseActivities } from './validation-course.activities.js';
import type { WindowsActivities } from './windows.activities.js';

export interface ActivityProviders {
  readonly alarms: AlarmActivities;
  readonly approvals: ApprovalsActivities;
  readonly registry: RegistryActivities;
  readonly data: DataActivities;
  readonly drift: DriftActivities;
  readonly fairness: FairnessActivities;
  readonly gateways: GatewayActivities;
  readonly goLive: GoLiveActivities;
  readonly governance: GovernanceActivities;
  readonly inventory: InventoryActivities;
  readonly labels: LabelsActivities;
  readonly ledgerReconciliation: LedgerReconciliationActivities;
  readonly monitoring: MonitoringActivities;
  readonly observations: ObservationsActivities;
  readonly training: TrainingActivities;
  readonly evaluation: EvaluationActivities;
  readonly release: ReleaseActivities;
  readonly measurement: ReleaseMeasurementActivities;
  readonly replay: ReplayActivities;
  readonly retiredEvidence: RetiredEvidenceActivities;
  readonly retirement: RetirementActivities;
  readonly retraining: RetrainingActivities;
  readonly rollout: RolloutActivities;
  readonly reconcile: ReconcileActivities;
  readonly setUp: SetUpActivities;
  readonly source: SourceActivities;
  readonly validation: ValidationActivities;
  readonly validationCourse: ValidationCourseActivities;
  readonly windows: WindowsActivities;
}

/** Every activity by its task queue: workers register from it and workflows take their types from it. */
export function activitiesOf(providers: ActivityProviders) {
  const { alarms, registry, data, drift, fairness, gateways, inventory, labels, monitoring, observations, training, evaluation, release, measurement, replay, retraining, rollout, reconcile, source, validation, windows } = providers;
  return {
    lifecycle: {
      ...stageActivitiesOf(providers),
      ...alarmActivitiesOf(providers),
      handleCommand: registry.handleCommand.bind(registry),
      readInbox: registry.readInbox.bind(registry),
      handleCommands: registry.handleCommands.bind(registry),
      recordUnknownSignal: registry.recordUnknownSignal.bind(registry),
      recordUnknownUpdate: registry.recordUnknownUpdate.bind(registry),
      readModelStatus: registry.readModelStatus.bind(registry),
      beginRetrain: registry.beginRetrain.bind(registry),
      endRetrain: registry.endRetrain.bind(registry),
      decideGate: evaluation.decideGate.bind(evaluation),
      promote: rollout.promote.bind(rollout),
      rollBack: rollout.rollBack.bind(rollout),
      awaitGateways: gateways.awaitGateways.bind(gateways),
      endRollback: rollout.endRollback.bind(rollout),
      readRelease: release.readRelease.bind(release),
      decideRelease: release.decideRelease.bind(release),
      endRelease: release.endRelease.bind(release),
      beginReplay: replay.beginReplay.bind(replay),
      endReplay: replay.endReplay.bind(replay),
      releaseWorkflows: labels.releaseWorkflows.bind(labels),
      reconcileMotion: reconcile.reconcileMotion.bind(reconcile),
      checkGateways: gateways.checkGateways.bind(gateways),
      nextWindow: monitoring.nextWindow.bind(monitoring),
      nextBackfilledWindow: monitoring.nextBackfilledWindow.bind(monitoring),
      rollBackUnfair: fairness.rollBackUnfair.bind(fairness),
      tellUnreadable: monitoring.tellUnreadable.bind(monitoring),
    },
    data: {
      ...stageEvidenceActivitiesOf(providers),
      measureRelease: measurement.measureRelease.bind(measurement),
      replayObservations: replay.replayObservations.bind(replay),
      proveMonitoring: alarms.proveMonitoring.bind(alarms),
      takeSnapshot: data.takeSnapshot.bind(data),
      validateData: data.validateData.bind(data),
      convertSegments: observations.convertSegments.bind(observations),
      readSource: source.readSource.bind(source),
      ingestLabels: labels.ingestLabels.bind(labels),
      checkWindow: windows.checkWindow.bind(windows),
      compareWindow: drift.compareWindow.bind(drift),
      profileWindowPart: drift.profileWindowPart.bind(drift),
      compareParts: drift.compareParts.bind(drift),
      decideRetraining: retraining.decideRetraining.bind(retraining),
      assessWindow: monitoring.assessWindow.bind(monitoring),
      admit: evaluation.admit.bind(evaluation),
      score: evaluation.score.bind(evaluation),
      seeSources: inventory.seeSources.bind(inventory),
    },
    train: {
      train: training.train.bind(training),
      trainAgain: validation.trainAgain.bind(validation),
    },
  };
}

/** How people are told. */
const alarmActivitiesOf = ({ alarms }: ActivityProviders) => ({
  raiseAlarm: alarms.raiseAlarm.bind(alarms),
  endAlarm: alarms.endAlarm.bind(alarms),
  deliverAlarms: alarms.deliverAlarms.bind(alarms),
  sendTestAlarm: alarms.sendTestAlarm.bind(alarms),
});

/** Those of the stages in which people decide, on the queue of lifecycles. */
const stageActivitiesOf = ({ approvals, goLive, governance, inventory, ledgerReconciliation, retirement, validationCourse }: ActivityProviders) => ({
  readApproval: approvals.readApproval.bind(approvals),
  expireApproval: approvals.expireApproval.bind(approvals),
  openValidation: validationCourse.openValidation.bind(validationCourse),
  readValidation: validationCourse.readValidation.bind(validationCourse),
  recordCheck: validationCourse.recordCheck.bind(validationCourse),
  decideByChecks: validationCourse.decideByChecks.bind(validationCourse),
  endValidation: validationCourse.endValidation.bind(validationCourse),
  expireValidation: validationCourse.expireValidation.bind(validationCourse),
  sayGoLive: goLive.sayGoLive.bind(goLive),
  escalateOverdue: governance.escalateOverdue.bind(governance),
  readRetirement: retirement.readRetirement.bind(retirement),
  takeRetirementStep: retirement.takeRetirementStep.bind(retirement),
  sweepModels: inventory.sweepModels.bind(inventory),
  endSweep: inventory.endSweep.bind(inventory),
  beginReconciliation: ledgerReconciliation.beginReconciliation.bind(ledgerReconciliation),
  reconcilePage: ledgerReconciliation.reconcilePage.bind(ledgerReconciliation),
  endReconciliation: ledgerReconciliation.endReconciliation.bind(ledgerReconciliation),
});

/** Their data work. */
const stageEvidenceActivitiesOf = ({ retiredEvidence, setUp, validation }: ActivityProviders) => ({
  archiveModel: retiredEvidence.archiveModel.bind(retiredEvidence),
  drillArchive: retiredEvidence.drillArchive.bind(retiredEvidence),
  deleteEvidence: retiredEvidence.deleteEvidence.bind(retiredEvidence),
  certifyRetirement: retiredEvidence.certifyRetirement.bind(retiredEvidence),
  makeCheck: validation.makeCheck.bind(validation),
  makeReport: validation.makeReport.bind(validation),
  lookAtSetUp: setUp.lookAtSetUp.bind(setUp),
});

export type Activities = ReturnType<typeof activitiesOf>;
