import { condition, defineSignal, proxyActivities, proxyLocalActivities, setHandler } from '@temporalio/workflow';

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

export const eventSignal = defineSignal<[number]>('event');

/** The plain way to take events: a signal each, kept in the workflow, with a step for each. Never continued as new. @returns how many came */
export async function signalled(count: number): Promise<number> {
  const inbox: number[] = [];
  let came = 0;
  setHandler(eventSignal, (number) => { inbox.push(number); });
  while (came < count && (await condition(() => inbox.length > 0, '20 seconds'))) {
    came += inbox.splice(0, 1).length;
    await proxies.own.doNothing();
  }
  return came;
}
