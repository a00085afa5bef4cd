import { allHandlersFinished, ApplicationFailure, CancellationScope, condition, patched, setDefaultSignalHandler, setDefaultUpdateHandler } from '@temporalio/workflow';
import { record } from './policies.js';

/** A run puts so many on the record one by one; of more each whose number has doubled, so that a flood makes its history grow by the logarithm alone. */
const ONE_BY_ONE = 20;
const MAX_NAME = 100;

/**
 * The work of a workflow that anybody who reaches Temporal may signal and update: what it does not know decides nothing, and is put on the audit ledger by name; what came with it is not looked at, and an
 * update is refused (`CommandUnknown`). The workflow ends, or continues as a new run, when that is there.
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
  const [signals, updates] = [counter(), counter()];
  setDefaultSignalHandler(async (name) => {
    // A run that was begun by earlier code has ignored them.
    if (!patched('unknown-signals')) return;
    const nth = signals();
    if (nth !== null) await put(() => record.recordUnknownSignal.executeWithOptions({ summary: 'Record a signal that nobody knows' }, [name.slice(0, MAX_NAME), nth]));
  });
  setDefaultUpdateHandler(async (name) => {
    const nth = updates();
    if (nth !== null) await put(() => record.recordUnknownUpdate.executeWithOptions({ summary: 'Record an update that nobody knows' }, [name.slice(0, MAX_NAME), nth]));
    throw ApplicationFailure.nonRetryable('The workflow takes no update of that name; commands come through the API', 'CommandUnknown', {});
  });
}

/** @returns which one has come, from 1, where it is to be recorded; null for one of a flood */
function counter(): () => number | null {
  let heard = 0;
  let next = 1;
  return () => {
    heard += 1;
    if (heard < next) return null;
    next = heard < ONE_BY_ONE ? heard + 1 : 2 * heard;
    return heard;
  };
}

/** What cannot be recorded must not end the work. */
const put = (recording: () => Promise<void>): Promise<void> => CancellationScope.nonCancellable(recording).catch(() => undefined);
