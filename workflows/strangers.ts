import { allHandlersFinished, CancellationScope, condition, patched, setDefaultSignalHandler } from '@temporalio/workflow';
import { record } from './policies.js';

/** A run puts so many on the record one by one; of more each whose number has doubled, so that a flood makes its history grow by the logarithm alone. */
const ONE_BY_ONE = 20;
const MAX_NAME = 100;

/**
 * The work of a workflow that anybody who reaches Temporal may signal: what it does not know decides nothing, and is put on the audit ledger by name; what came with it is not looked at. The workflow
 * ends, or continues as a new run, when that is there.
 */
export async function amongStrangers<T>(work: () => Promise<T>): Promise<T> {
  // It sets the handlers of what it knows first.
  const working = work();
  hear();
  try {
    return await working;
  } finally {
    await handlersFinished();
  }
}

/** Waits until nothing that came is still being handled; also in a workflow that is being cancelled. */
export const handlersFinished = (): Promise<void> => CancellationScope.nonCancellable(() => condition(allHandlersFinished));

function hear(): void {
  let heard = 0;
  let next = 1;
  setDefaultSignalHandler(async (name) => {
    // A run that was begun by earlier code has ignored them.
    if (!patched('unknown-signals')) return;
    heard += 1;
    if (heard < next) return;
    const nth = heard;
    next = nth < ONE_BY_ONE ? nth + 1 : 2 * nth;
    // What cannot be recorded must not end the work.
    await CancellationScope.nonCancellable(() => record.recordUnknownSignal.executeWithOptions({ summary: 'Record a signal that nobody knows' }, [name.slice(0, MAX_NAME), nth])).catch(() => undefined);
  });
}
