import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../config/environment.js';
import { type Row, withDatabase } from '../data/duckdb.js';
import { quoteIdentifier, quoteLiteral } from '../data/feature-encoding.js';
import { PerennialError } from '../contracts/failures.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { parseSpec } from '../spec/parse-spec.js';
import { askGateway, type GatewayCaller } from './ask-gateway.js';

/** What the gateway answered for a few flights. */
export interface Prediction {
  readonly version: string;
  readonly epoch: number;
  /** Probability of being late, flight by flight. */
  readonly probabilities: readonly number[];
}

const FLIGHTS = 3;
let request: Promise<string> | undefined;

/** Asks the gateway for the first flights of the last file. @throws PerennialError `InferenceFailed` */
export async function predictFlights(caller: GatewayCaller, environment: Environment, model: string): Promise<Prediction> {
  request ??= inferRequest(environment, model);
  const response = await askGateway(caller, model, 'infer', await request);
  const answer = (await response.json()) as { error?: string; model_version: string; parameters: { epoch: number }; outputs: { name: string; data: number[] }[] };
  if (!response.ok) throw new PerennialError('InferenceFailed', `The gateway answered ${response.status}: ${answer.error}`);
  const pairs = answer.outputs.find(({ name }) => name === 'probabilities')?.data ?? [];
  return { version: answer.model_version, epoch: answer.parameters.epoch, probabilities: pairs.filter((_, index) => index % 2 === 1) };
}

/** A request of the Open Inference Protocol with one tensor a feature. */
async function inferRequest(environment: Environment, model: string): Promise<string> {
  const { spec } = parseSpec(await readFile(join('models', model, 'model.yaml'), 'utf8'));
  const folder = join(environment.DATA_DIR, 'flights');
  const newest = (await readdir(folder)).filter((name) => name.endsWith('.parquet')).sort().at(-1) as string;
  const file = join(folder, newest);
  const columns = spec.data.features.map(({ name, type }) => `${quoteIdentifier(name)}::${type === 'category' ? 'VARCHAR' : 'DOUBLE'} AS ${quoteIdentifier(name)}`);
  const rows = await withDatabase({ files: [file], scratch: join(environment.WORK_DIR, 'tour') }, (database) =>
    database.rows(`SELECT ${columns.join(', ')} FROM read_parquet(${quoteLiteral(file)}) ORDER BY flight_id LIMIT ${FLIGHTS}`),
  );
  return JSON.stringify({ id: 'tour', inputs: spec.data.features.map((feature) => tensor(feature, rows)) });
}

const tensor = ({ name, type }: FeatureSpec, rows: readonly Row[]): object => ({
  name,
  shape: [rows.length],
  datatype: type === 'category' ? 'BYTES' : 'FP64',
  data: rows.map((row) => row[name] ?? null),
});
