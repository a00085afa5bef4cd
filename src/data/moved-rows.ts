import { SENSITIVITY_STEP } from '../contracts/validations.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { type Database, withDatabase } from './duckdb.js';
import { quoteIdentifier, quoteLiteral } from './feature-encoding.js';

/** One feature moved, the others as they are. */
export interface FeatureMove {
  readonly feature: string;
  readonly move: 'up' | 'down' | 'exchanged';
  /** In the feature's unit; null for categories. */
  readonly step: number | null;
  /** SQL of the moved value. */
  readonly value: string;
}

/** Rows of the file and of a move: enough to see a response, few enough for thousands of features. */
const MOST_ROWS = 5_000;
const LEAST_ROWS = 200;
const MOST_MOVED_ROWS = 2_000_000;

export interface MovedRowsRequest {
  readonly parquetPath: string;
  /** Where the moved rows go, in `folder`. */
  readonly path: string;
  /** May be read and written. */
  readonly folder: string;
  readonly spec: Pick<ModelSpec, 'data'>;
  readonly signal?: AbortSignal;
}

/**
 * Writes rows of a Parquet file (every so manieth, in the file's order), then the same rows again for each move. A number is moved up and down by {@link SENSITIVITY_STEP} of its standard
 * deviation over these rows, but not out of the spec's bounds; a category to the next one in the spec's list, the last to the first. What is missing, or a category that the spec does not list, stays.
 * @returns the moves in their order; none of a feature that has one value alone @throws PerennialError `DataUnreadable`
 */
export async function writeMovedRows({ parquetPath, path, folder, spec, signal }: MovedRowsRequest): Promise<FeatureMove[]> {
  return withDatabase({ files: [parquetPath], scratch: folder, signal }, async (database) => {
    const { label, eventTime, features } = spec.data;
    const file = `read_parquet(${quoteLiteral(parquetPath)}, file_row_number = true)`;
    const [counted] = await database.rows(`SELECT count(*)::DOUBLE AS rows FROM ${file}`);
    const wanted = Math.max(LEAST_ROWS, Math.min(MOST_ROWS, Math.floor(MOST_MOVED_ROWS / (2 * features.length + 1))));
    const every = Math.max(1, Math.ceil(Number(counted?.['rows'] ?? 0) / wanted));
    const columns = [...new Set([label, eventTime])].filter((name) => !features.some((feature) => feature.name === name)).map(quoteIdentifier);
    await database.run(`CREATE TEMP TABLE base AS SELECT ${[...columns, ...features.map(plain), 'file_row_number AS perennial_row'].join(', ')} FROM ${file} WHERE file_row_number % ${every} = 0`);
    const moves: FeatureMove[] = [];
    for (const feature of features) moves.push(...(await movesOf(database, feature)));
    const moved = moves.map(({ feature, value }, index) => `SELECT * REPLACE (${value} AS ${quoteIdentifier(feature)}), ${index + 1} AS perennial_move FROM base`);
    const all = ['SELECT *, 0 AS perennial_move FROM base', ...moved].join(' UNION ALL ');
    await database.run(`COPY (SELECT * EXCLUDE (perennial_row, perennial_move) FROM (${all}) ORDER BY perennial_move, perennial_row) TO ${quoteLiteral(path)} (FORMAT parquet)`);
    return moves;
  });
}

/** As a move can change it without changing what it is to the model. */
function plain({ name, type }: FeatureSpec): string {
  const column = quoteIdentifier(name);
  return `CAST(${column} AS ${type === 'number' ? 'DOUBLE' : 'VARCHAR'}) AS ${column}`;
}

async function movesOf(database: Database, feature: FeatureSpec): Promise<FeatureMove[]> {
  const { name } = feature;
  const column = quoteIdentifier(name);
  if (feature.type === 'category') {
    const list = `[${feature.categories.map(quoteLiteral).join(', ')}]::VARCHAR[]`;
    const place = `list_position(${list}, ${column})`;
    return feature.categories.length < 2 ? [] : [{ feature: name, move: 'exchanged', step: null, value: `CASE WHEN ${place} > 0 THEN list_extract(${list}, (${place} % ${feature.categories.length}) + 1) ELSE ${column} END` }];
  }
  const [spread] = await database.rows(`SELECT coalesce(stddev_samp(${column}) FILTER (isfinite(${column})), 0)::DOUBLE AS deviation FROM base`);
  const step = SENSITIVITY_STEP * Number(spread?.['deviation'] ?? 0);
  if (!(step > 0) || !Number.isFinite(step)) return [];
  const { min = -Number.MAX_VALUE, max = Number.MAX_VALUE } = feature;
  return ([['up', step], ['down', -step]] as const).map(([move, by]) => (
    { feature: name, move, step: by, value: `CASE WHEN ${column} IS NULL THEN NULL ELSE least(greatest(${column} + (${by})::DOUBLE, (${min})::DOUBLE), (${max})::DOUBLE) END` }));
}
