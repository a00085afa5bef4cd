import { heldOutText } from '../../../contracts/artifacts.js';
import type { WindowAssessmentReport } from '../../../contracts/window-assessment-report.js';
import type { WindowFinding } from '../../../contracts/window-summary.js';
import { countText, figure, percentOf, valueText } from '../page/figures.js';
import { type Markup, markup, NOTHING, userText } from '../page/markup.js';
import type { AssessmentFacts } from './assessment-facts.js';
import { dataTable, factList, figures, texts } from './data-table.js';
import { badge, NAME, sentence, shortTime, timeOf, windowPath } from './words.js';

const OCCASIONS = {
  closed: 'when the window had closed, before its labels', matured: 'when the horizon of its labels had passed', amended: 'when labels had come late or were corrected', backfilled: 'anew, as a person asked',
} as const;

/** What was assessed, what it comes to and why, and where more is found. */
export function pageHead(facts: AssessmentFacts): Markup {
  const { assessment } = facts;
  return markup`<h1>Window of ${userText(assessment.model, NAME)}</h1>
<p class="verdict">${badge(assessment.verdict)} ${timeOf(assessment.fromEvent)} to ${timeOf(assessment.untilEvent)} UTC in ${userText(assessment.deployment, NAME)},
revision ${assessment.revision}</p>
${assessed(facts)}
${links(facts)}
<h2>What the verdict rests on</h2>
<ul class="grounds">${grounds(facts).map((ground) => markup`<li>${ground}</li>`)}</ul>
${findingTable(assessment.findings)}`;
}

function assessed({ assessment, report }: AssessmentFacts): Markup {
  const { model, deployment, fromEvent, untilEvent, revision, occasion, assessedAt, labelRevision, specDigest, filesDigest, alarmId } = assessment;
  return factList([
    ['Model, deployment', markup`${userText(model, NAME)}, ${userText(deployment, NAME)}`],
    ['Window', markup`from ${timeOf(fromEvent)} up to, without, ${timeOf(untilEvent)} (event time, UTC)`],
    ['Revision', markup`${revision}, made ${OCCASIONS[occasion]} (${occasion}), at ${timeOf(assessedAt)} UTC`],
    ['Version', versions({ assessment, report })],
    ['Baseline', baseline(report)],
    ['Rows', rowCounts({ assessment, report })],
    ...(report ? [['Complete', completeness(report)] as const] : []),
    ['Made from', markup`spec <code>${specDigest}</code>, files <code>${filesDigest}</code>, label revision ${labelRevision}`],
    ...(alarmId === null ? [] : [['Alarm', markup`<code>${alarmId}</code>`] as const]),
  ]);
}

function completeness({ completeness: { complete, gateways, behind, unconverted } }: WindowAssessmentReport): Markup {
  if (complete) return markup`yes: ${countText(gateways)} ${gateways === 1 ? 'gateway' : 'gateways'} had sent all that was received in it`;
  const held = behind.length === 0 ? [] : [markup`${behind.map((name, index) => markup`${index > 0 ? ', ' : ''}${userText(name, NAME)}`)} may have held some`];
  const waiting = unconverted === 0 ? [] : [markup`${countText(unconverted)} segments could not be read yet`];
  return markup`<strong>no</strong>, and waited for long enough (<code>monitoring.grace</code>): ${[...held, ...waiting].map((part, index) => markup`${index > 0 ? '; ' : ''}${part}`)}`;
}

type Shown = Pick<AssessmentFacts, 'assessment' | 'report'>;

function versions({ assessment: { headline }, report }: Shown): Markup {
  if (headline.version === null) return markup`none answered`;
  const others = report?.versions.filter(({ version }) => version !== headline.version) ?? [];
  if (others.length === 0) return markup`${headline.version}`;
  return markup`${headline.version}, which answered most rows and which the figures are of; also ${others.map(({ version, rows }, index) =>
    markup`${index > 0 ? ', ' : ''}${version} (${countText(rows)} rows)`)}`;
}

function baseline(report: Shown['report']): Markup {
  if (!report?.baseline) return markup`none`;
  const { version, rows, from, until, heldOut, snapshot } = report.baseline;
  return markup`${countText(rows)} rows from ${timeOf(from)} up to ${timeOf(until)}${heldOut ? ` in the blocks held out (${heldOutText(heldOut)})` : NOTHING}, on which version ${version} was judged before it came
into service; snapshot <code>${snapshot}</code>`;
}

function rowCounts({ assessment: { rows, occasion }, report }: Shown): Markup {
  if (!report?.quality) return markup`${countText(rows)}${occasion === 'closed' ? '; labels are not due yet' : ''}`;
  const { labelled, unlabelled } = report.quality;
  const others = report.versions.reduce((sum, one) => sum + one.rows, 0) > rows ? ' of the version' : '';
  return markup`${countText(rows)}${others}: ${countText(labelled)} with a label (${percentOf(labelled, labelled + unlabelled)}), ${countText(unlabelled)} without`;
}

function links({ assessment, revisions, decision, temporalUrl }: AssessmentFacts): Markup {
  const earlier = revisions.filter(({ revision }) => revision !== assessment.revision).map(({ revision, occasion, verdict, assessedAt }) =>
    markup`<li><a href="${windowPath(assessment, 'assessment.html', revision)}">Revision ${revision}</a> (${occasion}, ${verdict}, ${shortTime(assessedAt)})</li>`);
  const others: readonly (readonly [string, string])[] = [
    ...(assessment.reportDigest === null ? [] : [[windowPath(assessment, 'assessment', assessment.revision), 'All figures as JSON'] as const]),
    [windowPath(assessment, 'drift.html'), 'Drift of the inputs'],
    ...(decision ? [[windowPath(assessment, 'decision', assessment.revision), 'Decision over retraining as JSON'] as const] : []),
    [temporalUrl, 'Workflow in Temporal'],
  ];
  return markup`<nav aria-label="Of this window"><ul class="links">${earlier}${others.map(([path, name]) => markup`<li><a href="${path}">${name}</a></li>`)}</ul></nav>`;
}

/** What can make or break the verdict, as it stands. */
function grounds(facts: AssessmentFacts): Markup[] {
  const { assessment: { findings, reportDigest }, report } = facts;
  const found = findings.length === 0 ? markup`Nothing was found against the limits of the spec.`
    : markup`${countText(findings.length)} ${findings.length === 1 ? 'finding' : 'findings'} against the limits of the spec, below.`;
  const lost = report || reportDigest === null ? NOTHING : markup` Its report <code>${reportDigest}</code> is not in the artifact store.`;
  const why = reportDigest === null ? 'no row of a version with a baseline could be measured' : 'the figures cannot be read';
  const measured = report ? [] : [markup`Nothing else is known: ${why}.${lost}`];
  return [found, ...harmGround(facts), ...fairnessGround(facts), ...measured];
}

function harmGround({ assessment: { headline: { harm, meanLoss }, occasion } }: AssessmentFacts): Markup[] {
  if (!harm) return occasion === 'closed' ? [] : [markup`Harm: not judged, for want of rows, labels or a baseline that bounds the loss.`];
  const { limit, evidence, threshold, lower, alarm } = harm;
  const mean = meanLoss === null ? 'no row has a label' : `the mean loss is ${figure(meanLoss)}, ${meanLoss > limit ? 'above' : 'not above'} ${valueText(limit)} where harm begins`;
  const bound = lower === null ? 'not bounded yet' : `at least ${figure(lower)}`;
  const since = alarm ? markup` An alarm fired at ${timeOf(alarm.atMs)}.` : NOTHING;
  return [markup`Harm: ${mean}; the evidence is ${figure(evidence)} of ${valueText(threshold)}, and the mean since the sequence began is ${bound}.${since}`];
}

function fairnessGround({ report }: AssessmentFacts): Markup[] {
  const checks = report?.fairness?.checks ?? [];
  const counts = (['fail', 'inconclusive', 'error', 'pass'] as const).map((verdict) =>
    [verdict, checks.filter((check) => check.verdict === verdict).length] as const).filter(([, count]) => count > 0);
  return counts.length === 0 ? [] : [markup`Fairness: ${counts.map(([verdict, count], index) => markup`${index > 0 ? ', ' : ''}${count} ${verdict}`)}.`];
}

function findingTable(findings: readonly WindowFinding[]): Markup {
  if (findings.length === 0) return NOTHING;
  const rows = findings.map(({ check, feature, measured, low, limit, rows: count, message }) =>
    [check, feature === null ? 'whole window' : userText(feature, NAME), figure(measured), figure(low), valueText(limit), countText(count), sentence(message)]);
  return dataTable('Findings', [...texts('Check', 'Feature'), ...figures('Measured', 'Lower bound', 'Limit', 'Rows'), ...texts('In words')], rows);
}
