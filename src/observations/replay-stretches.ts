import type { TimeRange } from './observation-rows.js';

/** What the record knows of a file of observations. */
export interface FileSpan {
  readonly rows: number;
  /** Event time of the first and last row, milliseconds since 1970. */
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface StretchBounds {
  /** Rows that are in memory at once, and files that are open; a single block may have more of both. */
  readonly rows: number;
  readonly files: number;
}

/** Whole blocks that are read and scored at once; only the last one of the period may be cut short by its end. */
export interface Stretch extends TimeRange {
  /** The place of its first block in the period, from 1. */
  readonly firstBlock: number;
}

/** The part of a period, in whole blocks from its beginning, that files have observations of; null for none. */
export function observedBlocks({ fromMs, untilMs }: TimeRange, blockMs: number, files: readonly FileSpan[]): { readonly first: number; readonly last: number } | null {
  let [firstMs, lastMs] = [Infinity, -Infinity];
  for (const file of files) {
    if (file.lastMs < fromMs || file.firstMs >= untilMs) continue;
    firstMs = Math.min(firstMs, file.firstMs);
    lastMs = Math.max(lastMs, file.lastMs);
  }
  if (firstMs > lastMs) return null;
  const block = (ms: number): number => Math.floor((ms - fromMs) / blockMs) + 1;
  return { first: block(Math.max(firstMs, fromMs)), last: block(Math.min(lastMs, untilMs - 1)) };
}

/**
 * Cuts a period into stretches of whole blocks that stay within the bounds, by what the record knows of its files: each
 * counts once with all of its rows in every stretch that it reaches into. Blocks that no file reaches into are left out.
 */
export function replayStretches(period: TimeRange, blockMs: number, files: readonly FileSpan[], bounds: StretchBounds): Stretch[] {
  const stretches: { first: number; last: number; rows: number; files: Set<FileSpan> }[] = [];
  for (const [block, reaching] of [...filesByBlock(period, blockMs, files)].sort(([one], [other]) => one - other)) {
    const current = stretches.at(-1);
    const added = reaching.filter((file) => !current?.files.has(file));
    const fits = current && current.last === block - 1 && current.rows + rowsOf(added) <= bounds.rows && current.files.size + added.length <= bounds.files;
    if (!fits) stretches.push({ first: block, last: block, rows: rowsOf(reaching), files: new Set(reaching) });
    else {
      current.last = block;
      current.rows += rowsOf(added);
      for (const file of added) current.files.add(file);
    }
  }
  return stretches.map(({ first, last }) => ({
    firstBlock: first, fromMs: period.fromMs + (first - 1) * blockMs, untilMs: Math.min(period.untilMs, period.fromMs + last * blockMs),
  }));
}

const rowsOf = (files: readonly FileSpan[]): number => files.reduce((sum, { rows }) => sum + rows, 0);

function filesByBlock(period: TimeRange, blockMs: number, files: readonly FileSpan[]): Map<number, FileSpan[]> {
  const reaching = new Map<number, FileSpan[]>();
  for (const file of files) {
    const reached = observedBlocks(period, blockMs, [file]);
    for (let block = reached?.first ?? 1; block <= (reached?.last ?? 0); block++) {
      const known = reaching.get(block);
      if (known) known.push(file);
      else reaching.set(block, [file]);
    }
  }
  return reaching;
}
