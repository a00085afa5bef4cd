import type { AlarmActivities } from './alarms.activities.js';
import type { DataActivities } from './data.activities.js';
import type { EvaluationActivities } from './evaluation.activities.js';
import type { ReconcileActivities } from './reconcile.activities.js';
import type { RegistryActivities } from './registry.activities.js';
import type { RolloutActivities } from './rollout.activities.js';
import type { TrainingActivities } from './training.activities.js';

export interface ActivityProviders {
  readonly alarms: AlarmActivities;
  readonly registry: RegistryActivities;
  readonly data: DataActivities;
  readonly training: TrainingActivities;
  readonly evaluation: EvaluationActivities;
  readonly rollout: RolloutActivities;
  readonly reconcile: ReconcileActivities;
}

/** Every activity by its task queue: workers register from it and workflows take their types from it. */
export const activitiesOf = ({ alarms, registry, data, training, evaluation, rollout, reconcile }: ActivityProviders) => ({
  lifecycle: {
    handleCommand: registry.handleCommand.bind(registry),
    readModelStatus: registry.readModelStatus.bind(registry),
    beginRetrain: registry.beginRetrain.bind(registry),
    endRetrain: registry.endRetrain.bind(registry),
    decideGate: evaluation.decideGate.bind(evaluation),
    promote: rollout.promote.bind(rollout),
    rollBack: rollout.rollBack.bind(rollout),
    awaitGateways: rollout.awaitGateways.bind(rollout),
    endRollback: rollout.endRollback.bind(rollout),
    reconcileMotion: reconcile.reconcileMotion.bind(reconcile),
    raiseAlarm: alarms.raiseAlarm.bind(alarms),
    endAlarm: alarms.endAlarm.bind(alarms),
    deliverAlarms: alarms.deliverAlarms.bind(alarms),
  },
  data: {
    proveMonitoring: alarms.proveMonitoring.bind(alarms),
    takeSnapshot: data.takeSnapshot.bind(data),
    validateData: data.validateData.bind(data),
    admit: evaluation.admit.bind(evaluation),
    score: evaluation.score.bind(evaluation),
  },
  train: {
    train: training.train.bind(training),
  },
});

export type Activities = ReturnType<typeof activitiesOf>;
