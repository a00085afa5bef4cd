import type { EstimatedHarmFigures } from '../../../contracts/window-assessment-report.js';
import { countText, figure, valueText } from '../page/figures.js';
import { type Markup, markup } from '../page/markup.js';
import { dataTable, factList, figures, texts } from './data-table.js';
import { sentence, timeOf } from './words.js';

/** The evidence of harm by estimated errors: where it stands after the window, and block by block within it. */
export function estimatedHarmPart({ evidence, threshold, because }: EstimatedHarmFigures): Markup {
  if (!evidence || !threshold) return markup`<p>No evidence for or against. ${sentence(because ?? '')}</p>`;
  const { standing: { rows, missing, mean, lower, limit, evidence: found, threshold: needed, alarm }, allowance, course } = evidence;
  const told = alarm ? markup`<strong class="alert">found</strong> ${timeOf(alarm.atMs)}, by ${alarm.by === 'change' ? 'evidence of a change' : 'the running mean'}; since ${timeOf(alarm.sinceMs)}` : 'not found';
  const blocks = course.map((point) => [timeOf(point.from), countText(point.rows), figure(point.mean), figure(point.lower), figure(point.evidence)]);
  return markup`${factList([
    ['Harm', told], ['Share of rows with a high estimated error', `${figure(mean)} of ${countText(rows)} rows; ${countText(missing)} without an estimate`],
    ['At least', `${figure(lower)}; harm begins above ${valueText(limit)}`], ['Evidence of a change', `${figure(found)} of ${valueText(needed)}`], ['False alarms a year', valueText(allowance)],
    ['High is', `an estimate above ${valueText(threshold.estimate)}: on the baseline ${figure(threshold.precision)} of such rows had an error above ${valueText(threshold.error)}`],
  ])}
${dataTable('Blocks', [...texts('From'), ...figures('Rows', 'Share', 'At least', 'Evidence')], blocks)}
<p class="note">Estimated errors see a change of inputs, and not a change of what follows from the same inputs. Labels decide when they come.</p>`;
}
