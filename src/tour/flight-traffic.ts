import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../config/environment.js';
import { Database, fileList, type Row } from '../data/duckdb.js';
import { quoteIdentifier } from '../data/feature-encoding.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { HOUR_MS } from './event-days.js';

/** A flight as its planners ask for it, and what became of it. */
export interface Flight {
  /** Names its prediction. */
  readonly id: string;
  /** The flight number, which flies every day: what sticks to a version during a canary. */
  readonly entity: string;
  readonly eventTimeMs: number;
  /** One tensor a feature, of one row. */
  readonly inputs: readonly object[];
  /** Null: it never arrived, and nobody will ever say. */
  readonly late: boolean | null;
  /** Event time at which the airline reports its arrival. */
  readonly reportedMs: number;
}

const MINUTE_MS = 60_000;
/** The files hold no delay, only whether it was more than 15 minutes: an on-time flight is reported then, a late one later. */
const REPORTED_AFTER_MIN = { onTime: 15, late: 90 } as const;
const TO_DEPARTURE_MIN = 60;

/** Reads the flights of a stretch of event time from the example's files. */
export class FlightTraffic {
  private constructor(
    private readonly database: Database,
    private readonly files: readonly string[],
    private readonly features: readonly FeatureSpec[],
  ) {}

  static async open({ DATA_DIR, WORK_DIR }: Environment, spec: ModelSpec): Promise<FlightTraffic> {
    const folder = await realpath(join(DATA_DIR, 'flights'));
    const files = (await readdir(folder)).filter((name) => name.endsWith('.parquet')).sort().map((name) => join(folder, name));
    return new FlightTraffic(await Database.open({ files, scratch: join(WORK_DIR, 'tour'), limits: { memoryMb: 256, threads: 1 } }), files, spec.data.features);
  }

  close(): void {
    this.database.close();
  }

  /** Flights whose prediction is asked for in [fromMs, untilMs), in that order. */
  async between(fromMs: number, untilMs: number): Promise<Flight[]> {
    const columns = this.features.map(({ name, type }) => `${quoteIdentifier(name)}::${type === 'category' ? 'VARCHAR' : 'DOUBLE'} AS ${quoteIdentifier(`feature_${name}`)}`);
    const rows = await this.database.rows(`
      SELECT flight_id, late, epoch_ms(predicted_at)::DOUBLE AS event_ms, scheduled_minutes::DOUBLE AS airborne, ${columns.join(', ')}
      FROM read_parquet(${fileList(this.files)}) WHERE predicted_at >= make_timestamp(${fromMs * 1_000}) AND predicted_at < make_timestamp(${untilMs * 1_000})
      ORDER BY predicted_at, flight_id`);
    return rows.map((row) => this.flight(row));
  }

  private flight(row: Row): Flight {
    const [id, eventTimeMs, late] = [String(row['flight_id']), Number(row['event_ms']), row['late'] as boolean | null];
    const minutes = TO_DEPARTURE_MIN + Number(row['airborne']) + (late ? REPORTED_AFTER_MIN.late : REPORTED_AFTER_MIN.onTime);
    return { id, entity: id.slice('2013-01-01-'.length), eventTimeMs, late, reportedMs: eventTimeMs + minutes * MINUTE_MS, inputs: this.features.map((feature) => tensor(feature, row)) };
  }
}

const tensor = ({ name, type }: FeatureSpec, row: Row): object => ({
  name, shape: [1], datatype: type === 'category' ? 'BYTES' : 'FP64', data: [row[`feature_${name}`] ?? null],
});

/** No flight is reported later than this after its prediction: the longest one, to Hawaii, late. */
export const REPORTED_WITHIN_MS = 24 * HOUR_MS;
