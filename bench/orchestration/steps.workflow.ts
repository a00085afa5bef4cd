import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';

export interface StepActivities {
  doNothing(): Promise<void>;
}

/** `own`: the workflow's queue, as steps of the record; `other`: another queue, as steps over data; `local`: no task at all. */
export type StepKind = 'own' | 'other' | 'local';

export const OTHER_QUEUE = 'bench-other';

const startToCloseTimeout = '30 seconds';
const proxies: Readonly<Record<StepKind, StepActivities>> = {
  own: proxyActivities<StepActivities>({ startToCloseTimeout }),
  other: proxyActivities<StepActivities>({ startToCloseTimeout, taskQueue: OTHER_QUEUE }),
  local: proxyLocalActivities<StepActivities>({ startToCloseTimeout }),
};

/** Steps that do nothing, one after another. */
export async function steps(kind: StepKind, count: number): Promise<void> {
  for (let done = 0; done < count; done++) await proxies[kind].doNothing();
}
