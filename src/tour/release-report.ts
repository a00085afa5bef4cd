import type { ChampionAnswer } from '../api/champion/champion.dto.js';
import type { ReleaseDetail } from '../api/releases/releases.dto.js';
import type { RetrainDetail } from '../api/retrains/retrains.dto.js';
import { figure } from '../cli/numbers.js';
import { progressBar } from '../cli/progress-bar.js';
import { table } from '../cli/table.js';
import { type Style, styled, type Terminal } from '../cli/terminal.js';
import type { ReleaseMeasurement } from '../contracts/releases.js';
import { eventDay, eventHour } from './event-days.js';
import type { ReplayFigures } from './flight-replay.js';
import { percentOf, type ReleaseEntry, type ReleaseResult } from './release-result.js';
import type { Leg } from './release-scenario.js';
import type { ReleaseTourWatcher } from './release-tour.js';

const BAR_WIDTH = 24;
const WHEN = '2013-06-25 05h'.length;
const STYLE: Readonly<Record<string, Style>> = { promoted: 'green', rejected: 'yellow', 'rolled-back': 'yellow' };
/** Between two lines on how it stands, where no line can be drawn again. */
const TELL_EVERY_MS = 15_000;

/** Shows the release tour: a line for each step with the numbers that decided, between them how far the replay has come. */
export class ReleaseReport implements ReleaseTourWatcher {
  private drawn = '';
  private stepsTold = 0;
  private release = '';
  private toldAt = 0;

  constructor(private readonly terminal: Terminal) {}

  phase(line: string): void {
    this.write(`${line}\n`);
  }

  training(_leg: Leg, { stage, training }: RetrainDetail): void {
    const progress = stage === 'train' ? training?.progress : null;
    this.draw(`  ${stage.padEnd(9)} ${progress ? progressBar(progress.done, progress.total, BAR_WIDTH) : '…'}`);
  }

  trained(_leg: Leg, { outcome, version, evaluation }: RetrainDetail): void {
    const compared = evaluation?.comparison && 'gain' in evaluation.comparison ? evaluation.comparison : undefined;
    const gain = compared ? ` against ${figure(compared.champion)}, a gain of ${interval({ ...compared.gain, gain: compared.gain.value })}` : '';
    const end = outcome === 'releasing' ? 'passed its gate' : `${outcome ?? ''} by its gate`;
    this.write(`  ${'retrain'.padEnd(WHEN)} version ${version ?? '–'} ${end}: AUC ${figure(evaluation?.metrics['auc']?.value)}${gain}\n`);
  }

  playing(release: ReleaseDetail, playedUntilMs: number, { answers, labels }: ReplayFigures): void {
    this.tellSteps(release);
    const line = `  ${eventHour(playedUntilMs)}  ${standing(release).padEnd(11)} ${answers} answers, ${labels} labels${comparison(release)}`;
    if (this.terminal.interactive) return this.draw(line);
    if (Date.now() - this.toldAt < TELL_EVERY_MS) return;
    this.toldAt = Date.now();
    this.write(`${line}\n`);
  }

  released(leg: Leg, release: ReleaseDetail, { version, epoch }: ChampionAnswer): void {
    this.tellSteps(release);
    const style = release.outcome === leg.expected ? (STYLE[leg.expected] ?? 'yellow') : 'red';
    this.write(`  ${styled(this.terminal, style, (release.outcome ?? 'open').toUpperCase())}: version ${release.version}. Version ${version ?? '–'} answers, epoch ${epoch}.\n`);
  }

  /** Every version with the numbers that decided. */
  summary({ releases, answers, labels }: ReleaseResult): string {
    const titles = ['Version', 'Trained until', 'Against', 'Outcome', 'Decided in', 'Event time', 'Pairs', 'Gain (Brier) [95 %]', 'No label'];
    const rows = releases.map((entry) => {
      const step = deciding(entry);
      const seen = step?.comparison;
      return [
        `v${entry.version}`, eventDay(Date.parse(entry.trainedOn.end)), entry.champion === null ? '–' : `v${entry.champion}`, entry.outcome,
        step ? (entry.outcome === 'rolled-back' ? 'watch' : 'shadow') : 'gate', step?.eventTime ? eventDay(Date.parse(step.eventTime)) : '–',
        seen ? String(seen.samples) : '–', seen ? interval(seen) : '–', seen ? `${((100 * seen.missingLabels) / (seen.samples + seen.missingLabels)).toFixed(1)} %` : '–',
      ];
    });
    return `${table(this.terminal, titles.map((title) => ({ title })), rows, 'Nothing was released.')}${answers} answers and ${labels} labels at this start. The clock of the replay is compressed: times are those of the flights.\n`;
  }

  /** What comes next begins on a line of its own. */
  finish(): void {
    this.write('');
  }

  private tellSteps(release: ReleaseDetail): void {
    if (this.release !== release.workflowId) this.stepsTold = 0;
    this.release = release.workflowId;
    for (const { action, stage, eventTime, reason, step } of release.steps.slice(this.stepsTold).filter((taken) => taken.action !== 'request')) {
      const to = stage === 'canary' ? `canary ${percentOf(release, step)} %` : stage === 'finished' ? (release.outcome ?? action) : stage;
      this.write(`  ${(eventTime ? eventDay(Date.parse(eventTime)) : '').padEnd(WHEN)} → ${styled(this.terminal, 'bold', to)}: ${reason}\n`);
    }
    this.stepsTold = release.steps.length;
  }

  private draw(line: string): void {
    const shown = line.slice(0, Math.max(20, this.terminal.columns - 1));
    if (!this.terminal.interactive || shown === this.drawn) return;
    this.terminal.out(`\r\u001b[2K${shown}`);
    this.drawn = shown;
  }

  private write(text: string): void {
    if (this.drawn) this.terminal.out('\r\u001b[2K');
    this.drawn = '';
    this.terminal.out(text);
  }
}

const standing = ({ stage, percent }: ReleaseDetail): string => (percent === null ? stage : `${stage} ${percent} %`);

function comparison({ latest }: ReleaseDetail): string {
  const seen = (latest?.measurement as ReleaseMeasurement | null | undefined)?.comparison;
  return seen && seen.samples > 0 ? `, ${seen.samples} pairs, gain ${interval(seen)}` : '';
}

/** The step that the comparison decided: the end, or of a promoted version the first that followed the shadow. */
const deciding = ({ steps, outcome }: ReleaseEntry): ReleaseEntry['steps'][number] | undefined =>
  steps.find(({ stage }) => stage === (outcome === 'promoted' ? 'canary' : 'finished'));

const interval = ({ gain, low, high }: { gain: number | null; low: number | null; high: number | null }): string =>
  low === null || high === null ? signed(gain) : `${signed(gain)} [${signed(low)}, ${signed(high)}]`;

const signed = (value: number | null): string => (value === null ? '–' : `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(4)}`);
