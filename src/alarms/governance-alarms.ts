import type { AlarmNotice } from '../contracts/alarms.js';
import { findingAlarmKey, findingAlarmSeverity, findingText, stopsModel } from '../contracts/findings.js';
import { reviewAlarmKey } from '../contracts/reviews.js';
import { isoTime } from '../contracts/time.js';
import type { Finding } from '../registry/entities/finding.entity.js';
import type { Model } from '../registry/entities/model.entity.js';

/** An alarm stands at a model that is registered, or at none; `stoppable`: that its spec states a use case. */
export interface FoundModel {
  readonly registered: boolean;
  readonly stoppable: boolean;
}

/** That a finding is overdue. What a person wrote of it is read where it can be erased: what was sent cannot be called back. */
export function findingOverdueAlarm(finding: Finding, { registered, stoppable }: FoundModel): AlarmNotice {
  const { model, number, version, severity, owner, dueAt, evidenceNeeded, commandId } = finding;
  const stopped = stoppable && stopsModel(severity) ? ' Until then nothing of the model is trained, promoted or released.' : '';
  return {
    kind: 'findingOverdue', severity: findingAlarmSeverity(severity), model: registered ? model : null, deployment: null, subject: `finding/${number}`, dedupKey: findingAlarmKey(finding), test: false,
    summary: `${findingText(finding)}. It is overdue: mend it (\`perennial findings ${model}\` says what), and have a validator close it with \`perennial finding close ${model} ${number}\`.${stopped}`,
    details: { model, finding: number, version, severity, owner, dueAt: isoTime(dueAt.getTime()), ...(commandId === null && { evidenceNeeded }) },
  };
}

/** That a periodic review is overdue. */
export const reviewOverdueAlarm = ({ name, owner, tier }: Model, dueAt: Date): AlarmNotice => ({
  kind: 'reviewOverdue', severity: tier === 'low' || tier === 'medium' ? 'warning' : 'critical', model: name, deployment: null, subject: `model/${name}`, dedupKey: reviewAlarmKey(name), test: false,
  summary: `The periodic review of ${name} (tier ${tier}, owner ${owner}) was due at ${isoTime(dueAt.getTime())}. A validator or approver reviews it and records what it came to with \`perennial review ${name} continue --reason …\`.`,
  details: { owner, tier, dueAt: isoTime(dueAt.getTime()) },
});
