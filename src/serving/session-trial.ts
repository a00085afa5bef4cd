import type { OutputTensor, ScoringSession } from './scoring-session.js';

/** What a short trial of a loaded model showed. */
export interface SessionTrial {
  /** Whether a row gets the same bits in company as alone; matrix products may add up in another order. */
  readonly rowsIndependent: boolean;
  /** Rows that one thread scores in a second, in runs of 128; null where made-up rows cannot be scored. */
  readonly rowsPerSecond: number | null;
}

/** Few runs: beside traffic each waits for a turn of the event loop, and a change of champion waits for them all. */
const TRIED_ROWS = 64;
const TRIED_ALONE = [0, 5, 11, 40, 63];
/** Places and sizes of the batches that are compared with the same rows alone. */
const BATCHES: readonly (readonly [from: number, rows: number])[] = [[0, TRIED_ROWS], [5, 7], [39, 2]];
const MEASURED_ROWS = 128;
const MEASURED_MS = 10;
const MEASURED_RUNS = 4;

/** Runs a model on made-up rows. Other work goes on between two runs. @param width F, the columns of its input */
export async function trySession(session: Pick<ScoringSession, 'run'>, width: number): Promise<SessionTrial> {
  try {
    return { rowsIndependent: await areRowsIndependent(session, width), rowsPerSecond: await measureCapacity(session, width) };
  } catch {
    // A model may refuse what no caller would send: then nothing is known, and each request is a run of its own.
    return { rowsIndependent: false, rowsPerSecond: null };
  }
}

async function areRowsIndependent(session: Pick<ScoringSession, 'run'>, width: number): Promise<boolean> {
  const rows = madeUpRows(TRIED_ROWS, width);
  const batches: (readonly OutputTensor[])[] = [];
  for (const [from, count] of BATCHES) batches.push(await session.run(rows.slice(from * width, (from + count) * width), count));
  for (const row of TRIED_ALONE) {
    const alone = await session.run(rows.slice(row * width, (row + 1) * width), 1);
    const same = BATCHES.every(([from, count], at) => row < from || row >= from + count || isRowOf(batches[at]!, row - from, count, alone));
    if (!same) return false;
  }
  return true;
}

/** Whether a row of a batch has the numbers of the row alone, bit for bit; NaN equals NaN. */
const isRowOf = (batch: readonly OutputTensor[], row: number, rows: number, alone: readonly OutputTensor[]): boolean =>
  batch.every(({ data }, index) => {
    const width = data.length / rows;
    return Array.from(alone[index]!.data).every((value, column) => Object.is(value, data[row * width + column]));
  });

async function measureCapacity(session: Pick<ScoringSession, 'run'>, width: number): Promise<number> {
  const rows = madeUpRows(MEASURED_ROWS, width);
  let [best, spent] = [Infinity, 0];
  for (let run = 0; run < MEASURED_RUNS && spent < MEASURED_MS; run++) {
    const startedMs = performance.now();
    await session.run(rows, MEASURED_ROWS);
    const ms = performance.now() - startedMs;
    best = Math.min(best, ms);
    spent += ms;
  }
  return (MEASURED_ROWS * 1_000) / best;
}

/** Numbers between -3 and 3, some small whole ones for categories, some missing; the same each time (Park and Miller's generator). */
function madeUpRows(rows: number, width: number): Float32Array {
  let state = 20_130_101;
  const next = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  return Float32Array.from({ length: rows * width }, () => {
    const kind = next();
    if (kind < 0.1) return NaN;
    return kind < 0.3 ? Math.floor(next() * 4) : next() * 6 - 3;
  });
}
