import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runMeasured } from '../measured-process.js';
import { pythonEnvironment } from '../python-environment.js';
import { median } from '../statistics.js';
import type { Measured } from './comparisons.js';
import { FOLDER, preparedRows, SOURCES } from './prepared-rows.js';

/**
 * How many windows a minute one worker compares, of a fleet whose models each have a week's window: all figures of 30 features beside the baseline.
 * The floor is DuckDB's scan of the same files, the peer Evidently's PSI. `npm run bench -- fleet [models] [rows of a window] [rounds] [peer: yes or no]`
 */
const MODELS = Number(process.argv[2] ?? 200);
const ROWS = Number(process.argv[3] ?? 100_000);
const ROUNDS = Number(process.argv[4] ?? 3);
const WITH_PEER = (process.argv[5] ?? 'yes') !== 'no';
/** Files that differ; the models take turns with them. */
const DISTINCT = 8;
const PEER_WINDOWS = 3;

const python = await pythonEnvironment(FOLDER, join(SOURCES, 'requirements.txt'));
const folders: string[] = [];
for (let model = 0; model < Math.min(MODELS, DISTINCT); model++) folders.push(await preparedRows(python, ROWS, 1 + 2 * model));
const program = fileURLToPath(new URL('./measure-fleet.js', import.meta.url));
const perMinute = async (what: 'drift' | 'scan'): Promise<number> =>
  (60 * MODELS) / (await runMeasured<{ seconds: number }>(process.execPath, [program, what, String(MODELS), join(FOLDER, 'scratch'), ...folders])).report.seconds;

const [ours, scans]: [number[], number[]] = [[], []];
for (let round = 0; round < ROUNDS; round++) {
  scans.push(await perMinute('scan'));
  ours.push(await perMinute('drift'));
}
console.log(`\n${MODELS} models, a window of ${ROWS.toLocaleString('en-US')} rows beside a baseline of as many, 20 numbers and 10 categories\n                      windows a minute`);
const print = (name: string, rate: number): void => console.log(`${name.padEnd(22)}${rate.toFixed(rate < 100 ? 1 : 0).padStart(16)}`);
print('DuckDB scan (floor)', median(scans));
print('Perennial', median(ours));
if (WITH_PEER) {
  const seconds: number[] = [];
  for (const folder of folders.slice(0, PEER_WINDOWS)) {
    seconds.push((await runMeasured<Measured>(python, [join(SOURCES, 'evidently_peer.py'), join(folder, 'reference.parquet'), join(folder, 'current.parquet')])).report.seconds);
  }
  print('Evidently, PSI', 60 / median(seconds));
}
console.log(`\nthe scan's rate ÷ ours, round by round: ${median(ours.map((rate, round) => scans[round]! / rate)).toFixed(2)}; all ${MODELS} models take ${((60 * MODELS) / median(ours)).toFixed(0)} s`);
