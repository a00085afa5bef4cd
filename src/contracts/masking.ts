/** What a spec says of its columns, as far as masking goes. */
export interface ClassifiedSpec {
  readonly data: {
    readonly sensitive?: readonly string[] | undefined;
    readonly key: readonly string[];
    readonly label: string;
    readonly features: readonly { readonly name: string; readonly categories?: readonly string[] }[];
  };
}

/** Which columns are classified as sensitive (`data.sensitive`), and what of them can be shown instead of their values (docs/PRIVACY.md). */
export interface Sensitivity {
  readonly columns: ReadonlySet<string>;
  /** By category feature among `columns`: what the spec lists, in its order. */
  readonly categories: ReadonlyMap<string, readonly string[]>;
  /** Whether a column of the key is one of them: what names a row is masked then as a whole. */
  readonly key: boolean;
  readonly label: boolean;
}

/** What is shown instead of a single value. */
export const MASK = '•••';

/** @param specs what any of them classifies is sensitive; categories are named by the first that lists them */
export function sensitivityOf(...specs: readonly ClassifiedSpec[]): Sensitivity {
  const columns = new Set(specs.flatMap(({ data }) => data.sensitive ?? []));
  const listed = specs.flatMap(({ data }) => data.features).filter(({ name, categories }) => columns.has(name) && categories !== undefined);
  return {
    columns,
    categories: new Map(listed.toReversed().map(({ name, categories }) => [name, categories ?? []])),
    key: specs.some(({ data }) => data.key.some((column) => columns.has(column))),
    label: specs.some(({ data }) => columns.has(data.label)),
  };
}

/** What of a value may be shown of a column that is sensitive: that there is none. */
export const masked = <T>(value: T): typeof MASK | Extract<T, null | undefined> => (value === null || value === undefined ? (value as Extract<T, null | undefined>) : MASK);

/** A row by its columns, with sensitive values masked. */
export const maskedRow = <T>(row: Readonly<Record<string, T>>, { columns }: Sensitivity): Record<string, T | typeof MASK> =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, columns.has(column) ? masked(value) ?? value : value]));

/** Names of the values of one column in one report. */
export type ValueNames = (value: string) => string;

/**
 * How values of a column are named where figures stand beside each: as they are, or where the column is sensitive by pseudonyms. Those of categories that the
 * spec lists are their places in it (`colour:1`), the same in every report of a model; other values are numbered as they come (`colour:?1`), in each report anew.
 * A pseudonym stays one.
 */
export function valueNames(column: string, { columns, categories }: Sensitivity): ValueNames {
  if (!columns.has(column)) return (value) => value;
  const places = new Map(categories.get(column)?.map((category, place) => [category, place + 1]));
  const strangers = new Map<string, number>();
  return (value) => {
    const place = places.get(value);
    if (place !== undefined) return `${column}:${place}`;
    if (value.startsWith(`${column}:`) && /^\??[1-9]\d*$/.test(value.slice(column.length + 1))) return value;
    const number = strangers.get(value) ?? strangers.size + 1;
    strangers.set(value, number);
    return `${column}:?${number}`;
  };
}

/** Significant digits of the largest of the numbers that are shown of a sensitive column. */
const DIGITS = 2;

/** Rounds figures of a sensitive number, all of one feature by the same step: a tenth of the largest one's power of ten. Null stays null, and what is rounded stays as it is. */
export function roundingOf(figures: readonly (number | null)[]): <T extends number | null>(figure: T) => T {
  const largest = Number(Math.max(0, ...figures.map((figure) => Math.abs(figure ?? 0))).toPrecision(DIGITS));
  const power = largest > 0 ? Math.floor(Math.log10(largest)) - DIGITS + 1 : 0;
  return (figure) => (figure === null ? figure : power >= 0 ? Math.round(figure / 10 ** power) * 10 ** power : Number(figure.toFixed(Math.min(100, -power)))) as typeof figure;
}
