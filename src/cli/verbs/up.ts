import { EXIT, type ExitCode, type Session } from '../session.js';
import type { RunningInstance } from '../../embedded/up.js';

export interface UpOptions {
  /** Takes the short tour of the example. */
  readonly tour?: boolean;
  /** Stops once everything is up and the tour, if any, is over. */
  readonly exit?: boolean;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `perennial up`: runs until it is told to stop, then ends every process that it started. */
export async function up(session: Session, options: UpOptions): Promise<ExitCode> {
  const told = signalled();
  const { up: start } = await import('../../embedded/up.js');
  const instance = await start({ environment: session.environment, program: session.programPath, log: (line) => session.note(line) });
  try {
    announce(session, instance);
    const toured = options.tour ? takeTour(session, instance) : Promise.resolve(EXIT.done);
    const code = await Promise.race([toured, told.then(() => EXIT.done)]);
    if (!options.exit) {
      session.note('Everything stays up until Ctrl-C.');
      await told;
    }
    return code;
  } finally {
    session.note('Stopping …');
    await instance.stop();
  }
}

async function takeTour(session: Session, instance: RunningInstance): Promise<ExitCode> {
  const { runTour } = await import('../../tour/run-tour.js');
  // The set-up runs in this process too.
  const setupS = process.uptime();
  try {
    await runTour(session.environment, instance, session.terminal, Number(setupS.toFixed(1)));
    announce(session, instance);
    return EXIT.done;
  } catch (error) {
    session.terminal.error(`The tour ended early: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.failed;
  }
}

function announce(session: Session, instance: RunningInstance): void {
  const lines = [
    ['API', `${instance.apiUrl}/docs`],
    ['Gateway', `${instance.gatewayUrl}/v2`],
    ['Temporal UI', instance.temporalUiUrl],
    ...(instance.newApiKey ? [['API key', `${instance.newApiKey}  (shown once; the CLI here knows it)`]] : []),
  ];
  session.show({ apiUrl: instance.apiUrl, gatewayUrl: instance.gatewayUrl, temporalUiUrl: instance.temporalUiUrl }, () => `\n${lines.map(([name, value]) => `  ${name?.padEnd(12)} ${value}`).join('\n')}\n\n`);
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
