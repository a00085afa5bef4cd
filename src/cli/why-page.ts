import type { WhyAnswer } from '../api/why/why.dto.js';
import { count, figure, interval, moment } from './numbers.js';
import { glossary, heading, paragraph, sentence } from './prose.js';
import { table } from './table.js';
import type { Terminal } from './terminal.js';
import { afterwards } from './why-afterwards.js';

/** The whole chain as a page that an auditor can read, and paste into a report. */
export const whyPage = (terminal: Terminal, why: WhyAnswer): string => [head(terminal, why), ...whyParts(terminal, why)].join('\n');

/** What follows the head: how it came there, the evidence, the origin, what was found wrong, what came after, and where all of it stands on the record. */
export const whyParts = (terminal: Terminal, why: WhyAnswer): string[] => [arrival(terminal, why), evidence(terminal, why), origin(terminal, why), found(terminal, why), afterwards(terminal, why), record(terminal, why)];

function head(terminal: Terminal, why: WhyAnswer): string {
  const { inventory } = why;
  return [
    heading(terminal, `Why version ${why.version} answered in ${why.model}/${why.deployment} at ${moment(why.at)}`),
    paragraph(terminal, sentence(inventory.purpose), `Risk tier ${inventory.tier}; owner ${inventory.owner}; registered by ${inventory.registeredBy} at ${moment(inventory.registeredAt)}. The record was read at ${moment(why.askedAt)}.`),
    '\n',
    paragraph(terminal, standing(why), ...shares(why)),
  ].join('');
}

/** Who answered beside it at the time. */
const shares = ({ at, alsoAnswered }: WhyAnswer): string[] => alsoAnswered.map(({ version, percent, release, step, since }) =>
  `At ${moment(at)} version ${version} answered ${percent} % of the entities as the challenger of release ${release}, whose canary step ${step + 1} had begun at ${moment(since)}.`);

/** Since when and until when. */
export function standing({ model, version, role, epoch, since, until, replaced, replacedBy, stoppedBy }: WhyAnswer): string {
  if (role === 'challenger') return `Version ${version} answered a share as the challenger of a release from ${moment(since)} on, under epoch ${epoch}.`;
  const place = replaced === null ? 'It was the first' : `It took the place of version ${replaced}`;
  return `Version ${version} became champion at ${moment(since)}, epoch ${epoch}. ${place}, and ${until === null ? 'answers still' : `answered until ${moment(until)}, when ${stoppedBy === null ? `version ${replacedBy} took its place` : `retirement ${stoppedBy} of ${model} stopped it`}`}.`;
}

function arrival(terminal: Terminal, why: WhyAnswer): string {
  const { rollback, promotion, release } = why;
  const back = rollback && `${rollback.requestedBy} rolled version ${rollback.fromVersion} back at ${moment(rollback.requestedAt)}: ${quoted(rollback.reason)}`;
  const earlier = why.cameBy === 'rollback' && promotion ? `Version ${why.version} had been promoted before, at ${moment(promotion.changedAt)}, epoch ${promotion.epoch}${release ? '' : ', by its gate'}.` : null;
  const gate = why.cameBy === 'gate' ? `It was promoted as soon as its ${why.validation ? 'validation let it' : 'gate had passed it'}; no release stood between.` : null;
  return [
    heading(terminal, 'How it came there'),
    paragraph(terminal, back, earlier, gate, asked(why)),
    ...(why.goLive ? ['\n', paragraph(terminal, wentLive(why.goLive))] : []),
    ...(release ? ['\n', ...released(terminal, why, release)] : []),
  ].join('');
}

function wentLive({ version, deployment, owner, asks, confirmed, setUp }: NonNullable<WhyAnswer['goLive']>): string {
  const lacked = setUp?.criteria.filter(({ state }) => state === 'advised').map(({ name }) => name) ?? [];
  const had = setUp ? `Before version ${version} went live in ${deployment}, ${setUp.criteria.filter(({ state }) => state === 'met').map(({ name }) => name).join(', ')} were found in order at ${moment(setUp.at)}${lacked.length > 0 ? `; ${lacked.join(', ')} was missing, and its tier does not ask for it` : ''}. ` : '';
  if (confirmed) return `${had}${confirmed.by} confirmed at ${moment(confirmed.at)} that version ${version} went live: ${quoted(confirmed.reason)}`;
  return `${had}${asks ? `Its owner ${owner} has not confirmed that it went live.` : `Its owner ${owner} was told that it went live; nobody had to confirm it.`}`;
}

function asked({ version, retraining }: WhyAnswer): string {
  const { number, requestedBy, requestedAt, reason, trigger, decision } = retraining;
  if (decision) return `Version ${version} is of retrain ${number}, which monitoring decided on (${trigger}) at ${moment(decision.decidedAt)} after the window that begins at ${moment(decision.window.from)}: ${sentence(decision.because)}`;
  return `Version ${version} is of retrain ${number}, which ${requestedBy} asked for at ${moment(requestedAt)}${reason === null ? ' without a reason.' : `: ${quoted(reason)}`}`;
}

function released(terminal: Terminal, { version }: WhyAnswer, release: NonNullable<WhyAnswer['release']>): string[] {
  const { number, requestedBy, requestedAt, reason, champion, outcome, outcomeReason, planDigest, decidedOn, steps } = release;
  const against = champion === null ? '' : `, compared with version ${champion}`;
  const compared = decidedOn && comparisonWords(decidedOn['comparison']);
  return [
    paragraph(terminal, `Release ${number} brought version ${version} into service${against}. ${requestedBy} asked for it at ${moment(requestedAt)}: ${quoted(reason)}`,
      planDigest && `What decides was fixed before the first mirrored request (plan ${planDigest}).`, compared && `When it was promoted, ${compared}`,
      outcome && `It has ended as ${outcome}: ${sentence(outcomeReason ?? '')}`),
    '\n',
    glossary(terminal, steps.map((step) => [moment(step.takenAt), `${step.action}, by ${step.actor}: ${sentence(step.reason)}`])),
  ];
}

/** A standing of a comparison, as the record has it. */
function comparisonWords(standing: unknown): string | null {
  if (typeof standing !== 'object' || standing === null) return null;
  const { samples, gain, low, high, outcome, missingLabels } = standing as Record<string, unknown>;
  if (typeof samples !== 'number' || typeof gain !== 'number') return null;
  const bounds = typeof low === 'number' && typeof high === 'number' ? ` [${signed(low)}, ${signed(high)}]` : '';
  return `${count(samples)} pairs with a label had been compared: mean loss lower by ${signed(gain)}${bounds}, which is ${String(outcome)}; ${count(Number(missingLabels))} more had no label.`;
}

function evidence(terminal: Terminal, { version, lineage: { evaluation, data } }: WhyAnswer): string {
  if (!evaluation) return `${heading(terminal, 'The evidence')}${paragraph(terminal, 'No gate has judged it.')}`;
  const { championVersion: champion, championMetrics, metrics, comparison, recentGain, checks, window } = evaluation;
  const held = data.heldOut ? `, in blocks of ${data.heldOut.block} that were held out (one of ${data.heldOut.every})` : '';
  const gained = comparison && ('gain' in comparison
    ? `On the same rows it gained ${signedInterval(comparison.gain)} in ${comparison.metric} over version ${champion} (${figure(comparison.candidate)} against ${figure(comparison.champion)}).`
    : `It could not be compared in ${comparison.metric}: ${sentence(comparison.undefinedBecause)}`);
  const recent = recentGain && `On the ${count(recentGain.rows)} newest rows, from ${moment(recentGain.since)}, its ${recentGain.loss} loss was lower by ${signedInterval(recentGain.gain)}.`;
  const beside = champion === null ? [] : [{ title: `Version ${champion}` }];
  return [
    heading(terminal, 'The evidence'),
    paragraph(terminal, `The gate said ${evaluation.verdict} at ${moment(evaluation.evaluatedAt)}, on ${count(evaluation.rows)} rows with a mature label from ${moment(window.start)} to ${moment(window.end)}${held}.`,
      champion === null ? 'Nothing was in service that it could be compared with.' : null, gained, recent),
    '\n',
    table(terminal, [{ title: 'Metric' }, { title: `Version ${version}` }, ...beside],
      Object.entries(metrics).sort(([a], [b]) => Number(b === comparison?.metric) - Number(a === comparison?.metric)).map(([name, value]) => [name, interval(value), ...(champion === null ? [] : [interval(championMetrics?.[name])])]), 'No metric is defined on these rows.'),
    '\n',
    table(terminal, [{ title: 'Check' }, { title: 'Verdict' }, { title: 'Measured' }, { title: 'Required' }],
      checks.map((check) => [check.name, check.verdict, check.measured === null ? '–' : measured(check.measured), check.required]), 'The gate has no check.'),
  ].join('');
}

function origin(terminal: Terminal, why: WhyAnswer): string {
  const { spec, approval, retraining, lineage } = why;
  const { data, training } = lineage;
  const { environment } = training;
  const files = [data.source, ...data.joins].flatMap((source) => source.files);
  return [
    heading(terminal, 'Where it comes from'),
    glossary(terminal, [
      ['spec', `${spec.digest}, applied by ${spec.appliedBy} at ${moment(spec.appliedAt)}`],
      ['use case', approval && `approval ${approval.number}, tier ${approval.tier}, given at ${moment(approval.decidedAt)}: ${approval.reason ?? ''}`],
      ...validated(why),
      ['snapshot', `${data.snapshotDigest}, taken at ${moment(data.takenAt)}, data as of ${moment(data.asOf)}`],
      ['trained on', partWords(data.train)],
      ['judged on', `${partWords(data.evaluation)}${data.heldOut ? `; one block of ${data.heldOut.every} (${data.heldOut.block}) judges, the others train` : ''}`],
      ['trainer', `${training.trainer}, code ${training.codeDigest}, seed ${training.seed}, retrain ${retraining.number}, ${training.attempts === 1 ? 'one attempt' : `${training.attempts} attempts`}, ${moment(training.startedAt)} to ${moment(training.finishedAt)}`],
      ['parameters', Object.entries(training.parameters).map(([name, value]) => `${name}=${value}`).join(', ') || 'none'],
      ['environment', environment && `requirements ${environment.requirementsDigest}, on ${environment.device}: ${Object.entries(environment.libraries).map(([name, value]) => `${name} ${value}`).join(', ')}`],
      ['artifact', `${lineage.artifactDigest}, ${count(lineage.artifactBytes)} bytes of ONNX`],
      ...data.joins.map((join) => [`join ${join.name}`, `${join.columns.join(', ')} from ${join.path}, as known at event time`] as const),
    ]),
    '\n',
    paragraph(terminal, `Its rows came from ${files.length === 1 ? 'one file' : `${count(files.length)} files`} (${[data.source, ...data.joins].map(({ path }) => path).join(', ')}):`),
    glossary(terminal, files.slice(0, MOST_FILES).map(({ name, digest }) => [name, digest])),
    files.length > MOST_FILES ? paragraph(terminal, `And ${count(files.length - MOST_FILES)} more; --json lists all.`) : '',
  ].join('');
}

function found(terminal: Terminal, { model, at, findings }: WhyAnswer): string {
  const rows = findings.map(({ number, severity, owner, dueAt, title, closed }) => [String(number), severity, owner, moment(dueAt), closed ? `${moment(closed.at)}, by ${closed.by}` : '–', title]);
  const columns = [{ title: 'Finding', align: 'right' }, { title: 'Severity' }, { title: 'Owner' }, { title: 'Due' }, { title: 'Closed' }, { title: 'What' }] as const;
  return [heading(terminal, 'What was found wrong'), table(terminal, columns, rows, `No finding of ${model} was open at ${moment(at)}.`)].join('');
}

function validated({ validation, versionApproval }: WhyAnswer): (readonly [string, string | null])[] {
  if (!validation) return [];
  const { decision, checks, reportDigest } = validation;
  return [
    ['validation', decision && `${decision.choice} by ${decision.actor} at ${moment(decision.at)}: ${decision.reason}${decision.findings.length > 0 ? ` It opened ${decision.findings.length === 1 ? 'finding' : 'findings'} ${decision.findings.join(', ')}.` : ''}`],
    ['checks', `${checks.map(({ name, verdict }) => `${name} ${verdict}`).join(', ')}; report ${reportDigest ?? 'not written'}`],
    ['version', versionApproval && `approval ${versionApproval.number}, given at ${moment(versionApproval.decidedAt)}: ${versionApproval.reason ?? ''}`],
  ];
}

const MOST_FILES = 20;

const partWords = ({ rows, labelledRows, window, artifactDigest }: WhyAnswer['lineage']['data']['train']): string =>
  `${count(rows)} rows, ${count(labelledRows)} with a label, from ${moment(window.start)} to ${moment(window.end)}, ${artifactDigest}`;

function record(terminal: Terminal, { model, entries }: WhyAnswer): string {
  return [
    heading(terminal, 'On the record'),
    table(terminal, [{ title: 'Entry', align: 'right' }, { title: 'At' }, { title: 'By' }, { title: 'What' }, { title: 'About' }], entries.map((entry) => [String(entry.id), moment(entry.at), entry.actor, entry.action, entry.subject]), 'No audit entry tells of it.'),
    paragraph(terminal, `Each entry in full: /v1/models/${model}/audit?after=<entry − 1>&limit=1`),
  ].join('');
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
const signedInterval = ({ value, low, high }: { readonly value: number; readonly low: number | null; readonly high: number | null }): string =>
  `${signed(value)}${low === null || high === null ? '' : ` [${signed(low)}, ${signed(high)}]`}`;

/** Counts have no digits behind the point. */
const measured = (estimate: Parameters<typeof signedInterval>[0]): string => (estimate.low === null && Number.isInteger(estimate.value) ? count(estimate.value) : interval(estimate));

/** The very words of whoever asked. */
const quoted = (words: string): string => `“${words.trim()}”.`;
