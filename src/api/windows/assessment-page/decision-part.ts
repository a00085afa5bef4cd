import { countText } from '../page/figures.js';
import { type Markup, markup, NOTHING, userText } from '../page/markup.js';
import type { AssessmentFacts, DecisionFacts } from './assessment-facts.js';
import { dataTable, factList, texts } from './data-table.js';
import { inWords, NAME, sentence, timeOf } from './words.js';

const OUTCOMES = { quarantine: 'Quarantine: the window is kept from training and from being judged', wait: 'Wait', retrain: 'Retrain' } as const;
const VERDICTS = { pass: '✓ pass', hold: '✕ holds', overridden: '! overridden' } as const;
const POLICIES = [
  ['calendar', 'Calendar', 'retrains at the first window that ends in a new month'],
  ['cusum', 'CUSUM', "retrains where Page's sum of the mean losses exceeds its threshold"],
  ['psi', 'PSI', 'retrains where the PSI of a feature newly exceeds 0.2'],
] as const;

/** What was decided over retraining after this assessment, and what simpler policies would have done. */
export function decisionPart({ decision, assessment: { occasion } }: AssessmentFacts): Markup {
  if (!decision) return markup`<p>Nothing was decided after this assessment.</p>`;
  const { outcome, reason, trigger, because, commandId, decidedAt } = decision.record;
  return markup`${factList([
    ['Outcome', markup`<strong>${OUTCOMES[outcome]}</strong>${reason === null ? NOTHING : markup`, held by: ${inWords(reason)}`}`],
    ['Trigger', trigger === null ? 'none' : inWords(trigger)],
    ['Because', sentence(because)],
    ['Decided', markup`${timeOf(decidedAt)} UTC`],
    ...(commandId === null ? [] : [['Command', markup`<code>${commandId}</code>`] as const]),
  ])}
${rules(decision)}
<h3>What simpler policies would have done</h3>
${occasion === 'matured' ? policies(decision) : markup`<p>They are asked once a window, when its labels are first counted: not after this assessment.</p>`}`;
}

function rules({ detail, record }: DecisionFacts): Markup {
  if (!detail) return markup`<p>Its rules cannot be shown: <code>${record.decisionDigest}</code> is not in the artifact store.</p>`;
  const rows = detail.rules.map(({ rule, verdict, because }, place) => [markup`${countText(place + 1)}. ${userText(inWords(rule), NAME)}`,
    markup`<span class="rule ${verdict}">${VERDICTS[verdict]}</span>`, sentence(because)]);
  return markup`<h3>Rules, in their order; the first that holds decides</h3>
${dataTable('Rules', texts('Rule', 'Verdict', 'Because'), rows)}`;
}

const policies = ({ record: { counterfactual } }: DecisionFacts): Markup =>
  dataTable('Simpler policies', texts('Policy', 'Would have retrained', 'How it decides'),
    POLICIES.map(([policy, name, how]) => [name, counterfactual.retrained.includes(policy) ? markup`<strong>yes</strong>` : 'no', how]));
