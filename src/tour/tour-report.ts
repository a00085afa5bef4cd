import type { RetrainDetail } from '../api/retrains/retrains.dto.js';
import type { RollbackAnswer } from '../api/rollbacks/rollbacks.dto.js';
import { figure } from '../cli/numbers.js';
import { progressBar } from '../cli/progress-bar.js';
import { table } from '../cli/table.js';
import { type Style, styled, type Terminal } from '../cli/terminal.js';
import type { Prediction } from './flight-predictions.js';
import { TOUR_WEEKS, type TourOutcome, type TourStep, type TourWatcher } from './flight-tour.js';

const BAR_WIDTH = 24;
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
    const line = `  week ${week}  ${stage.padEnd(9)} ${progress ? progressBar(progress.done, progress.total, BAR_WIDTH) : '…'}`;
    if (line === this.drawn) return;
    this.terminal.out(`\r\u001b[2K${line}`);
    this.drawn = line;
  }

  stepDone(week: number, { retrain }: TourStep, answers: Prediction | null): void {
    const number = String(TOUR_WEEKS.findIndex((known) => known === week) + 1).padStart(2);
    const outcome = styled(this.terminal, STYLE[retrain.outcome ?? ''] ?? 'red', (retrain.outcome ?? '').padEnd(12));
    const figures = retrain.evaluation ? figuresOf(retrain.evaluation) : (retrain.reason ?? '');
    this.write(`  [${number}/${TOUR_WEEKS.length}] week ${String(week).padStart(2)}  v${String(retrain.version ?? '–').padEnd(3)} ${outcome} ${figures}  ${answers ? `→ v${answers.version} answers, epoch ${answers.epoch}` : '(done before)'}\n`);
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
    return table(this.terminal, titles.map((title) => ({ title })), rows, 'No step was taken.');
  }

  private write(text: string): void {
    if (this.drawn) this.terminal.out('\r\u001b[2K');
    this.drawn = '';
    this.terminal.out(text);
  }
}

function figuresOf(evaluation: NonNullable<RetrainDetail['evaluation']>): string {
  const ours = `AUC ${figure(evaluation.metrics['auc']?.value)}`;
  const { comparison, championVersion } = evaluation;
  if (!comparison || !('gain' in comparison)) return ours.padEnd(60);
  const { gain } = comparison;
  return `${ours} against ${figure(comparison.champion)} of v${championVersion}, gain ${signed(gain.value)} [${signed(gain.low)}, ${signed(gain.high)}]`.padEnd(60);
}

const signed = (value: number | null): string => (value === null ? '–' : `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(4)}`);

const WEEK_MS = 7 * 24 * 60 * 60 * 1_000;

/** A window of event time as weeks of the tour, both ends included. */
const spanFrom = (zeroMs: number) => ({ start, end }: { start: string; end: string }): string =>
  `weeks ${Math.round((Date.parse(start) - zeroMs) / WEEK_MS)}–${Math.round((Date.parse(end) - zeroMs) / WEEK_MS) - 1}`;
