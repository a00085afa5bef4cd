import { htmlPage } from '../page/html-page.js';
import { type Markup, markup, NOTHING } from '../page/markup.js';
import { PAGE_STYLE } from '../page/page-style.js';
import { driftPart } from '../drift-page/drift-page.js';
import { DRIFT_STYLE } from '../drift-page/drift-style.js';
import type { AssessmentFacts } from './assessment-facts.js';
import { ASSESSMENT_STYLE } from './assessment-style.js';
import { attributionPart } from './attribution-part.js';
import { decisionPart } from './decision-part.js';
import { fairnessPart } from './fairness-part.js';
import { estimatedHarmPart } from './estimated-harm-part.js';
import { harmPart } from './harm-part.js';
import { operationsPart } from './operations-part.js';
import { outcomePart } from './outcome-part.js';
import { outputsPart } from './outputs-part.js';
import { pageHead } from './page-head.js';
import { qualityPart } from './quality-part.js';
import { trendsPart } from './trends-part.js';
import { shortTime } from './words.js';

/** Features whose distributions are drawn; the page of drift draws more. */
const DRAWN_INPUTS = 30;

/**
 * What a window comes to as one HTML page that needs nothing else: the verdict and what it rests on, quality, the windows before it, the
 * evidence of harm, what a rise of losses goes with, inputs beside the baseline, outputs, the business outcome, fairness, how it was served, and the decision over retraining. Texts of the facts
 * are escaped, long ones shortened; a figure that is not defined is a dash.
 * @returns an HTML document, the same for the same facts
 */
export function assessmentPage(facts: AssessmentFacts): string {
  const { assessment: { model, deployment, fromEvent, verdict }, report, drift } = facts;
  return htmlPage(`Window of ${model}, ${deployment}, ${shortTime(fromEvent)}: ${verdict}`, PAGE_STYLE + ASSESSMENT_STYLE + DRIFT_STYLE, markup`${pageHead(facts)}
${part('quality', 'Quality', qualityPart(facts))}
${part('trends', 'Last windows', trendsPart(facts))}
${part('harm', 'Evidence of harm', harmPart(facts))}
${report?.estimatedHarm ? part('estimated-harm', 'Harm before labels', estimatedHarmPart(report.estimatedHarm)) : NOTHING}
${report?.attribution ? part('attribution', 'What the rise goes with', attributionPart(report.attribution)) : NOTHING}
${drift ? part('inputs', 'Inputs', driftPart(drift, DRAWN_INPUTS)) : NOTHING}
${part('outputs', 'Outputs', outputsPart(facts))}
${report?.outcome ? part('outcome', 'Business outcome', outcomePart(report.outcome)) : NOTHING}
${report?.fairness ? part('fairness', 'Fairness', fairnessPart(report.fairness)) : NOTHING}
${report?.operations ? part('operations', 'Operations', operationsPart(report.operations, facts.windows)) : NOTHING}
${part('decision', 'Decision over retraining', decisionPart(facts))}`);
}

const part = (name: string, title: string, content: Markup): Markup => markup`<section aria-labelledby="part-${name}"><h2 id="part-${name}">${title}</h2>
${content}</section>`;
