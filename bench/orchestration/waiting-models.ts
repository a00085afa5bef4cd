import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { smallSpec } from '../../test/small-model.js';
import { median } from '../statistics.js';
import type { Installation } from './installation.js';

const AT_ONCE = 4;
/** Applied before memory is first looked at, so that caches which every server fills do not count as a model's. */
const WARM_UP = 50;
const GOAL_BYTES = 100 * 1_024;
const LISTINGS = 20;
const SETTLE_SAMPLES = 20;
const SETTLE_EVERY_MS = 500;

interface Memory {
  readonly temporal: number;
  readonly worker: number;
}

/** Models that wait for commands: what each costs the Temporal server in memory, and how long the API takes to list them and to answer their inventory. */
export async function benchWaitingModels(perennial: Installation, count: number): Promise<void> {
  await applyModels(perennial, 'warm', WARM_UP);
  const before = await settledMemory(perennial);
  const appliedMs = await applyModels(perennial, 'idle', count);
  const waiting = await awaitWaiting(perennial, WARM_UP + count);
  const after = await settledMemory(perennial);
  const [listing, page, portfolio] = [await ask(perennial, '/v1/models', 'items'), await ask(perennial, '/v1/inventory', 'items'), await ask(perennial, '/v1/portfolio', 'models')];
  console.log(`\n${count} models more, waiting for commands (${waiting} life cycles are running in Temporal)`);
  console.log(`applying one, ${AT_ONCE} at a time: median ${median(appliedMs).toFixed(0)} ms`);
  console.log(`listing all ${listing.items} over the API: median ${median(listing.ms).toFixed(1)} ms of ${LISTINGS}`);
  console.log(`the inventory: a page of ${page.items} in ${median(page.ms).toFixed(1)} ms, the portfolio of all ${portfolio.items} in ${median(portfolio.ms).toFixed(1)} ms, medians of ${LISTINGS}`);
  if (!before || !after) {
    console.log('memory: not measured, because there is no /proc');
    return;
  }
  const each = (name: keyof Memory): number => (after[name] - before[name]) / count;
  console.log(`Temporal's server: ${mib(before.temporal)} → ${mib(after.temporal)} MiB resident, ${kib(each('temporal'))} KiB a model; our worker, which keeps their state at hand: ${kib(each('worker'))} KiB a model`);
  console.log(`goal: a waiting model costs the server at most ${GOAL_BYTES / 1_024} KiB; ${kib(each('temporal'))} KiB, ${each('temporal') <= GOAL_BYTES ? 'met' : 'NOT met'}`);
}

/** @returns milliseconds of each request. */
async function applyModels(perennial: Installation, prefix: string, count: number): Promise<number[]> {
  const times: number[] = [];
  let next = 0;
  const applyNext = async (): Promise<void> => {
    while (next < count) {
      const spec = smallSpec({ model: `${prefix}-${next++}` });
      const start = performance.now();
      await perennial.apply(spec);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, applyNext));
  return times;
}

/** Temporal's index follows its workflows with some delay. @throws when they are not all there after half a minute */
async function awaitWaiting(perennial: Installation, atLeast: number): Promise<number> {
  const query = "WorkflowType = 'modelLifecycle' AND ExecutionStatus = 'Running'";
  for (let tries = 0; tries < 60; tries++) {
    const { count } = await perennial.temporal.workflow.count(query);
    if (count >= atLeast) return count;
    await sleep(500);
  }
  throw new Error(`Fewer than ${atLeast} life cycles are running in Temporal`);
}

/** @param member which of the answer holds the models */
async function ask(perennial: Installation, path: string, member: string): Promise<{ items: number; ms: number[] }> {
  const ms: number[] = [];
  let items = 0;
  for (let done = 0; done < LISTINGS; done++) {
    const start = performance.now();
    items = (await perennial.call<Readonly<Record<string, readonly unknown[]>>>('GET', path))[member]?.length ?? 0;
    ms.push(performance.now() - start);
  }
  return { items, ms };
}

/** The least of ten seconds' samples: garbage that waits for its collection is nobody's. */
async function settledMemory(perennial: Installation): Promise<Memory | undefined> {
  const samples: Memory[] = [];
  for (let taken = 0; taken < SETTLE_SAMPLES; taken++) {
    await sleep(SETTLE_EVERY_MS);
    const temporal = residentBytes(Number(readFileSync(join(perennial.stateDir, 'temporal.pid'), 'utf8')));
    const worker = residentBytes(perennial.workerPid ?? 0);
    if (temporal === undefined || worker === undefined) return undefined;
    samples.push({ temporal, worker });
  }
  const least = (name: keyof Memory): number => Math.min(...samples.map((sample) => sample[name]));
  return { temporal: least('temporal'), worker: least('worker') };
}

/** Linux only. */
function residentBytes(pid: number): number | undefined {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024;
  } catch {
    return undefined;
  }
}

const mib = (bytes: number): string => (bytes / 1_024 ** 2).toFixed(0);
const kib = (bytes: number): string => (bytes / 1_024).toFixed(0);
