import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { MEMORY_EXCEEDED } from './scoring-job.js';

/**
 * Runs as a thread of the scoring process, whose main thread stands still while the model runs. It ends the whole
 * process when that outgrows its bound or has lost its parent, neither of which native code would notice.
 */
export interface WatchdogOptions {
  readonly parentPid: number;
  readonly maxRssBytes: number;
  readonly everyMs: number;
}

const { parentPid, maxRssBytes, everyMs } = workerData as WatchdogOptions;

setInterval(() => {
  if (process.ppid !== parentPid) process.kill(process.pid, 'SIGKILL');
  const rss = process.memoryUsage.rss();
  if (rss <= maxRssBytes) return;
  writeSync(2, `${MEMORY_EXCEEDED}: ${rss}\n`);
  process.kill(process.pid, 'SIGKILL');
}, everyMs);
