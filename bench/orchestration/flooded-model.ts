import { setTimeout as sleep } from 'node:timers/promises';
import { smallSpec } from '../../test/small-model.js';
import { modelWorkflowId } from '../../src/contracts/motion.js';
import type { Installation } from './installation.js';
import { StepWorkers } from './step-workers.js';

const MODEL = 'flooded';
const AT_ONCE = 64;
const POLL_MS = 250;
/** Nothing settled for so long: something was lost. */
const STALLED_MS = 120_000;

/**
 * As many commands to one model as fast as the API takes them: each must take effect once, and the model's workflow must go on. Its peer takes the same number of
 * events the plain way, as signals.
 */
export async function benchFloodedModel(perennial: Installation, count: number): Promise<void> {
  await perennial.apply(smallSpec({ model: MODEL }));
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1_000;
  const statuses = await post(perennial, count);
  const acceptedIn = seconds();
  const settled = await awaitSettled(perennial, count);
  const settledIn = seconds();
  const before = performance.now();
  await perennial.apply(smallSpec({ model: MODEL, purpose: 'Goes on after the flood.' }));
  const afterMs = performance.now() - before;
  console.log(`\n${count} commands to one model, ${AT_ONCE} at a time over the API`);
  console.log(`answered in ${acceptedIn.toFixed(1)} s, ${(count / acceptedIn).toFixed(0)} a second: ${[...statuses].map(([status, times]) => `${times} × ${status}`).join(', ')}`);
  console.log(`took effect: ${settled} in ${settledIn.toFixed(1)} s, ${(settled / settledIn).toFixed(0)} a second; ${settled === count ? 'none was dropped' : `${count - settled} WERE DROPPED`}`);
  console.log(`the workflow: ${await describeRuns(perennial)}; the next command was answered in ${afterMs.toFixed(0)} ms`);
  await benchSignals(perennial, count);
}

async function post(perennial: Installation, count: number): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  const body = (number: number): string => JSON.stringify({ severity: 'low', title: `Event ${number}`, evidenceNeeded: 'none', owner: 'nobody', dueAt: '2199-01-01T00:00:00Z' });
  let next = 0;
  const postNext = async (): Promise<void> => {
    while (next < count) {
      const status = await perennial.status('POST', `/v1/models/${MODEL}/findings`, body(next++));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, postNext));
  return statuses;
}

/** @returns how many took effect */
async function awaitSettled(perennial: Installation, count: number): Promise<number> {
  let [settled, since] = [0, performance.now()];
  while (settled < count && performance.now() - since < STALLED_MS) {
    const { openFindings } = await perennial.call<{ openFindings: number }>('GET', `/v1/models/${MODEL}`);
    if (openFindings > settled) [settled, since] = [openFindings, performance.now()];
    if (settled < count) await sleep(POLL_MS);
  }
  return settled;
}

async function describeRuns(perennial: Installation): Promise<string> {
  let [runs, events] = [0, 0];
  for await (const { historyLength } of perennial.temporal.workflow.list({ query: `WorkflowId = "${modelWorkflowId(MODEL)}"` })) {
    runs += 1;
    events += historyLength ?? 0;
  }
  return `${runs} runs with ${events} events of history`;
}

async function benchSignals(perennial: Installation, count: number): Promise<void> {
  const workers = await StepWorkers.start(perennial.temporalAddress, 'default');
  try {
    const { taken, refused, handled, seconds } = await workers.signals(count, AT_ONCE);
    console.log(`the same as signals to a plain workflow: ${taken} were taken and ${handled} handled in ${seconds.toFixed(1)} s, ${(handled / seconds).toFixed(0)} a second`);
    for (const [why, times] of refused) console.log(`  refused ${times} times: ${why}`);
  } finally {
    await workers.stop();
  }
}
