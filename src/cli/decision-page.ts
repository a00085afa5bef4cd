import type { DecisionAnswer } from '../api/decisions/decisions.dto.js';
import { count, figure, moment } from './numbers.js';
import { glossary, heading, paragraph } from './prose.js';
import { table } from './table.js';
import type { Terminal } from './terminal.js';
import { standing, whyParts } from './why-page.js';

type Decided = DecisionAnswer['decisions'][number];

/** Each answer under the id, then why its version was in service. */
export function decisionPage(terminal: Terminal, answer: DecisionAnswer): string {
  const { predictionId, decisions, chains, askedAt } = answer;
  const several = decisions.length === 1 ? null : `It was answered ${decisions.length} times; the first in each deployment counts.`;
  return [
    [heading(terminal, `Who decided ${predictionId}`), paragraph(terminal, several, `The record was read at ${moment(askedAt)}.`, searchWords(answer))].join(''),
    ...decisions.map((one) => decided(terminal, one)),
    ...chains.flatMap((why) => [
      [heading(terminal, `Why version ${why.version} answered in ${why.model}/${why.deployment}`), paragraph(terminal, standing(why))].join(''),
      ...whyParts(terminal, why),
    ]),
  ].join('\n');
}

function searchWords({ decisions, searched: { unfiltered, unreadable, unread, left } }: DecisionAnswer): string | null {
  const partial = unread.filter(({ kind }) => kind !== 'observations').length;
  const words = [
    unfiltered > 0 ? `${count(unfiltered)} files without an index of ids were read` : null,
    unreadable > partial ? `${count(unreadable - partial)} files could not be read and may hold further answers` : null,
    ...(['mirrored', 'labels'] as const).filter((kind) => decisions.some(({ lacks }) => lacks.includes(kind))).map((kind) => lackWords(kind, unread.filter((one) => one.kind === kind))),
    left > 0 ? `${count(left)} files that may hold further answers were not looked into: name --model or --around` : null,
  ].filter((one) => one !== null);
  return words.length === 0 ? null : `${words.join('; ')}.`;
}

function lackWords(kind: 'mirrored' | 'labels', files: DecisionAnswer['searched']['unread']): string {
  const causes = [...new Set(files.map(({ because }) => because))].map((because) => `${count(files.filter((one) => one.because === because).length)} ${because}`);
  return `files of ${kind === 'labels' ? 'labels' : 'mirrored outputs'} could not be read (${causes.join(', ')}), so that more may have been known than is shown`;
}

function decided(terminal: Terminal, one: Decided): string {
  const { inputs, mirrored, labels, guard, logged } = one;
  return [
    heading(terminal, `Version ${one.version} of ${one.model}, in ${one.deployment}${one.counts ? '' : ' (asked again: it does not count)'}`),
    glossary(terminal, [
      ['asked for', `${moment(one.eventTime)} event time; received at ${moment(one.receivedAt)}${one.entityKey === null ? '' : `, for ${one.entityKey}`}`],
      ['answer', `${figure(one.output ?? undefined)}${one.rawOutput === one.output ? '' : `, as the model gave it ${figure(one.rawOutput ?? undefined)}`}${guard === null || guard === 'none' ? '' : `, ${guard} by a guard rail`}`],
      ['answered by', `version ${one.version} as ${one.role}, epoch ${one.epoch}, revision ${one.revision}${one.stale ? ', with a routing that could not be confirmed' : ''}`],
      ['inputs', inputs === null ? 'not kept: the spec of then says so (serving.observe.inputs)' : Object.entries(inputs).map(([name, given]) => `${name}=${given ?? 'missing'}`).join(', ')],
      ...(one.masked.length === 0 ? [] : [['masked', `${one.masked.join(', ')}: sensitive (data.sensitive); --unmasked with a --reason shows them to who may read them`] as const]),
      ['came true', labels.length === 0 ? `not known: ${one.lacks.includes('labels') ? 'labels could not be read' : 'no label has come'}` : labelWords(one)],
      ['logged by', `gateway ${logged.gateway}, start ${logged.boot}, segment ${logged.segment}, request ${logged.sequence}, row ${logged.row}`],
    ]),
    ...(mirrored.length === 0 ? [] : ['\n', table(terminal, [{ title: 'Mirrored to' }, { title: 'Outcome' }, { title: 'Output', align: 'right' }], mirrored.map((other) => [`version ${other.version}`, other.reason === null ? other.outcome : `${other.outcome}: ${other.reason}`, figure(other.output ?? undefined)]), '')]),
  ].join('');
}

function labelWords({ label, outcome, labels }: Decided): string {
  const now = [label === null ? null : String(label), outcome === null ? null : `business outcome ${outcome}`].filter((part) => part !== null).join(', ');
  const told = labels.map((one) => `${one.label ?? one.outcome} by batch ${one.batch}, known at ${moment(one.knownAt)}`);
  return labels.length === 1 ? `${now} (${told[0]})` : `${now}; ${labels.length} labels, the last of which counts: ${told.join('; ')}`;
}
