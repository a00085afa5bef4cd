import type { ColumnCounts, FeatureDrift } from '../../../contracts/feature-drift.js';
import { countText, digitsWithin, valueText } from './figures.js';
import { type Markup, markup } from './markup.js';

const FACTS = ['mean', 'median', 'least', 'greatest'] as const;

/** Of a number's values on both sides. A fact a line: numbers of many digits stay within the plot's width. */
export function valuesTable({ baseline, window }: Pick<FeatureDrift, 'baseline' | 'window'>): Markup {
  const finite = [baseline, window].flatMap(({ least, greatest }) => (least === null || greatest === null ? [] : [least, greatest]));
  const digits = finite.length > 0 ? digitsWithin(Math.min(...finite), Math.max(...finite)) : undefined;
  const line = (title: string, text: (counts: ColumnCounts) => string): Markup =>
    markup`<tr><th scope="row">${title}</th><td>${text(baseline)}</td><td>${text(window)}</td></tr>`;
  const lines = [...FACTS.map((fact) => line(fact, (counts) => valueText(counts[fact], digits))), line('infinite', ({ infinite }) => countText(infinite))];
  return markup`<table class="values"><thead><tr><td></td><th scope="col">baseline</th><th scope="col">window</th></tr></thead><tbody>${lines}</tbody></table>`;
}
