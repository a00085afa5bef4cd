const VOID = new Set(['meta', 'br', 'link', 'hr', 'col', '!doctype']);

/** The tags that are still open at the end, or were closed out of turn. */
export function unbalanced(html: string): string[] {
  const open: string[] = [];
  for (const [, closing, name, rest] of html.matchAll(/<(\/?)([a-zA-Z!][\w-]*)((?:[^>"]|"[^"]*")*)>/g)) {
    const tag = name!.toLowerCase();
    if (VOID.has(tag) || rest!.endsWith('/')) continue;
    if (closing === '') open.push(tag);
    else if (open.pop() !== tag) return [...open, `/${tag}`];
  }
  return open;
}
