import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { asOfWeek, smallSpec, writeEvents } from '../../test/small-model.js';
import { TASK_QUEUES } from '../../src/contracts/motion.js';
import { median } from '../statistics.js';
import { type ActivityTimes, timesOf, type WorkflowTimes } from './history-times.js';
import type { Installation } from './installation.js';

const MODELS = 3;
/** The first trains without a champion, the second against it. */
const WEEKS = [8, 10];
const GOAL_MS = 2_000;
const WORK = ['takeSnapshot', 'validateData', 'train', 'admit', 'score'];

/** Where the time of one retrain went, in milliseconds; what is no work is overhead. */
export interface RetrainTimes {
  readonly totalMs: number;
  readonly overheadMs: number;
  readonly work: Readonly<Record<string, number>>;
  readonly overhead: Readonly<Record<string, number>>;
}

const runMs = ({ startedMs, completedMs }: ActivityTimes): number => completedMs - startedMs;
const waitMs = ({ scheduledMs, startedMs }: ActivityTimes): number => startedMs - scheduledMs;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * Splits a retrain's time, from its request to the outcome in the record: the work of its activities, and everything
 * else by where it went. The parts of `overhead` add up to `overheadMs`, because a retrain's steps never overlap.
 */
export function splitTimes({ startedMs, activities }: WorkflowTimes, askedMs: number): RetrainTimes {
  const recorded = activities.find(({ name }) => name === 'endRetrain') as ActivityTimes;
  const work = activities.filter(({ name }) => WORK.includes(name));
  const gateways = activities.filter(({ name }) => name === 'awaitGateways');
  const record = activities.filter((activity) => !work.includes(activity) && !gateways.includes(activity));
  const onLifecycle = activities.filter(({ queue }) => queue === TASK_QUEUES.lifecycle);
  const elsewhere = activities.filter((activity) => !onLifecycle.includes(activity));
  const totalMs = recorded.completedMs - askedMs;
  const overheadMs = totalMs - sum(work.map(runMs));
  const known = {
    'request until the workflow starts': startedMs - askedMs,
    'record steps wait for a worker': sum(onLifecycle.map(waitMs)),
    'data and training steps wait': sum(elsewhere.map(waitMs)),
    'record steps run': sum(record.map(runMs)),
    'gateways follow': sum(gateways.map(runMs)),
  };
  return {
    totalMs, overheadMs,
    work: Object.fromEntries(work.map((activity) => [activity.name, runMs(activity)])),
    overhead: { ...known, 'workflow decides between steps': overheadMs - sum(Object.values(known)) },
  };
}

/** Real retrains of a small model, and what they took beyond their work. */
export async function benchRetrainOverhead(perennial: Installation): Promise<void> {
  console.log(`\nRetrains of a small model (7,200 rows, 40 rounds of XGBoost), from the request to the outcome in the record`);
  const all: RetrainTimes[] = [];
  for (let index = 1; index <= MODELS; index++) {
    const model = `bench-${index}`;
    await writeEvents(perennial.dataDir, model);
    await perennial.apply(smallSpec({ model }));
    for (const week of WEEKS) all.push(await measureRetrain(perennial, model, week));
  }
  report(all);
}

async function measureRetrain(perennial: Installation, model: string, week: number): Promise<RetrainTimes> {
  const askedMs = Date.now();
  const { workflowId } = await perennial.call<{ workflowId: string }>('POST', `/v1/models/${model}/retrains`, JSON.stringify({ asOf: asOfWeek(week) }));
  const answeredMs = Date.now();
  const handle = perennial.temporal.workflow.getHandle(workflowId);
  const { outcome } = await resultOf(handle);
  const history = timesOf(await handle.fetchHistory());
  const times = splitTimes(history, askedMs);
  console.log(`${workflowId} ${outcome}: ${(times.totalMs / 1_000).toFixed(2)} s, of them ${times.overheadMs.toFixed(0)} ms overhead; ${history.activities.length} activities, ${history.workflowTasks} workflow tasks, request answered in ${answeredMs - askedMs} ms`);
  return times;
}

/** The request is answered when the record holds it; its workflow starts right after. */
async function resultOf(handle: WorkflowHandle): Promise<{ outcome: string }> {
  for (;;) {
    try {
      return (await handle.result()) as { outcome: string };
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      await sleep(20);
    }
  }
}

function report(all: readonly RetrainTimes[]): void {
  for (const part of ['work', 'overhead'] as const) {
    console.log(`\n${part === 'work' ? 'work, by step' : 'overhead, by where it goes'} (median ms of ${all.length} retrains)`);
    for (const name of new Set(all.flatMap((times) => Object.keys(times[part])))) {
      const values = all.flatMap((times) => times[part][name] ?? []);
      console.log(`  ${name.padEnd(36)}${median(values).toFixed(0).padStart(8)}`);
    }
  }
  const overheadMs = median(all.map((times) => times.overheadMs));
  const worstMs = Math.max(...all.map((times) => times.overheadMs));
  console.log(`goal: a retrain spends at most ${GOAL_MS / 1_000} s beyond its data work and training; median ${overheadMs.toFixed(0)} ms, worst ${worstMs.toFixed(0)} ms, ${worstMs <= GOAL_MS ? 'met' : 'NOT met'}`);
}
