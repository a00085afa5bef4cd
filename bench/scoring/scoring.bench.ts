import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runMeasured } from '../measured-process.js';
import { pythonEnvironment } from '../python-environment.js';
import { median } from '../statistics.js';

/**
 * Candidate scoring: 1M × 30 rows from Parquet through a LightGBM model of 200 trees, with metrics. Ours, Python
 * (onnxruntime + scikit-learn) and the runtime alone take turns in processes of their own; medians and ratios are
 * printed. Needs Python ≥ 3.11; its packages are installed once, under var/bench.
 */
interface Measured {
  readonly rows: number;
  readonly scoreS: number;
  readonly metricsS: number;
  /** Of all its processes at one moment, sampled; where there is no /proc, the sum of their peaks. */
  readonly peakBytes: number;
  readonly cpuS: number;
  readonly metrics: Readonly<Record<string, number>>;
}

const ROUNDS = Number(process.argv[2] ?? 3);
const THREADS = process.argv[3] ?? '2';
const FOLDER = resolve('var/bench/scoring');
const SOURCES = resolve('bench/scoring');

const run = promisify(execFile);
const beside = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** @returns the interpreter with the peer's packages */
async function prepare(): Promise<string> {
  const python = await pythonEnvironment(FOLDER, join(SOURCES, 'requirements.txt'));
  if (!existsSync(join(FOLDER, 'model.onnx'))) {
    console.log('Making a million rows and a model (once) …');
    await run(python, [join(SOURCES, 'prepare.py'), FOLDER]);
  }
  return python;
}

async function measured(program: string, args: readonly string[]): Promise<Measured> {
  const { report, peakBytes, cpuS } = await runMeasured<Measured>(program, args);
  return { ...report, cpuS, peakBytes: peakBytes || report.peakBytes };
}

const python = await prepare();
const [rows, model] = [join(FOLDER, 'rows.parquet'), join(FOLDER, 'model.onnx')];
const contenders: Readonly<Record<string, () => Promise<Measured>>> = {
  perennial: () => measured(process.execPath, [beside('./score-node.js'), rows, model, THREADS]),
  python: () => measured(python, [join(SOURCES, 'score_python.py'), rows, model, THREADS, 'whole']),
  'python streamed': () => measured(python, [join(SOURCES, 'score_python.py'), rows, model, THREADS, 'streamed']),
  'runtime alone': () => measured(process.execPath, [beside('./runtime-floor.js'), model, THREADS, '1000000']),
};

function report(results: Readonly<Record<string, readonly Measured[]>>): void {
  const wall = (runs: readonly Measured[]): number => median(runs.map(({ scoreS, metricsS }) => scoreS + metricsS));
  console.log('\n                  rows scored   rows/s   score s  metrics s      cpu s   peak MiB');
  for (const [name, runs] of Object.entries(results)) {
    const figures = [
      runs[0]!.rows.toLocaleString('en-US').padStart(13),
      Math.round(runs[0]!.rows / wall(runs)).toLocaleString('en-US').padStart(8),
      median(runs.map(({ scoreS }) => scoreS)).toFixed(2).padStart(9),
      median(runs.map(({ metricsS }) => metricsS)).toFixed(2).padStart(10),
      median(runs.map(({ cpuS }) => cpuS)).toFixed(2).padStart(10),
      (median(runs.map(({ peakBytes }) => peakBytes)) / 2 ** 20).toFixed(0).padStart(10),
    ];
    console.log(`${name.padEnd(16)}${figures.join(' ')}`);
  }
  const { perennial, python: whole, 'python streamed': streamed, 'runtime alone': floor } = results as Record<string, readonly Measured[]>;
  const speed = (other: readonly Measured[]): string => median(other.map((run, round) => wall([run]) / wall([perennial![round]!]))).toFixed(2);
  const memory = (other: readonly Measured[]): string => median(perennial!.map((run, round) => run.peakBytes / other[round]!.peakBytes)).toFixed(2);
  console.log(`\nspeed ÷ Python ${speed(whole!)}, streamed ${speed(streamed!)} (goal: above 1)`);
  console.log(`memory ÷ Python ${memory(whole!)}, streamed ${memory(streamed!)} (goal: at most 0.5; ours is of both processes at the same moment)`);
  console.log(`scoring speed ÷ the runtime alone ${median(floor!.map((run, round) => run.scoreS / perennial![round]!.scoreS)).toFixed(2)} (goal: at least 0.9)`);
  const worst = Math.max(...Object.entries(perennial![0]!.metrics).map(([name, value]) => Math.abs(value - whole![0]!.metrics[name]!)));
  console.log(`largest difference between our metrics and scikit-learn's on these rows: ${worst.toExponential(1)}`);
}

const results: Record<string, Measured[]> = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, contender] of Object.entries(contenders)) {
    const result = await contender();
    results[name]!.push(result);
    console.log(`round ${round + 1} ${name.padEnd(16)} ${result.rows} rows in ${(result.scoreS + result.metricsS).toFixed(2)} s, cpu ${result.cpuS.toFixed(2)} s, peak ${(result.peakBytes / 2 ** 20).toFixed(0)} MiB`);
  }
}
report(results);
