import { readFileSync } from 'node:fs';
import { ProblemError } from './problem-error.js';

/** The text of a file that is named with -f; `-` reads standard input. @param what it is @throws ProblemError where the file cannot be read */
export function readSpecFile(file: string, what = 'a model spec'): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const { code } = error as { code?: string };
    throw ProblemError.of('InvalidRequest', `${file} cannot be read (${code ?? 'unknown'}); name ${what} with -f`, file);
  }
}
