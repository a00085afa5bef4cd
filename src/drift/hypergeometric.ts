import { stirlingRemainder } from '../evaluation/distributions.js';

/** Rows drawn without putting any back: `drawn` of `rows`, of which `marked` are of a kind. */
export interface Draw {
  readonly rows: number;
  readonly marked: number;
  readonly drawn: number;
}

/** Terms below this part of the greatest one could not show in a sum. */
const NOUGHT = 1e-17;

/** P(Y = y) of the hypergeometric number Y of marked rows among those drawn, as a quotient of binomial probabilities (Loader 2000), so that large logarithms never meet. */
export function hypergeometricChance({ rows, marked, drawn }: Draw, y: number): number {
  if (y < Math.max(0, marked + drawn - rows) || y > Math.min(marked, drawn)) return 0;
  const share = drawn / rows;
  return Math.exp(logBinomial(marked, y, share) + logBinomial(rows - marked, drawn - y, share) - logBinomial(rows, drawn, share));
}

/** P(Y ≥ y): its terms from y upwards, each from the one before. */
export function hypergeometricTail(draw: Draw, y: number): number {
  const { rows, marked, drawn } = draw;
  const least = Math.max(0, marked + drawn - rows);
  if (y <= least) return 1;
  let [term, sum] = [hypergeometricChance(draw, y), 0];
  for (let at = y; term > NOUGHT * sum; at++) {
    sum += term;
    term *= ((marked - at) / (at + 1)) * ((drawn - at) / (rows - marked - drawn + at + 1));
  }
  return Math.min(1, sum);
}

/** Calls with every y that has a chance worth counting, the likeliest first, and with that chance. */
export function visitChances(draw: Draw, visit: (y: number, chance: number) => void): void {
  const { rows, marked, drawn } = draw;
  const likeliest = Math.min(marked, drawn, Math.floor(((marked + 1) * (drawn + 1)) / (rows + 2)));
  const highest = hypergeometricChance(draw, likeliest);
  let chance = highest;
  for (let y = likeliest; chance > NOUGHT * highest; y++) {
    visit(y, chance);
    chance *= ((marked - y) / (y + 1)) * ((drawn - y) / (rows - marked - drawn + y + 1));
  }
  chance = highest;
  for (let y = likeliest; y > 0; ) {
    chance *= (y / (marked - y + 1)) * ((rows - marked - drawn + y) / (drawn - y + 1));
    if (!(chance > NOUGHT * highest)) break;
    visit(--y, chance);
  }
}

function logBinomial(n: number, y: number, share: number): number {
  if (y === 0) return n * Math.log1p(-share);
  if (y === n) return n * Math.log(share);
  const others = n - y;
  const spread = Math.log(n / (2 * Math.PI * y * others)) / 2;
  return spread + stirlingRemainder(n) - stirlingRemainder(y) - stirlingRemainder(others) - away(y, n * share) - away(others, n * (1 - share));
}

/** x ln(x/m) + m − x. */
function away(x: number, mean: number): number {
  const difference = (x - mean) / mean;
  return mean * ((1 + difference) * Math.log1p(difference) - difference);
}
