import { PerennialError } from '../contracts/failures.js';
import { MASK } from '../contracts/masking.js';
import type { FeatureSpec } from '../spec/model-spec.js';

/**
 * How raw columns become the model's input `features`, float32 [N, F], F = the spec's features in their order.
 * A number enters as float32; a category as its index in the spec's `categories`; what is missing, unknown or not finite
 * in float32 as NaN. Scoring encodes in SQL and the gateway in JavaScript: both give the same bits, which a spec checks.
 */

/** The largest finite float32; beyond it a number counts as missing, since no tree can split on it. */
export const FLOAT32_MAX = 3.4028234663852886e38;

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A select list for DuckDB: F expressions of type FLOAT that are never NULL, named as the features. */
export const featureSelectList = (features: readonly FeatureSpec[]): string[] =>
  features.map((feature) => `${featureExpression(feature, quoteIdentifier(feature.name))} AS ${quoteIdentifier(feature.name)}`);

/** SQL of the value that enters the model: FLOAT, never NULL. @param column SQL of the raw one */
export function featureExpression(feature: FeatureSpec, column: string): string {
  if (feature.type === 'category') return `coalesce(CAST(${categoryCode(column, feature.categories)} AS FLOAT), 'NaN'::FLOAT)`;
  return float32(column, "'NaN'::FLOAT");
}

/** SQL of a number as float32. DuckDB casts the values of a dictionary at once, also those that the condition leaves out: the cast must not fail on them. @param otherwise what is missing or not finite in float32 */
export function float32(column: string, otherwise = 'NULL'): string {
  const number = `CAST(${column} AS DOUBLE)`;
  return `CASE WHEN abs(${number}) <= ${FLOAT32_MAX} THEN TRY_CAST(${number} AS FLOAT) ELSE ${otherwise} END`;
}

/** The index of a column's text in `categories`, NULL where it is none of them. A cast to an enum is a hash look-up. */
export const categoryCode = (column: string, categories: readonly string[]): string =>
  `enum_code(TRY_CAST(CAST(${column} AS VARCHAR) AS ENUM(${categories.map(quoteLiteral).join(', ')})))`;

/** A value as JSON or a reader brings it. */
export type RawValue = number | bigint | string | boolean | null | undefined;

export interface FeatureEncoder {
  /** F, the number of features. */
  readonly width: number;
  /** @throws PerennialError `InferenceInvalid` when the value's type does not fit the feature. */
  encodeValue(index: number, value: RawValue): number;
  /** Writes a row's F values to `target` from `offset` on. @throws as {@link encodeValue} */
  encodeRow(values: readonly RawValue[], target: Float32Array, offset: number): void;
}

/** Encodes rows one by one, for the gateway. Build it once a model: it indexes the categories. @param discreet whether refusals quote no value, since one may be of a sensitive column */
export function featureEncoder(features: readonly FeatureSpec[], discreet = false): FeatureEncoder {
  const encoders = features.map((feature) => (feature.type === 'number' ? numberEncoder(feature.name, discreet) : categoryEncoder(feature, discreet)));
  const encodeValue = (index: number, value: RawValue): number => {
    const encode = encoders[index];
    if (!encode) throw new PerennialError('InferenceInvalid', `The model has ${features.length} features; there is no feature at index ${index}`);
    return encode(value);
  };
  return {
    width: features.length,
    encodeValue,
    encodeRow(values, target, offset) {
      if (values.length !== features.length) {
        throw new PerennialError('InferenceInvalid', `A row has ${values.length} values and the model ${features.length} features`);
      }
      for (let index = 0; index < features.length; index++) target[offset + index] = encodeValue(index, values[index]);
    },
  };
}

function numberEncoder(name: string, discreet: boolean): (value: RawValue) => number {
  return (value) => {
    if (value === null || value === undefined) return NaN;
    if (typeof value === 'string') {
      throw new PerennialError('InferenceInvalid', `Feature ${name} is a number and got the text ${discreet ? MASK : JSON.stringify(value.slice(0, 100))}; send a number, or null where it is missing`);
    }
    const number = Number(value);
    return Math.abs(number) <= FLOAT32_MAX ? Math.fround(number) : NaN;
  };
}

function categoryEncoder(feature: Extract<FeatureSpec, { type: 'category' }>, discreet: boolean): (value: RawValue) => number {
  const codes = new Map(feature.categories.map((category, code) => [category, code]));
  return (value) => {
    if (value === null || value === undefined) return NaN;
    if (typeof value === 'number' && !Number.isInteger(value)) {
      throw new PerennialError('InferenceInvalid', `Feature ${feature.name} is a category and got the fraction ${discreet ? MASK : value}; send one of its categories as text`);
    }
    return codes.get(String(value)) ?? NaN;
  };
}
