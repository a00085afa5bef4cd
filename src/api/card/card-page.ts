import { MASK } from '../../contracts/masking.js';
import { fairnessPart } from '../windows/assessment-page/fairness-part.js';
import { ASSESSMENT_STYLE } from '../windows/assessment-page/assessment-style.js';
import { dataTable, factList, figures, texts } from '../windows/assessment-page/data-table.js';
import { badge, estimateCell, inWords, metricName, NAME, sentence, timeOf } from '../windows/assessment-page/words.js';
import { countText, NO_FIGURE, valueText } from '../windows/page/figures.js';
import { htmlPage } from '../windows/page/html-page.js';
import { type Markup, markup, NOTHING, userText } from '../windows/page/markup.js';
import { PAGE_STYLE } from '../windows/page/page-style.js';
import type { ModelCard } from './card.dto.js';

/** Characters of a path or a value of a parameter. */
const LONG = 200;
/** Files and slices in the page; the JSON has all of them. */
const SHOWN_ROWS = 200;

const STYLE = `
.source { color: var(--quiet); font-size: .8rem; margin: .3rem 0 .9rem; overflow-wrap: anywhere; }
.plain { margin: .3rem 0; padding-left: 1.2rem; }
.plain li { overflow-wrap: anywhere; }
p { overflow-wrap: anywhere; }
`;

/**
 * A model card as one HTML page that needs nothing else. Its sections are those of Mitchell et al. 2019, and monitoring beside them; below each part stands where
 * it comes from. Texts of people and data are escaped, long ones shortened; what is not on record is said to be so.
 */
export function cardPage(card: ModelCard): string {
  const { model, deployment, madeAt, details: { version } } = card;
  const head = markup`<h1>Model card of ${userText(model, NAME)}</h1>
<p>${version ? markup`Version ${version.number}, ${version.status}` : 'No version yet'}, in ${userText(deployment, NAME)}. Made from the record at ${timeOf(madeAt)} UTC.</p>`;
  return htmlPage(`Model card of ${model}`, PAGE_STYLE + ASSESSMENT_STYLE + STYLE, markup`${head}
${part('Model details', detailsPart(card))}
${part('Intended use', usePart(card.intendedUse))}
${part('Factors', factorsPart(card.factors))}
${part('Metrics', metricsPart(card.metrics))}
${part('Evaluation data', evaluationDataPart(card.evaluationData))}
${part('Training data', trainingDataPart(card.trainingData))}
${part('Quantitative analyses', analysesPart(card.quantitativeAnalyses))}
${part('Ethical considerations', ethicsPart(card.ethicalConsiderations))}
${part('Production', productionPart(card.production))}
${part('Caveats and recommendations', caveatsPart(card.caveats))}
<p class="note">Sections after M. Mitchell et al., Model Cards for Model Reporting, FAT* 2019, <a href="https://doi.org/10.1145/3287560.3287596">doi:10.1145/3287560.3287596</a>.</p>`);
}

const part = (title: string, content: Markup): Markup => markup`<section aria-label="${title}"><h2>${title}</h2>
${content}</section>`;

type From = ModelCard['intendedUse']['from'];

const sourceOf = ({ path, digest }: From): Markup =>
  markup`<p class="source">From <a href="${path}">${path}</a>${digest === null || path.includes(digest) ? NOTHING : markup`, <code>${digest}</code>`}</p>`;

const unknown = markup`<i>not on record</i>`;
const said = (text: string | null): Markup => (text === null ? unknown : sentence(text));
const code = (digest: string): Markup => markup`<code>${digest}</code>`;
const words = (items: readonly string[]): Markup => (items.length === 0 ? markup`none` : markup`${items.map((item, index) => markup`${index > 0 ? ', ' : ''}${userText(item, LONG)}`)}`);
const list = (items: readonly string[]): Markup => (items.length === 0 ? unknown : markup`<ul class="plain">${items.map((item) => markup`<li>${sentence(item)}</li>`)}</ul>`);

function detailsPart({ details: { inventory, version, service, training } }: ModelCard): Markup {
  return markup`${factList([
    ['Owner', userText(inventory.owner, LONG)], ['Task', inventory.task], ['Risk tier', inventory.tier], ['Registered', markup`${timeOf(inventory.registeredAt)} by ${userText(inventory.registeredBy, NAME)}`],
    ['Spec in force', code(inventory.specInForce)],
  ])}${sourceOf(inventory.from)}
${version ? markup`<h3>Version ${version.number}</h3>${factList([
    ['Status', version.status], ['Made', markup`${timeOf(version.createdAt)} by retrain ${version.retrain}, which ${userText(version.requestedBy, NAME)} asked for`],
    ['Under the spec', code(version.specDigest)], ['Model file', markup`${code(version.artifactDigest)}, ${countText(version.artifactBytes)} bytes`],
  ])}${sourceOf(version.from)}` : NOTHING}
<h3>Service</h3>${service ? markup`${factList([
    ['In service since', markup`${timeOf(service.since)}, epoch ${service.epoch}`], ['Came by', markup`${service.reason}, ${userText(service.by, NAME)}`],
    ['Challengers', words(service.challengers.map(String))],
  ])}${sourceOf(service.from)}` : markup`<p>It is not in service.</p>`}
${training ? markup`<h3>Training</h3>${trainingFacts(training)}${sourceOf(training.from)}` : NOTHING}`;
}

function trainingFacts(training: NonNullable<ModelCard['details']['training']>): Markup {
  const { environment, parameters, seconds } = training;
  return factList([
    ['Trainer', markup`${userText(training.trainer, NAME)}, code ${code(training.codeDigest)}`], ['Seed', String(training.seed)],
    ['Parameters', words(Object.entries(parameters).map(([name, value]) => `${name} = ${String(value)}`))],
    ['Environment', environment ? markup`${code(environment.requirementsDigest)}: ${words(Object.entries(environment.libraries).map(([name, version]) => `${name} ${version}`))}` : unknown],
    ['Ran on', environment ? userText(environment.device, NAME) : unknown],
    ['Duration', seconds === null ? unknown : markup`${valueText(seconds)} s, ${training.attempts} ${training.attempts === 1 ? 'attempt' : 'attempts'}`],
  ]);
}

/** A spec without a use case names nothing of it, which is another thing than none. */
function usePart({ purpose, businessCase, success, regulations, consumers, from }: ModelCard['intendedUse']): Markup {
  const named = (items: readonly string[]): Markup => (businessCase === null ? unknown : words(items));
  return markup`${factList([
    ['Purpose', sentence(purpose)], ['Business case', said(businessCase)], ['Success', list(success)], ['Regulations', named(regulations)], ['Consumers', named(consumers)], ['Out of scope', unknown],
  ])}${sourceOf(from)}`;
}

const factorsPart = ({ slices, protectedColumns, crossings, from }: ModelCard['factors']): Markup => markup`${factList([
  ['Slices', words(slices)], ['Protected columns', words(protectedColumns)], ['Crossed', words(crossings.map((names) => names.join(' × ')))],
])}${sourceOf(from)}`;

function metricsPart({ absolute, comparison, threshold, confidence, from }: ModelCard['metrics']): Markup {
  const bounds = absolute.map(({ metric, min, max }) => `${metricName(metric)}${min === null ? '' : ` at least ${valueText(min)}`}${max === null ? '' : ` at most ${valueText(max)}`}`);
  return markup`${factList([
    ['Thresholds', words(bounds)], ['Compared by', markup`${metricName(comparison.metric)}, a gain of more than ${valueText(comparison.minimumGain)} (${inWords(comparison.by)})`],
    ['Decision', threshold === null ? 'the predicted number' : markup`1 from a probability of ${valueText(threshold)} on`], ['Confidence', markup`${valueText(100 * confidence)} %`],
  ])}${sourceOf(from)}`;
}

type Rows = Pick<NonNullable<ModelCard['evaluationData']>, 'window' | 'rows' | 'labelledRows' | 'artifactDigest'>;

const rowFacts = ({ window, rows, labelledRows, artifactDigest }: Rows): (readonly [string, Markup | string])[] => [
  ['Window', markup`from ${timeOf(window.start)} up to, without, ${timeOf(window.end)} (event time, UTC)`], ['Rows', markup`${countText(rows)}, ${countText(labelledRows)} with a label`], ['Frozen as', code(artifactDigest)],
];

const evaluationDataPart = (data: ModelCard['evaluationData']): Markup => (data ? markup`${factList([
  ...rowFacts(data), ...(data.heldOut ? [['Held out', markup`one block in ${data.heldOut.every} of ${data.heldOut.block}`] as const] : []),
])}${sourceOf(data.from)}` : markup`<p>${unknown}</p>`);

function trainingDataPart(data: ModelCard['trainingData']): Markup {
  if (!data) return markup`<p>${unknown}</p>`;
  const files = [{ of: 'rows', ...data.source }, ...data.joins.map((join) => ({ of: `join ${join.name}`, ...join }))].flatMap((one) => one.files.map((file) => ({ of: one.of, ...file })));
  return markup`${factList([...rowFacts(data), ['Looked at up to', timeOf(data.asOf)], ['Source', markup`${userText(data.source.path, LONG)} (${data.source.format})`], ['Columns', words(data.columns)]])}
${dataTable('Source files', [...texts('File', 'Of'), ...figures('Bytes'), ...texts('Digest')], files.slice(0, SHOWN_ROWS).map((file) => [userText(file.name, LONG), userText(file.of, NAME), countText(file.bytes), code(file.digest)]))}
${files.length > SHOWN_ROWS ? markup`<p class="note">The first ${SHOWN_ROWS} of ${countText(files.length)} files.</p>` : NOTHING}${sourceOf(data.from)}`;
}

function analysesPart(analyses: ModelCard['quantitativeAnalyses']): Markup {
  if (!analyses) return markup`<p>${unknown}</p>`;
  const { evaluation, from } = analyses;
  const { metrics, championMetrics, championVersion, undefinedBecause, checks, slices, fairness } = evaluation;
  const measured = Object.entries(metrics).map(([metric, estimate]) => [metricName(metric), estimateCell(estimate), estimateCell(championMetrics?.[metric]), '']);
  const missing = Object.entries(undefinedBecause).map(([metric, because]) => [metricName(metric), NO_FIGURE, NO_FIGURE, sentence(because)]);
  const sliceMetric = checks.map(({ name }) => /^(?:absolute|comparison):(.+)$/.exec(name)?.[1]).find((name) => name !== undefined && name in metrics) ?? Object.keys(metrics)[0] ?? '';
  return markup`<p class="verdict">${badge(evaluation.verdict)} at the gate, on ${countText(evaluation.rows)} rows that it had not seen</p>
${dataTable('Metrics', [...texts('Metric'), ...figures('Version', championVersion === null ? 'No champion then' : `Champion then, ${championVersion}`), ...texts('Not defined')], [...measured, ...missing])}
${dataTable('Checks', texts('Check', 'Verdict', 'In words'), checks.map(({ name, verdict, explanation }) => [name, badge(verdict), sentence(explanation)]))}
${slices.length === 0 ? NOTHING : dataTable('Slices', [...texts('Slice', 'Value'), ...figures('Rows', metricName(sliceMetric))], slices.slice(0, SHOWN_ROWS).map((slice) =>
    [userText(slice.column, NAME), slice.value === null ? markup`<i>missing</i>` : userText(slice.value, NAME), countText(slice.rows), estimateCell(slice.metrics[sliceMetric])]))}
<h3>Fairness</h3>${fairness ? fairnessPart(fairness) : markup`<p>Not measured: the spec names no protected group, or the version is of before.</p>`}
${sourceOf(from)}`;
}

function ethicsPart({ risk, approvals }: ModelCard['ethicalConsiderations']): Markup {
  const asked = risk ? markup`<p>The questionnaire comes to ${risk.points} points: tier ${risk.tier}.</p>
${dataTable('Questionnaire', [...texts('Question', 'Answer'), ...figures('Points')], risk.answers.map(({ question, answer, points }) => [question, inWords(answer), String(points)]))}${sourceOf(risk.from)}`
    : markup`<p>The questionnaire of risk: ${unknown}</p>`;
  const voted = approvals.items.map((one) => [
    markup`<a href="${one.link}">${one.number}</a>`, one.kind === 'version' ? `version ${one.version ?? ''}` : inWords(one.kind), one.outcome ?? 'open', said(one.reason ?? one.rule),
    words(one.votes.map(({ actor, choice }) => `${actor}: ${choice}`)), code(one.digest),
  ]);
  return markup`${asked}<h3>Approvals</h3>${voted.length === 0 ? markup`<p>${unknown}</p>` : dataTable('Approvals', texts('Approval', 'Of', 'Outcome', 'Why', 'Votes', 'Digest'), voted)}${sourceOf(approvals.from)}`;
}

function productionPart({ windows, alarms, retrains }: ModelCard['production']): Markup {
  const { last } = windows;
  return markup`<h3>Windows of the version</h3>${factList([
    ['Assessed', markup`${countText(windows.pass + windows.fail + windows.inconclusive)}: ${windows.pass} pass, ${windows.fail} fail, ${windows.inconclusive} inconclusive`],
    ['The last', last ? markup`${badge(last.verdict)} <a href="${last.link}">${timeOf(last.from)} to ${timeOf(last.until)}</a>, assessed ${timeOf(last.assessedAt)}` : 'none was assessed yet'],
    ...(last && last.findings.length > 0 ? [['Findings', list(last.findings)] as const] : []),
  ])}${sourceOf(windows.from)}
<h3>Open alarms</h3>${alarms.open.length === 0 ? markup`<p>None is open.</p>` : dataTable('Open alarms', texts('Raised', 'Severity', 'Kind', 'What is wrong'), alarms.open.map((one) =>
    [markup`<a href="${one.link}">${timeOf(one.raisedAt)}</a>`, one.severity, inWords(one.kind), sentence(one.summary)]))}${sourceOf(alarms.from)}
<h3>Last retrains</h3>${retrains.items.length === 0 ? markup`<p>There was none.</p>` : dataTable('Last retrains', texts('Retrain', 'Asked for', 'Because of', 'Outcome', 'Why'), retrains.items.map((one) =>
    [markup`<a href="${one.link}">${one.number}</a>`, timeOf(one.requestedAt), inWords(one.trigger), one.outcome ?? 'under way', said(one.reason)]))}${sourceOf(retrains.from)}`;
}

function caveatsPart({ features, minimumRows, labelHorizon, maxStaleness, from }: ModelCard['caveats']): Markup {
  const bound = (one: (typeof features)[number], side: 'min' | 'max'): string => (one.sensitive ? MASK : one[side] === null ? 'unbounded' : valueText(one[side]));
  return markup`<p>Numbers outside of their bounds were in no row that it learnt from or was judged on; a category that the spec does not list enters the model as missing.</p>
${dataTable('Inputs', [...texts('Input', 'Type'), ...figures('Least', 'Most', 'Categories', 'May be missing', 'May be unknown')], features.map((one) => [
    userText(one.name, NAME), one.type, ...(one.type === 'number' ? [bound(one, 'min'), bound(one, 'max'), NO_FIGURE] : [NO_FIGURE, NO_FIGURE, String(one.categories)]),
    `${valueText(100 * one.maxMissing)} %`, one.maxUnknown === null ? NO_FIGURE : `${valueText(100 * one.maxUnknown)} %`,
  ]))}
${factList([
    ['Fewest rows', markup`${countText(minimumRows.training)} to train, ${countText(minimumRows.evaluation)} to judge`], ['Labels are complete', markup`${labelHorizon} after their prediction`],
    ['Data may be stale', markup`${maxStaleness} at a retrain`],
  ])}${sourceOf(from)}`;
}
