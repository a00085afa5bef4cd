import type { AlarmNotice } from '../contracts/alarms.js';
import type { RollbackId } from '../contracts/retrains.js';
import type { RollbackEnd } from '../registry/routing.repository.js';

/** The alarm of a rollback that did not get to its end. @returns undefined where nobody has to act: it is done, or the champion was changed meanwhile */
export function rollbackAlarm({ model, deployment, fromEpoch }: RollbackId, { outcome, explanation }: RollbackEnd): AlarmNotice | undefined {
  if (outcome === 'done' || outcome === 'aborted') return undefined;
  return {
    kind: 'rollbackFailed', severity: 'critical', model, deployment, subject: `deployment/${deployment}`, dedupKey: `rollback/${model}/${deployment}/${fromEpoch}/failed`,
    summary: `The rollback of ${model}/${deployment} from epoch ${fromEpoch} ${outcome === 'failed' ? 'failed' : 'was terminated'}: ${explanation}. See which version answers (perennial champion ${model}), and ask for the rollback again if it must go.`,
    details: { fromEpoch, outcome, explanation }, test: false,
  };
}
