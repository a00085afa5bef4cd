import type { FeatureCounts, LossSummary, WindowSummary } from '../contracts/window-summary.js';
import type { Database, Row } from '../data/duckdb.js';
import { categoryCode, quoteIdentifier } from '../data/feature-encoding.js';
import { comparisonLoss } from '../spec/comparison-loss.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { lossExpression } from './loss-expression.js';

/** SQL of one feature's column in a window. */
export interface FeatureColumn {
  /** A boolean, never NULL: the row has no value. */
  readonly isMissing: string;
  /** A boolean, never NULL: the row has a text that the spec does not list. */
  readonly isUnknown: string;
  /** FLOAT, as the model took it; NULL or NaN where there is none. */
  readonly number: string;
}

/** Where the rows of a window are: one row a prediction. */
export interface WindowRows {
  /** What DuckDB reads them from. */
  readonly relation: string;
  /** By the features' names; null where inputs were not kept. */
  readonly columns: ReadonlyMap<string, FeatureColumn> | null;
  /** A boolean: the row's inputs were kept. */
  readonly hasInputs: string;
  /** DOUBLE: the output; NULL where there is none. */
  readonly output: string;
  /** DOUBLE: the label, 1 and 0 for a class; NULL where it is not known yet. */
  readonly label: string;
}

/**
 * Observed rows with their labels, as the observation log's Parquet has them: a struct `inputs` of FLOAT and VARCHAR by the
 * features' names (NULL: missing, or not kept), `output` FLOAT, and `label` DOUBLE joined to them.
 * @param kept the fields of `inputs`; null where the rows have no such column
 */
export function observedRows(spec: ModelSpec, relation: string, kept: readonly string[] | null): WindowRows {
  const columns = spec.data.features.filter(({ name }) => kept?.includes(name)).map((feature) => [feature.name, inputColumn(feature)] as const);
  return {
    relation, columns: kept === null ? null : new Map(columns), hasInputs: kept === null ? 'false' : 'inputs IS NOT NULL',
    output: 'CAST(output AS DOUBLE)', label: 'CAST(label AS DOUBLE)',
  };
}

function inputColumn(feature: FeatureSpec): FeatureColumn {
  const value = `inputs.${quoteIdentifier(feature.name)}`;
  const isMissing = `(inputs IS NOT NULL AND ${value} IS NULL)`;
  if (feature.type === 'number') return { isMissing, isUnknown: 'false', number: value };
  return { isMissing, isUnknown: `(${value} IS NOT NULL AND ${categoryCode(value, feature.categories)} IS NULL)`, number: 'NULL' };
}

/** Aggregates in one query; thousands at once take longer to plan than scans of other columns. */
const BATCH = 66;

/** Counts a window's rows against the spec, three counts a feature, and its loss. One scan for sixty-six features. */
export async function summarizeWindow(database: Database, spec: ModelSpec, window: WindowRows): Promise<WindowSummary> {
  const { columns } = window;
  const watched = columns === null ? [] : spec.data.features.filter(({ name }) => columns.has(name));
  const [whole] = await database.rows(`SELECT ${wholeWindow(spec, window)} FROM ${window.relation}`);
  const features: FeatureCounts[] = [];
  for (let start = 0; start < watched.length; start += BATCH) {
    const batch = watched.slice(start, start + BATCH);
    const counts = batch.map((feature, index) => featureCounts(feature, columns?.get(feature.name) as FeatureColumn, index));
    const [row = {}] = await database.rows(`SELECT ${counts.join(', ')} FROM ${window.relation}`);
    features.push(...batch.map(({ name }, index) => ({ name, missing: Number(row[`m${index}`]), unknown: Number(row[`u${index}`]), outOfRange: Number(row[`r${index}`]) })));
  }
  return { rows: Number(whole?.['rows']), inputRows: Number(whole?.['kept']), features, loss: lossOf(whole) };
}

function wholeWindow(spec: ModelSpec, { output, label, hasInputs }: WindowRows): string {
  const loss = lossExpression(comparisonLoss(spec), output, label);
  return `count(*)::DOUBLE AS rows, count_if(${hasInputs})::DOUBLE AS kept, count(${loss})::DOUBLE AS labelled, avg(${loss})::DOUBLE AS mean, coalesce(var_samp(${loss}), 0)::DOUBLE AS variance`;
}

function featureCounts(feature: FeatureSpec, { isMissing, isUnknown, number }: FeatureColumn, index: number): string {
  const bounds = feature.type === 'number' ? [feature.min === undefined ? [] : [`${number} < ${bound(feature.min)}`], feature.max === undefined ? [] : [`${number} > ${bound(feature.max)}`]].flat() : [];
  // DuckDB orders NaN above every number; what is missing is counted as that.
  const outside = bounds.length === 0 ? 'false' : `NOT ${isMissing} AND (${bounds.join(' OR ')})`;
  return `count_if(${isMissing})::DOUBLE AS m${index}, count_if(${isUnknown})::DOUBLE AS u${index}, count_if(${outside})::DOUBLE AS r${index}`;
}

/** Rounded as the values were, so that a value on its bound stays within. No 32-bit number lies beyond a bound that is none. */
const bound = (limit: number): string => `TRY_CAST(${limit} AS FLOAT)`;

function lossOf(row: Row | undefined): LossSummary | null {
  const rows = Number(row?.['labelled'] ?? 0);
  return rows === 0 ? null : { rows, mean: Number(row?.['mean']), variance: Number(row?.['variance']) };
}
