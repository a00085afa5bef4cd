import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runMeasured } from '../measured-process.js';
import { pythonEnvironment } from '../python-environment.js';
import { median } from '../statistics.js';
import type { Figures, Measured } from './comparisons.js';
import { FOLDER, preparedRows, SOURCES } from './prepared-rows.js';

/**
 * All figures of 30 features of a window beside a baseline, both of as many rows: ours, a scan of both files by DuckDB (the floor), SciPy by hand and
 * Evidently's PSI take turns in processes of their own. `npm run bench -- drift [rows] [rounds] [peers: yes or no]`
 */
const ROWS = Number(process.argv[2] ?? 1_000_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const WITH_PEERS = (process.argv[4] ?? 'yes') !== 'no';
const WARM_ROWS = 100_000;
const PEER_ROUNDS = 1;

const beside = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

interface Run extends Measured {
  readonly peakMiB: number;
}

async function rowsOf(python: string, rows: number): Promise<[string, string]> {
  const folder = await preparedRows(python, rows);
  return [join(folder, 'reference.parquet'), join(folder, 'current.parquet')];
}

async function measured(program: string, args: readonly string[]): Promise<Run> {
  const { report, peakBytes } = await runMeasured<Measured>(program, args);
  return { ...report, peakMiB: peakBytes / 2 ** 20 };
}

const python = await pythonEnvironment(FOLDER, join(SOURCES, 'requirements.txt'));
const [files, warm] = [await rowsOf(python, ROWS), await rowsOf(python, WARM_ROWS)];
const scratch = join(FOLDER, 'scratch');
const contenders: Readonly<Record<string, { readonly rounds: number; readonly go: () => Promise<Run> }>> = {
  'DuckDB scan (floor)': { rounds: ROUNDS, go: () => measured(process.execPath, [beside('./scan-floor.js'), ...files, scratch]) },
  Perennial: { rounds: ROUNDS, go: () => measured(process.execPath, [beside('./measure-drift.js'), ...files, scratch, ...warm]) },
  ...(WITH_PEERS ? {
    'SciPy by hand': { rounds: PEER_ROUNDS, go: () => measured(python, [join(SOURCES, 'scipy_peer.py'), ...files]) },
    'Evidently, PSI': { rounds: PEER_ROUNDS, go: () => measured(python, [join(SOURCES, 'evidently_peer.py'), ...files]) },
  } : {}),
};

const results = new Map<string, Run[]>(Object.keys(contenders).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, { rounds, go }] of Object.entries(contenders)) if (round < rounds) results.get(name)!.push(await go());
}

const [floor, ours] = [results.get('DuckDB scan (floor)')!, results.get('Perennial')!];
const seconds = (runs: readonly Run[]): number => median(runs.map((one) => one.seconds));
console.log(`\n${ROWS.toLocaleString('en-US')} rows beside ${ROWS.toLocaleString('en-US')}, 20 numbers and 10 categories\n                      runs   wall s   ÷ floor   peak MiB`);
for (const [name, runs] of results) {
  console.log(`${name.padEnd(22)}${String(runs.length).padStart(4)}${seconds(runs).toFixed(2).padStart(9)}${(seconds(runs) / seconds(floor)).toFixed(1).padStart(10)}${median(runs.map(({ peakMiB }) => peakMiB)).toFixed(0).padStart(11)}`);
}
const ratioOf = (secondsOf: (run: Run) => number): number => median(ours.map((one, round) => secondsOf(one) / floor[round]!.seconds));
const ratio = ratioOf((run) => run.seconds);
const [goal, memory] = ROWS > 2_000_000 ? [3, 1_024] : [2.5, Infinity];
console.log(`\nours ÷ floor, round by round: ${ratio.toFixed(2)} (goal: at most ${goal}): ${ratio <= goal ? 'met' : 'NOT met'}`);
console.log(`the first window of so many rows, in memory that is new to the process: ${ratioOf((run) => run.freshSeconds!).toFixed(2)}`);
if (memory < Infinity) console.log(`peak memory: ${median(ours.map(({ peakMiB }) => peakMiB)).toFixed(0)} MiB (goal: at most ${memory}): ${median(ours.map(({ peakMiB }) => peakMiB)) <= memory ? 'met' : 'NOT met'}`);
console.log(`the first window of ${WARM_ROWS.toLocaleString('en-US')} rows in a new process: ${median(ours.map((one) => one.firstSeconds!)).toFixed(2)} s`);
const byHand = results.get('SciPy by hand')?.[0]?.figures;
if (byHand) console.log(`largest difference from SciPy, relative to 1 or the figure: ${largestDifference(ours[0]!.figures!, byHand).toExponential(1)}`);

function largestDifference(one: Readonly<Record<string, Figures>>, other: Readonly<Record<string, Figures>>): number {
  const differences = Object.entries(other).flatMap(([name, expected]) =>
    (Object.keys(expected) as (keyof Figures)[]).map((figure) => Math.abs((one[name]![figure] ?? NaN) - expected[figure]!) / Math.max(1, Math.abs(expected[figure]!))));
  return Math.max(...differences);
}
