import { CsvError, type Info, parse } from 'csv-parse/sync';
import { z } from 'zod';
import { INVENTORY_STATES } from '../../contracts/inventory.js';
import type { NewInventoryEntry } from '../../registry/inventory-imports.repository.js';
import { TIERS } from '../../spec/risk-tier.js';
import { modelName, text } from '../requests/fields.js';
import { invalid, type RequestFault } from '../requests/validation.pipe.js';

const MAX_MODELS = 5_000;

/** An empty field says nothing. */
const optional = <T extends z.ZodType>(field: T) => z.preprocess((value) => (value === '' ? null : value), field.nullable().default(null));

/** Columns of a file by their names; `docs/INVENTORY.md` says what each holds, and a test compares. */
export const INVENTORY_COLUMNS = z.strictObject({
  name: modelName,
  owner: optional(text(200)),
  tier: optional(z.enum(TIERS, `must be one of ${TIERS.join(', ')}`)),
  environment: optional(text(200)),
  endpoint: optional(text(500)),
  source: optional(text(200)),
  monitoring: optional(text(500).refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'must be a URL of http or https')),
  description: optional(text(2_000)),
  state: z.preprocess((value) => (value === '' ? undefined : value), z.enum(INVENTORY_STATES, `must be one of ${INVENTORY_STATES.join(', ')}`).default('active')),
});
const NAMES = Object.keys(INVENTORY_COLUMNS.shape);

interface Line {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/**
 * The models of a CSV file (RFC 4180) with a header.
 * @throws PerennialError `InvalidRequest` with every fault, each with its line and column: then nothing of it counts
 */
export function inventoryEntries(csv: string): NewInventoryEntry[] {
  const [header, ...lines] = linesOf(csv);
  if (!header || lines.length === 0) throw invalid([{ path: 'body', message: 'holds no models: write a header and one line for each model' }]);
  const faults = headerFaults(header);
  if (faults.length > 0) throw invalid(faults);
  if (lines.length > MAX_MODELS) throw invalid([{ path: 'body', message: `holds ${lines.length} models; send at most ${MAX_MODELS} in one file` }]);
  const read = lines.map((line) => entryOf(header.cells, line));
  const wrong = [...read.flatMap((one) => ('faults' in one ? one.faults : [])), ...repeatedNames(read)];
  if (wrong.length > 0) throw invalid(wrong);
  return read.flatMap((one) => ('entry' in one ? [one.entry] : []));
}

function linesOf(csv: string): Line[] {
  const source = csv.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  try {
    const parsed = parse(source, { info: true, relax_column_count: true, skip_empty_lines: true }) as unknown as readonly { readonly record: string[]; readonly info: Info }[];
    return parsed.map(({ record, info }) => ({ cells: record, line: info.lines - record.reduce((breaks, cell) => breaks + cell.split('\n').length - 1, 0) }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    if (error.code === 'CSV_QUOTE_NOT_CLOSED') throw invalid([{ path: `line ${openQuote(source)}`, message: 'opens a quote that stays open' }]);
    throw invalid([{ path: `line ${String(error['lines'])}`, message: QUOTE_FAULTS.has(error.code) ? 'has a quote in the middle of a field: quote the whole field, and double the quotes in it' : `is no CSV: ${error.message}` }]);
  }
}

const QUOTE_FAULTS: ReadonlySet<string> = new Set(['INVALID_OPENING_QUOTE', 'CSV_INVALID_CLOSING_QUOTE']);

/** The last line with which their number becomes odd. */
function openQuote(source: string): number {
  let [open, at] = [false, 1];
  source.split('\n').forEach((line, index) => {
    const odd = line.split('"').length % 2 === 0;
    if (odd && !open) at = index + 1;
    open = open !== odd;
  });
  return at;
}

function headerFaults({ line, cells }: Line): RequestFault[] {
  const path = `line ${line}`;
  const strange = cells.filter((name) => !NAMES.includes(name));
  return [
    ...strange.map((name) => ({ path, message: `${JSON.stringify(name.slice(0, 100))} is no column of an inventory: these are ${NAMES.join(', ')}` })),
    ...NAMES.filter((name) => cells.indexOf(name) !== cells.lastIndexOf(name)).map((name) => ({ path, message: `names the column ${name} twice` })),
    ...(cells.includes('name') ? [] : [{ path, message: 'has no column name' }]),
  ];
}

type ReadLine = { readonly entry: NewInventoryEntry } | { readonly faults: readonly RequestFault[]; readonly line: number; readonly name: string };

function entryOf(header: readonly string[], { line, cells }: Line): ReadLine {
  const name = cells[header.indexOf('name')] ?? '';
  if (cells.length !== header.length) return { line, name, faults: [{ path: `line ${line}`, message: `has ${cells.length} ${cells.length === 1 ? 'field' : 'fields'} where the header names ${header.length}` }] };
  const result = INVENTORY_COLUMNS.safeParse(Object.fromEntries(header.map((column, place) => [column, cells[place]?.trim() ?? ''])));
  if (result.success) return { entry: { ...result.data, line } };
  return { line, name, faults: result.error.issues.map((issue) => ({ path: `line ${line}, ${issue.path.join('.')}`, message: issue.message })) };
}

/** Of two lines that say something of the same model neither counts. */
function repeatedNames(read: readonly ReadLine[]): RequestFault[] {
  const first = new Map<string, number>();
  return read.flatMap((one) => {
    const { name, line } = 'entry' in one ? one.entry : one;
    const before = first.get(name);
    if (before === undefined) first.set(name, line);
    return before === undefined || name === '' ? [] : [{ path: `line ${line}, name`, message: `${JSON.stringify(name.slice(0, 100))} stands in line ${before} already` }];
  });
}
