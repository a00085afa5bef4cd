import type { RetrainDetail } from '../api/retrains/retrains.dto.js';
import type { WindowAssessmentReportAnswer } from '../api/windows/window-assessments.dto.js';
import { table } from '../cli/table.js';
import { type Style, styled, type Terminal } from '../cli/terminal.js';
import { eventDay } from './event-days.js';
import type { WatchedWindow } from './monitored-course.js';
import type { MonitorTourOutcome, MonitorTourWatcher, WatchedModel } from './monitor-tour.js';

const STYLE: Readonly<Record<string, Style>> = { pass: 'green', fail: 'red', inconclusive: 'yellow' };
const MODEL_WIDTH = 'acs-employment'.length;

/** Shows the monitoring tour: a line a window with the numbers that decided. */
export class MonitorReport implements MonitorTourWatcher {
  constructor(private readonly terminal: Terminal) {}

  phase(line: string): void {
    this.terminal.out(`${line}\n`);
  }

  begun(model: string, { version, evaluation }: RetrainDetail): void {
    this.terminal.out(`  ${model.padEnd(MODEL_WIDTH)}  version ${version ?? '–'} in service: AUC ${figure(evaluation?.metrics['auc']?.value)} on the rows before its traffic\n`);
  }

  watched(model: string, { window, closed, decisions, retrain }: WatchedWindow): void {
    const verdict = styled(this.terminal, STYLE[window.verdict] ?? 'yellow', window.verdict.padEnd('inconclusive'.length));
    const quality = window.measured ? `AUC ${figure(window.measured.value)} (estimated ${figure(window.estimated?.value)}), loss ${figure(window.meanLoss)}` : 'not judged';
    const harm = window.harm ? `, evidence of harm ${evidence(window.harm)}` : '';
    this.terminal.out(`  ${model.padEnd(MODEL_WIDTH)}  ${eventDay(Date.parse(window.from))}  ${verdict} ${quality}, ${closed.drifted?.length ?? 0} features drift${harm}\n`);
    for (const { outcome, because } of decisions) if (outcome !== 'wait') this.terminal.out(`    ${styled(this.terminal, 'bold', outcome)}: ${because}\n`);
    if (retrain) this.terminal.out(`    retrain ${retrain.number}: ${retrain.outcome ?? ''}, version ${retrain.version ?? '–'}. ${retrain.reason ?? ''}\n`);
  }

  /** What came of each model, what simpler policies would have done, and how groups fared. */
  summary({ flights, employment }: MonitorTourOutcome): string {
    const titles = ['Model', 'Windows', 'Features that drift', 'Alarms of harm', 'In quarantine', 'Retrains', 'by calendar', 'by CUSUM', 'by PSI'];
    const rows = [flights, employment].map((model) => [
      model.model, String(model.windows.length), String(new Set(model.windows.flatMap(({ closed }) => closed.drifted ?? [])).size), String(model.alarms.filter(({ kind }) => kind === 'harmfulShift').length),
      String(decided(model, 'quarantine')), String(decided(model, 'retrain')), ...['calendar', 'cusum', 'psi'].map((policy) => String(wouldHave(model, policy))),
    ]);
    return `${table(this.terminal, titles.map((title) => ({ title })), rows, 'Nothing was watched.')}${fairnessOf(employment.report)}`;
  }

  finish(): void {
    this.terminal.out('');
  }
}

const decided = ({ windows }: WatchedModel, outcome: string): number => windows.filter(({ decisions }) => decisions.some((one) => one.outcome === outcome)).length;
const wouldHave = ({ windows }: WatchedModel, policy: string): number => windows.filter(({ decisions }) => decisions.some(({ wouldHaveRetrained }) => wouldHaveRetrained.includes(policy))).length;

/** The largest disparities of the last window. */
function fairnessOf(report: WindowAssessmentReportAnswer | null): string {
  const lines = (report?.fairness?.groupings ?? []).flatMap(({ columns, disparities }) => {
    const [ratio, odds] = [disparities['demographicParityRatio'], disparities['equalizedOddsDifference']];
    return ratio && odds ? [`  by ${columns.join(' × ')}: demographic parity ratio ${interval(ratio)}, equalized odds difference ${interval(odds)}\n`] : [];
  });
  return lines.length === 0 ? '' : `Fairness of ${report?.model} in its last window:\n${lines.join('')}`;
}

const interval = ({ value, low, high }: { readonly value: number; readonly low: number; readonly high: number }): string => `${figure(value)} [${figure(low)}, ${figure(high)}]`;
const evidence = ({ evidence: amount, threshold }: { readonly evidence: number; readonly threshold: number }): string => `${amount >= 1e4 ? amount.toExponential(0) : String(Number(amount.toPrecision(2)))} of ${Math.round(threshold)}`;
const figure = (value: number | null | undefined): string => (value === null || value === undefined ? '–' : value.toPrecision(3));
