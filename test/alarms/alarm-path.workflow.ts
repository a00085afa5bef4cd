import { proxyActivities } from '@temporalio/workflow';
import type { AlarmActivities } from '../../activities/alarms.activities.js';
import type { AlarmNotice, MonitoringProof, ProofOccasion } from '../../src/contracts/alarms.js';

const retry = { initialInterval: '50 milliseconds', backoffCoefficient: 1, maximumAttempts: 4 } as const;
const alarms = proxyActivities<Pick<AlarmActivities, 'raiseAlarm' | 'deliverAlarms' | 'proveMonitoring'>>({ startToCloseTimeout: '30 seconds', retry });

export async function prove(model: string, proofKey: string, occasion: ProofOccasion): Promise<MonitoringProof> {
  return alarms.proveMonitoring(model, 'default', proofKey, occasion);
}

export async function raiseAndDeliver(notice: AlarmNotice): Promise<number> {
  await alarms.raiseAlarm(notice);
  return alarms.deliverAlarms();
}
