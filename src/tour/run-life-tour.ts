import { join } from 'node:path';
import type { ModelControls } from '../api/controls/controls.dto.js';
import type { WhyAnswer } from '../api/why/why.dto.js';
import { ApiClient } from '../cli/api-client.js';
import { styled, type Terminal } from '../cli/terminal.js';
import { whyPage } from '../cli/why-page.js';
import type { Environment } from '../config/environment.js';
import { readLocalApiKey } from '../embedded/local-api-key.js';
import type { RunningInstance } from '../embedded/up.js';
import { type LifeOutcome, lifeTour, type LifeWatcher } from './life-tour.js';
import { writeResult } from './tour-result.js';

export const LIFE_RESULT = join('var', 'demo', 'life-result.json');

const WHO_WIDTH = 'perennial'.length;

const report = (terminal: Terminal): LifeWatcher => ({
  phase: (line) => terminal.out(`${line}\n`),
  stage: (model, title) => terminal.out(`\n${styled(terminal, 'bold', `${model}: ${title}`)}\n`),
  told: (who, line) => terminal.out(`  ${who.padEnd(WHO_WIDTH)}  ${line}\n`),
});

/** Takes the tour of a model's life on a running instance, tells how it goes, and leaves a result in `var/demo`. */
export async function runLifeTour(environment: Environment, instance: RunningInstance, terminal: Terminal, setupS: number): Promise<void> {
  const began = performance.now();
  const places = { environment, apiUrl: instance.apiUrl, gatewayUrl: instance.gatewayUrl, apiKey: readLocalApiKey(environment.STATE_DIR) as string };
  const outcome = await lifeTour(places, report(terminal));
  const api = new ApiClient({ url: places.apiUrl, key: places.apiKey });
  const [why, controls] = [await api.get<WhyAnswer>(`/v1/models/${outcome.flights.model}/why`), await api.get<ModelControls>(`/v1/models/${outcome.employment.model}/controls`)];
  const timings = { setupS, jobS: Number(((performance.now() - began) / 1_000).toFixed(1)) };
  await writeResult(LIFE_RESULT, { ...entriesOf(outcome), timings, urls: { api: instance.apiUrl, gateway: instance.gatewayUrl, temporalUi: instance.temporalUiUrl } });
  terminal.out(`\n${styled(terminal, 'bold', `perennial why ${outcome.flights.model}`)}\n${whyPage(terminal, why)}\n`);
  for (const { title, summary } of controls.frameworks) terminal.out(`${title}: ${summary.met} controls met by ${outcome.employment.model}, ${summary.partly} partly, ${summary.missing} missing\n`);
  terminal.out(`\nThe certificate of its retirement as a page: ${instance.apiUrl}/v1/models/${outcome.employment.model}/retirement/certificate.html\nSet-up ${timings.setupS} s, job ${timings.jobS} s. Written to ${LIFE_RESULT}.\n`);
}

/** The course of both models as a document, for programs. */
const entriesOf = ({ flights, employment }: LifeOutcome): object => ({
  flights: { model: flights.model, version: flights.version, windows: flights.windows.map(({ window }) => ({ from: window.from, verdict: window.verdict, rows: window.rows, measured: window.measured })) },
  employment: {
    model: employment.model, version: employment.version, consumers: employment.retirement.consumers, steps: employment.retirement.steps.map(({ step, actor, at }) => ({ step, actor, at })), certificate: employment.retirement.certificate,
  },
});
