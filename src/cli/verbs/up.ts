import { join } from 'node:path';
import { PerennialError } from '../../contracts/failures.js';
import type { RunningInstance } from '../../embedded/up.js';
import { ProblemError } from '../problem-error.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { table } from '../table.js';
import type { Terminal } from '../terminal.js';

export const TOURS = ['short', 'release', 'monitor', 'life'] as const;
export type TourName = (typeof TOURS)[number];

export interface UpOptions {
  /** Takes a tour of the example. */
  readonly tour?: TourName;
  /** Stops once everything is up and the tour, if any, is over. */
  readonly exit?: boolean;
}

/** A key that is cut short is none. */
const KEYS_COLUMNS = 200;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `perennial up`: runs until it is told to stop, then ends every process that it started. */
export async function up(session: Session, options: UpOptions): Promise<ExitCode> {
  let toldYet = false;
  const told = signalled().then(() => { toldYet = true; });
  const { up: start } = await import('../../embedded/up.js');
  const instance = await start({ environment: session.environment, program: session.programPath, log: (line) => session.note(line) });
  try {
    announce(session, instance);
    if (instance.newKeys.length > 0) session.note(keysTable(session.terminal, instance.newKeys));
    const code = options.tour ? await takeTour(session, instance, options.tour, told) : EXIT.done;
    if (!options.exit) {
      if (!toldYet) session.note('Everything stays up until Ctrl-C.');
      await told;
    }
    return code;
  } finally {
    session.note('Stopping …');
    await instance.stop();
  }
}

type RunTour = (environment: Session['environment'], instance: RunningInstance, terminal: Terminal, setupS: number) => Promise<void>;

const LOADED: Readonly<Record<TourName, () => Promise<RunTour>>> = {
  short: async () => (await import('../../tour/run-tour.js')).runTour,
  release: async () => (await import('../../tour/run-release-tour.js')).runReleaseTour,
  monitor: async () => (await import('../../tour/run-monitor-tour.js')).runMonitorTour,
  life: async () => (await import('../../tour/run-life-tour.js')).runLifeTour,
};

async function takeTour(session: Session, instance: RunningInstance, name: TourName, told: Promise<void>): Promise<ExitCode> {
  const runTour = await LOADED[name]();
  // The set-up runs in this process too.
  const setupS = Number(process.uptime().toFixed(1));
  try {
    const toured = runTour(session.environment, instance, tourTerminal(session), setupS).then(() => true);
    if (!(await Promise.race([toured, told.then(() => false)]))) return cutOff(session);
    if (!session.json) announce(session, instance);
    return EXIT.done;
  } catch (error) {
    session.terminal.error(`The tour ended early: ${reasonOf(error)}\nLogs are in ${join(session.environment.STATE_DIR, 'logs')}; the next start goes on where this one was.\n`);
    return EXIT.failed;
  }
}

/** With `--json` the addresses are the one document; how the tour goes is told beside it. */
const tourTerminal = ({ json, terminal }: Session): Terminal =>
  json ? { ...terminal, out: (text) => terminal.error(text), interactive: false } : terminal;

/** What people can mend is said in a sentence; what nobody foresaw keeps its place in the code. */
function reasonOf(error: unknown): string {
  if (error instanceof PerennialError || error instanceof ProblemError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function cutOff(session: Session): ExitCode {
  session.terminal.error('\nThe tour was cut off; the next start goes on with it.\n');
  return EXIT.failed;
}

function announce(session: Session, instance: RunningInstance): void {
  const lines = [
    ['API', `${instance.apiUrl}/docs`],
    ['Gateway', `${instance.gatewayUrl}/v2`],
    ['Temporal UI', instance.temporalUiUrl],
  ];
  session.show({ apiUrl: instance.apiUrl, gatewayUrl: instance.gatewayUrl, temporalUiUrl: instance.temporalUiUrl }, () => `\n${lines.map(([name, value]) => `  ${name?.padEnd(12)} ${value}`).join('\n')}\n\n`);
}

/** Whoever reads them can be each of these people. */
function keysTable(terminal: Terminal, keys: RunningInstance['newKeys']): string {
  const rows = keys.map(({ name, roles, key }) => [name, roles.join(', '), key]);
  const wide = { ...terminal, columns: Math.max(terminal.columns, KEYS_COLUMNS) };
  return `API keys, shown once; the CLI here knows the first, and the others by PERENNIAL_USER=<name>:\n\n${table(wide, [{ title: 'NAME' }, { title: 'ROLES' }, { title: 'KEY' }], rows, '')}`;
}

/** Resolves at the first signal; a second one is not waited for. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    let once = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (once) process.exit(130);
        once = true;
        resolve();
      });
    }
  });
}
