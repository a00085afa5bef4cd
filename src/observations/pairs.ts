import { withDatabase, type Database, type DatabaseLimits, type NumericType } from '../data/duckdb.js';
import { mirrorRelation, observationsWithin, withLabels, type ObservationPaths, type TimeRange } from './observation-rows.js';

export interface PairQuery extends TimeRange {
  /** Versions. */
  readonly champion: number;
  readonly challenger: number;
  /** Of the model's deployment; the label files are those of the revision that is asked for. */
  readonly files: ObservationPaths;
  readonly scratch: string;
  readonly limits?: DatabaseLimits;
  readonly signal?: AbortSignal;
}

/** What champion and challenger made of the same rows, whoever of them answered; by event time, then prediction id. */
export interface Pairs {
  readonly eventTimeMs: Float64Array;
  /** As the models gave them, before any guard rail. */
  readonly champion: Float32Array;
  readonly challenger: Float32Array;
  /** NaN: none yet. */
  readonly label: Float64Array;
  /** Of the request. */
  readonly championLatencyMs: Float32Array;
  readonly challengerLatencyMs: Float32Array;
  /** What became of the requests that were given to the version that did not answer; an output that is no number has failed. */
  readonly mirrored: MirroredCounts;
}

export interface MirroredCounts {
  readonly executed: number;
  readonly dropped: number;
  readonly failed: number;
}

const COLUMNS: readonly NumericType[] = ['DOUBLE', 'FLOAT', 'FLOAT', 'DOUBLE', 'FLOAT', 'FLOAT'];

/** The pairs of one stretch of event time, all in memory: 32 bytes each. @throws PerennialError `DataNotFound`, `DataUnreadable` */
export async function readPairs(query: PairQuery): Promise<Pairs> {
  return withPairs(query, (reader) => reader.read(query));
}

/** The same, in blocks of event time that begin at `fromMs`; only one block is in memory at a time. */
export async function* pairBlocks(query: PairQuery, blockMs: number): AsyncGenerator<TimeRange & { readonly pairs: Pairs }> {
  for (let fromMs = query.fromMs; fromMs < query.untilMs; fromMs += blockMs) {
    const range = { fromMs, untilMs: Math.min(fromMs + blockMs, query.untilMs) };
    yield { ...range, pairs: await readPairs({ ...query, ...range }) };
  }
}

/** The share of the pairs without a label; null where there are no pairs. */
export function missingShare({ label }: Pick<Pairs, 'label'>): number | null {
  let missing = 0;
  for (const value of label) if (Number.isNaN(value)) missing += 1;
  return label.length === 0 ? null : missing / label.length;
}

const withPairs = <T>({ files, scratch, limits, signal }: PairQuery, work: (reader: PairReader) => Promise<T>): Promise<T> =>
  withDatabase({ files: [...files.observations, ...files.mirrors, ...files.labels], scratch, ...(limits ? { limits } : {}), signal }, (database) => work(new PairReader(database)));

class PairReader {
  constructor(private readonly database: Database) {}

  async read(query: PairQuery): Promise<Pairs> {
    const { champion, challenger, files } = query;
    await this.database.run(`
      CREATE TEMP TABLE answered AS SELECT prediction_id, entity_key, event_time_ms, gateway, boot, sequence, row, version, coalesce(raw_output, output) AS output, latency_ms
        FROM ${observationsWithin(files.observations, query, `version IN (${champion}, ${challenger})`)}`);
    await this.database.run(`
      CREATE TEMP TABLE mirrored AS SELECT answered.*, CASE WHEN mirror.outcome = 'executed' AND mirror.output IS NULL THEN 'failed' ELSE mirror.outcome END AS outcome, mirror.output AS other_output, mirror.latency_ms AS other_latency_ms
        FROM answered JOIN ${mirrorRelation(files.mirrors)} AS mirror
          ON mirror.gateway = answered.gateway AND mirror.boot = answered.boot AND mirror.sequence = answered.sequence AND mirror.row = answered.row
        WHERE mirror.version = CASE WHEN answered.version = ${champion} THEN ${challenger} ELSE ${champion} END`);
    await this.database.run("CREATE TEMP TABLE pair AS SELECT * FROM mirrored WHERE outcome = 'executed' AND output IS NOT NULL");
    const { columns } = await this.database.columns(selectPairs(champion, files.labels), COLUMNS);
    const [eventTimeMs, championOutput, challengerOutput, label, championLatencyMs, challengerLatencyMs] = columns;
    return {
      eventTimeMs, champion: championOutput, challenger: challengerOutput, label, championLatencyMs, challengerLatencyMs,
      mirrored: await this.mirroredCounts(),
    } as Pairs;
  }

  private async mirroredCounts(): Promise<MirroredCounts> {
    const rows = await this.database.rows('SELECT outcome, count(DISTINCT (gateway, boot, sequence))::DOUBLE AS requests FROM mirrored GROUP BY outcome');
    const requests = (outcome: keyof MirroredCounts): number => Number(rows.find((row) => row['outcome'] === outcome)?.['requests'] ?? 0);
    return { executed: requests('executed'), dropped: requests('dropped'), failed: requests('failed') };
  }
}

function selectPairs(champion: number, labels: readonly string[]): string {
  const of = (mine: string, other: string): string => `coalesce(CASE WHEN version = ${champion} THEN ${mine} ELSE ${other} END, 'NaN'::FLOAT)::FLOAT`;
  return `
    SELECT event_time_ms::DOUBLE, ${of('output', 'other_output')}, ${of('other_output', 'output')}, coalesce(label, 'NaN'::DOUBLE), ${of('latency_ms', 'other_latency_ms')}, ${of('other_latency_ms', 'latency_ms')}
    FROM ${withLabels('pair', labels)} ORDER BY event_time_ms, prediction_id`;
}
