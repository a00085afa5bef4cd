import type { WhyAnswer } from '../api/why/why.dto.js';
import { count, moment } from './numbers.js';
import { heading, paragraph } from './prose.js';
import { table } from './table.js';
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
    table(terminal, [{ title: 'At' }, { title: 'What' }, { title: 'Outcome' }], rows.map(([at, what, how]) => [moment(at), what, how]), `Nothing else has happened since ${moment(since)}.`),
    total > listed ? paragraph(terminal, `${count(total - listed)} more are not listed here; their lists are in the API.`) : '',
  ].join('');
}

const LISTS = ['changes', 'rollbacks', 'releases', 'retrains', 'alarms', 'quarantines'] as const;

function windowWords(version: number, { all, own }: Since['windows']): string {
  const sum = ({ pass, fail, inconclusive }: typeof all): number => pass + fail + inconclusive;
  if (sum(all) === 0) return 'No window has been assessed since.';
  const words = ({ pass, fail, inconclusive }: typeof all): string => `${count(pass)} passed, ${count(fail)} failed, ${count(inconclusive)} inconclusive`;
  return `${sum(all) === 1 ? 'One window has' : `${count(sum(all))} windows have`} been assessed since (${words(all)}), ${sum(own) === sum(all) ? `all of them answered by version ${version}.` : `${count(sum(own))} of them answered by version ${version} (${words(own)}).`}`;
}

const worstWords = ({ worst }: Since['windows']): string | null =>
  worst && `The worst is that from ${moment(worst.from)} to ${moment(worst.until)}: ${worst.verdict}${worst.harm ? ', harm found' : ''}${worst.findings.length > 0 ? `; ${worst.findings.slice(0, 3).join('; ')}` : ''}.`;

/** Time, what, and how it ended. */
const events = ({ changes, rollbacks, releases, retrains, alarms, quarantines }: Since): [string, string, string][] => [
  ...changes.items.map((one): [string, string, string] => [one.changedAt, `version ${one.version} became champion by ${one.reason}, epoch ${one.epoch}`, `in the place of version ${one.previousVersion}, asked for by ${one.actor}`]),
  ...rollbacks.items.map((one): [string, string, string] => [one.requestedAt, `rollback of version ${one.fromVersion} asked for by ${one.requestedBy}`, `${one.outcome ?? 'under way'}: ${one.explanation ?? one.reason}`]),
  ...releases.items.map((one): [string, string, string] => [one.requestedAt, `release ${one.number} of version ${one.version}`, `${one.outcome ?? 'under way'}${one.reason === null ? '' : `: ${one.reason}`}`]),
  ...retrains.items.map((one): [string, string, string] => [one.requestedAt, `retrain ${one.number}, ${one.trigger === 'request' ? `asked for by ${one.requestedBy}` : `triggered by ${one.trigger}`}`, `${one.outcome ?? 'under way'}${one.version === null ? '' : `, version ${one.version}`}${one.reason === null ? '' : `: ${one.reason}`}`]),
  ...alarms.items.map((one): [string, string, string] => [one.raisedAt, `${one.severity} alarm ${one.kind}: ${one.summary}`, one.endedAt === null ? 'open' : `ended at ${moment(one.endedAt)}: ${one.endedBecause}`]),
  ...quarantines.items.map((one): [string, string, string] => [one.decidedAt, `window from ${moment(one.from)} quarantined: ${one.because}`, one.released ? `released by ${one.released.by} at ${moment(one.released.at)}: ${one.released.reason}` : 'in quarantine']),
];
