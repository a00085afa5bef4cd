import type { AttributionBin, AttributionFigures, FeatureAttribution } from '../../../contracts/window-assessment-report.js';
import { countText, figure, NO_FIGURE, percentOf, pValueText, valueText } from '../page/figures.js';
import { type Markup, markup, NOTHING, userText } from '../page/markup.js';
import { dataTable, figures, texts } from './data-table.js';
import { estimateCell, NAME } from './words.js';

/** Features in the page, the first ones. */
const SHOWN_FEATURES = 50;
/** Features that the sentence on top names. */
const NAMED = 3;

/** Which features the rise of the mean loss goes with, and whether inputs moved or the model got worse. */
export function attributionPart(attribution: AttributionFigures): Markup {
  const { features, rows, baselineRows, alpha } = attribution;
  const shown = features.slice(0, SHOWN_FEATURES);
  const cut = features.length > shown.length ? markup`<p class="note">The first ${SHOWN_FEATURES} of ${countText(features.length)} features; all stand in the JSON.</p>` : NOTHING;
  return markup`<p>${inShort(attribution)}</p>
${dataTable('Features', FEATURE_COLUMNS, shown.map(featureRow))}${cut}
<h3>Where it is worst</h3>
${dataTable('Bins', BIN_COLUMNS, shown.flatMap(({ name, bins }) => bins.map((bin) => binRow(name, bin))))}
<p class="note">Of ${countText(rows)} rows with a loss and inputs, against ${countText(baselineRows)} of the baseline. For each feature the rise is the sum of
two parts. Shift: inputs moved to where losses are higher. Change: losses rose at the same inputs. The p-values ask whether shift is not 0, and whether losses
rose by unlike amounts in the feature's bins; small is what stands below ${valueText(alpha)} after Holm's adjustment for all of them. A feature may go with the
rise because it goes with another one that does. “Worst” are the bins that have most of the rise beyond their share of rows.</p>`;
}

function inShort({ rise, explaining, features }: AttributionFigures): Markup {
  if (rise <= 0) return markup`The mean loss is not above the baseline's: there is no rise to explain.`;
  if (features.every(({ unevenness, shiftTest }) => unevenness === null && shiftTest === null)) {
    return markup`The mean loss has risen by ${figure(rise)}. These rows, or those of the baseline, are too few to tell which features it goes with.`;
  }
  if (explaining.length === 0) return markup`No feature explains the rise of ${figure(rise)}: as far as these rows tell, it is even.`;
  const [worse, moved] = (['change', 'shift'] as const).map((kind) => features.filter(({ explains }) => explains.includes(kind))) as [FeatureAttribution[], FeatureAttribution[]];
  return markup`The mean loss has risen by ${figure(rise)}. ${worseBy(worse)}${movedIn(moved)}`;
}

function worseBy(found: readonly FeatureAttribution[]): Markup {
  const [first] = found;
  return first ? markup`<strong>At the same inputs the model has got worse, unevenly by ${namesOf(found)}</strong>${worstOf(first)}. ` : NOTHING;
}

/** The bin that comes first, where both sides have it. */
function worstOf({ name, bins: [bin] }: FeatureAttribution): Markup {
  if (!bin || bin.baselineMeanLoss === null) return NOTHING;
  return markup`, most where ${userText(name, NAME)} is ${binName(bin)}: ${figure(bin.baselineMeanLoss)} on the baseline and ${figure(bin.meanLoss)} now`;
}

function movedIn(found: readonly FeatureAttribution[]): Markup {
  const [first] = found;
  if (!first) return NOTHING;
  return markup`<strong>Inputs moved to where losses are higher in ${namesOf(found)}</strong>: ${figure(first.shift.value)} of the rise by ${userText(first.name, NAME)}. `;
}

function namesOf(found: readonly FeatureAttribution[]): Markup {
  const names = found.slice(0, NAMED).map(({ name }, place) => markup`${place > 0 ? ', ' : ''}${userText(name, NAME)}`);
  return markup`${names}${found.length > NAMED ? markup` and ${countText(found.length - NAMED)} more` : NOTHING}`;
}

const FEATURE_COLUMNS = [...texts('Feature', 'Explains'), ...figures('Shift', 'p-value', 'Change', 'p-value', 'Beyond the even rise'), ...texts('Most in')];

const featureRow = ({ name, explains, shift, shiftTest, change, unevenness, concentrated, bins: [first] }: FeatureAttribution): (Markup | string)[] => [
  userText(name, NAME), explains.length === 0 ? 'not surely' : markup`<strong>${explains.join(' and ')}</strong>`,
  estimateCell(shift), pValueCell(shiftTest), figure(change), pValueCell(unevenness), figure(concentrated), first ? binName(first) : NO_FIGURE,
];

const pValueCell = (test: { readonly pValue: number; readonly adjustedPValue: number } | null): Markup =>
  test === null ? markup`${NO_FIGURE}` : markup`${pValueText(test.pValue)} <small>adjusted ${pValueText(test.adjustedPValue)}</small>`;

const BIN_COLUMNS = [...texts('Feature', 'Values'), ...figures('Rows', 'Share', 'on the baseline', 'Mean loss', 'on the baseline', 'Shift', 'Change')];

const binRow = (name: string, bin: AttributionBin): (Markup | string)[] => [
  userText(name, NAME), binName(bin), countText(bin.rows), percentOf(bin.share, 1), percentOf(bin.baselineShare, 1), figure(bin.meanLoss),
  figure(bin.baselineMeanLoss), figure(bin.shift), figure(bin.change),
];

function binName({ kind, from, until, category }: AttributionBin): Markup {
  if (kind === 'missing') return markup`<i>missing</i>`;
  if (kind === 'others') return markup`<i>another value</i>`;
  if (kind === 'category') return userText(category ?? '', NAME);
  if (from === null && until === null) return markup`any number`;
  if (from === null) return markup`below ${valueText(until)}`;
  return until === null ? markup`${valueText(from)} or more` : markup`${valueText(from)} to ${valueText(until)}`;
}
