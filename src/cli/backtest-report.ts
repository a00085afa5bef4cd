import type { BacktestDecision, PolicyBacktest, PolicyFigures } from '../contracts/policy-backtest.js';
import { count, figure, moment } from './numbers.js';
import { signOf } from './svg-plot.js';
import { type Column, table } from './table.js';
import type { Terminal } from './terminal.js';

const COLUMNS: readonly Column[] = [
  { title: 'Policy' }, { title: 'Retrains', align: 'right' }, { title: 'Promoted', align: 'right' }, { title: 'Mean loss', align: 'right' }, { title: 'Loss avoided', align: 'right' },
  { title: 'per 1,000 rows', align: 'right' }, { title: 'Cost', align: 'right' }, { title: 'Net', align: 'right' },
];

/** What the policies would have come to, and what was decided under the spec. */
export function backtestReport(terminal: Terminal, result: PolicyBacktest, files: { readonly result: string; readonly plot: string }): string {
  const { model, policies, from, until, window } = result;
  const spec = policies.find(({ policy }) => policy === 'spec')!;
  const head = `${model}: ${spec.steps.length} windows of ${window}, ${day(from)} until ${day(until)}, ${count(spec.labelled)} rows with a label; loss: ${result.loss.metric}\n`;
  return [
    head, table(terminal, COLUMNS, policies.map(rowOf), ''), `${[...notes(result), ...(spec.decisions.length === 0 ? [] : [heldBack(spec.decisions)])].filter(Boolean).join('\n')}\n`,
    decisions(terminal, spec), `picture: ${files.plot}\nfigures: ${files.result}\n`,
  ].filter((part) => part !== '').join('\n');
}

const rowOf = ({ policy, retrains, promoted, meanLoss, lossAvoided, lossAvoidedPer1000Rows, cost, net }: PolicyFigures): string[] => [
  policy, String(retrains), String(promoted), figure(meanLoss ?? undefined), policy === 'never' ? '–' : loss(lossAvoided), policy === 'never' ? '–' : loss(lossAvoidedPer1000Rows),
  cost === null ? '–' : cost.toLocaleString('en-US', MONEY), signedText(net, MONEY),
];

function notes({ triggers: { listed, by }, costs, warnings }: PolicyBacktest): string[] {
  const triggers = by === 'option'
    ? `\`spec\` was tried with the triggers ${listed.join(', ')} (--triggers); \`retraining.triggers\` of the spec lists what is switched on.`
    : listed.length === 0
      ? '`retraining.triggers` lists nothing: under this spec the model never retrains by itself. Try some, as in --triggers performance.'
      : `\`spec\` retrains by ${listed.join(', ')}.`;
  return [triggers, ...(costs ? [] : ['The spec gives no `retraining.costs`, so that retrains have no price here.']), ...warnings];
}

function heldBack(made: readonly BacktestDecision[]): string {
  const reasons = new Map<string, number>();
  for (const { outcome, reason } of made) if (outcome === 'wait' && reason !== null) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  return reasons.size === 0 ? '' : `A retrain of \`spec\` was held back ${[...reasons].map(([reason, times]) => `${times === 1 ? 'once' : `${times} times`} by ${reason}`).join(', ')}.`;
}

function decisions(terminal: Terminal, { decisions: made }: PolicyFigures): string {
  const told = made.filter(({ outcome }) => outcome !== 'wait');
  const rows = told.map(({ at, outcome, trigger, because, retrain }) => [moment(at), retrain ? `${trigger ?? ''}: ${retrain.outcome}` : outcome, retrain?.version ? String(retrain.version) : '', because]);
  return rows.length === 0 ? '' : table(terminal, [{ title: 'spec, at' }, { title: 'Outcome' }, { title: 'Version', align: 'right' }, { title: 'Why' }], rows, '');
}

const signedText = (value: number | null, digits: Intl.NumberFormatOptions): string => (value === null ? '–' : value === 0 ? '0' : `${signOf(value)}${Math.abs(value).toLocaleString('en-US', digits)}`);
const loss = (value: number | null): string => signedText(value, { minimumSignificantDigits: 4, maximumSignificantDigits: 4 });
const MONEY: Intl.NumberFormatOptions = { maximumFractionDigits: 2 };
/** Windows begin at midnight, mostly. */
const day = (iso: string): string => (iso.endsWith('T00:00:00.000Z') ? iso.slice(0, 10) : moment(iso));
