import type { AlarmNotice } from '../contracts/alarms.js';
import type { ObservationLogState } from '../contracts/observation-log.js';

export const shedAlarmKey = (gateway: string): string => `shed/${gateway}`;

/** The alarm of a gateway that answers and cannot keep what it answers. */
export function shedAlarm(gateway: string, log: ObservationLogState): AlarmNotice {
  const why = log.lastError === null ? '' : ` ${log.lastError.slice(0, 500)}.`;
  return {
    kind: 'observationsShed', severity: 'critical', model: null, deployment: null, subject: `gateway/${gateway}`, dedupKey: shedAlarmKey(gateway),
    summary: `Gateway ${gateway} answers, and cannot keep what it answers: ${log.shedObservations} observations are lost so far.${why} See that its segments reach the artifact store and the record, or give its log more disk (OBSERVATION_MAX_BYTES).`,
    details: { ...log }, test: false,
  };
}
