import type { ModelSpec } from '../spec/model-spec.js';
import { fileList, type Database, type Row } from './duckdb.js';
import { quoteIdentifier } from './feature-encoding.js';
import type { RowCheck } from './row-checks.js';
import type { Column } from './source-table.js';

export interface PartFile {
  readonly part: 'train' | 'evaluation';
  readonly path: string;
}

export interface MeasuredPart {
  readonly rows: number;
  /** Null without rows. */
  readonly newestMs: number | null;
  /** Rows that break each check, in the order of the checks. */
  readonly broken: readonly number[];
  /** Rows with a label of 1 or true, and of 0 or false; null where that cannot be said. */
  readonly classes: { readonly positive: number; readonly negative: number } | null;
}

export interface Repeated {
  readonly rows: number;
  readonly examples: readonly Row[];
}

/** Aggregates in one query; thousands at once take longer to plan than scans of other columns. */
const BATCH = 200;
const EXAMPLES = 5;
const MAX_TEXT = 200;

const from = (file: PartFile): string => `read_parquet(${fileList([file.path])})`;

/** Counts the rows that break each check: one scan for two hundred checks, over the columns that they need. */
export async function measurePart(database: Database, spec: ModelSpec, columns: readonly Column[], file: PartFile, checks: readonly RowCheck[]): Promise<MeasuredPart> {
  const label = classCounts(spec, columns);
  const whole = `count(*)::DOUBLE AS rows, epoch_ms(max(${quoteIdentifier(spec.data.eventTime)}))::DOUBLE AS newest${label === null ? '' : `, ${label}`}`;
  const counts = checks.map(({ condition }, index) => `count_if(${condition})::DOUBLE AS n${index}`);
  let found: Row = {};
  for (let start = 0; start === 0 || start < counts.length; start += BATCH) {
    const [row] = await database.rows(`SELECT ${[...(start === 0 ? [whole] : []), ...counts.slice(start, start + BATCH)].join(', ')} FROM ${from(file)}`);
    found = { ...found, ...row };
  }
  return {
    rows: Number(found['rows']),
    newestMs: typeof found['newest'] === 'number' ? found['newest'] : null,
    broken: counts.map((_, index) => Number(found[`n${index}`])),
    classes: label === null ? null : { positive: Number(found['positive']), negative: Number(found['negative']) },
  };
}

function classCounts(spec: ModelSpec, columns: readonly Column[]): string | null {
  const type = columns.find(({ name }) => name === spec.data.label)?.type;
  if (spec.task !== 'binary-classification' || type === undefined || !/^(?:BOOLEAN|U?\w*INT(?:EGER)?|FLOAT|DOUBLE|DECIMAL\(.*)$/.test(type)) return null;
  const label = `${quoteIdentifier(spec.data.label)}::DOUBLE`;
  return `count_if(${label} = 1)::DOUBLE AS positive, count_if(${label} = 0)::DOUBLE AS negative`;
}

/** The first rows in the part's order that break a check, with their key. */
export async function examplesOf(database: Database, spec: ModelSpec, columns: readonly Column[], file: PartFile, check: RowCheck): Promise<Row[]> {
  const names = [...new Set([...spec.data.key, check.column])].filter((name) => columns.some((column) => column.name === name));
  return database.rows(`SELECT ${names.map(shown).join(', ')} FROM ${from(file)} WHERE ${check.condition} LIMIT ${EXAMPLES}`);
}

/** Rows beyond the first of each key. Rows without a whole key are another check's. */
export async function countDuplicates(database: Database, key: readonly string[], file: PartFile): Promise<Repeated> {
  const keys = key.map(quoteIdentifier);
  const repeated = `SELECT ${keys.join(', ')}, count(*) AS copies FROM ${from(file)} WHERE ${whole(keys)} GROUP BY ${keys.join(', ')} HAVING count(*) > 1`;
  const [row] = await database.rows(`SELECT coalesce(sum(copies - 1), 0)::DOUBLE AS rows FROM (${repeated})`);
  const rows = Number(row?.['rows']);
  if (rows === 0) return { rows, examples: [] };
  const examples = await database.rows(`SELECT ${key.map(shown).join(', ')}, copies::DOUBLE AS copies FROM (${repeated}) ORDER BY ${keys.join(', ')} LIMIT ${EXAMPLES}`);
  return { rows, examples };
}

/** Rows of the evaluation part whose key the training part holds too. */
export async function countOverlap(database: Database, key: readonly string[], train: PartFile, evaluation: PartFile): Promise<Repeated> {
  const keys = key.map(quoteIdentifier);
  const overlap = `FROM ${from(evaluation)} AS judged SEMI JOIN ${from(train)} AS seen USING (${keys.join(', ')})`;
  const [row] = await database.rows(`SELECT count(*)::DOUBLE AS rows ${overlap}`);
  const rows = Number(row?.['rows']);
  if (rows === 0) return { rows, examples: [] };
  return { rows, examples: await database.rows(`SELECT ${key.map(shown).join(', ')} ${overlap} ORDER BY ${keys.join(', ')} LIMIT ${EXAMPLES}`) };
}

const whole = (keys: readonly string[]): string => keys.map((key) => `${key} IS NOT NULL`).join(' AND ');

const shown = (name: string): string => `left(${quoteIdentifier(name)}::VARCHAR, ${MAX_TEXT}) AS ${quoteIdentifier(name)}`;
