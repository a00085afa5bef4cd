import { heldOutText, type SnapshotSplit } from '../contracts/artifacts.js';
import { sensitivityOf } from '../contracts/masking.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { categoryCode, FLOAT32_MAX, quoteIdentifier } from './feature-encoding.js';
import type { PartFile } from './part-scan.js';
import { type Column, inWindow, sideCondition } from './source-table.js';

/** A check that single rows break. Counting all of them takes one scan. */
export interface RowCheck {
  readonly check: 'eventTime' | 'keyMissing' | 'label' | 'unlabelled' | 'type' | 'missing' | 'finite' | 'minimum' | 'maximum' | 'category';
  readonly column: string;
  /** SQL that holds for a row that breaks it. */
  readonly condition: string;
  /** The share of rows that may. */
  readonly allowed: number;
  /** What is wrong with the column as a whole, however many rows the condition finds. */
  readonly wholeColumn?: string;
  readonly limit: string;
  /** Said after how many rows of which column: what is wrong and how to mend it. */
  readonly explanation: string;
}

const INTEGER = /^U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?$/;
const FLOATING = /^(?:FLOAT|DOUBLE)$/;
const NUMERIC = (type: string): boolean => INTEGER.test(type) || FLOATING.test(type) || type.startsWith('DECIMAL(');
const CATEGORICAL = (type: string): boolean => INTEGER.test(type) || /^(?:VARCHAR|BOOLEAN|UUID)$/.test(type) || type.startsWith('ENUM(');

/** The checks of a part, in the order in which their violations are listed. */
export function rowChecks(spec: ModelSpec, columns: readonly Column[], part: PartFile['part'], split: SnapshotSplit): RowCheck[] {
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const sensitive = sensitivityOf(spec).columns;
  const present = <T>(name: string, checks: (type: string) => T[]): T[] => {
    const type = types.get(name);
    return type === undefined ? [] : checks(type);
  };
  return [
    ...present(spec.data.eventTime, (type) => [outsideWindow({ name: spec.data.eventTime, type }, part, split)]),
    ...spec.data.key.flatMap((key) => present(key, () => [keyMissing(key)])),
    ...present(spec.data.label, (type) => labelChecks(spec, type)),
    ...spec.data.features.flatMap((feature) => present(feature.name, (type) => featureChecks(feature, type, sensitive.has(feature.name)))),
  ];
}

function outsideWindow(column: Column, part: PartFile['part'], split: SnapshotSplit): RowCheck {
  const { window: { start, end } } = split[part];
  const side = sideCondition(column, part, split);
  const blocks = split.heldOut && `${part === 'train' ? 'outside' : 'in'} the blocks held out of the evaluation window (${heldOutText(split.heldOut)})`;
  return {
    check: 'eventTime', column: column.name, allowed: 0, limit: `from ${start} and before ${end}${blocks === undefined ? '' : `, ${blocks}`}`,
    condition: `NOT coalesce(${inWindow(column, { start, end })}${side === undefined ? '' : ` AND ${side}`}, false)`,
    explanation: `lie outside the window${blocks === undefined ? '' : ', or are not those of this part'}; take the snapshot again`,
  };
}

const keyMissing = (column: string): RowCheck => ({
  check: 'keyMissing', column, allowed: 0, limit: 'no missing value',
  condition: `${quoteIdentifier(column)} IS NULL`,
  explanation: 'have no value in this column of the key; a row without a key cannot be told from others',
});

/** NaN is missing, as the model sees it. */
const isMissing = (column: string, type: string): string =>
  FLOATING.test(type) ? `(${column} IS NULL OR isnan(${column}))` : `(${column} IS NULL)`;

function labelChecks(spec: ModelSpec, type: string): RowCheck[] {
  const { label: column, maxUnlabelled } = spec.data;
  const label = quoteIdentifier(column);
  const classification = spec.task === 'binary-classification';
  const limit = classification ? 'true and false, or 1 and 0' : 'a finite number';
  const known = `NOT ${isMissing(label, type)}`;
  const unlabelled: RowCheck = {
    check: 'unlabelled', column, allowed: maxUnlabelled, limit: `at most ${percent(maxUnlabelled)} of rows (data.maxUnlabelled)`,
    condition: `NOT (${known})`,
    explanation: 'have no label though its horizon has passed; bring the labels, or correct data.labelHorizon',
  };
  const usable = NUMERIC(type) || (classification && type === 'BOOLEAN');
  const wrong: RowCheck = usable
    ? {
        check: 'label', column, allowed: 0, limit,
        condition: type === 'BOOLEAN' ? 'false' : `${known} AND ${classification ? `${label}::DOUBLE NOT IN (0, 1)` : `isinf(${label}::DOUBLE)`}`,
        explanation: `have a label that is neither missing nor ${classification ? 'one of 0, 1, true, false' : 'finite'}; mend the source`,
      }
    : { check: 'label', column, allowed: 0, wholeColumn: ofType(type), limit, condition: known, explanation: `hold such a label; write it as ${limit}` };
  return [wrong, unlabelled];
}

function featureChecks(feature: FeatureSpec, type: string, sensitive: boolean): RowCheck[] {
  const column = quoteIdentifier(feature.name);
  const missing: RowCheck = {
    check: 'missing', column: feature.name, allowed: feature.maxMissing, limit: `at most ${percent(feature.maxMissing)} of rows (maxMissing)`,
    condition: isMissing(column, type),
    explanation: 'have no value; find out why, or raise maxMissing if the model can live with it',
  };
  return [...(feature.type === 'number' ? numberChecks(feature, type, sensitive) : categoryChecks(feature, type)), missing];
}

/** @param sensitive the bounds of such a number are named, not told */
function numberChecks(feature: Extract<FeatureSpec, { type: 'number' }>, type: string, sensitive: boolean): RowCheck[] {
  const column = quoteIdentifier(feature.name);
  const base = { column: feature.name, allowed: 0 };
  if (!NUMERIC(type) && type !== 'BOOLEAN') {
    const unreadable = type === 'VARCHAR' ? ` AND TRY_CAST(${column} AS DOUBLE) IS NULL` : '';
    return [{
      ...base, check: 'type', wholeColumn: ofType(type), limit: 'a number', condition: `${column} IS NOT NULL${unreadable}`,
      explanation: 'are no numbers; write the column as numbers, missing ones as null or empty',
    }];
  }
  const number = `${column}::DOUBLE`;
  const ordinary = FLOATING.test(type) ? `NOT isnan(${number}) AND abs(${number}) <= ${FLOAT32_MAX}::DOUBLE AND ` : '';
  const checks: RowCheck[] = [];
  if (FLOATING.test(type)) {
    checks.push({
      ...base, check: 'finite', limit: 'finite as a 32-bit number', condition: `NOT isnan(${number}) AND abs(${number}) > ${FLOAT32_MAX}::DOUBLE`,
      explanation: 'are infinite or too large for a 32-bit number; write what is not known as missing',
    });
  }
  if (feature.min !== undefined) {
    const least = sensitive ? 'min' : feature.min;
    checks.push({ ...base, check: 'minimum', limit: `at least ${least}`, condition: `${ordinary}${number} < ${feature.min}`, explanation: `are less than ${least}; mend the source, or lower min` });
  }
  if (feature.max !== undefined) {
    const most = sensitive ? 'max' : feature.max;
    checks.push({ ...base, check: 'maximum', limit: `at most ${most}`, condition: `${ordinary}${number} > ${feature.max}`, explanation: `are greater than ${most}; mend the source, or raise max` });
  }
  return checks;
}

function categoryChecks(feature: Extract<FeatureSpec, { type: 'category' }>, type: string): RowCheck[] {
  const column = quoteIdentifier(feature.name);
  if (!CATEGORICAL(type)) {
    return [{
      check: 'type', column: feature.name, allowed: 0, wholeColumn: ofType(type), limit: 'text, a whole number or a boolean', condition: `${column} IS NOT NULL`,
      explanation: 'hold no category; write the column as text',
    }];
  }
  return [{
    check: 'category', column: feature.name, allowed: feature.maxUnknown, limit: `at most ${percent(feature.maxUnknown)} of rows outside categories (maxUnknown)`,
    condition: `${column} IS NOT NULL AND ${categoryCode(column, feature.categories)} IS NULL`,
    explanation: 'hold a value that the spec does not list; add it to categories, mend the source, or raise maxUnknown',
  }];
}

export const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`;

/** A nested type can be as long as its file is wide. */
const ofType = (type: string): string => `is of type ${type.length > 60 ? `${type.slice(0, 57)}…` : type}`;
