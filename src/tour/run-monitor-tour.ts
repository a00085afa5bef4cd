import { join } from 'node:path';
import type { Terminal } from '../cli/terminal.js';
import type { Environment } from '../config/environment.js';
import { isoTime } from '../contracts/time.js';
import { readLocalApiKey } from '../embedded/local-api-key.js';
import type { RunningInstance } from '../embedded/up.js';
import { MonitorReport } from './monitor-report.js';
import { monitorTour, type WatchedModel } from './monitor-tour.js';
import { writeResult } from './tour-result.js';

export const MONITOR_RESULT = join('var', 'demo', 'monitor-result.json');

/** Takes the monitoring tour on a running instance, tells how it goes, and leaves a result in `var/demo`. */
export async function runMonitorTour(environment: Environment, instance: RunningInstance, terminal: Terminal, setupS: number): Promise<void> {
  const report = new MonitorReport(terminal);
  const began = performance.now();
  const outcome = await monitorTour(
    { environment, apiUrl: instance.apiUrl, gatewayUrl: instance.gatewayUrl, apiKey: readLocalApiKey(environment.STATE_DIR) as string },
    report,
  ).finally(() => report.finish());
  const timings = { setupS, jobS: Number(((performance.now() - began) / 1_000).toFixed(1)) };
  const { flights, employment, scenario } = outcome;
  const madeUp = { celsiusFrom: isoTime(scenario.celsius.fromMs), celsiusUntil: isoTime(scenario.celsius.untilMs), turnedFrom: isoTime(scenario.turnedFromMs) };
  await writeResult(MONITOR_RESULT, { madeUp, models: [flights, employment].map(entryOf), timings, urls: { api: instance.apiUrl, gateway: instance.gatewayUrl, temporalUi: instance.temporalUiUrl } });
  const newest = flights.windows.at(-1)?.window;
  const page = newest ? `\nThe last window of the flights as a page: ${instance.apiUrl}${newest.links.page}` : '';
  terminal.out(`\n${report.summary(outcome)}\nSet-up ${timings.setupS} s, job ${timings.jobS} s. Written to ${MONITOR_RESULT}.${page}\n`);
}

/** The course of a model as a document, for programs. */
const entryOf = ({ model, windows, alarms, report }: WatchedModel): object => ({
  model,
  windows: windows.map(({ window, closed, decisions, retrain }) => ({
    from: window.from, until: window.until, verdict: window.verdict, version: window.version, rows: window.rows, labelled: window.labelled, metric: window.metric, measured: window.measured,
    estimated: closed.estimated, baseline: window.baseline, meanLoss: window.meanLoss, harm: window.harm, drifted: closed.drifted,
    decisions: decisions.map(({ outcome, reason, trigger, because, wouldHaveRetrained }) => ({ outcome, reason, trigger, because, wouldHaveRetrained })),
    retrain: retrain && { number: retrain.number, trigger: retrain.trigger, version: retrain.version, outcome: retrain.outcome, reason: retrain.reason },
  })),
  alarms: alarms.map(({ kind, severity, subject, summary, raisedAt }) => ({ kind, severity, subject, summary, raisedAt })),
  fairness: report?.fairness ?? null,
});
