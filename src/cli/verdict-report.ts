import type { RetrainDetail } from '../api/retrains/retrains.dto.js';
import { heldOutText } from '../contracts/artifacts.js';
import { count, duration, figure, interval } from './numbers.js';
import { facts, table } from './table.js';
import { plain, type Style, styled, type Terminal } from './terminal.js';

type Outcome = NonNullable<RetrainDetail['outcome']>;

const STYLES: Readonly<Record<Outcome, Style>> = {
  promoted: 'green', releasing: 'green', validating: 'green', rejected: 'yellow', inconclusive: 'yellow', aborted: 'yellow', failed: 'red', cancelled: 'red', terminated: 'red', abandoned: 'yellow',
};

/** Outcomes at which a retrain did what it is for: the gate decided. */
export const isDecided = (outcome: Outcome): boolean => outcome === 'promoted' || outcome === 'releasing' || outcome === 'validating' || outcome === 'rejected' || outcome === 'inconclusive';

/** How a retrain ended, with the numbers that say why. */
export function verdictReport(terminal: Terminal, retrain: RetrainDetail): string {
  const outcome = retrain.outcome ?? 'failed';
  const head = `${styled(terminal, STYLES[outcome], outcome.toUpperCase())}  ${plain(retrain.reason ?? '')}\n`;
  const summary = facts(terminal, [
    ['retrain', `${retrain.model} ${retrain.number}`],
    ['version', retrain.version === null ? null : String(retrain.version)],
    ['epoch', retrain.promotedEpoch === null ? null : String(retrain.promotedEpoch)],
    ['rows', retrain.snapshot && rowsOf(retrain.snapshot)],
    ['failure', retrain.failure && (retrain.failure.message === retrain.reason ? retrain.failure.type : `${retrain.failure.type}: ${retrain.failure.message}`)],
    ['took', duration(retrain.seconds)],
    ['Temporal', retrain.links.temporal],
  ]);
  return [head, summary, violations(terminal, retrain), figures(terminal, retrain), checks(terminal, retrain)].filter((part) => part !== '').join('\n');
}

const rowsOf = ({ trainRows, evaluationRows, heldOut }: NonNullable<RetrainDetail['snapshot']>): string =>
  `${count(trainRows)} trained on, ${count(evaluationRows)} in ${heldOut ? `the blocks held out of the evaluation window (${heldOutText(heldOut)})` : 'the evaluation window'}`;

function violations(terminal: Terminal, { dataReport }: RetrainDetail): string {
  if (!dataReport || dataReport.violations.length === 0) return '';
  const rows = dataReport.violations.map(({ check, column, part, rows: broken, message }) => [check, column ?? '', part, count(broken), message]);
  return table(terminal, [{ title: 'Violation' }, { title: 'Column' }, { title: 'Part' }, { title: 'Rows', align: 'right' }, { title: 'What is wrong' }], rows, '');
}

function figures(terminal: Terminal, { evaluation }: RetrainDetail): string {
  if (!evaluation) return '';
  const rows = Object.entries(evaluation.metrics).map(([name, estimate]) => [name, interval(estimate), interval(evaluation.championMetrics?.[name]), gainOf(evaluation, name)]);
  if (evaluation.recentGain) rows.push(lossRow(evaluation.recentGain));
  const champion = evaluation.championVersion === null ? 'No champion' : `Champion v${evaluation.championVersion}`;
  return table(terminal, [{ title: 'Metric' }, { title: `Candidate v${evaluation.version}` }, { title: champion }, { title: 'Paired gain' }], rows, '');
}

function gainOf({ comparison }: NonNullable<RetrainDetail['evaluation']>, metric: string): string {
  if (comparison?.metric !== metric) return '';
  return 'gain' in comparison ? interval(comparison.gain) : comparison.undefinedBecause;
}

const lossRow = ({ loss, blocks, candidate, champion, gain }: NonNullable<NonNullable<RetrainDetail['evaluation']>['recentGain']>): string[] =>
  [`${loss}, newest ${blocks === 1 ? 'block' : `${count(blocks)} blocks`}`, figure(candidate), figure(champion), interval(gain)];

/** A number of rows is no estimate. */
const measuredOf = ({ measured }: NonNullable<RetrainDetail['evaluation']>['checks'][number]): string =>
  measured?.low === null && Number.isInteger(measured.value) ? count(measured.value) : figure(measured?.value);

function checks(terminal: Terminal, { evaluation }: RetrainDetail): string {
  if (!evaluation) return '';
  const rows = evaluation.checks.map((check) => [check.verdict, check.name, measuredOf(check), check.required, check.explanation]);
  return table(terminal, [{ title: 'Check' }, { title: 'Name' }, { title: 'Measured', align: 'right' }, { title: 'Required' }, { title: 'Why' }], rows, '');
}
