import { plain, styled, type Terminal } from './terminal.js';

/** Longer lines are hard to read, and to paste into a report. */
const WIDEST = 110;
const GAP = '  ';

/** Sentences in lines that fit the terminal; nothing is left out. */
export const paragraph = (terminal: Terminal, ...sentences: readonly (string | null)[]): string =>
  lines(plain(sentences.filter((one) => one !== null).join(' ')), width(terminal)).map((line) => `${line}\n`).join('');

export const heading = (terminal: Terminal, text: string): string => `${styled(terminal, 'bold', text)}\n`;

/** Names and what belongs to them, whole, on further lines where one is too short. */
export function glossary(terminal: Terminal, pairs: readonly (readonly [string, string | null])[]): string {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== null);
  const indent = Math.max(...shown.map(([name]) => name.length)) + GAP.length;
  return shown.map(([name, value]) => {
    const [first = '', ...rest] = lines(plain(value), Math.max(20, width(terminal) - indent));
    return [`${styled(terminal, 'dim', name.padEnd(indent))}${first}`, ...rest.map((line) => `${' '.repeat(indent)}${line}`)].map((line) => `${line}\n`).join('');
  }).join('');
}

/** Words of the record, ended as a sentence is. */
export const sentence = (text: string): string => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`);

const width = (terminal: Terminal): number => Math.min(terminal.columns, WIDEST);

/** A word that is longer than a line has one of its own. */
function lines(text: string, most: number): string[] {
  const made: string[] = [];
  for (const word of text.split(' ').filter((part) => part !== '')) {
    const last = made.at(-1);
    if (last !== undefined && [...last].length + 1 + [...word].length <= most) made[made.length - 1] = `${last} ${word}`;
    else made.push(word);
  }
  return made;
}
