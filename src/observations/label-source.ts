import { PerennialError } from '../contracts/failures.js';
import { LABEL_FIELDS, type LabelField, type LabelFormat } from '../contracts/labels.js';
import { openCsv } from '../data/csv-source.js';
import { fileList, type Database } from '../data/duckdb.js';
import { quoteIdentifier, quoteLiteral } from '../data/feature-encoding.js';

/** Larger lines are no label. */
const MAX_LINE_BYTES = 1 << 20;

/**
 * Reads a batch as it was sent into a table `raw`: a row number from 1, every field as text or NULL, and what is wrong with
 * a row that could not be taken apart (`fault`, `fault_column`).
 * @throws PerennialError `DataUnreadable` when the file as a whole is not what its format says
 */
export async function readRawLabels(database: Database, format: LabelFormat, path: string): Promise<void> {
  await READERS[format](database, path);
}

const READERS: Readonly<Record<LabelFormat, (database: Database, path: string) => Promise<void>>> = { ndjson: readLines, csv: readCsv, parquet: readParquet };

const RAW = (columns: readonly string[], from: string): string => `CREATE TABLE raw AS SELECT ${columns.join(', ')} FROM ${from}`;

async function readLines(database: Database, path: string): Promise<void> {
  await database.run(`
    CREATE TEMP TABLE lines AS SELECT row_number() OVER () AS row, line FROM read_csv(${fileList([path])}, auto_detect = false, header = false,
      columns = {line: 'VARCHAR'}, delim = '', quote = '', escape = '', nullstr = '\u0001', max_line_size = ${MAX_LINE_BYTES}, hive_partitioning = false)`);
  await database.run(`
    CREATE TEMP TABLE documents AS SELECT row, CASE WHEN json_valid(line) THEN line::JSON END AS document FROM lines`);
  const member = (name: LabelField): string => `CASE WHEN json_type(document, '$.${name}') IN ('OBJECT', 'ARRAY') THEN NULL ELSE nullif(document->>'$.${name}', '') END AS ${name}`;
  const nested = LABEL_FIELDS.map((name) => `WHEN json_type(document, '$.${name}') IN ('OBJECT', 'ARRAY') THEN '${name}'`).join(' ');
  const stranger = `list_filter(json_keys(document), name -> name NOT IN (${LABEL_FIELDS.map(quoteLiteral).join(', ')}))[1]`;
  await database.run(RAW(['row', ...LABEL_FIELDS.map(member), `
    CASE WHEN document IS NULL THEN 'is no JSON' WHEN json_type(document) <> 'OBJECT' THEN 'is no JSON object'
      WHEN CASE ${nested} END IS NOT NULL THEN 'must be text or a number'
      WHEN ${stranger} IS NOT NULL THEN 'has the member ' || to_json(left(${stranger}, 100))::VARCHAR || ', which no label has' END AS fault`,
  `CASE ${nested} END AS fault_column`], 'documents'));
}

/** A line with too few or too many fields is a fault of its own, at its place among the others. */
async function readCsv(database: Database, path: string): Promise<void> {
  const { names } = await openCsv([{ name: 'labels.csv', path }]);
  requireFields(names);
  const columns = names.map((_, index) => `c${index}: 'VARCHAR'`).join(', ');
  await database.run(`
    CREATE TEMP TABLE fields AS SELECT row_number() OVER () AS ordinal, * FROM read_csv(${fileList([path])}, auto_detect = false, header = true, columns = {${columns}},
      delim = ',', quote = ${quoteLiteral('"')}, escape = ${quoteLiteral('"')}, nullstr = '', hive_partitioning = false, max_line_size = ${MAX_LINE_BYTES}, store_rejects = true, rejects_limit = 0)`);
  await database.run(`
    CREATE TEMP TABLE rejects AS SELECT row, row - row_number() OVER (ORDER BY row) AS taken, row_number() OVER (ORDER BY row) AS before, message FROM (
      SELECT line - 1 AS row, any_value(error_message) AS message FROM reject_errors GROUP BY line)`);
  const field = (name: LabelField): string => (names.includes(name) ? `c${names.indexOf(name)} AS ${name}` : `NULL::VARCHAR AS ${name}`);
  await database.run(RAW(['*'], `(
    SELECT ordinal + coalesce(rejects.before, 0) AS row, ${LABEL_FIELDS.map(field).join(', ')}, NULL::VARCHAR AS fault, NULL::VARCHAR AS fault_column
      FROM fields ASOF LEFT JOIN (SELECT taken, max(before) AS before FROM rejects GROUP BY taken) AS rejects ON fields.ordinal > rejects.taken
    UNION ALL SELECT row, ${LABEL_FIELDS.map(() => 'NULL').join(', ')}, 'cannot be read: ' || message, NULL FROM rejects)`));
}

async function readParquet(database: Database, path: string): Promise<void> {
  const file = `read_parquet(${fileList([path])}, file_row_number = true, hive_partitioning = false)`;
  const described = await database.rows(`DESCRIBE SELECT * FROM ${file}`);
  const types = new Map(described.map((row) => [String(row['column_name']), String(row['column_type'])]).filter(([name]) => name !== 'file_row_number') as [string, string][]);
  requireFields([...types.keys()]);
  const fields = LABEL_FIELDS.map((name) => `${asText(name, types.get(name))} AS ${name}`);
  await database.run(RAW(['file_row_number + 1 AS row', ...fields, 'NULL::VARCHAR AS fault', 'NULL::VARCHAR AS fault_column'], file));
}

const PLAIN = /^(VARCHAR|BOOLEAN|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*|UUID|ENUM.*)$/;

function asText(name: LabelField, type: string | undefined): string {
  const column = quoteIdentifier(name);
  if (type === undefined) return 'NULL::VARCHAR';
  if (PLAIN.test(type)) return `nullif(CAST(${column} AS VARCHAR), '')`;
  if ((name === 'event_time' || name === 'known_at') && /^(TIMESTAMP|DATE)/.test(type)) return `CAST(epoch_ms(CAST(${column} AS ${type === 'TIMESTAMP WITH TIME ZONE' ? 'TIMESTAMPTZ' : 'TIMESTAMP'})) AS VARCHAR)`;
  throw new PerennialError('DataUnreadable', `Column ${name} of the labels is of type ${type}; write it as ${name.includes('_at') || name === 'event_time' ? 'a timestamp in UTC' : 'text or a number'}`, { column: name, type });
}

/** @throws PerennialError `DataUnreadable` for a column that no label has, or one that is missing */
function requireFields(names: readonly string[]): void {
  const strange = names.find((name) => !(LABEL_FIELDS as readonly string[]).includes(name));
  if (strange !== undefined) throw new PerennialError('DataUnreadable', `The labels have a column ${JSON.stringify(strange)}; the columns of labels are ${LABEL_FIELDS.join(', ')}`, { column: strange });
  const named = names.includes('prediction_id') || (names.includes('entity_key') && names.includes('event_time'));
  if (!(names.includes('label') || names.includes('outcome')) || !named) {
    throw new PerennialError('DataUnreadable', 'The labels need a column label or outcome, and prediction_id or both entity_key and event_time', { columns: names });
  }
}
