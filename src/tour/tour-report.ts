import type { RetrainDetail } from '../api/retrains/retrains.dto.js';
import type { RollbackAnswer } from '../api/rollbacks/rollbacks.dto.js';
import { figure } from '../cli/numbers.js';
import { progressBar } from '../cli/progress-bar.js';
import { table } from '../cli/table.js';
import { type Style, styled, type Terminal } from '../cli/terminal.js';
import type { Prediction } from './flight-predictions.js';
import { TOUR_WEEKS, type TourOutcome, type TourStep, type TourWatcher } from './flight-tour.js';

const BAR_WIDTH = 24;
/** What stands on both sides of the bar; a line that wraps can't be drawn again. */
const AROUND_BAR = 39;
const OUTCOME_WIDTH = 13;
const WIDTH_OF_ALL_COLUMNS = 101;
/** Left out of a narrow table: the weeks before, and what the gain is measured from. */
const GOES_WITHOUT_SAYING = ['Trained on', 'Champion'];
const STYLE: Readonly<Record<string, Style>> = { promoted: 'green', rejected: 'yellow', inconclusive: 'yellow' };

/** Shows the tour: on a terminal a bar that moves, then a line a step; elsewhere the lines alone. */
export class TourReport implements TourWatcher {
  private drawn = '';

  constructor(private readonly terminal: Terminal) {}

  phase(line: string): void {
    this.write(`${line}\n`);
  }

  step(week: number, { stage, training }: RetrainDetail): void {
    if (!this.terminal.interactive) return;
    const progress = stage === 'train' ? training?.progress : null;
    const line = `  ${weekOf(week)}  ${stage.padEnd(9)} ${progress ? progressBar(progress.done, progress.total, Math.max(1, Math.min(BAR_WIDTH, this.terminal.columns - AROUND_BAR))) : '…'}`;
    if (line === this.drawn) return;
    this.terminal.out(`\r\u001b[2K${line}`);
    this.drawn = line;
  }

  stepDone(week: number, { retrain }: TourStep, answers: Prediction | null): void {
    const outcome = styled(this.terminal, STYLE[retrain.outcome ?? ''] ?? 'red', (retrain.outcome ?? '').padEnd(OUTCOME_WIDTH - 1));
    const start = `  ${weekOf(week)}  v${String(retrain.version ?? '–').padEnd(3)} `;
    const end = `  → ${answers ? `v${answers.version}, epoch ${answers.epoch}` : 'done before'}`;
    const room = this.terminal.columns - start.length - OUTCOME_WIDTH - end.length;
    this.write(`${start}${outcome} ${retrain.evaluation ? figuresOf(retrain.evaluation, room) : (retrain.reason ?? '')}${end}\n`);
  }

  rolledBack(rollback: RollbackAnswer, answers: { before: Prediction; after: Prediction } | null): void {
    const shown = ({ version, epoch, probabilities }: Prediction): string => `v${version} (epoch ${epoch}) says ${probabilities.map((value) => value.toFixed(3)).join(', ')}`;
    this.write(`  ${rollback.outcome}: v${rollback.fromVersion} → v${rollback.toVersion}, epoch ${rollback.toEpoch}${answers ? '' : '  (done before)'}\n`);
    if (answers) this.write(`    before: ${shown(answers.before)}\n    after:  ${shown(answers.after)}\n`);
  }

  /** Every step with the numbers that decided. */
  summary({ steps, weekZero }: TourOutcome): string {
    const span = spanFrom(Date.parse(weekZero));
    const rows = steps.map(({ retrain, version }) => {
      const { evaluation } = retrain;
      const gain = evaluation?.comparison && 'gain' in evaluation.comparison ? evaluation.comparison.gain : undefined;
      return [
        String(retrain.version ?? '–'), version ? span(version.data.train.window) : '–', evaluation ? span(evaluation.window) : '–',
        figure(evaluation?.metrics['auc']?.value), figure(evaluation?.championMetrics?.['auc']?.value),
        gain ? `${signed(gain.value)} [${signed(gain.low)}, ${signed(gain.high)}]` : '–',
        evaluation?.verdict ?? '–', String(retrain.promotedEpoch ?? '–'),
      ];
    });
    const titles = ['Version', 'Trained on', 'Scored on', 'AUC', 'Champion', 'Gain [95 % interval]', 'Verdict', 'Epoch'];
    const roomy = this.terminal.columns > WIDTH_OF_ALL_COLUMNS;
    const shown = <T>(cells: readonly T[]): T[] => cells.filter((_, index) => roomy || !GOES_WITHOUT_SAYING.includes(titles[index] ?? ''));
    return table(this.terminal, shown(titles).map((title) => ({ title })), rows.map(shown), 'No step was taken.');
  }

  /** What comes next begins on a line of its own. */
  finish(): void {
    this.write('');
  }

  private write(text: string): void {
    if (this.drawn) this.terminal.out('\r\u001b[2K');
    this.drawn = '';
    this.terminal.out(text);
  }
}

/** As much of the figures as there is room for, so that the lines stand under each other; the table at the end has all. */
function figuresOf({ metrics, comparison }: NonNullable<RetrainDetail['evaluation']>, room: number): string {
  const compared = comparison && 'gain' in comparison ? comparison : undefined;
  const parts = [
    { width: 10, text: `AUC ${figure(metrics['auc']?.value)}` },
    { width: 15, text: compared ? ` against ${figure(compared.champion)}` : '' },
    { width: 28, text: compared ? `: ${signed(compared.gain.value)} [${signed(compared.gain.low)}, ${signed(compared.gain.high)}]` : '' },
  ];
  let shown = '';
  for (const { width, text } of parts) {
    if (shown.length + width > room) break;
    shown += text.padEnd(width);
  }
  return shown;
}

const weekOf = (week: number): string => `week ${week}/${TOUR_WEEKS.at(-1) ?? week}`;

const signed = (value: number | null): string => (value === null ? '–' : `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(4)}`);

const WEEK_MS = 7 * 24 * 60 * 60 * 1_000;

/** A window of event time as weeks of the tour, both ends included. */
const spanFrom = (zeroMs: number) => ({ start, end }: { start: string; end: string }): string =>
  `weeks ${Math.round((Date.parse(start) - zeroMs) / WEEK_MS)}–${Math.round((Date.parse(end) - zeroMs) / WEEK_MS) - 1}`;
