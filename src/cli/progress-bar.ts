const FULL = '█';
const EMPTY = '░';

/** How much is done, as a bar of `width` characters with the figures behind it. */
export function progressBar(done: number, total: number, width: number): string {
  const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
  const filled = Math.round(share * width);
  return `${FULL.repeat(filled)}${EMPTY.repeat(width - filled)} ${String(Math.floor(share * 100)).padStart(3)}%  ${done}/${total}`;
}
