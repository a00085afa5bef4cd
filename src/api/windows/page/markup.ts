/** HTML or SVG in which every text from elsewhere is escaped. Only {@link markup} makes it. */
export interface Markup {
  readonly markup: string;
}

/** What may stand in a template: texts and numbers are escaped, markup is taken as it is. */
export type MarkupPart = string | number | Markup | readonly Markup[];

/** Characters of a user's text in an attribute, at most: a column of free text must not fill the page. */
export const LONGEST_TITLE = 200;

/**
 * A template whose parts are escaped unless they are markup, for text and for attributes in double quotes.
 * Source: the named characters of HTML Living Standard 13.1.2 that end a text or an attribute's value.
 */
export function markup(texts: TemplateStringsArray, ...parts: readonly MarkupPart[]): Markup {
  let whole = texts[0] ?? '';
  parts.forEach((part, index) => {
    whole += written(part) + (texts[index + 1] ?? '');
  });
  return { markup: whole };
}

export const NOTHING: Markup = markup``;

function written(part: MarkupPart): string {
  if (typeof part === 'string') return escaped(part);
  if (typeof part === 'number') return String(part);
  return 'markup' in part ? part.markup : part.map((one) => one.markup).join('');
}

/** Controls and halves of surrogate pairs may not stand in HTML; the replacement character shows that something was there. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/gu;
const REFERENCES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' };

const escaped = (text: string): string => text.replace(UNPRINTABLE, '\uFFFD').replace(/[&<>"']/g, (character) => REFERENCES[character] ?? '');

/** @param most code points, the ellipsis included @returns the text, or its beginning with an ellipsis */
export function shortened(text: string, most: number): string {
  // A code point has at most two units: what comes after these cannot show.
  const points = [...text.slice(0, 2 * (most + 1))];
  return points.length <= most ? text : `${points.slice(0, most - 1).join('')}…`;
}

/**
 * A user's text in the page: isolated, so that its direction leaves the rest alone. One that is cut has its whole (up to
 * {@link LONGEST_TITLE}) as its title; an empty one is named so, and one that begins or ends with a space stands in quotes.
 */
export function userText(text: string, most: number): Markup {
  const short = shortened(text, most);
  if (text === '') return markup`<i>empty</i>`;
  if (short !== text) return markup`<bdi title="${shortened(text, LONGEST_TITLE)}">${short}</bdi>`;
  return markup`<bdi>${text.trim() === text ? text : `“${text}”`}</bdi>`;
}
