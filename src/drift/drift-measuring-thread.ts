import { parentPort } from 'node:worker_threads';
import type { FeatureDrift } from '../contracts/feature-drift.js';
import { type Database, withDatabase } from '../data/duckdb.js';
import { threadFailure } from '../evaluation/thread-channel.js';
import { categoryDrift } from './category-drift.js';
import { ColumnRoom } from './column-room.js';
import { DriftColumns } from './drift-columns.js';
import type { ComparedFeature, ComparisonOrder, DriftMessage, DriftOrder, DriftQuestion, ProfileOrder } from './drift-order.js';
import { findProfiles, measureNumbers, profileNumbers } from './measure-numbers.js';
import { countsOf, frameOf } from './profile-frames.js';

/** Runs as a thread: order by order, reads columns of both sides with a DuckDB of its own and compares them. */
const MEMORY_MB = 192;
const port = parentPort!;
const room = new ColumnRoom();
const asked: DriftQuestion[] = [];
let running = new AbortController();
let wake: (() => void) | undefined;

port.on('message', (question: DriftQuestion) => {
  if (question.kind === 'stop') return running.abort(new Error('The comparison was called off'));
  asked.push(question);
  wake?.();
});

async function nextQuestion(): Promise<DriftQuestion> {
  while (asked.length === 0) await new Promise<void>((resolve) => (wake = resolve));
  return asked.shift()!;
}

const say = (message: DriftMessage): void => port.postMessage(message);

async function carryOut(order: DriftOrder): Promise<void> {
  running = new AbortController();
  const files = order.kind === 'comparison' ? [...order.baseline, ...order.window] : [...order.rows, ...order.beside];
  await withDatabase({ files, scratch: order.scratch, limits: { memoryMb: MEMORY_MB, threads: 1 }, signal: running.signal }, async (database) => {
    const answer = await (order.kind === 'comparison' ? comparing(database, order) : profiling(database, order));
    for (let question = await nextQuestion(); question.kind === 'measure'; question = await nextQuestion()) say(await answer(question.features));
  });
}

type Answering = (places: readonly number[]) => Promise<DriftMessage>;

async function comparing(database: Database, { baseline, window, features, heldRows }: ComparisonOrder): Promise<Answering> {
  const [reference, current] = [await DriftColumns.open(database, baseline), await DriftColumns.open(database, window)];
  return async (places) => ({ kind: 'measured', features: await measure(reference, current, places.map((place) => features[place]!), heldRows) });
}

async function profiling(database: Database, { rows, frames, beside, features }: ProfileOrder): Promise<Answering> {
  const columns = await DriftColumns.open(database, rows);
  const others = beside.length > 0 ? await DriftColumns.open(database, beside) : null;
  return async (places) => {
    const names = places.map((place) => features[place]!.name);
    const profiles = await (frames ? profileNumbers(columns, names, places.map((place) => frames[place]!), room) : findProfiles(columns, others, names, room));
    return { kind: 'profiled', numbers: profiles.map((profile, index) => ({ name: names[index]!, frame: frameOf(profile), counts: countsOf(profile) })) };
  };
}

async function measure(baseline: DriftColumns, window: DriftColumns, features: readonly ComparedFeature[], heldRows: number): Promise<FeatureDrift[]> {
  const numbers = features.filter(({ type }) => type === 'number').map(({ name }) => name);
  const measured = numbers.length > 0 ? await measureNumbers(baseline, window, numbers, heldRows, room) : [];
  for (const { name, type } of features) if (type === 'category') measured.push(categoryDrift(name, await baseline.categories(name), await window.categories(name)));
  return measured;
}

/** What is still asked of an order that failed has no answer. */
async function skipRest(): Promise<void> {
  for (let question = await nextQuestion(); question.kind !== 'done'; question = await nextQuestion());
}

for (;;) {
  const question = await nextQuestion();
  if (question.kind !== 'order') continue;
  try {
    await carryOut(question.order);
  } catch (error) {
    port.postMessage(threadFailure(error));
    await skipRest();
  }
  say({ kind: 'closed' });
}
