import { quoteIdentifier, quoteLiteral } from '../data/feature-encoding.js';
import type { Database } from '../data/duckdb.js';
import { type AppendedType, CHUNK_ROWS, type TableAppender } from '../data/table-appender.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import type { Observation, ObservationContext } from './segment-format.js';

const FIXED: readonly (readonly [name: string, type: AppendedType])[] = [
  ['prediction_id', 'VARCHAR'], ['entity_key', 'VARCHAR'], ['event_ms', 'DOUBLE'], ['received_ms', 'DOUBLE'], ['sequence', 'DOUBLE'], ['row', 'INTEGER'],
  ['version', 'INTEGER'], ['epoch', 'DOUBLE'], ['revision', 'DOUBLE'], ['challenger', 'INTEGER'], ['stale', 'INTEGER'], ['latency_ms', 'FLOAT'],
  ['guard', 'INTEGER'], ['output', 'FLOAT'], ['raw_output', 'FLOAT'],
];
/** Different unknown texts of a feature that a file keeps, and the characters of each: a caller may send anything. Further ones are NULL. */
const MAX_UNKNOWN = 50_000;
const MAX_UNKNOWN_LENGTH = 1_000;
const GUARDS = ['none', 'clamped', 'abstained', 'fallback'];

/** A feature's field of the struct `inputs`. */
export interface InputField {
  readonly name: string;
  readonly type: 'FLOAT' | 'VARCHAR';
  /** Of type `type`. */
  readonly expression: string;
}

/** The first columns of every Parquet file, which say where its rows were observed. */
export interface Origin {
  readonly gateway: string;
  readonly boot: string;
  readonly segment: number;
}

/** Observations of one deployment whose inputs were encoded alike, in a table of DuckDB: one row a row. */
export class ObservationTable {
  private filled = 0;
  /** Texts that the spec does not know; they get the codes behind the spec's categories. */
  private readonly unknown: Map<string, number>[];

  private constructor(
    private readonly table: string,
    private readonly appender: TableAppender,
    private readonly features: readonly FeatureSpec[],
  ) {
    this.unknown = features.map(() => new Map<string, number>());
  }

  /** @param specFeatures of the spec by which the inputs were encoded */
  static async create(database: Database, table: string, context: ObservationContext, specFeatures: readonly FeatureSpec[]): Promise<ObservationTable> {
    const bySpec = new Map(specFeatures.map((feature) => [feature.name, feature]));
    const names = context.observeInputs ? context.features : [];
    const features = names.map((name): FeatureSpec => bySpec.get(name) ?? { name, type: 'number', maxMissing: 1 });
    const columns = [...FIXED, ...features.map((_, index) => [`f${index}`, 'FLOAT'] as const)];
    await database.run(`CREATE TABLE ${table} (${columns.map(([name, type]) => `${name} ${type}`).join(', ')})`);
    return new ObservationTable(table, await database.appender(table, columns.map(([, type]) => type)), features);
  }

  add(observation: Observation): void {
    const codes = this.codesOfUnknown(observation);
    for (let row = 0; row < observation.rows; row++) {
      if (this.filled === CHUNK_ROWS) this.commit();
      this.addRow(observation, row, this.filled);
      for (const [feature, code] of codes?.get(row) ?? []) this.numbers(FIXED.length + feature)[this.filled] = code;
      this.filled += 1;
    }
  }

  close(): void {
    this.commit();
    this.appender.close();
  }

  /** Empty where the inputs were not kept. */
  fields(): InputField[] {
    return this.features.map((feature, index) => {
      if (feature.type === 'number') return { name: feature.name, type: 'FLOAT', expression: known(`f${index}`) };
      const texts = [...feature.categories, ...(this.unknown[index] ?? new Map<string, number>()).keys()];
      // What is missing is NaN, which is no index.
      return { name: feature.name, type: 'VARCHAR', expression: `list_extract([${texts.map(quoteLiteral).join(', ')}], TRY_CAST(f${index} AS INTEGER) + 1)` };
    });
  }

  /** @param fields of all tables that go into the file; undefined where it has no column `inputs` */
  select({ gateway, boot, segment }: Origin, fields: readonly Pick<InputField, 'name' | 'type'>[] | undefined): string {
    return `SELECT prediction_id, entity_key, ${timestamp('event_ms')} AS event_time, ${timestamp('received_ms')} AS received_at,
      ${quoteLiteral(gateway)} AS gateway, ${quoteLiteral(boot)} AS boot, ${segment}::INTEGER AS segment, sequence::BIGINT AS sequence, "row",
      version, epoch::BIGINT AS epoch, revision::BIGINT AS revision, CASE WHEN challenger = 1 THEN 'challenger' ELSE 'champion' END AS role,
      stale = 1 AS stale, latency_ms, [${GUARDS.map(quoteLiteral).join(', ')}][guard + 1] AS guard,
      ${known('output')} AS output, ${known('raw_output')} AS raw_output${fields ? `, ${this.inputs(fields)} AS inputs` : ''} FROM ${this.table}`;
  }

  private inputs(fields: readonly Pick<InputField, 'name' | 'type'>[]): string {
    const own = new Map(this.fields().map((field) => [field.name.toLowerCase(), field]));
    const types = fields.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(', ');
    if (own.size === 0) return `NULL::STRUCT(${types})`;
    const values = fields.map(({ name, type }) => `${quoteIdentifier(name)} := CAST(${own.get(name.toLowerCase())?.expression ?? 'NULL'} AS ${type})`);
    return `struct_pack(${values.join(', ')})`;
  }

  private addRow(observation: Observation, row: number, at: number): void {
    const { context, perRow, rows, predictionId, outputs, rawOutputs } = observation;
    this.texts(0)[at] = perRow?.predictionIds?.[row] ?? (rows === 1 ? predictionId : `${predictionId}/${row}`);
    this.texts(1)[at] = perRow?.entityKeys ? (perRow.entityKeys[row] ?? null) : observation.entityKey;
    this.numbers(2)[at] = withinCalendar(perRow?.eventTimesMs?.[row] ?? observation.eventTimeMs);
    this.numbers(3)[at] = withinCalendar(observation.receivedAtMs);
    this.numbers(4)[at] = observation.sequence;
    this.numbers(5)[at] = row;
    this.numbers(6)[at] = context.version;
    this.numbers(7)[at] = context.epoch;
    this.numbers(8)[at] = context.revision;
    this.numbers(9)[at] = context.role === 'challenger' ? 1 : 0;
    this.numbers(10)[at] = observation.stale ? 1 : 0;
    this.numbers(11)[at] = observation.latencyMs;
    this.numbers(12)[at] = observation.guards?.[row] ?? 0;
    this.numbers(13)[at] = outputs[row] as number;
    this.numbers(14)[at] = (rawOutputs ?? outputs)[row] as number;
    const width = this.features.length;
    for (let index = 0; index < width; index++) this.numbers(FIXED.length + index)[at] = observation.features?.[row * width + index] ?? NaN;
  }

  private codesOfUnknown({ unknown }: Observation): Map<number, [feature: number, code: number][]> | undefined {
    if (unknown.length === 0) return undefined;
    const codes = new Map<number, [number, number][]>();
    for (const { row, feature, text } of unknown) {
      const spec = this.features[feature];
      const texts = this.unknown[feature];
      if (spec?.type !== 'category' || !texts) continue;
      // DuckDB's statements end at a NUL.
      const shown = text.slice(0, MAX_UNKNOWN_LENGTH).replaceAll('\0', '\ufffd');
      if (!texts.has(shown) && texts.size < MAX_UNKNOWN) texts.set(shown, spec.categories.length + texts.size);
      codes.set(row, [...(codes.get(row) ?? []), [feature, texts.get(shown) ?? NaN]]);
    }
    return codes;
  }

  private commit(): void {
    if (this.filled > 0) this.appender.commit(this.filled);
    this.filled = 0;
  }

  private numbers(column: number): Float64Array {
    return this.appender.columns[column] as Float64Array;
  }

  private texts(column: number): (string | null)[] {
    return this.appender.columns[column] as (string | null)[];
  }
}

export const known = (column: string): string => `CASE WHEN isnan(${column}) THEN NULL ELSE ${column} END`;
const timestamp = (column: string): string => `make_timestamp(CAST(round(${column} * 1000) AS BIGINT))`;

/** A caller may name any time; files and record hold those of the years 1 to 9999. */
const EARLIEST_MS = Date.parse('0001-01-01T00:00:00Z');
const LATEST_MS = Date.parse('9999-12-31T00:00:00Z');
export const withinCalendar = (ms: number): number => Math.min(LATEST_MS, Math.max(EARLIEST_MS, Number.isNaN(ms) ? 0 : ms));
