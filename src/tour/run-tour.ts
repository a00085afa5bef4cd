import { join } from 'node:path';
import type { Terminal } from '../cli/terminal.js';
import type { Environment } from '../config/environment.js';
import { readLocalApiKey } from '../embedded/local-api-key.js';
import type { RunningInstance } from '../embedded/up.js';
import { flightTour } from './flight-tour.js';
import { TourReport } from './tour-report.js';
import { tourResult, writeResult } from './tour-result.js';

const RESULT = join('var', 'demo', 'result.json');

/** Takes the short tour on a running instance, tells how it goes, and leaves `var/demo/result.json`. */
export async function runTour(environment: Environment, instance: RunningInstance, terminal: Terminal, setupS: number): Promise<void> {
  const report = new TourReport(terminal);
  const began = performance.now();
  const outcome = await flightTour(
    { environment, apiUrl: instance.apiUrl, gatewayUrl: instance.gatewayUrl, apiKey: readLocalApiKey(environment.STATE_DIR) as string },
    report,
  ).finally(() => report.finish());
  const hereS = (performance.now() - began) / 1_000;
  const timings = { setupS, jobS: Number((hereS + outcome.earlierS).toFixed(1)) };
  const urls = { api: instance.apiUrl, gateway: instance.gatewayUrl, temporalUi: instance.temporalUiUrl };
  await writeResult(RESULT, tourResult(outcome, timings, urls));
  const earlier = outcome.earlierS > 0 ? ` (${outcome.earlierS.toFixed(1)} s of it at earlier starts)` : '';
  terminal.out(`\n${report.summary(outcome)}\nSet-up ${timings.setupS} s, job ${timings.jobS} s${earlier}. Written to ${RESULT}.\n`);
}
