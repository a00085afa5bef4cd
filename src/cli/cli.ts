import { type Command, CommanderError } from 'commander';
import type { Environment } from '../config/environment.js';
import { PerennialError } from '../contracts/failures.js';
import { type ProblemDetail, ProblemError } from './problem-error.js';
import { programOf } from './program.js';
import { EXIT, type ExitCode, Session } from './session.js';
import { plain, processTerminal, styled, type Terminal } from './terminal.js';

const HELP_COLUMNS = 100;

/**
 * Runs one `perennial` command.
 * @param argv the arguments after the program's name
 * @param programPath the compiled `main.js`, from which `up` starts the roles
 * @returns the exit code: 0 done, 1 failed or refused, 2 wrong usage
 */
export async function runCli(argv: readonly string[], environment: Environment, programPath: string, terminal: Terminal = processTerminal()): Promise<number> {
  const session = new Session(environment, programPath, terminal, argv.includes('--json'));
  let exitCode: ExitCode = EXIT.done;
  let complaint = '';
  const program = programOf(async (work) => { exitCode = await work(session); });
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => { complaint += text; },
      getOutHelpWidth: () => Math.min(terminal.columns, HELP_COLUMNS),
      getErrHelpWidth: () => Math.min(terminal.columns, HELP_COLUMNS),
    });
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return usageEnd(session, error, complaint);
    return failureEnd(session, problemOf(error));
  }
}

const withSubcommands = (command: Command): Command[] => [command, ...command.commands.flatMap(withSubcommands)];

function usageEnd(session: Session, error: CommanderError, complaint: string): ExitCode {
  if (error.exitCode === 0) return EXIT.done;
  if (session.json) session.terminal.out(`${JSON.stringify(ProblemError.of('InvalidRequest', error.message.replace(/^error: /, ''), 'perennial').problem, null, 2)}\n`);
  else session.terminal.error(complaint);
  return EXIT.usage;
}

function problemOf(error: unknown): ProblemDetail {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof PerennialError) return { ...error.details, ...ProblemError.of(error.type, error.message, 'perennial').problem };
  return ProblemError.of('Internal', error instanceof Error ? error.message : String(error), 'perennial').problem;
}

function failureEnd(session: Session, problem: ProblemDetail): ExitCode {
  if (session.json) session.terminal.out(`${JSON.stringify(problem, null, 2)}\n`);
  else session.terminal.error(readable(session.terminal, problem));
  return EXIT.failed;
}

/** Faults that the API lists are shown one a line instead of in one long sentence. */
function readable(terminal: Terminal, problem: ProblemDetail): string {
  const faults = Array.isArray(problem['faults']) ? (problem['faults'] as { path?: string; message?: string }[]) : [];
  const lines = faults.length > 0 ? faults.map(({ path, message }) => `  ${plain(path ?? '') || '(document)'}: ${plain(message ?? '')}`) : [`  ${plain(problem.detail)}`];
  return `${styled(terminal, 'red', plain(problem.title))}\n${lines.join('\n')}\n`;
}
