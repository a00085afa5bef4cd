import { type FieldFault, type Fields, listOf, spellingFaults } from './loose-fields.js';

/**
 * What joins must keep with each other and with the rest of `data`.
 * @param joins maybe with faults of their own, as everything here @param used names of features and slices
 */
export function joinFaults(joins: readonly Fields[], data: Fields, used: readonly unknown[]): FieldFault[] {
  const joined = joins.flatMap((join, place) => listOf(join['columns']).map((column) => ({ column, place })));
  return joins.flatMap((join, place) => {
    const at = ['data', 'joins', place];
    const before = joins.slice(0, place).findIndex(({ name }) => name === join['name']);
    return [
      ...(join['name'] !== undefined && before >= 0 ? [{ path: [...at, 'name'], message: `is also the name of join ${before}` }] : []),
      ...listOf(join['on']).flatMap((column, index) => faultOf([...at, 'on', index], keyFault(column, data, joined.map((one) => one.column)))),
      ...listOf(join['columns']).flatMap((column, index, columns) => {
        const other = joined.find((one) => one.column === column && one.place < place)?.place;
        return faultOf([...at, 'columns', index], columns.indexOf(column) < index ? 'names a column twice' : columnFault(column, data, used, other));
      }),
      ...spellingFaults(at, [...listOf(join['on']), join['knownAt'], ...listOf(join['tieBreaker']), ...listOf(join['columns'])]),
    ];
  });
}

const faultOf = (path: FieldFault['path'], message: string | undefined): FieldFault[] => (message === undefined ? [] : [{ path, message }]);

function keyFault(column: unknown, { label }: Fields, joined: readonly unknown[]): string | undefined {
  if (typeof column !== 'string') return undefined;
  if (column === label) return 'is the label; a model may not see it, and what is looked up by it tells it';
  return joined.includes(column) ? `is joined itself; join by a column of data.source instead of ${column}` : undefined;
}

function columnFault(column: unknown, { key, eventTime, label }: Fields, used: readonly unknown[], other: number | undefined): string | undefined {
  if (typeof column !== 'string') return undefined;
  if ([...listOf(key), eventTime, label].includes(column)) return 'is of the key, event time or the label, which data.source itself must hold; joined are features and slices';
  if (other !== undefined) return `is also joined by join ${other}; a column can have one origin`;
  return used.includes(column) ? undefined : `joins ${column}, which is no feature of data.features and none of evaluation.slices; add it there, or take it out here`;
}
