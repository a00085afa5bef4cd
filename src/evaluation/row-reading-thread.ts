import { parentPort, workerData } from 'node:worker_threads';
import { ParquetRows } from './parquet-rows.js';
import type { ReadingMessage, ReadingOrder, RowBatch } from './row-batch.js';
import { RowGatherer } from './row-gatherer.js';
import { threadFailure } from './thread-channel.js';

/**
 * Runs as a thread of the scoring process: reads and gathers the next rows while models work on those before. It
 * stays a few batches ahead, because it needs the features' array of an earlier batch back to go on.
 */
const AHEAD = 2;
const COLLECT_EVERY_CHUNKS = 4;

const port = parentPort!;
const { job, work } = workerData as ReadingOrder;
const width = job.spec.data.features.length;
/** One for each run that may be going on, and what is read ahead. */
let unmade = job.threads + AHEAD;
const free: Float32Array[] = [];
let wake: (() => void) | undefined;

port.on('message', (features: Float32Array) => {
  free.push(features);
  wake?.();
});

async function room(): Promise<Float32Array> {
  while (free.length === 0) {
    if (unmade > 0) {
      unmade -= 1;
      return new Float32Array(job.batchRows * width);
    }
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  return free.pop()!;
}

function hand({ rows, features, labels, eventTimesMs, slices }: RowBatch): void {
  const message: ReadingMessage = { kind: 'batch', rows, features, labels, eventTimesMs, slices };
  port.postMessage(message, [features, labels, eventTimesMs, ...slices].map(({ buffer }) => buffer as ArrayBuffer));
}

async function read(): Promise<void> {
  const rows = await ParquetRows.open(job, work);
  const say = (message: ReadingMessage): void => port.postMessage(message);
  try {
    say({ kind: 'outline', counts: rows.counts, slices: rows.slices });
    const another = async (): Promise<RowGatherer> => new RowGatherer(await room(), width, job.batchRows, rows.slices.length);
    let gatherer: RowGatherer | undefined;
    let chunks = 0;
    for await (const chunk of rows.chunks()) {
      for (let from = 0; from < chunk.rows; ) {
        gatherer ??= await another();
        from += gatherer.take(chunk, from);
        if (!gatherer.full) continue;
        hand(gatherer.batch());
        gatherer = undefined;
      }
      // Node's heap hardly grows while the chunks' memory outside it does, so nobody else would collect them in time.
      if (++chunks % COLLECT_EVERY_CHUNKS === 0) globalThis.gc?.({ type: 'minor' });
    }
    if (gatherer) hand(gatherer.batch());
    say({ kind: 'end' });
  } finally {
    rows.close();
  }
}

void read()
  .catch((error: unknown) => port.postMessage(threadFailure(error)))
  .finally(() => port.close());
