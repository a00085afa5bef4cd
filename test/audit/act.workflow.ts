import { proxyActivities } from '@temporalio/workflow';

const activities = proxyActivities<Record<string, (...input: unknown[]) => Promise<unknown>>>({ startToCloseTimeout: '30 seconds', retry: { maximumAttempts: 1 } });

/** One activity, on behalf of the workflow whose id this one has. */
export async function act(name: string, input: readonly unknown[]): Promise<unknown> {
  return activities[name]!(...input);
}
