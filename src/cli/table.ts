import { plain, styled, type Terminal } from './terminal.js';

export interface Column {
  readonly title: string;
  /** Numbers stand under each other by their end. */
  readonly align?: 'left' | 'right';
}

const GAP = '  ';
const NARROWEST = 6;

/**
 * Rows under their titles, no line longer than the terminal: the widest columns are shortened first, with an ellipsis.
 * @returns lines with their line ends; a sentence when there are no rows.
 */
export function table(terminal: Terminal, columns: readonly Column[], rows: readonly (readonly string[])[], whenEmpty: string): string {
  if (rows.length === 0) return `${whenEmpty}\n`;
  const cells = rows.map((row) => row.map(plain));
  const widths = fitted(columns.map(({ title }, index) => Math.max(length(title), ...cells.map((row) => length(row[index] ?? '')))), terminal.columns);
  const line = (row: readonly string[]): string => columns.map(({ align }, index) => padded(row[index] ?? '', widths[index] ?? 0, align)).join(GAP).trimEnd();
  const header = styled(terminal, 'bold', line(columns.map(({ title }) => title)));
  return `${[header, ...cells.map(line)].join('\n')}\n`;
}

/** Names and what belongs to them, one a line. */
export function facts(terminal: Terminal, pairs: readonly (readonly [string, string | null])[]): string {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== null);
  const width = Math.max(...shown.map(([name]) => length(name)));
  return shown.map(([name, value]) => `${styled(terminal, 'dim', padded(name, width, 'left'))}${GAP}${shortened(plain(value), Math.max(20, terminal.columns - width - GAP.length))}\n`).join('');
}

function fitted(natural: readonly number[], available: number): number[] {
  const widths = [...natural];
  const total = (): number => widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1);
  while (total() > available) {
    const widest = Math.max(...widths);
    if (widest <= NARROWEST) break;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  return widths;
}

const length = (text: string): number => [...text].length;

const shortened = (text: string, width: number): string => (length(text) <= width ? text : `${[...text].slice(0, width - 1).join('')}…`);

function padded(text: string, width: number, align: Column['align']): string {
  const short = shortened(text, width);
  const space = ' '.repeat(width - length(short));
  return align === 'right' ? space + short : short + space;
}
