import type { WorkflowInterceptors } from '@temporalio/workflow';

const RESERVED = '__temporal_';

/**
 * What anybody who reaches Temporal may signal must not fail workflow tasks, which would be tried for ever: no signal here brings anything that is read, so that what cannot be decoded is not; and a
 * name that Temporal keeps for itself is heard as a stranger's.
 */
export const interceptors = (): WorkflowInterceptors => ({
  internals: [{
    activate(input, next) {
      for (const { signalWorkflow: signal } of input.activation.jobs ?? []) {
        if (!signal) continue;
        signal.input = [];
        if (signal.signalName?.startsWith(RESERVED)) signal.signalName = `reserved ${signal.signalName}`;
      }
      next(input);
    },
  }],
});
