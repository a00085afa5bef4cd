import type { RetrainDetail } from '../api/retrains/retrains.dto.js';
import type { RetrainStage } from '../contracts/retrains.js';
import { count } from './numbers.js';
import { progressBar } from './progress-bar.js';
import { styled, type Terminal } from './terminal.js';

const LABELS: Readonly<Record<RetrainStage, string>> = {
  requested: 'requested', snapshot: 'snapshot', validate: 'validate data', train: 'train', admit: 'admit', score: 'score', gate: 'gate', promote: 'promote', finished: 'finished',
};
const LABEL_WIDTH = 14;
const BAR_WIDTH = 28;
const PLAIN_STEP = 0.1;

/**
 * Shows how a retrain goes: on a terminal one line that is drawn again for each stage, elsewhere a line for each stage and
 * each tenth of the training.
 */
export class RetrainProgress {
  private stage: RetrainStage | undefined;
  private shownShare = 0;
  private line = '';

  constructor(
    private readonly terminal: Terminal,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.began = this.clock();
  }

  private began: number;

  /** Draws a new state. */
  update(retrain: RetrainDetail): void {
    if (retrain.stage !== this.stage) this.enter(retrain.stage);
    if (retrain.stage === 'finished') return;
    if (this.terminal.interactive) this.redraw(this.describe(retrain));
    else this.writePlain(retrain);
  }

  /** Ends the line that is being drawn. */
  finish(): void {
    if (this.stage !== undefined && this.stage !== 'finished') this.leave();
  }

  private enter(stage: RetrainStage): void {
    this.finish();
    this.stage = stage;
    this.began = this.clock();
    this.shownShare = 0;
    if (!this.terminal.interactive && stage !== 'finished') this.terminal.error(`${LABELS[stage]}\n`);
  }

  private leave(): void {
    if (!this.terminal.interactive || this.stage === undefined) return;
    const seconds = ((this.clock() - this.began) / 1_000).toFixed(1);
    this.redraw(`${styled(this.terminal, 'green', '✓')} ${LABELS[this.stage].padEnd(LABEL_WIDTH)} ${seconds} s`);
    this.terminal.error('\n');
    this.line = '';
  }

  private describe(retrain: RetrainDetail): string {
    const label = `  ${LABELS[retrain.stage].padEnd(LABEL_WIDTH)} `;
    const progress = retrain.stage === 'train' ? retrain.training?.progress : null;
    if (progress) return label + progressBar(progress.done, progress.total, BAR_WIDTH) + attemptsOf(retrain);
    if (retrain.snapshot && retrain.stage !== 'snapshot') return `${label}${count(retrain.snapshot.trainRows)} rows to train, ${count(retrain.snapshot.evaluationRows)} to judge`;
    return `${label}…`;
  }

  private writePlain(retrain: RetrainDetail): void {
    const progress = retrain.stage === 'train' ? retrain.training?.progress : null;
    if (!progress || progress.total <= 0) return;
    const share = progress.done / progress.total;
    if (share < this.shownShare + PLAIN_STEP && !(share === 1 && this.shownShare < 1)) return;
    this.shownShare = share;
    this.terminal.error(`train ${progress.done}/${progress.total}${attemptsOf(retrain)}\n`);
  }

  private redraw(line: string): void {
    if (line === this.line) return;
    this.line = line;
    this.terminal.error(`\r\u001b[2K${[...line].slice(0, this.terminal.columns + (this.terminal.colours ? 9 : 0)).join('')}`);
  }
}

const attemptsOf = ({ training }: RetrainDetail): string => (training && training.attempts > 1 ? `  (attempt ${training.attempts})` : '');
