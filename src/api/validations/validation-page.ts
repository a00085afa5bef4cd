import type { FeatureResponse, ValidationCheck, ValidationCheckName, ValidationReport } from '../../contracts/validations.js';
import type { Estimate, Verdict } from '../../contracts/verdict.js';
import type { FairnessFigures } from '../../contracts/window-assessment-report.js';
import { ASSESSMENT_STYLE } from '../windows/assessment-page/assessment-style.js';
import { dataTable, factList, figures, texts } from '../windows/assessment-page/data-table.js';
import { fairnessPart } from '../windows/assessment-page/fairness-part.js';
import { badge, estimateCell, inWords, metricName, NAME, sentence, timeOf } from '../windows/assessment-page/words.js';
import { countText, figure } from '../windows/page/figures.js';
import { htmlPage } from '../windows/page/html-page.js';
import { type Markup, markup, NOTHING, userText } from '../windows/page/markup.js';
import { PAGE_STYLE } from '../windows/page/page-style.js';
import type { ValidationAnswer } from './validations.dto.js';

/** Rows of one table; all stand in the JSON. */
const SHOWN_ROWS = 200;

/**
 * A validation report as one HTML page that needs nothing else, with the decision where there is one.
 * @returns an HTML document, the same for the same report and decision
 */
export function validationPage(report: ValidationReport, standing: ValidationAnswer): string {
  const { model, version } = report;
  return htmlPage(`Validation of ${model}, version ${version}`, PAGE_STYLE + ASSESSMENT_STYLE, markup`<h1>Validation of ${userText(model, NAME)}, version ${version}</h1>
<p class="verdict">${badge(report.verdict)} ${report.decidedBy}</p>
${about(report, standing)}
${decided(standing)}
<h2>Checks</h2>
${dataTable('Checks', texts('Check', 'Verdict', 'In words'), report.checks.map(({ name, verdict, explanation }) => [inWords(name), badge(verdict), sentence(explanation)]))}
${report.checks.map(measured)}
${questions(report, standing)}`);
}

function about({ purpose, owner, tier, retrain, requestedBy, openedAt, artifact, snapshot, spec, trainer }: ValidationReport, { reportDigest }: ValidationAnswer): Markup {
  return factList([
    ['Purpose', userText(purpose, 2_000)],
    ['Owner', userText(owner, NAME)],
    ['Tier', tier],
    ['Made by', markup`retrain ${retrain}, which ${userText(requestedBy, NAME)} asked for`],
    ['Opened', timeOf(openedAt)],
    ['Model file', digest(artifact)],
    ['Snapshot', digest(snapshot)],
    ['Spec', digest(spec)],
    ['Trainer', markup`${userText(trainer.name, NAME)}, seed ${trainer.seed}, code ${digest(trainer.code)}`],
    ['Requirements', trainer.requirements === null ? '–' : digest(trainer.requirements)],
    ['This report', reportDigest === null ? '–' : digest(reportDigest)],
  ]);
}

const digest = (text: string): Markup => markup`<code>${text}</code>`;

function decided({ decision, approval, outcome, reason, endedAt, expiresAt }: ValidationAnswer): Markup {
  const facts: (readonly [string, Markup | string])[] = decision
    ? [
      ['Decision', decision.choice], ['By', userText(decision.actor, NAME)], ['At', timeOf(decision.at)], ['Why', userText(decision.reason, 2_000)],
      ...(decision.findings.length > 0 ? [['Findings', decision.findings.join(', ')] as const] : []), ...(approval === null ? [] : [['Approval', String(approval)] as const]),
    ]
    : [['Decision', markup`none yet; open until ${timeOf(expiresAt)}`]];
  const end: (readonly [string, Markup | string])[] = outcome === null || endedAt === null ? [] : [['Outcome', markup`${outcome}, ${timeOf(endedAt)}: ${sentence(reason ?? '')}`]];
  return markup`<h2>Decision</h2>
${factList([...facts, ...end])}`;
}

/** What is worth a table of its own. */
const PARTS: Readonly<Partial<Record<ValidationCheckName, (figures: Readonly<Record<string, unknown>>) => Markup>>> = {
  provenance: ({ traced }) => rowsOf('Digests', texts('What', 'Digest', 'In the store'), traced, ({ what, digest: of, stored }: { what: string; digest: string | null; stored: string }) => [userText(what, 80), of === null ? '–' : digest(of), inWords(stored)]),
  dependencies: ({ packages }) => rowsOf('Packages', texts('Package', 'Version', 'Hash'), packages, ({ name, version, hashed }: { name: string; version: string | null; hashed: boolean }) => [userText(name, NAME), version ?? 'any', hashed ? 'yes' : 'no']),
  documents: ({ needed }) => rowsOf('Documents', texts('What', 'Where'), needed, ({ what, found }: { what: string; found: string | null }) => [what, found === null ? 'missing' : userText(found, 100)]),
  slices: ({ slices }) => rowsOf('Slices', [...texts('Slice'), ...figures('Rows', 'Value'), ...texts('Metric', 'Verdict', 'Against all rows')], slices, sliceRow),
  fairness: (measured) => ('groupings' in measured ? fairnessPart(measured as unknown as FairnessFigures) : NOTHING),
  sensitivity: ({ responses }) => rowsOf('Responses', [...texts('Feature', 'Moved'), ...figures('Step', 'Output, mean', 'Output, most'), ...texts('Metrics moved')], responses, responseRow),
};

function measured({ name, verdict, figures: found }: ValidationCheck): Markup {
  const part = PARTS[name];
  if (!part || verdict === 'error') return NOTHING;
  const shown = part(found);
  return shown === NOTHING ? NOTHING : markup`<h2>${inWords(name).replace(/^./, (letter) => letter.toUpperCase())}</h2>
${shown}`;
}

interface SliceFigures {
  readonly slice: string;
  readonly rows: number;
  readonly metric: string;
  readonly measured: Estimate | null;
  readonly verdict: Verdict;
  readonly surelyWorse: boolean;
}

const sliceRow = ({ slice, rows, metric, measured: value, verdict, surelyWorse }: SliceFigures): (Markup | string)[] =>
  [userText(slice, NAME), countText(rows), estimateCell(value), metricName(metric), badge(verdict), surelyWorse ? 'surely worse' : 'not surely worse'];

const responseRow = ({ feature, move, step, outputMoved, outputMovedMost, metricsMoved }: FeatureResponse): (Markup | string)[] => [
  userText(feature, NAME), move, figure(step), figure(outputMoved), figure(outputMovedMost),
  Object.entries(metricsMoved).map(([metric, value]) => `${metricName(metric)} ${figure(value)}`).join(', '),
];

function rowsOf<T>(name: string, columns: Parameters<typeof dataTable>[1], rows: unknown, cells: (row: T) => (Markup | string)[]): Markup {
  if (!Array.isArray(rows) || rows.length === 0) return NOTHING;
  const left = rows.length - SHOWN_ROWS;
  return markup`${dataTable(name, columns, (rows as T[]).slice(0, SHOWN_ROWS).map(cells))}${left > 0 ? markup`<p class="note">${countText(left)} more stand in the JSON.</p>` : NOTHING}`;
}

function questions({ questions: asked }: ValidationReport, { decision }: ValidationAnswer): Markup {
  const all = Object.entries(asked);
  if (all.length === 0) return NOTHING;
  return markup`<h2>Conceptual soundness</h2>
<dl class="notes">${all.map(([key, question]) => markup`<dt>${question}</dt><dd>${userText(decision?.answers[key] ?? 'not answered', 4_000)}</dd>`)}</dl>`;
}
