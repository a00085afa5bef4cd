import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../config/environment.js';
import { PerennialError } from '../contracts/failures.js';
import { isoTime } from '../contracts/time.js';
import { Database, fileList, type Row } from '../data/duckdb.js';
import { quoteIdentifier } from '../data/feature-encoding.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { askGateway, type GatewayCaller } from './ask-gateway.js';
import type { Stretch } from './monitor-scenario.js';

/** Rows of one request. */
const BATCH = 250;
const AT_ONCE = 2;

/** The rows of a model's own data as its traffic: asked of the gateway in batches, each row under its key and its event time, and labelled later. */
export class RowTraffic {
  private constructor(
    private readonly database: Database,
    private readonly files: readonly string[],
    private readonly spec: ModelSpec,
    private readonly caller: GatewayCaller,
  ) {}

  static async open({ DATA_DIR, WORK_DIR }: Environment, spec: ModelSpec, caller: GatewayCaller): Promise<RowTraffic> {
    const folder = await realpath(join(DATA_DIR, spec.data.source.path, '..'));
    const files = (await readdir(folder)).filter((name) => name.endsWith('.parquet')).sort().map((name) => join(folder, name));
    const database = await Database.open({ files, scratch: join(WORK_DIR, 'tour'), limits: { memoryMb: 256, threads: 1 } });
    return new RowTraffic(database, files, spec, caller);
  }

  close(): void {
    this.database.close();
  }

  /** Asks for the predictions of a stretch. @returns how many @throws PerennialError `InferenceFailed` */
  async ask(stretch: Stretch): Promise<number> {
    const { features, eventTime } = this.spec.data;
    const columns = features.map(({ name, type }) => `${quoteIdentifier(name)}::${type === 'category' ? 'VARCHAR' : 'DOUBLE'} AS ${quoteIdentifier(`feature_${name}`)}`);
    const rows = await this.database.rows(`SELECT ${this.key()} AS id, epoch_ms(${quoteIdentifier(eventTime)})::DOUBLE AS ms, ${columns.join(', ')} FROM ${this.rowsOf(stretch)} ORDER BY ms, id`);
    let next = 0;
    const caller = async (): Promise<void> => {
      for (let start = (next += BATCH) - BATCH; start < rows.length; start = (next += BATCH) - BATCH) await this.predict(rows.slice(start, start + BATCH));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, caller));
    return rows.length;
  }

  /** The labels of a stretch that are ever known, as CSV. */
  async labels(stretch: Stretch): Promise<string> {
    const label = quoteIdentifier(this.spec.data.label);
    const rows = await this.database.rows(`SELECT ${this.key()} AS id, ${label}::INTEGER::VARCHAR AS label FROM ${this.rowsOf(stretch)} AND ${label} IS NOT NULL ORDER BY id`);
    return `prediction_id,label\n${rows.map(({ id, label: value }) => `${String(id)},${String(value)}\n`).join('')}`;
  }

  private async predict(rows: readonly Row[]): Promise<void> {
    const { model, data } = this.spec;
    const inputs = [
      tensor('perennial_prediction_id', 'BYTES', rows.map(({ id }) => String(id))), tensor('perennial_event_time', 'BYTES', rows.map(({ ms }) => isoTime(Number(ms)))),
      ...data.features.map((feature) => tensorOf(feature, rows)),
    ];
    const response = await askGateway(this.caller, model, 'infer', JSON.stringify({ inputs }));
    const answer = await response.text();
    if (!response.ok) throw new PerennialError('InferenceFailed', `The gateway answered ${response.status} for ${rows.length} rows of ${model}: ${answer.slice(0, 300)}`);
  }

  private key(): string {
    return `${quoteIdentifier(this.spec.data.key[0] as string)}::VARCHAR`;
  }

  private rowsOf({ fromMs, untilMs }: Stretch): string {
    const time = quoteIdentifier(this.spec.data.eventTime);
    return `read_parquet(${fileList(this.files)}) WHERE ${time} >= make_timestamp(${fromMs * 1_000}) AND ${time} < make_timestamp(${untilMs * 1_000})`;
  }
}

const tensor = (name: string, datatype: string, data: readonly unknown[]): object => ({ name, shape: [data.length], datatype, data });

const tensorOf = ({ name, type }: FeatureSpec, rows: readonly Row[]): object =>
  tensor(name, type === 'category' ? 'BYTES' : 'FP64', rows.map((row) => row[`feature_${name}`] ?? null));
