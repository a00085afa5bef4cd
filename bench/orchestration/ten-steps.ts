import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startEmbedded } from '../../src/embedded/embedded.js';
import { median, medianRatio, quantile } from '../statistics.js';
import { DagsterPeer } from './dagster-peer.js';
import { StepWorkers } from './step-workers.js';
import type { StepKind } from './steps.workflow.js';

const STEPS = 10;
const ROUNDS = 7;
const RUNS_A_ROUND = 10;
const PEER_RUNS_A_ROUND = 2;
const GOAL_STEP_MS = 10;
const FLOOR = 'ten bare round trips';
const KINDS: Readonly<Record<string, StepKind>> = {
  'steps on the own queue': 'own',
  'steps on another queue': 'other',
  'local activities': 'local',
};

interface Contender {
  readonly runsARound: number;
  readonly run: () => Promise<number>;
}

/** Ten steps that do nothing, on our embedded server as it is tuned, durable on disk; its floors and its peer take turns with it. */
export async function benchTenSteps(): Promise<void> {
  const parent = resolve('var/bench/orchestration');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'servers-'));
  const servers = await startEmbedded({ stateDir: folder, ports: { postgres: 26_432, temporal: 27_733, temporalUi: 28_733 } });
  const workers = await StepWorkers.start(servers.temporalAddress, servers.temporalNamespace);
  const peer = await DagsterPeer.start();
  try {
    for (const kind of Object.values(KINDS)) await workers.proveDone(kind, STEPS);
    report(await takeTurns(contendersOf(workers, peer)));
  } finally {
    await peer?.stop();
    await workers.stop();
    await servers.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function contendersOf(workers: StepWorkers, peer: DagsterPeer | undefined): Readonly<Record<string, Contender>> {
  return {
    [FLOOR]: { runsARound: RUNS_A_ROUND, run: () => workers.roundTrips(STEPS) },
    'a workflow with no step': { runsARound: RUNS_A_ROUND, run: () => workers.run('own', 0) },
    ...Object.fromEntries(Object.entries(KINDS).map(([name, kind]) => [name, { runsARound: RUNS_A_ROUND, run: () => workers.run(kind, STEPS) }])),
    ...(peer ? { 'Dagster, in process': { runsARound: PEER_RUNS_A_ROUND, run: () => peer.runTenSteps() } } : {}),
  };
}

/** @returns milliseconds of every run, by contender and round; the first round is to warm up and does not count. */
async function takeTurns(contenders: Readonly<Record<string, Contender>>): Promise<Map<string, number[][]>> {
  const rounds = new Map<string, number[][]>(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, { run, runsARound }] of Object.entries(contenders)) {
      const times: number[] = [];
      for (let done = 0; done < runsARound; done++) times.push(await run());
      if (round > 0) rounds.get(name)!.push(times);
    }
  }
  return rounds;
}

function report(rounds: ReadonlyMap<string, readonly (readonly number[])[]>): void {
  const perRound = (name: string): number[] => rounds.get(name)!.map(median);
  console.log('\nTen steps that do nothing, one after another (Temporal durable in SQLite, WAL; Dagster in SQLite too)');
  console.log('                            runs  ms, least   median      p90   ms a step   ÷ round trips');
  for (const [name, times] of rounds) {
    const all = times.flat();
    const step = name.startsWith('a workflow') ? '–' : (median(all) / STEPS).toFixed(1);
    console.log(
      `${name.padEnd(26)}${String(all.length).padStart(6)}${Math.min(...all).toFixed(1).padStart(11)}${median(all).toFixed(1).padStart(9)}${quantile(all, 0.9).toFixed(1).padStart(9)}${step.padStart(12)}${medianRatio(perRound(name), perRound(FLOOR)).toFixed(1).padStart(16)}`,
    );
  }
  for (const name of ['steps on the own queue', 'steps on another queue']) {
    const totalMs = median(rounds.get(name)!.flat());
    // Every workflow starts and ends once, however many activities it has.
    const activityMs = (totalMs - median(rounds.get('a workflow with no step')!.flat())) / STEPS;
    console.log(`goal: at most ${GOAL_STEP_MS} ms a remote activity; ${name}: ${activityMs.toFixed(1)} ms, ${met(activityMs)}; with a tenth of the workflow's start and end ${(totalMs / STEPS).toFixed(1)} ms, ${met(totalMs / STEPS)}`);
    if (rounds.has('Dagster, in process')) console.log(`Dagster ÷ ${name}: ${medianRatio(perRound('Dagster, in process'), perRound(name)).toFixed(1)}`);
  }
}

const met = (stepMs: number): string => (stepMs <= GOAL_STEP_MS ? 'met' : 'NOT met');
