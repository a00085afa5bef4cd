import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Terminal } from '../cli/terminal.js';
import type { Environment } from '../config/environment.js';
import { readLocalApiKey } from '../embedded/local-api-key.js';
import type { RunningInstance } from '../embedded/up.js';
import { comparisonPlot } from './release-plot.js';
import { ReleaseReport } from './release-report.js';
import { releaseResult } from './release-result.js';
import { releaseTour } from './release-tour.js';
import { writeResult } from './tour-result.js';

const FOLDER = join('var', 'demo');
export const RELEASE_RESULT = join(FOLDER, 'release-result.json');
const PLOT = join(FOLDER, 'release-comparison.svg');

/** Takes the release tour on a running instance, tells how it goes, and leaves a result and a plot in `var/demo`. */
export async function runReleaseTour(environment: Environment, instance: RunningInstance, terminal: Terminal, setupS: number): Promise<void> {
  const report = new ReleaseReport(terminal);
  const began = performance.now();
  const outcome = await releaseTour(
    { environment, apiUrl: instance.apiUrl, gatewayUrl: instance.gatewayUrl, apiKey: readLocalApiKey(environment.STATE_DIR) as string },
    report,
  ).finally(() => report.finish());
  const timings = { setupS, jobS: Number(((performance.now() - began) / 1_000).toFixed(1)) };
  const urls = { api: instance.apiUrl, gateway: instance.gatewayUrl, temporalUi: instance.temporalUiUrl };
  const result = releaseResult(outcome, timings, urls);
  await writeResult(RELEASE_RESULT, result);
  await writeFile(PLOT, comparisonPlot(result.releases));
  terminal.out(`\n${report.summary(result)}\nSet-up ${timings.setupS} s, job ${timings.jobS} s. Written to ${RELEASE_RESULT}; the comparisons as a picture: ${PLOT}.\n`);
}
