import { Worker } from 'node:worker_threads';
import { PerennialError } from '../contracts/failures.js';
import { scoreRows } from './score-rows.js';
import type { ScoringJob, ScoringMessage } from './scoring-job.js';
import type { WatchdogOptions } from './scoring-watchdog.js';

/** The program of the scoring process: takes one job, reports, and ends. Started by isolated-process.ts only. */
const watched = process.argv[2];
if (!process.send || watched === undefined) {
  process.stderr.write('This program is started by Perennial itself.\n');
  process.exit(2);
}
const REPORT_EVERY_MS = 200;
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const watchdog = new Worker(new URL(`./scoring-watchdog.${extension}`, import.meta.url), {
  workerData: JSON.parse(watched) as WatchdogOptions,
  resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
});
watchdog.unref();

/** At once, without tearing anything down: the reading thread may be in the middle of DuckDB's work. */
const end = (): void => void process.kill(process.pid, 'SIGKILL');
process.once('disconnect', end);
process.once('message', (job: ScoringJob) => {
  void perform(job).then(
    (message) => process.send?.(message, end),
    (error: unknown) => process.send?.(failure(error), end),
  );
});

async function perform(job: ScoringJob): Promise<ScoringMessage> {
  let reportedAt = 0;
  const result = await scoreRows(job, job.work, (rows, of) => {
    const now = Date.now();
    if (now - reportedAt < REPORT_EVERY_MS && rows < of) return;
    reportedAt = now;
    const message: ScoringMessage = { kind: 'progress', rows, of };
    process.send?.(message);
  });
  return { kind: 'done', result };
}

function failure(error: unknown): ScoringMessage {
  if (error instanceof PerennialError) return { kind: 'failed', type: error.type, message: error.message, details: error.details };
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'failed', type: 'ScoringFailed', message: `The evaluation rows could not be scored: ${message}`, details: {} };
}
