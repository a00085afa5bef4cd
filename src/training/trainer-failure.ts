import { PerennialError } from '../contracts/failures.js';
import type { ProcessExit } from './process-group.js';

const EXIT = { rejectedJob: 2, rejectedData: 3, tryAgainLater: 75 } as const;
const MESSAGE_CHARACTERS = 2_000;
const DETAIL_CHARACTERS = 8_192;

const WITHHELD = 'its words may quote a value of a sensitive column and are left out (data.sensitive); run it where you may see the data to read them';

/** What a trainer said before it ended. */
export interface LastWords {
  /** Its last log line of level `error`, which is meant for people. */
  readonly error: string | undefined;
  readonly stderr: string;
  /** Whether they may quote a value of a sensitive column, so that only those of a refused job are told. */
  readonly discreet?: boolean;
}

/** The failure that a trainer's exit other than 0 means (docs/TRAINERS.md). */
export function exitFailure(exit: ProcessExit, words: LastWords): PerennialError {
  const silent = words.discreet === true && exit.code !== EXIT.rejectedJob;
  const reason = silent ? WITHHELD : (words.error?.slice(0, MESSAGE_CHARACTERS) ?? lastLines(words.stderr));
  const details = { exitCode: exit.code, signal: exit.signal, ...(!silent && { stderr: words.stderr.slice(-DETAIL_CHARACTERS) }) };
  switch (exit.code) {
    case EXIT.rejectedJob:
      return new PerennialError('TrainerRejectedJob', `The trainer refused the job: ${reason}`, details);
    case EXIT.rejectedData:
      return new PerennialError('DataInvalid', `The trainer refused the data: ${reason}`, details);
    case EXIT.tryAgainLater:
      return new PerennialError('TrainerFailed', `The trainer asks to be tried again later: ${reason}`, { ...details, tryAgainLater: true });
    default:
      return new PerennialError('TrainerFailed', `The trainer ${howItEnded(exit)}: ${reason}`, details);
  }
}

const howItEnded = (exit: ProcessExit): string => (exit.signal ? `was ended by ${exit.signal}` : `ended with exit code ${exit.code}`);

function lastLines(stderr: string): string {
  const text = stderr.trim();
  if (text === '') return 'it wrote nothing to stderr';
  return text.length > MESSAGE_CHARACTERS ? `… ${text.slice(-MESSAGE_CHARACTERS)}` : text;
}
