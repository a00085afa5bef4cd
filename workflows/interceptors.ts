import { defaultPayloadConverter, type Payload, type WorkflowInterceptors } from '@temporalio/workflow';
import { COMMAND_UPDATE } from '../src/contracts/motion.js';
import { amongStrangers } from './strangers.js';

const RESERVED = '__temporal_';

/**
 * Every workflow works among strangers: anybody who reaches Temporal may send it signals and updates. What they send must not fail workflow tasks, which would be tried for ever: but for the id
 * that commands come by, nothing that came with them is read; what cannot be decoded is left out, so that it comes to the record as an unknown id; and a name that Temporal keeps for itself is heard as a stranger's.
 */
export const interceptors = (): WorkflowInterceptors => ({
  inbound: [{ execute: (input, next) => amongStrangers(() => next(input)) }],
  internals: [{
    activate(input, next) {
      for (const { signalWorkflow: signal, doUpdate: update } of input.activation.jobs ?? []) {
        if (signal) [signal.input, signal.signalName] = [[], heardAs(signal.signalName)];
        if (update) [update.input, update.name] = [update.name === COMMAND_UPDATE ? readable(update.input) : [], heardAs(update.name)];
      }
      next(input);
    },
  }],
});

const heardAs = (name: string | null | undefined): string => (name?.startsWith(RESERVED) ? `reserved ${name}` : (name ?? ''));

function readable(payloads: Payload[] | null | undefined): Payload[] {
  try {
    for (const payload of payloads ?? []) defaultPayloadConverter.fromPayload(payload);
    return payloads ?? [];
  } catch {
    return [];
  }
}
