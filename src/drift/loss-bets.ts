import type { BlocksLimit } from './baseline-limit.js';

/**
 * Factors of evidence that losses lie above a limit u. Each is at most 1 in expectation, given all before, as long as the
 * conditional mean loss is at most u: a bet at fair odds or worse. They are made at several rates at once, and the caller
 * averages over the rates, because the best one depends on how great the harm is.
 */

/** Of u: the stake of each bet. The greatest serves a doubled loss, the least a slightly raised share of rare, large losses. */
const STAKES = Float64Array.from({ length: 10 }, (_, k) => 2 ** -(k + 1));
/** Per standard deviation of a block. */
const BLOCK_RATES = Float64Array.from({ length: 6 }, (_, k) => 2 ** (1 - k));

export const rateCount = (dependence: 'rows' | 'blocks'): number => (dependence === 'rows' ? STAKES : BLOCK_RATES).length;

/**
 * ln Π (1 + λ (x_i − u)) over rows with losses x_i ≥ 0, for λ = stake/u: Waudby-Smith & Ramdas, "Estimating means of bounded
 * random variables by betting" (JRSS-B 2024), with constant stakes. Not asymptotic, for independent rows of any distribution.
 * @param losses without NaN
 * @param limit u > 0
 */
export function rowBets(losses: Float64Array, limit: number): Float64Array {
  return STAKES.map((stake) => {
    const [kept, rate] = [1 - stake, stake / limit];
    let [log, product] = [0, 1];
    for (const loss of losses) {
      product *= kept + rate * loss;
      // One logarithm for many rows: only before the product leaves the range of doubles.
      if (product > 1e100 || product < 1e-100) {
        log += Math.log(product);
        product = 1;
      }
    }
    return log + Math.log(product);
  });
}

/**
 * ln of g(λ y)/(1 + λ² σ²/2) for one block of weighted excess y = c (Y − u), c as in `limitOfBlocks` and σ its
 * `blockDeviation`: g(x) = 1 + x + x²/2 from x = −1 on and 1/2 below, an influence function of Catoni's kind, as in Wang &
 * Ramdas, "Catoni-style confidence sequences for heavy-tailed mean estimation" (2023). Since g grows with x and is at most
 * 1 + x + x²/2, its expectation is at most 1 + λ² σ²/2 for every distribution whose mean is at most 0 and whose variance is
 * at most σ². Nothing is asymptotic but σ and u, which come from the baseline's blocks.
 * @param rows of the block, > 0
 */
export function blockBets(mean: number, rows: number, limit: number, { blockRows, blockDeviation }: BlocksLimit): Float64Array {
  const excess = (Math.min(1, rows / blockRows) * (mean - limit)) / blockDeviation;
  return BLOCK_RATES.map((rate) => {
    const x = Math.max(-1, rate * excess);
    return Math.log1p(x * (1 + x / 2)) - Math.log1p((rate * rate) / 2);
  });
}
