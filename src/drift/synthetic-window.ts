import type { WindowFinding } from '../contracts/window-summary.js';
import { type Database, fileList } from '../data/duckdb.js';
import { quoteIdentifier, quoteLiteral } from '../data/feature-encoding.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { rowLoss } from './loss.js';
import { observedRows, type WindowRows } from './window-summary.js';

/** Enough for every limit below to be broken beyond doubt, even one of four thousand. */
const ROWS = 3_000;
/** Half of the rows break a limit; one that allows more than this cannot be broken so surely. */
const BREAKABLE_SHARE = 0.4;
/** Of the largest loss that is counted. */
const BREAKABLE_LOSS = 0.95;
/** No 32-bit number lies far beyond it. */
const LARGEST_BOUND = 1e38;
const UNLISTED = 'not in any list';

/** A limit of the spec that the bad window breaks. */
export type BrokenLimit = Pick<WindowFinding, 'check' | 'feature'>;

/** What of the spec the bad window breaks. Empty: there is no limit that a window could be held against. */
export function brokenLimits(spec: ModelSpec): BrokenLimit[] {
  const features = spec.serving.observe.inputs ? spec.data.features.flatMap(brokenBy) : [];
  return breaksLoss(spec) ? [...features, { check: 'loss', feature: null }] : features;
}

function brokenBy(feature: FeatureSpec): BrokenLimit[] {
  const { name } = feature;
  const limits: BrokenLimit[] = feature.maxMissing < BREAKABLE_SHARE ? [{ check: 'missing', feature: name }] : [];
  if (feature.type === 'category') return feature.maxUnknown < BREAKABLE_SHARE ? [...limits, { check: 'unknown', feature: name }] : limits;
  return outsideOf(feature) === undefined ? limits : [...limits, { check: 'outOfRange', feature: name }];
}

function breaksLoss(spec: ModelSpec): boolean {
  const { bound } = rowLoss(spec);
  const limit = spec.monitoring.maximumLoss;
  return limit !== undefined && bound !== undefined && limit < BREAKABLE_LOSS * bound;
}

/**
 * Writes a window of made-up rows as Parquet, in the form of the observation log's files with labels joined to them, and says how to read it. In the good one everything is as the spec has it; in
 * the bad one every second value is missing where the spec limits that, the others lie beyond their bounds or lists, and
 * every answer is as wrong as can be.
 * @param path in the database's scratch folder
 */
export async function writeSyntheticWindow(database: Database, spec: ModelSpec, quality: 'good' | 'bad', path: string): Promise<WindowRows> {
  const values = spec.data.features.map((feature) => `${quoteIdentifier(feature.name)} := ${quality === 'good' ? goodValue(feature) : badValue(feature)}`);
  const kept = spec.serving.observe.inputs;
  const output = quality === 'good' ? 'made.label' : worstOutput(spec);
  await database.run(
    `COPY (SELECT 'made-up/' || made.row AS prediction_id, CAST(${output} AS FLOAT) AS output, made.label AS label${kept ? `, struct_pack(${values.join(', ')}) AS inputs` : ''}
       FROM (SELECT row, (row % 2)::DOUBLE AS label FROM range(0, ${ROWS}) AS rows(row)) AS made)
     TO ${quoteLiteral(path)} (FORMAT parquet)`,
  );
  return observedRows(spec, `read_parquet(${fileList([path])})`, kept ? spec.data.features.map(({ name }) => name) : null);
}

function goodValue(feature: FeatureSpec): string {
  if (feature.type === 'category') return quoteLiteral(feature.categories[0] as string);
  const { min, max } = feature;
  const middle = min !== undefined && max !== undefined ? min / 2 + max / 2 : (min ?? max ?? 0);
  return `TRY_CAST(${middle} AS FLOAT)`;
}

function badValue(feature: FeatureSpec): string {
  const value = feature.type === 'category' ? unlistedValue(feature) : numberOutside(feature);
  const type = feature.type === 'category' ? 'VARCHAR' : 'FLOAT';
  return feature.maxMissing < BREAKABLE_SHARE ? `CASE WHEN made.row % 2 = 0 THEN NULL::${type} ELSE ${value} END` : value;
}

function numberOutside(feature: Extract<FeatureSpec, { type: 'number' }>): string {
  const outside = outsideOf(feature);
  return outside === undefined ? goodValue(feature) : `CAST(${outside} AS FLOAT)`;
}

const unlistedValue = ({ categories }: Extract<FeatureSpec, { type: 'category' }>): string =>
  quoteLiteral(categories.includes(UNLISTED) ? `${UNLISTED}: ${categories.join(' ')}` : UNLISTED);

/** A number beyond the bounds; undefined where there are none, or where nothing lies beyond them. */
function outsideOf({ min, max }: Extract<FeatureSpec, { type: 'number' }>): number | undefined {
  if (max !== undefined && max <= LARGEST_BOUND) return max + Math.abs(max) + 1;
  return min !== undefined && min >= -LARGEST_BOUND ? min - Math.abs(min) - 1 : undefined;
}

/** As far from the label as is counted. */
function worstOutput(spec: ModelSpec): string {
  const { name, bound = 1 } = rowLoss(spec);
  return name === 'absoluteError' ? `made.label + ${bound}` : '1 - made.label';
}
