import { type Markup, markup } from '../page/markup.js';

export interface Column {
  readonly title: string;
  readonly kind: 'text' | 'figure';
}

export const texts = (...titles: readonly string[]): Column[] => titles.map((title) => ({ title, kind: 'text' }));
export const figures = (...titles: readonly string[]): Column[] => titles.map((title) => ({ title, kind: 'figure' }));

/** A table that scrolls by itself where the screen is too narrow; the first cell of a row names it. @param name for who cannot see it */
export function dataTable(name: string, columns: readonly Column[], rows: readonly (readonly (Markup | string)[])[]): Markup {
  const head = columns.map(({ title, kind }) => markup`<th scope="col" class="${kind}">${title}</th>`);
  const body = rows.map((cells) => markup`<tr>${cells.map((cell, place) =>
    place === 0 ? markup`<th scope="row">${cell}</th>` : markup`<td class="${columns[place]?.kind ?? 'text'}">${cell}</td>`)}</tr>\n`);
  return markup`<div class="wide" role="region" aria-label="${name}" tabindex="0"><table aria-label="${name}">
<thead><tr>${head}</tr></thead>
<tbody>${body}</tbody>
</table></div>`;
}

export const factList = (facts: readonly (readonly [string, Markup | string])[]): Markup =>
  markup`<dl class="facts">${facts.map(([name, fact]) => markup`<dt>${name}</dt><dd>${fact}</dd>`)}</dl>`;
