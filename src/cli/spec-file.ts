import { readFileSync } from 'node:fs';
import { ProblemError } from './problem-error.js';

/** The text of a model spec; `-` reads standard input. @throws ProblemError where the file cannot be read */
export function readSpecFile(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const { code } = error as { code?: string };
    throw ProblemError.of('InvalidRequest', `${file} cannot be read (${code ?? 'unknown'}); name a model spec with -f`, file);
  }
}
