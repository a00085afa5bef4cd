import { parse } from 'yaml';
import type { ExperimentAnswer } from '../../api/experiments/experiments.dto.js';
import type { ExperimentSource } from '../../contracts/experiments.js';
import { jsonBody } from '../api-client.js';
import { figure, moment } from '../numbers.js';
import { ProblemError } from '../problem-error.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { readSpecFile } from '../spec-file.js';
import { facts, table } from '../table.js';
import type { Terminal } from '../terminal.js';

export interface ExperimentsOptions {
  readonly sort?: string;
  readonly order: 'asc' | 'desc';
  readonly source?: ExperimentSource;
  readonly limit: number;
}

const SHOWN_METRICS = 3;
const base = (model: string): string => `/v1/models/${encodeURIComponent(model)}/experiments`;

/** `perennial experiments <model> [number]` */
export async function experiments(session: Session, model: string, number: number | undefined, { sort, order, source, limit }: ExperimentsOptions): Promise<ExitCode> {
  if (number !== undefined) {
    const one = await session.api.get<ExperimentAnswer>(`${base(model)}/${number}`);
    session.show(one, () => report(session.terminal, one));
    return EXIT.done;
  }
  const query = new URLSearchParams({ order, limit: String(limit), ...(sort !== undefined && { sort }), ...(source !== undefined && { source }) });
  const list = await session.api.get<{ items: ExperimentAnswer[] }>(`${base(model)}?${query.toString()}`);
  session.show(list, () => table(
    session.terminal,
    [{ title: 'Source' }, { title: 'Number', align: 'right' }, { title: 'Name' }, { title: 'Metrics' }, { title: 'Data' }, { title: 'Code' }, { title: 'By' }, { title: 'When' }],
    list.items.map((one) => [one.source, String(one.number), one.name, metricsText(one.metrics, sort), one.dataVersion.slice(0, 19), one.codeVersion.slice(0, 19), one.by, moment(one.at)]),
    `${model} has no experiments yet: log one with \`perennial log-experiment\`, or retrain it`,
  ));
  return EXIT.done;
}

/** `perennial log-experiment <model> -f experiment.yaml` */
export async function logExperiment(session: Session, model: string, file: string): Promise<ExitCode> {
  const one = await session.api.command<ExperimentAnswer>(base(model), jsonBody(parsed(file)));
  session.show(one, () => `experiment ${one.number} of ${model} is on the record\n`);
  return EXIT.done;
}

function parsed(file: string): unknown {
  const text = readSpecFile(file, 'an experiment');
  try {
    return parse(text);
  } catch (error) {
    throw ProblemError.of('InvalidRequest', `${file} is not YAML: ${error instanceof Error ? error.message : String(error)}`, file);
  }
}

/** The one that is sorted by first. */
function metricsText(metrics: ExperimentAnswer['metrics'], sort: string | undefined): string {
  const names = Object.keys(metrics).sort((one, other) => Number(other === sort) - Number(one === sort));
  const shown = names.slice(0, SHOWN_METRICS).map((name) => `${name} ${figure(metrics[name])}`);
  return [...shown, ...(names.length > SHOWN_METRICS ? ['…'] : [])].join(', ');
}

const report = (terminal: Terminal, one: ExperimentAnswer): string => facts(terminal, [
  ['experiment', `${one.number} of ${one.model}: ${one.name}`],
  ['data', one.dataVersion],
  ['code', one.codeVersion],
  ...Object.entries(one.parameters).map(([name, value]) => [name, String(value)] as const),
  ...Object.entries(one.metrics).map(([name, value]) => [name, String(value)] as const),
  ...Object.entries(one.artifacts).map(([name, digest]) => [name, digest] as const),
  ['logged', `${moment(one.at)} by ${one.by}`],
  ['started', one.startedAt && moment(one.startedAt)],
  ['finished', one.finishedAt && moment(one.finishedAt)],
  ['notes', one.notes],
]);
