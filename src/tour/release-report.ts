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
import type { ReleaseEntry, ReleaseResult } from './release-result.js';
import type { Leg } from './release-scenario.js';
import type { ReleaseTourWatcher } from './release-tour.js';

const BAR_WIDTH = 24;
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

  trained(_leg: Leg, { outcome, version, reason }: RetrainDetail): void {
    this.write(`  retrain     version ${version ?? '–'}: ${outcome === 'releasing' ? 'passed its gate, is released step by step' : (outcome ?? '')}. ${reason ?? ''}\n`);
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
      const { phase, block } = deciding(entry);
      const share = block ? block.missingLabels / (block.samples + block.missingLabels) : null;
      return [
        `v${entry.version}`, eventDay(Date.parse(entry.trainedOn.end)), entry.champion === null ? '–' : `v${entry.champion}`, entry.outcome, block ? phase : 'gate',
        block ? eventDay(Date.parse(block.until)) : '–', block ? String(block.samples) : '–', block ? interval(block) : '–', share === null ? '–' : `${figure(100 * share)} %`,
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
    for (const { action, stage, eventTime, reason, step } of release.steps.slice(this.stepsTold)) {
      const to = action === 'advance' && stage === 'canary' ? `canary ${percentOf(release, step)} %` : action === 'advance' ? stage : action;
      this.write(`  ${(eventTime ? eventDay(Date.parse(eventTime)) : '').padEnd(11)} → ${styled(this.terminal, 'bold', to)}: ${reason}\n`);
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

const percentOf = ({ plan }: ReleaseDetail, step: number | null): string =>
  String((plan as { canary?: { steps?: readonly number[] } } | null)?.canary?.steps?.[step ?? 0] ?? '?');

function comparison({ latest }: ReleaseDetail): string {
  const seen = (latest?.measurement as ReleaseMeasurement | null | undefined)?.comparison;
  return seen && seen.samples > 0 ? `, ${seen.samples} pairs, gain ${interval(seen)}` : '';
}

/** The comparison as it stood when the release was decided: in the watch where it was rolled back there, else in the rollout. */
function deciding({ blocks, outcome }: ReleaseEntry): { phase: string; block: ReleaseEntry['blocks'][number] | undefined } {
  const phase = outcome === 'rolled-back' ? 'watch' : 'rollout';
  return { phase: phase === 'watch' ? 'watch' : 'shadow', block: blocks.findLast((block) => block.phase === phase) };
}

const interval = ({ gain, low, high }: { gain: number | null; low: number | null; high: number | null }): string =>
  low === null || high === null ? signed(gain) : `${signed(gain)} [${signed(low)}, ${signed(high)}]`;

const signed = (value: number | null): string => (value === null ? '–' : `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(4)}`);
