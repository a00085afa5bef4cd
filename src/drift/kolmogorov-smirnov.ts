import { kolmogorovTail } from './kolmogorov-distribution.js';

/** Up to this many rows in the larger sample the p-value is exact, as in SciPy. */
const LARGEST_EXACT = 10_000;
/** A certain exit in the lattice. With room above 1, what is a p-value of 1e-308 in the end is far from underflow on the way. */
const CERTAIN = 2 ** 1000;
/** Below it (1e-340 of certain) a cell counts as nought: it could not show in the result, and subnormal numbers are slow. */
const NOUGHT = 2 ** -130;

/**
 * The two-sample Kolmogorov–Smirnov statistic: the largest |F(x) − G(x)| of the two empirical distribution functions, from 0 to 1. Ties are one step;
 * −Infinity and Infinity are values like others.
 * @param reference ascending, without NaN, at least one row; so is `current`
 * @throws RangeError where a sample is empty or ends in NaN, where sorting puts it
 */
export function kolmogorovSmirnovStatistic(reference: Float64Array, current: Float64Array): number {
  const [n, m] = [reference.length, current.length];
  if (n === 0 || m === 0) throw new RangeError('the Kolmogorov–Smirnov statistic needs rows in both samples');
  if (Number.isNaN(reference[n - 1]) || Number.isNaN(current[m - 1])) throw new RangeError('the Kolmogorov–Smirnov statistic is not defined for NaN');
  let [i, j, largest] = [0, 0, 0];
  // Once a sample is used up the distance only falls.
  while (i < n && j < m) {
    const value = Math.min(reference[i]!, current[j]!);
    while (i < n && reference[i]! <= value) i += 1;
    while (j < m && current[j]! <= value) j += 1;
    largest = Math.max(largest, Math.abs(i / n - j / m));
  }
  return largest;
}

/**
 * P(D ≥ statistic) of the two-sided two-sample Kolmogorov–Smirnov test. With at most 10,000 rows in each sample it is exact where no values tie, and
 * too large rather than too small where some do; otherwise it is the one-sample tail at nm/(n + m) rows (Smirnov 1939). A statistic of 0 gives 1.
 * @param statistic from 0 to 1; for the exact p-value it is rounded to the nearest that n and m rows can have
 * @param n rows of one sample, a whole number of at least 1; `m` of the other
 * @throws RangeError for other arguments
 */
export function kolmogorovSmirnovPValue(statistic: number, n: number, m: number): number {
  if (!(statistic >= 0 && statistic <= 1)) throw new RangeError(`a Kolmogorov–Smirnov statistic cannot be ${statistic}`);
  if (!(Number.isInteger(n) && Number.isInteger(m) && n >= 1 && m >= 1)) throw new RangeError(`samples of ${n} and ${m} rows cannot be compared`);
  if (Math.max(n, m) > LARGEST_EXACT) return kolmogorovTail(statistic, roundHalfToEven((n * m) / (n + m)));
  const divisor = greatestCommonDivisor(n, m);
  const distance = roundHalfToEven(statistic * (n / divisor) * m);
  return distance === 0 ? 1 : exitProbability(n, m, divisor, distance);
}

/**
 * The share of lattice paths from (0, 0) to (n, m) that touch |i·m − j·n| ≥ distance · divisor on their way (Hodges 1958, "The Significance Probability
 * of the Smirnov Two-Sample Test"). By diagonals i + j = s of Viehmann 2021, "Numerically more stable computation of the p-values for the two-sample
 * Kolmogorov-Smirnov test": of the paths to (i, j) inside the band, i/s come from (i − 1, j) and j/s from (i, j − 1); outside, all have left. Every
 * term is positive, so that a small share keeps its digits.
 */
function exitProbability(n: number, m: number, divisor: number, distance: number): number {
  const rise = m / divisor;
  const width = rise + n / divisor;
  // Cell j of a diagonal lies at j + 1: what is before j = 0 has no weight, but must be a number.
  const cells = new Float64Array(m + 2).fill(CERTAIN);
  cells[1] = 0;
  let [first, lower, upper] = [0, -1, 1];
  for (let s = 1; s <= n + m; s++) {
    const low = Math.max(0, s - n, Math.floor((s * rise - distance) / width) + 1);
    const high = Math.min(m, s, Math.ceil((s * rise + distance) / width) - 1);
    // Only up to `lower` and from `upper` on were cells above nought, and weight moves by one cell at most: the middle of a wide band costs nothing.
    lower = Math.max(low - 1, Math.min(high, lower + 1));
    advance(cells, s, Math.max(low, upper, lower + 1), high);
    advance(cells, s, low, lower);
    while (lower >= low && cells[lower + 1] === 0) lower -= 1;
    while (upper <= high && cells[upper + 1] === 0) upper += 1;
    for (; first < low; first++) cells[first + 1] = CERTAIN;
  }
  return Math.min(1, cells[m + 1]! / CERTAIN);
}

/** Takes the cells `low` to `high` from diagonal s − 1 to s, in place. */
function advance(cells: Float64Array, s: number, low: number, high: number): void {
  const share = 1 / s;
  for (let j = high; j >= low; j--) {
    const value = ((s - j) * cells[j + 1]! + j * cells[j]!) * share;
    cells[j + 1] = value < NOUGHT ? 0 : value;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  if (x - below === 0.5) return below + (below % 2);
  return Math.round(x);
}
