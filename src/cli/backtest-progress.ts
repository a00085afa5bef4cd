import { isoTime } from '../contracts/time.js';
import type { TrainingProgress } from '../contracts/training.js';
import { count, moment } from './numbers.js';
import { progressBar } from './progress-bar.js';
import type { Terminal } from './terminal.js';

const BAR_WIDTH = 24;

/** Shows how a backtest goes: on a terminal one line that is drawn again, elsewhere a line for each training and each retrain. */
export class BacktestProgress {
  private line = '';
  private place = '';

  /** @param tells nothing is written where it is false */
  constructor(private readonly terminal: Terminal, private readonly tells: boolean) {}

  reading(source: string): void {
    this.note(`Reading ${source}`);
  }

  playing({ windows, from, until, rows }: { readonly windows: number; readonly from: string; readonly until: string; readonly rows: number }): void {
    this.note(`${count(rows)} rows; playing ${windows} windows from ${moment(from)} until ${moment(until)}`);
  }

  training(number: number, asOf: string, progress: TrainingProgress | null): void {
    const what = `training version ${number}`;
    if (this.terminal.interactive) this.draw(`${this.place}${what}${progress ? `  ${progressBar(progress.done, progress.total, BAR_WIDTH)}` : ''}`);
    else if (!progress) this.note(`${what} on the data up to ${moment(asOf)}`);
  }

  passed({ atMs }: { readonly atMs: number }, done: number, of: number): void {
    this.place = `${String(Math.floor((100 * done) / of)).padStart(3)}%  ${moment(isoTime(atMs)).slice(0, 10)}  `;
    if (this.terminal.interactive) this.draw(this.place);
  }

  decided(policy: string, { atMs, outcome, retrain }: { readonly atMs: number; readonly outcome: string; readonly retrain: { readonly outcome: string; readonly version: { readonly number: number } | null } | null }): void {
    if (this.terminal.interactive || outcome === 'wait') return;
    const version = retrain?.version ? `, version ${retrain.version.number}` : '';
    this.note(`${moment(isoTime(atMs))}  ${policy}: ${retrain ? `retrain${version}: ${retrain.outcome}` : outcome}`);
  }

  /** Ends the line that is being drawn. */
  finish(): void {
    if (this.line !== '') this.write('\r\u001b[2K');
    this.line = '';
  }

  private note(line: string): void {
    this.finish();
    this.write(`${line}\n`);
  }

  private draw(line: string): void {
    if (line === this.line) return;
    this.line = line;
    this.write(`\r\u001b[2K${[...line].slice(0, this.terminal.columns - 1).join('')}`);
  }

  private write(text: string): void {
    if (this.tells) this.terminal.error(text);
  }
}
