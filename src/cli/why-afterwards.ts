import type { WhyAnswer } from '../api/why/why.dto.js';
import { count, moment } from './numbers.js';
import { glossary, heading, paragraph, sentence } from './prose.js';
import type { Terminal } from './terminal.js';

type Since = WhyAnswer['sinceThen'];

/** What has happened in the deployment since, up to now. */
export function afterwards(terminal: Terminal, { version, since, sinceThen }: WhyAnswer): string {
  const rows = events(sinceThen).sort(([a], [b]) => (a < b ? -1 : 1));
  const total = LISTS.reduce((sum, name) => sum + sinceThen[name].total, 0);
  const listed = LISTS.reduce((sum, name) => sum + sinceThen[name].items.length, 0);
  return [
    heading(terminal, 'What has happened since'),
    paragraph(terminal, windowWords(version, sinceThen.windows), worstWords(sinceThen.windows)),
    '\n',
    rows.length === 0 ? paragraph(terminal, `Nothing else has happened since ${moment(since)}.`) : glossary(terminal, rows.map(([at, what]) => [moment(at), what])),
    total > listed ? paragraph(terminal, `${count(total - listed)} more are not listed here; their lists are in the API.`) : '',
  ].join('');
}

const LISTS = ['changes', 'rollbacks', 'releases', 'retrains', 'alarms', 'quarantines', 'retirements'] as const;

function windowWords(version: number, { all, own }: Since['windows']): string {
  const sum = ({ pass, fail, inconclusive }: typeof all): number => pass + fail + inconclusive;
  if (sum(all) === 0) return 'No window has been assessed since.';
  const words = ({ pass, fail, inconclusive }: typeof all): string => `${count(pass)} passed, ${count(fail)} failed, ${count(inconclusive)} inconclusive`;
  return `${sum(all) === 1 ? 'One window has' : `${count(sum(all))} windows have`} been assessed since (${words(all)}), ${sum(own) === sum(all) ? `all of them answered by version ${version}.` : `${count(sum(own))} of them answered by version ${version} (${words(own)}).`}`;
}

const worstWords = ({ worst }: Since['windows']): string | null =>
  worst && `The worst is that from ${moment(worst.from)} to ${moment(worst.until)}: ${worst.verdict}${worst.harm ? ', harm found' : ''}${worst.findings.length > 0 ? `; ${worst.findings.slice(0, 3).join('; ')}` : ''}.`;

/** A rollback's change of champion is told by the rollback. */
const events = ({ changes, rollbacks, releases, retrains, alarms, quarantines, retirements }: Since): [string, string][] => [
  ...changes.items.filter(({ reason }) => reason === 'promotion').map((one): [string, string] => [one.changedAt, `Version ${one.version} was promoted in the place of version ${one.previousVersion}, epoch ${one.epoch}; ${one.actor} had asked for it.`]),
  ...rollbacks.items.map((one): [string, string] => [one.requestedAt, `${one.requestedBy} asked to roll version ${one.fromVersion} back to version ${one.toVersion}: “${one.reason}”. ${ended(one.outcome, one.explanation)}`]),
  ...releases.items.map((one): [string, string] => [one.requestedAt, `Release ${one.number} of version ${one.version} was asked for. ${ended(one.outcome, one.reason)}`]),
  ...retrains.items.map((one): [string, string] => [one.requestedAt, `Retrain ${one.number} was ${one.trigger === 'request' ? `asked for by ${one.requestedBy}` : `decided on by monitoring (${one.trigger})`}. ${ended(one.outcome, one.reason)}`]),
  ...alarms.items.map((one): [string, string] => [one.raisedAt, `Alarm (${one.severity}, ${one.kind}): ${sentence(one.summary)} ${one.endedAt === null ? 'It is open.' : `It ended at ${moment(one.endedAt)}: ${sentence(one.endedBecause ?? '')}`}`]),
  ...quarantines.items.map((one): [string, string] => [one.decidedAt, `The window from ${moment(one.from)} was put into quarantine: ${sentence(one.because)}${one.released ? ` ${one.released.by} took it out at ${moment(one.released.at)}: “${one.released.reason}”.` : ''}`]),
  ...retirements.items.map((one): [string, string] => [one.requestedAt, `${one.requestedBy} asked for retirement ${one.number} (${one.trigger})${one.replacement === null ? '' : `, in favour of ${one.replacement}`}: “${one.reason}”. ${one.stoppedAt === null ? `It is ${one.state === 'retiring' ? 'under way' : one.state}.` : `It stopped the model at ${moment(one.stoppedAt)}: nobody answers since.`}`]),
];

const ended = (outcome: string | null, reason: string | null): string => (outcome === null ? 'It is under way.' : `It ended as ${outcome}${reason === null ? '.' : `: ${sentence(reason)}`}`);
