import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pythonEnvironment } from '../python-environment.js';
import { median, medianRatio } from '../statistics.js';
import { pause, type Server, ServingInstallation, startServer, stopProcess } from './installation.js';
import type { Load, LoadReport } from './load-generator.js';

/**
 * Serving: 200 trees on 30 features, requests of one row and of a hundred, 16 connections. The gateway with its log on,
 * the same with a challenger that executes every request, the same beside a program that does nothing but keep a core busy (what
 * a challenger takes in any case), a Fastify echo (the floor), what one thread could do without HTTP (the ceiling) and
 * FastAPI + onnxruntime + orjson (the peer) take turns. Then an open loop at half of capacity, with and without a challenger that
 * never gets done; a change of champion under that load; and memory with two models. Rounds are many and short: what else
 * the machine has to do comes and goes, and contenders are compared within a round.
 * `npm run bench -- serving [rounds] [seconds]`
 */
const ROUNDS = Number(process.argv[2] ?? 9);
const SECONDS = Number(process.argv[3] ?? 2);
const CONNECTIONS = 16;
const OPEN_CONNECTIONS = 128;
const FEATURES = 30;
const FOLDER = resolve('var/bench/serving');
const SOURCES = resolve('bench/serving');
const TRAINER_PYTHON = resolve('var/python/bin/python');

const run = promisify(execFile);
const beside = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const benchSpec = (model: string): string => `
apiVersion: perennial/v1
model: ${model}
purpose: Shows how fast the gateway answers.
owner: bench
tier: low
task: binary-classification
data:
  source: { path: none/*.parquet }
  eventTime: at
  key: [id]
  label: late
  labelHorizon: PT1H
  features: [${Array.from({ length: FEATURES }, (_, index) => `{ name: f${index}, type: number }`).join(', ')}]
training: { trainer: none }
gates: { comparison: { metric: auc } }
`;

async function prepare(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  if (!existsSync(join(FOLDER, 'stuck.onnx'))) {
    console.log('Making the models (once, a minute) …');
    await run(TRAINER_PYTHON, [join(SOURCES, 'prepare.py'), FOLDER], { env: { ...process.env, OMP_WAIT_POLICY: 'passive' } });
  }
  for (const rows of [1, 100]) writeFileSync(bodyFile(rows), body(rows));
  writeFileSync(STICKING_BODY, body(1, 1_000));
}

/** One row whose last number makes stuck.onnx take its time. */
const STICKING_BODY = join(FOLDER, 'body-sticking.json');
const bodyFile = (rows: number): string => join(FOLDER, `body-${rows}.json`);

/** Normal numbers as float32 gives them to JSON, as a client's array does: up to 17 digits each. */
function body(rows: number, last?: number): string {
  let state = 1;
  const uniform = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  const normal = (): number => Math.fround(Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
  const data = Array.from({ length: rows * FEATURES }, normal);
  if (last !== undefined) data[FEATURES - 1] = last;
  return JSON.stringify({ inputs: [{ name: 'features', datatype: 'FP32', shape: [rows, FEATURES], data }] });
}

async function load(part: Pick<Load, 'port' | 'body'> & Partial<Load>): Promise<LoadReport> {
  const whole: Load = { path: '/v2/models/bench/infer', connections: CONNECTIONS, seconds: SECONDS, warmUpSeconds: 1, rate: 0, ...part };
  const { stdout } = await run(process.execPath, [beside('./load-generator.js'), JSON.stringify(whole)]);
  const report = JSON.parse(stdout) as LoadReport;
  const failed = Object.entries(report.statuses).filter(([status]) => status !== '200');
  if (failed.length > 0) console.log(`   answers that are no 200: ${JSON.stringify(Object.fromEntries(failed))}`);
  return report;
}

/** A load beside a program that only keeps a core busy. */
async function besideBusyCore(part: Parameters<typeof load>[0]): Promise<LoadReport> {
  const busy = spawn(process.execPath, ['--eval', 'for (;;);'], { stdio: 'ignore' });
  try {
    return await load(part);
  } finally {
    busy.kill('SIGKILL');
  }
}

interface GatewayReport extends LoadReport {
  /** Of the gateway's own process, in milliseconds a request; its challengers' processes are not in it. */
  readonly spent?: number;
}

async function measured(installation: ServingInstallation, loading: () => Promise<LoadReport>): Promise<GatewayReport> {
  const figures = async (): Promise<[seconds: number, requests: number]> => [await installation.metric('process_cpu_seconds_total', {}), await installation.metric('perennial_gateway_request_duration_seconds_count', {})];
  const before = await figures();
  const report = await loading();
  const after = await figures();
  return { ...report, spent: (1_000 * (after[0] - before[0])) / (after[1] - before[1]) };
}

async function ceiling(rows: number): Promise<number> {
  const { stdout } = await run(process.execPath, [beside('./ceiling.js'), join(FOLDER, 'champion.onnx'), bodyFile(rows), String(SECONDS)]);
  return (JSON.parse(stdout) as { perSecond: number }).perSecond;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((settle) => server.once('listening', settle));
  const { port } = server.address() as { port: number };
  await new Promise((settle) => server.close(settle));
  return port;
}

const startEcho = (): Promise<Server> => startServer(process.execPath, [beside('./echo-server.js')], (line) => (JSON.parse(line) as { port: number }).port);

/** @returns undefined where Python or its packages are not to be had */
async function startPeer(): Promise<Server | undefined> {
  try {
    const python = await pythonEnvironment(FOLDER, join(SOURCES, 'requirements.txt'));
    const port = await freePort();
    const child = spawn(python, [join(SOURCES, 'fastapi_server.py'), join(FOLDER, 'champion.onnx'), String(port)], { stdio: 'inherit' });
    while ((await fetch(`http://127.0.0.1:${port}/docs`).catch(() => undefined)) === undefined) {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
      await pause(100);
    }
    return { port, process: child };
  } catch (error) {
    console.log(`FastAPI is left out: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
    return undefined;
  }
}

type Contenders = Readonly<Record<string, (rows: number) => Promise<GatewayReport>>>;

async function closedLoops(rows: number, contenders: Contenders): Promise<Record<string, GatewayReport[]>> {
  const results: Record<string, GatewayReport[]> = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) for (const [name, contender] of Object.entries(contenders)) results[name]!.push(await contender(rows));
  return results;
}

const perSecond = (reports: readonly LoadReport[]): number[] => reports.map((report) => report.perSecond);
const ms = (value: number): string => value.toFixed(2).padStart(8);
const goal = (what: string, value: number, met: boolean, wanted: string): void => console.log(`${what} ${value.toFixed(2)} (goal: ${wanted}): ${met ? 'met' : 'NOT met'}`);

function table(title: string, results: Readonly<Record<string, readonly GatewayReport[]>>): void {
  console.log(`\n${title}: medians of ${ROUNDS}\n                        requests/s   p50 ms   p99 ms  the generator's share of a processor  gateway's processor ms a request`);
  for (const [name, reports] of Object.entries(results)) {
    const figures = [Math.round(median(perSecond(reports))).toLocaleString('en-US').padStart(10), ms(median(reports.map(({ p50 }) => p50))), ms(median(reports.map(({ p99 }) => p99))), median(reports.map(({ processor }) => processor)).toFixed(2).padStart(6), reports[0]?.spent === undefined ? '' : median(reports.map(({ spent = 0 }) => spent)).toFixed(3).padStart(36)];
    console.log(`${name.padEnd(24)}${figures.join(' ')}`);
  }
}

async function throughput(installation: ServingInstallation): Promise<number> {
  const echo = await startEcho();
  const peer = await startPeer();
  const { port } = installation.gateway;
  const contenders: Contenders = {
    'echo (floor)': (rows) => load({ port: echo.port, body: bodyFile(rows) }),
    gateway: (rows) => measured(installation, () => load({ port, body: bodyFile(rows) })),
    'gateway, challenged': (rows) => measured(installation, () => load({ port, body: bodyFile(rows), path: '/v2/models/challenged/infer' })),
    'gateway, a core is busy': (rows) => measured(installation, () => besideBusyCore({ port, body: bodyFile(rows) })),
    ...(peer ? { FastAPI: (rows) => load({ port: peer.port, body: bodyFile(rows) }) } : {}),
  };
  let capacity = 0;
  for (const rows of [1, 100]) {
    const mirrored = await mirroredSoFar(installation);
    const before = await ceiling(rows);
    const results = await closedLoops(rows, contenders);
    const ceilings = [before, await ceiling(rows)];
    table(rows === 1 ? 'One row' : 'A hundred rows', results);
    console.log(`one thread's ceiling     ${Math.round(median(ceilings)).toLocaleString('en-US').padStart(9)}`);
    await tellMirrored(installation, mirrored);
    tellGoals(rows, results, median(ceilings));
    if (rows === 1) capacity = median(perSecond(results['gateway']!));
  }
  await stopProcess(echo.process);
  if (peer) await stopProcess(peer.process);
  return capacity;
}

function tellGoals(rows: number, results: Readonly<Record<string, readonly GatewayReport[]>>, most: number): void {
  const [floor, own, challenged, peer] = ['echo (floor)', 'gateway', 'gateway, challenged', 'FastAPI'].map((name) => results[name]) as [GatewayReport[], GatewayReport[], GatewayReport[], GatewayReport[] | undefined];
  const against = (base: readonly LoadReport[], reports: readonly LoadReport[]): number => medianRatio(perSecond(reports), perSecond(base));
  if (rows === 1) goal('gateway ÷ echo', against(floor, own), against(floor, own) >= 0.65, 'at least 0.65');
  else goal('gateway ÷ ceiling', median(perSecond(own)) / most, median(perSecond(own)) / most >= 0.85, 'at least 0.85');
  const least = rows === 1 ? 0.75 : 0.95;
  goal('challenged ÷ unchallenged', against(own, challenged), against(own, challenged) >= least, `at least ${least}`);
  console.log(`with a busy core instead of the challenger ${against(own, results['gateway, a core is busy']!).toFixed(2)}; the gateway's processor time a request, challenged ÷ unchallenged ${medianRatio(challenged.map(spentBy), own.map(spentBy)).toFixed(2)}`);
  if (!peer) return;
  const times = rows === 1 ? 2.5 : 1;
  goal('gateway ÷ FastAPI', against(peer, own), against(peer, own) >= times, `at least ${times}`);
  if (rows === 1) return;
  const tail = medianRatio(own.map(({ p99 }) => p99), peer.map(({ p99 }) => p99));
  goal('p99 ÷ FastAPI', tail, tail < 1, 'below 1');
}

const spentBy = ({ spent = NaN }: GatewayReport): number => spent;

const OUTCOMES = ['executed', 'dropped', 'failed'] as const;
type Mirrored = Record<(typeof OUTCOMES)[number], number>;

async function mirroredSoFar(installation: ServingInstallation, model = 'challenged'): Promise<Mirrored> {
  const counts = await Promise.all(OUTCOMES.map((outcome) => installation.metric('perennial_gateway_mirrored_total', { model, outcome })));
  return Object.fromEntries(OUTCOMES.map((outcome, index) => [outcome, counts[index]])) as Mirrored;
}

async function tellMirrored(installation: ServingInstallation, before: Mirrored, model = 'challenged'): Promise<void> {
  await pause(1_000);
  const now = await mirroredSoFar(installation, model);
  console.log(`mirrored requests: ${OUTCOMES.map((outcome) => `${(now[outcome] - before[outcome]).toLocaleString('en-US')} ${outcome}`).join(', ')}`);
}

/** One moment in which the machine does something else decides the p99 of a whole round, on the echo too. */
const p99OfHalfSeconds = ({ p99s }: LoadReport): number => median(p99s);

/** Half of capacity, one row a request; latency counts from when a request was due. */
async function openLoops(installation: ServingInstallation, rate: number): Promise<void> {
  const open = { port: installation.gateway.port, body: STICKING_BODY, rate, connections: OPEN_CONNECTIONS };
  const before = await mirroredSoFar(installation, 'stuck');
  const [floor, alone, busy, besides]: LoadReport[][] = [[], [], [], []];
  const echo = await startEcho();
  for (let round = 0; round < ROUNDS; round++) {
    floor!.push(await load({ ...open, port: echo.port, path: '/v2/models/bench/infer' }));
    alone!.push(await load(open));
    busy!.push(await besideBusyCore(open));
    besides!.push(await load({ ...open, path: '/v2/models/stuck/infer' }));
  }
  await stopProcess(echo.process);
  const tail = (reports: readonly LoadReport[]): string => ms(median(reports.map(p99OfHalfSeconds)));
  console.log(`\nOpen loop, ${Math.round(rate).toLocaleString('en-US')} requests/s: p99 of half a second, medians: of the echo ${tail(floor!)} ms, of the gateway ${tail(alone!)} ms, beside a busy core ${tail(busy!)} ms, beside a challenger that takes seconds for a run ${tail(besides!)} ms`);
  await tellMirrored(installation, before, 'stuck');
  const against = (base: readonly LoadReport[], tailOf: (report: LoadReport) => number): number => medianRatio(besides!.map(tailOf), base.map(tailOf));
  const ratio = against(alone!, p99OfHalfSeconds);
  goal('p99 beside the bad challenger ÷ without', ratio, ratio <= 1.5, 'at most 1.5');
  console.log(`beside the bad challenger ÷ beside a busy core ${against(busy!, p99OfHalfSeconds).toFixed(2)}; of whole rounds, beside the bad challenger ÷ without ${against(alone!, ({ p99 }) => p99).toFixed(2)} (of the echo, from round to round: ${floor!.map(({ p99 }) => p99.toFixed(0)).join(' ')} ms)`);
}

/** Of load before the first change, to see what the machine does by itself. */
const CALM_SECONDS = 5;

async function swaps(installation: ServingInstallation, rate: number): Promise<void> {
  const loading = load({ port: installation.gateway.port, body: bodyFile(1), rate, connections: OPEN_CONNECTIONS, seconds: 8 });
  await pause(1_000 * CALM_SECONDS);
  for (const version of [2, 1]) {
    await installation.promote('bench', version);
    await pause(1_500);
  }
  const { p99s, statuses } = await loading;
  const calm = median(p99s);
  const slowIn = (halves: readonly number[]): number => halves.filter((value) => value > 2 * calm).length / 2;
  const [before, slow] = [slowIn(p99s.slice(0, 2 * CALM_SECONDS)), slowIn(p99s.slice(2 * CALM_SECONDS))];
  console.log(`\nTwo changes of champion under that load: ${JSON.stringify(statuses)}; p99 by half second ${p99s.map((value) => value.toFixed(1)).join(' ')}`);
  goal('seconds with p99 over twice the median, from the first change on', slow, slow <= 2, 'at most 1 for each change');
  console.log(`in the ${CALM_SECONDS} s before it ${before.toFixed(2)}`);
}

/** With two models; called when it has served them for a while. */
async function tellMemory(installation: ServingInstallation, when: string): Promise<void> {
  const memory = (await installation.memoryBytes()) / 2 ** 20;
  goal(`MiB of the gateway with two models, ${when}`, memory, memory < 200, 'below 200');
}

await prepare();
const installation = await ServingInstallation.start(FOLDER, { bench: ['champion.onnx', 'challenger.onnx'], challenged: ['champion.onnx', 'challenger.onnx'] }, benchSpec);
try {
  await load({ port: installation.gateway.port, body: bodyFile(1), seconds: 1 });
  await tellMemory(installation, 'after the first load');
  await installation.challenge('challenged', 2);
  const capacity = await throughput(installation);
  await tellMemory(installation, 'after all requests above');
  await swaps(installation, capacity / 2);
  await tellMemory(installation, 'after two changes of champion');
  await installation.add(FOLDER, 'stuck', ['champion.onnx', 'stuck.onnx'], benchSpec);
  await installation.challenge('stuck', 2);
  await openLoops(installation, capacity / 2);
  console.log(`MiB at the end, with three models ${((await installation.memoryBytes()) / 2 ** 20).toFixed(0)}`);
} finally {
  await installation.close();
}
