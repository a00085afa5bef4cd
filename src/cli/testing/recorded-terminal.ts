import type { Terminal } from '../terminal.js';

/** A terminal that remembers what was written. */
export class RecordedTerminal implements Terminal {
  stdout = '';
  stderr = '';
  readonly columns: number;
  readonly interactive: boolean;
  readonly colours: boolean;

  constructor({ columns = 100, interactive = false, colours = false }: Partial<Pick<Terminal, 'columns' | 'interactive' | 'colours'>> = {}) {
    this.columns = columns;
    this.interactive = interactive;
    this.colours = colours;
  }

  out(text: string): void {
    this.stdout += text;
  }

  error(text: string): void {
    this.stderr += text;
  }
}
