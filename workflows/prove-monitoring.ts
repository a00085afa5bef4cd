import { isCancellation } from '@temporalio/workflow';
import type { ProofOccasion } from '../src/contracts/alarms.js';
import type { MonitoringState } from '../src/contracts/releases.js';
import { storedFailure } from './failures.js';
import { data } from './policies.js';

const ONCE = { maximumAttempts: 1 } as const;

/** Tries once whether a bad window that is made up raises an alarm that arrives. @param key of the proof: one that was given stands */
export async function proveMonitoring(model: string, deployment: string, key: string, occasion: ProofOccasion): Promise<MonitoringState> {
  try {
    const proof = await data.proveMonitoring.executeWithOptions(
      { summary: 'Prove that a bad window raises an alarm that arrives', retry: ONCE, startToCloseTimeout: '2 minutes' }, [model, deployment, key, occasion],
    );
    return { proven: true, explanation: `the alarm of a made-up window arrived at ${proof.arrivedAt}` };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { proven: false, explanation: storedFailure(error).message };
  }
}
